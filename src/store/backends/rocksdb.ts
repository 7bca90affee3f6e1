/**
 * Stores in RocksDB, in the layout that Broker had up to its version 2.0 (spec/broker-protocol.md 8.3): `d` and a key
 * is its value, `e` and a key its expiry, `m` and a name something about the store. Other than Broker's, an entry that
 * is overwritten without an expiry loses the old one.
 */
import { errorMessage } from '../../base/errors.js'
import { systemTimers } from '../../base/time.js'
import { StoreError } from '../store-error.js'
import type { Backend, Change, Durability, StoredEntry } from './backend.js'
import {
  loadLibrocksdb,
  lockHolder,
  type RocksdbCursor,
  type RocksdbDatabase,
  RocksdbError,
  type RocksdbLibrary,
} from './librocksdb.js'
import {
  type Claim,
  claim,
  corrupt,
  diskFull,
  failed,
  foreign,
  inUse,
  namesIn,
  type StorePlace,
  unavailable,
} from './store-files.js'

const META = 'm'.charCodeAt(0)
const DATA = 'd'.charCodeAt(0)
const EXPIRY = 'e'.charCodeAt(0)

const VERSION_KEY = new TextEncoder().encode('broker_version')
const BROKER_VERSION = new TextEncoder().encode('2.8.0')
const CHUNK_ENTRIES = 1000

/** Files that RocksDB makes in a folder before the one that points to its data. */
const EARLY_FILES = /^(?:LOCK|LOG.*|IDENTITY|MANIFEST-\d+|OPTIONS-\d+(?:\.dbtmp)?|\d+\.dbtmp)$/
/** Files that it makes afterwards. */
const DATA_FILES = /^\d+\.(?:sst|log)$/

export interface RocksdbBackendOptions {
  /** Absolute; a folder. */
  readonly path: string
  readonly durability: Durability
}

/**
 * Opens the store in a folder, or makes it. While it is open nobody else can open it. A folder with something else
 * in it is left as it is, and so is one with damage: everything is read before anything is written.
 *
 * Throws a `StoreError`: `backend-unavailable`, `path-unusable`, `foreign-file`, `corrupt-file`, `file-in-use`,
 * `disk-full`, `backend-failure`.
 */
export async function openRocksdb(
  store: string,
  { path, durability }: RocksdbBackendOptions,
  findLibrary: () => RocksdbLibrary | undefined = loadLibrocksdb,
): Promise<Backend> {
  const library = findLibrary()
  if (library === undefined) {
    throw unavailable(store, 'RocksDB', 'install the Debian package librocksdb7.8')
  }
  const place = { store, path }
  const claimed = await claim(place, 'folder')
  try {
    const isNew = claimed.isEmpty || !(await hasDatabase(place))
    const holder = isNew ? undefined : lockHolder(path)
    if (holder !== undefined) throw inUse(place, `process ${holder} has it open`)
    if (!isNew) await inspect(place, library)
    const database = await openDatabase(library, path)
    return new RocksdbBackend(place, claimed, library, database, durability === 'machine')
  } catch (error) {
    claimed.release()
    throw openError(place, error)
  }
}

/** Whether a folder that is not empty has a database. Throws when it has something else. */
async function hasDatabase(place: StorePlace): Promise<boolean> {
  const names = await namesIn(place.path)
  if (names.includes('CURRENT')) return true
  const others = names.filter((name) => !EARLY_FILES.test(name))
  if (others.length === 0) return false
  if (others.every((name) => DATA_FILES.test(name))) throw corrupt(place, 'its file CURRENT is missing')
  throw foreign(place, `there are the files ${others.slice(0, 3).join(', ')}`)
}

/** Reads a database without changing it. Throws when it is no store, or damaged. */
async function inspect(place: StorePlace, library: RocksdbLibrary): Promise<void> {
  const database = await library.openForReadOnly(place.path)
  const cursor = database.cursor()
  try {
    const isStore = hasVersion(cursor)
    cursor.seekToFirst()
    if (!isStore && cursor.isValid) {
      throw foreign(place, 'it is a RocksDB database without a version of Broker')
    }
    for (let count = 1; cursor.isValid; count += 1) {
      cursor.next()
      if (count % CHUNK_ENTRIES === 0) await turnOfEventLoop()
    }
  } finally {
    cursor.close()
    await database.close()
  }
}

async function openDatabase(library: RocksdbLibrary, path: string): Promise<RocksdbDatabase> {
  const database = await library.open(path)
  try {
    const cursor = database.cursor()
    try {
      if (hasVersion(cursor)) return database
    } finally {
      cursor.close()
    }
    database.put(META, VERSION_KEY, BROKER_VERSION)
    await database.write(true)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Whether it was made by Broker, or by us. */
function hasVersion(cursor: RocksdbCursor): boolean {
  cursor.seek(META)
  for (let key = cursor.key(); key !== undefined; key = cursor.key()) {
    if (Buffer.compare(key, VERSION_KEY) === 0) return true
    cursor.next()
  }
  return false
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resume) => systemTimers.soon(resume))
}

class RocksdbBackend implements Backend {
  readonly #place: StorePlace
  readonly #claim: Claim
  readonly #library: RocksdbLibrary
  readonly #isSynced: boolean
  #expiring = new ExpiringKeys()
  /** Undefined after a failure: RocksDB takes no more writes until it is opened again. */
  #database: RocksdbDatabase | undefined

  constructor(
    place: StorePlace,
    claimed: Claim,
    library: RocksdbLibrary,
    database: RocksdbDatabase,
    isSynced: boolean,
  ) {
    this.#place = place
    this.#claim = claimed
    this.#library = library
    this.#database = database
    this.#isSynced = isSynced
  }

  async *load(): AsyncIterable<readonly StoredEntry[]> {
    try {
      const database = this.#database ?? (await this.#reopen())
      const expiring = new ExpiringKeys(true)
      const entries = database.cursor().seek(DATA)
      const expiries = database.cursor().seek(EXPIRY)
      try {
        let chunk: StoredEntry[] = []
        for (let key = entries.key(); key !== undefined; key = entries.key()) {
          const expiryNs = expiryOf(key, expiries)
          if (expiryNs !== undefined) expiring.add(key)
          chunk.push({ key, value: entries.value(), expiryNs })
          entries.next()
          if (chunk.length < CHUNK_ENTRIES) continue
          yield chunk
          chunk = []
          await turnOfEventLoop()
        }
        if (chunk.length > 0) yield chunk
        this.#expiring = expiring
      } finally {
        entries.close()
        expiries.close()
      }
    } catch (error) {
      if (isStatus(error, 'corruption')) throw corrupt(this.#place, errorMessage(error), error)
      throw failed(this.#place, 'read', error)
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    try {
      const database = this.#database ?? (await this.#reopen())
      try {
        for (const change of changes) add(database, change, this.#expiring)
      } catch (error) {
        database.dropBatch()
        throw error
      }
      await database.write(this.#isSynced)
    } catch (error) {
      // What the batch would have changed is not known any more.
      this.#expiring = new ExpiringKeys()
      if (error instanceof RocksdbError) await this.#drop()
      throw isStatus(error, 'no-space') ? diskFull(this.#place, error) : failed(this.#place, 'written', error)
    }
  }

  async close(): Promise<void> {
    try {
      await this.#drop()
    } finally {
      this.#claim.release()
    }
  }

  async #reopen(): Promise<RocksdbDatabase> {
    this.#database = await openDatabase(this.#library, this.#place.path)
    return this.#database
  }

  async #drop(): Promise<void> {
    const database = this.#database
    this.#database = undefined
    await database?.close()
  }
}

/** The keys that have an expiry in the database: only for them there is one to delete. */
class ExpiringKeys {
  readonly #keys: Set<string> | undefined

  /** Unless they are all known, every key may have one. */
  constructor(areKnown = false) {
    this.#keys = areKnown ? new Set() : undefined
  }

  add(key: Uint8Array): void {
    this.#keys?.add(textOf(key))
  }

  /** Whether the key may have had an expiry; it has none any more. */
  remove(key: Uint8Array): boolean {
    if (this.#keys === undefined) return true
    return this.#keys.size > 0 && this.#keys.delete(textOf(key))
  }

  clear(): void {
    this.#keys?.clear()
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).latin1Slice(0, key.length)
}

function add(database: RocksdbDatabase, change: Change, expiring: ExpiringKeys): void {
  switch (change.kind) {
    case 'put': {
      const { key, value, expiryNs } = change.entry
      database.put(DATA, key, value)
      if (expiryNs !== undefined) {
        database.put(EXPIRY, key, expiryBytes(expiryNs))
        expiring.add(key)
      } else if (expiring.remove(key)) {
        database.delete(EXPIRY, key)
      }
      return
    }
    case 'erase':
      database.delete(DATA, change.key)
      if (expiring.remove(change.key)) database.delete(EXPIRY, change.key)
      return
    case 'clear':
      expiring.clear()
      database.deleteAll(DATA)
      database.deleteAll(EXPIRY)
  }
}

const EXPIRY_BYTES = new DataView(new ArrayBuffer(8))

/** The same memory at each call. */
function expiryBytes(expiryNs: bigint): Uint8Array {
  EXPIRY_BYTES.setBigInt64(0, expiryNs)
  return new Uint8Array(EXPIRY_BYTES.buffer)
}

/** The expiry of a key. The cursor moves on: both tables are in the order of their keys. */
function expiryOf(key: Uint8Array, expiries: RocksdbCursor): bigint | undefined {
  for (let other = expiries.key(); other !== undefined; other = expiries.key()) {
    const order = Buffer.compare(other, key)
    if (order > 0) return undefined
    if (order === 0) {
      const { buffer, byteOffset } = expiries.value()
      return new DataView(buffer, byteOffset).getBigInt64(0)
    }
    expiries.next()
  }
  return undefined
}

function isStatus(error: unknown, status: RocksdbError['code']): boolean {
  return error instanceof RocksdbError && error.code === status
}

function openError(place: StorePlace, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  // Whoever opened it in the meantime may be the reason for any other error.
  const holder = lockHolder(place.path)
  if (holder !== undefined) return inUse(place, `process ${holder} has it open`, error)
  if (isStatus(error, 'corruption')) return corrupt(place, errorMessage(error), error)
  if (isStatus(error, 'no-space')) return diskFull(place, error)
  if (isStatus(error, 'invalid-argument')) return foreign(place, errorMessage(error), error)
  return failed(place, 'opened', error)
}
