/**
 * Log messages between nodes: the description of a writer (LogCreate) and records (LogWrite, always inside a
 * Batch), spec/broker-protocol.md 6.4 to 6.6. Records are one opaque byte string: a sender fills it value by
 * value, a logger goes from these bytes to text bytes without building values.
 */
import { readReal, skipValue, TAG, writeReal } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import {
  expectContent,
  invalid,
  MESSAGE_TYPE,
  type OpenedMessage,
  openMessage,
  readCount,
  readLabel,
  readText,
  readVectorStart,
  skipValues,
  writeMessageStart,
} from './messages.js'
import { ZEEK_TAG } from './types.js'

/** One column of a log as LogCreate describes it. */
export interface LogField {
  readonly name: string
  /** Zeek's type tag. */
  readonly tag: number
  /** Type tag of the elements of a set or vector, else 0. */
  readonly elementTag: number
  readonly optional: boolean
}

/** The description of a log writer: which file, of which stream, with which columns. */
export interface LogWriterDescription {
  /** For example `Conn::LOG`. */
  readonly stream: string
  /** For example `Log::WRITER_ASCII`. */
  readonly writer: string
  /** Base name of the file, for example `conn`. */
  readonly path: string
  readonly config: ReadonlyMap<string, string>
  readonly fields: readonly LogField[]
}

export const ASCII_WRITER = 'Log::WRITER_ASCII'

/** Appends a LogCreate message. `networkTimeSeconds`: seconds since the epoch. */
export function writeLogCreate(
  writer: ByteWriter,
  description: LogWriterDescription,
  networkTimeSeconds: number,
): void {
  writeMessageStart(writer, MESSAGE_TYPE.logCreate, 4)
  writeLabel(writer, description.stream)
  writeLabel(writer, description.writer)
  writer.u8(TAG.vector)
  writer.varbyte(6)
  writeString(writer, description.path)
  writeReal(writer, 0)
  writeReal(writer, 0)
  writeReal(writer, networkTimeSeconds)
  writer.u8(TAG.table)
  const config = [...description.config].sort(([a], [b]) => (a < b ? -1 : 1))
  writer.varbyte(config.length)
  for (const [key, value] of config) {
    writeString(writer, key)
    writeString(writer, value)
  }
  writeString(writer, '')
  writer.u8(TAG.vector)
  writer.varbyte(description.fields.length)
  for (const field of description.fields) {
    writer.u8(TAG.vector)
    writer.varbyte(5)
    writeString(writer, field.name)
    writer.u8(TAG.none)
    writeTag(writer, field.tag)
    writeTag(writer, field.elementTag)
    writer.u8(TAG.boolean)
    writer.u8(field.optional ? 1 : 0)
  }
}

/** Reads the content of a LogCreate; the reader stands behind `openMessage`. Throws `DecodeError`. */
export function readLogCreate(reader: ByteReader, opened: OpenedMessage): LogWriterDescription {
  expectContent(reader, opened, 4)
  const stream = readLabel(reader)
  const writer = readLabel(reader)
  const infoSize = readVectorStart(reader)
  if (infoSize < 6) throw invalid(reader, `writer description of ${infoSize} elements`)
  const path = readText(reader)
  for (let index = 0; index < 3; index += 1) {
    if (reader.u8() !== TAG.real) throw invalid(reader, 'expected a real')
    readReal(reader)
  }
  const config = readConfig(reader)
  readText(reader)
  for (let index = 6; index < infoSize; index += 1) skipValue(reader)
  const fieldCount = readVectorStart(reader)
  const fields: LogField[] = []
  for (let index = 0; index < fieldCount; index += 1) fields.push(readField(reader))
  return { stream, writer, path, config, fields }
}

function readConfig(reader: ByteReader): ReadonlyMap<string, string> {
  if (reader.u8() !== TAG.table) throw invalid(reader, 'expected a table')
  const size = reader.elementCount(2)
  const config = new Map<string, string>()
  for (let index = 0; index < size; index += 1) config.set(readText(reader), readText(reader))
  return config
}

function readField(reader: ByteReader): LogField {
  const size = readVectorStart(reader)
  if (size < 5) throw invalid(reader, `column description of ${size} elements`)
  const name = readText(reader)
  skipValue(reader)
  const tag = Number(readCount(reader))
  const elementTag = Number(readCount(reader))
  if (reader.u8() !== TAG.boolean) throw invalid(reader, 'expected a boolean')
  const optional = reader.u8() !== 0
  for (let index = 5; index < size; index += 1) skipValue(reader)
  return { name, tag, elementTag, optional }
}

/** Starts a Batch of `size` messages; one that says where it comes from ends with `writeBatchOrigin`. */
export function writeBatchStart(writer: ByteWriter, size: number, hasOrigin = false): void {
  writeMessageStart(writer, MESSAGE_TYPE.batch, size, hasOrigin ? 1 : 0)
}

/**
 * Where the records of a batch come from, so that a logger has each exactly once: numbers count the records of one
 * sequence that one logger gets, from 1. Nodes of this package send it behind the content of a Batch, where Zeek
 * ignores it.
 */
export interface BatchOrigin {
  /** Name of the node. */
  readonly node: string
  /** Unique for the life of the process that wrote the records. */
  readonly run: string
  /** One stream and path of that run. */
  readonly sequence: number
  /** Number of the first record. */
  readonly first: number
  /** The sender knows that the logger has everything up to this number. */
  readonly confirmed: number
}

const ORIGIN_MARK = 'zeek-cluster/log-origin/1'

export function writeBatchOrigin(writer: ByteWriter, origin: BatchOrigin): void {
  writer.u8(TAG.vector)
  writer.varbyte(6)
  writeString(writer, ORIGIN_MARK)
  writeString(writer, origin.node)
  writeString(writer, origin.run)
  for (const number of [origin.sequence, origin.first, origin.confirmed]) {
    writer.u8(TAG.count)
    writer.u64FromNumber(number)
  }
}

/**
 * Reads one surplus element; undefined for one that somebody else put there. The reader is behind it. Throws
 * `DecodeError`.
 */
export function readBatchOrigin(reader: ByteReader): BatchOrigin | undefined {
  const start = reader.offset
  skipValue(reader)
  const end = reader.offset
  reader.offset = start
  try {
    if (readVectorStart(reader) !== 6 || readText(reader) !== ORIGIN_MARK) return undefined
    return {
      node: readText(reader),
      run: readText(reader),
      sequence: Number(readCount(reader)),
      first: Number(readCount(reader)),
      confirmed: Number(readCount(reader)),
    }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  } finally {
    reader.offset = end
  }
}

/** Appends a LogWrite up to the record's bytes: the caller goes on with `serialLength` bytes of serial data. */
export function writeLogWriteStart(
  writer: ByteWriter,
  description: LogWriterDescription,
  serialLength: number,
): void {
  writeMessageStart(writer, MESSAGE_TYPE.logWrite, 4)
  writeLabel(writer, description.stream)
  writeLabel(writer, description.writer)
  writeString(writer, description.path)
  writer.u8(TAG.string)
  writer.varbyte(serialLength)
}

/** What a logger does with the log messages it finds. */
export interface LogMessageHandler {
  create(description: LogWriterDescription): void
  /** The record is `reader.bytes[start, end)`, to be read before returning. */
  write(stream: string, writer: string, path: string, bytes: Buffer, start: number, end: number): void
}

/**
 * Walks over a LogCreate, LogWrite or Batch of these; other messages are skipped. The reader stands behind
 * `openMessage`. A Batch nested deeper than 8 is refused. Throws `DecodeError`; what came before the fault was
 * already handled.
 */
export function readLogMessages(
  reader: ByteReader,
  opened: OpenedMessage,
  handler: LogMessageHandler,
  depth = 0,
): void {
  switch (opened.type) {
    case MESSAGE_TYPE.logCreate:
      handler.create(readLogCreate(reader, opened))
      return skipValues(reader, opened.contentSize - 4 + opened.surplus)
    case MESSAGE_TYPE.logWrite: {
      expectContent(reader, opened, 4)
      const stream = readLabel(reader)
      const writer = readLabel(reader)
      const path = readText(reader)
      if (reader.u8() !== TAG.string) throw invalid(reader, 'expected a string')
      const length = reader.varbyte()
      const start = reader.take(length)
      handler.write(stream, writer, path, reader.bytes, start, start + length)
      return skipValues(reader, opened.contentSize - 4 + opened.surplus)
    }
    case MESSAGE_TYPE.batch: {
      if (depth > 8) throw invalid(reader, 'batches nested deeper than 8')
      const { contentSize: size, surplus } = opened
      for (let index = 0; index < size; index += 1) {
        openMessage(reader, opened)
        readLogMessages(reader, opened, handler, depth + 1)
      }
      return skipValues(reader, surplus)
    }
    default:
      return skipValues(reader, opened.contentSize + opened.surplus)
  }
}

function writeLabel(writer: ByteWriter, label: string): void {
  writer.u8(TAG.enumValue)
  writer.str(label)
}

function writeString(writer: ByteWriter, text: string): void {
  writer.u8(TAG.string)
  writer.str(text)
}

function writeTag(writer: ByteWriter, tag: number): void {
  writer.u8(TAG.count)
  writer.u64(BigInt(tag))
}

/** Zeek's names of column types, as `#types` in a log file shows them. */
export function fieldTypeName(field: LogField): string {
  if (field.tag === ZEEK_TAG.table) return `set[${tagName(field.elementTag)}]`
  if (field.tag === ZEEK_TAG.vector) return `vector[${tagName(field.elementTag)}]`
  return tagName(field.tag)
}

function tagName(tag: number): string {
  const entry = Object.entries(ZEEK_TAG).find(([, value]) => value === tag)
  if (entry === undefined) throw new DecodeError('invalid-tag', `type ${tag} cannot be logged`, 0)
  return entry[0]
}
