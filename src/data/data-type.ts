/** What a Zeek type is to this package: how a native JavaScript value travels as Broker data and as a log column. */
import type { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError, EncodeError } from './decode-error.js'
import type { FastForm, FastLogForm } from './fast-form.js'

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
  /** Broker's tag of the data; undefined when it may have any. */
  readonly tag: number | undefined
  /** Whether values are objects in JavaScript: containers then compare them by value, not by identity. */
  readonly isObject: boolean
  /** Of an optional type: the type of the value when it is set. */
  readonly unwrapped?: DataType<unknown>
  /** The usual form on the wire, for generated codecs; `text` is a short text. Missing for what has no fixed size. */
  readonly fast?: FastForm<T> | 'text'
  /** Appends the value as Broker data. Throws `EncodeError`. */
  write(writer: ByteWriter, value: T): void
  /** Reads Broker data of this type. Throws `DecodeError`, code `type-mismatch` for well-formed other data. */
  read(reader: ByteReader): T
  /** What a value consists of, for errors that say where the fault is. Missing for what has no parts. */
  parts?(value: T): Iterable<Part>
  /** What it is made of. Missing for what has no parts. */
  readonly structure?: Structure
  /** How it travels as a log column; undefined for what cannot be logged. */
  readonly log: LogForm<T> | undefined
}

/** What a type with parts is made of. */
export type Structure =
  | {
      readonly kind: 'record'
      readonly fields: readonly (readonly [name: string, type: DataType<unknown>])[]
    }
  | { readonly kind: 'vector' | 'set'; readonly element: DataType<unknown> }
  | { readonly kind: 'table'; readonly key: DataType<unknown>; readonly value: DataType<unknown> }
  /** The index of a set or table with several parts. */
  | { readonly kind: 'tuple'; readonly members: readonly DataType<unknown>[] }

/** A part of a value: its name in errors, its type and itself. */
export type Part = readonly [label: string, type: DataType<unknown>, value: unknown]

export interface LogForm<T> {
  /** Zeek's type tag of the column. */
  readonly tag: number
  /** Type tag of the elements of a container, else 0. */
  readonly elementTag: number
  /** The usual form, for generated codecs; `text` is a short text. */
  readonly fast?: FastLogForm<T> | 'text'
  /** Appends the body behind tag, subtag and the present flag. Throws `EncodeError`. */
  writeBody(writer: ByteWriter, value: T): void
}

/** The JavaScript type of a `DataType`. */
export type Native<Type> = Type extends DataType<infer T> ? T : never

/** The JavaScript types of a list of `DataType`s. */
export type Natives<Types extends readonly unknown[]> = { [Index in keyof Types]: Native<Types[Index]> }

/** What Zeek calls data of a tag. */
const TAG_NAMES: readonly string[] = [
  'nothing',
  'bool',
  'count',
  'int',
  'double',
  'string',
  'addr',
  'subnet',
  'port',
  'time',
  'interval',
  'enum',
  'set',
  'table',
  'vector',
]

/** Moves over the tag of data. Throws `DecodeError` when it is another one. */
export function expectTag(reader: ByteReader, tag: number, name: string): void {
  const actual = reader.u8()
  if (actual !== tag) {
    const found = TAG_NAMES[actual] ?? `data tag ${actual}`
    throw new DecodeError('type-mismatch', `expected ${name}, found ${found}`, reader.offset - 1)
  }
}

/** Appends one log value with its header: type tag, unused subtype, present flag, body. */
export function writeLogValue<T>(writer: ByteWriter, form: LogForm<T>, value: T | undefined): void {
  writer.logHeader(form.tag, value !== undefined)
  if (value !== undefined) form.writeBody(writer, value)
}

/**
 * The error with the path to the faulty part in front. It is looked for only now, by writing the parts one by one:
 * keeping track of the path would cost every message that is well.
 */
export function locateFault(error: EncodeError, parts: Iterable<Part>): EncodeError {
  for (const [label, type, value] of parts) {
    const fault = faultOf(type, value)
    if (fault === undefined) continue
    const inner = type.parts === undefined ? fault : locateFault(fault, type.parts(value))
    const { path, reason } = inner.data
    return new EncodeError(reason, path === '' ? label : `${label}, ${path}`)
  }
  return error
}

function faultOf(type: DataType<unknown>, value: unknown): EncodeError | undefined {
  try {
    type.write(new ByteWriter(), value)
    return undefined
  } catch (error) {
    if (error instanceof EncodeError) return error
    throw error
  }
}
