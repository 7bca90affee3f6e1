/** Records to files: which file, what happens to leftovers, and what is refused. */
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { ASCII_WRITER, type LogWriterDescription, writeLogCreate } from '../data/log-messages.js'
import { openMessage } from '../data/messages.js'
import { compileLogWriter } from '../data/record-codec.js'
import { count, type DataType, string } from '../data/types.js'
import { MemoryDisk } from '../testing/memory-disk.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { LogReceiver } from './log-receiver.js'
import { LogStore } from './log-store.js'

type Columns = readonly (readonly [string, DataType<unknown>])[]

const NUMBERS: Columns = [['n', count as DataType<unknown>]]
const TEXTS: Columns = [['text', string as DataType<unknown>]]

function describeWriter(path: string, columns: Columns): LogWriterDescription {
  return {
    stream: 'Demo::LOG',
    writer: ASCII_WRITER,
    path,
    config: new Map(),
    fields: columns.map(([name, type]) => ({
      name,
      tag: type.log!.tag,
      elementTag: type.log!.elementTag,
      optional: false,
    })),
  }
}

class Fixture {
  readonly time = new VirtualTime(Date.UTC(2026, 0, 31, 12, 0, 0))
  readonly disk: MemoryDisk
  readonly problems: string[] = []
  readonly store: LogStore

  constructor(disk = new MemoryDisk()) {
    this.disk = disk
    this.store = new LogStore({
      directory: 'logs',
      disk,
      clock: this.time,
      timers: this.time,
      onProblem: (code) => this.problems.push(code),
    })
  }

  write(path: string, columns: Columns, record: Readonly<Record<string, unknown>>): void {
    const bytes = new ByteWriter()
    compileLogWriter(columns)(bytes, record)
    this.store.write(this.store.openWriter(describeWriter(path, columns)), bytes.bytes, 0, bytes.length)
  }

  /** Data lines of a file. */
  lines(path: string): string[] {
    return this.disk
      .text(path)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  }
}

describe('files of a logger', () => {
  test('writers of one path share a file; other columns get one of their own', async () => {
    const logger = new Fixture()
    logger.write('demo', NUMBERS, { n: 1n })
    logger.write('demo', TEXTS, { text: 'a' })
    logger.write('demo', NUMBERS, { n: 2n })
    logger.write('demo', TEXTS, { text: 'b' })
    await logger.store.close()
    expect(logger.disk.paths()).toEqual(['logs/demo-2.log', 'logs/demo.log'])
    expect(logger.lines('logs/demo.log')).toEqual(['1', '2'])
    expect(logger.lines('logs/demo-2.log')).toEqual(['a', 'b'])
    expect(logger.store.counters()).toEqual({ records: 4, dropped: 0 })
  })

  test('lines are on disk after a moment, without a close', async () => {
    const logger = new Fixture()
    logger.write('demo', NUMBERS, { n: 1n })
    expect(logger.lines('logs/demo.log')).toEqual([])
    await logger.time.advance(200)
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    logger.write('demo', NUMBERS, { n: 2n })
    await logger.time.advance(200)
    expect(logger.lines('logs/demo.log')).toEqual(['1', '2'])
  })

  test('what a crash left behind is kept, also twice in a second', async () => {
    const disk = new MemoryDisk()
    for (const n of [1n, 2n, 3n]) {
      const logger = new Fixture(disk)
      logger.write('demo', NUMBERS, { n })
      await logger.store.flush()
    }
    const contents = disk.paths().map((path) => new Fixture(disk).lines(path).join())
    expect(contents.sort()).toEqual(['1', '2', '3'])
    expect(disk.paths()).toContain('logs/demo.log')
  })

  test('what comes after the close is counted, not written behind the trailer', async () => {
    const logger = new Fixture()
    logger.write('demo', NUMBERS, { n: 1n })
    const closing = logger.store.close()
    logger.write('demo', NUMBERS, { n: 2n })
    await closing
    expect(logger.disk.text('logs/demo.log').trimEnd().split('\n').at(-1)).toMatch(/^#close\t/)
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    expect(logger.store.counters()).toEqual({ records: 1, dropped: 1 })
  })

  test('a disk that fails is told once, and the records are counted', async () => {
    const disk = new MemoryDisk()
    disk.create = () => Promise.reject(new Error('no space'))
    const logger = new Fixture(disk)
    logger.write('demo', NUMBERS, { n: 1n })
    await logger.time.advance(200)
    logger.write('demo', NUMBERS, { n: 2n })
    logger.write('demo', NUMBERS, { n: 3n })
    expect(logger.problems).toEqual(['log-write-failed'])
    expect(logger.store.counters().dropped).toBe(2)
  })
})

describe('what peers announce', () => {
  function receive(fixture: Fixture, description: LogWriterDescription): void {
    const receiver = new LogReceiver(fixture.store, (code) => fixture.problems.push(code))
    const writer = new ByteWriter()
    writeLogCreate(writer, description, 0)
    const reader = new ByteReader(writer.toBytes())
    const opened = { type: 0, contentSize: 0, surplus: 0 }
    openMessage(reader, opened)
    receiver.receive('peer', reader, opened)
  }

  test.each(['../escape', 'a/b', '', '.hidden', 'nul\0byte', 'x'.repeat(300)])(
    'the path %j is no name of a file',
    (path) => {
      const logger = new Fixture()
      receive(logger, describeWriter(path, NUMBERS))
      expect(logger.problems).toEqual(['refused-log'])
    },
  )

  test('a writer that we do not have is named', () => {
    const logger = new Fixture()
    receive(logger, { ...describeWriter('demo', NUMBERS), writer: 'Log::WRITER_SQLITE' })
    expect(logger.problems).toEqual(['unknown-log-writer'])
  })
})
