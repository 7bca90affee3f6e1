/**
 * The ledger: where the records of a node are, those of earlier processes included. A run with which everything is done
 * is folded into the sums of `ledger.json`, which is replaced as a whole.
 */
import { join } from 'node:path'
import type { Disk } from '../../base/disk.js'
import { errorCode } from '../../base/errors.js'
import type { DropReason, LedgerRow, LossLimit, RunLedger } from './delivery-settings.js'
import { readRun } from './run-reader.js'
import { DROP_REASONS, type RunState } from './run-state.js'

/** Sums over runs that are done with. */
export interface LedgerSums {
  /** Runs that are in the sums and whose folder may still be there. */
  readonly folded: readonly string[]
  readonly runs: number
  /** Runs that did not end in order. */
  readonly crashes: number
  /** By runs of which that is known. */
  readonly lostAtMost: number
  /** Runs of which it is not known how many records were lost with them. */
  readonly lossUnknown: number
  readonly rows: readonly LedgerRow[]
}

export const EMPTY_SUMS: LedgerSums = {
  folded: [],
  runs: 0,
  crashes: 0,
  lostAtMost: 0,
  lossUnknown: 0,
  rows: [],
}

const FILE = 'ledger.json'
const FILE_VERSION = 2
const EARLIER = 'earlier'

/** Names in a spool folder that are no runs. */
export function isRunFolder(name: string): boolean {
  return !name.startsWith(FILE)
}

function rowKey({ stream, path }: LedgerRow): string {
  return `${stream}\0${path}`
}

function emptyRow(run: string, stream: string, path: string): LedgerRow {
  const counts = { produced: 0, inMemory: 0, spooled: 0, inFlight: 0, stored: 0, unconfirmed: 0 }
  return { run, stream, path, ...counts, dropped: {} }
}

function sumRows(run: string, rows: Iterable<LedgerRow>): LedgerRow[] {
  const sums = new Map<string, LedgerRow>()
  for (const row of rows) {
    const key = rowKey(row)
    sums.set(key, addRow(sums.get(key) ?? emptyRow(run, row.stream, row.path), row))
  }
  return [...sums.values()]
}

function addRow(sum: LedgerRow, row: LedgerRow): LedgerRow {
  const dropped: Partial<Record<DropReason, number>> = { ...sum.dropped }
  for (const reason of DROP_REASONS) {
    const count = row.dropped[reason] ?? 0
    if (count > 0) dropped[reason] = (dropped[reason] ?? 0) + count
  }
  return {
    run: sum.run,
    stream: sum.stream,
    path: sum.path,
    produced: sum.produced + row.produced,
    inMemory: sum.inMemory + row.inMemory,
    spooled: sum.spooled + row.spooled,
    inFlight: sum.inFlight + row.inFlight,
    stored: sum.stored + row.stored,
    unconfirmed: sum.unconfirmed + row.unconfirmed,
    dropped,
  }
}

/** The rows of one run. */
export function ledgerOf(state: RunState): RunLedger {
  const rows: LedgerRow[] = []
  for (const { description, tally } of state.sequences.values()) {
    rows.push({ run: state.name, stream: description.stream, path: description.path, ...tally })
  }
  const lostAtMost = state.life === 'crashed' ? state.lostAtMost : 0
  return { run: state.name, state: state.life, lostAtMost, rows: sumRows(state.name, rows) }
}

/** The sums with a run that is done with. */
export function foldRun(sums: LedgerSums, run: RunLedger): LedgerSums {
  return {
    folded: [...sums.folded, run.run],
    runs: sums.runs + 1,
    crashes: sums.crashes + (run.state === 'crashed' ? 1 : 0),
    lostAtMost: sums.lostAtMost + (run.lostAtMost === 'unknown' ? 0 : run.lostAtMost),
    lossUnknown: sums.lossUnknown + (run.lostAtMost === 'unknown' ? 1 : 0),
    rows: sumRows(EARLIER, [...sums.rows, ...run.rows]),
  }
}

/** The sums as one more run; undefined when there are none. */
export function earlierLedger(sums: LedgerSums): RunLedger | undefined {
  if (sums.runs === 0) return undefined
  const lostAtMost: LossLimit = sums.lossUnknown > 0 ? 'unknown' : sums.lostAtMost
  return { run: EARLIER, state: 'done', lostAtMost, rows: sums.rows }
}

/** Replaces the file of sums: whoever reads it, at any moment, sees the old or the new ones. Rejects with what the disk says. */
export async function writeSums(disk: Disk, directory: string, sums: LedgerSums): Promise<void> {
  const path = join(directory, FILE)
  const file = await disk.create(`${path}.new`)
  try {
    await file.append(Buffer.from(`${JSON.stringify({ version: FILE_VERSION, ...sums })}\n`))
  } finally {
    await file.close()
  }
  await disk.rename(`${path}.new`, path)
}

/** Undefined for a file that is not one of sums. */
export async function readSums(disk: Disk, directory: string): Promise<LedgerSums | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await disk.read(join(directory, FILE))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return EMPTY_SUMS
    throw error
  }
  try {
    const value = JSON.parse(Buffer.from(bytes).toString()) as Partial<LedgerSums & { version: number }>
    const { version, folded, runs, crashes, lostAtMost, lossUnknown, rows } = value
    if (version !== FILE_VERSION || !Array.isArray(folded) || !Array.isArray(rows)) return undefined
    if (typeof runs !== 'number' || typeof crashes !== 'number') return undefined
    if (typeof lostAtMost !== 'number' || typeof lossUnknown !== 'number') return undefined
    return { folded: folded as string[], runs, crashes, lostAtMost, lossUnknown, rows: rows as LedgerRow[] }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Moves a file of sums away that cannot be read; returns where to. */
export async function setSumsAside(disk: Disk, directory: string): Promise<string> {
  const path = join(directory, `${FILE}.damaged`)
  await disk.rename(join(directory, FILE), path)
  return path
}

/**
 * Reads the ledger of a spool folder, also while a process has it open: then it is that of a moment ago, without what is
 * in that process's memory. A run without an end reads as `running`; who knows that its process is gone takes it as
 * crashed, and as many records lost as `lostAtMost` says. A process that cannot write anything at all, not even its
 * folder, is not there. Rejects with what the disk says.
 */
export async function readLedger(disk: Disk, directory: string): Promise<readonly RunLedger[]> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await readSums(disk, directory)
    const states = await readStates(disk, directory)
    const sums = (await readSums(disk, directory)) ?? EMPTY_SUMS
    // A run that is folded meanwhile is not counted twice: it may no longer stand in the list of those that were.
    if (before?.runs !== sums.runs && attempt < READ_ATTEMPTS) continue
    const earlier = earlierLedger(sums)
    const runs = states.filter(({ name }) => !sums.folded.includes(name)).map(ledgerFromOutside)
    return earlier === undefined ? runs : [earlier, ...runs]
  }
}

const READ_ATTEMPTS = 5

/** Oldest first. */
async function readStates(disk: Disk, directory: string): Promise<RunState[]> {
  const states: RunState[] = []
  for (const name of (await disk.list(directory)).filter(isRunFolder)) {
    const read = await readRun(disk, join(directory, name), name)
    // Without a journal, too: of a process whose disk is full, the bound may be all that there is.
    if (read !== undefined) states.push(read.state)
  }
  return states.sort((a, b) => a.startedMs - b.startedMs)
}

function ledgerFromOutside(state: RunState): RunLedger {
  const ledger = ledgerOf(state)
  return state.life === 'running' ? { ...ledger, lostAtMost: state.lostAtMost } : ledger
}
