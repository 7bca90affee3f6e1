/**
 * Frames of a peering as JSON: handshake messages and envelopes. What the members do not say to the last byte (a
 * topic that is not UTF-8, bytes behind a message) is kept by a member `hex`: the whole frame, which then counts.
 */

import { type EndpointId, endpointIdFromBytes, NIL_ID } from '../broker/endpoint-id.js'
import {
  beginEnvelope,
  ENVELOPE,
  type EnvelopeHeader,
  emptyEnvelopeHeader,
  endEnvelope,
  readEnvelopeHeader,
} from '../broker/envelope.js'
import { readFilter, writeFilter } from '../broker/filter.js'
import {
  decodeHandshakeMessage,
  encodeHandshakeMessage,
  type HandshakeMessage,
} from '../broker/handshake-messages.js'
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import { valueFromParsedJson, valueToExactJson } from '../data/json.js'
import { type JsonObject, parseJson } from '../data/json-document.js'
import {
  asObject,
  bytesFromHex,
  bytesMember,
  bytesToHex,
  integerMember,
  textListMember,
  textMember,
} from './json-members.js'

const LENGTH_BYTES = 4
/** Where the time to live stands in a frame. */
const TTL_OFFSET = 37

/** The JSON text of one frame, its length in front. Throws `DecodeError`. */
export function frameToJson(frame: Uint8Array): string {
  const reader = new ByteReader(frame)
  const length = reader.u32()
  if (length !== reader.remaining) {
    throw new DecodeError('invalid-message', `a frame of ${length} bytes has ${reader.remaining}`, 0)
  }
  const members = handshakeMembers(frame, true) ?? envelopeOrOddHandshake(frame)
  const isExact =
    bytesToHex(encodeMembers(asObject(parseJson(`{${members}}`), 'a frame'))) === bytesToHex(frame)
  return isExact ? `{${members}}` : `{${members},"hex":"${bytesToHex(frame)}"}`
}

/** The frame that JSON text stands for. Throws `DecodeError`, `EncodeError`. */
export function frameFromJson(text: string | Uint8Array): Uint8Array {
  const json = asObject(parseJson(text, { tolerant: true }), 'a frame')
  return json.get('hex') === undefined ? encodeMembers(json) : bytesMember(json, 'hex')
}

function envelopeOrOddHandshake(frame: Uint8Array): string {
  try {
    return envelopeMembers(frame)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const members = handshakeMembers(frame, false)
    if (members === undefined) throw error
    return members
  }
}

/** The members of a handshake message; undefined when it is none, or has more bytes than it should. */
function handshakeMembers(frame: Uint8Array, exact: boolean): string | undefined {
  const message = decodeHandshakeMessage(frame, LENGTH_BYTES, frame.length)
  if (message.kind === 'fault') return undefined
  // The id at the start of an envelope may begin as a handshake message does.
  if (exact && bytesToHex(encodeHandshakeMessage(message)) !== bytesToHex(frame)) return undefined
  return JSON.stringify('sender' in message ? { ...message, sender: message.sender.text } : message).slice(
    1,
    -1,
  )
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [ENVELOPE.data, 'data'],
  [ENVELOPE.command, 'command'],
  [ENVELOPE.routingUpdate, 'routing-update'],
  [ENVELOPE.ping, 'ping'],
  [ENVELOPE.pong, 'pong'],
])

function envelopeMembers(frame: Uint8Array): string {
  const reader = new ByteReader()
  reader.reset(frame, LENGTH_BYTES, frame.length)
  const header = emptyEnvelopeHeader()
  readEnvelopeHeader(reader, header)
  const receiver = idAt(frame, header.receiverStart)
  const start = JSON.stringify({
    kind: KINDS.get(header.type),
    sender: idAt(frame, header.senderStart).text,
    receiver: receiver.text === NIL_ID.text ? null : receiver.text,
    ttl: header.ttl,
    topic: header.topic,
  }).slice(1, -1)
  return `${start},${payloadMember(reader, header)}`
}

function payloadMember(reader: ByteReader, header: EnvelopeHeader): string {
  if (header.type === ENVELOPE.data) {
    const value = readValue(reader)
    reader.expectEnd()
    return `"payload":${valueToExactJson(value)}`
  }
  if (header.type === ENVELOPE.routingUpdate) return `"filter":${JSON.stringify(readFilter(reader))}`
  return `"payloadHex":"${bytesToHex(reader.bytes.subarray(reader.offset, reader.end))}"`
}

function encodeMembers(json: JsonObject): Uint8Array {
  const kind = textMember(json, 'kind')
  const type = [...KINDS].find(([, name]) => name === kind)?.[0]
  return type === undefined ? encodeHandshakeMessage(handshakeFrom(json, kind)) : encodeEnvelope(json, type)
}

function encodeEnvelope(json: JsonObject, type: number): Uint8Array {
  const writer = new ByteWriter()
  const receiver = json.get('receiver') === null ? NIL_ID : idMember(json, 'receiver')
  const start = beginEnvelope(writer, type, idMember(json, 'sender'), receiver, textMember(json, 'topic'))
  const ttl = integerMember(json, 'ttl', 0xffff)
  writer.bytes[start + TTL_OFFSET] = ttl >>> 8
  writer.bytes[start + TTL_OFFSET + 1] = ttl
  if (type === ENVELOPE.data) writeValue(writer, valueFromParsedJson(json.get('payload')))
  else if (type === ENVELOPE.routingUpdate) writeFilter(writer, textListMember(json, 'filter'))
  else writer.raw(bytesMember(json, 'payloadHex'))
  endEnvelope(writer, start)
  return writer.toBytes()
}

function handshakeFrom(json: JsonObject, kind: string): HandshakeMessage {
  switch (kind) {
    case 'hello':
      return {
        kind,
        sender: idMember(json, 'sender'),
        minVersion: integerMember(json, 'minVersion', 0xff),
        maxVersion: integerMember(json, 'maxVersion', 0xff),
      }
    case 'probe':
    case 'originator-ack':
      return { kind }
    case 'version-select':
      return { kind, sender: idMember(json, 'sender'), version: integerMember(json, 'version', 0xff) }
    case 'drop-conn':
      return {
        kind,
        sender: idMember(json, 'sender'),
        code: integerMember(json, 'code', 0xff),
        description: textMember(json, 'description'),
      }
    case 'originator-syn':
    case 'responder-syn-ack':
      return { kind, filter: textListMember(json, 'filter') }
    default:
      throw new DecodeError('type-mismatch', `unknown kind '${kind}'`, json.offset)
  }
}

function idMember(json: JsonObject, name: string): EndpointId {
  const text = textMember(json, name)
  if (!/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) {
    throw new DecodeError('type-mismatch', `member ${name} is not an endpoint id`, json.offset)
  }
  return endpointIdFromBytes(bytesFromHex(text.replaceAll('-', '')))
}

function idAt(frame: Uint8Array, offset: number): EndpointId {
  return endpointIdFromBytes(frame.slice(offset, offset + 16))
}
