/** What `Cluster::stores` says about a store before it is created (`Cluster::StoreInfo` of the reference page). */

/** `Broker::BackendType`. */
export const BACKEND_TYPES = ['Broker::MEMORY', 'Broker::SQLITE', 'Broker::ROCKSDB'] as const

export type BackendType = (typeof BACKEND_TYPES)[number]

/** `Broker::SQLiteSynchronous`: how often SQLite waits for the disk (sqlite.org/pragma.html#pragma_synchronous). */
export const SQLITE_SYNCHRONOUS = ['OFF', 'NORMAL', 'FULL', 'EXTRA'] as const
/** `Broker::SQLiteJournalMode`: a journal beside the file that is deleted, or a write-ahead log. */
export const SQLITE_JOURNAL_MODES = ['DELETE', 'WAL'] as const
/** `Broker::SQLiteFailureMode`: what becomes of a file that cannot be opened. */
export const SQLITE_FAILURE_MODES = ['FAIL', 'DELETE'] as const

/** `Broker::SQLiteOptions`. All but the path came with Zeek 5.2. */
export interface SqliteOptions {
  /** Empty: none. */
  readonly path: string
  /** Default: left to SQLite. */
  readonly synchronous?: (typeof SQLITE_SYNCHRONOUS)[number]
  /** Default: left to SQLite. */
  readonly journalMode?: (typeof SQLITE_JOURNAL_MODES)[number]
  /** Default `FAIL`. */
  readonly failureMode?: (typeof SQLITE_FAILURE_MODES)[number]
  /** Whether the file is checked when it is opened; default false. */
  readonly integrityCheck?: boolean
}

/** `Broker::RocksDBOptions`; an empty path is none. */
export interface RocksdbOptions {
  readonly path: string
}

/** `Broker::BackendOptions`. */
export interface BackendOptions {
  readonly sqlite: SqliteOptions
  readonly rocksdb: RocksdbOptions
}

/** The fields that are given; all others have their defaults. Intervals are seconds. */
export interface StoreSettings {
  readonly masterNode?: string
  readonly master?: boolean
  readonly backend?: BackendType
  readonly options?: {
    readonly sqlite?: Partial<SqliteOptions>
    readonly rocksdb?: Partial<RocksdbOptions>
  }
  readonly cloneResyncInterval?: number
  readonly cloneStaleInterval?: number
  readonly cloneMutationBufferInterval?: number
}
