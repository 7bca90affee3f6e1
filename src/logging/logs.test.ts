/** Streams and filters: which records go where, with which columns, and what is refused. */
import { describe, expect, test } from 'vitest'
import { Address, Port } from '../data/address.js'
import { ByteReader } from '../data/byte-reader.js'
import { addr, count, optional, port, record, set, string, table } from '../data/types.js'
import { MemoryDisk } from '../testing/memory-disk.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { LogStore } from './files/log-store.js'
import { type LogValue, readLogRecord } from './log-values.js'
import { Logs } from './logs.js'
import { DEFAULT_ASCII_OPTIONS } from './writers/ascii-options.js'
import { asciiWriter } from './writers/ascii-writer.js'
import type { LogWriter } from './writers/log-writer.js'

class Fixture {
  readonly disk = new MemoryDisk()
  readonly time = new VirtualTime()
  readonly problems: string[] = []
  readonly intervals: (string | number)[][] = []
  readonly store: LogStore
  readonly logs: Logs

  constructor() {
    const { disk, time } = this
    const onProblem = (code: string): void => void this.problems.push(code)
    this.store = new LogStore({
      directory: 'logs',
      journalDirectory: 'journal',
      node: 'worker-1',
      disk,
      clock: time,
      timers: time,
      writers: [asciiWriter(disk, DEFAULT_ASCII_OPTIONS)],
      onProblem,
    })
    this.logs = new Logs({
      node: 'worker-1',
      localStore: () => this.store,
      delivery: undefined,
      logLocal: true,
      logRemote: false,
      loggersOf: () => () => undefined,
      onRotationInterval: (...interval) => this.intervals.push(interval),
      onProblem,
    })
  }

  /** Columns and data lines of every log. */
  async files(): Promise<Record<string, readonly string[]>> {
    await this.store.close()
    const files: Record<string, readonly string[]> = {}
    for (const path of this.disk.paths().filter((name) => name.startsWith('logs/'))) {
      const lines = this.disk.text(path).trimEnd().split('\n')
      const columns = lines.find((line) => line.startsWith('#fields\t'))!.slice('#fields\t'.length)
      files[path.slice('logs/'.length)] = [columns, ...lines.filter((line) => !line.startsWith('#'))]
    }
    return files
  }
}

const COLUMNS = { host: optional(addr), hits: optional(count), tags: optional(set(string)) }
const HOST = Address.parse('10.0.0.1')

describe('a record that cannot be written', () => {
  test.each<readonly [message: string, record: object]>([
    ['column hits: expected count (a bigint), found a number', { hits: 1 }],
    ['column hits: -1 does not fit a count (0 to 2^64-1)', { hits: -1n }],
    ['column host: expected addr (an Address), found a string', { host: '10.0.0.1' }],
    ['column tags, element 2: expected string (a string), found a bigint', { tags: new Set(['a', 1n]) }],
    ['column tags: expected set[string] (a Set or ValueSet), found an array', { tags: ['a'] }],
    ['expected record (an object), found nothing (undefined)', undefined as unknown as object],
  ])('%s', async (message, faulty) => {
    const { logs, ...fixture } = new Fixture()
    const stream = logs.createStream('Demo::LOG', { columns: COLUMNS })
    // Also with several filters nothing of it is written anywhere.
    for (const name of ['default', 'second']) {
      stream.addFilter({ name, path: name, ...(name === 'default' && { exclude: ['hits', 'tags'] }) })
      if (name === 'default') continue
      expect(() => stream.write(faulty)).toThrow(
        expect.objectContaining({ code: 'not-representable', message }),
      )
    }
    expect(logs.written).toBe(0)
    stream.write({ host: HOST, hits: 1n })
    expect(logs.written).toBe(1)
    await fixture.store.close()
    expect(fixture.store.counters().records).toBe(2)
  })
})

describe('streams', () => {
  test('a name is there once, until it is removed', () => {
    const { logs } = new Fixture()
    const stream = logs.createStream('Demo::LOG', { columns: COLUMNS })
    expect(() => logs.createStream('Demo::LOG', { columns: COLUMNS })).toThrow(
      expect.objectContaining({ code: 'stream-exists' }),
    )
    expect(logs.activeStreams()).toEqual(['Demo::LOG'])
    stream.disable()
    expect(logs.activeStreams()).toEqual([])
    expect(logs.removeStream('Demo::LOG')).toBe(true)
    expect(logs.removeStream('Demo::LOG')).toBe(false)
    logs.createStream('Demo::LOG', { columns: COLUMNS })
  })

  test('a type that logs do not have is refused', () => {
    const { logs } = new Fixture()
    expect(() =>
      logs.createStream('Demo::LOG', { columns: { inner: record({ counts: table(string, count) }) } }),
    ).toThrow('column inner.counts of log stream Demo::LOG: type table[string] of count cannot be logged')
  })

  test('records inside are columns of their own; one that is not set has none of its columns set', async () => {
    const fixture = new Fixture()
    const stream = fixture.logs.createStream('Demo::LOG', {
      columns: {
        id: record({ orig_h: addr, orig_p: port }),
        extra: optional(record({ note: string, deep: record({ n: count }) })),
      },
    })
    const id = { orig_h: HOST, orig_p: new Port(80, 'tcp') }
    stream.write({ id, extra: { note: 'a', deep: { n: 7n } } })
    stream.write({ id })
    expect(await fixture.files()).toEqual({
      'demo.log': [
        'id.orig_h\tid.orig_p\textra.note\textra.deep.n',
        '10.0.0.1\t80\ta\t7',
        '10.0.0.1\t80\t-\t-',
      ],
    })
  })

  test('a disabled one takes records and drops them', async () => {
    const fixture = new Fixture()
    const seen: unknown[] = []
    const stream = fixture.logs.createStream('Demo::LOG', {
      columns: COLUMNS,
      onWrite: ({ hits }) => seen.push(hits),
    })
    stream.write({ hits: 1n })
    stream.disable()
    stream.write({ hits: 2n })
    stream.enable()
    stream.write({ hits: 3n })
    expect((await fixture.files())['demo.log']).toEqual(['host\thits\ttags', '-\t1\t-', '-\t3\t-'])
    expect(seen).toEqual([1n, 3n])
  })
})

describe('filters', () => {
  test('have names; the same name replaces', () => {
    const stream = new Fixture().logs.createStream('Demo::LOG', { columns: COLUMNS })
    expect(stream.filterNames()).toEqual(['default'])
    stream.addFilter({ name: 'other', path: 'other' })
    stream.addFilter({ name: 'other', path: 'another' })
    expect(stream.filterNames()).toEqual(['default', 'other'])
    expect(stream.filter('other')?.path).toBe('another')
    expect(stream.filter('none')).toBeUndefined()
    expect([stream.removeFilter('other'), stream.removeFilter('other')]).toEqual([true, false])
    expect([stream.removeDefaultFilter(), stream.removeDefaultFilter()]).toEqual([true, false])
    stream.addDefaultFilter()
    expect(stream.filterNames()).toEqual(['default'])
  })

  test('choose columns and name them', async () => {
    const fixture = new Fixture()
    const stream = fixture.logs.createStream('Demo::LOG', {
      columns: { id: record({ host: addr, name: string }), hits: count },
    })
    stream.addFilter({ name: 'default', include: ['id.host', 'hits'], exclude: ['hits'] })
    stream.addFilter({
      name: 'named',
      path: 'named',
      scopeSeparator: '_',
      fieldNameMap: { id_host: 'address' },
      extension: { columns: { path: string }, values: (path) => ({ path }) },
    })
    stream.write({ id: { host: HOST, name: 'a' }, hits: 2n })
    expect(await fixture.files()).toEqual({
      'demo.log': ['id.host', '10.0.0.1'],
      'named.log': ['_path\taddress\tid_name\thits', 'named\t10.0.0.1\ta\t2'],
    })
    expect(() => stream.addFilter({ name: 'x', include: ['nothing'] })).toThrow(
      'filter x of log stream Demo::LOG: there is no column nothing',
    )
  })

  test('choose records and paths', async () => {
    const fixture = new Fixture()
    const suggestions: string[] = []
    const stream = fixture.logs.createStream('Demo::LOG', {
      columns: { hits: count },
      policy: ({ hits }, { name }) => name === 'default' || hits !== 4n,
    })
    stream.addFilter({
      name: 'default',
      predicate: ({ hits }) => hits > 1n,
      pathFunction: (id, suggestion, { hits }) => {
        suggestions.push(`${id} ${suggestion}`)
        return hits % 2n === 0n ? 'even' : 'odd'
      },
    })
    stream.addFilter({ name: 'policed', path: 'policed', policy: ({ hits }) => hits !== 3n })
    for (const hits of [1n, 2n, 3n, 4n, 5n]) stream.write({ hits })
    expect(await fixture.files()).toEqual({
      'even.log': ['hits', '2', '4'],
      'odd.log': ['hits', '3', '5'],
      'policed.log': ['hits', '1', '2', '5'],
    })
    expect(suggestions).toEqual(['Demo::LOG demo', 'Demo::LOG even', 'Demo::LOG odd', 'Demo::LOG even'])
  })

  test('never write the same log: the second has another name, and that is told', async () => {
    const fixture = new Fixture()
    const one = fixture.logs.createStream('One::LOG', { path: 'same', columns: { a: count } })
    const two = fixture.logs.createStream('Two::LOG', { path: 'same', columns: { b: count } })
    one.write({ a: 1n })
    two.write({ b: 2n })
    expect(fixture.problems).toEqual(['log-path-taken'])
    expect(await fixture.files()).toEqual({ 'same.log': ['a', '1'], 'same-2.log': ['b', '2'] })
  })

  test('name a writer, its settings and an interval', async () => {
    const fixture = new Fixture()
    const stream = fixture.logs.createStream('Demo::LOG', { columns: { hits: count } })
    stream.addFilter({ name: 'default', config: { use_json: 'T' }, rotationInterval: 60 })
    stream.write({ hits: 1n })
    await fixture.store.close()
    expect(fixture.disk.text('logs/demo.log')).toBe('{"hits":1}\n')
    expect(fixture.intervals).toEqual([['demo', 'Log::WRITER_ASCII', 60]])
    expect(() => stream.addFilter({ name: 'x', path: 'x', writer: 'Log::WRITER_KAFKA' })).toThrow(
      'filter x of log stream Demo::LOG: there is no writer Log::WRITER_KAFKA',
    )
    expect(() => stream.addFilter({ name: 'y', path: 'y', config: { use_json: 'maybe' } })).toThrow(
      expect.objectContaining({ code: 'bad-log-config' }),
    )
  })

  test('may name a writer of your own', async () => {
    const fixture = new Fixture()
    const stored: (readonly LogValue[])[] = []
    let size = 0
    const writer: LogWriter = {
      name: 'Demo::WRITER_LIST',
      continuesFiles: true,
      fileName: (name) => `${name}.list`,
      // The record as it came, its length in front.
      formatter: () => (chunk, bytes, start, end) => {
        chunk.u32(end - start)
        chunk.slice(bytes, start, end)
      },
      open: async () => ({
        get size() {
          return size
        },
        rotates: false,
        prepare: async (chunk, records) => ({
          bytes: Uint8Array.from(chunk),
          records,
          sizeAfter: size + records,
        }),
        async store({ bytes, sizeAfter }) {
          const reader = new ByteReader(bytes)
          while (reader.remaining > 0) {
            reader.skip(4)
            stored.push(readLogRecord(reader))
          }
          size = sizeAfter
        },
        async cut() {},
        async sync() {},
        async close() {},
      }),
      measure: async () => size,
      async cut() {},
    }
    fixture.logs.addWriter(writer)
    expect(() => fixture.logs.addWriter(writer)).toThrow('log writer Demo::WRITER_LIST exists already')
    const stream = fixture.logs.createStream('Demo::LOG', { columns: { hits: count } })
    stream.addFilter({ name: 'default', writer: 'Demo::WRITER_LIST' })
    stream.write({ hits: 1n })
    stream.write({ hits: 2n })
    await fixture.store.close()
    expect(stored).toEqual([
      [{ type: 'count', value: { type: 'count', value: 1n } }],
      [{ type: 'count', value: { type: 'count', value: 2n } }],
    ])
    expect(fixture.store.counters()).toMatchObject({ records: 2, waitingBytes: 0 })
  })

  test('that log neither here nor at a logger write nothing', async () => {
    const fixture = new Fixture()
    const stream = fixture.logs.createStream('Demo::LOG', { columns: { hits: count } })
    stream.addFilter({ name: 'default', logLocal: false })
    stream.write({ hits: 1n })
    expect(await fixture.files()).toEqual({})
  })
})
