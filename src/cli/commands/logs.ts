/** `zeek-cluster logs ls|cat|tail`: the logs of all loggers as one. */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { headerLines, mergeLogs, parseAsciiLog } from '../../logging/log-reader.js'
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
  const count = Number(flags.lines)
  const files: FollowedFiles = new Map()
  const logs =
    flags.follow === true
      ? mergeLogs((await readNewText(name, flags, files)).map(parseAsciiLog))
      : await merged(name, flags)
  if (logs.length === 0) throw await unknownLog(name, flags)
  for (const log of logs) {
    for (const line of count === 0 ? [] : log.lines.slice(-count)) print(line)
  }
  if (flags.follow === true) await follow(name, flags, files)
}

async function merged(name: string, flags: LogsFlags): ReturnType<typeof readMergedLog> {
  const logs = await readMergedLog(resolve(flags.stateDir), name)
  if (logs.length === 0) throw await unknownLog(name, flags)
  return logs
}

async function unknownLog(name: string, flags: LogsFlags): Promise<CommandError> {
  const names = [...new Set((await findLogFiles(resolve(flags.stateDir))).map((file) => file.name))]
  const known = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`
  return new CommandError(1, `no log ${name} in ${flags.stateDir}; ${known}`)
}

/** By identity, not by path: a logger that comes back renames what it left. */
type FollowedFiles = Map<string, { position: number; rest: string }>

/** Prints new lines of all files of a log until a signal. */
async function follow(name: string, flags: LogsFlags, files: FollowedFiles): Promise<void> {
  let stopped = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stopped = true
    })
  }
  while (!stopped) {
    for (const text of await readNewText(name, flags, files)) {
      for (const line of parseAsciiLog(text).lines) print(line)
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS))
  }
}

/** The complete lines that came to each file of a log since the last call. */
async function readNewText(name: string, flags: LogsFlags, files: FollowedFiles): Promise<string[]> {
  const texts: string[] = []
  for (const { path, name: log } of await findLogFiles(resolve(flags.stateDir))) {
    if (log !== name) continue
    const handle = await open(path, 'r')
    try {
      const { dev, ino } = await handle.stat()
      const file = files.get(`${dev}:${ino}`) ?? { position: 0, rest: '' }
      files.set(`${dev}:${ino}`, file)
      const text = file.rest + (await readToEnd(handle, file))
      const end = text.lastIndexOf('\n') + 1
      file.rest = text.slice(end)
      texts.push(text.slice(0, end))
    } finally {
      await handle.close()
    }
  }
  return texts
}

async function readToEnd(handle: FileHandle, file: { position: number }): Promise<string> {
  const buffer = Buffer.alloc(READ_BYTES)
  const chunks: Buffer[] = []
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, file.position)
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(Buffer.from(buffer.subarray(0, bytesRead)))
    file.position += bytesRead
  }
}
