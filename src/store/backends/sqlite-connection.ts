/** The interface between the SQLite backend and its drivers. */
import { ClusterError } from '../../base/errors.js'
import type { StoredEntry } from './backend.js'

/** How a file is opened: `peek` never writes and takes no locks, `read` never writes, `write` makes the file. */
export type SqliteAccess = 'peek' | 'read' | 'write'

export interface SqliteDriver {
  readonly name: string
  /** Throws a `SqliteError`. */
  open(path: string, access: SqliteAccess): SqliteConnection
}

/** One open file. All methods throw a `SqliteError`. */
export interface SqliteConnection {
  /** Runs a statement; the rows of its result are texts. */
  run(sql: string): readonly (readonly string[])[]
  /** Runs a statement in another thread, where the driver can. */
  runAside(sql: string): Promise<void>
  put(entry: StoredEntry): void
  erase(key: Uint8Array): void
  /** Every row of the table `store`. */
  entries(): IterableIterator<StoredEntry>
  close(): void
}

/** `data.resultCode` is SQLite's primary result code, one of `SQLITE`. */
export class SqliteError extends ClusterError<'sqlite', { readonly resultCode: number }> {
  override readonly name = 'SqliteError'

  constructor(message: string, resultCode: number) {
    super('sqlite', message, { resultCode: resultCode & 0xff })
  }
}

/** Result codes (sqlite.org/rescode.html) that mean something to a store. */
export const SQLITE = {
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const

export const PUT = 'replace into store(key, value, expiry) values(?, ?, ?)'
export const ERASE = 'delete from store where key = ?'
/** Casts: other programs may have written texts. */
export const ENTRIES = 'select cast(key as blob), cast(value as blob), expiry from store'
