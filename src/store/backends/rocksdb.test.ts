import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  contentOf,
  hasRocksdb,
  loadAll,
  putOf,
  rocksdbReason,
  testFolder,
  textsOf,
} from '../../../test/support/store-backends.js'
import type { Backend, Change } from './backend.js'
import { loadLibrocksdb, type RocksdbDatabase } from './librocksdb.js'
import { openRocksdb } from './rocksdb.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const byteOf = (character: string): number => character.charCodeAt(0)

function open(path: string): Promise<Backend> {
  return openRocksdb('s', { path, durability: 'process' })
}

/** Uses a closed database without the layout of stores. */
async function useDatabase(path: string, use: (database: RocksdbDatabase) => unknown): Promise<void> {
  const database = await loadLibrocksdb()!.open(path)
  try {
    await use(database)
    await database.write(true)
  } finally {
    await database.close()
  }
}

/** Every key and value of a closed database: the first byte and the rest of the key as text, the value in hexadecimal. */
async function rowsOf(path: string): Promise<string[]> {
  const rows: string[] = []
  await useDatabase(path, (database) => {
    for (const prefix of 'dem') {
      const cursor = database.cursor().seek(byteOf(prefix))
      for (let key = cursor.key(); key !== undefined; key = cursor.key()) {
        rows.push(`${prefix} ${Buffer.from(key).toString()} ${Buffer.from(cursor.value()).toString('hex')}`)
        cursor.next()
      }
      cursor.close()
    }
  })
  return rows
}

async function commitAll(path: string, ...commits: readonly (readonly Change[])[]): Promise<void> {
  const backend = await open(path)
  for (const changes of commits) await backend.commit(changes)
  await backend.close()
}

const VERSION = `m broker_version ${Buffer.from('2.8.0').toString('hex')}`

describe.skipIf(!hasRocksdb)(`RocksDB${rocksdbReason}`, () => {
  test('has the layout of Broker', async () => {
    const path = join(testFolder(), 'a/b/s.rocksdb')
    await commitAll(path, [putOf('a', '1', 0x0102030405060708n), putOf('b', '2'), putOf('c', '3', -2n)])
    expect(await rowsOf(path)).toEqual([
      'd a 31',
      'd b 32',
      'd c 33',
      'e a 0102030405060708',
      'e c fffffffffffffffe',
      VERSION,
    ])
  })

  test('leaves no expiry behind', async () => {
    const path = join(testFolder(), 's.rocksdb')
    await commitAll(path, [putOf('a', '1', 1n), putOf('b', '1', 1n), putOf('c', '1', 1n)])
    await commitAll(path, [putOf('a', '2'), { kind: 'erase', key: bytes('b') }])
    expect(await rowsOf(path)).toEqual(['d a 32', 'd c 31', 'e c 0000000000000001', VERSION])
    await commitAll(path, [{ kind: 'clear' }])
    expect(await rowsOf(path)).toEqual([VERSION])
  })

  test('reads what Broker wrote, with expiries of entries that are gone', async () => {
    const path = join(testFolder(), 's.rocksdb')
    await useDatabase(path, (database) => {
      database.put(byteOf('m'), bytes('broker_version'), bytes('1.4.0'))
      database.put(byteOf('m'), bytes('another'), bytes('x'))
      for (const key of ['b', 'd', 'f']) database.put(byteOf('d'), bytes(key), bytes(`value ${key}`))
      for (const key of ['a', 'b', 'c', 'd', 'e', 'g']) {
        database.put(byteOf('e'), bytes(key), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, byteOf(key)))
      }
    })
    const backend = await open(path)
    expect(textsOf(await loadAll(backend))).toEqual([
      'b=value b until 98',
      'd=value d until 100',
      'f=value f',
    ])
    await backend.close()
  })

  test('a folder of something else is left as it is', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'diary.txt'), 'once upon a time')
    const before = contentOf(folder)
    expect(await codeOf(open(folder))).toBe('foreign-file')
    expect(contentOf(folder)).toEqual(before)
  })

  test.each([
    ['with other keys', 'x'],
    ['with keys that look like ours', 'd'],
  ])('a database of something else, %s, is left as it is', async (_, prefix) => {
    const path = join(testFolder(), 's.rocksdb')
    await useDatabase(path, (database) => database.put(byteOf(prefix), bytes('key'), bytes('value')))
    const before = contentOf(path)
    expect(await codeOf(open(path))).toBe('foreign-file')
    expect(contentOf(path)).toEqual(before)
  })

  test('a database without keys, and one that was not finished, become stores', async () => {
    const path = join(testFolder(), 's.rocksdb')
    await useDatabase(path, () => {})
    await commitAll(path, [putOf('a', '1')])
    expect(await rowsOf(path)).toEqual(['d a 31', VERSION])
    const early = join(testFolder(), 'early.rocksdb')
    mkdirSync(early)
    for (const name of ['LOCK', 'LOG', 'IDENTITY', 'MANIFEST-000001']) writeFileSync(join(early, name), '')
    await commitAll(early, [putOf('a', '1')])
    expect(await rowsOf(early)).toEqual(['d a 31', VERSION])
  })

  describe('damage is found before anything is written', () => {
    function overwrite(path: string, name: RegExp, from: number): void {
      const file = join(path, readdirSync(path).find((found) => name.test(found))!)
      const size = readFileSync(file).length
      const descriptor = openSync(file, 'r+')
      writeSync(descriptor, Buffer.alloc(Math.floor((size - from) / 2), 0xa5), 0, undefined, from)
      closeSync(descriptor)
    }

    test.each<readonly [what: string, damage: (path: string) => void]>([
      ['in the manifest', (path) => overwrite(path, /^MANIFEST/, 10)],
      ['in data', (path) => overwrite(path, /\.sst$/, 1000)],
      [
        'a missing data file',
        (path) => rmSync(join(path, readdirSync(path).find((name) => name.endsWith('.sst'))!)),
      ],
      ['a missing CURRENT', (path) => rmSync(join(path, 'CURRENT'))],
      ['an empty CURRENT', (path) => writeFileSync(join(path, 'CURRENT'), '')],
    ])('%s', async (_, damage) => {
      const path = join(testFolder(), 's.rocksdb')
      const changes = Array.from({ length: 2000 }, (__, index) => putOf(`key ${index}`, `value ${index}`))
      await commitAll(path, changes)
      // Recovery of the log makes the data file.
      await commitAll(path, [])
      damage(path)
      const before = contentOf(path)
      expect(await codeOf(open(path))).toBe('corrupt-file')
      expect(contentOf(path)).toEqual(before)
    })
  })

  test('a file, and a file as a folder, cannot be used', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'file'), 'x')
    expect(await codeOf(open(join(folder, 'file')))).toBe('path-unusable')
    expect(await codeOf(open(join(folder, 'file/s.rocksdb')))).toBe('path-unusable')
  })

  test('a second opening is refused', async () => {
    const path = join(testFolder(), 's.rocksdb')
    const backend = await open(path)
    expect(await codeOf(open(path))).toBe('file-in-use')
    await backend.commit([putOf('a', '1')])
    await backend.close()
    await commitAll(path, [putOf('b', '1')])
    expect(await rowsOf(path)).toEqual(['d a 31', 'd b 31', VERSION])
  })
})

test('without the library it says so', async () => {
  const path = join(testFolder(), 's.rocksdb')
  const opened = openRocksdb('s', { path, durability: 'process' }, () => undefined)
  await expect(opened).rejects.toMatchObject({
    code: 'backend-unavailable',
    message: expect.stringContaining('librocksdb7.8') as string,
  })
})
