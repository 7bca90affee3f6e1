/** Which backend keeps a store, and where. */
import { join, resolve } from 'node:path'
import { unreachable } from '../../base/errors.js'
import type { BackendOptions, BackendType, SqliteOptions } from '../../options/store-settings.js'
import type { Backend, Durability } from './backend.js'
import { openMemory } from './memory.js'
import { openRocksdb } from './rocksdb.js'
import { openSqlite } from './sqlite.js'

export interface OpenBackendOptions {
  readonly store: string
  readonly backend: BackendType
  readonly options: BackendOptions
  /**
   * Where files are that have no path: `<store>.sqlite` and `<store>.rocksdb`. A path that is given counts from the
   * working directory, as in Zeek.
   */
  readonly folder: string
  /**
   * What commits outlive. SQLite's own options win over it, where they are given.
   *
   * - `machine`: the end of the process and a loss of power. SQLite has its defaults then, as in Broker: a journal
   *   that is deleted, synchronous FULL. RocksDB waits for the disk at every commit.
   * - `process`: the end of the process, `kill -9` included; a loss of power takes the last commits. SQLite has a
   *   write-ahead log and synchronous NORMAL, RocksDB does not wait for the disk.
   */
  readonly durability: Durability
}

/** Opens the backend of a store, or makes it. Throws a `StoreError` with one of the codes about the backend. */
export async function openBackend(settings: OpenBackendOptions): Promise<Backend> {
  const { store, backend, options, folder, durability } = settings
  switch (backend) {
    case 'Broker::MEMORY':
      return openMemory()
    case 'Broker::SQLITE': {
      const path = resolve(options.sqlite.path || join(folder, `${store}.sqlite`))
      return openSqlite(store, { ...sqliteDefaults(durability), ...options.sqlite, path })
    }
    case 'Broker::ROCKSDB': {
      const path = resolve(options.rocksdb.path || join(folder, `${store}.rocksdb`))
      return openRocksdb(store, { path, durability })
    }
    default:
      return unreachable(backend)
  }
}

function sqliteDefaults(durability: Durability): Partial<SqliteOptions> {
  return durability === 'machine' ? {} : { synchronous: 'NORMAL', journalMode: 'WAL' }
}
