/**
 * The messages of the handshake, one per frame (spec/broker-protocol.md 3.2):
 *
 *     06 hello              magic u32, sender eid, min version u8, max version u8
 *     07 probe              magic u32
 *     08 version_select     magic u32, sender eid, selected version u8
 *     09 drop_conn          magic u32, sender eid, error code u8, description str
 *     0a originator_syn     filter
 *     0b responder_syn_ack  filter
 *     0c originator_ack
 *
 * Bytes behind the expected fields are ignored.
 */
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import { EC, EC_MAX } from './codes.js'
import { type EndpointId, endpointIdFromBytes } from './endpoint-id.js'
import { readFilter, writeFilter } from './filter.js'

/** The ASCII bytes `ZEEK`. */
export const MAGIC = 0x5a45454b

/** The one version of the protocol in all releases that speak it. */
export const PROTOCOL_VERSION = 1

const HELLO = 6
const PROBE = 7
const VERSION_SELECT = 8
const DROP_CONN = 9
const ORIGINATOR_SYN = 10
const RESPONDER_SYN_ACK = 11
const ORIGINATOR_ACK = 12

export type HandshakeMessage =
  | {
      readonly kind: 'hello'
      readonly sender: EndpointId
      readonly minVersion: number
      readonly maxVersion: number
    }
  | { readonly kind: 'probe' }
  | { readonly kind: 'version-select'; readonly sender: EndpointId; readonly version: number }
  | {
      readonly kind: 'drop-conn'
      readonly sender: EndpointId
      readonly code: number
      readonly description: string
    }
  | { readonly kind: 'originator-syn'; readonly filter: readonly string[] }
  | { readonly kind: 'responder-syn-ack'; readonly filter: readonly string[] }
  | { readonly kind: 'originator-ack' }

/** A frame that is no acceptable handshake message, with the code and text that the sender is told. */
export interface HandshakeFault {
  readonly kind: 'fault'
  readonly code: number
  readonly description: string
}

/** Broker's names of the messages, which it uses in its complaints. */
const NAMES: Readonly<Record<number, string>> = {
  [HELLO]: 'hello_msg',
  [PROBE]: 'probe_msg',
  [VERSION_SELECT]: 'version_select_msg',
  [DROP_CONN]: 'drop_conn_msg',
  [ORIGINATOR_SYN]: 'v1::originator_syn_msg',
  [RESPONDER_SYN_ACK]: 'v1::responder_syn_ack_msg',
  [ORIGINATOR_ACK]: 'v1::originator_ack_msg',
}

/** Encodes one message with its frame length. */
export function encodeHandshakeMessage(message: HandshakeMessage): Uint8Array {
  const writer = new ByteWriter()
  writer.u32(0)
  switch (message.kind) {
    case 'hello':
      writeStart(writer, HELLO, message.sender)
      writer.u8(message.minVersion)
      writer.u8(message.maxVersion)
      break
    case 'probe':
      writer.u8(PROBE)
      writer.u32(MAGIC)
      break
    case 'version-select':
      writeStart(writer, VERSION_SELECT, message.sender)
      writer.u8(message.version)
      break
    case 'drop-conn':
      writeStart(writer, DROP_CONN, message.sender)
      writer.u8(message.code)
      writer.str(message.description)
      break
    case 'originator-syn':
      writer.u8(ORIGINATOR_SYN)
      writeFilter(writer, message.filter)
      break
    case 'responder-syn-ack':
      writer.u8(RESPONDER_SYN_ACK)
      writeFilter(writer, message.filter)
      break
    case 'originator-ack':
      writer.u8(ORIGINATOR_ACK)
  }
  writer.patchU32(0, writer.length - 4)
  return writer.toBytes()
}

function writeStart(writer: ByteWriter, tag: number, sender: EndpointId): void {
  writer.u8(tag)
  writer.u32(MAGIC)
  writer.raw(sender.bytes)
}

/** Decodes the payload of one frame, `bytes[start, end)`. */
export function decodeHandshakeMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
): HandshakeMessage | HandshakeFault {
  const tag = bytes[start]
  if (end <= start || tag === undefined || NAMES[tag] === undefined) {
    return { kind: 'fault', code: EC.invalidMessage, description: 'invalid message type tag' }
  }
  const reader = new ByteReader()
  reader.reset(bytes, start + 1, end)
  try {
    return readMessage(tag, reader)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { kind: 'fault', code: EC.invalidMessage, description: `failed to parse ${NAMES[tag]}` }
  }
}

function readMessage(tag: number, reader: ByteReader): HandshakeMessage | HandshakeFault {
  if (tag <= DROP_CONN) {
    const magic = reader.u32()
    const message = readIntroduction(tag, reader)
    if (magic !== MAGIC)
      return { kind: 'fault', code: EC.wrongMagicNumber, description: 'wrong magic number' }
    return message
  }
  if (tag === ORIGINATOR_ACK) return { kind: 'originator-ack' }
  const filter = readFilter(reader)
  return tag === ORIGINATOR_SYN ? { kind: 'originator-syn', filter } : { kind: 'responder-syn-ack', filter }
}

function readIntroduction(tag: number, reader: ByteReader): HandshakeMessage | HandshakeFault {
  if (tag === PROBE) return { kind: 'probe' }
  const offset = reader.take(16)
  const sender = endpointIdFromBytes(Uint8Array.from(reader.bytes.subarray(offset, offset + 16)))
  switch (tag) {
    case HELLO: {
      const minVersion = reader.u8()
      const maxVersion = reader.u8()
      if (minVersion > PROTOCOL_VERSION || maxVersion < PROTOCOL_VERSION) {
        return { kind: 'fault', code: EC.peerIncompatible, description: 'unsupported versions offered' }
      }
      return { kind: 'hello', sender, minVersion, maxVersion }
    }
    case VERSION_SELECT: {
      const version = reader.u8()
      if (version !== PROTOCOL_VERSION) {
        return { kind: 'fault', code: EC.peerIncompatible, description: 'unsupported version selected' }
      }
      return { kind: 'version-select', sender, version }
    }
    default: {
      const code = reader.u8()
      const description = reader.str()
      if (code > EC_MAX) return { kind: 'fault', code: EC.unspecified, description }
      return { kind: 'drop-conn', sender, code, description }
    }
  }
}
