/**
 * Batches of log records as Zeek sends them over ZeroMQ: its `zeek-bin-serializer` (spec/zeek-zeromq-websocket.md 3).
 * Every batch has its schema; values are as in the records of Broker, one row after the other.
 */
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { DecodeError } from '../../data/decode-error.js'
import type { LogField, LogWriterDescription } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'

export interface ZeekBinBatch {
  readonly description: LogWriterDescription
  /** Name of the filter at the sender. */
  readonly filter: string
  readonly records: number
}

/** A column description takes at least this much: flag, length of the name, two types, flag. */
const FIELD_BYTES = 14
/** Type, subtype and present flag. */
const VALUE_BYTES = 9
const MAX_DEPTH = 8

/**
 * Reads a batch: first what it is, then each record in the wire form that log writers take. Bytes behind the batch are
 * ignored, as in Zeek. Throws `DecodeError`; nothing is told of a batch that is not whole, since Zeek refuses it too.
 */
export function readZeekBinBatch(
  reader: ByteReader,
  onBatch: (batch: ZeekBinBatch) => void,
  onRecord: (bytes: Uint8Array, start: number, end: number) => void,
): void {
  const batch = readStart(reader)
  const { fields } = batch.description
  const start = reader.offset
  for (let index = 0; index < batch.records; index += 1) skipRow(reader, fields)
  const end = reader.offset
  onBatch(batch)
  const rows = new ByteReader(reader.bytes)
  rows.reset(reader.bytes, start, end)
  const record = new ByteWriter()
  for (let index = 0; index < batch.records; index += 1) {
    const from = rows.offset
    skipRow(rows, fields)
    record.length = 0
    record.u32(fields.length)
    record.slice(rows.bytes, from, rows.offset)
    onRecord(record.bytes, 0, record.length)
  }
}

function readStart(reader: ByteReader): ZeekBinBatch {
  const stream = readName(reader)
  const writer = readName(reader)
  const filter = readName(reader)
  const path = readName(reader)
  const size = reader.u32()
  if (size * FIELD_BYTES > reader.remaining) throw tooLong(reader, `${size} columns`)
  const fields: LogField[] = []
  for (let index = 0; index < size; index += 1) fields.push(readField(reader))
  const records = reader.u32()
  // A record without columns takes no bytes: any number of them would fit.
  if (records * Math.max(1, size) * VALUE_BYTES > reader.remaining)
    throw tooLong(reader, `${records} records`)
  return { description: { stream, writer, path, config: new Map(), fields }, filter, records }
}

function readField(reader: ByteReader): LogField {
  // A second name, which no log has.
  if (reader.u8() === 1) readName(reader)
  const name = readName(reader)
  const tag = reader.u32()
  const elementTag = reader.u32()
  return { name, tag, elementTag, optional: reader.u8() === 1 }
}

function readName(reader: ByteReader): string {
  return reader.name(reader.u32())
}

function skipRow(reader: ByteReader, fields: readonly LogField[]): void {
  for (const { tag, name } of fields) {
    const offset = reader.offset
    const found = skipValue(reader, 0)
    if (found !== tag) {
      throw new DecodeError('type-mismatch', `column ${name} has type ${tag}, not ${found}`, offset)
    }
  }
}

/** Moves over a value and returns its type. */
function skipValue(reader: ByteReader, depth: number): number {
  if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, reader.offset)
  const tag = reader.u32()
  reader.skip(4)
  if (reader.u8() !== 1) return tag
  switch (tag) {
    case ZEEK_TAG.bool:
    case ZEEK_TAG.int:
    case ZEEK_TAG.count:
    case ZEEK_TAG.double:
    case ZEEK_TAG.time:
    case ZEEK_TAG.interval:
      reader.skip(8)
      return tag
    case ZEEK_TAG.string:
    case ZEEK_TAG.enum:
    case ZEEK_TAG.file:
    case ZEEK_TAG.func:
      reader.skip(reader.u32())
      return tag
    case ZEEK_TAG.port:
      reader.skip(12)
      return tag
    case ZEEK_TAG.addr:
      skipAddress(reader)
      return tag
    case ZEEK_TAG.subnet:
      reader.skip(1)
      skipAddress(reader)
      return tag
    case ZEEK_TAG.table:
    case ZEEK_TAG.vector: {
      const size = Number(reader.i64())
      if (size < 0 || size * VALUE_BYTES > reader.remaining) throw tooLong(reader, `${size} elements`)
      for (let index = 0; index < size; index += 1) skipValue(reader, depth + 1)
      return tag
    }
    default:
      throw new DecodeError('invalid-tag', `type ${tag} cannot be logged`, reader.offset - VALUE_BYTES)
  }
}

function skipAddress(reader: ByteReader): void {
  const family = reader.u8()
  if (family !== 4 && family !== 6) {
    throw new DecodeError('invalid-tag', `unknown address family ${family}`, reader.offset - 1)
  }
  reader.skip(family === 4 ? 4 : 16)
}

function tooLong(reader: ByteReader, what: string): DecodeError {
  return new DecodeError('truncated', `${what} announced, but the batch is shorter`, reader.offset)
}
