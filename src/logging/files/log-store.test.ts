/** Records to files: which file, what happens to leftovers and with a disk that fails, and what is there after a crash. */
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { DiskFile } from '../../base/disk.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { compileLogWriter } from '../../data/log-codec.js'
import { ASCII_WRITER, type LogWriterDescription } from '../../data/log-messages.js'
import { count, type DataType, string, time as timeType } from '../../data/types.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { VirtualTime } from '../../testing/virtual-time.js'
import { Archive } from '../rotation/archive.js'
import { Rotation } from '../rotation/rotation.js'
import { DEFAULT_ASCII_OPTIONS } from '../writers/ascii-options.js'
import { asciiWriter } from '../writers/ascii-writer.js'
import { noneWriter } from '../writers/none-writer.js'
import { LogStore, type LogStoreSettings } from './log-store.js'
import type { ReceivedSequence } from './received-sequence.js'

type Columns = readonly (readonly [string, DataType<unknown>])[]

const NUMBERS: Columns = [['n', count as DataType<unknown>]]
const TEXTS: Columns = [['text', string as DataType<unknown>]]
const TIMES: Columns = [['ts', timeType as DataType<unknown>]]

function describeWriter(
  path: string,
  columns: Columns,
  config: Record<string, string> = {},
): LogWriterDescription {
  return {
    stream: 'Demo::LOG',
    writer: ASCII_WRITER,
    path,
    config: new Map(Object.entries(config)),
    fields: columns.map(([name, type]) => ({
      name,
      tag: type.log!.tag,
      elementTag: type.log!.elementTag,
      optional: false,
    })),
  }
}

class Fixture {
  readonly time: VirtualTime
  readonly disk: MemoryDisk
  readonly problems: string[] = []
  readonly confirmed: [string, number][] = []
  readonly store: LogStore

  constructor(disk = new MemoryDisk(), settings: Partial<LogStoreSettings> = {}, time?: VirtualTime) {
    this.time = time ?? new VirtualTime(new Date('2026-01-31T12:00:00').getTime())
    this.disk = disk
    this.store = new LogStore({
      directory: 'logs',
      journalDirectory: 'journal',
      node: 'logger-1',
      disk,
      clock: this.time,
      timers: this.time,
      writers: [asciiWriter(disk, DEFAULT_ASCII_OPTIONS), noneWriter()],
      onProblem: (code) => this.problems.push(code),
      ...settings,
    })
    this.store.onStored = (sequences) => {
      for (const { node, stored } of sequences) this.confirmed.push([node, stored])
    }
  }

  sequence(node = 'logger-1'): ReceivedSequence {
    return this.store.sequences.unnumbered(node, 'Demo::LOG', 'demo')
  }

  write(description: LogWriterDescription, columns: Columns, record: Record<string, unknown>): void {
    const bytes = new ByteWriter()
    bytes.u32(columns.length)
    compileLogWriter(columns)(bytes, record)
    this.store.write(this.store.openWriter(description), this.sequence(), bytes.bytes, 0, bytes.length)
  }

  number(n: bigint, path = 'demo'): void {
    this.write(describeWriter(path, NUMBERS), NUMBERS, { n })
  }

  text(text: string): void {
    this.write(describeWriter('demo', TEXTS), TEXTS, { text })
  }

  paths(): string[] {
    return this.disk.paths().filter((path) => !path.startsWith('journal/'))
  }

  lines(path: string): string[] {
    return dataLines(this.disk.text(path))
  }

  rotating(sizeBytes = 0): Partial<LogStoreSettings> {
    const { disk, time } = this
    const archive = { disk, clock: time, directory: 'archive', logger: '', keepMs: 0, keepBytes: 0 }
    return {
      rotation: new Rotation({
        disk,
        clock: time,
        intervalMs: 3_600_000,
        baseMs: 0,
        sizeBytes,
        directory: '',
        postprocessor: '',
        archive: new Archive(archive),
        runCommand: async () => 0,
        onProblem: (code) => this.problems.push(code),
      }),
    }
  }
}

function dataLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

describe('files of a logger', () => {
  test('writers of one path share a file; other columns get one of their own', async () => {
    const logger = new Fixture()
    logger.number(1n)
    logger.text('a')
    logger.number(2n)
    logger.text('b')
    await logger.store.close()
    expect(logger.paths()).toEqual(['logs/demo-2.log', 'logs/demo.log'])
    expect(logger.lines('logs/demo.log')).toEqual(['1', '2'])
    expect(logger.lines('logs/demo-2.log')).toEqual(['a', 'b'])
    expect(logger.store.counters()).toMatchObject({ records: 4, dropped: 0, waitingBytes: 0 })
  })

  test('lines are on disk after a moment, without a close', async () => {
    const logger = new Fixture()
    logger.number(1n)
    await logger.store.ready
    expect(logger.lines('logs/demo.log')).toEqual([])
    await logger.time.advance(200)
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    logger.number(2n)
    expect(logger.store.ledger()).toMatchObject([{ stored: 1, waiting: 1 }])
    await logger.time.advance(200)
    expect(logger.lines('logs/demo.log')).toEqual(['1', '2'])
    expect(logger.confirmed).toEqual([
      ['logger-1', 1],
      ['logger-1', 2],
    ])
    expect(logger.store.ledger()).toMatchObject([{ stored: 2, waiting: 0 }])
  })

  test('how late records are is known', async () => {
    const logger = new Fixture()
    const ts = logger.time.wallMs() / 1000 - 5
    logger.write(describeWriter('demo', TIMES), TIMES, { ts })
    await logger.time.advance(200)
    expect(logger.store.logs()).toEqual([{ stream: 'Demo::LOG', name: 'demo', records: 1, lagMs: 5100 }])
    expect(logger.store.counters().lagMs).toBe(5100)
  })

  test('of an earlier run are kept, also twice in a second', async () => {
    const disk = new MemoryDisk()
    for (const n of [1n, 2n, 3n]) {
      const logger = new Fixture(disk)
      logger.number(n)
      await logger.store.close()
    }
    const logger = new Fixture(disk)
    expect(logger.paths().map((path) => logger.lines(path).join())).toEqual(['1', '2', '3'])
    expect(logger.paths()).toContain('logs/demo.log')
  })

  test('what comes after the close is counted, not written behind the trailer', async () => {
    const logger = new Fixture()
    logger.number(1n)
    const closing = logger.store.close()
    logger.number(2n)
    await closing
    expect(logger.disk.text('logs/demo.log').trimEnd().split('\n').at(-1)).toMatch(/^#close\t/)
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    expect(logger.store.counters()).toMatchObject({ records: 1, dropped: 1 })
  })

  test('a record without the columns is counted and told, the next one is written', async () => {
    const logger = new Fixture()
    logger.write(describeWriter('demo', NUMBERS), TEXTS, { text: 'no number' })
    logger.number(1n)
    await logger.store.close()
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    expect(logger.problems).toEqual(['invalid-log-record'])
    expect(logger.store.ledger()).toMatchObject([{ stored: 1, invalid: 1 }])
  })

  test('are compressed when a filter says so', async () => {
    const logger = new Fixture()
    logger.write(describeWriter('demo', NUMBERS, { gzip_level: '6' }), NUMBERS, { n: 1n })
    await logger.store.flush()
    logger.write(describeWriter('demo', NUMBERS, { gzip_level: '6' }), NUMBERS, { n: 2n })
    await logger.store.close()
    expect(logger.paths()).toEqual(['logs/demo.log.gz'])
    expect(dataLines(gunzipSync(await logger.disk.read('logs/demo.log.gz')).toString())).toEqual(['1', '2'])
  })
})

describe('a full disk', () => {
  test('is told, waited for, and nothing is lost or there twice', async () => {
    const disk = new MemoryDisk()
    const logger = new Fixture(disk)
    logger.number(1n)
    await logger.time.advance(200)
    const { sizeBytes } = (await disk.info('logs/demo.log'))!
    // Room for the note in the journal and a part of the line.
    disk.limitBytes = disk.usedBytes + 100
    for (let n = 2n; n < 100n; n += 1n) logger.number(n)
    await logger.time.advance(5000)
    expect(logger.problems).toEqual(['log-write-failed'])
    expect(logger.store.trouble).toBe('cannot write logs/demo.log: no space left on the disk')
    expect((await disk.info('logs/demo.log'))!.sizeBytes).toBeLessThan(sizeBytes + 100)
    expect(logger.confirmed).toEqual([['logger-1', 1]])
    disk.limitBytes = Number.POSITIVE_INFINITY
    await logger.time.advance(2000)
    expect(logger.problems).toEqual(['log-write-failed', 'log-write-resumed'])
    expect(logger.store.trouble).toBeUndefined()
    expect(logger.lines('logs/demo.log')).toEqual(Array.from({ length: 99 }, (_, n) => String(n + 1)))
    await logger.store.close()
    expect(logger.store.counters()).toMatchObject({ records: 99, dropped: 0, waitingBytes: 0 })
  })

  test('fills the memory that logs may have, and no more', async () => {
    const disk = new MemoryDisk()
    disk.limitBytes = 0
    const logger = new Fixture(disk, { memoryBytes: 1000 })
    for (let n = 0n; n < 1000n; n += 1n) logger.number(n)
    await logger.time.advance(2000)
    const { waitingBytes, dropped } = logger.store.counters()
    expect(waitingBytes).toBeLessThan(1010)
    expect(dropped).toBeGreaterThan(700)
    expect(logger.problems).toContain('log-records-dropped')
    const waiting = logger.store.ledger()[0]!.waiting
    expect(waiting + dropped).toBe(1000)
    await logger.store.close()
    // The end does not wait for a disk that may never have room.
    expect(logger.store.counters()).toMatchObject({ dropped: 1000, waitingBytes: 0 })
  })

  test('whose folder cannot be made is the same', async () => {
    const disk = new MemoryDisk()
    const create = disk.create.bind(disk)
    disk.create = () => Promise.reject(new Error('permission denied'))
    const logger = new Fixture(disk)
    logger.number(1n)
    await logger.time.advance(3000)
    expect(logger.store.trouble).toBe('cannot write logs/demo.log: permission denied')
    disk.create = create
    await logger.time.advance(3000)
    expect(logger.lines('logs/demo.log')).toEqual(['1'])
    expect(logger.problems).toEqual(['log-write-failed', 'log-write-resumed'])
  })
})

describe('rotation', () => {
  test('ends files at full hours and begins new ones with the next record', async () => {
    const base = new Fixture()
    const logger = new Fixture(base.disk, base.rotating(), base.time)
    await logger.time.advance(60_000)
    logger.number(1n)
    await logger.time.advance(3_600_000)
    expect(logger.paths()).toEqual(['logs/demo.2026-01-31-12-01-00.log'])
    await logger.time.advance(3_600_000)
    logger.number(2n)
    await logger.time.advance(60_000)
    expect(logger.paths()).toEqual(['logs/demo.2026-01-31-12-01-00.log', 'logs/demo.log'])
    await logger.store.close()
    // Named by the beginning of its hour, though its first record came later.
    expect(logger.paths()).toEqual(['logs/demo.2026-01-31-12-01-00.log', 'logs/demo.2026-01-31-14-00-00.log'])
    expect(logger.lines('logs/demo.2026-01-31-14-00-00.log')).toEqual(['2'])
  })

  test('by size', async () => {
    const base = new Fixture()
    const logger = new Fixture(base.disk, base.rotating(220), base.time)
    for (let n = 0n; n < 100n; n += 1n) {
      logger.number(n)
      await logger.time.advance(1000)
    }
    await logger.store.close()
    const all = logger.paths().flatMap((path) => logger.lines(path))
    expect(logger.paths().length).toBeGreaterThan(2)
    expect(all.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  test('that fails to move a file is tried again; no file is written over', async () => {
    const base = new Fixture()
    const logger = new Fixture(base.disk, base.rotating(), base.time)
    const rename = base.disk.rename.bind(base.disk)
    base.disk.rename = async (from, to) => {
      if (to.startsWith('logs/demo.')) throw new Error('read-only')
      return rename(from, to)
    }
    logger.number(1n)
    await logger.time.advance(3_600_000)
    logger.number(2n)
    await logger.time.advance(10_000)
    expect(logger.problems).toEqual(['log-write-failed'])
    base.disk.rename = rename
    await logger.time.advance(10_000)
    await logger.store.close()
    expect(logger.paths().map((path) => logger.lines(path))).toEqual([['1'], ['2']])
  })
})

describe('after a crash', () => {
  /** A disk with what another one has, every file of which ends where `cutAt` says. */
  async function copy(disk: MemoryDisk, cutAt = new Map<string, number>()): Promise<MemoryDisk> {
    const copied = new MemoryDisk()
    for (const path of disk.paths()) {
      const bytes = await disk.read(path)
      await (await copied.create(path)).append(bytes.subarray(0, cutAt.get(path) ?? bytes.length))
    }
    return copied
  }

  test('wherever it cuts the file: what is confirmed is there, what is not is not', async () => {
    const disk = new MemoryDisk()
    const logger = new Fixture(disk)
    await logger.store.ready
    const sequence = logger.store.sequences.add('worker-1', 'run', 1, 'Demo::LOG', 'demo', 0)
    const writer = logger.store.openWriter(describeWriter('demo', NUMBERS))
    for (let n = 1n; n <= 6n; n += 1n) {
      const bytes = new ByteWriter()
      bytes.u32(1)
      compileLogWriter(NUMBERS)(bytes, { n })
      logger.store.write(writer, sequence, bytes.bytes, 0, bytes.length)
      if (n % 2n === 0n) await logger.store.flush()
    }
    const size = (await disk.info('logs/demo.log'))!.sizeBytes
    // The last chunk is `5\n6\n`.
    for (let end = size - 4; end <= size; end += 1) {
      const after = new Fixture(await copy(disk, new Map([['logs/demo.log', end]])))
      await after.store.ready
      const stored = after.store.sequences.find('run', 1)!.stored
      expect(stored, `cut at ${end}`).toBe(end === size ? 6 : 4)
      const [path] = after.paths()
      expect(after.lines(path!)).toEqual(['1', '2', '3', '4', '5', '6'].slice(0, stored))
    }
  })

  test('a torn line of the journal is as if it were not there', async () => {
    const disk = new MemoryDisk()
    const logger = new Fixture(disk)
    await logger.store.ready
    const sequence = logger.store.sequences.add('worker-1', 'run', 1, 'Demo::LOG', 'demo', 0)
    const writer = logger.store.openWriter(describeWriter('demo', NUMBERS))
    const bytes = new ByteWriter()
    bytes.u32(1)
    compileLogWriter(NUMBERS)(bytes, { n: 7n })
    logger.store.write(writer, sequence, bytes.bytes, 0, bytes.length)
    await logger.store.flush()
    const journal = disk.paths().find((path) => path.startsWith('journal/'))!
    const journalEnd = (await disk.info(journal))!.sizeBytes
    const fileEnd = (await disk.info('logs/demo.log'))!.sizeBytes
    for (let lost = 0; lost < 40; lost += 1) {
      // The journal is written before the file.
      const cuts = new Map([[journal, journalEnd - lost]])
      if (lost > 0) cuts.set('logs/demo.log', fileEnd - 2)
      const after = new Fixture(await copy(disk, cuts))
      await after.store.ready
      expect(after.store.sequences.find('run', 1)?.stored ?? 0, `${lost} bytes lost`).toBe(lost === 0 ? 1 : 0)
      expect(after.lines(after.paths()[0]!)).toEqual(lost === 0 ? ['7'] : [])
    }
  })
})

test('what a node without numbers sent is counted over restarts of the logger', async () => {
  const disk = new MemoryDisk()
  for (const n of [1n, 2n, 3n]) {
    const logger = new Fixture(disk)
    await logger.store.ready
    logger.number(n)
    await logger.store.close()
  }
  const logger = new Fixture(disk)
  await logger.store.ready
  expect(logger.store.ledger()).toMatchObject([{ node: 'logger-1', stored: 3, waiting: 0, numbered: false }])
})

test('that survives a loss of power: the journal is on the disk itself before the file is, and both before it is confirmed', async () => {
  const disk = new MemoryDisk()
  const events: string[] = []
  const watched = (path: string, file: DiskFile): DiskFile => {
    const name = path.startsWith('journal/') ? 'journal' : 'log'
    return {
      ...file,
      append: async (bytes) => {
        events.push(`${name} written`)
        await file.append(bytes)
      },
      appendNow: (bytes) => {
        events.push(`${name} written`)
        file.appendNow(bytes)
      },
      sync: async () => void events.push(`${name} synced`),
    }
  }
  const { createNow } = disk
  disk.createNow = (path) => watched(path, createNow.call(disk, path))
  const logger = new Fixture(disk, { survivesPowerLoss: true })
  logger.store.onStored = () => events.push('confirmed')
  logger.number(1n)
  await logger.store.flush()
  expect(events.slice(-5)).toEqual([
    'journal written',
    'journal synced',
    'log written',
    'log synced',
    'confirmed',
  ])
})

test('a line that a full disk tore stands alone in the journal: what follows it counts after a crash', async () => {
  for (let room = 1; room < 60; room += 1) {
    const disk = new MemoryDisk()
    const logger = new Fixture(disk)
    await logger.store.ready
    logger.number(1n)
    await logger.time.advance(200)
    disk.limitBytes = disk.usedBytes + room
    logger.number(2n)
    await logger.time.advance(200)
    disk.limitBytes = Number.POSITIVE_INFINITY
    await logger.time.advance(2000)
    // Killed: nothing is closed.
    const after = new Fixture(disk)
    await after.store.ready
    expect(after.store.ledger(), `room for ${room} bytes`).toMatchObject([{ stored: 2 }])
  }
})

test('an end that comes at any moment while the last chunk is done with is an end', async () => {
  for (let turns = 0; turns < 20; turns += 1) {
    const logger = new Fixture()
    await logger.store.ready
    let closing: Promise<void> | undefined
    logger.store.onStored = () => {
      void (async () => {
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
        if (closing !== undefined) return
        logger.number(2n)
        closing = logger.store.close()
      })()
    }
    logger.number(1n)
    await logger.store.flush()
    await logger.time.advance(2000)
    let isClosed = false
    void closing?.then(() => {
      isClosed = true
    })
    await logger.time.advance(1)
    expect(isClosed, `${turns} turns later`).toBe(true)
    expect(logger.lines('logs/demo.log')).toEqual(['1', '2'])
  }
})
