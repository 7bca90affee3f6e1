/**
 * Zeek's messages on top of Broker data (spec/broker-protocol.md 6): a vector of version, type and content.
 * `openMessage` reads only what is needed to know what a message is; contents are read on demand, in place.
 */
import { skipValue, TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'

export const MESSAGE_TYPE = { event: 1, logCreate: 2, logWrite: 3, identifierUpdate: 4, batch: 5 } as const

const VERSION = 1n

/** Anything that can be appended to an outgoing message as one Broker value. */
export interface Encodable {
  writeTo(writer: ByteWriter): void
}

/**
 * Starts a message of the given type; the caller appends `contentSize` values, and then `surplus` more, which receivers
 * that do not know them ignore.
 */
export function writeMessageStart(writer: ByteWriter, type: number, contentSize: number, surplus = 0): void {
  writer.u8(TAG.vector)
  writer.varbyte(3 + surplus)
  writeSmallCount(writer, 1)
  writeSmallCount(writer, type)
  writer.u8(TAG.vector)
  writer.varbyte(contentSize)
}

function writeSmallCount(writer: ByteWriter, value: number): void {
  writer.u8(TAG.count)
  writer.u32(0)
  writer.u32(value)
}

/** What kind of message starts at the reader, and how many values its content has; the reader is before them. */
export interface OpenedMessage {
  type: number
  contentSize: number
  /** Elements behind the content, which no version of Zeek sends. */
  surplus: number
}

export function emptyOpenedMessage(): OpenedMessage {
  return { type: 0, contentSize: 0, surplus: 0 }
}

/**
 * Reads version, type and the start of the content into `opened`. Throws `DecodeError` (`invalid-message` for data
 * that is no Zeek message).
 */
export function openMessage(reader: ByteReader, opened: OpenedMessage): void {
  const size = readVectorStart(reader)
  if (size < 3) throw invalid(reader, 'a message has three elements')
  opened.surplus = size - 3
  if (readCount(reader) !== VERSION) throw invalid(reader, 'unknown message version')
  opened.type = Number(readCount(reader))
  opened.contentSize = readVectorStart(reader)
}

export function readVectorStart(reader: ByteReader): number {
  if (reader.u8() !== TAG.vector) throw invalid(reader, 'expected a vector')
  return reader.elementCount(1)
}

export function readCount(reader: ByteReader): bigint {
  if (reader.u8() !== TAG.count) throw invalid(reader, 'expected a count')
  return reader.u64()
}

export function readText(reader: ByteReader): string {
  if (reader.u8() !== TAG.string) throw invalid(reader, 'expected a string')
  return reader.name(reader.varbyte())
}

export function readLabel(reader: ByteReader): string {
  if (reader.u8() !== TAG.enumValue) throw invalid(reader, 'expected an enum value')
  return reader.name(reader.varbyte())
}

/** Throws when the content has fewer values than the message needs. */
export function expectContent(reader: ByteReader, opened: OpenedMessage, atLeast: number): void {
  if (opened.contentSize < atLeast) throw invalid(reader, `content of ${opened.contentSize} values`)
}

export function skipValues(reader: ByteReader, count: number): void {
  for (let index = 0; index < count; index += 1) skipValue(reader)
}

export function invalid(reader: ByteReader, message: string): DecodeError {
  return new DecodeError('invalid-message', `not a valid Zeek message: ${message}`, reader.offset)
}
