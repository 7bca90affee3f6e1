/**
 * Keys by which `ValueSet` and `ValueMap` find elements: equal native values of Zeek's types have the same key,
 * others have not. Numbers, texts and truth values are their own keys; objects get a text.
 */
import { Address, Port, Subnet } from './address.js'

export type ValueKey = string | number | bigint | boolean | undefined

/** Starts the keys of objects; texts that start with it get another one in front. */
const MARK = '\0'

/** The key of a native value: address, port, subnet, bytes, list, record, set, table, or a primitive. */
export function keyOf(value: unknown): ValueKey {
  switch (typeof value) {
    case 'string':
      return value.startsWith(MARK) ? `${MARK}'${value}` : value
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return value
    default:
      return value === null ? `${MARK}null` : MARK + objectKey(value)
  }
}

function objectKey(value: unknown): string {
  if (value instanceof Address) return `a${addressKey(value)}`
  if (value instanceof Port) return `p${value.number}/${value.protocol}`
  if (value instanceof Subnet) return `n${addressKey(value.address)}/${value.length}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('latin1')}`
  if (Array.isArray(value)) return `v${value.map(partKey).join('')}`
  if (isMap(value)) return `m${sorted([...value].map(([key, entry]) => partKey(key) + partKey(entry)))}`
  if (isSet(value)) return `s${sorted([...value].map(partKey))}`
  const fields = Object.entries(value as Readonly<Record<string, unknown>>)
  return `r${sorted(fields.filter(([, field]) => field !== undefined).map(([name, field]) => partKey(name) + partKey(field)))}`
}

/** The key of a part of an object: its type and its length stand in front, so that parts do not run together. */
function partKey(value: unknown): string {
  const type = typeof value
  const text = type === 'object' && value !== null ? objectKey(value) : String(value)
  return `${type}${text.length}:${text}`
}

function addressKey({ word0, word1, word2, word3 }: Address): string {
  return String.fromCharCode(
    word0 >>> 16,
    word0 & 0xffff,
    word1 >>> 16,
    word1 & 0xffff,
    word2 >>> 16,
    word2 & 0xffff,
    word3 >>> 16,
    word3 & 0xffff,
  )
}

function sorted(parts: readonly string[]): string {
  return [...parts].sort().join('')
}

/** Whether it can be iterated and asked as a `Set` can. */
export function isSet(value: unknown): value is ReadonlySet<unknown> {
  return isCollection(value) && !('get' in value)
}

/** Whether it can be iterated and asked as a `Map` can. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return isCollection(value) && 'get' in value
}

function isCollection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'has' in value && Symbol.iterator in value
}
