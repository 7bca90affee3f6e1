/** SQLite through the system's library. */
import { pathToFileURL } from 'node:url'
import { findLibrary, type NativeLibrary, type SharedMemory } from '../base/native-library.js'
import {
  type SqliteAccess,
  type SqliteConnection,
  type SqliteDriver,
  SqliteError,
  type SqliteStatement,
  type SqliteValue,
} from './sqlite-connection.js'

const LIBRARY_NAMES = ['libsqlite3.so.0', 'libsqlite3.dylib']

const OK = 0
const ROW = 100
const DONE = 101

/** `sqlite3_column_type`. */
const TYPE_INTEGER = 1
const TYPE_REAL = 2
const TYPE_TEXT = 3
const TYPE_NULL = 5

/** `SQLITE_OPEN_…`. */
const READONLY = 0x1
const READWRITE_CREATE = 0x6
const URI = 0x40

/** `SQLITE_STATIC`: bytes stay until the statement has run. */
const STATIC = 0

/** Memory of a connection: a cell for an address, then the bytes of texts and blobs. */
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
    bindText: library.call('int sqlite3_bind_text(uintptr_t, int, uintptr_t, int, intptr_t)'),
    bindInteger: library.call('int sqlite3_bind_int64(uintptr_t, int, int64_t)'),
    bindReal: library.call('int sqlite3_bind_double(uintptr_t, int, double)'),
    bindNull: library.call('int sqlite3_bind_null(uintptr_t, int)'),
    columns: library.call('int sqlite3_column_count(uintptr_t)'),
    type: library.call('int sqlite3_column_type(uintptr_t, int)'),
    text: library.call('uintptr_t sqlite3_column_text(uintptr_t, int)'),
    bytes: library.call('uintptr_t sqlite3_column_blob(uintptr_t, int)'),
    length: library.call('int sqlite3_column_bytes(uintptr_t, int)'),
    integer: library.call('int64_t sqlite3_column_int64(uintptr_t, int)'),
    real: library.call('double sqlite3_column_double(uintptr_t, int)'),
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
  readonly #library: OpenLibrary
  readonly #statements: LibsqliteStatement[] = []

  constructor(functions: Functions, path: string, access: SqliteAccess) {
    const memory = functions.library.memory(MEMORY_BYTES)
    const [name, flags] =
      access === 'write' ? [path, READWRITE_CREATE] : [uriOf(path, access), READONLY | URI]
    const code = functions.open(name, memory.address, flags, 0)
    this.#library = new OpenLibrary(functions, memory, memory.numberAt(0))
    if (code === OK) return
    const error = this.#library.error(code)
    functions.close(this.#library.database)
    throw error
  }

  run(sql: string): readonly (readonly string[])[] {
    const statement = new LibsqliteStatement(this.#library, sql)
    try {
      return [...statement.texts()]
    } finally {
      statement.finalize()
    }
  }

  async runAside(sql: string): Promise<void> {
    const { functions, database } = this.#library
    this.#library.check(await functions.execute(database, sql, 0, 0, 0))
  }

  prepare(sql: string): SqliteStatement {
    const statement = new LibsqliteStatement(this.#library, sql)
    this.#statements.push(statement)
    return statement
  }

  close(): void {
    for (const statement of this.#statements.splice(0)) statement.finalize()
    this.#library.functions.close(this.#library.database)
  }
}

/** What a connection and its statements share. */
class OpenLibrary {
  readonly functions: Functions
  readonly memory: SharedMemory
  readonly database: number

  constructor(functions: Functions, memory: SharedMemory, database: number) {
    this.functions = functions
    this.memory = memory
    this.database = database
  }

  check(code: number): void {
    if (code !== OK) throw this.error(code)
  }

  error(code: number): SqliteError {
    const { library, message } = this.functions
    return new SqliteError(library.textAt(message(this.database)), code)
  }
}

class LibsqliteStatement implements SqliteStatement {
  readonly #library: OpenLibrary
  readonly #statement: number

  constructor(library: OpenLibrary, sql: string) {
    const { functions, memory, database } = library
    library.check(functions.prepare(database, sql, -1, memory.address, 0))
    this.#library = library
    this.#statement = memory.numberAt(0)
  }

  execute(values: readonly SqliteValue[]): void {
    const { functions } = this.#library
    this.#bind(values)
    try {
      while (this.#step()) {
        // Results are dropped.
      }
    } finally {
      functions.reset(this.#statement)
    }
  }

  *rows(): IterableIterator<readonly SqliteValue[]> {
    const { columns, reset } = this.#library.functions
    const count = columns(this.#statement)
    try {
      while (this.#step()) yield Array.from({ length: count }, (_, column) => this.#value(column))
    } finally {
      reset(this.#statement)
    }
  }

  /** The rows as texts; what is nothing is empty. */
  *texts(): IterableIterator<readonly string[]> {
    const count = this.#library.functions.columns(this.#statement)
    while (this.#step()) yield Array.from({ length: count }, (_, column) => this.#text(column))
  }

  finalize(): void {
    this.#library.functions.finalize(this.#statement)
  }

  #bind(values: readonly SqliteValue[]): void {
    const { functions, memory } = this.#library
    const statement = this.#statement
    let end = BYTES_OFFSET
    for (const value of values) {
      if (typeof value === 'string') end += Buffer.byteLength(value)
      else if (value instanceof Uint8Array) end += value.length
    }
    // Before the first address is handed over: it may change.
    memory.reserve(end)
    let offset = BYTES_OFFSET
    for (const [index, value] of values.entries()) {
      const place = index + 1
      let code: number
      if (value === null) code = functions.bindNull(statement, place)
      else if (typeof value === 'bigint') code = functions.bindInteger(statement, place, value)
      else if (typeof value === 'number') code = functions.bindReal(statement, place, value)
      else {
        const bytes = typeof value === 'string' ? Buffer.from(value) : value
        memory.bytes.set(bytes, offset)
        const bind = typeof value === 'string' ? functions.bindText : functions.bindBytes
        code = bind(statement, place, memory.address + offset, bytes.length, STATIC)
        offset += bytes.length
      }
      this.#library.check(code)
    }
  }

  /** Whether there is a row. */
  #step(): boolean {
    const code = this.#library.functions.step(this.#statement)
    if (code === ROW || code === DONE) return code === ROW
    throw this.#library.error(code)
  }

  #value(column: number): SqliteValue {
    const { type, integer, real } = this.#library.functions
    switch (type(this.#statement, column)) {
      case TYPE_NULL:
        return null
      case TYPE_INTEGER:
        return BigInt(integer(this.#statement, column))
      case TYPE_REAL:
        return real(this.#statement, column)
      case TYPE_TEXT:
        return Buffer.from(this.#bytes(column)).toString()
      default:
        return this.#bytes(column)
    }
  }

  #text(column: number): string {
    const { library, text } = this.#library.functions
    const address = text(this.#statement, column)
    return address === 0 ? '' : library.textAt(address)
  }

  #bytes(column: number): Uint8Array {
    const { functions, memory } = this.#library
    // In this order: asking for the bytes decides how long they are.
    const address = functions.bytes(this.#statement, column)
    const length = functions.length(this.#statement, column)
    if (length > 0) functions.library.copy(address, memory, BYTES_OFFSET, length)
    return memory.bytes.slice(BYTES_OFFSET, BYTES_OFFSET + length)
  }
}

function uriOf(path: string, access: SqliteAccess): string {
  return `${pathToFileURL(path).href}?${access === 'peek' ? 'immutable=1' : 'mode=ro'}`
}
