/**
 * The binary format of Broker data, version 1: tag byte and body (spec/broker-protocol.md 1). Two levels: the
 * primitives for one typed value, which `types.ts` builds on, and `Value` for data of unknown type.
 */
import { isUtf8 } from 'node:buffer'
import { Address, Port, PROTOCOLS, protocolNumber, Subnet } from './address.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import { type ByteString, NONE, type Value } from './value.js'
import {
  checkAddress,
  checkBoolean,
  checkCount,
  checkNumber,
  checkPort,
  checkSigned,
  checkSubnet,
  checkValue,
  MAX_DEPTH,
} from './value-check.js'
import {
  ascending,
  compareKeys,
  compareValues,
  isAscending,
  realAsSent,
  type TableEntry,
} from './value-order.js'

/** Tag bytes (spec/broker-protocol.md 1.1). */
export const TAG = {
  none: 0,
  boolean: 1,
  count: 2,
  integer: 3,
  real: 4,
  string: 5,
  address: 6,
  subnet: 7,
  port: 8,
  timestamp: 9,
  timespan: 10,
  enumValue: 11,
  set: 12,
  table: 13,
  vector: 14,
} as const

export function writeCount(writer: ByteWriter, value: bigint): void {
  // Comparing and storing a `bigint` is slow; most counts fit a double.
  const small = typeof value === 'bigint' ? Number(value) : Number.NaN
  if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) {
    writer.u8(TAG.count)
    return writer.u64FromNumber(small)
  }
  checkCount(value)
  writer.u8(TAG.count)
  writer.u64(value)
}

/** A tag and a signed 64-bit body: integer, timestamp or timespan. */
export function writeSigned(writer: ByteWriter, tag: number, value: bigint): void {
  checkSigned(value)
  writer.u8(tag)
  writer.i64(value)
}

/**
 * Broker writes reals arithmetically, not as IEEE 754 bits: infinities have their signs swapped, NaN is all ones,
 * subnormals come out as garbage; ours become zero (spec/broker-protocol.md 1.4).
 */
export function writeReal(writer: ByteWriter, value: number): void {
  checkNumber(value)
  writer.u8(TAG.real)
  if (Number.isFinite(value)) {
    writer.f64(realAsSent(value))
  } else if (Number.isNaN(value)) {
    writer.u32(0xffffffff)
    writer.u32(0xffffffff)
  } else {
    writer.f64(-value)
  }
}

export function writeBoolean(writer: ByteWriter, value: boolean): void {
  checkBoolean(value)
  writer.u8(TAG.boolean)
  writer.u8(value ? 1 : 0)
}

/** A string or enum value by its text or bytes. */
function writeByteString(writer: ByteWriter, tag: number, value: ByteString): void {
  writer.u8(tag)
  writer.str(value)
}

/** The body of a real; see `writeReal`. */
export function readReal(reader: ByteReader): number {
  const value = reader.f64()
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? Number.NaN : -value
}

export function writeAddress(writer: ByteWriter, value: Address): void {
  checkAddress(value)
  writer.u8(TAG.address)
  writer.words(value.word0, value.word1, value.word2, value.word3)
}

/** The body of an address. */
export function readAddress(reader: ByteReader): Address {
  return new Address(reader.u32(), reader.u32(), reader.u32(), reader.u32())
}

export function writeSubnet(writer: ByteWriter, value: Subnet): void {
  checkSubnet(value)
  const { address } = value
  writer.u8(TAG.subnet)
  writer.words(address.word0, address.word1, address.word2, address.word3)
  writer.u8(value.length)
}

/** The body of a subnet. */
export function readSubnet(reader: ByteReader): Subnet {
  const address = readAddress(reader)
  return new Subnet(address, reader.u8())
}

export function writePort(writer: ByteWriter, value: Port): void {
  checkPort(value)
  writer.u8(TAG.port)
  writer.u16(value.number)
  writer.u8(protocolNumber(value.protocol))
}

/** The body of a port. */
export function readPort(reader: ByteReader): Port {
  const number = reader.u16()
  const protocol = PROTOCOLS[reader.u8()]
  if (protocol === undefined) throw new DecodeError('invalid-tag', 'unknown port protocol', reader.offset - 1)
  return new Port(number, protocol)
}

/**
 * Appends one value. Sets and tables are put in order; of equal elements or keys the first one is written. Throws
 * `EncodeError` for what the format cannot express; nothing is appended then.
 */
export function writeValue(writer: ByteWriter, value: Value): void {
  checkValue(value)
  appendValue(writer, value)
}

function appendValue(writer: ByteWriter, value: Value): void {
  switch (value.type) {
    case 'none':
      return writer.u8(TAG.none)
    case 'boolean':
      return writeBoolean(writer, value.value)
    case 'count':
      return writeCount(writer, value.value)
    case 'integer':
      return writeSigned(writer, TAG.integer, value.value)
    case 'real':
      return writeReal(writer, value.value)
    case 'string':
      return writeByteString(writer, TAG.string, value.value)
    case 'address':
      return writeAddress(writer, value.value)
    case 'subnet':
      return writeSubnet(writer, value.value)
    case 'port':
      return writePort(writer, value.value)
    case 'timestamp':
      return writeSigned(writer, TAG.timestamp, value.value)
    case 'timespan':
      return writeSigned(writer, TAG.timespan, value.value)
    case 'enum-value':
      return writeByteString(writer, TAG.enumValue, value.value)
    case 'set': {
      const elements = ascending(value.value, compareValues)
      writer.u8(TAG.set)
      writer.varbyte(elements.length)
      for (const element of elements) appendValue(writer, element)
      return
    }
    case 'table': {
      const entries = ascending(value.value, compareKeys)
      writer.u8(TAG.table)
      writer.varbyte(entries.length)
      for (const [key, element] of entries) {
        appendValue(writer, key)
        appendValue(writer, element)
      }
      return
    }
    case 'vector':
      writer.u8(TAG.vector)
      writer.varbyte(value.value.length)
      for (const element of value.value) appendValue(writer, element)
  }
}

/** Reads one value, tag included. Throws `DecodeError`. */
export function readValue(reader: ByteReader, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, reader.offset)
  const tag = reader.u8()
  switch (tag) {
    case TAG.none:
      return NONE
    case TAG.boolean:
      return { type: 'boolean', value: reader.u8() !== 0 }
    case TAG.count:
      return { type: 'count', value: reader.u64() }
    case TAG.integer:
      return { type: 'integer', value: reader.i64() }
    case TAG.real:
      return { type: 'real', value: readReal(reader) }
    case TAG.string:
      return { type: 'string', value: readByteString(reader) }
    case TAG.address:
      return { type: 'address', value: readAddress(reader) }
    case TAG.subnet:
      return { type: 'subnet', value: readSubnet(reader) }
    case TAG.port:
      return { type: 'port', value: readPort(reader) }
    case TAG.timestamp:
      return { type: 'timestamp', value: reader.i64() }
    case TAG.timespan:
      return { type: 'timespan', value: reader.i64() }
    case TAG.enumValue:
      return { type: 'enum-value', value: readByteString(reader) }
    case TAG.set: {
      const start = reader.offset
      const elements = readSequence(reader, depth)
      return { type: 'set', value: canonical(elements, compareValues, start) }
    }
    case TAG.table: {
      const start = reader.offset
      const count = reader.elementCount(2)
      const entries: TableEntry[] = []
      for (let index = 0; index < count; index += 1) {
        const key = readValue(reader, depth + 1)
        entries.push([key, readValue(reader, depth + 1)])
      }
      return { type: 'table', value: canonical(entries, compareKeys, start) }
    }
    case TAG.vector:
      return { type: 'vector', value: readSequence(reader, depth) }
    default:
      throw new DecodeError('invalid-tag', `unknown data tag ${tag}`, reader.offset - 1)
  }
}

/** Moves over one value without building it. Checks tags and lengths, not duplicates. */
export function skipValue(reader: ByteReader, depth = 0): void {
  if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, reader.offset)
  const tag = reader.u8()
  switch (tag) {
    case TAG.none:
      return
    case TAG.boolean:
      return reader.skip(1)
    case TAG.count:
    case TAG.integer:
    case TAG.real:
    case TAG.timestamp:
    case TAG.timespan:
      return reader.skip(8)
    case TAG.string:
    case TAG.enumValue:
      return reader.skip(reader.varbyte())
    case TAG.address:
      return reader.skip(16)
    case TAG.subnet:
      return reader.skip(17)
    case TAG.port:
      return reader.skip(3)
    case TAG.set:
    case TAG.vector: {
      const count = reader.elementCount(1)
      for (let index = 0; index < count; index += 1) skipValue(reader, depth + 1)
      return
    }
    case TAG.table: {
      const count = reader.elementCount(2) * 2
      for (let index = 0; index < count; index += 1) skipValue(reader, depth + 1)
      return
    }
    default:
      throw new DecodeError('invalid-tag', `unknown data tag ${tag}`, reader.offset - 1)
  }
}

/** The bytes of a `str`: text when valid UTF-8, else a copy of the bytes. */
export function readByteString(reader: ByteReader): ByteString {
  return readByteStringOf(reader, reader.varbyte())
}

/** The next `length` bytes: text when valid UTF-8, else a copy of the bytes. */
export function readByteStringOf(reader: ByteReader, length: number): ByteString {
  const start = reader.offset
  reader.skip(length)
  const slice = reader.bytes.subarray(start, start + length)
  return isUtf8(slice) ? reader.bytes.utf8Slice(start, start + length) : Uint8Array.from(slice)
}

function readSequence(reader: ByteReader, depth: number): Value[] {
  const count = reader.elementCount(1)
  const elements: Value[] = []
  for (let index = 0; index < count; index += 1) elements.push(readValue(reader, depth + 1))
  return elements
}

/** Elements put in order; the same element twice is an error (spec/broker-protocol.md 1.3). */
export function canonical<T>(
  elements: readonly T[],
  compare: (a: T, b: T) => number,
  offset: number,
): readonly T[] {
  if (isAscending(elements, compare)) return elements
  const distinct = ascending(elements, compare)
  if (distinct.length < elements.length) {
    throw new DecodeError('duplicate-element', 'the same element or key twice', offset)
  }
  return distinct
}
