/** What a handle needs of the master or the clone behind it. */
import type { Action } from './command.js'
import type { Encoded } from './encoded.js'
import type { Entity } from './entity.js'
import type { StoreError, StoreErrorCode } from './store-error.js'
import type { Table } from './table.js'

/** A change as it was applied here, for watchers and store events. */
export interface StoredChange {
  readonly kind: 'insert' | 'update' | 'erase' | 'expire'
  readonly key: Encoded
  readonly old: Encoded | undefined
  readonly value: Encoded | undefined
  /** Nanoseconds that were given with the write. */
  readonly expiry: bigint | undefined
  /** Who caused it. */
  readonly publisher: Entity
}

/** A change that somebody waits for. */
export interface Write {
  readonly action: Action
  /** Its position in a clone's stream of actions, while it is on its way; else 0. */
  seq: number
  /** Whether it is known what became of it on its way. */
  isSettled: boolean
  /** It was applied. `inserted` is given for `put-unique`: whether the key was new. */
  resolve(inserted?: boolean): void
  reject(error: StoreError): void
}

/**
 * `ready`: reads are answered. `waiting`: no copy of the master's entries has come yet. `stale`: the master has been
 * away for longer than the stale interval.
 */
export type Readiness = 'ready' | 'waiting' | 'stale' | 'closed'

export interface StoreCounters {
  /** Entries. */
  keys: number
  /** Of all keys and values, without what it takes to hold them. */
  bytes: number
  /** Writes that were applied. */
  writes: number
  /** Writes that were not, for whatever reason. */
  refused: number
  /** Entries that ended in time. */
  expired: number
  /** Entries that ended before their time, to make room. */
  evicted: number
  /** Writes that wait: for the master at a clone, for the disk at a master. */
  waitingWrites: number
  /** Masters: clones that are attached. Clones: 1 while attached. */
  channels: number
  /** Clones: how often the whole store was copied from the master. */
  snapshots: number
  /** Masters: clones that were given up, since they were silent or too far behind. */
  droppedClones: number
  /** Commands that were malformed or made no sense. */
  invalidCommands: number
}

export function emptyStoreCounters(): StoreCounters {
  return {
    keys: 0,
    bytes: 0,
    writes: 0,
    refused: 0,
    expired: 0,
    evicted: 0,
    waitingWrites: 0,
    channels: 0,
    snapshots: 0,
    droppedClones: 0,
    invalidCommands: 0,
  }
}

/** Of a master or a clone. */
export interface Engine {
  readonly name: string
  readonly isMaster: boolean
  /** Stands for this participant in store events and in results, as long as it lives. */
  readonly identity: Entity
  /** Stands for the handle in unique puts. */
  readonly frontEnd: Entity
  /** The entries as they are known here. */
  readonly table: Table
  readonly readiness: Readiness
  /** The position in the master's stream that the table has. */
  readonly position: number
  /** For the next unique put. */
  nextRequestId(): number
  write(write: Write): void
  /** Sent as one message where the master understands it and they are not too many, and committed together. */
  writeMany(writes: readonly Write[]): void
  /** Nobody waits any more. True when the write had not been sent, and never will be. */
  cancel(write: Write): boolean
  counters(): StoreCounters
  fail(code: StoreErrorCode, message: string): StoreError
}
