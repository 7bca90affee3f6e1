/**
 * The journal of a run: what happened to every batch, in order. An entry is a frame (mark, length, checksum) around
 * a body, so that what a crash tore off and what a disk damaged is told apart from what was written. Pure encoding.
 */
import { ByteReader } from '../../data/byte-reader.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import { DecodeError } from '../../data/decode-error.js'
import type { LogField, LogWriterDescription } from '../../data/log-messages.js'
import { noneDropped } from './batch.js'
import { crc32 } from './crc32.js'
import type { DropReason, LogPriority } from './delivery-settings.js'

/** Where the payload of a batch is: the concatenated LogWrite messages. */
export interface JournalPlace {
  /** Number of the segment. */
  readonly segment: number
  /** Offset and length of each piece: records that came a few at a time lie between those of other sequences. */
  readonly pieces: readonly number[]
  /** Over all pieces. */
  readonly checksum: number
}

/** Which logger a batch belongs to, and the number of its first record there. */
export interface Assignment {
  readonly logger: string
  /** The sequence as that logger knows it. */
  readonly wire: number
  readonly first: number
}

/** How the process of the run fared, as far as the journal knows. */
export type RunLife = 'running' | 'ended' | 'crashed'

export type JournalEntry =
  | {
      readonly kind: 'start'
      readonly life: RunLife
      /** How often the journal was opened by a new process: each has numbers for wire sequences of its own. */
      readonly generation: number
      /** Wall clock, milliseconds. */
      readonly startedMs: number
    }
  | {
      readonly kind: 'sequence'
      readonly id: number
      readonly priority: LogPriority
      readonly description: LogWriterDescription
    }
  /** Records of batches that are finished. */
  | {
      readonly kind: 'totals'
      readonly sequence: number
      readonly produced: number
      readonly stored: number
      readonly unconfirmed: number
      readonly dropped: Readonly<Record<DropReason, number>>
    }
  /** What a logger has of a sequence before the batches that follow. */
  | {
      readonly kind: 'channel'
      readonly sequence: number
      readonly logger: string
      readonly wire: number
      readonly confirmed: number
    }
  | {
      readonly kind: 'spooled'
      readonly batch: number
      readonly sequence: number
      readonly records: number
      readonly place: JournalPlace
      readonly assignment: Assignment | undefined
    }
  /** A batch that waits got more records, in the same segment; the checksum is the new one over all pieces. */
  | {
      readonly kind: 'extended'
      readonly batch: number
      readonly records: number
      readonly offset: number
      readonly length: number
      readonly checksum: number
    }
  | { readonly kind: 'assigned'; readonly batch: number; readonly assignment: Assignment }
  | { readonly kind: 'confirmed'; readonly logger: string; readonly wire: number; readonly number: number }
  | { readonly kind: 'unconfirmed'; readonly batch: number }
  | { readonly kind: 'dropped'; readonly batch: number; readonly reason: DropReason }
  /** Records that never came into the spool. */
  | {
      readonly kind: 'refused'
      readonly sequence: number
      readonly records: number
      readonly reason: DropReason
    }
  /** The journal says everything that the one before it said. */
  | { readonly kind: 'complete' }
  | { readonly kind: 'ended' }

export type JournalEntryOf<Kind extends JournalEntry['kind']> = Extract<JournalEntry, { kind: Kind }>

/** Numbers of the format: only ever added to. */
const KINDS: readonly JournalEntry['kind'][] = [
  'start',
  'sequence',
  'totals',
  'channel',
  'spooled',
  'extended',
  'assigned',
  'confirmed',
  'unconfirmed',
  'dropped',
  'refused',
  'complete',
  'ended',
]
const PRIORITIES: readonly LogPriority[] = ['high', 'normal', 'low']
const LIVES: readonly RunLife[] = ['running', 'ended', 'crashed']
const REASONS: readonly DropReason[] = [
  'spool-full',
  'spool-unwritable',
  'spool-damaged',
  'queue-full',
  'logger-gone',
]
const FORMAT_VERSION = 2

const MARK = 0x9d
const FRAME_BYTES = 9
/** A description with thousands of columns fits; a damaged length seldom does. */
const BODY_BYTES_MAX = 1024 * 1024

/** Appends an entry. */
export function writeJournalEntry(writer: ByteWriter, entry: JournalEntry): void {
  const frame = writer.reserve(FRAME_BYTES)
  writer.u8(KINDS.indexOf(entry.kind))
  writeBody(writer, entry)
  const start = frame + FRAME_BYTES
  writer.bytes[frame] = MARK
  writer.patchU32(frame + 1, writer.length - start)
  writer.patchU32(frame + 5, crc32(writer.bytes.subarray(start, writer.length)))
}

function writeBody(writer: ByteWriter, entry: JournalEntry): void {
  switch (entry.kind) {
    case 'start':
      writer.u8(FORMAT_VERSION)
      writer.u8(LIVES.indexOf(entry.life))
      writer.u32(entry.generation)
      return writer.f64(entry.startedMs)
    case 'sequence':
      writer.u64FromNumber(entry.id)
      writer.u8(PRIORITIES.indexOf(entry.priority))
      return writeDescription(writer, entry.description)
    case 'totals':
      writer.u64FromNumber(entry.sequence)
      writer.u64FromNumber(entry.produced)
      writer.u64FromNumber(entry.stored)
      writer.u64FromNumber(entry.unconfirmed)
      writer.u8(REASONS.length)
      for (const reason of REASONS) writer.u64FromNumber(entry.dropped[reason])
      return
    case 'channel':
      writer.u64FromNumber(entry.sequence)
      writer.str(entry.logger)
      writer.u64FromNumber(entry.wire)
      return writer.u64FromNumber(entry.confirmed)
    case 'spooled':
      writer.u64FromNumber(entry.batch)
      writer.u64FromNumber(entry.sequence)
      writer.u32(entry.records)
      writer.u32(entry.place.segment)
      writer.varbyte(entry.place.pieces.length)
      for (const number of entry.place.pieces) writer.u32(number)
      writer.u32(entry.place.checksum)
      writer.u8(entry.assignment === undefined ? 0 : 1)
      if (entry.assignment !== undefined) writeAssignment(writer, entry.assignment)
      return
    case 'extended':
      writer.u64FromNumber(entry.batch)
      return writer.words(entry.records, entry.offset, entry.length, entry.checksum)
    case 'assigned':
      writer.u64FromNumber(entry.batch)
      return writeAssignment(writer, entry.assignment)
    case 'confirmed':
      writer.str(entry.logger)
      writer.u64FromNumber(entry.wire)
      return writer.u64FromNumber(entry.number)
    case 'unconfirmed':
      return writer.u64FromNumber(entry.batch)
    case 'dropped':
      writer.u64FromNumber(entry.batch)
      return writer.u8(REASONS.indexOf(entry.reason))
    case 'refused':
      writer.u64FromNumber(entry.sequence)
      writer.u32(entry.records)
      return writer.u8(REASONS.indexOf(entry.reason))
    case 'complete':
    case 'ended':
      return
  }
}

function writeAssignment(writer: ByteWriter, { logger, wire, first }: Assignment): void {
  writer.str(logger)
  writer.u64FromNumber(wire)
  writer.u64FromNumber(first)
}

function writeDescription(writer: ByteWriter, description: LogWriterDescription): void {
  writer.str(description.stream)
  writer.str(description.writer)
  writer.str(description.path)
  writer.varbyte(description.config.size)
  for (const [key, value] of description.config) {
    writer.str(key)
    writer.str(value)
  }
  writer.varbyte(description.fields.length)
  for (const field of description.fields) {
    writer.str(field.name)
    writer.u32(field.tag)
    writer.u32(field.elementTag)
    writer.u8(field.optional ? 1 : 0)
  }
}

/** What was read of a journal. */
export interface JournalContent {
  /** Up to the end or the first damage. */
  readonly entries: readonly JournalEntry[]
  /** `torn`: an entry was being written when the process died; `damaged`: entries follow what cannot be read. */
  readonly end: 'whole' | 'torn' | 'damaged'
  /** Readable entries behind the damage: what they build upon is not known. */
  readonly behind: readonly JournalEntry[]
}

/** Reads a journal as far as it goes; never throws. */
export function readJournal(bytes: Uint8Array): JournalContent {
  const reader = new ByteReader()
  const entries: JournalEntry[] = []
  const behind: JournalEntry[] = []
  let damaged = false
  let offset = 0
  let torn = false
  while (offset < bytes.length) {
    const entry = entryAt(reader, bytes, offset)
    if (entry !== undefined) {
      damaged ||= torn
      ;(damaged ? behind : entries).push(entry)
      offset = reader.offset
    } else {
      torn = true
      const next = bytes.indexOf(MARK, offset + 1)
      offset = next < 0 ? bytes.length : next
    }
  }
  return { entries, end: damaged ? 'damaged' : torn ? 'torn' : 'whole', behind }
}

/** The entry that starts at `offset`, with the reader behind it; undefined when none does. */
function entryAt(reader: ByteReader, bytes: Uint8Array, offset: number): JournalEntry | undefined {
  if (bytes[offset] !== MARK || bytes.length - offset < FRAME_BYTES) return undefined
  reader.reset(bytes, offset + 1, bytes.length)
  const length = reader.u32()
  const checksum = reader.u32()
  const start = reader.offset
  if (length > BODY_BYTES_MAX || length > bytes.length - start) return undefined
  if (crc32(bytes.subarray(start, start + length)) !== checksum) return undefined
  reader.reset(bytes, start, start + length)
  try {
    const entry = readBody(reader)
    reader.expectEnd()
    return entry
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function readBody(reader: ByteReader): JournalEntry {
  const kind = pick(reader, KINDS)
  switch (kind) {
    case 'start': {
      if (reader.u8() !== FORMAT_VERSION)
        throw new DecodeError('invalid-tag', 'unknown version', reader.offset)
      const life = pick(reader, LIVES)
      return { kind, life, generation: reader.u32(), startedMs: reader.f64() }
    }
    case 'sequence': {
      const id = readNumber(reader)
      return { kind, id, priority: pick(reader, PRIORITIES), description: readDescription(reader) }
    }
    case 'totals': {
      const sequence = readNumber(reader)
      const produced = readNumber(reader)
      const stored = readNumber(reader)
      const unconfirmed = readNumber(reader)
      const dropped = noneDropped()
      if (reader.u8() !== REASONS.length)
        throw new DecodeError('invalid-tag', 'unknown reasons', reader.offset)
      for (const reason of REASONS) dropped[reason] = readNumber(reader)
      return { kind, sequence, produced, stored, unconfirmed, dropped }
    }
    case 'channel': {
      const sequence = readNumber(reader)
      const logger = reader.str()
      return { kind, sequence, logger, wire: readNumber(reader), confirmed: readNumber(reader) }
    }
    case 'spooled': {
      const batch = readNumber(reader)
      const sequence = readNumber(reader)
      const records = reader.u32()
      const segment = reader.u32()
      const pieces: number[] = []
      for (let left = reader.elementCount(4); left > 0; left -= 1) pieces.push(reader.u32())
      const place = { segment, pieces, checksum: reader.u32() }
      const assignment = reader.u8() === 0 ? undefined : readAssignment(reader)
      return { kind, batch, sequence, records, place, assignment }
    }
    case 'extended': {
      const batch = readNumber(reader)
      const records = reader.u32()
      const offset = reader.u32()
      return { kind, batch, records, offset, length: reader.u32(), checksum: reader.u32() }
    }
    case 'assigned':
      return { kind, batch: readNumber(reader), assignment: readAssignment(reader) }
    case 'confirmed': {
      const logger = reader.str()
      return { kind, logger, wire: readNumber(reader), number: readNumber(reader) }
    }
    case 'unconfirmed':
      return { kind, batch: readNumber(reader) }
    case 'dropped':
      return { kind, batch: readNumber(reader), reason: pick(reader, REASONS) }
    case 'refused': {
      const sequence = readNumber(reader)
      return { kind, sequence, records: reader.u32(), reason: pick(reader, REASONS) }
    }
    case 'complete':
    case 'ended':
      return { kind }
  }
}

function readAssignment(reader: ByteReader): Assignment {
  const logger = reader.str()
  return { logger, wire: readNumber(reader), first: readNumber(reader) }
}

function readDescription(reader: ByteReader): LogWriterDescription {
  const stream = reader.str()
  const writer = reader.str()
  const path = reader.str()
  const config = new Map<string, string>()
  for (let left = reader.elementCount(2); left > 0; left -= 1) config.set(reader.str(), reader.str())
  const fields: LogField[] = []
  for (let left = reader.elementCount(10); left > 0; left -= 1) {
    const name = reader.str()
    fields.push({ name, tag: reader.u32(), elementTag: reader.u32(), optional: reader.u8() !== 0 })
  }
  return { stream, writer, path, config, fields }
}

function readNumber(reader: ByteReader): number {
  return Number(reader.u64())
}

function pick<T>(reader: ByteReader, from: readonly T[]): T {
  const value = from[reader.u8()]
  if (value === undefined)
    throw new DecodeError('invalid-tag', 'a number that the journal does not have', reader.offset)
  return value
}
