/**
 * Zeek's types with parts, as `DataType`s (spec/broker-protocol.md 6.8). Vectors, records and lists all travel as a
 * vector: only the type tells them apart.
 */
import { readValue, skipValue, TAG } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { ValueMap, ValueSet } from './containers.js'
import {
  type DataType,
  expectTag,
  type LogForm,
  type Native,
  type Natives,
  type Part,
  writeLogValue,
  ZEEK_TAG,
} from './data-type.js'
import { DecodeError, unexpected } from './decode-error.js'
import { compileFieldsReader, compileFieldsWriter } from './record-codec.js'
import { isMap, isSet } from './value-key.js'
import { compareValues } from './value-order.js'

/** A list. */
export function vector<T>(element: DataType<T>): DataType<readonly T[]> {
  return {
    name: `vector[${element.name}]`,
    structure: { kind: 'vector', element: element as DataType<unknown> },
    optional: false,
    tag: TAG.vector,
    isObject: true,
    write(writer, value) {
      if (!Array.isArray(value)) throw unexpected('vector (an array)', value)
      writer.u8(TAG.vector)
      writer.varbyte(value.length)
      for (const item of value) element.write(writer, item)
    },
    read(reader) {
      expectTag(reader, TAG.vector, 'vector')
      const size = reader.elementCount(1)
      const elements: T[] = []
      for (let index = 0; index < size; index += 1) elements.push(element.read(reader))
      return elements
    },
    parts: (value) => (Array.isArray(value) ? elementParts(element, value) : []),
    log: containerLogForm(element, ZEEK_TAG.vector, (value) => {
      if (!Array.isArray(value)) throw unexpected('vector (an array)', value)
      return [value, value.length]
    }),
  }
}

/**
 * Values of several types in one, as an array: the index of `set[string, count]` is `tuple(string, count)`. It travels
 * as a vector of exactly these.
 */
// biome-ignore lint/suspicious/noExplicitAny: members of any type; `never` would refuse every one
export function tuple<const Types extends readonly DataType<any>[]>(
  ...types: Types
): DataType<Readonly<Natives<Types>>> {
  const members = types as unknown as readonly DataType<unknown>[]
  const name = members.map((type) => type.name).join(', ')
  return {
    name,
    structure: { kind: 'tuple', members },
    optional: false,
    tag: TAG.vector,
    isObject: true,
    write(writer, value) {
      const values = value as readonly unknown[]
      if (!Array.isArray(values) || values.length !== members.length) {
        throw unexpected(`${name} (an array of ${members.length})`, values)
      }
      writer.u8(TAG.vector)
      writer.varbyte(members.length)
      for (let index = 0; index < members.length; index += 1) members[index]!.write(writer, values[index])
    },
    read(reader) {
      expectTag(reader, TAG.vector, name)
      const size = reader.elementCount(1)
      if (size !== members.length) {
        throw new DecodeError(
          'type-mismatch',
          `expected ${members.length} values (${name}), found ${size}`,
          reader.offset,
        )
      }
      const values: unknown[] = []
      for (const member of members) values.push(member.read(reader))
      return values as unknown as Readonly<Natives<Types>>
    },
    parts(value) {
      const values = value as readonly unknown[]
      if (!Array.isArray(values)) return []
      return members.map((type, index): Part => [`element ${index + 1}`, type, values[index]])
    },
    log: undefined,
  }
}

/**
 * A set. It is read into a `Set`; into a `ValueSet` when the elements are objects in JavaScript (addresses, ports,
 * records). Both can be sent. The same element twice is an error.
 */
export function set<T>(element: DataType<T>): DataType<ReadonlySet<T>> {
  const name = `set[${element.name}]`
  const make = element.isObject ? () => new ValueSet<T>() : () => new Set<T>()
  return {
    name,
    structure: { kind: 'set', element: element as DataType<unknown> },
    optional: false,
    tag: TAG.set,
    isObject: true,
    write(writer, value) {
      if (!isSet(value)) throw unexpected(`${name} (a Set or ValueSet)`, value)
      const encoded = sortedEncodings([...value], (scratch, item) => element.write(scratch, item))
      writer.u8(TAG.set)
      writer.varbyte(encoded.length)
      for (const bytes of encoded) writer.raw(bytes)
    },
    read(reader) {
      const start = reader.offset
      expectTag(reader, TAG.set, 'set')
      const size = reader.elementCount(1)
      const elements = make()
      for (let index = 0; index < size; index += 1) elements.add(readIndex(reader, element))
      if (elements.size < size) refuseDuplicates(reader, start)
      return elements
    },
    parts: (value) => (isSet(value) ? elementParts(element, value) : []),
    log: containerLogForm(element, ZEEK_TAG.table, (value) => {
      if (!isSet(value)) throw unexpected(`${name} (a Set or ValueSet)`, value)
      return [value, value.size]
    }),
  }
}

/**
 * A table. It is read into a `Map`; into a `ValueMap` when the keys are objects in JavaScript. Both can be sent. The
 * same key twice is an error.
 */
export function table<K, V>(key: DataType<K>, value: DataType<V>): DataType<ReadonlyMap<K, V>> {
  const name = `table[${key.name}] of ${value.name}`
  const make = key.isObject ? () => new ValueMap<K, V>() : () => new Map<K, V>()
  return {
    name,
    structure: { kind: 'table', key: key as DataType<unknown>, value: value as DataType<unknown> },
    optional: false,
    tag: TAG.table,
    isObject: true,
    write(writer, entries) {
      if (!isMap(entries)) throw unexpected(`${name} (a Map or ValueMap)`, entries)
      const encoded = sortedEncodings([...entries], (scratch, [entryKey, entryValue]) => {
        key.write(scratch, entryKey)
        value.write(scratch, entryValue)
      })
      writer.u8(TAG.table)
      writer.varbyte(encoded.length)
      for (const bytes of encoded) writer.raw(bytes)
    },
    read(reader) {
      const start = reader.offset
      expectTag(reader, TAG.table, 'table')
      const size = reader.elementCount(2)
      const entries = make()
      for (let index = 0; index < size; index += 1) entries.set(readIndex(reader, key), value.read(reader))
      if (entries.size < size) refuseDuplicates(reader, start)
      return entries
    },
    parts: (entries) => (isMap(entries) ? entryParts(key, value, entries) : []),
    log: undefined,
  }
}

/** A value that may be unset: `undefined`. For fields of records, log columns and nothing else, as in Zeek. */
export function optional<T>(type: DataType<T>): DataType<T | undefined> {
  return {
    name: type.name,
    optional: true,
    tag: undefined,
    isObject: type.isObject,
    unwrapped: type as DataType<unknown>,
    ...(type.structure && { structure: type.structure }),
    write(writer, value) {
      if (value === undefined) writer.u8(TAG.none)
      else type.write(writer, value)
    },
    read(reader) {
      if (reader.bytes[reader.offset] !== TAG.none || reader.remaining === 0) return type.read(reader)
      reader.skip(1)
      return undefined
    },
    parts: (value) => (value === undefined ? [] : (type.parts?.(value) ?? [])),
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
    structure: { kind: 'record', fields: entries },
    name: `record { ${entries.map(([name, type]) => `${name}: ${type.name}`).join('; ')} }`,
    optional: false,
    tag: TAG.vector,
    isObject: true,
    write(writer, value) {
      if (typeof value !== 'object' || value === null) throw unexpected('record (an object)', value)
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
    parts(value) {
      if (typeof value !== 'object' || value === null) return []
      const values = value as Readonly<Record<string, unknown>>
      return entries.map(([name, type]): Part => [`field ${name}`, type, values[name]])
    },
    log: undefined,
  }
}

/**
 * An element of a set or a key of a table. A single index may also come as a vector of one, unless the index itself
 * travels as a vector (spec/broker-protocol.md 6.8).
 */
function readIndex<T>(reader: ByteReader, type: DataType<T>): T {
  if (type.tag !== undefined && type.tag !== TAG.vector && reader.skipTag(TAG.vector)) {
    const size = reader.elementCount(1)
    if (size !== 1) {
      throw new DecodeError(
        'type-mismatch',
        `expected ${type.name}, found a vector of ${size}`,
        reader.offset,
      )
    }
  }
  return type.read(reader)
}

/**
 * Elements of the data at `start` became the same here. Texts that are not UTF-8 and times that differ by less than a
 * double tells may do so; for everything else `readValue` throws.
 */
function refuseDuplicates(reader: ByteReader, start: number): void {
  const end = reader.offset
  reader.offset = start
  readValue(reader)
  reader.offset = end
}

function* elementParts<T>(type: DataType<T>, elements: Iterable<unknown>): Iterable<Part> {
  let index = 0
  for (const element of elements) {
    index += 1
    yield [`element ${index}`, type as DataType<unknown>, element]
  }
}

function* entryParts<K, V>(
  key: DataType<K>,
  value: DataType<V>,
  entries: Iterable<readonly [unknown, unknown]>,
): Iterable<Part> {
  let index = 0
  for (const [entryKey, entryValue] of entries) {
    index += 1
    yield [`key ${index}`, key as DataType<unknown>, entryKey]
    yield [`value ${index}`, value as DataType<unknown>, entryValue]
  }
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
