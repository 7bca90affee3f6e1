/** Members of JSON objects by their types, for what the command line reads. Throws `DecodeError`. */
import { DecodeError } from '../data/decode-error.js'
import { type Json, JsonNumber, JsonObject } from '../data/json-document.js'

export function asObject(json: Json | undefined, what: string): JsonObject {
  if (json instanceof JsonObject) return json
  throw new DecodeError('type-mismatch', `${what} is not an object`, 0)
}

export function textMember(object: JsonObject, name: string): string {
  const value = object.get(name)
  if (typeof value === 'string') return value
  throw notA('text', object, name)
}

/** An integer from 0 to `max`. */
export function integerMember(object: JsonObject, name: string, max: number): number {
  const value = object.get(name)
  const number =
    value instanceof JsonNumber && /^\d{1,10}$/.test(value.text) ? Number(value.text) : Number.NaN
  if (number <= max) return number
  throw notA(`number from 0 to ${max}`, object, name)
}

export function listMember(object: JsonObject, name: string): readonly Json[] {
  const value = object.get(name)
  if (Array.isArray(value)) return value as readonly Json[]
  throw notA('list', object, name)
}

export function textListMember(object: JsonObject, name: string): string[] {
  return listMember(object, name).map((element) => {
    if (typeof element === 'string') return element
    throw notA('list of texts', object, name)
  })
}

export function bytesMember(object: JsonObject, name: string): Uint8Array {
  return bytesFromHex(textMember(object, name), object.offset)
}

/** Throws `DecodeError` with this offset for what is no hex. */
export function bytesFromHex(text: string, offset = 0): Uint8Array {
  if (!/^(?:[\da-fA-F]{2})*$/.test(text)) {
    throw new DecodeError('type-mismatch', 'not an even number of hex digits', offset)
  }
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

export function bytesToHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function notA(what: string, object: JsonObject, name: string): DecodeError {
  return new DecodeError('type-mismatch', `member ${name} is not a ${what}`, object.offset)
}
