/**
 * Highest-random-weight hashing exactly as Zeek's, so that every node of a mixed cluster picks the same owner
 * (spec/cluster-framework.md 3.5): 32-bit FNV-1a over a binary description of the key, and Zeek's weight function.
 */
import { Address, Port, Subnet } from '../data/address.js'
import type { DataType } from '../data/data-type.js'
import { addr, bool, count, double, port, string, subnet } from '../data/types.js'
import type { HashEra } from '../options/dialect.js'
import { describeKey } from './key-description.js'

/**
 * Keys that pools accept: a `bigint` is a Zeek `count`, a `number` a `double`, bytes are a `string`. Other types, and
 * those that look alike in JavaScript, are named by `poolKey`.
 */
export type PoolKey = string | Uint8Array | bigint | number | boolean | Address | Subnet | Port | TypedKey

/** A key with its Zeek type; see `poolKey`. */
export class TypedKey {
  readonly type: DataType<unknown>
  readonly value: unknown

  constructor(type: DataType<unknown>, value: unknown) {
    this.type = type
    this.value = value
  }
}

/**
 * A pool key of any Zeek type: `poolKey(int, -5n)`, `poolKey(time, 1.5)`, `poolKey(record({ h: addr, p: port }), …)`.
 * An enum needs its name: declare it by `enumOf`. Sets and tables have an order, and so an owner, only up to one
 * element; choosing the owner of others throws a `ClusterError`, code `not-a-pool-key`, and so do functions, files and
 * opaque values.
 */
export function poolKey<T>(type: DataType<T>, value: T): TypedKey {
  return new TypedKey(type as DataType<unknown>, value)
}

export function fnv1a32(bytes: Uint8Array): number {
  let hash = 2166136261
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619)
  return hash >>> 0
}

/** Zeek's digest of a key: an unsigned 32-bit number. */
export function hashKey(era: HashEra, key: PoolKey): number {
  // Strings have no description since 7.1.
  if (era === '7.1' && (typeof key === 'string' || key instanceof Uint8Array))
    return fnv1a32(Buffer.from(key))
  if (key instanceof TypedKey) {
    if (key.type.name === 'string') return hashKey(era, key.value as string | Uint8Array)
    return fnv1a32(describeKey(era, key.type, key.value))
  }
  return fnv1a32(describeKey(era, typeOfKey(key), key))
}

function typeOfKey(key: Exclude<PoolKey, TypedKey>): DataType<unknown> {
  switch (typeof key) {
    case 'bigint':
      return count as DataType<unknown>
    case 'boolean':
      return bool as DataType<unknown>
    case 'number':
      return double as DataType<unknown>
    case 'string':
      return string as DataType<unknown>
    default:
      if (key instanceof Port) return port as DataType<unknown>
      if (key instanceof Subnet) return subnet as DataType<unknown>
      return (key instanceof Address ? addr : string) as DataType<unknown>
  }
}

const A = 1103515245
const B = 12345

/** Weight of a site for a digest; the site with the greatest weight owns the key, on a tie the greater site. */
export function siteWeight(site: number, digest: number): number {
  return (Math.imul(A, (Math.imul(A, site) + B) ^ (digest & 0x7fffffff)) + B) & 0x7fffffff
}
