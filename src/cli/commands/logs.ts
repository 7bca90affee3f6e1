/** `zeek-cluster logs ls|cat|tail|ledger`: the logs of all loggers as one. */
import { resolve } from 'node:path'
import { systemDisk } from '../../base/disk.js'
import { errorCode } from '../../base/errors.js'
import { requestControl } from '../../supervisor/control-socket.js'
import { findAllLogFiles } from '../log-files.js'
import { catLog, LineOutput } from '../logs/cat.js'
import { Follower, type FollowStart } from '../logs/follow.js'
import { imbalances, lasting, readClusterLedger } from '../logs/ledger.js'
import { ledgerJson, ledgerLines } from '../logs/ledger-text.js'
import type { OutputForm } from '../logs/line-views.js'
import { fileTable, listFiles, logTable } from '../logs/list.js'
import { complainOnStderr } from '../logs/log-source.js'
import {
  checkColumns,
  closeFiles,
  findFilesOf,
  type KnownFile,
  logNameOf,
  openFiles,
} from '../logs/opened-files.js'
import { parseSelection, type Selection, type SelectionFlags } from '../logs/selection.js'
import { endOfLines, lastLines } from '../logs/tail.js'
import { CommandError, print, printRaw } from '../output.js'

interface LogsFlags {
  readonly stateDir: string
  readonly json?: boolean
}

interface ListFlags extends LogsFlags {
  readonly fast?: boolean
  readonly files?: boolean
}

interface CatFlags extends LogsFlags, SelectionFlags {
  readonly header?: boolean
}

interface TailFlags extends LogsFlags, SelectionFlags {
  readonly lines: string
  readonly follow?: boolean
}

interface LedgerFlags extends LogsFlags {
  readonly runs?: boolean
}

const POLL_MS = 200
/** What is being written down while it is read has settled by then. */
const SECOND_LOOK_MS = 300

export async function runLogsList(flags: ListFlags): Promise<void> {
  const files = await findAllLogFiles(resolve(flags.stateDir))
  const listed = await listFiles(files, flags.fast === true, complainOnStderr)
  if (flags.json === true) return print(JSON.stringify(listed))
  for (const line of flags.files === true ? fileTable(listed) : logTable(listed)) print(line)
}

/** The whole log in Zeek's format or JSON, merged by time. */
export async function runLogsCat(text: string, filters: readonly string[], flags: CatFlags): Promise<void> {
  const name = logNameOf(text)
  const selection = parseSelection(filters, flags, Date.now())
  const files = await filesOf(name, flags, selection)
  try {
    await checkColumns(name, files, selection)
    const options = { selection, isJson: flags.json === true, hasHeader: flags.header === true }
    await catLog(name, files, options, new LineOutput(), complainOnStderr)
  } finally {
    await closeFiles(files)
  }
}

export async function runLogsTail(text: string, filters: readonly string[], flags: TailFlags): Promise<void> {
  if (!/^\d{1,9}$/.test(flags.lines)) throw new CommandError(2, `'${flags.lines}' is not a number of lines`)
  const count = Number(flags.lines)
  const name = logNameOf(text)
  const selection = parseSelection(filters, flags, Date.now())
  const form: OutputForm = { kind: flags.json === true ? 'json' : 'lines' }
  if (flags.follow === true) return follow(name, { count, selection, form }, flags)
  const files = await filesOf(name, flags, selection)
  try {
    await checkColumns(name, files, selection)
    const lines = await lastLines(files, { count, selection, form, complain: complainOnStderr })
    await printTexts(lines.map((line) => line.text))
  } finally {
    await closeFiles(files)
  }
}

/** Where the records of the cluster are. Exit code 1 when the figures do not add up. */
export async function runLogsLedger(flags: LedgerFlags): Promise<void> {
  const stateDir = resolve(flags.stateDir)
  const isRunning = await isClusterRunning(stateDir)
  let ledger = await readClusterLedger(systemDisk, stateDir, isRunning)
  if (ledger.nodes.length === 0 && ledger.loggers.length === 0) {
    throw new CommandError(1, `no node has sent or stored log records in ${flags.stateDir}`)
  }
  let found = imbalances(ledger)
  if (found.length > 0 && isRunning) {
    await pause(SECOND_LOOK_MS)
    ledger = await readClusterLedger(systemDisk, stateDir, isRunning)
    found = lasting(found, imbalances(ledger))
  }
  if (flags.json === true) print(ledgerJson(ledger, found))
  else for (const line of ledgerLines(ledger, found, flags.runs === true)) print(line)
  // The output has said why.
  if (found.length > 0) throw new CommandError(1, '')
}

async function isClusterRunning(stateDir: string): Promise<boolean> {
  try {
    await requestControl(stateDir, { command: 'status' })
    return true
  } catch (error) {
    if (errorCode(error) === 'not-running') return false
    // Something answers, though not in time.
    return true
  }
}

async function filesOf(name: string, flags: LogsFlags, selection: Selection): Promise<KnownFile[]> {
  const find = (): ReturnType<typeof findFilesOf> =>
    findFilesOf(resolve(flags.stateDir), name, flags.stateDir)
  return openFiles(find, complainOnStderr, selection.since)
}

interface Tail {
  readonly count: number
  readonly selection: Selection
  readonly form: OutputForm
}

/** Prints the last lines, then new ones of all files until a signal. */
async function follow(name: string, { count, selection, form }: Tail, flags: LogsFlags): Promise<void> {
  const stateDir = resolve(flags.stateDir)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())
  const follower = new Follower({ stateDir, name, selection, form, complain: complainOnStderr })
  try {
    const files = await knownFilesOf(name, flags, selection)
    try {
      await checkColumns(name, files, selection)
      // Compressed files are read from their starts in any case.
      const inflated = files.filter(({ isCompressed, place }) => isCompressed && place === 'written')
      const plain = files.filter((file) => !inflated.includes(file))
      const ends = await lineEnds(plain)
      const last = await lastLines(plain, { count, selection, form, complain: complainOnStderr, ends })
      const starts = plain.flatMap((file): FollowStart[] =>
        file.place === 'archived' ? [] : [{ file, schema: file.schema, position: ends.get(file)! }],
      )
      await follower.goOn(starts)
      const lines = [...last, ...(await follower.begin(inflated, count))].sort((a, b) => a.time - b.time)
      await printTexts(count === 0 ? [] : lines.slice(-count).map(({ text }) => text))
    } finally {
      await closeFiles(files)
    }
    while (!stopping.signal.aborted) {
      await printTexts(await follower.poll())
      await pause(POLL_MS, stopping.signal)
    }
  } catch (error) {
    // Nobody reads on: `survivePipeErrors` has asked to stop.
    if (errorCode(error) !== 'EPIPE') throw error
  } finally {
    await follower.close()
  }
}

/** None when the log does not exist yet. */
async function knownFilesOf(name: string, flags: LogsFlags, selection: Selection): Promise<KnownFile[]> {
  const all = await findAllLogFiles(resolve(flags.stateDir))
  if (all.some((file) => file.name === name)) return filesOf(name, flags, selection)
  printRaw(`zeek-cluster: no log ${name} in ${flags.stateDir} yet: waiting for it`)
  return []
}

/** Where the lines that are complete now end; what follows is printed when its lines are. */
async function lineEnds(files: readonly KnownFile[]): Promise<ReadonlyMap<KnownFile, number>> {
  const ends = new Map<KnownFile, number>()
  for (const file of files) {
    const { handle, sizeBytes } = file
    ends.set(
      file,
      handle === undefined || file.isCompressed ? sizeBytes : await endOfLines(handle, sizeBytes),
    )
  }
  return ends
}

/** Texts have one character a byte. */
async function printTexts(lines: readonly string[]): Promise<void> {
  const output = new LineOutput()
  for (const line of lines) {
    output.add(line)
    if (output.isFull) await output.flush()
  }
  await output.flush()
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((wake) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      wake()
    }
    signal?.addEventListener('abort', done)
  })
}
