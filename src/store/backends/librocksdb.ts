/** RocksDB through the C interface of the system's library (rocksdb/c.h). */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { ClusterError } from '../../base/errors.js'
import {
  findLibrary,
  type NativeCall,
  type NativeLibrary,
  type SharedMemory,
} from '../../base/native-library.js'

const LIBRARY_NAMES = [
  'librocksdb.so.7.8',
  'librocksdb.so.8',
  'librocksdb.so.9',
  'librocksdb.so.10',
  'librocksdb.so',
]

/** What an error is about; `other` are statuses that mean nothing special to a store. */
export type RocksdbStatus = 'corruption' | 'no-space' | 'invalid-argument' | 'other'

export class RocksdbError extends ClusterError<RocksdbStatus, undefined> {
  override readonly name = 'RocksdbError'

  constructor(message: string) {
    super(statusOf(message), message, undefined)
  }
}

/** The C interface hands the code of a status out as the first words of its text only (`Status::ToString`). */
const STATUS_WORDS: readonly (readonly [words: string, status: RocksdbStatus])[] = [
  ['Corruption: ', 'corruption'],
  ['IO error: No space left on device', 'no-space'],
  ['Invalid argument: ', 'invalid-argument'],
]

function statusOf(text: string): RocksdbStatus {
  return STATUS_WORDS.find(([words]) => text.startsWith(words))?.[1] ?? 'other'
}

/** Logs of RocksDB itself that are kept in the folder. */
const KEPT_LOGS = 3
/**
 * Its log says what it was opened with, and no more: a library that was built with assertions, as Debian's, ends the
 * process when it has an error to log and the disk is full.
 */
const LOG_LEVEL_HEADER = 5

/** Memory of a database: cells for an error, and for the length of a result; then keys and values. */
const ERROR_CELL = 0
const LENGTH_CELL = 8
const BYTES_OFFSET = 16
const MEMORY_BYTES = 64 * 1024

function functionsOf(library: NativeLibrary) {
  return {
    library,
    free: library.call('void rocksdb_free(uintptr_t)'),
    optionsCreate: library.call('uintptr_t rocksdb_options_create()'),
    optionsDestroy: library.call('void rocksdb_options_destroy(uintptr_t)'),
    createIfMissing: library.call('void rocksdb_options_set_create_if_missing(uintptr_t, unsigned char)'),
    keepLogs: library.call('void rocksdb_options_set_keep_log_file_num(uintptr_t, size_t)'),
    logLevel: library.call('void rocksdb_options_set_info_log_level(uintptr_t, int)'),
    vectorMemtable: library.call('void rocksdb_options_set_memtable_vector_rep(uintptr_t)'),
    concurrentMemtable: library.call(
      'void rocksdb_options_set_allow_concurrent_memtable_write(uintptr_t, unsigned char)',
    ),
    open: library.callAside('uintptr_t rocksdb_open(uintptr_t, const char *, uintptr_t)'),
    openForReadOnly: library.callAside(
      'uintptr_t rocksdb_open_for_read_only(uintptr_t, const char *, unsigned char, uintptr_t)',
    ),
    close: library.callAside('void rocksdb_close(uintptr_t)'),
    readOptionsCreate: library.call('uintptr_t rocksdb_readoptions_create()'),
    readOptionsDestroy: library.call('void rocksdb_readoptions_destroy(uintptr_t)'),
    fillCache: library.call('void rocksdb_readoptions_set_fill_cache(uintptr_t, unsigned char)'),
    writeOptionsCreate: library.call('uintptr_t rocksdb_writeoptions_create()'),
    writeOptionsDestroy: library.call('void rocksdb_writeoptions_destroy(uintptr_t)'),
    writeSync: library.call('void rocksdb_writeoptions_set_sync(uintptr_t, unsigned char)'),
    batchCreate: library.call('uintptr_t rocksdb_writebatch_create()'),
    batchDestroy: library.call('void rocksdb_writebatch_destroy(uintptr_t)'),
    batchClear: library.call('void rocksdb_writebatch_clear(uintptr_t)'),
    batchPut: library.call('void rocksdb_writebatch_put(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)'),
    batchDelete: library.call('void rocksdb_writebatch_delete(uintptr_t, uintptr_t, size_t)'),
    batchDeleteRange: library.call(
      'void rocksdb_writebatch_delete_range(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)',
    ),
    write: library.callAside('void rocksdb_write(uintptr_t, uintptr_t, uintptr_t, uintptr_t)'),
    iteratorCreate: library.call('uintptr_t rocksdb_create_iterator(uintptr_t, uintptr_t)'),
    iteratorDestroy: library.call('void rocksdb_iter_destroy(uintptr_t)'),
    seek: library.call('void rocksdb_iter_seek(uintptr_t, uintptr_t, size_t)'),
    next: library.call('void rocksdb_iter_next(uintptr_t)'),
    valid: library.call('unsigned char rocksdb_iter_valid(uintptr_t)'),
    key: library.call('uintptr_t rocksdb_iter_key(uintptr_t, uintptr_t)'),
    value: library.call('uintptr_t rocksdb_iter_value(uintptr_t, uintptr_t)'),
    iteratorError: library.call('void rocksdb_iter_get_error(uintptr_t, uintptr_t)'),
  }
}

type Functions = ReturnType<typeof functionsOf>

export interface RocksdbLibrary {
  /** Changes nothing in the folder and takes no lock. Rejects with a `RocksdbError`. */
  openForReadOnly(path: string): Promise<RocksdbDatabase>
  /** Makes the folder. Rejects with a `RocksdbError`. */
  open(path: string): Promise<RocksdbDatabase>
}

let loaded: RocksdbLibrary | undefined | 'not loaded' = 'not loaded'

/** The library, or undefined where it is not installed. Loaded at the first call. */
export function loadLibrocksdb(): RocksdbLibrary | undefined {
  if (loaded === 'not loaded') {
    const library = findLibrary(LIBRARY_NAMES)
    const functions = library === undefined ? undefined : functionsOf(library)
    loaded = functions && {
      openForReadOnly: (path) => openDatabase(functions, path, false),
      open: (path) => openDatabase(functions, path, true),
    }
  }
  return loaded
}

async function openDatabase(functions: Functions, path: string, writes: boolean): Promise<RocksdbDatabase> {
  const memory = functions.library.memory(MEMORY_BYTES)
  const options = functions.optionsCreate()
  functions.createIfMissing(options, writes ? 1 : 0)
  functions.keepLogs(options, KEPT_LOGS)
  functions.logLevel(options, LOG_LEVEL_HEADER)
  // Nobody reads what was just written: it is sorted when it goes to a file, not at every write.
  functions.vectorMemtable(options)
  functions.concurrentMemtable(options, 0)
  const error = memory.address + ERROR_CELL
  const handle = writes
    ? await functions.open(options, path, error)
    : await functions.openForReadOnly(options, path, 0, error)
  functions.optionsDestroy(options)
  throwError(functions, memory)
  return new RocksdbDatabase(functions, memory, handle)
}

function throwError({ library, free }: Functions, memory: SharedMemory): void {
  const address = memory.numberAt(ERROR_CELL)
  if (address === 0) return
  const error = new RocksdbError(library.textAt(address))
  free(address)
  memory.setNumber(ERROR_CELL, 0)
  throw error
}

/** An open database. Every key is a first byte and the rest. Methods throw a `RocksdbError`. */
export class RocksdbDatabase {
  readonly #functions: Functions
  readonly #memory: SharedMemory
  readonly #handle: number
  readonly #batch: number

  constructor(functions: Functions, memory: SharedMemory, handle: number) {
    this.#functions = functions
    this.#memory = memory
    this.#handle = handle
    this.#batch = functions.batchCreate()
  }

  /** Adds to the batch. */
  put(prefix: number, key: Uint8Array, value: Uint8Array): void {
    const memory = this.#memory
    const valueOffset = BYTES_OFFSET + 1 + key.length
    memory.reserve(valueOffset + value.length)
    memory.bytes[BYTES_OFFSET] = prefix
    memory.bytes.set(key, BYTES_OFFSET + 1)
    memory.bytes.set(value, valueOffset)
    const { address } = memory
    this.#functions.batchPut(
      this.#batch,
      address + BYTES_OFFSET,
      1 + key.length,
      address + valueOffset,
      value.length,
    )
  }

  /** Adds to the batch. */
  delete(prefix: number, key: Uint8Array): void {
    const memory = this.#memory
    memory.reserve(BYTES_OFFSET + 1 + key.length)
    memory.bytes[BYTES_OFFSET] = prefix
    memory.bytes.set(key, BYTES_OFFSET + 1)
    this.#functions.batchDelete(this.#batch, memory.address + BYTES_OFFSET, 1 + key.length)
  }

  /** Adds to the batch: all keys with this first byte, which is not the last there is. */
  deleteAll(prefix: number): void {
    const { bytes, address } = this.#memory
    bytes[BYTES_OFFSET] = prefix
    bytes[BYTES_OFFSET + 1] = prefix + 1
    this.#functions.batchDeleteRange(this.#batch, address + BYTES_OFFSET, 1, address + BYTES_OFFSET + 1, 1)
  }

  /** Applies the batch as one, in another thread. The batch is empty afterwards, whatever came of it. */
  async write(sync: boolean): Promise<void> {
    const { write, writeOptionsCreate, writeOptionsDestroy, writeSync } = this.#functions
    const options = writeOptionsCreate()
    writeSync(options, sync ? 1 : 0)
    try {
      await write(this.#handle, options, this.#batch, this.#memory.address + ERROR_CELL)
    } finally {
      writeOptionsDestroy(options)
      this.dropBatch()
    }
    throwError(this.#functions, this.#memory)
  }

  dropBatch(): void {
    this.#functions.batchClear(this.#batch)
  }

  /** A cursor at the first of all keys; the caller closes it. */
  cursor(): RocksdbCursor {
    return new RocksdbCursor(this.#functions, this.#handle)
  }

  async close(): Promise<void> {
    this.#functions.batchDestroy(this.#batch)
    await this.#functions.close(this.#handle)
  }
}

/** A place in the keys of a database, which are in the order of their bytes. */
export class RocksdbCursor {
  readonly #functions: Functions
  readonly #memory: SharedMemory
  #prefix = 0
  readonly #options: number
  readonly #iterator: number

  constructor(functions: Functions, database: number) {
    this.#functions = functions
    this.#memory = functions.library.memory(MEMORY_BYTES)
    this.#options = functions.readOptionsCreate()
    functions.fillCache(this.#options, 0)
    this.#iterator = functions.iteratorCreate(database, this.#options)
    this.#seek(0)
  }

  /** Goes to the first key with this first byte, and bounds `key` to them. */
  seek(prefix: number): this {
    this.#prefix = prefix
    this.#memory.bytes[BYTES_OFFSET] = prefix
    this.#seek(1)
    return this
  }

  seekToFirst(): void {
    this.#seek(0)
  }

  /** Whether there is a key here. Throws a `RocksdbError` when what follows cannot be read. */
  get isValid(): boolean {
    const { valid, iteratorError } = this.#functions
    if (valid(this.#iterator) !== 0) return true
    iteratorError(this.#iterator, this.#memory.address + ERROR_CELL)
    throwError(this.#functions, this.#memory)
    return false
  }

  /** A copy of the key without its first byte; undefined when there are no more keys with the byte that was sought. */
  key(): Uint8Array | undefined {
    if (!this.isValid) return undefined
    const end = this.#copy(this.#functions.key)
    const { bytes } = this.#memory
    return bytes[BYTES_OFFSET] === this.#prefix ? bytes.slice(BYTES_OFFSET + 1, end) : undefined
  }

  /** A copy of the value. */
  value(): Uint8Array {
    const end = this.#copy(this.#functions.value)
    return this.#memory.bytes.slice(BYTES_OFFSET, end)
  }

  next(): void {
    this.#functions.next(this.#iterator)
  }

  close(): void {
    this.#functions.iteratorDestroy(this.#iterator)
    this.#functions.readOptionsDestroy(this.#options)
  }

  #seek(bytes: number): void {
    this.#functions.seek(this.#iterator, this.#memory.address + BYTES_OFFSET, bytes)
  }

  /** Copies what a function finds into the memory, and tells where it ends. */
  #copy(find: NativeCall): number {
    const memory = this.#memory
    const address = find(this.#iterator, memory.address + LENGTH_CELL)
    const length = memory.numberAt(LENGTH_CELL)
    if (length > 0) this.#functions.library.copy(address, memory, BYTES_OFFSET, length)
    return BYTES_OFFSET + length
  }
}

/** `fcntl(F_GETLK)` and its `struct flock` on 64-bit Linux, which are part of the kernel's interface. */
const F_GETLK = 5
const F_WRLCK = 1
const F_UNLCK = 2
const FLOCK_BYTES = 32
const FLOCK_PID_OFFSET = 24

/** The id of the other process that has the database in this folder open, or undefined. */
export function lockHolder(folder: string): number | undefined {
  let file: number
  try {
    file = openSync(join(folder, 'LOCK'), 'r')
  } catch {
    return undefined
  }
  try {
    const libc = findLibrary(['libc.so.6'])
    const request = libc?.memory(FLOCK_BYTES)
    if (libc === undefined || request === undefined) return undefined
    const fields = new DataView(request.bytes.buffer)
    fields.setInt16(0, F_WRLCK, true)
    const answered = libc.call('int fcntl(int, int, ...)')(file, F_GETLK, 'uintptr_t', request.address) === 0
    const isHeld = answered && fields.getInt16(0, true) !== F_UNLCK
    return isHeld ? fields.getInt32(FLOCK_PID_OFFSET, true) : undefined
  } finally {
    closeSync(file)
  }
}
