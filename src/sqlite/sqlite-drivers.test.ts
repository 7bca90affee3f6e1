/** Drivers of SQLite: values of every kind go in and come out, and faults leave a statement usable. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SQLITE_DRIVERS, testFolder } from '../../test/support/store-backends.js'
import { SQLITE, type SqliteConnection, type SqliteDriver, type SqliteValue } from './sqlite-connection.js'

const drivers: readonly (SqliteDriver | undefined)[] =
  SQLITE_DRIVERS.length > 0 ? SQLITE_DRIVERS : [undefined]

describe.each(drivers)('with $name', (found) => {
  const reason = found === undefined ? ' (skipped: SQLite is not installed)' : ''
  const testWithSqlite = test.skipIf(found === undefined)

  function withFile(action: (connection: SqliteConnection, path: string) => void): void {
    const path = join(testFolder(), 'x.sqlite')
    const connection = found!.open(path, 'write')
    try {
      action(connection, path)
    } finally {
      connection.close()
    }
  }

  const values: readonly SqliteValue[] = [
    0n,
    -(2n ** 63n),
    2n ** 63n - 1n,
    0.5,
    1,
    Number.POSITIVE_INFINITY,
    '',
    'Straße\0and on',
    'long '.repeat(50_000),
    Uint8Array.of(),
    Uint8Array.of(0, 255),
    new Uint8Array(200_000).fill(7),
    null,
  ]

  testWithSqlite(`values of every kind${reason}`, () => {
    withFile((connection) => {
      connection.run('create table t(number, value)')
      const insert = connection.prepare('insert into t values(?, ?)')
      for (const [index, value] of values.entries()) insert.execute([BigInt(index), value])
      const rows = [...connection.prepare('select value from t order by number').rows()]
      expect(rows.map(([value]) => (value instanceof Uint8Array ? [...value] : value))).toEqual(
        values.map((value) => (value instanceof Uint8Array ? [...value] : value)),
      )
    })
  })

  testWithSqlite(`several values at once do not get in each other's way${reason}`, () => {
    withFile((connection) => {
      const columns = values.map((_, index) => `c${index}`)
      connection.run(`create table t(${columns.join(', ')})`)
      const insert = connection.prepare(`insert into t values(${columns.map(() => '?').join(', ')})`)
      insert.execute(values)
      insert.execute([...values].reverse())
      const [row, reversed] = [...connection.prepare('select * from t').rows()]
      const plain = (row: readonly SqliteValue[] = []): unknown[] =>
        row.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value))
      expect(plain(row)).toEqual(plain(values))
      expect(plain(reversed)).toEqual(plain([...values].reverse()))
    })
  })

  testWithSqlite(`a statement goes on after a fault${reason}`, () => {
    withFile((connection) => {
      connection.run('create table t(x unique)')
      const insert = connection.prepare('insert into t values(?)')
      insert.execute([1n])
      expect(() => insert.execute([1n])).toThrow(
        expect.objectContaining({
          name: 'SqliteError',
          message: expect.stringContaining('UNIQUE') as string,
        }),
      )
      insert.execute([2n])
      expect(connection.run('select x from t order by x')).toEqual([['1'], ['2']])
    })
  })

  testWithSqlite(`rows can be read again, also when reading was given up${reason}`, () => {
    withFile((connection) => {
      connection.run('create table t(x)')
      for (const number of [1, 2, 3]) connection.run(`insert into t values(${number})`)
      const select = connection.prepare('select x from t order by x')
      for (const [x] of select.rows()) {
        if (x === 2n) break
      }
      expect([...select.rows()]).toEqual([[1n], [2n], [3n]])
    })
  })

  testWithSqlite(`faults have SQLite's codes${reason}`, () => {
    withFile((connection) => {
      const codeOf = (action: () => unknown): unknown => {
        try {
          return action()
        } catch (error) {
          return (error as { data?: { resultCode?: unknown } }).data?.resultCode
        }
      }
      expect(codeOf(() => connection.prepare('select from where'))).toBe(SQLITE.ERROR)
      expect(codeOf(() => connection.run('select * from missing'))).toBe(SQLITE.ERROR)
      expect(codeOf(() => found!.open(join(testFolder(), 'no/x.sqlite'), 'write'))).toBe(SQLITE.CANTOPEN)
    })
  })
})
