/** Stores in SQLite files, as Broker has them (spec/broker-protocol.md 8.2): either can open what the other wrote. */
import { ClusterError, errorMessage } from '../../base/errors.js'
import { systemTimers } from '../../base/time.js'
import type { SqliteOptions } from '../../options/store-settings.js'
import { findSqlite, SQLITE_INSTALLATION } from '../../sqlite/drivers.js'
import {
  SQLITE,
  type SqliteConnection,
  type SqliteDriver,
  SqliteError,
  type SqliteStatement,
  type SqliteValue,
} from '../../sqlite/sqlite-connection.js'
import { StoreError } from '../store-error.js'
import type { Backend, Change, StoredEntry } from './backend.js'
import {
  type Claim,
  claim,
  corrupt,
  diskFull,
  failed,
  foreign,
  inUse,
  removeFile,
  type StorePlace,
  sizeOf,
  startOfFile,
  unavailable,
  unusable,
} from './store-files.js'

/** The Broker whose format this is. */
const BROKER_VERSION = '2.8.0'
const FILE_START = new TextEncoder().encode('SQLite format 3\0')
const CHUNK_ENTRIES = 1000

/** Our tables and their columns. The texts are what Broker says, letter by letter. */
const TABLES: ReadonlyMap<string, { readonly columns: string; readonly make: string }> = new Map([
  [
    'meta',
    { columns: 'key value', make: 'create table if not exists meta(key text primary key, value text)' },
  ],
  [
    'store',
    {
      columns: 'key value expiry',
      make: 'create table if not exists store(key blob primary key, value blob, expiry integer)',
    },
  ],
])

const PUT = 'replace into store(key, value, expiry) values(?, ?, ?)'
const ERASE = 'delete from store where key = ?'
/** Casts: other programs may have written texts. */
const ENTRIES = 'select cast(key as blob), cast(value as blob), expiry from store'

/**
 * Opens the store in the file `options.path` (absolute), or makes it. A file that needs no change is not written.
 * While it is open nobody else can open it.
 *
 * Throws a `StoreError`: `backend-unavailable`, `path-unusable`, `foreign-file`, `corrupt-file`, `file-in-use`,
 * `disk-full`, `backend-failure`. With the failure mode `DELETE` a file that is damaged or no database is deleted and
 * made anew. Broker deletes it whatever the reason; here a file that is in use or for which the disk has no room stays.
 */
export async function openSqlite(
  store: string,
  options: SqliteOptions,
  findDriver: () => SqliteDriver | undefined = findSqlite,
): Promise<Backend> {
  const driver = findDriver()
  if (driver === undefined) {
    throw unavailable(store, 'SQLite', SQLITE_INSTALLATION)
  }
  const place = { store, path: options.path }
  const claimed = await claim(place, 'file')
  try {
    return new SqliteBackend(place, claimed, await openConnection(place, claimed.isEmpty, options, driver))
  } catch (error) {
    if (options.failureMode !== 'DELETE' || !isRemovable(error)) {
      claimed.release()
      throw error
    }
  }
  try {
    await removeFile(place.path)
    return new SqliteBackend(place, claimed, await openConnection(place, true, options, driver))
  } catch (error) {
    claimed.release()
    throw error instanceof StoreError ? error : unusable(place, 'it cannot be deleted', error)
  }
}

/** Why a file is not opened that is no SQLite database. A database of something else is no reason to Broker. */
class NoDatabase extends ClusterError<'no-database'> {}

function isRemovable(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false
  return error.code === 'corrupt-file' || (error.code === 'foreign-file' && error.cause instanceof NoDatabase)
}

async function openConnection(
  place: StorePlace,
  isEmpty: boolean,
  options: SqliteOptions,
  driver: SqliteDriver,
): Promise<SqliteConnection> {
  let connection: SqliteConnection | undefined
  try {
    if (!isEmpty) await inspect(place, driver)
    connection = driver.open(place.path, 'write')
    prepare(place, isEmpty, options, connection)
    return connection
  } catch (error) {
    connection?.close()
    throw openError(place, error)
  }
}

/** Looks at a file without changing it. Throws when it is no store. */
async function inspect(place: StorePlace, driver: SqliteDriver): Promise<void> {
  const start = await startOfFile(place.path, FILE_START.length)
  if (start.every((byte) => byte === 0)) throw corrupt(place, 'it begins with zeros')
  if (start.some((byte, index) => byte !== FILE_START[index])) {
    const what = 'it is no SQLite database'
    throw foreign(place, what, new NoDatabase('no-database', what, undefined))
  }
  if (start.length < FILE_START.length) throw corrupt(place, 'it ends in the middle of its header')
  // Tables may stand in the write-ahead log only; who reads it takes locks.
  const hasLog = (await sizeOf(`${place.path}-wal`)) > 0
  const connection = driver.open(place.path, hasLog ? 'read' : 'peek')
  try {
    checkTables(place, connection)
  } finally {
    connection.close()
  }
}

/** Makes a file ours, and checks it before it is written. */
function prepare(
  place: StorePlace,
  isEmpty: boolean,
  { synchronous, journalMode, integrityCheck = false }: SqliteOptions,
  connection: SqliteConnection,
): void {
  // The lock of the first transaction is kept until the file is closed.
  connection.run('pragma locking_mode = exclusive')
  connection.run('begin exclusive')
  const tables = checkTables(place, connection)
  const version = tables.has('meta')
    ? connection.run("select value from meta where key = 'broker_version'")[0]?.[0]
    : undefined
  const currentMode = connection.run('pragma journal_mode')[0]?.[0]?.toUpperCase()
  const makesTables = tables.size < TABLES.size
  const switches = journalMode !== undefined && journalMode !== currentMode
  const writes = makesTables || switches || version !== BROKER_VERSION
  if (!isEmpty && (integrityCheck || writes)) {
    const problems = connection.run(integrityCheck ? 'pragma integrity_check' : 'pragma quick_check')
    if (problems.length !== 1 || problems[0]?.[0] !== 'ok') {
      throw corrupt(place, problems.map(([problem]) => problem).join('; '))
    }
  }
  connection.run('commit')
  if (synchronous !== undefined) connection.run(`pragma synchronous = ${synchronous}`)
  if (switches) connection.run(`pragma journal_mode = ${journalMode}`)
  if (!makesTables && version === BROKER_VERSION) return
  connection.run('begin immediate')
  for (const { make } of TABLES.values()) connection.run(make)
  connection.run(`replace into meta(key, value) values('broker_version', '${BROKER_VERSION}')`)
  connection.run('commit')
}

/** Which of our tables are there. Throws when the database is something else's. */
function checkTables(place: StorePlace, connection: SqliteConnection): ReadonlySet<string> {
  const names = connection
    .run(
      "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'",
    )
    .map(([name]) => name ?? '')
  const own = new Set(names.filter((name) => TABLES.has(name)))
  const others = names.filter((name) => !own.has(name))
  if (others.length > 0 && own.size < TABLES.size) {
    throw foreign(place, `it is a database with the tables ${others.join(', ')}`)
  }
  for (const name of own) {
    const columns = connection.run(`pragma table_info(${name})`).map(([, column]) => column)
    if (columns.join(' ') !== TABLES.get(name)?.columns) {
      throw foreign(place, `its table ${name} has the columns ${columns.join(', ')}`)
    }
  }
  return own
}

class SqliteBackend implements Backend {
  readonly #place: StorePlace
  readonly #claim: Claim
  readonly #connection: SqliteConnection
  #put: SqliteStatement | undefined
  #erase: SqliteStatement | undefined

  constructor(place: StorePlace, claimed: Claim, connection: SqliteConnection) {
    this.#place = place
    this.#claim = claimed
    this.#connection = connection
  }

  async *load(): AsyncIterable<readonly StoredEntry[]> {
    try {
      let chunk: StoredEntry[] = []
      for (const row of this.#connection.prepare(ENTRIES).rows()) {
        if (chunk.push(entryOf(row)) < CHUNK_ENTRIES) continue
        yield chunk
        chunk = []
        await new Promise<void>((resume) => systemTimers.soon(resume))
      }
      if (chunk.length > 0) yield chunk
    } catch (error) {
      if (resultCodeOf(error) === SQLITE.CORRUPT) throw corrupt(this.#place, errorMessage(error), error)
      throw failed(this.#place, 'read', error)
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const connection = this.#connection
    try {
      connection.run('begin immediate')
      for (const change of changes) this.#apply(change)
      await connection.runAside('commit')
    } catch (error) {
      try {
        connection.run('rollback')
      } catch {
        // SQLite has undone it by itself, or will when the file is used next.
      }
      throw resultCodeOf(error) === SQLITE.FULL
        ? diskFull(this.#place, error)
        : failed(this.#place, 'written', error)
    }
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case 'put': {
        const { key, value, expiryNs } = change.entry
        this.#put ??= this.#connection.prepare(PUT)
        return this.#put.execute([key, value, expiryNs ?? null])
      }
      case 'erase':
        this.#erase ??= this.#connection.prepare(ERASE)
        return this.#erase.execute([change.key])
      case 'clear':
        this.#connection.run('delete from store')
    }
  }

  async close(): Promise<void> {
    try {
      this.#connection.close()
    } finally {
      this.#claim.release()
    }
  }
}

function entryOf([key, value, expiry]: readonly SqliteValue[]): StoredEntry {
  return {
    key: bytesOf(key),
    value: bytesOf(value),
    expiryNs: typeof expiry === 'bigint' ? expiry : undefined,
  }
}

function bytesOf(value: SqliteValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}

function resultCodeOf(error: unknown): number | undefined {
  return error instanceof SqliteError ? error.data.resultCode : undefined
}

function openError(place: StorePlace, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  switch (resultCodeOf(error)) {
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return corrupt(place, errorMessage(error), error)
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return inUse(place, 'another process has it open', error)
    case SQLITE.CANTOPEN:
    case SQLITE.READONLY:
    case SQLITE.PERM:
      return unusable(place, errorMessage(error), error)
    case SQLITE.FULL:
      return diskFull(place, error)
    default:
      return failed(place, 'opened', error)
  }
}
