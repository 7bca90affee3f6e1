/**
 * Zeek's SQLite writer: a table for each log, in a file of its own. Statements are those of Zeek, letter by letter, so
 * that either can go on with what the other wrote; but names that Zeek cannot use for tables are quoted.
 */
import { basename } from 'node:path'
import { ClusterError } from '../../base/errors.js'
import { ByteReader } from '../../data/byte-reader.js'
import type { LogField } from '../../data/log-messages.js'
import { findSqlite, SQLITE_INSTALLATION } from '../../sqlite/drivers.js'
import {
  SQLITE,
  type SqliteConnection,
  type SqliteDriver,
  SqliteError,
  type SqliteStatement,
} from '../../sqlite/sqlite-connection.js'
import type { LogFileDescription, LogOutput, LogWriter, PreparedChunk } from './log-writer.js'
import { columnType, type SqliteLogOptions, SqliteRows } from './sqlite-rows.js'

const SQLITE_WRITER = 'Log::WRITER_SQLITE'
const SUFFIX = '.sqlite'
/** Before each record of a chunk stands its length. */
const LENGTH_BYTES = 4

/** Logs are to go to SQLite files, but there is no SQLite here. */
export class SqliteMissing extends ClusterError<'sqlite-missing', { readonly filePath: string }> {
  override readonly name = 'SqliteMissing'

  constructor(filePath: string) {
    super('sqlite-missing', `${filePath} needs SQLite, which is not here: ${SQLITE_INSTALLATION}`, {
      filePath,
    })
  }
}

/**
 * The writer. `open` rejects with `SqliteMissing` where SQLite is not installed, and with a `SqliteError` for a file
 * that is no database or whose table has other columns.
 */
export function sqliteWriter(
  options: SqliteLogOptions,
  findDriver: () => SqliteDriver | undefined = findSqlite,
): LogWriter {
  /** Tables of files that this process wrote; of others the file itself has to tell. */
  const tables = new Map<string, string>()
  const driverFor = (filePath: string): SqliteDriver => {
    const driver = findDriver()
    if (driver === undefined) throw new SqliteMissing(filePath)
    return driver
  }
  /** Does something with the table of a closed file; undefined when there is none. */
  const withTable = <Result>(
    filePath: string,
    action: (connection: SqliteConnection, table: string) => Result,
  ): Result | undefined => {
    const connection = openExisting(driverFor(filePath), filePath)
    if (connection === undefined) return undefined
    try {
      const table = tables.get(filePath) ?? tableOf(connection, filePath)
      return table === undefined ? undefined : action(connection, quoted(table))
    } finally {
      connection.close()
    }
  }
  return {
    name: SQLITE_WRITER,
    continuesFiles: true,
    fileName: (name) => `${name}${SUFFIX}`,
    formatter(fields) {
      const rows = new SqliteRows(fields, options)
      return (chunk, bytes, start, end) => {
        // Only to see whether it is one.
        rows.rowOf(bytes, start, end)
        chunk.u32(end - start)
        chunk.slice(bytes, start, end)
      }
    },
    async open(file) {
      const table = file.config.get('tablename') ?? file.path
      const connection = driverFor(file.filePath).open(file.filePath, 'write')
      try {
        const output = new SqliteOutput(connection, table, file, options)
        tables.set(file.filePath, table)
        return output
      } catch (error) {
        connection.close()
        throw error
      }
    },
    async measure(filePath) {
      return withTable(filePath, rowsIn)
    },
    async cut(filePath, size) {
      withTable(filePath, (connection, table) => dropRows(connection, table, size))
    },
  }
}

class SqliteOutput implements LogOutput {
  // A table is continued for ever.
  readonly rotates = false
  readonly #connection: SqliteConnection
  readonly #table: string
  readonly #rows: SqliteRows
  readonly #insert: SqliteStatement
  readonly #reader = new ByteReader()
  #size: number

  constructor(
    connection: SqliteConnection,
    table: string,
    { fields }: LogFileDescription,
    options: SqliteLogOptions,
  ) {
    this.#connection = connection
    this.#table = makeTable(connection, table, fields)
    this.#rows = new SqliteRows(fields, options)
    const names = fields.map(({ name }) => quotedName(name)).join(', ')
    // Texts come as bytes, which become texts without being changed.
    const places = fields.map((field) => (columnType(field) === 'text' ? 'cast(? as text)' : '?')).join(', ')
    this.#insert = connection.prepare(`insert into ${this.#table} (${names}) values (${places})`)
    this.#size = rowsIn(connection, this.#table)
  }

  get size(): number {
    return this.#size
  }

  async prepare(chunk: Uint8Array, records: number): Promise<PreparedChunk> {
    return { bytes: chunk, records, sizeAfter: this.#size + records }
  }

  async store({ bytes, sizeAfter }: PreparedChunk): Promise<void> {
    const connection = this.#connection
    try {
      connection.run('begin immediate')
      this.#insertAll(bytes)
      await connection.runAside('commit')
    } catch (error) {
      try {
        connection.run('rollback')
      } catch {
        // SQLite has undone it by itself.
      }
      throw error
    }
    this.#size = sizeAfter
  }

  async cut(): Promise<void> {
    dropRows(this.#connection, this.#table, this.#size)
  }

  /** A commit is on disk. */
  async sync(): Promise<void> {}

  async close(): Promise<void> {
    this.#connection.close()
  }

  #insertAll(bytes: Uint8Array): void {
    const reader = this.#reader
    reader.reset(bytes, 0, bytes.length)
    while (reader.remaining >= LENGTH_BYTES) {
      const length = reader.u32()
      const start = reader.take(length)
      this.#insert.execute(this.#rows.rowOf(bytes, start, start + length))
    }
  }
}

/** Makes the table where it is missing; its name as it has to stand in statements. */
function makeTable(connection: SqliteConnection, name: string, fields: readonly LogField[]): string {
  const columns = fields.map((field) => `${quotedName(field.name)} ${columnType(field)}`)
  const make = (table: string): string => {
    connection.run(`CREATE TABLE IF NOT EXISTS ${table} (\n${columns.join(',\n')}\n);`)
    return table
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return make(quoted(name))
  try {
    return make(name)
  } catch (error) {
    // It may be a word of SQL.
    if (error instanceof SqliteError && error.data.resultCode === SQLITE.ERROR) return make(quoted(name))
    throw error
  }
}

/** The name of a column as Zeek quotes it. */
function quotedName(name: string): string {
  return `'${name.replaceAll("'", "''")}'`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A file that has to be there already; undefined when it is not. */
function openExisting(driver: SqliteDriver, filePath: string): SqliteConnection | undefined {
  try {
    driver.open(filePath, 'peek').close()
  } catch (error) {
    if (error instanceof SqliteError && error.data.resultCode === SQLITE.CANTOPEN) return undefined
    throw error
  }
  // To write: a transaction that a crash cut off has to be taken back first.
  return driver.open(filePath, 'write')
}

/** The table of a log: the only one, or that which is named like the file. */
function tableOf(connection: SqliteConnection, filePath: string): string | undefined {
  const names = connection.run("select name from sqlite_master where type = 'table'").flat()
  const own = basename(filePath, SUFFIX)
  return names.length === 1 ? names[0] : names.find((name) => name === own)
}

/** Rows are numbered from 1, without gaps: none is ever removed but from the end. */
function rowsIn(connection: SqliteConnection, table: string): number {
  return Number(connection.run(`select coalesce(max(rowid), 0) from ${table}`)[0]?.[0] ?? 0)
}

function dropRows(connection: SqliteConnection, table: string, size: number): void {
  connection.run(`delete from ${table} where rowid > ${size}`)
}
