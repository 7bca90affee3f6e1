/** SQLite through the system's library. */
import { pathToFileURL } from 'node:url'
import type { StoredEntry } from './backend.js'
import { findLibrary, type NativeLibrary, type SharedMemory } from './native.js'
import {
  ENTRIES,
  ERASE,
  PUT,
  type SqliteAccess,
  type SqliteConnection,
  type SqliteDriver,
  SqliteError,
} from './sqlite-connection.js'

const LIBRARY_NAMES = ['libsqlite3.so.0', 'libsqlite3.dylib']

const OK = 0
const ROW = 100
const DONE = 101

const TYPE_NULL = 5

/** `SQLITE_OPEN_…`. */
const READONLY = 0x1
const READWRITE_CREATE = 0x6
const URI = 0x40

/** `SQLITE_STATIC`: bytes stay until the statement has run. */
const STATIC = 0

/** Memory of a connection: a cell for an address, then the bytes of keys and values. */
const BYTES_OFFSET = 8
const MEMORY_BYTES = 64 * 1024

type Functions = ReturnType<typeof functionsOf>

function functionsOf(library: NativeLibrary) {
  return {
    library,
    open: library.call('int sqlite3_open_v2(const char *, uintptr_t, int, uintptr_t)'),
    close: library.call('int sqlite3_close_v2(uintptr_t)'),
    message: library.call('uintptr_t sqlite3_errmsg(uintptr_t)'),
    execute: library.callAside('int sqlite3_exec(uintptr_t, const char *, uintptr_t, uintptr_t, uintptr_t)'),
    prepare: library.call('int sqlite3_prepare_v2(uintptr_t, const char *, int, uintptr_t, uintptr_t)'),
    step: library.call('int sqlite3_step(uintptr_t)'),
    reset: library.call('int sqlite3_reset(uintptr_t)'),
    finalize: library.call('int sqlite3_finalize(uintptr_t)'),
    bindBytes: library.call('int sqlite3_bind_blob(uintptr_t, int, uintptr_t, int, intptr_t)'),
    bindInteger: library.call('int sqlite3_bind_int64(uintptr_t, int, int64_t)'),
    bindNull: library.call('int sqlite3_bind_null(uintptr_t, int)'),
    columns: library.call('int sqlite3_column_count(uintptr_t)'),
    type: library.call('int sqlite3_column_type(uintptr_t, int)'),
    text: library.call('uintptr_t sqlite3_column_text(uintptr_t, int)'),
    bytes: library.call('uintptr_t sqlite3_column_blob(uintptr_t, int)'),
    length: library.call('int sqlite3_column_bytes(uintptr_t, int)'),
    integer: library.call('int64_t sqlite3_column_int64(uintptr_t, int)'),
  }
}

let loaded: SqliteDriver | undefined | 'not loaded' = 'not loaded'

/** The driver, or undefined where there is no such library. Loaded at the first call. */
export function loadLibsqlite(): SqliteDriver | undefined {
  if (loaded === 'not loaded') {
    const library = findLibrary(LIBRARY_NAMES)
    const functions = library === undefined ? undefined : functionsOf(library)
    loaded = functions && {
      name: 'libsqlite3',
      open: (path, access) => new LibsqliteConnection(functions, path, access),
    }
  }
  return loaded
}

class LibsqliteConnection implements SqliteConnection {
  readonly #functions: Functions
  readonly #memory: SharedMemory
  readonly #database: number
  readonly #statements = new Map<string, number>()

  constructor(functions: Functions, path: string, access: SqliteAccess) {
    this.#functions = functions
    this.#memory = functions.library.memory(MEMORY_BYTES)
    const [name, flags] =
      access === 'write' ? [path, READWRITE_CREATE] : [uriOf(path, access), READONLY | URI]
    const code = functions.open(name, this.#memory.address, flags, 0)
    this.#database = this.#memory.numberAt(0)
    if (code === OK) return
    const error = this.#error(code)
    functions.close(this.#database)
    throw error
  }

  run(sql: string): readonly (readonly string[])[] {
    const { columns, finalize } = this.#functions
    const statement = this.#compile(sql)
    try {
      const rows: string[][] = []
      const count = columns(statement)
      while (this.#step(statement)) {
        rows.push(Array.from({ length: count }, (_, column) => this.#text(statement, column)))
      }
      return rows
    } finally {
      finalize(statement)
    }
  }

  async runAside(sql: string): Promise<void> {
    const code = await this.#functions.execute(this.#database, sql, 0, 0, 0)
    if (code !== OK) throw this.#error(code)
  }

  put({ key, value, expiryNs }: StoredEntry): void {
    const { bindBytes, bindInteger, bindNull } = this.#functions
    const statement = this.#prepared(PUT)
    const memory = this.#memory
    const valueOffset = BYTES_OFFSET + key.length
    memory.reserve(valueOffset + value.length)
    memory.bytes.set(key, BYTES_OFFSET)
    memory.bytes.set(value, valueOffset)
    this.#check(bindBytes(statement, 1, memory.address + BYTES_OFFSET, key.length, STATIC))
    this.#check(bindBytes(statement, 2, memory.address + valueOffset, value.length, STATIC))
    this.#check(expiryNs === undefined ? bindNull(statement, 3) : bindInteger(statement, 3, expiryNs))
    this.#finish(statement)
  }

  erase(key: Uint8Array): void {
    const statement = this.#prepared(ERASE)
    const memory = this.#memory
    memory.reserve(BYTES_OFFSET + key.length)
    memory.bytes.set(key, BYTES_OFFSET)
    this.#check(this.#functions.bindBytes(statement, 1, memory.address + BYTES_OFFSET, key.length, STATIC))
    this.#finish(statement)
  }

  *entries(): IterableIterator<StoredEntry> {
    const { type, integer, finalize } = this.#functions
    const statement = this.#compile(ENTRIES)
    try {
      while (this.#step(statement)) {
        const expiryNs = type(statement, 2) === TYPE_NULL ? undefined : BigInt(integer(statement, 2))
        yield { key: this.#bytes(statement, 0), value: this.#bytes(statement, 1), expiryNs }
      }
    } finally {
      finalize(statement)
    }
  }

  close(): void {
    for (const statement of this.#statements.values()) this.#functions.finalize(statement)
    this.#statements.clear()
    this.#functions.close(this.#database)
  }

  #compile(sql: string): number {
    this.#check(this.#functions.prepare(this.#database, sql, -1, this.#memory.address, 0))
    return this.#memory.numberAt(0)
  }

  #prepared(sql: string): number {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#compile(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /** Whether there is a row. */
  #step(statement: number): boolean {
    const code = this.#functions.step(statement)
    if (code === ROW || code === DONE) return code === ROW
    throw this.#error(code)
  }

  #finish(statement: number): void {
    const code = this.#functions.step(statement)
    const error = code === DONE ? undefined : this.#error(code)
    this.#functions.reset(statement)
    if (error !== undefined) throw error
  }

  #text(statement: number, column: number): string {
    const address = this.#functions.text(statement, column)
    return address === 0 ? '' : this.#functions.library.textAt(address)
  }

  #bytes(statement: number, column: number): Uint8Array {
    // In this order: asking for the bytes decides how long they are.
    const address = this.#functions.bytes(statement, column)
    const length = this.#functions.length(statement, column)
    if (length > 0) this.#functions.library.copy(address, this.#memory, BYTES_OFFSET, length)
    return this.#memory.bytes.slice(BYTES_OFFSET, BYTES_OFFSET + length)
  }

  #check(code: number): void {
    if (code !== OK) throw this.#error(code)
  }

  #error(code: number): SqliteError {
    return new SqliteError(this.#functions.library.textAt(this.#functions.message(this.#database)), code)
  }
}

function uriOf(path: string, access: SqliteAccess): string {
  return `${pathToFileURL(path).href}?${access === 'peek' ? 'immutable=1' : 'mode=ro'}`
}
