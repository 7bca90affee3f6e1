/** Frames that arrived, in the words of transcripts. */
import { type EndpointId, endpointIdFromBytes } from '../broker/endpoint-id.js'
import {
  CONTROL_TOPIC,
  ENVELOPE,
  type EnvelopeHeader,
  emptyEnvelopeHeader,
  readEnvelopeHeader,
} from '../broker/envelope.js'
import { readFilter } from '../broker/filter.js'
import { decodeHandshakeMessage, encodeHandshakeMessage } from '../broker/handshake-messages.js'
import { ByteReader } from '../data/byte-reader.js'
import { DecodeError } from '../data/decode-error.js'
import { STRING_TAG } from './broker-frame-words.js'

const LENGTH_BYTES = 4
/** More of a payload says no more to a reader. */
const SHOWN_BYTES = 60

/** One frame, its length in front, as words. `nameOf` names the ids that the reader knows. */
export function describeFrame(frame: Uint8Array, nameOf: (id: EndpointId) => string): string {
  return handshakeWords(frame, nameOf) ?? envelopeWords(frame, nameOf) ?? `hex ${hexOf(frame)}`
}

function handshakeWords(frame: Uint8Array, nameOf: (id: EndpointId) => string): string | undefined {
  const message = decodeHandshakeMessage(frame, LENGTH_BYTES, frame.length)
  if (message.kind === 'fault') return undefined
  // The id at the start of an envelope may begin as a handshake message does.
  if (Buffer.compare(encodeHandshakeMessage(message), frame) !== 0) return undefined
  switch (message.kind) {
    case 'probe':
    case 'originator-ack':
      return message.kind
    case 'hello':
      return `hello ${nameOf(message.sender)} min=${message.minVersion} max=${message.maxVersion}`
    case 'version-select':
      return `version-select ${nameOf(message.sender)} version=${message.version}`
    case 'drop-conn':
      return `drop-conn ${nameOf(message.sender)} ${message.code} ${JSON.stringify(message.description)}`
    default:
      return `${message.kind} ${JSON.stringify(message.filter)}`
  }
}

function envelopeWords(frame: Uint8Array, nameOf: (id: EndpointId) => string): string | undefined {
  const reader = new ByteReader()
  reader.reset(frame, LENGTH_BYTES, frame.length)
  const header = emptyEnvelopeHeader()
  try {
    readEnvelopeHeader(reader, header)
    const from = nameOf(idAt(frame, header.senderStart))
    const to = nameOf(idAt(frame, header.receiverStart))
    return `${contentWords(reader, header)} from=${from} to=${to} ttl=${header.ttl}`
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return undefined
  }
}

function contentWords(reader: ByteReader, header: EnvelopeHeader): string {
  const payload = reader.bytes.subarray(header.payloadStart, reader.end)
  const topic = header.topic === CONTROL_TOPIC ? '' : ` topic=${JSON.stringify(header.topic)}`
  switch (header.type) {
    case ENVELOPE.data:
      return `data ${JSON.stringify(header.topic)} ${describePayload(payload, true)}`
    case ENVELOPE.command:
      return `command ${JSON.stringify(header.topic)} ${describePayload(payload, false)}`
    case ENVELOPE.routingUpdate:
      return `routing-update ${JSON.stringify(readFilter(reader))}${topic}`
    default:
      return `${header.type === ENVELOPE.ping ? 'ping' : 'pong'} ${describePayload(payload, false)}${topic}`
  }
}

/** A payload as text where it is readable, else as hex; `isValue`: a Broker value. */
export function describePayload(payload: Uint8Array, isValue: boolean): string {
  const text = isValue ? stringValue(payload) : payload
  if (text === undefined || text.some((byte) => byte < 0x20 || byte > 0x7e)) return hexOf(payload)
  const shown = Buffer.from(text.buffer, text.byteOffset, text.length).toString('latin1')
  return shown.length <= SHOWN_BYTES
    ? JSON.stringify(shown)
    : `${JSON.stringify(shown.slice(0, SHOWN_BYTES))}… (${shown.length} bytes)`
}

function stringValue(payload: Uint8Array): Uint8Array | undefined {
  if (payload[0] !== STRING_TAG) return undefined
  const reader = new ByteReader()
  reader.reset(payload, 1, payload.length)
  try {
    const text = reader.strBytes()
    return reader.remaining === 0 ? Uint8Array.from(text) : undefined
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return undefined
  }
}

function hexOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return hex.length <= 4 * SHOWN_BYTES ? hex : `${hex.slice(0, 4 * SHOWN_BYTES)}… (${bytes.length} bytes)`
}

function idAt(frame: Uint8Array, offset: number): EndpointId {
  return endpointIdFromBytes(frame.slice(offset, offset + 16))
}
