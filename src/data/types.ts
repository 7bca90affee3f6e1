/**
 * Zeek's types as values: they say how a native JavaScript value travels as Broker data (arguments of events) and
 * as a log column. `count` and `int` are always `bigint`; `time` and `interval` are seconds as Zeek's own doubles;
 * addresses, subnets and ports are the immutable classes of `address.ts`.
 *
 *     const seen = event('Demo::seen', [addr, count])
 *     columns: { ts: time, host: addr, tags: optional(set(string)) }
 *
 * Conversion rules: spec/broker-protocol.md 6.8 (data) and 6.6 (log columns).
 */
import type { Address, Port, Subnet } from './address.js'
import { PROTOCOLS } from './address.js'
import {
  readAddress,
  readPort,
  readReal,
  readSubnet,
  readValue,
  skipValue,
  TAG,
  writeAddress,
  writeCount,
  writePort,
  writeReal,
  writeSigned,
  writeSubnet,
  writeValue,
} from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError, EncodeError } from './decode-error.js'
import { compileFieldsReader, compileFieldsWriter } from './record-codec.js'
import { compareValues, type Value } from './value.js'

/** Zeek's type tags, 5.0 and later (spec/broker-protocol.md 6.7), of what a log column can be. */
export const ZEEK_TAG = {
  bool: 1,
  int: 2,
  count: 3,
  double: 4,
  time: 5,
  interval: 6,
  string: 7,
  enum: 9,
  port: 10,
  addr: 11,
  subnet: 12,
  table: 14,
  func: 17,
  file: 18,
  vector: 19,
} as const

export interface DataType<T> {
  /** As Zeek writes it: `count`, `set[addr]`. */
  readonly name: string
  /** Whether the value may be unset (`&optional`). */
  readonly optional: boolean
  /** Of an optional type: the type of the value when it is set. */
  readonly unwrapped?: DataType<unknown>
  /** Appends the value as Broker data. Throws `EncodeError`. */
  write(writer: ByteWriter, value: T): void
  /** Reads Broker data of this type. Throws `DecodeError`, code `type-mismatch` for well-formed other data. */
  read(reader: ByteReader): T
  /** How it travels as a log column; undefined for what cannot be logged. */
  readonly log: LogForm<T> | undefined
}

export interface LogForm<T> {
  /** Zeek's type tag of the column. */
  readonly tag: number
  /** Type tag of the elements of a container, else 0. */
  readonly elementTag: number
  /** Appends the body behind tag, subtag and the present flag. */
  writeBody(writer: ByteWriter, value: T): void
}

/** The JavaScript type of a `DataType`. */
export type Native<Type> = Type extends DataType<infer T> ? T : never

/** The JavaScript types of a list of `DataType`s. */
export type Natives<Types extends readonly unknown[]> = { [Index in keyof Types]: Native<Types[Index]> }

function expectTag(reader: ByteReader, tag: number, name: string): void {
  const actual = reader.u8()
  if (actual !== tag) {
    throw new DecodeError('type-mismatch', `expected ${name}, found data tag ${actual}`, reader.offset - 1)
  }
}

export const bool: DataType<boolean> = {
  name: 'bool',
  optional: false,
  write(writer, value) {
    writer.u8(TAG.boolean)
    writer.u8(value ? 1 : 0)
  },
  read(reader) {
    expectTag(reader, TAG.boolean, 'bool')
    return reader.u8() !== 0
  },
  log: { tag: ZEEK_TAG.bool, elementTag: 0, writeBody: (writer, value) => writer.i64(value ? 1n : 0n) },
}

export const count: DataType<bigint> = {
  name: 'count',
  optional: false,
  write: writeCount,
  read(reader) {
    expectTag(reader, TAG.count, 'count')
    return reader.u64()
  },
  log: {
    tag: ZEEK_TAG.count,
    elementTag: 0,
    writeBody(writer, value) {
      const small = Number(value)
      if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) writer.u64FromNumber(small)
      else writer.u64(value)
    },
  },
}

export const int: DataType<bigint> = {
  name: 'int',
  optional: false,
  write: (writer, value) => writeSigned(writer, TAG.integer, value),
  read(reader) {
    expectTag(reader, TAG.integer, 'int')
    return reader.i64()
  },
  log: { tag: ZEEK_TAG.int, elementTag: 0, writeBody: (writer, value) => writer.i64(value) },
}

export const double: DataType<number> = {
  name: 'double',
  optional: false,
  write: writeReal,
  read(reader) {
    expectTag(reader, TAG.real, 'double')
    return readReal(reader)
  },
  log: { tag: ZEEK_TAG.double, elementTag: 0, writeBody: (writer, value) => writer.f64(value) },
}

const TWO_32 = 0x1_0000_0000

/**
 * Seconds as nanoseconds in 64 bits, without a `bigint`: whole seconds and fraction apart, because their sum has
 * more digits than a double. So every time that a double can hold to the microsecond comes back as it was.
 */
function writeSeconds(writer: ByteWriter, tag: number, seconds: number): void {
  const whole = Math.floor(seconds)
  // A multiple of 2^9: exact up to 2^62.
  const wholeNanoseconds = whole * 1e9
  if (!(Math.abs(wholeNanoseconds) < 2 ** 62)) {
    throw new EncodeError(`${seconds} s do not fit 64 bits of nanoseconds`)
  }
  const high = Math.floor(wholeNanoseconds / TWO_32)
  const low = wholeNanoseconds - high * TWO_32 + Math.round((seconds - whole) * 1e9)
  const carry = Math.floor(low / TWO_32)
  writer.u8(tag)
  writer.u32(high + carry)
  writer.u32(low - carry * TWO_32)
}

function readSeconds(reader: ByteReader): number {
  const high = reader.i32()
  const low = reader.u32()
  const total = high * TWO_32 + low
  if (Number.isSafeInteger(total)) return total / 1e9
  const whole = Math.floor(total / 1e9)
  return whole + (high * TWO_32 - whole * 1e9 + low) / 1e9
}

/** Seconds since the epoch. */
export const time: DataType<number> = secondsType('time', TAG.timestamp, ZEEK_TAG.time)

/** Seconds. */
export const interval: DataType<number> = secondsType('interval', TAG.timespan, ZEEK_TAG.interval)

function secondsType(name: string, tag: number, zeekTag: number): DataType<number> {
  return {
    name,
    optional: false,
    write: (writer, value) => writeSeconds(writer, tag, value),
    read(reader) {
      expectTag(reader, tag, name)
      return readSeconds(reader)
    },
    log: { tag: zeekTag, elementTag: 0, writeBody: (writer, value) => writer.f64(value) },
  }
}

/** Text. Bytes that are not UTF-8 arrive as U+FFFD: use `bytes` where they matter. */
export const string: DataType<string> = textType('string', TAG.string, ZEEK_TAG.string, (reader) =>
  reader.str(),
)

/** A Zeek `string` as its bytes. */
export const bytes: DataType<Uint8Array> = textType('string', TAG.string, ZEEK_TAG.string, (reader) =>
  reader.strBytes(),
)

/** An enum value by its full name, for example `Notice::ACTION_LOG`. */
export const enumeration: DataType<string> = textType('enum', TAG.enumValue, ZEEK_TAG.enum, (reader) =>
  reader.str(),
)

function textType<T extends string | Uint8Array>(
  name: string,
  tag: number,
  zeekTag: number,
  read: (reader: ByteReader) => T,
): DataType<T> {
  return {
    name,
    optional: false,
    write(writer, value) {
      writer.u8(tag)
      writer.str(value)
    },
    read(reader) {
      expectTag(reader, tag, name)
      return read(reader)
    },
    log: { tag: zeekTag, elementTag: 0, writeBody: writeLogText },
  }
}

function writeLogText(writer: ByteWriter, value: string | Uint8Array): void {
  const lengthOffset = writer.reserve(4)
  if (typeof value === 'string') {
    const byteLength = Buffer.byteLength(value)
    const offset = writer.reserve(byteLength)
    writer.bytes.utf8Write(value, offset, byteLength)
  } else {
    writer.raw(value)
  }
  writer.patchU32(lengthOffset, writer.length - lengthOffset - 4)
}

export const addr: DataType<Address> = {
  name: 'addr',
  optional: false,
  write: writeAddress,
  read(reader) {
    expectTag(reader, TAG.address, 'addr')
    return readAddress(reader)
  },
  log: { tag: ZEEK_TAG.addr, elementTag: 0, writeBody: writeLogAddress },
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
  write: writeSubnet,
  read(reader) {
    expectTag(reader, TAG.subnet, 'subnet')
    return readSubnet(reader)
  },
  log: {
    tag: ZEEK_TAG.subnet,
    elementTag: 0,
    writeBody(writer, value) {
      writer.u8(value.length)
      writeLogAddress(writer, value.address)
    },
  },
}

export const port: DataType<Port> = {
  name: 'port',
  optional: false,
  write: writePort,
  read(reader) {
    expectTag(reader, TAG.port, 'port')
    return readPort(reader)
  },
  log: {
    tag: ZEEK_TAG.port,
    elementTag: 0,
    writeBody(writer, value) {
      writer.u64(BigInt(value.number))
      writer.u32(PROTOCOLS.indexOf(value.protocol))
    },
  },
}

/** Data of any type, lossless. */
export const any: DataType<Value> = {
  name: 'any',
  optional: false,
  write: (writer, value) => writeValue(writer, value),
  read: (reader) => readValue(reader),
  log: undefined,
}

/** A list. */
export function vector<T>(element: DataType<T>): DataType<readonly T[]> {
  return {
    name: `vector[${element.name}]`,
    optional: false,
    write(writer, value) {
      writer.u8(TAG.vector)
      writer.varbyte(value.length)
      for (const item of value) element.write(writer, item)
    },
    read(reader) {
      expectTag(reader, TAG.vector, 'vector')
      return readElements(reader, element)
    },
    log: containerLogForm(element, ZEEK_TAG.vector, (value) => [value, value.length]),
  }
}

/** A set. Elements that are objects (addresses, ports) are compared by identity in JavaScript's `Set`. */
export function set<T>(element: DataType<T>): DataType<ReadonlySet<T>> {
  return {
    name: `set[${element.name}]`,
    optional: false,
    write(writer, value) {
      const encoded = sortedEncodings([...value], (scratch, item) => element.write(scratch, item))
      writer.u8(TAG.set)
      writer.varbyte(encoded.length)
      for (const bytes of encoded) writer.raw(bytes)
    },
    read(reader) {
      expectTag(reader, TAG.set, 'set')
      return new Set(readElements(reader, element))
    },
    log: containerLogForm(element, ZEEK_TAG.table, (value) => [value, value.size]),
  }
}

/** A table. Keys that are objects are compared by identity in JavaScript's `Map`. */
export function table<K, V>(key: DataType<K>, value: DataType<V>): DataType<ReadonlyMap<K, V>> {
  return {
    name: `table[${key.name}] of ${value.name}`,
    optional: false,
    write(writer, entries) {
      const encoded = sortedEncodings([...entries], (scratch, [entryKey, entryValue]) => {
        key.write(scratch, entryKey)
        value.write(scratch, entryValue)
      })
      writer.u8(TAG.table)
      writer.varbyte(encoded.length)
      for (const bytes of encoded) writer.raw(bytes)
    },
    read(reader) {
      expectTag(reader, TAG.table, 'table')
      const size = reader.elementCount(2)
      const entries = new Map<K, V>()
      for (let index = 0; index < size; index += 1) entries.set(key.read(reader), value.read(reader))
      return entries
    },
    log: undefined,
  }
}

/** A value that may be unset: `undefined`. For fields of records, log columns and nothing else, as in Zeek. */
export function optional<T>(type: DataType<T>): DataType<T | undefined> {
  return {
    name: type.name,
    optional: true,
    unwrapped: type as DataType<unknown>,
    write(writer, value) {
      if (value === undefined) writer.u8(TAG.none)
      else type.write(writer, value)
    },
    read(reader) {
      if (reader.bytes[reader.offset] !== TAG.none || reader.remaining === 0) return type.read(reader)
      reader.skip(1)
      return undefined
    },
    log: type.log as LogForm<T | undefined> | undefined,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: fields of any type; `never` would refuse every element
type Fields = Readonly<Record<string, DataType<any>>>
type UnsetKeys<F extends Fields> = {
  [Key in keyof F]: undefined extends Native<F[Key]> ? Key : never
}[keyof F]

/** The JavaScript object of a record or of the columns of a log; optional fields may be missing. */
export type RecordOf<F extends Fields> = {
  readonly [Key in Exclude<keyof F, UnsetKeys<F>>]: Native<F[Key]>
} & { readonly [Key in UnsetKeys<F>]?: Native<F[Key]> | undefined }

/** A record: fields in order of declaration; it travels as a vector, unset fields as none. */
export function record<F extends Fields>(fields: F): DataType<RecordOf<F>> {
  const entries = Object.entries(fields) as unknown as [string, DataType<unknown>][]
  const size = entries.length
  const writeFields = compileFieldsWriter(entries)
  const readFields = compileFieldsReader(entries)
  return {
    name: `record { ${entries.map(([name, type]) => `${name}: ${type.name}`).join('; ')} }`,
    optional: false,
    write(writer, value) {
      writer.u8(TAG.vector)
      writer.varbyte(size)
      writeFields(writer, value)
    },
    read(reader) {
      expectTag(reader, TAG.vector, 'record')
      const actual = reader.elementCount(1)
      if (actual < size) {
        throw new DecodeError('type-mismatch', `a record of ${size} fields has ${actual}`, reader.offset)
      }
      const result = readFields(reader)
      for (let index = size; index < actual; index += 1) skipValue(reader)
      return result as RecordOf<F>
    },
    log: undefined,
  }
}

function readElements<T>(reader: ByteReader, element: DataType<T>): T[] {
  const size = reader.elementCount(1)
  const elements: T[] = []
  for (let index = 0; index < size; index += 1) elements.push(element.read(reader))
  return elements
}

/** Encodes each item, in Broker's canonical order and without duplicates. */
function sortedEncodings<T>(items: readonly T[], write: (writer: ByteWriter, item: T) => void): Uint8Array[] {
  const decoded = items.map((item) => {
    const scratch = new ByteWriter()
    write(scratch, item)
    const encoding = scratch.written()
    return { encoding, value: readValue(new ByteReader(encoding)) }
  })
  decoded.sort((a, b) => compareValues(a.value, b.value))
  return decoded
    .filter((item, index) => index === 0 || compareValues(decoded[index - 1]!.value, item.value) !== 0)
    .map((item) => item.encoding)
}

function containerLogForm<T, C>(
  element: DataType<T>,
  tag: number,
  contents: (value: C) => readonly [Iterable<T>, number],
): LogForm<C> | undefined {
  const form = element.log
  if (form === undefined || form.elementTag !== 0) return undefined
  return {
    tag,
    elementTag: form.tag,
    writeBody(writer, value) {
      const [items, size] = contents(value)
      writer.i64(BigInt(size))
      for (const item of items) writeLogValue(writer, form, item)
    },
  }
}

/** Appends one log value with its header: type tag, unused subtype, present flag, body. */
export function writeLogValue<T>(writer: ByteWriter, form: LogForm<T>, value: T | undefined): void {
  writer.logHeader(form.tag, value !== undefined)
  if (value !== undefined) form.writeBody(writer, value)
}
