/**
 * Whether data is a valid Zeek message of its type, without building anything (spec/broker-protocol.md 6.1 to 6.5).
 * A Batch is all or nothing: it is checked as a whole before the first of its messages is handled.
 */
import { skipValue, TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import { type BatchOrigin, readBatchOrigin } from './log-messages.js'
import {
  expectContent,
  invalid,
  MESSAGE_TYPE,
  type OpenedMessage,
  openMessage,
  readCount,
  readVectorStart,
  skipValues,
} from './messages.js'

/** Batches inside batches inside batches: Zeek sends none. */
const MAX_BATCH_DEPTH = 8

/** The metadata of events that Zeek knows: the network time at which an event was published. */
const NETWORK_TIMESTAMP = 1n

/**
 * Moves over the content of a message; the reader stands behind `openMessage`. Throws `DecodeError` with the code
 * `invalid-message`. Says whether there is anything in it beside log messages.
 */
export function checkMessage(reader: ByteReader, opened: OpenedMessage, depth = 0): boolean {
  const { type, contentSize, surplus } = opened
  switch (type) {
    case MESSAGE_TYPE.event:
      expectContent(reader, opened, 2)
      expectTag(reader, TAG.string, 'a name')
      expectTag(reader, TAG.vector, 'arguments')
      if (contentSize > 2) readTimestamp(reader)
      skipValues(reader, Math.max(0, contentSize - 3) + surplus)
      return true
    case MESSAGE_TYPE.logCreate:
      expectContent(reader, opened, 4)
      expectTag(reader, TAG.enumValue, 'a stream')
      expectTag(reader, TAG.enumValue, 'a writer')
      expectTag(reader, TAG.vector, 'a description of the writer')
      expectTag(reader, TAG.vector, 'columns')
      skipValues(reader, contentSize - 4 + surplus)
      return false
    case MESSAGE_TYPE.logWrite:
      expectContent(reader, opened, 4)
      expectTag(reader, TAG.enumValue, 'a stream')
      expectTag(reader, TAG.enumValue, 'a writer')
      expectTag(reader, TAG.string, 'a path')
      expectTag(reader, TAG.string, 'a record')
      skipValues(reader, contentSize - 4 + surplus)
      return false
    case MESSAGE_TYPE.identifierUpdate:
      expectContent(reader, opened, 2)
      expectTag(reader, TAG.string, 'a name')
      skipValues(reader, contentSize - 1 + surplus)
      return true
    case MESSAGE_TYPE.batch: {
      if (depth >= MAX_BATCH_DEPTH) throw invalid(reader, `batches nested deeper than ${MAX_BATCH_DEPTH}`)
      let other = false
      for (let index = 0; index < contentSize; index += 1) {
        openMessage(reader, opened)
        if (checkMessage(reader, opened, depth + 1)) other = true
      }
      skipValues(reader, surplus)
      return other
    }
    default:
      throw invalid(reader, `unknown type ${type}`)
  }
}

/** What a Batch is, known before the first of its messages is handled. */
export interface CheckedBatch {
  readonly hasOtherThanLogs: boolean
  readonly origin: BatchOrigin | undefined
}

/** As `checkMessage`, for a Batch that is not inside another one. Throws `DecodeError`. */
export function checkBatch(reader: ByteReader, opened: OpenedMessage): CheckedBatch {
  const { contentSize, surplus } = opened
  let hasOtherThanLogs = false
  for (let index = 0; index < contentSize; index += 1) {
    openMessage(reader, opened)
    if (checkMessage(reader, opened, 1)) hasOtherThanLogs = true
  }
  const origin = surplus > 0 ? readBatchOrigin(reader) : undefined
  skipValues(reader, Math.max(0, surplus - 1))
  return { hasOtherThanLogs, origin }
}

/**
 * Moves over the metadata of an event and returns its network timestamp in nanoseconds, if it has one. Values of
 * unknown ids are ignored. Throws `DecodeError`.
 */
export function readTimestamp(reader: ByteReader): bigint | undefined {
  const size = readVectorStart(reader)
  let timestamp: bigint | undefined
  for (let index = 0; index < size; index += 1) {
    if (readVectorStart(reader) !== 2) throw invalid(reader, 'metadata is a list of pairs')
    if (readCount(reader) !== NETWORK_TIMESTAMP) {
      skipValue(reader)
    } else {
      if (reader.u8() !== TAG.timestamp) throw invalid(reader, 'a network timestamp is a timestamp')
      timestamp = reader.i64()
    }
  }
  return timestamp
}

/** Moves over a value of one type. */
function expectTag(reader: ByteReader, tag: number, what: string): void {
  if (reader.bytes[reader.offset] !== tag || reader.remaining === 0) {
    throw invalid(reader, `expected ${what}`)
  }
  skipValue(reader)
}
