/**
 * Envelopes: what travels after the handshake, one per frame (spec/broker-protocol.md 2.2).
 *
 *     0   sender eid     the last hop
 *     16  receiver eid   nil: everyone who subscribes
 *     32  type u8        1 data, 2 command, 3 routing update, 4 ping, 5 pong
 *     33  ttl u16
 *     35  topic length u16, topic, payload up to the end of the frame
 */
import type { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError, EncodeError } from '../data/decode-error.js'
import { type EndpointId, NIL_ID } from './endpoint-id.js'

export const ENVELOPE = { data: 1, command: 2, routingUpdate: 3, ping: 4, pong: 5 } as const

/** Topic of routing updates, pings and pongs. */
export const CONTROL_TOPIC = '<$>'

export const ENVELOPE_HEADER_BYTES = 37

const TTL = 16
const MAX_TOPIC_BYTES = 0xffff

/** A decoded header; the payload is `[payloadStart, end)` of the frame. Reused for every frame. */
export interface EnvelopeHeader {
  /** Where the ids start in the frame's bytes. */
  senderStart: number
  receiverStart: number
  type: number
  ttl: number
  topic: string
  payloadStart: number
}

export function emptyEnvelopeHeader(): EnvelopeHeader {
  return { senderStart: 0, receiverStart: 0, type: 0, ttl: 0, topic: '', payloadStart: 0 }
}

/** A received frame. Reused for every frame; the bytes are valid during the call. */
export interface Envelope extends EnvelopeHeader {
  receiver: 'all' | 'own' | 'other'
  bytes: Uint8Array
  /** Behind the payload, which is the end of the frame. */
  end: number
  /** Whether the bytes stay as they are until the whole chunk is done, and not only during the call. */
  isInChunk: boolean
}

export function emptyEnvelope(): Envelope {
  return { ...emptyEnvelopeHeader(), receiver: 'all', bytes: new Uint8Array(0), end: 0, isInChunk: false }
}

/** Where a frame starts, its length included. */
export function frameStartOf(envelope: Envelope): number {
  return envelope.senderStart - 4
}

/**
 * Turns a received frame into one that this endpoint passes on: own id as sender, one hop less. The bytes are
 * changed in place, so that they need not be copied for it.
 */
export function readdress(envelope: Envelope, sender: EndpointId): void {
  const { bytes, senderStart, ttl } = envelope
  bytes.set(sender.bytes, senderStart)
  bytes[senderStart + 33] = (ttl - 1) >>> 8
  bytes[senderStart + 34] = ttl - 1
}

/** Starts a frame with an envelope; returns the offset that `endEnvelope` needs. */
export function beginEnvelope(
  writer: ByteWriter,
  type: number,
  sender: EndpointId,
  receiver: EndpointId,
  topic: string,
): number {
  const frameStart = writer.reserve(4 + ENVELOPE_HEADER_BYTES)
  const bytes = writer.bytes
  bytes.set(sender.bytes, frameStart + 4)
  bytes.set(receiver.bytes, frameStart + 20)
  bytes[frameStart + 36] = type
  bytes[frameStart + 37] = 0
  bytes[frameStart + 38] = TTL
  const topicLength = Buffer.byteLength(topic)
  if (topicLength > MAX_TOPIC_BYTES) throw new EncodeError(`a topic of ${topicLength} bytes`)
  bytes[frameStart + 39] = topicLength >>> 8
  bytes[frameStart + 40] = topicLength
  const topicStart = writer.reserve(topicLength)
  writer.bytes.utf8Write(topic, topicStart, topicLength)
  return frameStart
}

/** Topics whose headers are kept. */
const KEPT_HEADERS = 1024

/** The start of frames to everyone, by type and topic: the same for every message, and so made once. */
export class BroadcastHeaders {
  readonly #sender: EndpointId
  readonly #data = new Map<string, Uint8Array>()
  readonly #commands = new Map<string, Uint8Array>()

  constructor(sender: EndpointId) {
    this.#sender = sender
  }

  /** As `beginEnvelope`, for data or commands without a receiver. */
  begin(writer: ByteWriter, type: typeof ENVELOPE.data | typeof ENVELOPE.command, topic: string): number {
    const headers = type === ENVELOPE.data ? this.#data : this.#commands
    let header = headers.get(topic)
    if (header === undefined) {
      const scratch = new ByteWriter()
      beginEnvelope(scratch, type, this.#sender, NIL_ID, topic)
      header = scratch.toBytes()
      if (headers.size >= KEPT_HEADERS) headers.clear()
      headers.set(topic, header)
    }
    const frameStart = writer.length
    writer.raw(header)
    return frameStart
  }
}

/** Ends the frame that `beginEnvelope` started. */
export function endEnvelope(writer: ByteWriter, frameStart: number): void {
  writer.patchU32(frameStart, writer.length - frameStart - 4)
}

/** Reads the header of the frame that the reader stands at. Throws `DecodeError`. */
export function readEnvelopeHeader(reader: ByteReader, header: EnvelopeHeader): void {
  const start = reader.take(ENVELOPE_HEADER_BYTES)
  const bytes = reader.bytes
  const type = bytes[start + 32]!
  if (type < ENVELOPE.data || type > ENVELOPE.pong) {
    throw new DecodeError('invalid-tag', `unknown envelope type ${type}`, start + 32)
  }
  header.senderStart = start
  header.receiverStart = start + 16
  header.type = type
  header.ttl = (bytes[start + 33]! << 8) | bytes[start + 34]!
  header.topic = reader.name((bytes[start + 35]! << 8) | bytes[start + 36]!)
  header.payloadStart = reader.offset
}

/** Whom the envelope at the reader is for. */
export function receiverOf(reader: ByteReader, receiverStart: number, own: EndpointId): Envelope['receiver'] {
  if (isIdAt(reader, receiverStart, NIL_ID)) return 'all'
  return isIdAt(reader, receiverStart, own) ? 'own' : 'other'
}

/** Whether the 16 bytes at `offset` of the reader's input are this id. */
export function isIdAt(reader: ByteReader, offset: number, id: EndpointId): boolean {
  const words = id.words
  return (
    reader.u32At(offset + 12) === words[3] &&
    reader.u32At(offset + 8) === words[2] &&
    reader.u32At(offset + 4) === words[1] &&
    reader.u32At(offset) === words[0]
  )
}
