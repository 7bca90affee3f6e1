/** What `logs ls` tells of each file, and of each log. */
import { stat } from 'node:fs/promises'
import { errorCode } from '../../base/errors.js'
import { formatWallTime } from '../../logging/wall-time.js'
import type { LogFile } from '../log-files.js'
import { formatBytes, formatTable } from '../output.js'
import { lineView } from './line-views.js'
import { type Complain, RecordLines } from './log-source.js'
import { closeFiles, EVERYTHING, type KnownFile, openFiles, readRecords } from './opened-files.js'
import { linesBackwards } from './tail.js'

export interface ListedFile {
  readonly log: string
  /** Name of the node whose folder it is in, or `archive`. */
  readonly node: string
  readonly place: LogFile['place']
  readonly format: 'tsv' | 'json' | 'sqlite' | 'unknown'
  /** Undefined where they were not counted. */
  readonly records: number | undefined
  readonly bytes: number
  /** Times of the earliest and the latest record, seconds since the epoch; undefined where there are none or not known. */
  readonly first: number | undefined
  readonly last: number | undefined
  readonly path: string
}

/** Looks at files; with `isFast` records are not counted, and the span is that from the first line to the last. */
export async function listFiles(
  files: readonly LogFile[],
  isFast: boolean,
  complain: Complain,
): Promise<ListedFile[]> {
  const listed: ListedFile[] = []
  for (const file of files) {
    const [known] = file.kind === 'text' ? await openFiles(async () => [file], complain) : []
    try {
      listed.push(...(await (known === undefined ? unreadable(file) : readable(known, isFast, complain))))
    } finally {
      if (known !== undefined) await closeFiles([known])
    }
  }
  return listed
}

async function unreadable(file: LogFile): Promise<ListedFile[]> {
  try {
    const { size } = await stat(file.path)
    const { name: log, node, place, path, kind } = file
    const format = kind === 'sqlite' ? 'sqlite' : 'unknown'
    return [
      { log, node, place, format, records: undefined, bytes: size, first: undefined, last: undefined, path },
    ]
  } catch (error) {
    // It was rotated or expired meanwhile.
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}

async function readable(file: KnownFile, isFast: boolean, complain: Complain): Promise<ListedFile[]> {
  const { name: log, node, place, path, sizeBytes: bytes, schema } = file
  const format = schema.kind === 'json' ? 'json' : 'tsv'
  const span = isFast ? await fastSpan(file) : await countedSpan(file, complain)
  return [{ log, node, place, format, ...span, bytes, path }]
}

type Span = Pick<ListedFile, 'records' | 'first' | 'last'>

async function countedSpan(file: KnownFile, complain: Complain): Promise<Span> {
  const { timeOf } = lineView(file.schema, EVERYTHING, { kind: 'lines' })
  let records = 0
  let first: number | undefined
  let last: number | undefined
  await readRecords(file, complain, (lines) => {
    records += lines.length
    for (const line of lines) {
      const time = timeOf(line)
      if (first === undefined || time < first) first = Number.isNaN(time) ? first : time
      if (last === undefined || time > last) last = Number.isNaN(time) ? last : time
    }
  })
  return { records, first, last }
}

async function fastSpan(file: KnownFile): Promise<Span> {
  const first = Number.isFinite(file.firstTime) ? file.firstTime : undefined
  let last: number | undefined
  const { timeOf } = lineView(file.schema, EVERYTHING, { kind: 'lines' })
  if (!file.isCompressed && file.handle !== undefined) {
    const records = new RecordLines(file.path, () => {}, file.schema)
    for await (const { lines } of linesBackwards(file.handle, file.sizeBytes)) {
      const time = timeOf(records.records(lines).at(-1) ?? '')
      if (Number.isNaN(time)) continue
      last = time
      break
    }
  }
  return { records: undefined, first, last }
}

/** A line for each log of each node, and of the archive. */
export function logTable(files: readonly ListedFile[]): string[] {
  const groups = new Map<string, ListedFile[]>()
  for (const file of files) {
    const key = `${file.log}\0${file.node}`
    groups.set(key, [...(groups.get(key) ?? []), file])
  }
  const rows = [...groups.values()]
    .sort((a, b) => compare(a[0]!.log, b[0]!.log))
    .map((own) => {
      const counts = own.flatMap(({ records }) => (records === undefined ? [] : [records]))
      const records = counts.reduce((sum, count) => sum + count, 0)
      const bytes = own.reduce((sum, file) => sum + file.bytes, 0)
      return [
        own[0]!.log,
        own[0]!.node,
        String(own.length),
        counts.length === 0 ? '-' : String(records),
        formatBytes(bytes),
        timeText(
          extreme(
            own.map(({ first }) => first),
            Math.min,
          ),
        ),
        timeText(
          extreme(
            own.map(({ last }) => last),
            Math.max,
          ),
        ),
      ]
    })
  return formatTable([['LOG', 'NODE', 'FILES', 'RECORDS', 'SIZE', 'FROM', 'TO'], ...rows], new Set([2, 3, 4]))
}

/** A line for each file. */
export function fileTable(files: readonly ListedFile[]): string[] {
  const rows = files.map((file) => [
    file.log,
    file.node,
    file.records === undefined ? '-' : String(file.records),
    formatBytes(file.bytes),
    timeText(file.first),
    timeText(file.last),
    file.path,
  ])
  return formatTable([['LOG', 'NODE', 'RECORDS', 'SIZE', 'FROM', 'TO', 'FILE'], ...rows], new Set([2, 3]))
}

function extreme(
  times: readonly (number | undefined)[],
  choose: (a: number, b: number) => number,
): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : known.reduce((a, b) => choose(a, b))
}

/** Local time, as in the names of files. */
function timeText(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '-'
  const [year, month, day, hours, minutes, second] = formatWallTime(seconds * 1000).split('-')
  return `${year}-${month}-${day} ${hours}:${minutes}:${second}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
