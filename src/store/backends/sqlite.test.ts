import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../../test/support/golden.js'
import {
  codeOf,
  contentOf,
  loadAll,
  putOf,
  SQLITE_DRIVERS,
  testFolder,
  textsOf,
} from '../../../test/support/store-backends.js'
import type { SqliteOptions } from '../../options/store-settings.js'
import type { SqliteConnection, SqliteDriver } from '../../sqlite/sqlite-connection.js'
import type { Backend, StoredEntry } from './backend.js'
import { openSqlite } from './sqlite.js'

const STORE_SCHEMA = [
  ['meta', 'CREATE TABLE meta(key text primary key, value text)'],
  ['store', 'CREATE TABLE store(key blob primary key, value blob, expiry integer)'],
]

interface GoldenContent {
  readonly schema: readonly (string | null)[]
  readonly tables: {
    readonly store: {
      readonly rows: readonly { key_hex: string; value_hex: string; expiry: number | null }[]
    }
  }
}

/** The files that a real Zeek wrote. */
const GOLDEN_FILES = [
  'default/store.sqlite',
  'wal-sync-normal/store.sqlite',
  'backend-attribute/___sync_store_G.e.sqlite',
  'backend-attribute/___sync_store_G.s.sqlite',
  'backend-attribute/___sync_store_G.t.sqlite',
]

/** Copies a recorded file, and what stands beside it, into a folder. */
function copyGolden(name: string, folder: string): string {
  const from = goldenPath(`stores/${name}`)!
  for (const suffix of readdirSync(join(from, '..')).filter((other) => other.startsWith(basename(from)))) {
    const target = join(folder, suffix)
    copyFileSync(join(from, '..', suffix), target)
    chmodSync(target, 0o644)
  }
  return join(folder, basename(from))
}

function goldenContent(name: string): GoldenContent {
  // Expiries are larger than JavaScript's exact numbers.
  const text = readFileSync(goldenPath(`stores/${name.replace(/\/.*/, '/content.json')}`)!, 'utf8')
  const content = JSON.parse(text.replaceAll(/("expiry": )(\d+)/g, '$1"$2"')) as
    | GoldenContent
    | Record<string, GoldenContent>
  if ('tables' in content) return content as GoldenContent
  const key = basename(name).replace('_G.', '_G::')
  return (content as Record<string, GoldenContent>)[key]!
}

function rowsOf(content: GoldenContent): string[] {
  return content.tables.store.rows
    .map(({ key_hex, value_hex, expiry }) => `${key_hex} ${value_hex} ${expiry ?? 'never'}`)
    .sort()
}

function rowsOfEntries(entries: readonly StoredEntry[]): string[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  return entries.map(({ key, value, expiryNs }) => `${hex(key)} ${hex(value)} ${expiryNs ?? 'never'}`).sort()
}

describe.each(SQLITE_DRIVERS.map((driver) => [driver.name, driver] as const))('%s', (_, driver) => {
  const open = (path: string, options: Partial<SqliteOptions> = {}): Promise<Backend> =>
    openSqlite('s', { ...options, path }, () => driver)

  /** What SQLite itself says about a closed file. */
  function ask(path: string, ...statements: readonly string[]): readonly (readonly string[])[] {
    const connection = driver.open(path, 'write')
    try {
      return statements.flatMap((sql) => connection.run(sql))
    } finally {
      connection.close()
    }
  }

  function makeDatabase(path: string, ...statements: readonly string[]): void {
    ask(path, ...statements)
  }

  async function makeStore(
    path: string,
    entries: number,
    options: Partial<SqliteOptions> = {},
  ): Promise<void> {
    const backend = await open(path, options)
    await backend.commit(
      Array.from({ length: entries }, (_, index) => putOf(`key ${index}`, 'x'.repeat(100))),
    )
    await backend.close()
  }

  const schemaOf = (path: string) =>
    ask(path, "select name, sql from sqlite_master where type = 'table' order by name")

  describe.skipIf(!hasGolden).each(GOLDEN_FILES)(`%s of a real Zeek${goldenReason}`, (name) => {
    test('has the entries that it is said to have', async () => {
      const backend = await open(copyGolden(name, testFolder()))
      expect(rowsOfEntries(await loadAll(backend))).toEqual(rowsOf(goldenContent(name)))
      await backend.close()
    })

    test('takes our commits, and keeps its tables', async () => {
      const path = copyGolden(name, testFolder())
      const content = goldenContent(name)
      const [first, ...others] = content.tables.store.rows
      const kept = others.slice(1)
      const added = Buffer.from('020000000000000bad', 'hex')
      const backend = await open(path)
      await backend.commit([
        ...others
          .slice(0, 1)
          .map((row) => ({ kind: 'erase', key: Buffer.from(row.key_hex, 'hex') }) as const),
        {
          kind: 'put',
          entry: { key: Buffer.from(first!.key_hex, 'hex'), value: Buffer.from('0101', 'hex'), expiryNs: 7n },
        },
        { kind: 'put', entry: { key: added, value: Buffer.from('00', 'hex'), expiryNs: undefined } },
      ])
      await backend.close()
      const rows = ask(
        path,
        "select lower(hex(key)), lower(hex(value)), coalesce(expiry, 'never') from store",
      )
      expect(rows.map((row) => row.join(' ')).sort()).toEqual(
        [
          `${first!.key_hex} 0101 7`,
          `${added.toString('hex')} 00 never`,
          ...kept.map(({ key_hex, value_hex, expiry }) => `${key_hex} ${value_hex} ${expiry ?? 'never'}`),
        ].sort(),
      )
      expect(schemaOf(path)).toEqual(STORE_SCHEMA)
      expect(STORE_SCHEMA.map(([, sql]) => sql)).toEqual(content.schema.filter((sql) => sql !== null))
      expect(ask(path, 'pragma integrity_check')).toEqual([['ok']])
    })
  })

  describe('new files', () => {
    test.each([
      ['that are missing, folders too', undefined],
      ['that are empty', ''],
    ])('%s', async (_, content) => {
      const folder = testFolder()
      const path = join(folder, 'a/b/s.sqlite')
      if (content !== undefined) {
        mkdirSync(join(folder, 'a/b'), { recursive: true })
        writeFileSync(path, content)
      }
      await (await open(path)).close()
      expect(schemaOf(path)).toEqual(STORE_SCHEMA)
      expect(ask(path, 'select * from meta')).toEqual([['broker_version', '2.8.0']])
      expect(ask(path, 'select * from store')).toEqual([])
      expect(readdirSync(join(folder, 'a/b'))).toEqual(['s.sqlite'])
    })

    test('a database without tables becomes a store', async () => {
      const path = join(testFolder(), 's.sqlite')
      makeDatabase(path, 'pragma user_version = 0', 'create table t(x)', 'drop table t')
      await (await open(path)).close()
      expect(schemaOf(path)).toEqual(STORE_SCHEMA)
    })

    test('a store that was not finished is', async () => {
      const path = join(testFolder(), 's.sqlite')
      makeDatabase(path, 'create table meta(key text primary key, value text)')
      await (await open(path)).close()
      expect(schemaOf(path)).toEqual(STORE_SCHEMA)
    })
  })

  describe('options', () => {
    test.each([
      ['DELETE', 'delete'],
      ['WAL', 'wal'],
    ] as const)('journal mode %s stays with the file', async (journalMode, mode) => {
      const path = join(testFolder(), 's.sqlite')
      await makeStore(path, 10, { journalMode: journalMode === 'WAL' ? 'DELETE' : 'WAL' })
      await makeStore(path, 20, { journalMode })
      expect(ask(path, 'pragma journal_mode')).toEqual([[mode]])
      await makeStore(path, 30)
      expect(ask(path, 'pragma journal_mode')).toEqual([[mode]])
      expect(ask(path, 'select count(*) from store')).toEqual([['30']])
    })

    test.each(['OFF', 'NORMAL', 'FULL', 'EXTRA'] as const)(
      'synchronous %s is said to SQLite',
      async (synchronous) => {
        const path = join(testFolder(), 's.sqlite')
        let connection: SqliteConnection | undefined
        const watched: SqliteDriver = {
          name: 'watched',
          open(file, access) {
            connection = driver.open(file, access)
            return connection
          },
        }
        const backend = await openSqlite('s', { path, synchronous }, () => watched)
        expect(connection?.run('pragma synchronous')).toEqual([
          [String(['OFF', 'NORMAL', 'FULL', 'EXTRA'].indexOf(synchronous))],
        ])
        await backend.close()
      },
    )
  })

  test('a file that needs no change is not written', async () => {
    const folder = testFolder()
    const path = join(folder, 's.sqlite')
    await makeStore(path, 10, { journalMode: 'WAL' })
    const before = contentOf(folder)
    const backend = await open(path, { journalMode: 'WAL', integrityCheck: true })
    await loadAll(backend)
    await backend.close()
    expect(contentOf(folder)).toEqual(before)
  })

  test('the version of another Broker is replaced', async () => {
    const path = join(testFolder(), 's.sqlite')
    await makeStore(path, 10)
    ask(path, "update meta set value = '2.5.0'")
    await (await open(path)).close()
    expect(ask(path, 'select * from meta')).toEqual([['broker_version', '2.8.0']])
  })

  describe('files of something else are left as they are', () => {
    const FOREIGN: readonly (readonly [what: string, make: (path: string) => void])[] = [
      ['a text', (path) => writeFileSync(path, 'once upon a time')],
      ['a long text', (path) => writeFileSync(path, 'once upon a time '.repeat(10_000))],
      ['a database', (path) => makeDatabase(path, 'create table t(x)', "insert into t values('precious')")],
      [
        'a database with a table of our name',
        (path) => makeDatabase(path, 'create table store(key, owner)', 'create table meta(key, value)'),
      ],
      [
        'a database with one of our tables',
        (path) => makeDatabase(path, 'create table meta(key, value)', 'create table other(x)'),
      ],
      ['a database with a view', (path) => makeDatabase(path, 'create view v as select 1')],
      [
        'a database whose tables stand in its log only',
        (path) => {
          const connection = driver.open(`${path}-0`, 'write')
          connection.run('pragma journal_mode = wal')
          connection.run('create table t(x)')
          copyFileSync(`${path}-0`, path)
          copyFileSync(`${path}-0-wal`, `${path}-wal`)
          connection.close()
        },
      ],
    ]

    test.each(FOREIGN)('%s', async (_, make) => {
      const folder = testFolder()
      const path = join(folder, 's.sqlite')
      make(path)
      const before = contentOf(folder)
      expect(await codeOf(open(path, { journalMode: 'WAL', integrityCheck: true }))).toBe('foreign-file')
      const { 's.sqlite-shm': _shared, ...after } = contentOf(folder)
      expect(after).toEqual(before)
    })
  })

  describe('damaged files are left as they are', () => {
    const DAMAGES: readonly (readonly [what: string, damage: (path: string) => void])[] = [
      ['cut in a page', (path) => writeFileSync(path, readFileSync(path).subarray(0, 9000))],
      ['cut between pages', (path) => writeFileSync(path, readFileSync(path).subarray(0, 8192))],
      ['cut in the header', (path) => writeFileSync(path, readFileSync(path).subarray(0, 50))],
      ['cut at the start', (path) => writeFileSync(path, readFileSync(path).subarray(0, 5))],
      ['zeros', (path) => writeFileSync(path, new Uint8Array(readFileSync(path).length))],
      ['a first page of noise', (path) => overwrite(path, 100, 3900)],
      ['noise in a page', (path) => overwrite(path, 4096 * 6, 4096)],
      [
        'noise in every page behind the first',
        (path) => overwrite(path, 4096, readFileSync(path).length - 4096),
      ],
    ]

    function overwrite(path: string, from: number, bytes: number): void {
      const file = openSync(path, 'r+')
      writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, from)
      closeSync(file)
    }

    async function openAndLoad(path: string, options?: Partial<SqliteOptions>): Promise<void> {
      const backend = await open(path, options)
      try {
        await loadAll(backend)
      } finally {
        await backend.close()
      }
    }

    test.each(DAMAGES)('%s', async (_, damage) => {
      const folder = testFolder()
      const path = join(folder, 's.sqlite')
      await makeStore(path, 1000)
      damage(path)
      const before = contentOf(folder)
      expect(await codeOf(openAndLoad(path))).toBe('corrupt-file')
      // Found before the journal mode is changed.
      expect(await codeOf(open(path, { journalMode: 'WAL' }))).toBe('corrupt-file')
      expect(await codeOf(open(path, { integrityCheck: true }))).toBe('corrupt-file')
      expect(contentOf(folder)).toEqual(before)
    })

    test.each(DAMAGES)('%s, and to be deleted', async (_, damage) => {
      const path = join(testFolder(), 's.sqlite')
      await makeStore(path, 1000)
      damage(path)
      const backend = await open(path, { integrityCheck: true, failureMode: 'DELETE' })
      expect(await loadAll(backend)).toEqual([])
      await backend.commit([putOf('a', '1')])
      await backend.close()
      expect(ask(path, 'select count(*) from store')).toEqual([['1']])
    })
  })

  describe('failure mode DELETE', () => {
    test('deletes what is no database', async () => {
      const path = join(testFolder(), 's.sqlite')
      writeFileSync(path, 'once upon a time')
      await (await open(path, { failureMode: 'DELETE' })).close()
      expect(schemaOf(path)).toEqual(STORE_SCHEMA)
    })

    test('leaves a good store, a database of something else and a store in use', async () => {
      const folder = testFolder()
      const path = join(folder, 's.sqlite')
      await makeStore(path, 10)
      const backend = await open(path, { failureMode: 'DELETE', integrityCheck: true })
      expect(await loadAll(backend)).toHaveLength(10)
      expect(await codeOf(open(path, { failureMode: 'DELETE' }))).toBe('file-in-use')
      await backend.commit([putOf('a', '1')])
      await backend.close()
      expect(ask(path, 'select count(*) from store')).toEqual([['11']])
      const foreign = join(folder, 'foreign.sqlite')
      makeDatabase(foreign, 'create table t(x)')
      const before = readFileSync(foreign)
      expect(await codeOf(open(foreign, { failureMode: 'DELETE' }))).toBe('foreign-file')
      expect(readFileSync(foreign)).toEqual(before)
    })
  })

  describe('paths that cannot be used', () => {
    test('a folder, and a file as a folder', async () => {
      const folder = testFolder()
      writeFileSync(join(folder, 'file'), '')
      expect(await codeOf(open(folder))).toBe('path-unusable')
      expect(await codeOf(open(folder, { failureMode: 'DELETE' }))).toBe('path-unusable')
      expect(await codeOf(open(join(folder, 'file/s.sqlite')))).toBe('path-unusable')
    })
  })

  describe('use by one at a time', () => {
    test('a second opening is refused, and the first one keeps its lock', async () => {
      const path = join(testFolder(), 's.sqlite')
      const backend = await open(path)
      expect(await codeOf(open(path))).toBe('file-in-use')
      expect(() => driver.open(path, 'write').run('select * from meta')).toThrow(/locked/)
      await backend.commit([putOf('a', '1', 5n)])
      await backend.close()
      const again = await open(path)
      expect(textsOf(await loadAll(again))).toEqual(['a=1 until 5'])
      await again.close()
    })

    test('somebody else who has it open in WAL mode keeps us out', async () => {
      const path = join(testFolder(), 's.sqlite')
      await makeStore(path, 10, { journalMode: 'WAL' })
      const other = driver.open(path, 'write')
      other.run('select * from meta')
      expect(await codeOf(open(path, { failureMode: 'DELETE' }))).toBe('file-in-use')
      other.close()
      await (await open(path)).close()
      expect(ask(path, 'select count(*) from store')).toEqual([['10']])
    })
  })

  test('without a library it says so', async () => {
    const path = join(testFolder(), 's.sqlite')
    expect(await codeOf(openSqlite('s', { path }, () => undefined))).toBe('backend-unavailable')
  })
})
