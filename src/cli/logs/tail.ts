/** The last records of a log, read from the ends of its files. */
import { open } from 'node:fs/promises'
import { errorCode } from '../../base/errors.js'
import { NEWLINE } from './file-chunks.js'
import { type LineView, lineView, type OutputForm } from './line-views.js'
import { type Complain, RecordLines } from './log-source.js'
import { type KnownFile, readRecords } from './opened-files.js'
import type { Selection } from './selection.js'

export interface TailLine {
  readonly time: number
  readonly text: string
}

/** Records of several nodes are not in order in a file: so many more are looked at. */
const MARGIN_LINES = 2000
const BLOCK_BYTES = 256 * 1024

export interface TailSettings {
  readonly count: number
  readonly selection: Selection
  readonly form: OutputForm
  readonly complain: Complain
  /** Where plain files are read up to; by default to their ends. */
  readonly ends?: ReadonlyMap<KnownFile, number>
}

/** The last records that are wanted, by time, over all files. */
export async function lastLines(
  files: readonly KnownFile[],
  settings: TailSettings,
): Promise<readonly TailLine[]> {
  const { count } = settings
  if (count === 0) return []
  // The latest first, those that are quickly read before others.
  const ordered = [...files].sort(
    (a, b) => Number(a.isCompressed) - Number(b.isCompressed) || b.changedTime - a.changedTime,
  )
  let lines: TailLine[] = []
  for (const file of ordered) {
    const earliest = lines.length < count ? Number.NEGATIVE_INFINITY : lines[0]!.time
    // Whatever is in it was written, and happened, before.
    if (file.changedTime < earliest) continue
    const own = await lastOf(file, settings)
    // Stable: lines without times keep their order.
    lines = [...lines, ...own].sort((a, b) => a.time - b.time).slice(-count)
  }
  return lines
}

async function lastOf(
  file: KnownFile,
  { count, selection, form, complain, ends }: TailSettings,
): Promise<TailLine[]> {
  const wanted = count + MARGIN_LINES
  const view = lineView(file.schema, selection, form)
  const lines = file.isCompressed
    ? await lastOfCompressed(file, wanted, view, complain)
    : await lastOfPlain(file, wanted, view, ends?.get(file) ?? file.sizeBytes)
  const timed: TailLine[] = []
  let latest = Number.NEGATIVE_INFINITY
  for (const line of lines) {
    const time = view.timeOf(line)
    if (time > latest) latest = time
    timed.push({ time: Number.isNaN(time) ? latest : time, text: line })
  }
  return timed
    .sort((a, b) => a.time - b.time)
    .slice(-count)
    .flatMap(({ time, text }) => {
      const printed = view.print(text)
      return printed === undefined ? [] : [{ time, text: printed }]
    })
}

async function lastOfCompressed(
  file: KnownFile,
  wanted: number,
  view: LineView,
  complain: Complain,
): Promise<string[]> {
  let lines: string[] = []
  await readRecords(file, complain, (records) => {
    for (const line of records) if (view.isWanted(line, view.timeOf(line))) lines.push(line)
    if (lines.length > 2 * wanted) lines = lines.slice(-wanted)
  })
  return lines.slice(-wanted)
}

/** Backwards, block by block. */
async function lastOfPlain(file: KnownFile, wanted: number, view: LineView, end: number): Promise<string[]> {
  let handle = file.handle
  try {
    handle ??= await open(file.path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
  try {
    const records = new RecordLines(file.path, () => {}, file.schema)
    const blocks: string[][] = []
    let found = 0
    for await (const { lines, isFirst } of linesBackwards(handle, end)) {
      const header = isFirst && file.schema.kind === 'table' ? file.schema.plainHeaderLines : 0
      const own = records
        .records(lines.slice(header))
        .filter((line) => view.isWanted(line, view.timeOf(line)))
      blocks.push(own)
      found += own.length
      if (found >= wanted) break
    }
    return blocks.reverse().flat().slice(-wanted)
  } finally {
    if (file.handle === undefined) await handle.close()
  }
}

interface Block {
  /** In the order of the file. */
  readonly lines: readonly string[]
  /** Whether it is the start of the file. */
  readonly isFirst: boolean
}

type Readable = Pick<Awaited<ReturnType<typeof open>>, 'read'>

/** The complete lines before `end`, a block at a time from the end. */
export async function* linesBackwards(
  handle: Readable,
  end: number,
  blockBytes = BLOCK_BYTES,
): AsyncGenerator<Block> {
  const buffer = Buffer.allocUnsafeSlow(blockBytes)
  /** The end of the line that the block before begins with, in pieces, the last first. */
  let rest: string[] = []
  // The last newline ends the last line, it does not begin another.
  for (let position = (await endOfLines(handle, end)) - 1; position > 0; ) {
    const length = Math.min(blockBytes, position)
    position -= length
    const bytes = buffer.subarray(0, await readFully(handle, buffer, length, position))
    const newline = position === 0 ? -1 : bytes.indexOf(NEWLINE)
    if (newline < 0 && position > 0) {
      rest.push(bytes.toString('latin1'))
      continue
    }
    const text = bytes.toString('latin1', newline + 1) + rest.reverse().join('')
    rest = [bytes.toString('latin1', 0, Math.max(newline, 0))]
    yield { lines: text.split('\n'), isFirst: position === 0 }
  }
}

async function readFully(
  handle: Readable,
  buffer: Buffer,
  length: number,
  position: number,
): Promise<number> {
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** Where the last complete line before `end` ends. */
export async function endOfLines(handle: Readable, end: number): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  for (let position = end; position > 0; ) {
    const length = Math.min(BLOCK_BYTES, position)
    position -= length
    const last = buffer.subarray(0, await readFully(handle, buffer, length, position)).lastIndexOf(NEWLINE)
    if (last >= 0) return position + last + 1
  }
  return 0
}
