/** The interface between those who keep something in SQLite files and the drivers. */
import { ClusterError } from '../base/errors.js'

/** How a file is opened: `peek` never writes and takes no locks, `read` never writes, `write` makes the file. */
export type SqliteAccess = 'peek' | 'read' | 'write'

/** What a place in a statement or a row can be: an integer of 64 bits, a real, text, bytes, nothing. */
export type SqliteValue = bigint | number | string | Uint8Array | null

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
  /** Compiles a statement, to be run many times. It is done with when the file is closed. */
  prepare(sql: string): SqliteStatement
  close(): void
}

/** A statement with places for values. All methods throw a `SqliteError`. */
export interface SqliteStatement {
  /** Runs it, for what it does: results are dropped. A `number` is a real, also when it is whole. */
  execute(values: readonly SqliteValue[]): void
  /** Runs it without values, one row after the other. */
  rows(): IterableIterator<readonly SqliteValue[]>
}

/** `data.resultCode` is SQLite's primary result code, one of `SQLITE`. */
export class SqliteError extends ClusterError<'sqlite', { readonly resultCode: number }> {
  override readonly name = 'SqliteError'

  constructor(message: string, resultCode: number) {
    super('sqlite', message, { resultCode: resultCode & 0xff })
  }
}

/** Result codes (sqlite.org/rescode.html) that mean something to somebody. */
export const SQLITE = {
  ERROR: 1,
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const
