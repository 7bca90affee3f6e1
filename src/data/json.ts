/**
 * Broker data as JSON, version 1 (spec/broker-protocol.md 9.1). Two forms are written: one for programs that read
 * JSON and expect Broker's, and a canonical one. Both are read, and every value comes back from both as it was.
 */
import { isUtf8 } from 'node:buffer'
import type { Subnet } from './address.js'
import { canonical, readSubnet, writeSubnet } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import { type Json, JsonNumber, JsonObject, type JsonOptions, parseJson } from './json-document.js'
import { portText, scalarFromText, timespanText, timestampText } from './scalar-text.js'
import { type ByteString, NONE, toByteArray, type Value } from './value.js'
import { MAX_DEPTH } from './value-check.js'
import { compareKeys, compareValues, type TableEntry } from './value-order.js'

type Form = 'readable' | 'exact'

/**
 * The JSON text of a value: `{"@data-type":"count","data":5}`. Integers have all digits, times as many as they need
 * and at least three. What JSON cannot express is told in its own way: infinities and NaN are strings; texts that are
 * not UTF-8, and subnets with host bits or an odd length, have a member `hex` with their bytes.
 */
export function valueToJson(value: Value): string {
  return toText(value, 'readable')
}

/** As `valueToJson`, in one canonical form: reals always have a point, times nine digits. */
export function valueToExactJson(value: Value): string {
  return toText(value, 'exact')
}

function toText(value: Value, form: Form): string {
  return `{"@data-type":"${value.type}","data":${dataText(value, form)}}`
}

function dataText(value: Value, form: Form): string {
  switch (value.type) {
    case 'none':
      return '{}'
    case 'boolean':
      return String(value.value)
    case 'count':
    case 'integer':
      return value.value.toString()
    case 'real':
      return realText(value.value, form)
    case 'string':
    case 'enum-value':
      return byteStringText(value.value)
    case 'address':
      return JSON.stringify(value.value.toString())
    case 'subnet':
      return subnetText(value.value)
    case 'port':
      return JSON.stringify(portText(value.value))
    case 'timestamp': {
      const text = timestampText(value.value)
      return JSON.stringify(form === 'exact' ? text : text.replace(/(?:000){1,2}$/, ''))
    }
    case 'timespan':
      return JSON.stringify(timespanText(value.value))
    case 'set':
    case 'vector':
      return `[${value.value.map((element) => toText(element, form)).join(',')}]`
    case 'table':
      return `[${value.value
        .map(([key, entry]) => `{"key":${toText(key, form)},"value":${toText(entry, form)}}`)
        .join(',')}]`
  }
}

function realText(value: number, form: Form): string {
  if (Number.isNaN(value)) return '"nan"'
  if (!Number.isFinite(value)) return value > 0 ? '"inf"' : '"-inf"'
  const text = Object.is(value, -0) ? '-0' : String(value)
  if (text.includes('.')) return text
  const [digits, exponent] = text.split('e')
  if (exponent === undefined) return `${text}.0`
  return form === 'exact' ? `${digits}.0e${exponent}` : text
}

function byteStringText(value: ByteString): string {
  if (typeof value === 'string') return JSON.stringify(value)
  const text = JSON.stringify(Buffer.from(value).toString())
  return !isUtf8(value) ? `${text},"hex":"${toHex(value)}"` : text
}

function subnetText(value: Subnet): string {
  const text = JSON.stringify(value.toString())
  return !isOrdinary(value) ? `${text},"hex":"${subnetHex(value)}"` : text
}

/** Whether the text says everything about the subnet: no host bits, and a length that its family has. */
function isOrdinary({ address, length }: Subnet): boolean {
  return length >= (address.isIPv4 ? 96 : 0) && length <= 128 && address.masked(length).equals(address)
}

/** Address and length as on the wire. */
function subnetHex(value: Subnet): string {
  const writer = new ByteWriter()
  writeSubnet(writer, value)
  return toHex(writer.written().subarray(1))
}

const SUBNET_BYTES = 17

/** Reads the JSON text of one value, in either form. Throws `DecodeError`. */
export function valueFromJson(text: string | Uint8Array, options: JsonOptions = {}): Value {
  return valueFromParsedJson(parseJson(text, options))
}

/**
 * The value of a parsed object with `@data-type` and `data`; other members are ignored. Throws `DecodeError`: the
 * offset is that of the innermost such object.
 */
export function valueFromParsedJson(json: Json | undefined): Value {
  return toValue(json, 0, 0)
}

function toValue(json: Json | undefined, parentOffset: number, depth: number): Value {
  if (!(json instanceof JsonObject)) {
    throw mismatch('expected an object with @data-type and data', parentOffset)
  }
  if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, json.offset)
  const type = json.get('@data-type')
  const data = json.get('data')
  switch (type) {
    case 'none':
      return NONE
    case 'boolean':
      if (typeof data !== 'boolean') break
      return { type, value: data }
    case 'count':
    case 'integer':
      if (!(data instanceof JsonNumber) || !INTEGER.test(data.text)) break
      return { type, value: integerInRange(type, data.text, json.offset) }
    case 'real':
      return { type, value: toReal(data, json.offset) }
    case 'string':
    case 'enum-value': {
      const value = hexOf(json) ?? data
      if (typeof value !== 'string' && !(value instanceof Uint8Array)) break
      return { type, value }
    }
    case 'subnet': {
      const bytes = hexOf(json)
      if (bytes !== undefined) return { type, value: subnetFromBytes(toByteArray(bytes), json.offset) }
      if (typeof data !== 'string') break
      return scalarFromText(type, data, json.offset)
    }
    case 'port':
      if (typeof data !== 'string') break
      return scalarFromText(type, data.replace(OTHER_PROTOCOL, '/?'), json.offset)
    case 'address':
    case 'timestamp':
    case 'timespan':
      if (typeof data !== 'string') break
      return scalarFromText(type, data, json.offset)
    case 'vector':
      if (!isList(data)) break
      return { type, value: data.map((element) => toValue(element, json.offset, depth + 1)) }
    case 'set': {
      if (!isList(data)) break
      const elements = data.map((element) => toValue(element, json.offset, depth + 1))
      return { type, value: canonical(elements, compareValues, json.offset) }
    }
    case 'table': {
      if (!isList(data)) break
      const entries = data.map((entry) => toEntry(entry, json.offset, depth + 1))
      return { type, value: canonical(entries, compareKeys, json.offset) }
    }
    default:
      throw mismatch(
        typeof type === 'string' ? `unknown @data-type '${type}'` : '@data-type is missing',
        json.offset,
      )
  }
  throw mismatch(data === undefined ? 'data is missing' : `data does not fit @data-type ${type}`, json.offset)
}

function toEntry(json: Json, parentOffset: number, depth: number): TableEntry {
  if (!(json instanceof JsonObject)) {
    throw mismatch('a table entry is an object with key and value', parentOffset)
  }
  return [toValue(json.get('key'), json.offset, depth), toValue(json.get('value'), json.offset, depth)]
}

/** At most 20 digits: those of 64 bits. */
const INTEGER = /^-?\d{1,20}$/

/** Broker takes any protocol that it does not know for the unknown one. */
const OTHER_PROTOCOL = /\/(?!(?:tcp|udp|icmp)$)[^/]*$/

function integerInRange(type: 'count' | 'integer', text: string, offset: number): bigint {
  const value = BigInt(text)
  const fits = type === 'count' ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value
  if (!fits) throw mismatch(`${text} does not fit @data-type ${type}`, offset)
  return value
}

const ODD_REALS: ReadonlyMap<Json | undefined, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['nan', Number.NaN],
  ['-nan', Number.NaN],
])

/** A number that is not written as an integer, which Broker refuses, or an odd one by its name. */
function toReal(data: Json | undefined, offset: number): number {
  const text = data instanceof JsonNumber ? data.text : data
  const odd = ODD_REALS.get(text)
  if (odd !== undefined) return odd
  if (!(data instanceof JsonNumber) || !/[.eE]/.test(data.text)) {
    throw mismatch('a real is a number with a point or exponent', offset)
  }
  const value = Number(data.text)
  if (!Number.isFinite(value)) throw mismatch(`${data.text} does not fit a real`, offset)
  return value
}

/** The bytes of the member `hex`, as text when they are; undefined when there is none. */
function hexOf(json: JsonObject): ByteString | undefined {
  const hex = json.get('hex')
  if (hex === undefined) return undefined
  if (typeof hex !== 'string' || !/^(?:[\da-fA-F]{2})*$/.test(hex)) {
    throw mismatch('hex is not an even number of hex digits', json.offset)
  }
  const bytes = Buffer.from(hex, 'hex')
  return isUtf8(bytes) ? bytes.toString() : Uint8Array.from(bytes)
}

function subnetFromBytes(bytes: Uint8Array, offset: number): Subnet {
  if (bytes.length !== SUBNET_BYTES) throw mismatch(`the hex of a subnet has ${SUBNET_BYTES} bytes`, offset)
  return readSubnet(new ByteReader(bytes))
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json)
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function mismatch(message: string, offset: number): DecodeError {
  return new DecodeError('type-mismatch', message, offset)
}
