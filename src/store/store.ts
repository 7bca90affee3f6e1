/** Data stores: keys and values shared by the nodes of a cluster (`Broker::Store` of Zeek). */
import type { Readiness, StoreCounters } from './engine.js'
import type { StoreData } from './store-data.js'

/** For what waits. */
export interface WaitOptions {
  /** Gives up: the promise is rejected with a `StoreError`, code `aborted`. */
  readonly signal?: AbortSignal
  /**
   * Milliseconds after which the promise is rejected with a `StoreError`: writes with the code `timeout`, reads with
   * `stale`; `Infinity`: never. Default of reads: 5000. Default of writes: none of their own; the mutation buffer
   * interval ends them.
   */
  readonly timeoutMs?: number
}

/** How long a write is kept, and waited for. */
export interface WriteOptions extends WaitOptions {
  /** Milliseconds, above 0, after which the key is gone; default: never. A later write without it ends the expiry. */
  readonly expiryMs?: number
}

/** An entry with its own expiry, for the batch forms. */
export type StoreEntry<Key, Value> = readonly [
  key: Key,
  value: Value,
  options?: { readonly expiryMs?: number },
]

/** Something that happened to a key, as it was applied on this node. */
export type StoreChange<Key = StoreData, Value = StoreData> =
  | { readonly kind: 'insert'; readonly key: Key; readonly value: Value }
  | { readonly kind: 'update'; readonly key: Key; readonly oldValue: Value; readonly value: Value }
  /** `expire`: its time was over, or it had to make room. */
  | { readonly kind: 'erase' | 'expire'; readonly key: Key; readonly oldValue: Value }
  /** The reader was too slow: this many changes were left out before the next one. */
  | { readonly kind: 'missed'; readonly changes: number }

export interface WatchOptions {
  readonly signal?: AbortSignal
  /** Changes that wait for a slow reader; beyond, the oldest are left out and counted. Default 65 536. */
  readonly limit?: number
}

/**
 * A handle of a store. On the node with the master every operation is decided here; on all others reads are answered
 * from the local copy and writes are sent to the master. Methods reject with a `StoreError`; the first argument that
 * is not of its type with an `EncodeError`. Operations on values have Broker's rules (spec/broker-protocol.md 7.9).
 */
export interface Store<Key = StoreData, Value = StoreData> {
  readonly name: string
  /** Whether the master is on this node. */
  readonly isMaster: boolean
  /** Whether reads can be answered now. */
  readonly readiness: Readiness
  /** Resolves when reads can be answered. */
  ready(options?: WaitOptions): Promise<void>

  /** The value, or undefined when there is no such key (`Broker::get`). */
  get(key: Key, options?: WaitOptions): Promise<Value | undefined>
  /**
   * A part of a value: the element of a vector by its number, the value of a table by its key, whether an element is
   * in a set; of any other value the value itself. Undefined when there is no such key or part
   * (`Broker::get_index_from_value`). Rejects with `type-clash` for an index of a vector that is no number.
   */
  getIndexFromValue(key: Key, index: StoreData, options?: WaitOptions): Promise<StoreData | undefined>
  exists(key: Key, options?: WaitOptions): Promise<boolean>
  keys(options?: WaitOptions): Promise<readonly Key[]>
  entries(options?: WaitOptions): Promise<readonly (readonly [Key, Value])[]>
  /** Number of keys. */
  size(options?: WaitOptions): Promise<number>

  /** Resolves when the master has applied it, and made it as safe as the store's durability says. */
  put(key: Key, value: Value, options?: WriteOptions): Promise<void>
  /** Puts if the key is new; says whether it was. Of all nodes that try, one gets true. */
  putUnique(key: Key, value: Value, options?: WriteOptions): Promise<boolean>
  /** As `put` for each, as one message and one commit. */
  putMany(entries: Iterable<StoreEntry<Key, Value>>, options?: WaitOptions): Promise<void>
  /** As `putUnique` for each, as one message and one commit; says of each whether it was new. */
  putUniqueMany(entries: Iterable<StoreEntry<Key, Value>>, options?: WaitOptions): Promise<boolean[]>
  /** A key that is not there is no error. */
  erase(key: Key, options?: WaitOptions): Promise<void>
  /** Removes every key. */
  clear(options?: WaitOptions): Promise<void>
  /**
   * Adds to a number, or moves a time by an interval. A key that is not there starts from 0. Default: by 1, as a
   * count. An expiry that the key had ends, unless a new one is given.
   */
  increment(key: Key, by?: StoreData, options?: WriteOptions): Promise<void>
  /** Subtracts from a number, or moves a time back. `no-such-key` when there is none. */
  decrement(key: Key, by?: StoreData, options?: WriteOptions): Promise<void>
  /** Adds to the end of a string. */
  append(key: Key, text: string, options?: WriteOptions): Promise<void>
  insertIntoSet(key: Key, element: StoreData, options?: WriteOptions): Promise<void>
  insertIntoTable(key: Key, index: StoreData, value: StoreData, options?: WriteOptions): Promise<void>
  /** Removes an element of a set or an entry of a table. */
  removeFrom(key: Key, index: StoreData, options?: WriteOptions): Promise<void>
  /** Adds to the end of a vector. */
  push(key: Key, element: StoreData, options?: WriteOptions): Promise<void>
  /** Removes the last element of a vector. */
  pop(key: Key, options?: WriteOptions): Promise<void>

  /** Every change from now on, as it is applied on this node. Ends when the signal fires or the store is closed. */
  watch(options?: WatchOptions): AsyncIterableIterator<StoreChange<Key, Value>>
  counters(): StoreCounters
}
