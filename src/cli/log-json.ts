/**
 * Log records, and the messages that carry them, as JSON (spec/broker-protocol.md 6.5, 6.6). A value is Broker's JSON
 * of its data with Zeek's type of the column as `type`; an unset one has the type only. As for frames, `hex` is there
 * when the members do not say everything.
 */
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import { valueFromParsedJson, valueToExactJson } from '../data/json.js'
import { type Json, type JsonObject, parseJson } from '../data/json-document.js'
import { MESSAGE_TYPE } from '../data/messages.js'
import { toByteArray, type Value } from '../data/value.js'
import { isLogType, type LogValue, readLogRecord, writeLogRecord } from '../logging/log-values.js'
import { asObject, bytesMember, bytesToHex, listMember, textMember } from './json-members.js'

/** The tag of a vector: what messages start with, and no record does, which would have 234 million values. */
const MESSAGE_START = 0x0e

/** The JSON text of the serial data of one record, or of a message with records. Throws `DecodeError`. */
export function logToJson(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes)
  const isMessage = bytes[0] === MESSAGE_START
  const members = isMessage ? messageMembers(readValue(reader)) : `"kind":"record",${recordMember(reader)}`
  reader.expectEnd()
  const isExact =
    bytesToHex(encodeMembers(asObject(parseJson(`{${members}}`), 'a log'))) === bytesToHex(bytes)
  return isExact ? `{${members}}` : `{${members},"hex":"${bytesToHex(bytes)}"}`
}

/** The bytes that JSON text stands for. Throws `DecodeError`, `EncodeError`. */
export function logFromJson(text: string | Uint8Array): Uint8Array {
  const json = asObject(parseJson(text, { tolerant: true }), 'a log')
  return json.get('hex') === undefined ? encodeMembers(json) : bytesMember(json, 'hex')
}

/** Batches and records in full; every other message as its data. */
function messageMembers(message: Value): string {
  const [type, content] = contentOf(message)
  if (type === MESSAGE_TYPE.batch) {
    return `"kind":"batch","messages":[${content.map((inner) => `{${messageMembers(inner)}}`).join(',')}]`
  }
  const [stream, writer, path, serial] = content
  if (
    type !== MESSAGE_TYPE.logWrite ||
    content.length !== 4 ||
    stream?.type !== 'enum-value' ||
    writer?.type !== 'enum-value' ||
    path?.type !== 'string' ||
    serial?.type !== 'string'
  ) {
    return `"kind":"message","message":${valueToExactJson(message)}`
  }
  const names = { stream: textOf(stream.value), writer: textOf(writer.value), path: textOf(path.value) }
  const reader = new ByteReader(toByteArray(serial.value))
  const record = recordMember(reader)
  reader.expectEnd()
  return `"kind":"log-write",${JSON.stringify(names).slice(1, -1)},${record}`
}

/** Type and content of a message (spec/broker-protocol.md 6.1); type 0 for data that is none. */
function contentOf(message: Value): readonly [type: number, content: readonly Value[]] {
  if (message.type !== 'vector' || message.value.length !== 3) return [0, []]
  const [version, type, content] = message.value
  if (version?.type !== 'count' || version.value !== 1n || type?.type !== 'count') return [0, []]
  return content?.type === 'vector' ? [Number(type.value), content.value] : [0, []]
}

function recordMember(reader: ByteReader): string {
  return `"values":[${readLogRecord(reader).map(logValueText).join(',')}]`
}

function logValueText(log: LogValue): string {
  const start = `{"type":"${log.type}"`
  if ('elements' in log) {
    return log.elements === undefined
      ? `${start}}`
      : `${start},"elements":[${log.elements.map(logValueText).join(',')}]}`
  }
  return log.value === undefined ? `${start}}` : `${start},${valueToExactJson(log.value).slice(1)}`
}

function encodeMembers(json: JsonObject): Uint8Array {
  if (textMember(json, 'kind') === 'record') return recordBytes(json)
  const writer = new ByteWriter()
  writeValue(writer, messageFrom(json))
  return writer.toBytes()
}

function messageFrom(json: JsonObject): Value {
  const kind = textMember(json, 'kind')
  switch (kind) {
    case 'batch':
      return message(
        MESSAGE_TYPE.batch,
        listMember(json, 'messages').map((inner) => messageFrom(asObject(inner, 'a message'))),
      )
    case 'log-write':
      return message(MESSAGE_TYPE.logWrite, [
        { type: 'enum-value', value: textMember(json, 'stream') },
        { type: 'enum-value', value: textMember(json, 'writer') },
        { type: 'string', value: textMember(json, 'path') },
        { type: 'string', value: recordBytes(json) },
      ])
    case 'message':
      return valueFromParsedJson(json.get('message'))
    default:
      throw new DecodeError('type-mismatch', `unknown kind '${kind}'`, json.offset)
  }
}

function message(type: number, content: readonly Value[]): Value {
  return {
    type: 'vector',
    value: [
      { type: 'count', value: 1n },
      { type: 'count', value: BigInt(type) },
      { type: 'vector', value: content },
    ],
  }
}

function recordBytes(json: JsonObject): Uint8Array {
  const writer = new ByteWriter()
  writeLogRecord(writer, listMember(json, 'values').map(logValueFrom))
  return writer.toBytes()
}

function logValueFrom(json: Json): LogValue {
  const object = asObject(json, 'a log value')
  const type = textMember(object, 'type')
  if (!isLogType(type)) throw new DecodeError('type-mismatch', `unknown type '${type}'`, object.offset)
  if (type === 'set' || type === 'vector') {
    const isSet = object.get('elements') !== undefined
    return { type, elements: isSet ? listMember(object, 'elements').map(logValueFrom) : undefined }
  }
  const isSet = object.get('@data-type') !== undefined
  return { type, value: isSet ? valueFromParsedJson(object) : undefined }
}

function textOf(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString()
}
