/** SQLite through Node's own module, where there is one. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { errorMessage } from '../base/errors.js'
import {
  type SqliteAccess,
  type SqliteConnection,
  type SqliteDriver,
  SqliteError,
  type SqliteStatement,
  type SqliteValue,
} from './sqlite-connection.js'

/** What is used of `node:sqlite`; the types of Node 20 do not know it. */
interface NodeStatement {
  run(...values: readonly SqliteValue[]): unknown
  all(): readonly Readonly<Record<string, unknown>>[]
  iterate(): IterableIterator<Readonly<Record<string, SqliteValue>>>
  setReadBigInts(enabled: boolean): void
}

interface NodeDatabase {
  exec(sql: string): void
  prepare(sql: string): NodeStatement
  close(): void
}

type OpenDatabase = new (path: string | URL, options?: { readonly readOnly?: boolean }) => NodeDatabase

/** The driver, or undefined on a Node.js without the module, or with one that cannot open files by URL. */
export function loadNodeSqlite(): SqliteDriver | undefined {
  let Database: OpenDatabase
  try {
    Database = (createRequire(import.meta.url)('node:sqlite') as { DatabaseSync: OpenDatabase }).DatabaseSync
    new Database(new URL('file:///probe?mode=memory')).close()
  } catch {
    return undefined
  }
  return {
    name: 'node:sqlite',
    open: (path, access) => guarded(() => new NodeSqliteConnection(openFile(Database, path, access))),
  }
}

function openFile(Database: OpenDatabase, path: string, access: SqliteAccess): NodeDatabase {
  if (access === 'write') return new Database(path)
  const url = pathToFileURL(path)
  if (access === 'peek') url.search = 'immutable=1'
  return new Database(url, { readOnly: true })
}

class NodeSqliteConnection implements SqliteConnection {
  readonly #database: NodeDatabase

  constructor(database: NodeDatabase) {
    this.#database = database
  }

  run(sql: string): readonly (readonly string[])[] {
    return guarded(() => {
      const statement = this.#database.prepare(sql)
      statement.setReadBigInts(true)
      return statement.all().map((row) => Object.values(row).map(String))
    })
  }

  async runAside(sql: string): Promise<void> {
    guarded(() => this.#database.exec(sql))
  }

  prepare(sql: string): SqliteStatement {
    return new NodeSqliteStatement(guarded(() => this.#database.prepare(sql)))
  }

  close(): void {
    guarded(() => this.#database.close())
  }
}

class NodeSqliteStatement implements SqliteStatement {
  readonly #statement: NodeStatement

  constructor(statement: NodeStatement) {
    this.#statement = statement
    statement.setReadBigInts(true)
  }

  execute(values: readonly SqliteValue[]): void {
    guarded(() => this.#statement.run(...values))
  }

  *rows(): IterableIterator<readonly SqliteValue[]> {
    const rows = guarded(() => this.#statement.iterate())
    for (;;) {
      const row = guarded(() => rows.next())
      if (row.done === true) return
      yield Object.values(row.value)
    }
  }
}

function guarded<Result>(action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    const resultCode = (error as { readonly errcode?: unknown }).errcode
    if (typeof resultCode !== 'number') throw error
    throw new SqliteError(errorMessage(error), resultCode)
  }
}
