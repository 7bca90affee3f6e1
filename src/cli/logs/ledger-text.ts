/** The ledger for people, and for programs. */
import { formatTable } from '../output.js'
import {
  type ClusterLedger,
  droppedOf,
  type Imbalance,
  type LedgerEntry,
  ledgerEntries,
  type SentFigures,
} from './ledger.js'

const UNKNOWN = '-'

/** The table, and below it what is worth a sentence. */
export function ledgerLines(
  ledger: ClusterLedger,
  imbalances: readonly Imbalance[],
  byRun: boolean,
): string[] {
  const entries = ledgerEntries(ledger, byRun).filter(hasRecords)
  const hasUnconfirmed = entries.some(({ sent }) => (sent?.unconfirmed ?? 0) > 0)
  const header = [
    'NODE',
    ...(byRun ? ['PROCESS', 'STATE'] : []),
    'STREAM',
    'PRODUCED',
    'MEMORY',
    'SPOOLED',
    'IN-FLIGHT',
    'STORED',
    ...(hasUnconfirmed ? ['UNCONFIRMED'] : []),
    'DROPPED',
    'ON DISK',
  ]
  const rows = entries.map((entry) => row(entry, byRun, hasUnconfirmed))
  const texts = byRun ? 4 : 2
  const right = new Set(header.flatMap((_, index) => (index < texts ? [] : [index])))
  return [
    ...formatTable([header, ...rows], right),
    ...notes(ledger),
    ...imbalances.map(({ message }) => message),
  ]
}

/** Streams of which there never was a record say nothing. */
function hasRecords({ sent, onDisk, maybeOnDisk, invalid }: LedgerEntry): boolean {
  return (sent?.produced ?? 0) + (onDisk ?? 0) + maybeOnDisk + invalid > 0
}

function row(
  { node, run, state, stream, sent, onDisk }: LedgerEntry,
  byRun: boolean,
  hasUnconfirmed: boolean,
) {
  const figure = (read: (sent: SentFigures) => number): string =>
    sent === undefined ? UNKNOWN : String(read(sent))
  return [
    node,
    ...(byRun ? [run === undefined || run === '' ? UNKNOWN : run, state ?? UNKNOWN] : []),
    stream,
    figure(({ produced }) => produced),
    figure(({ inMemory }) => inMemory),
    figure(({ spooled }) => spooled),
    figure(({ inFlight }) => inFlight),
    figure(({ stored }) => stored),
    ...(hasUnconfirmed ? [figure(({ unconfirmed }) => unconfirmed)] : []),
    figure(droppedOf),
    onDisk === undefined ? UNKNOWN : String(onDisk),
  ]
}

function notes(ledger: ClusterLedger): string[] {
  const { nodes, loggers, unknownLoggers } = ledger
  const lines: string[] = []
  for (const { node, runs } of nodes) {
    const lost = runs.reduce((sum, { lostAtMost }) => sum + (lostAtMost === 'unknown' ? 0 : lostAtMost), 0)
    if (lost > 0) lines.push(`${node}: lost at crash: at most ${lost} records`)
    if (runs.some(({ lostAtMost }) => lostAtMost === 'unknown')) {
      lines.push(`${node}: lost at crash: nobody knows how many records, for the disk took nothing`)
    }
  }
  for (const { node, stream, sent } of ledgerEntries(ledger, false)) {
    for (const [reason, count] of Object.entries(sent?.dropped ?? {})) {
      lines.push(`${node} ${stream}: dropped ${count} (${reason})`)
    }
  }
  const senders = new Set(nodes.map(({ node }) => node))
  for (const { logger, entries } of loggers) {
    const unnumbered = new Map<string, number>()
    for (const { node, run, onDisk, maybeOnDisk, stream, invalid } of entries) {
      const isForeign = run === '' && node !== logger && !senders.has(node)
      if (isForeign) unnumbered.set(node, (unnumbered.get(node) ?? 0) + onDisk)
      if (invalid > 0)
        lines.push(
          `${logger} gave up ${invalid} records of ${node} ${stream}: they are not what their log takes`,
        )
      if (maybeOnDisk > 0) lines.push(`${logger} may have ${maybeOnDisk} records more of ${node} ${stream}`)
    }
    for (const [node, count] of unnumbered) {
      lines.push(`${logger} got ${count} records of ${node} without numbers (a stock Zeek)`)
    }
  }
  const hosts = loggers
    .flatMap(({ entries }) => entries)
    .filter(({ node, run }) => run !== '' && !senders.has(node))
    .map(({ node }) => node)
  for (const node of new Set(hosts))
    lines.push(`${node} is not in this state directory: what it produced is unknown`)
  for (const logger of unknownLoggers) {
    lines.push(`${logger} is not in this state directory: what it has on disk is unknown`)
  }
  if (loggers.length === 0 && nodes.length > 0 && unknownLoggers.length === 0) {
    lines.push('no logger has a journal in this state directory: what loggers have on disk is unknown')
  }
  return lines
}

/** Everything, with names that stay. */
export function ledgerJson(ledger: ClusterLedger, imbalances: readonly Imbalance[]): string {
  const rows = ledgerEntries(ledger, false).map(({ node, stream, sent, onDisk, maybeOnDisk, invalid }) => ({
    node,
    stream,
    ...sent,
    onDisk,
    maybeOnDisk,
    invalid,
  }))
  const { isRunning, nodes, loggers, unknownLoggers } = ledger
  return JSON.stringify({ isRunning, rows, nodes, loggers, unknownLoggers, imbalances })
}
