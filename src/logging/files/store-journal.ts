/**
 * What a logger has to know after a crash: which records of whom are in which file. Before a chunk is stored the
 * journal says what it will make of the file and which records are in it; after a crash the size of the file tells
 * whether it is there. A line is a checksum and a JSON array; one
 * that is torn or damaged is as if it had not been written.
 */
import { join } from 'node:path'
import type { Disk, DiskFile } from '../../base/disk.js'
import { crc32 } from '../delivery/crc32.js'
import type { ReceivedSequence } from './received-sequence.js'

/** A file as the journal knows it. */
export interface JournaledFile {
  /** Unique within the logger. */
  readonly id: number
  readonly filePath: string
  /** The log's name, with `-2` where columns differ. */
  readonly name: string
  /** `Log::WRITER_ASCII`. */
  readonly writer: string
  /** Beginning of the time that the file is for, milliseconds since the epoch. */
  readonly openedMs: number
  /** The chunk that was stored last, if it was. */
  chunk: JournaledChunk | undefined
}

export interface JournaledChunk {
  readonly sizeBefore: number
  readonly sizeAfter: number
  readonly positions: ReadonlyMap<ReceivedSequence, number>
}

/** What an earlier process left. */
export interface JournalContent {
  readonly sequences: readonly ReceivedSequence[]
  /** Files that were open. */
  readonly files: readonly JournaledFile[]
}

type Entry =
  | ['sequence', ReceivedSequence]
  | ['file', id: number, filePath: string, name: string, writer: string, openedMs: number]
  | ['chunk', file: number, sizeBefore: number, sizeAfter: number, positions: JournaledPosition[]]
  | ['closed', file: number, size: number]
  /** A snapshot ends here: the journal before it is not needed any more. */
  | ['complete']

/** Sequence, number of its last record in the chunk, records of it that were given up. */
type JournaledPosition = [index: number, number: number, invalid: number]

const NAME = /^stored-(\d+)$/
/** A journal beyond this is written anew. */
const COMPACT_BYTES = 4 * 1024 * 1024

export class StoreJournal {
  readonly #disk: Disk
  readonly #directory: string
  readonly #sequences: () => Iterable<ReceivedSequence>
  /** Sequences that the journal describes. */
  #described = new Set<ReceivedSequence>()
  #number = 0
  #file: DiskFile | undefined
  #bytes = 0
  #isTorn = false
  readonly #files = new Map<number, JournaledFile>()
  #nextFile = 1

  /** `sequences`: all that the logger knows, for snapshots. */
  constructor(disk: Disk, directory: string, sequences: () => Iterable<ReceivedSequence>) {
    this.#disk = disk
    this.#directory = directory
    this.#sequences = sequences
  }

  /** An earlier process had a journal of this number. */
  continueFrom(number: number): void {
    this.#number = number
  }

  /** Begins a journal with what is known. Throws what the disk says; the one before counts then. */
  begin(): void {
    const previous = join(this.#directory, `stored-${this.#number}`)
    const file = this.#disk.createNow(join(this.#directory, `stored-${this.#number + 1}`))
    this.#number += 1
    const sequences = [...this.#sequences()]
    const lines = sequences.map((sequence) => line(['sequence', sequence]))
    for (const known of this.#files.values()) {
      lines.push(fileLine(known))
      if (known.chunk !== undefined) lines.push(chunkLine(known.id, known.chunk))
    }
    lines.push(line(['complete']))
    const bytes = Buffer.from(lines.join(''))
    file.appendNow(bytes)
    const before = this.#file
    this.#file = file
    this.#bytes = bytes.length
    this.#isTorn = false
    this.#described = new Set(sequences)
    before?.close().catch(() => {})
    // Left behind it only takes room: the higher number counts.
    this.#disk.remove(previous).catch(() => {})
  }

  open(filePath: string, name: string, writer: string, openedMs: number): JournaledFile {
    const file: JournaledFile = { id: this.#nextFile, filePath, name, writer, openedMs, chunk: undefined }
    this.#append(fileLine(file))
    this.#nextFile += 1
    this.#files.set(file.id, file)
    return file
  }

  /** A chunk is about to be stored. */
  chunk(file: JournaledFile, chunk: JournaledChunk): void {
    if (this.#bytes > COMPACT_BYTES) this.begin()
    const unknown = [...chunk.positions.keys()].filter((sequence) => !this.#described.has(sequence))
    // What is on disk now, that is before this chunk.
    const described = unknown.map((sequence) => line(['sequence', sequence]))
    this.#append(described.join('') + chunkLine(file.id, chunk))
    for (const sequence of unknown) this.#described.add(sequence)
    file.chunk = chunk
  }

  /** The file is closed with this size, and where it is to be. */
  closed(file: JournaledFile, size: number): void {
    this.#append(line(['closed', file.id, size]))
    this.#files.delete(file.id)
  }

  /** Resolves when a loss of power would not lose what the journal says. */
  async sync(): Promise<void> {
    await this.#file?.sync()
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  #append(text: string): void {
    if (this.#file === undefined) this.begin()
    // What is left of a line that did not fit stands alone on its line.
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text)
    this.#isTorn = true
    this.#file?.appendNow(bytes)
    this.#isTorn = false
    this.#bytes += bytes.length
  }
}

/** Reads what an earlier process left, and what number its journal has. */
export async function readStoreJournal(
  disk: Disk,
  directory: string,
): Promise<{ readonly content: JournalContent; readonly number: number }> {
  const numbers = (await disk.list(directory))
    .map((name) => Number(NAME.exec(name)?.[1]))
    .filter((number) => number > 0)
    .sort((a, b) => b - a)
  for (const number of numbers) {
    const text = Buffer.from(await disk.read(join(directory, `stored-${number}`))).toString('utf8')
    const content = parseJournal(text)
    if (content !== undefined) return { content, number: numbers[0]! }
  }
  return { content: { sequences: [], files: [] }, number: numbers[0] ?? 0 }
}

/** Undefined when it ends before its snapshot does. */
export function parseJournal(text: string): JournalContent | undefined {
  const sequences = new Map<number, ReceivedSequence>()
  const files = new Map<number, JournaledFile>()
  let isComplete = false
  for (const row of text.split('\n').slice(0, -1)) {
    const entry = parseEntry(row)
    if (entry === undefined) continue
    switch (entry[0]) {
      case 'sequence':
        sequences.set(entry[1].index, { ...entry[1] })
        break
      case 'file': {
        const [, id, filePath, name, writer, openedMs] = entry
        files.set(id, { id, filePath, name, writer, openedMs, chunk: undefined })
        break
      }
      case 'chunk': {
        const [, id, sizeBefore, sizeAfter, positions] = entry
        const file = files.get(id)
        if (file === undefined) break
        settleChunk(file, sizeBefore)
        const known = positions.flatMap(([index, number, invalid]) => {
          const sequence = sequences.get(index)
          if (sequence === undefined) return []
          sequence.invalid = Math.max(sequence.invalid, invalid)
          return [[sequence, number] as const]
        })
        file.chunk = { sizeBefore, sizeAfter, positions: new Map(known) }
        break
      }
      case 'closed': {
        const file = files.get(entry[1])
        if (file !== undefined) settleChunk(file, entry[2])
        files.delete(entry[1])
        break
      }
      case 'complete':
        isComplete = true
        break
    }
  }
  return isComplete ? { sequences: [...sequences.values()], files: [...files.values()] } : undefined
}

/** Takes the last chunk of a file as stored when the file is large enough for that; says whether it was. */
export function settleChunk(file: JournaledFile, size: number): boolean {
  const { chunk } = file
  file.chunk = undefined
  if (chunk === undefined || size < chunk.sizeAfter) return false
  for (const [sequence, number] of chunk.positions) {
    sequence.stored = Math.max(sequence.stored, number)
    sequence.received = Math.max(sequence.received, number)
  }
  return true
}

/** Undefined for what is not as it was written. */
function parseEntry(row: string): Entry | undefined {
  const json = row.slice(CHECKSUM_DIGITS + 1)
  return row.startsWith(`${checksumOf(json)} `) ? (JSON.parse(json) as Entry) : undefined
}

function line(entry: Entry): string {
  const json = JSON.stringify(entry)
  return `${checksumOf(json)} ${json}\n`
}

const CHECKSUM_DIGITS = 8

function checksumOf(json: string): string {
  return crc32(Buffer.from(json)).toString(16).padStart(CHECKSUM_DIGITS, '0')
}

function fileLine({ id, filePath, name, writer, openedMs }: JournaledFile): string {
  return line(['file', id, filePath, name, writer, openedMs])
}

function chunkLine(id: number, { sizeBefore, sizeAfter, positions }: JournaledChunk): string {
  const numbers = [...positions].map(
    ([{ index, invalid }, number]): JournaledPosition => [index, number, invalid],
  )
  return line(['chunk', id, sizeBefore, sizeAfter, numbers])
}
