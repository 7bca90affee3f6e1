/** Data stores: keys and values shared by the nodes of a cluster (`Broker::Store` of Zeek). */
import { ClusterError } from '../base/errors.js'
import type { Address, Port, Subnet } from '../data/address.js'

/** What can be a key: a `bigint` is a Zeek `count`, a `number` a `double`. Equal values are the same key. */
export type StoreKey = string | bigint | number | boolean | Address | Subnet | Port

/** How long a write is kept. */
export interface WriteOptions {
  /** Milliseconds after which the key is gone; default: never. */
  readonly expiryMs?: number
}

/** A handle of a store. All methods reject with a `StoreError`. */
export interface Store {
  readonly name: string
  /** The value, or undefined when there is no such key. */
  get(key: StoreKey): Promise<unknown>
  exists(key: StoreKey): Promise<boolean>
  keys(): Promise<readonly StoreKey[]>
  /** Number of keys. */
  size(): Promise<number>
  put(key: StoreKey, value: unknown, options?: WriteOptions): Promise<void>
  /** Puts if the key is new; says whether it was. */
  putUnique(key: StoreKey, value: unknown, options?: WriteOptions): Promise<boolean>
  erase(key: StoreKey): Promise<void>
  clear(): Promise<void>
}

/**
 * `backend-unavailable`: this version has no such backend; `no-replication`: the master is on another node, and this
 * version does not copy stores.
 */
export type StoreErrorCode = 'backend-unavailable' | 'no-replication'

export class StoreError extends ClusterError<StoreErrorCode, { readonly store: string }> {
  override readonly name = 'StoreError'
}
