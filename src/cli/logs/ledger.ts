/**
 * Where the records of a cluster are: what senders say (`spool/NODE/sent`) beside what loggers have
 * (`spool/LOGGER/stored`). Both may be read while their processes run: then they are those of a moment ago.
 */
import { join } from 'node:path'
import type { Disk } from '../../base/disk.js'
import type { DropReason, RunLedger } from '../../logging/delivery/delivery-settings.js'
import { isRunFolder, readLedger } from '../../logging/delivery/ledger.js'
import { readRun } from '../../logging/delivery/run-reader.js'
import { type JournaledFile, readStoreJournal, settleChunk } from '../../logging/files/store-journal.js'

/** What the processes of one node say. */
export interface NodeLedger {
  readonly node: string
  /** Oldest first; the sum of those that are done with comes first. */
  readonly runs: readonly RunLedger[]
}

/** What one logger has of one writer of one process. */
export interface StoredEntry {
  readonly node: string
  /** Empty for records without numbers, and for processes of long ago. */
  readonly run: string
  readonly stream: string
  readonly path: string
  readonly onDisk: number
  /** Records more that may be there: they were being written when the process died, or are being written now. */
  readonly maybeOnDisk: number
  /** Records that were given up: they do not have the columns of their log, or it was refused. */
  readonly invalid: number
}

export interface LoggerLedger {
  readonly logger: string
  readonly entries: readonly StoredEntry[]
}

/** One node and stream, or one process of it. Figures of senders are undefined where there is none here. */
export interface LedgerEntry {
  readonly node: string
  /** Only where processes are apart. */
  readonly run: string | undefined
  readonly state: RunLedger['state'] | undefined
  readonly stream: string
  readonly sent: SentFigures | undefined
  /** Undefined when no logger is here. */
  readonly onDisk: number | undefined
  readonly maybeOnDisk: number
  readonly invalid: number
}

export interface SentFigures {
  produced: number
  inMemory: number
  spooled: number
  inFlight: number
  stored: number
  unconfirmed: number
  readonly dropped: Partial<Record<DropReason, number>>
}

export interface ClusterLedger {
  readonly isRunning: boolean
  readonly nodes: readonly NodeLedger[]
  readonly loggers: readonly LoggerLedger[]
  /** Loggers that got records and are not here: they are on other hosts. */
  readonly unknownLoggers: readonly string[]
}

const ASCII_WRITER = 'Log::WRITER_ASCII'
const NONE_WRITER = 'Log::WRITER_NONE'
/** Whoever subscribes, while no logger is addressed: nobody who keeps a journal. */
const EVERYBODY = '*'

/** Reads what is in a state directory. Rejects with what the disk says. */
export async function readClusterLedger(
  disk: Disk,
  stateDir: string,
  isRunning: boolean,
): Promise<ClusterLedger> {
  const spool = join(stateDir, 'spool')
  const nodes: NodeLedger[] = []
  const loggers: LoggerLedger[] = []
  const gotRecords = new Set<string>()
  for (const name of await disk.list(spool)) {
    // Senders first: what they have confirmed is at the loggers by then.
    const sent = join(spool, name, 'sent')
    if ((await disk.list(sent)).length === 0) continue
    nodes.push({ node: name, runs: withoutDead(await readLedger(disk, sent), isRunning) })
    for (const logger of await loggersOf(disk, sent)) gotRecords.add(logger)
  }
  for (const name of await disk.list(spool)) {
    const stored = join(spool, name, 'stored')
    if ((await disk.list(stored)).length > 0) loggers.push(await readLogger(disk, stored, name))
  }
  const here = new Set(loggers.map(({ logger }) => logger))
  return {
    isRunning,
    nodes,
    loggers,
    unknownLoggers: [...gotRecords].filter((name) => !here.has(name)).sort(),
  }
}

/** Of runs without an end only the youngest can be one that runs. */
function withoutDead(runs: readonly RunLedger[], isRunning: boolean): RunLedger[] {
  const alive = isRunning ? runs.findLast(({ state }) => state === 'running') : undefined
  return runs.map((run) => {
    if (run === alive) return { ...run, lostAtMost: 0 }
    return run.state === 'running' ? { ...run, state: 'crashed' } : run
  })
}

async function loggersOf(disk: Disk, sent: string): Promise<Set<string>> {
  const loggers = new Set<string>()
  for (const name of (await disk.list(sent)).filter(isRunFolder)) {
    const read = await readRun(disk, join(sent, name), name)
    for (const { logger } of read?.state.allChannels() ?? []) if (logger !== EVERYBODY) loggers.add(logger)
  }
  return loggers
}

async function readLogger(disk: Disk, stored: string, logger: string): Promise<LoggerLedger> {
  const { content } = await readStoreJournal(disk, stored)
  const maybe = new Map<unknown, number>()
  for (const file of content.files) {
    const { chunk } = file
    if (await isSettled(disk, file)) continue
    for (const [sequence, number] of chunk?.positions ?? []) {
      if (number > sequence.stored) maybe.set(sequence, number - sequence.stored)
    }
  }
  const entries = content.sequences.map((sequence) => ({
    node: sequence.node,
    run: sequence.run,
    stream: sequence.stream,
    path: sequence.path,
    onDisk: sequence.stored - sequence.invalid,
    maybeOnDisk: maybe.get(sequence) ?? 0,
    invalid: sequence.invalid,
  }))
  return { logger, entries }
}

/** Whether the last chunk of a file is known to be there; its records count as stored then. */
async function isSettled(disk: Disk, file: JournaledFile): Promise<boolean> {
  if (file.chunk === undefined || file.writer === NONE_WRITER) return settleChunk(file, Infinity)
  if (file.writer !== ASCII_WRITER) return false
  const info = await disk.info(file.filePath)
  // A file that is gone was rotated, which comes after its last chunk.
  return settleChunk(file, info?.sizeBytes ?? Number.POSITIVE_INFINITY)
}

/** A row for each node and stream; with `byRun` for each process of a node. */
export function ledgerEntries(ledger: ClusterLedger, byRun: boolean): LedgerEntry[] {
  const { nodes, loggers } = ledger
  const stored = loggers.flatMap(({ entries }) => entries)
  const entries = new Map<string, LedgerEntry>()
  const knownRuns = new Set(nodes.flatMap(({ node, runs }) => runs.map(({ run }) => `${node}\0${run}`)))
  const onDisk = loggers.length === 0 ? undefined : 0
  for (const { node, runs } of nodes) {
    for (const { run, state, rows } of runs) {
      for (const { stream, ...figures } of rows) {
        const key = [node, byRun ? run : '', stream].join('\0')
        const entry = entries.get(key) ?? {
          node,
          run: byRun ? run : undefined,
          state: byRun ? state : undefined,
          stream,
          sent: { produced: 0, inMemory: 0, spooled: 0, inFlight: 0, stored: 0, unconfirmed: 0, dropped: {} },
          onDisk,
          maybeOnDisk: 0,
          invalid: 0,
        }
        addFigures(entry.sent!, figures)
        entries.set(key, entry)
      }
    }
  }
  for (const { node, run, stream, ...figures } of stored) {
    // What is not of a process that is listed belongs to those of before.
    const earlier = knownRuns.has(`${node}\0${EARLIER}`) ? EARLIER : run
    const own = knownRuns.has(`${node}\0${run}`) ? run : earlier
    const key = [node, byRun ? own : '', stream].join('\0')
    const entry = entries.get(key)
    entries.set(key, {
      node,
      run: byRun ? own : undefined,
      state: entry?.state,
      stream,
      sent: entry?.sent,
      onDisk: (entry?.onDisk ?? 0) + figures.onDisk,
      maybeOnDisk: (entry?.maybeOnDisk ?? 0) + figures.maybeOnDisk,
      invalid: (entry?.invalid ?? 0) + figures.invalid,
    })
  }
  return [...entries.values()].sort((a, b) => compare(a.node, b.node) || compare(a.stream, b.stream))
}

const EARLIER = 'earlier'

function addFigures(sum: SentFigures, figures: Readonly<SentFigures>): void {
  sum.produced += figures.produced
  sum.inMemory += figures.inMemory
  sum.spooled += figures.spooled
  sum.inFlight += figures.inFlight
  sum.stored += figures.stored
  sum.unconfirmed += figures.unconfirmed
  for (const [reason, count] of Object.entries(figures.dropped) as [DropReason, number][]) {
    if (count > 0) sum.dropped[reason] = (sum.dropped[reason] ?? 0) + count
  }
}

export function droppedOf({ dropped }: SentFigures): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}

/** A row whose figures do not add up. */
export interface Imbalance {
  readonly node: string
  readonly stream: string
  readonly kind: 'sender' | 'loggers'
  /** Records that are missing; below zero: too many. */
  readonly difference: number
  readonly message: string
}

/** Rows that do not add up, by node and stream. */
export function imbalances(ledger: ClusterLedger): Imbalance[] {
  const found: Imbalance[] = []
  for (const { node, stream, sent, onDisk, maybeOnDisk, invalid } of ledgerEntries(ledger, false)) {
    if (sent === undefined) continue
    const { produced, inMemory, spooled, inFlight, stored, unconfirmed } = sent
    const known = inMemory + spooled + inFlight + stored + unconfirmed + droppedOf(sent)
    if (produced !== known) {
      const difference = produced - known
      const what =
        difference > 0 ? `${difference} are nowhere` : `${-difference} more than were produced are somewhere`
      found.push({
        node,
        stream,
        kind: 'sender',
        difference,
        message: `${node} ${stream} does not add up: of ${produced} records ${what}`,
      })
    }
    // What loggers of other hosts have is not known.
    if (ledger.unknownLoggers.length > 0 || onDisk === undefined) continue
    const difference = stored - onDisk - invalid - maybeOnDisk
    if (difference > 0) {
      const message = `${node} ${stream} does not add up: ${difference} of ${stored} records that loggers confirmed are at no logger`
      found.push({ node, stream, kind: 'loggers', difference, message })
    }
  }
  return found
}

/** Those of the second look that were there at the first: figures of a running cluster move while they are read. */
export function lasting(first: readonly Imbalance[], second: readonly Imbalance[]): Imbalance[] {
  return second.filter((one) =>
    first.some(({ node, stream, kind }) => node === one.node && stream === one.stream && kind === one.kind),
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
