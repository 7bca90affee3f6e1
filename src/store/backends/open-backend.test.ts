import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  hasRocksdb,
  loadAll,
  putOf,
  rocksdbReason,
  SQLITE_DRIVERS,
  testFolder,
} from '../../../test/support/store-backends.js'
import type { BackendType, SqliteOptions } from '../../options/store-settings.js'
import type { Backend, Durability } from './backend.js'
import { openBackend } from './open-backend.js'

const OPTIONS = { sqlite: { path: '' }, rocksdb: { path: '' } }

function open(
  folder: string,
  backend: BackendType,
  path = '',
  durability: Durability = 'process',
  sqlite: Partial<SqliteOptions> = {},
): Promise<Backend> {
  const options = { sqlite: { ...sqlite, path }, rocksdb: { path } }
  return openBackend({ store: 'st/x', backend, options, folder, durability })
}

describe('where files are', () => {
  const rocksdb = test.skipIf(!hasRocksdb)

  test('SQLite without a path', async () => {
    const folder = testFolder()
    await (await open(folder, 'Broker::SQLITE')).close()
    expect(existsSync(join(folder, 'st/x.sqlite'))).toBe(true)
  })

  test('SQLite with a path, which counts from the working directory', async () => {
    const folder = testFolder()
    await (await open('/nowhere', 'Broker::SQLITE', relative('.', join(folder, 'sub/own.db')))).close()
    expect(existsSync(join(folder, 'sub/own.db'))).toBe(true)
  })

  test('SQLite with a path from the root', async () => {
    const folder = testFolder()
    await (await open('/nowhere', 'Broker::SQLITE', join(folder, 's.db'))).close()
    expect(existsSync(join(folder, 's.db'))).toBe(true)
  })

  rocksdb(`RocksDB without a path, and with one${rocksdbReason}`, async () => {
    const folder = testFolder()
    await (await open(folder, 'Broker::ROCKSDB')).close()
    expect(existsSync(join(folder, 'st/x.rocksdb/CURRENT'))).toBe(true)
    await (await open('/nowhere', 'Broker::ROCKSDB', relative('.', join(folder, 'own')))).close()
    expect(existsSync(join(folder, 'own/CURRENT'))).toBe(true)
  })
})

test('memory keeps nothing, and makes no file', async () => {
  const backend = await openBackend({
    store: 's',
    backend: 'Broker::MEMORY',
    options: OPTIONS,
    folder: '/proc/nowhere',
    durability: 'process',
  })
  await backend.commit([putOf('a', '1')])
  expect(await loadAll(backend)).toEqual([])
  await backend.close()
})

describe('durability of SQLite', () => {
  test.each<readonly [what: string, Durability, Partial<SqliteOptions>, mode: string]>([
    ['machine', 'machine', {}, 'delete'],
    ['process', 'process', {}, 'wal'],
    ['process with a journal of its own', 'process', { journalMode: 'DELETE' }, 'delete'],
    ['machine with a journal of its own', 'machine', { journalMode: 'WAL' }, 'wal'],
  ])('%s', async (_, durability, options, mode) => {
    const folder = testFolder()
    const backend = await open(folder, 'Broker::SQLITE', join(folder, 's.db'), durability, options)
    await backend.commit([putOf('a', '1')])
    await backend.close()
    const connection = SQLITE_DRIVERS[0]!.open(join(folder, 's.db'), 'write')
    expect(connection.run('pragma journal_mode')).toEqual([[mode]])
    connection.close()
  })
})

test('errors are those of the backend', async () => {
  expect(await codeOf(open(testFolder(), 'Broker::SQLITE', '.'))).toBe('path-unusable')
})
