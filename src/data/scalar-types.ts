/** Zeek's types that have no parts, as `DataType`s. */
import { type Address, type Port, protocolNumber, type Subnet } from './address.js'
import {
  readAddress,
  readPort,
  readReal,
  readSubnet,
  readValue,
  TAG,
  writeAddress,
  writeBoolean,
  writeCount,
  writePort,
  writeReal,
  writeSigned,
  writeSubnet,
  writeValue,
} from './binary.js'
import type { ByteReader } from './byte-reader.js'
import { type ByteWriter, checkWellFormed } from './byte-writer.js'
import { type DataType, expectTag, ZEEK_TAG } from './data-type.js'
import { EncodeError, unexpected } from './decode-error.js'
import {
  FAST_ADDRESS,
  FAST_BOOL,
  FAST_COUNT,
  FAST_INT,
  FAST_LOG_ADDRESS,
  FAST_LOG_BOOL,
  FAST_LOG_COUNT,
  FAST_LOG_INT,
  FAST_LOG_NUMBER,
  FAST_LOG_PORT,
  FAST_PORT,
  FAST_REAL,
  FAST_SECONDS,
} from './fast-form.js'
import type { Value } from './value.js'
import {
  checkAddress,
  checkBoolean,
  checkCount,
  checkNumber,
  checkPort,
  checkSigned,
  checkSubnet,
} from './value-check.js'

export const bool: DataType<boolean> = {
  name: 'bool',
  optional: false,
  tag: TAG.boolean,
  isObject: false,
  fast: FAST_BOOL,
  write: writeBoolean,
  read(reader) {
    expectTag(reader, TAG.boolean, 'bool')
    return reader.u8() !== 0
  },
  log: {
    tag: ZEEK_TAG.bool,
    elementTag: 0,
    fast: FAST_LOG_BOOL,
    writeBody(writer, value) {
      checkBoolean(value)
      writer.i64(value ? 1n : 0n)
    },
  },
}

export const count: DataType<bigint> = {
  name: 'count',
  optional: false,
  tag: TAG.count,
  isObject: false,
  fast: FAST_COUNT,
  write: writeCount,
  read(reader) {
    expectTag(reader, TAG.count, 'count')
    return reader.u64()
  },
  log: {
    tag: ZEEK_TAG.count,
    elementTag: 0,
    fast: FAST_LOG_COUNT,
    writeBody(writer, value) {
      if (typeof value !== 'bigint') throw unexpected('count (a bigint)', value)
      const small = Number(value)
      if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) return writer.u64FromNumber(small)
      checkCount(value)
      writer.u64(value)
    },
  },
}

export const int: DataType<bigint> = {
  name: 'int',
  optional: false,
  tag: TAG.integer,
  isObject: false,
  fast: FAST_INT,
  write: (writer, value) => writeSigned(writer, TAG.integer, value),
  read(reader) {
    expectTag(reader, TAG.integer, 'int')
    return reader.i64()
  },
  log: {
    tag: ZEEK_TAG.int,
    elementTag: 0,
    fast: FAST_LOG_INT,
    writeBody(writer, value) {
      checkSigned(value)
      writer.i64(value)
    },
  },
}

export const double: DataType<number> = {
  name: 'double',
  optional: false,
  tag: TAG.real,
  isObject: false,
  fast: FAST_REAL,
  write: writeReal,
  read(reader) {
    expectTag(reader, TAG.real, 'double')
    return readReal(reader)
  },
  log: { tag: ZEEK_TAG.double, elementTag: 0, fast: FAST_LOG_NUMBER, writeBody: writeLogNumber },
}

function writeLogNumber(writer: ByteWriter, value: number): void {
  checkNumber(value)
  writer.f64(value)
}

const TWO_32 = 0x1_0000_0000
const SECOND = 1_000_000_000n
const INT_MAX = 2n ** 63n - 1n
const INT_MIN = -(2n ** 63n)
const MAX_SECONDS = 2 ** 63 / 1e9

function writeSeconds(writer: ByteWriter, tag: number, seconds: number): void {
  checkNumber(seconds)
  const offset = writer.reserve(9)
  writer.bytes[offset] = tag
  if (FAST_SECONDS.writeAt(writer.view, offset + 1, seconds)) return
  writer.length = offset
  // Times after 2116, and what does not fit at all.
  if (!(Math.abs(seconds) <= MAX_SECONDS))
    throw new EncodeError(`${seconds} s do not fit 64 bits of nanoseconds`)
  const whole = Math.floor(seconds)
  const nanoseconds = BigInt(whole) * SECOND + BigInt(Math.round((seconds - whole) * 1e9))
  // As a double, the last second is a little longer than it is.
  writeSigned(writer, tag, nanoseconds < INT_MIN ? INT_MIN : nanoseconds > INT_MAX ? INT_MAX : nanoseconds)
}

function readSeconds(reader: ByteReader): number {
  const offset = reader.take(8)
  const seconds = FAST_SECONDS.readAt(reader.view, offset)
  if (seconds !== undefined) return seconds
  const nanoseconds =
    BigInt(reader.view.getInt32(offset)) * BigInt(TWO_32) + BigInt(reader.view.getUint32(offset + 4))
  return Number(nanoseconds / SECOND) + Number(nanoseconds % SECOND) / 1e9
}

/** Seconds since the epoch, 1677 to 2262. */
export const time: DataType<number> = secondsType('time', TAG.timestamp, ZEEK_TAG.time)

/** Seconds, up to 292 years. */
export const interval: DataType<number> = secondsType('interval', TAG.timespan, ZEEK_TAG.interval)

function secondsType(name: string, tag: number, zeekTag: number): DataType<number> {
  return {
    name,
    optional: false,
    tag,
    isObject: false,
    fast: FAST_SECONDS,
    write: (writer, value) => writeSeconds(writer, tag, value),
    read(reader) {
      expectTag(reader, tag, name)
      return readSeconds(reader)
    },
    log: { tag: zeekTag, elementTag: 0, fast: FAST_LOG_NUMBER, writeBody: writeLogNumber },
  }
}

/** Text. Bytes that are not UTF-8 arrive as U+FFFD: use `bytes` where they matter. */
export const string: DataType<string> = textType('string', TAG.string, ZEEK_TAG.string)

/** An enum value by its full name, for example `Notice::ACTION_LOG`. */
export const enumeration: DataType<string> = textType('enum', TAG.enumValue, ZEEK_TAG.enum)

/** A file by its name, which is all that travels of it. */
export const file: DataType<string> = textType('file', TAG.string, ZEEK_TAG.file)

/** A Zeek `string` as its bytes. */
export const bytes: DataType<Uint8Array> = {
  name: 'string',
  optional: false,
  tag: TAG.string,
  isObject: true,
  write(writer, value) {
    if (!(value instanceof Uint8Array)) throw unexpected('bytes (a Uint8Array)', value)
    writer.u8(TAG.string)
    writer.str(value)
  },
  read(reader) {
    expectTag(reader, TAG.string, 'string')
    return reader.strBytes()
  },
  log: {
    tag: ZEEK_TAG.string,
    elementTag: 0,
    writeBody(writer, value) {
      if (!(value instanceof Uint8Array)) throw unexpected('bytes (a Uint8Array)', value)
      writer.u32(value.length)
      writer.raw(value)
    },
  },
}

function textType(name: string, tag: number, zeekTag: number): DataType<string> {
  return {
    name,
    optional: false,
    tag,
    isObject: false,
    fast: 'text',
    write(writer, value) {
      if (typeof value !== 'string') throw unexpected(`${name} (a string)`, value)
      writer.u8(tag)
      writer.str(value)
    },
    read(reader: ByteReader) {
      expectTag(reader, tag, name)
      return reader.str()
    },
    log: { tag: zeekTag, elementTag: 0, fast: 'text', writeBody: writeLogText },
  }
}

/** Length and bytes of a text in a log record. */
export function writeLogText(writer: ByteWriter, value: string): void {
  if (typeof value !== 'string') throw unexpected('a string', value)
  checkWellFormed(value)
  const lengthOffset = writer.reserve(4)
  const byteLength = Buffer.byteLength(value)
  const offset = writer.reserve(byteLength)
  writer.bytes.utf8Write(value, offset, byteLength)
  writer.patchU32(lengthOffset, byteLength)
}

export const addr: DataType<Address> = {
  name: 'addr',
  optional: false,
  tag: TAG.address,
  isObject: true,
  fast: FAST_ADDRESS,
  write: writeAddress,
  read(reader) {
    expectTag(reader, TAG.address, 'addr')
    return readAddress(reader)
  },
  log: {
    tag: ZEEK_TAG.addr,
    elementTag: 0,
    fast: FAST_LOG_ADDRESS,
    writeBody(writer, value) {
      checkAddress(value)
      writeLogAddress(writer, value)
    },
  },
}

function writeLogAddress(writer: ByteWriter, value: Address): void {
  if (value.isIPv4) {
    writer.u8(4)
    writer.u32(value.word3)
  } else {
    writer.u8(6)
    writer.words(value.word0, value.word1, value.word2, value.word3)
  }
}

export const subnet: DataType<Subnet> = {
  name: 'subnet',
  optional: false,
  tag: TAG.subnet,
  isObject: true,
  write: writeSubnet,
  read(reader) {
    expectTag(reader, TAG.subnet, 'subnet')
    return readSubnet(reader)
  },
  log: {
    tag: ZEEK_TAG.subnet,
    elementTag: 0,
    writeBody(writer, value) {
      checkSubnet(value)
      writer.u8(value.length)
      writeLogAddress(writer, value.address)
    },
  },
}

export const port: DataType<Port> = {
  name: 'port',
  optional: false,
  tag: TAG.port,
  isObject: true,
  fast: FAST_PORT,
  write: writePort,
  read(reader) {
    expectTag(reader, TAG.port, 'port')
    return readPort(reader)
  },
  log: {
    tag: ZEEK_TAG.port,
    elementTag: 0,
    fast: FAST_LOG_PORT,
    writeBody(writer, value) {
      checkPort(value)
      writer.u64FromNumber(value.number)
      writer.u32(protocolNumber(value.protocol))
    },
  },
}

/** Data of any type, lossless. */
export const any: DataType<Value> = {
  name: 'any',
  optional: false,
  tag: undefined,
  isObject: true,
  write: writeValue,
  read: (reader) => readValue(reader),
  log: undefined,
}
