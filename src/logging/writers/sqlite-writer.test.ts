/** The SQLite writer with a real library: schema and rows as Zeek has them, what is left after faults. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../../test/support/golden.js'
import {
  formatted,
  logField,
  logValue,
  setOf,
  unset,
  vectorOf,
  wireRecord,
} from '../../../test/support/log-records.js'
import { SQLITE_DRIVERS, testFolder } from '../../../test/support/store-backends.js'
import { readJsonLines } from '../../../test/support/vectors.js'
import { Address, Subnet } from '../../data/address.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import type { SqliteDriver, SqliteValue } from '../../sqlite/sqlite-connection.js'
import type { LogValue } from '../log-values.js'
import { linesOf, readAsciiFile } from '../reading/ascii-reader.js'
import { JsonLineReader } from '../reading/json-reader.js'
import type { LogOutput, LogWriter } from './log-writer.js'
import { DEFAULT_SQLITE_LOG_OPTIONS } from './sqlite-rows.js'
import { sqliteWriter } from './sqlite-writer.js'

const FIELDS = [logField('n', 'count'), logField('s', 'string')]

function recordOf(number: number): Uint8Array {
  return wireRecord(logValue('count', number), logValue('string', `text ${number}`))
}

const drivers: readonly (SqliteDriver | undefined)[] =
  SQLITE_DRIVERS.length > 0 ? SQLITE_DRIVERS : [undefined]

describe.each(drivers)('with $name', (found) => {
  const reason = found === undefined ? ' (skipped: SQLite is not installed)' : ''
  const driver = found!
  const testWithSqlite = test.skipIf(found === undefined)

  function writerOf(): LogWriter {
    return sqliteWriter(DEFAULT_SQLITE_LOG_OPTIONS, () => driver)
  }

  function openAt(
    filePath: string,
    fields: readonly LogField[] = FIELDS,
    config: Readonly<Record<string, string>> = {},
    writer = writerOf(),
    path = 'test',
  ): Promise<LogOutput> {
    return writer.open({ filePath, path, fields, config: new Map(Object.entries(config)), openedMs: 0 })
  }

  async function store(
    output: LogOutput,
    fields: readonly LogField[],
    records: readonly Uint8Array[],
  ): Promise<void> {
    const prepared = await output.prepare(formatted(writerOf(), fields, records), records.length)
    await output.store(prepared)
    expect(output.size).toBe(prepared.sizeAfter)
  }

  /** The rows of a query; texts as bytes, as the file has them. */
  function ask(filePath: string, sql: string): (readonly SqliteValue[])[] {
    const connection = driver.open(filePath, 'write')
    try {
      return [...connection.prepare(sql).rows()]
    } finally {
      connection.close()
    }
  }

  function numbersIn(filePath: string, table = 'test'): number[] {
    return ask(filePath, `select n from ${table} order by rowid`).map(([n]) => Number(n))
  }

  testWithSqlite(`every type has the column that Zeek gives it, and its value${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const columns: readonly (readonly [
      type: string,
      value: LogValue,
      column: string,
      stored: SqliteValue,
    ])[] = [
      ['bool', logValue('bool', true), 'boolean', 1n],
      ['bool', logValue('bool', false), 'boolean', 0n],
      ['int', logValue('int', -3_000_000_000), 'integer', -3_000_000_000n],
      ['count', logValue('count', 2n ** 63n - 1n), 'integer', 2n ** 63n - 1n],
      ['count', logValue('count', 2n ** 64n - 1n), 'integer', 18446744073709552000],
      ['port', logValue('port', 443), 'integer', 443n],
      ['double', logValue('double', 1.5), 'double precision', 1.5],
      ['double', logValue('double', Number.NaN), 'double precision', null],
      ['double', logValue('double', Number.POSITIVE_INFINITY), 'double precision', Number.POSITIVE_INFINITY],
      ['time', logValue('time', 1_700_000_000), 'double precision', 1_700_000_000],
      ['interval', logValue('interval', 0.25), 'double precision', 0.25],
      ['string', logValue('string', 'Straße'), 'text', 'Straße'],
      ['string', logValue('string', ''), 'text', null],
      ['string', logValue('string', '123'), 'text', '123'],
      ['enum', logValue('enum', 'Notice::ACTION_LOG'), 'text', 'Notice::ACTION_LOG'],
      ['func', logValue('func', 'f'), 'text', 'f'],
      ['file', logValue('file', 'f'), 'text', 'f'],
      ['addr', logValue('addr', Address.parse('2001:db8::1')), 'text', '2001:db8::1'],
      ['subnet', logValue('subnet', Subnet.parse('10.0.0.0/8')), 'text', '10.0.0.0/8'],
      ['set[count]', setOf(logValue('count', 7), logValue('count', 8)), 'text', '7,8'],
      ['set[string]', setOf(), 'text', '(empty)'],
      [
        'vector[string]',
        vectorOf(logValue('string', 'a,b'), unset('string'), logValue('string', '')),
        'text',
        String.raw`a\x2cb,-,(empty)`,
      ],
      ['vector[bool]', unset('vector'), 'text', null],
      ['count', unset('count'), 'integer', null],
    ]
    const fields = columns.map(([type], index) => logField(`c.${index}`, type))
    const output = await openAt(filePath, fields)
    await store(output, fields, [wireRecord(...columns.map(([, value]) => value))])
    await output.close(0)
    const made = columns.map(([, , column], index) => `'c.${index}' ${column}`)
    expect(ask(filePath, 'select name, sql from sqlite_master')).toEqual([
      ['test', `CREATE TABLE test (\n${made.join(',\n')}\n)`],
    ])
    expect(ask(filePath, 'select * from test')).toEqual([columns.map(([, , , stored]) => stored)])
  })

  interface RecordedText {
    readonly hex: string
    readonly sqlite_hex: string | null
    readonly sqlite_element: string
  }

  testWithSqlite(`texts as Zeek stored them, byte by byte${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const texts = readJsonLines<RecordedText>('log-writers/texts.jsonl')
    const fields = [logField('s', 'string'), logField('v', 'vector[string]')]
    const output = await openAt(filePath, fields)
    const records = texts.map(({ hex }) => {
      const text = logValue('string', Uint8Array.from(Buffer.from(hex, 'hex')))
      return wireRecord(text, vectorOf(text, logValue('string', 'z')))
    })
    await store(output, fields, records)
    await output.close(0)
    const rows = ask(filePath, 'select hex(s), typeof(s), v from test order by rowid')
    expect(rows).toEqual(
      texts.map(({ sqlite_hex, sqlite_element }) => [
        (sqlite_hex ?? '').toUpperCase(),
        sqlite_hex === null ? 'null' : 'text',
        `${sqlite_element},z`,
      ]),
    )
  })

  interface GoldenContent {
    readonly tables: readonly (readonly [name: string, sql: string])[]
    readonly rows: Readonly<Record<string, readonly (readonly unknown[])[]>>
  }

  test.skipIf(!hasGolden || found === undefined).each(['http', 'dns', 'tcp'])(
    `the databases of the capture %s${goldenReason}`,
    async (capture) => {
      const files = readdirSync(goldenPath(`logs/${capture}/sqlite`)!).filter((name) =>
        name.endsWith('.json'),
      )
      expect(files.length).toBeGreaterThan(2)
      for (const file of files) {
        const name = file.replace('.content.json', '')
        const golden = (path: string): Buffer => readFileSync(goldenPath(`logs/${capture}/${path}`)!)
        const content = JSON.parse(golden(`sqlite/${file}`).toString()) as GoldenContent
        // ASCII logs have the types, JSON logs all digits.
        const { fields } = readAsciiFile(golden(`tsv/${name}.log`))
        const lines = new JsonLineReader(fields)
        const records = linesOf(golden(`json/${name}.log`)).map((line) => {
          const writer = new ByteWriter()
          lines.read(writer, line)
          return writer.toBytes()
        })
        const filePath = join(testFolder(), `${name}.sqlite`)
        const output = await openAt(filePath, fields, {}, writerOf(), name)
        await store(output, fields, records)
        await output.close(0)
        expect(ask(filePath, 'select name, sql from sqlite_master')).toEqual(content.tables)
        const rows = ask(filePath, `select * from ${name}`).map((row) =>
          row.map((value) => (typeof value === 'bigint' ? Number(value) : value)),
        )
        // Whose first column is the time when Zeek was started.
        const compared = name === 'packet_filter' ? 1 : 0
        expect(rows.map((row) => row.slice(compared))).toEqual(
          content.rows[name]?.map((row) => row.slice(compared)),
        )
      }
    },
  )

  testWithSqlite(`markers and separators of containers${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const options = { setSeparator: '|', emptyField: 'EMPTY', unsetField: 'NONE' }
    const writer = sqliteWriter(options, () => driver)
    const fields = [logField('v', 'vector[string]')]
    const output = await openAt(filePath, fields, {}, writer)
    await store(output, fields, [
      wireRecord(vectorOf(logValue('string', 'a|b'), unset('string'), logValue('string', 'NONE'))),
      wireRecord(vectorOf()),
    ])
    await output.close(0)
    expect(ask(filePath, 'select * from test').flat()).toEqual([String.raw`a\x7cb|NONE|\x4eONE`, 'EMPTY'])
  })

  testWithSqlite(`a table that is there is continued${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    for (const number of [1, 2, 3]) {
      const output = await openAt(filePath)
      expect(output.size).toBe(number - 1)
      expect(output.rotates).toBe(false)
      await store(output, FIELDS, [recordOf(number)])
      await output.close(0)
    }
    expect(numbersIn(filePath)).toEqual([1, 2, 3])
    expect(await writerOf().measure(filePath)).toBe(3)
    expect(writerOf().continuesFiles).toBe(true)
  })

  testWithSqlite(`rows behind a size are cut off, and numbers go on from there${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const writer = writerOf()
    const output = await openAt(filePath)
    await store(output, FIELDS, [1, 2, 3].map(recordOf))
    await output.cut()
    await output.sync()
    await output.close(0)
    expect(numbersIn(filePath)).toEqual([1, 2, 3])
    await writer.cut(filePath, 1)
    expect(await writer.measure(filePath)).toBe(1)
    const again = await openAt(filePath)
    expect(again.size).toBe(1)
    await store(again, FIELDS, [recordOf(4)])
    await again.close(0)
    expect(numbersIn(filePath)).toEqual([1, 4])
    expect(await writer.measure(filePath)).toBe(2)
  })

  testWithSqlite(`a file that is not there has no size, and is not made${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    expect(await writerOf().measure(filePath)).toBeUndefined()
    await writerOf().cut(filePath, 0)
    expect(await writerOf().measure(filePath)).toBeUndefined()
  })

  testWithSqlite(`the name of the table${reason}`, async () => {
    const folder = testFolder()
    const named = join(folder, 'named.sqlite')
    await (await openAt(named, FIELDS, { tablename: 'my_table' })).close(0)
    expect(numbersIn(named, 'my_table')).toEqual([])
    expect(await writerOf().measure(named)).toBe(0)
    // Zeek refuses these.
    for (const table of ['files-2', 'order', 'say "x"; drop table test']) {
      const filePath = join(folder, `${table.length}.sqlite`)
      const output = await openAt(filePath, FIELDS, { tablename: table })
      await store(output, FIELDS, [recordOf(1)])
      await output.close(0)
      expect(ask(filePath, 'select name from sqlite_master')).toEqual([[table]])
      expect(await writerOf().measure(filePath)).toBe(1)
    }
  })

  testWithSqlite(`names of columns with quotes${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const fields = [logField("it's", 'count')]
    const output = await openAt(filePath, fields)
    await store(output, fields, [wireRecord(logValue('count', 1))])
    await output.close(0)
    expect(ask(filePath, 'select "it\'s" from test')).toEqual([[1n]])
  })

  testWithSqlite(`of several tables in a file, the one named like it is measured${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const output = await openAt(filePath)
    await store(output, FIELDS, [recordOf(1), recordOf(2)])
    await output.close(0)
    const other = await openAt(filePath, FIELDS, { tablename: 'other' })
    await other.close(0)
    expect(await writerOf().measure(filePath)).toBe(2)
  })

  testWithSqlite(`the writer that wrote a file knows its table${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const writer = writerOf()
    await (await openAt(filePath)).close(0)
    const other = await openAt(filePath, FIELDS, { tablename: 'other' }, writer)
    await store(other, FIELDS, [recordOf(1)])
    await other.close(0)
    expect(await writer.measure(filePath)).toBe(1)
  })

  testWithSqlite(`a chunk that cannot be stored leaves nothing${reason}`, async () => {
    const filePath = join(testFolder(), 'test.sqlite')
    const output = await openAt(filePath)
    await store(output, FIELDS, [recordOf(1)])
    ask(
      filePath,
      "create trigger full before insert on test when new.n = 3 begin select raise(fail, 'no more'); end",
    )
    const prepared = await output.prepare(formatted(writerOf(), FIELDS, [2, 3].map(recordOf)), 2)
    await expect(output.store(prepared)).rejects.toMatchObject({ name: 'SqliteError', message: 'no more' })
    expect(output.size).toBe(1)
    expect(numbersIn(filePath)).toEqual([1])
    await output.cut()
    ask(filePath, 'drop trigger full')
    await output.store(prepared)
    await output.close(0)
    expect(numbersIn(filePath)).toEqual([1, 2, 3])
  })

  testWithSqlite(`files of something else${reason}`, async () => {
    const folder = testFolder()
    const text = join(folder, 'text.sqlite')
    writeFileSync(text, 'once upon a time '.repeat(1000))
    await expect(openAt(text)).rejects.toMatchObject({ name: 'SqliteError' })
    await expect(writerOf().measure(text)).rejects.toMatchObject({ name: 'SqliteError' })
    const others = join(folder, 'others.sqlite')
    await (await openAt(others, [logField('x', 'count')])).close(0)
    await expect(openAt(others)).rejects.toMatchObject({ name: 'SqliteError' })
    await expect(openAt(join(folder, 'no/folder.sqlite'))).rejects.toMatchObject({ name: 'SqliteError' })
  })
})

test('records that do not have the columns are refused, and the chunk is as before', () => {
  const writer = sqliteWriter(DEFAULT_SQLITE_LOG_OPTIONS, () => undefined)
  expect(writer.fileName('conn', new Map([['tablename', 'x']]))).toBe('conn.sqlite')
  const format = writer.formatter(FIELDS, new Map())
  const chunk = new ByteWriter()
  chunk.raw(Buffer.from('before'))
  const record = recordOf(1)
  const wrong = wireRecord(logValue('string', 'x'), logValue('string', 'y'))
  for (const [bytes, end] of [
    [wrong, wrong.length],
    [record, record.length - 1],
    [wireRecord(), 4],
  ] as const) {
    expect(() => format(chunk, bytes, 0, end)).toThrow(expect.objectContaining({ name: 'DecodeError' }))
    expect(chunk.length).toBe(6)
  }
})

test('without SQLite, what to install is said', async () => {
  const writer = sqliteWriter(DEFAULT_SQLITE_LOG_OPTIONS, () => undefined)
  const description = { filePath: 'logs/x.sqlite', path: 'x', fields: FIELDS, config: new Map(), openedMs: 0 }
  await expect(writer.open(description)).rejects.toMatchObject({
    code: 'sqlite-missing',
    message: expect.stringContaining('install the Debian package libsqlite3-0') as string,
    data: { filePath: 'logs/x.sqlite' },
  })
})
