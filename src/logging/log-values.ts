/**
 * Log records as values: for looking at them and for making them by hand. Loggers go from bytes to text without this
 * (`writers/`). Format: spec/broker-protocol.md 6.6.
 */
import { Address, Port, PROTOCOLS, Subnet } from '../data/address.js'
import { readByteStringOf } from '../data/binary.js'
import type { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import { DecodeError, EncodeError, unexpected } from '../data/decode-error.js'
import { addr, bool, count, double, int, port, subnet, ZEEK_TAG } from '../data/types.js'
import { toByteArray, type Value } from '../data/value.js'
import { checkByteString } from '../data/value-check.js'

/** Zeek's names of the types without parts that a log can have. */
export type LogScalarType =
  | 'bool'
  | 'int'
  | 'count'
  | 'double'
  | 'time'
  | 'interval'
  | 'string'
  | 'enum'
  | 'port'
  | 'addr'
  | 'subnet'
  | 'func'
  | 'file'

/** One value of a record. Times and intervals are seconds, as reals. */
export type LogValue =
  | { readonly type: LogScalarType; readonly value: Value | undefined }
  | { readonly type: 'set' | 'vector'; readonly elements: readonly LogValue[] | undefined }

/** Tags by the names of `LogValue`, where a table is always a set. */
const TAGS = { ...ZEEK_TAG, set: ZEEK_TAG.table }

const NAMES: ReadonlyMap<number, LogValue['type']> = new Map(
  Object.entries(TAGS)
    .filter(([name]) => name !== 'table')
    .map(([name, tag]) => [tag, name as LogValue['type']]),
)

/** Type tag, subtype and present flag. */
const VALUE_HEADER_BYTES = 9

/** Zeek's logs have containers in containers nowhere. */
const MAX_DEPTH = 8

/** Whether this is the name of a type that a log value can have. */
export function isLogType(name: string): name is LogValue['type'] {
  return name !== 'table' && Object.hasOwn(TAGS, name)
}

/** Reads the values of one record, its number in front. Throws `DecodeError`. */
export function readLogRecord(reader: ByteReader): LogValue[] {
  return readLogValues(reader, reader.u32(), 0)
}

function readLogValues(reader: ByteReader, size: number, depth: number): LogValue[] {
  if (size < 0 || size * VALUE_HEADER_BYTES > reader.remaining) {
    throw new DecodeError('truncated', `${size} values announced, but the input is shorter`, reader.offset)
  }
  const values: LogValue[] = []
  for (let index = 0; index < size; index += 1) values.push(readLogValue(reader, depth))
  return values
}

function readLogValue(reader: ByteReader, depth: number): LogValue {
  if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, reader.offset)
  const start = reader.offset
  const type = NAMES.get(reader.u32())
  if (type === undefined) throw new DecodeError('invalid-tag', 'a type that cannot be logged', start)
  reader.skip(4)
  const isPresent = reader.u8() !== 0
  if (type === 'set' || type === 'vector') {
    return {
      type,
      elements: isPresent ? readLogValues(reader, Number(reader.i64()), depth + 1) : undefined,
    }
  }
  return { type, value: isPresent ? readScalar(reader, type) : undefined }
}

function readScalar(reader: ByteReader, type: LogScalarType): Value {
  switch (type) {
    case 'bool':
      return { type: 'boolean', value: reader.i64() !== 0n }
    case 'int':
      return { type: 'integer', value: reader.i64() }
    case 'count':
      return { type: 'count', value: reader.u64() }
    case 'double':
    case 'time':
    case 'interval':
      return { type: 'real', value: reader.f64() }
    case 'string':
    case 'func':
    case 'file':
      return { type: 'string', value: readByteStringOf(reader, reader.u32()) }
    case 'enum':
      return { type: 'enum-value', value: readByteStringOf(reader, reader.u32()) }
    case 'port': {
      const number = Number(reader.u64())
      const protocol = PROTOCOLS[reader.u32()]
      if (protocol === undefined || number > 0xffff) {
        throw new DecodeError('invalid-tag', 'a port that there is not', reader.offset - 12)
      }
      return { type: 'port', value: new Port(number, protocol) }
    }
    case 'addr':
      return { type: 'address', value: readAddress(reader) }
    case 'subnet': {
      const length = reader.u8()
      return { type: 'subnet', value: new Subnet(readAddress(reader), length) }
    }
  }
}

function readAddress(reader: ByteReader): Address {
  const family = reader.u8()
  if (family === 4) return Address.fromIPv4(reader.u32())
  if (family === 6) return Address.fromBytes(reader.bytes, reader.take(16))
  throw new DecodeError('invalid-tag', `unknown address family ${family}`, reader.offset - 1)
}

/** Appends one record. Throws `EncodeError`. */
export function writeLogRecord(writer: ByteWriter, values: readonly LogValue[]): void {
  writer.u32(values.length)
  for (const value of values) writeLogValue(writer, value)
}

function writeLogValue(writer: ByteWriter, log: LogValue): void {
  if ('elements' in log) {
    writer.logHeader(TAGS[log.type], log.elements !== undefined)
    if (log.elements === undefined) return
    writer.i64(BigInt(log.elements.length))
    for (const element of log.elements) writeLogValue(writer, element)
    return
  }
  writer.logHeader(TAGS[log.type], log.value !== undefined)
  if (log.value !== undefined) writeScalar(writer, log.type, log.value)
}

/** The type of data that a scalar is. */
const DATA_TYPES: Readonly<Record<LogScalarType, Value['type']>> = {
  bool: 'boolean',
  int: 'integer',
  count: 'count',
  double: 'real',
  time: 'real',
  interval: 'real',
  string: 'string',
  enum: 'enum-value',
  port: 'port',
  addr: 'address',
  subnet: 'subnet',
  func: 'string',
  file: 'string',
}

function writeScalar(writer: ByteWriter, type: LogScalarType, value: Value): void {
  if (value.type !== DATA_TYPES[type]) {
    throw new EncodeError(
      `a log value of type ${type} is data of type ${DATA_TYPES[type]}, not ${value.type}`,
    )
  }
  switch (value.type) {
    case 'boolean':
      return bool.log!.writeBody(writer, value.value)
    case 'integer':
      return int.log!.writeBody(writer, value.value)
    case 'count':
      return count.log!.writeBody(writer, value.value)
    case 'real':
      return double.log!.writeBody(writer, value.value)
    case 'port':
      return port.log!.writeBody(writer, value.value)
    case 'address':
      return addr.log!.writeBody(writer, value.value)
    case 'subnet':
      return subnet.log!.writeBody(writer, value.value)
    case 'string':
    case 'enum-value': {
      checkByteString(value.value)
      const bytes = toByteArray(value.value)
      writer.u32(bytes.length)
      return writer.raw(bytes)
    }
    default:
      throw unexpected('a value that can be logged', value)
  }
}
