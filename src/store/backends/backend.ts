/**
 * The port between a master and what keeps its entries over a restart. A master holds all entries in memory and
 * answers from there; a backend is read once, when it is opened, and then only written.
 *
 * Keys and values are data in Broker's binary format, tag included (spec/broker-protocol.md 1.3, 8.2).
 */

export interface StoredEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** Nanoseconds since 1970-01-01T00:00:00Z at which the entry ends; undefined: never. */
  readonly expiryNs: bigint | undefined
}

export type Change =
  | { readonly kind: 'put'; readonly entry: StoredEntry }
  /** A key that is not there is no error. */
  | { readonly kind: 'erase'; readonly key: Uint8Array }
  /** All entries, before the changes that follow. */
  | { readonly kind: 'clear' }

export interface Backend {
  /**
   * Every entry, in chunks, in any order; entries whose time is over too. Called once, before the first commit. The
   * bytes belong to the caller. Throws a `StoreError`: `corrupt-file`, `backend-failure`.
   */
  load(): AsyncIterable<readonly StoredEntry[]>
  /**
   * Applies all changes in their order, or none of them. Resolves when they are as safe as the durability of this
   * backend says. Called again only when the last one has ended. Rejects with a `StoreError`, `disk-full` or
   * `backend-failure`: then nothing was changed, and the backend can be used again. The bytes stay unchanged until
   * then.
   */
  commit(changes: readonly Change[]): Promise<void>
  /** Ends the backend in order; what was committed stays. Nothing is called afterwards. */
  close(): Promise<void>
}

/**
 * What a commit outlives: `process` a `kill -9` of this process, `machine` also a loss of power. Memory outlives
 * nothing.
 */
export type Durability = 'process' | 'machine'
