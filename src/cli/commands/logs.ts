/** `zeek-cluster logs ls|cat|tail`: the logs of all loggers as one. */
import { open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { headerLines, parseAsciiLog } from '../../logging/log-reader.js'
import { findLogFiles, readMergedLog } from '../log-files.js'
import { CommandError, formatTable, print } from '../output.js'

interface LogsFlags {
  readonly stateDir: string
  readonly json?: boolean
}

interface TailFlags extends LogsFlags {
  readonly lines: string
  readonly follow?: boolean
}

const POLL_MS = 200
const READ_BYTES = 64 * 1024

export async function runLogsList(flags: LogsFlags): Promise<void> {
  const stateDir = resolve(flags.stateDir)
  const files = await findLogFiles(stateDir)
  const entries = await Promise.all(
    files.map(async (file) => ({
      log: file.name,
      node: file.node,
      records: parseAsciiLog(await readFile(file.path, 'utf8')).lines.length,
      path: file.path,
    })),
  )
  if (flags.json === true) return print(JSON.stringify(entries))
  const rows = entries.map(({ log, node, records, path }) => [log, node, String(records), path])
  for (const line of formatTable([['LOG', 'NODE', 'RECORDS', 'FILE'], ...rows], new Set([2]))) print(line)
}

/** The whole log in Zeek's format, merged over loggers by time. */
export async function runLogsCat(name: string, flags: LogsFlags): Promise<void> {
  for (const log of await merged(name, flags)) {
    for (const line of headerLines(log)) print(line)
    for (const line of log.lines) print(line)
  }
}

export async function runLogsTail(name: string, flags: TailFlags): Promise<void> {
  if (!/^\d{1,9}$/.test(flags.lines)) throw new CommandError(2, `'${flags.lines}' is not a number of lines`)
  const positions = flags.follow === true ? await sizes(name, flags) : new Map<string, number>()
  for (const log of await merged(name, flags)) {
    const count = Number(flags.lines)
    for (const line of count === 0 ? [] : log.lines.slice(-count)) print(line)
  }
  if (flags.follow === true) await follow(name, flags, positions)
}

async function merged(name: string, flags: LogsFlags): ReturnType<typeof readMergedLog> {
  const logs = await readMergedLog(resolve(flags.stateDir), name)
  if (logs.length === 0) {
    const names = [...new Set((await findLogFiles(resolve(flags.stateDir))).map((file) => file.name))]
    const known = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`
    throw new CommandError(1, `no log ${name} in ${flags.stateDir}; ${known}`)
  }
  return logs
}

async function sizes(name: string, flags: LogsFlags): Promise<Map<string, number>> {
  const positions = new Map<string, number>()
  for (const file of await findLogFiles(resolve(flags.stateDir))) {
    if (file.name === name) positions.set(file.path, (await readFile(file.path)).length)
  }
  return positions
}

/** Prints new lines of all files of a log until a signal. */
async function follow(name: string, flags: LogsFlags, positions: Map<string, number>): Promise<void> {
  const rests = new Map<string, string>()
  let stopped = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stopped = true
    })
  }
  while (!stopped) {
    for (const file of await findLogFiles(resolve(flags.stateDir))) {
      if (file.name !== name) continue
      const { text, position } = await readFrom(file.path, positions.get(file.path) ?? 0)
      positions.set(file.path, position)
      const lines = ((rests.get(file.path) ?? '') + text).split('\n')
      rests.set(file.path, lines.pop() ?? '')
      for (const line of lines) if (!line.startsWith('#')) print(line)
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS))
  }
}

async function readFrom(
  path: string,
  from: number,
): Promise<{ readonly text: string; readonly position: number }> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(READ_BYTES)
    const chunks: Buffer[] = []
    let position = from
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, position)
      if (bytesRead === 0) break
      chunks.push(Buffer.from(buffer.subarray(0, bytesRead)))
      position += bytesRead
    }
    return { text: Buffer.concat(chunks).toString('utf8'), position }
  } finally {
    await handle.close()
  }
}
