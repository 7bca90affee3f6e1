/**
 * Broker's data model as plain objects (spec/broker-protocol.md 1.1, 1.3): what any message consists of when its
 * types are not known beforehand. The `type` names are those of Broker's JSON format. Lossless: decoding and
 * encoding again gives the same bytes.
 */
import type { Address, Port, Subnet } from './address.js'

/** Text when the bytes are valid UTF-8, else the bytes. */
export type ByteString = string | Uint8Array

export type Value =
  | { readonly type: 'none' }
  | { readonly type: 'boolean'; readonly value: boolean }
  /** 0 to 2^64-1. */
  | { readonly type: 'count'; readonly value: bigint }
  /** -2^63 to 2^63-1. */
  | { readonly type: 'integer'; readonly value: bigint }
  | { readonly type: 'real'; readonly value: number }
  | { readonly type: 'string'; readonly value: ByteString }
  | { readonly type: 'address'; readonly value: Address }
  | { readonly type: 'subnet'; readonly value: Subnet }
  | { readonly type: 'port'; readonly value: Port }
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  | { readonly type: 'timestamp'; readonly value: bigint }
  /** Nanoseconds. */
  | { readonly type: 'timespan'; readonly value: bigint }
  | { readonly type: 'enum-value'; readonly value: ByteString }
  /** Elements in canonical order. */
  | { readonly type: 'set'; readonly value: readonly Value[] }
  /** Key and value, in canonical order of the keys. */
  | { readonly type: 'table'; readonly value: readonly (readonly [Value, Value])[] }
  | { readonly type: 'vector'; readonly value: readonly Value[] }

export type ValueType = Value['type']

/** Types in the order of their tag numbers, which is also their order of comparison. */
export const VALUE_TYPES: readonly ValueType[] = [
  'none',
  'boolean',
  'count',
  'integer',
  'real',
  'string',
  'address',
  'subnet',
  'port',
  'timestamp',
  'timespan',
  'enum-value',
  'set',
  'table',
  'vector',
]

export const NONE: Value = { type: 'none' }

export function toByteArray(value: ByteString): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value
}
