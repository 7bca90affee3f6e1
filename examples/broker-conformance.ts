import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BROKER_TRANSCRIPTS, runTranscript, type SubjectFactory } from 'zeek-cluster/testing'

/** A fresh process for every transcript. It prints the port on which it listens. */
const program =
  (command: string, ...args: string[]): SubjectFactory =>
  ({ needs }) => {
    if (needs.length > 0) return undefined
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    return {
      subscriptions: ['/in'],
      listen: async () => {
        const [line] = await once(child.stdout, 'data')
        return { host: '127.0.0.1', port: Number(line) }
      },
      close: async () => {
        child.kill()
      },
    }
  }

/** One line for each transcript: passed, skipped with the reason, or what was expected and what came. */
export async function conformance(names: RegExp, command: string, ...args: string[]): Promise<string[]> {
  const lines: string[] = []
  for (const transcript of BROKER_TRANSCRIPTS.filter(({ name }) => names.test(name))) {
    const result = await runTranscript(transcript, { subject: program(command, ...args) })
    if (result.kind === 'failed') lines.push(`failed ${result.message}`)
    else
      lines.push(`${result.kind} ${transcript.name}${result.kind === 'skipped' ? `: ${result.reason}` : ''}`)
  }
  return lines
}
