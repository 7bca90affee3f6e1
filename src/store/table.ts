/**
 * The entries of a store in memory: data by data. They lie in shards by a hash of the key, so that a copy of a large
 * table can be taken shard by shard while the table goes on changing, and no single step takes long.
 */
import type { SnapshotEntry } from './command.js'
import type { Encoded } from './encoded.js'

export const SHARDS = 256

/** Characters of a key that its shard depends on, from its end. */
const HASHED_CHARACTERS = 16

export class Table {
  readonly #shards: (Map<Encoded, Encoded> | undefined)[] = new Array(SHARDS)
  readonly #snapshots = new Set<Snapshot>()
  #size = 0
  #bytes = 0

  /** Number of entries. */
  get size(): number {
    return this.#size
  }

  /** Bytes of all keys and values, without what it takes to hold them. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: Encoded): Encoded | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  has(key: Encoded): boolean {
    return this.#shards[shardOf(key)]?.has(key) === true
  }

  /** Returns the value that was there before. */
  set(key: Encoded, value: Encoded): Encoded | undefined {
    const index = shardOf(key)
    if (this.#snapshots.size > 0) this.#preserve(index)
    let shard = this.#shards[index]
    if (shard === undefined) {
      shard = new Map()
      this.#shards[index] = shard
    }
    const old = shard.get(key)
    shard.set(key, value)
    if (old === undefined) {
      this.#size += 1
      this.#bytes += key.length + value.length
    } else {
      this.#bytes += value.length - old.length
    }
    return old
  }

  /** Returns the value that was there. */
  delete(key: Encoded): Encoded | undefined {
    const index = shardOf(key)
    const shard = this.#shards[index]
    const old = shard?.get(key)
    if (shard === undefined || old === undefined) return undefined
    if (this.#snapshots.size > 0) this.#preserve(index)
    shard.delete(key)
    this.#size -= 1
    this.#bytes -= key.length + old.length
    return old
  }

  clear(): void {
    for (let index = 0; index < SHARDS; index += 1) {
      if (this.#snapshots.size > 0) this.#preserve(index)
      this.#shards[index] = undefined
    }
    this.#size = 0
    this.#bytes = 0
  }

  *keys(): IterableIterator<Encoded> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.keys()
  }

  *entries(): IterableIterator<SnapshotEntry> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.entries()
  }

  entriesOf(shard: number): Iterable<SnapshotEntry> {
    return this.#shards[shard] ?? []
  }

  /** The entries as they are now, to be taken part by part. End it with `close`. */
  snapshot(): Snapshot {
    const snapshot: Snapshot = new Snapshot(this.#shards, () => this.#snapshots.delete(snapshot))
    this.#snapshots.add(snapshot)
    return snapshot
  }

  #preserve(shard: number): void {
    for (const snapshot of this.#snapshots) snapshot.preserve(shard)
  }
}

/** The entries of a table at one moment. Shards that change before they were taken are copied. */
export class Snapshot {
  readonly #shards: readonly (Map<Encoded, Encoded> | undefined)[]
  readonly #preserved = new Map<number, readonly SnapshotEntry[]>()
  readonly #onClose: () => void
  #next = 0

  constructor(shards: readonly (Map<Encoded, Encoded> | undefined)[], onClose: () => void) {
    this.#shards = shards
    this.#onClose = onClose
  }

  /** The entries of the next shard that has any; undefined when all were taken. */
  take(): readonly SnapshotEntry[] | undefined {
    while (this.#next < SHARDS) {
      const index = this.#next
      this.#next += 1
      const entries = this.#preserved.get(index) ?? [...(this.#shards[index] ?? [])]
      this.#preserved.delete(index)
      if (entries.length > 0) return entries
    }
    this.close()
    return undefined
  }

  /** The shard is about to change. */
  preserve(shard: number): void {
    if (shard < this.#next || this.#preserved.has(shard)) return
    this.#preserved.set(shard, [...(this.#shards[shard] ?? [])])
  }

  close(): void {
    this.#next = SHARDS
    this.#preserved.clear()
    this.#onClose()
  }
}

export function shardOf(key: Encoded): number {
  const { length } = key
  let hash = length
  for (let index = Math.max(0, length - HASHED_CHARACTERS); index < length; index += 1) {
    hash = Math.imul(hash, 31) + key.charCodeAt(index)
  }
  return (Math.imul(hash, 0x9e3779b1) >>> 24) & (SHARDS - 1)
}
