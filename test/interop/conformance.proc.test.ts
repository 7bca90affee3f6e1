/**
 * The conformance suite against a real Zeek: what it says of Broker is true. Zeek is told nothing while it runs, so it
 * takes the transcripts in which it listens, or connects, and subscribes one prefix.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, describe, expect, test } from 'vitest'
import { BROKER_TRANSCRIPTS, runTranscript, type SubjectFactory } from '../../src/testing/index.js'
import { temporaryDirectory, write } from '../process/support.js'
import { isUsable, skipReason } from './real-zeek.js'

const directory = temporaryDirectory()
const children = new Set<ChildProcess>()

function startZeek(script: string): ChildProcess {
  const file = write(
    directory,
    'peer.zeek',
    `redef exit_only_after_terminate = T;
redef Broker::disable_ssl = T;
event zeek_init() { Broker::subscribe("/in"); ${script} flush_all(); }
`,
  )
  const child = spawn('zeek', ['--bare-mode', file], { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

const zeek: SubjectFactory = ({ needs }) => {
  if (needs.length > 0) return undefined
  let child: ChildProcess | undefined
  return {
    subscriptions: ['/in'],
    async listen() {
      child = startZeek('print port_to_count(Broker::listen("127.0.0.1", 0/tcp));')
      const [line] = await once(child.stdout!, 'data')
      return { host: '127.0.0.1', port: Number(line) }
    },
    dial({ host, port }, retryMs) {
      child = startZeek(`Broker::peer("${host}", ${port}/tcp, ${retryMs} msec);`)
    },
    async close() {
      child?.kill('SIGTERM')
    },
  }
}

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Zeek would have to be told to connect while it listens. */
function doesBoth({ steps }: (typeof BROKER_TRANSCRIPTS)[number]): boolean {
  return (
    steps.some((step) => step.kind === 'connect') &&
    steps.some((step) => step.kind === 'act' && step.action.kind === 'dial')
  )
}

/** Zeek waits whole seconds between attempts, and never less than one. */
const SHORT_INTERVALS = /no-interval-no-retry|failure-is-retried/

describe.skipIf(!isUsable)(`the conformance suite with a real Zeek${skipReason}`, () => {
  const transcripts = BROKER_TRANSCRIPTS.filter(
    (transcript) => !doesBoth(transcript) && !SHORT_INTERVALS.test(transcript.name),
  )

  test('no transcript fails', { timeout: 300_000 }, async () => {
    const passed: string[] = []
    const failed: string[] = []
    for (const transcript of transcripts) {
      const result = await runTranscript(transcript, { subject: zeek, ignoredTopics: ['zeek/'] })
      if (result.kind === 'passed') passed.push(transcript.name)
      else if (result.kind === 'failed') failed.push(result.message)
    }
    expect(failed).toEqual([])
    expect(passed.length).toBeGreaterThan(40)
  })
})
