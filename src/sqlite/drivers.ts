/** Which SQLite is used: that of Node.js, or the library of the system. */
import { loadLibsqlite } from './libsqlite.js'
import { loadNodeSqlite } from './node-sqlite.js'
import type { SqliteDriver } from './sqlite-connection.js'

/** What to do where there is none. */
export const SQLITE_INSTALLATION = 'use Node.js 22.15 or later, or install the Debian package libsqlite3-0'

/** The driver to use, or undefined when there is no SQLite. */
export function findSqlite(): SqliteDriver | undefined {
  return loadNodeSqlite() ?? loadLibsqlite()
}

/** Drivers that are there, the preferred one first. */
export function sqliteDrivers(): readonly SqliteDriver[] {
  return [loadNodeSqlite(), loadLibsqlite()].filter((driver) => driver !== undefined)
}
