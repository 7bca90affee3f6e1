/** What a logger takes from peers: each record once, in order, and what it refuses. */
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { LogBatch } from '../../data/log-batch.js'
import { compileLogWriter } from '../../data/log-codec.js'
import {
  ASCII_WRITER,
  type BatchOrigin,
  type LogWriterDescription,
  writeBatchStart,
  writeLogCreate,
  writeLogWriteStart,
} from '../../data/log-messages.js'
import { emptyOpenedMessage, openMessage } from '../../data/messages.js'
import { count, type DataType, string } from '../../data/types.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { VirtualTime } from '../../testing/virtual-time.js'
import type { Position } from '../delivery/delivery-settings.js'
import { LogStore } from '../files/log-store.js'
import { DEFAULT_ASCII_OPTIONS } from '../writers/ascii-options.js'
import { asciiWriter } from '../writers/ascii-writer.js'
import { LogReceiver } from './log-receiver.js'

type Columns = readonly (readonly [string, DataType<unknown>])[]

const NUMBERS: Columns = [['n', count as DataType<unknown>]]
const TEXTS: Columns = [['text', string as DataType<unknown>]]

function describeWriter(path: string, columns: Columns): LogWriterDescription {
  const fields = columns.map(([name, type]) => {
    return { name, tag: type.log!.tag, elementTag: type.log!.elementTag, optional: false }
  })
  return { stream: 'Demo::LOG', writer: ASCII_WRITER, path, config: new Map(), fields }
}

const DEMO = describeWriter('demo', NUMBERS)

class Logger {
  readonly time: VirtualTime
  readonly disk: MemoryDisk
  readonly problems: string[] = []
  /** `worker-1 RUN 1=400`, with ` again` behind it when the sender is to send again. */
  readonly told: string[] = []
  readonly store: LogStore
  readonly receiver: LogReceiver

  constructor(disk = new MemoryDisk(), memoryBytes?: number) {
    this.time = new VirtualTime()
    this.disk = disk
    const { time } = this
    const onProblem = (code: string): void => void this.problems.push(code)
    this.store = new LogStore({
      directory: 'logs',
      journalDirectory: 'journal',
      node: 'logger-1',
      disk,
      clock: time,
      timers: time,
      writers: [asciiWriter(disk, DEFAULT_ASCII_OPTIONS)],
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      onProblem,
    })
    this.receiver = new LogReceiver({
      store: this.store,
      timers: time,
      nodeOf: () => 'zeek-1',
      tell: (node: string, run: string, positions: readonly Position[], again: boolean) => {
        const text = positions.map(({ sequence, number }) => `${sequence}=${number}`).join(' ')
        this.told.push(`${node} ${run} ${text}${again ? ' again' : ''}`)
      },
      onProblem,
    })
  }

  announce(description: LogWriterDescription): void {
    const writer = new ByteWriter()
    writeLogCreate(writer, description, 0)
    const reader = new ByteReader(writer.toBytes())
    const opened = emptyOpenedMessage()
    openMessage(reader, opened)
    this.receiver.receive('peer', reader, opened)
  }

  /** Records `first` to `last` of a batch; `origin` without the first number. */
  batch(first: number, last: number, confirmed = 0, description = DEMO, run = 'run'): void {
    this.send(
      Array.from({ length: last - first + 1 }, (_, index) => ({ n: BigInt(first + index) })),
      description,
      { node: 'worker-1', run, sequence: 1, first, confirmed },
    )
  }

  send(
    records: readonly Record<string, unknown>[],
    description: LogWriterDescription,
    origin?: BatchOrigin,
    columns: Columns = NUMBERS,
  ): void {
    const writer = new ByteWriter()
    writeBatchStart(writer, records.length)
    for (const record of records) {
      const bytes = new ByteWriter()
      bytes.u32(columns.length)
      compileLogWriter(columns)(bytes, record)
      writeLogWriteStart(writer, description, bytes.length)
      writer.raw(bytes.written())
    }
    const reader = new ByteReader(writer.toBytes())
    const opened = emptyOpenedMessage()
    openMessage(reader, opened)
    // As a whole, and record by record: the outcome is the same.
    const batch = new LogBatch()
    expect(batch.read(reader, opened.contentSize)).toBe(true)
    this.receiver.receiveBatch('peer', batch, reader.bytes, origin)
  }

  lines(path = 'logs/demo.log'): string[] {
    return this.disk
      .text(path)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  }

  /** Numbers that are stored. */
  get numbers(): number[] {
    return this.lines().map(Number)
  }
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index + 1)

async function readyLogger(memoryBytes?: number): Promise<Logger> {
  const logger = new Logger(new MemoryDisk(), memoryBytes)
  await logger.store.ready
  logger.announce(DEMO)
  return logger
}

describe('numbered records', () => {
  test('are confirmed when they are on disk, not before', async () => {
    const logger = await readyLogger()
    logger.batch(1, 5)
    expect(logger.told).toEqual([])
    await logger.time.advance(200)
    expect(logger.numbers).toEqual(upTo(5))
    expect(logger.told).toEqual(['worker-1 run 1=5'])
  })

  test('that are there already are left out, also a part of a batch; their sender is told', async () => {
    const logger = await readyLogger()
    logger.batch(1, 5)
    logger.batch(1, 5)
    logger.batch(4, 8)
    await logger.time.advance(200)
    logger.batch(7, 8)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual(upTo(8))
    expect(logger.told).toEqual(['worker-1 run 1=0', 'worker-1 run 1=8', 'worker-1 run 1=8'])
  })

  test('behind a gap are not taken: the sender goes back, and is told so once', async () => {
    const logger = await readyLogger()
    logger.batch(1, 5)
    await logger.time.advance(200)
    logger.batch(11, 15)
    logger.batch(16, 20)
    await logger.time.advance(200)
    expect(logger.told).toEqual(['worker-1 run 1=5', 'worker-1 run 1=5 again'])
    expect(logger.numbers).toEqual(upTo(5))
  })

  test('a gap that fills in time is none', async () => {
    const logger = await readyLogger()
    logger.batch(6, 10)
    logger.batch(1, 5)
    await logger.time.advance(20)
    logger.batch(6, 10)
    await logger.time.advance(200)
    expect(logger.told).toEqual(['worker-1 run 1=10'])
    expect(logger.numbers).toEqual(upTo(10))
  })

  test('of a run that is not known are taken only where its sender knows the rest to be here', async () => {
    const logger = await readyLogger()
    logger.batch(401, 405, 0)
    await logger.time.advance(100)
    expect(logger.told).toEqual(['worker-1 run  again'])
    logger.batch(401, 405, 400)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual([401, 402, 403, 404, 405])
  })

  test('are asked for by run', async () => {
    const logger = await readyLogger()
    logger.batch(1, 5)
    await logger.time.advance(200)
    logger.receiver.query('worker-1', ['run', 'unknown'])
    expect(logger.told.slice(1)).toEqual(['worker-1 run 1=5 again', 'worker-1 unknown  again'])
  })

  test('are known after a restart', async () => {
    const before = await readyLogger()
    before.batch(1, 5)
    await before.time.advance(200)
    await before.store.close()
    const logger = new Logger(before.disk)
    logger.receiver.query('worker-1', ['run'])
    expect(logger.told).toEqual([])
    await logger.store.ready
    await logger.time.advance(1)
    expect(logger.told).toEqual(['worker-1 run 1=5 again'])
    logger.announce(DEMO)
    logger.batch(4, 9)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual([6, 7, 8, 9])
  })

  test('are not taken while memory is full, and asked for when there is room', async () => {
    const logger = await readyLogger(10)
    logger.batch(1, 9)
    logger.batch(10, 12)
    expect(logger.told).toEqual([])
    await logger.time.advance(200)
    expect(logger.numbers).toEqual(upTo(9))
    expect(logger.told).toEqual(['worker-1 run 1=9 again', 'worker-1 run 1=9'])
    logger.batch(10, 12)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual(upTo(12))
  })

  test('without a description are asked for again; they are written once it is there', async () => {
    const logger = new Logger()
    await logger.store.ready
    logger.batch(1, 5)
    await logger.time.advance(200)
    expect(logger.problems).toEqual(['unannounced-log-record'])
    expect(logger.told).toEqual(['worker-1 run  again'])
    logger.announce(DEMO)
    logger.batch(1, 5)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual(upTo(5))
  })

  test('of a log that is refused are counted and done with', async () => {
    const logger = await readyLogger()
    const outside = describeWriter('../escape', NUMBERS)
    logger.announce(outside)
    logger.batch(1, 5, 0, outside)
    await logger.time.advance(200)
    expect(logger.problems).toEqual(['refused-log'])
    logger.receiver.query('worker-1', ['run'])
    expect(logger.told).toEqual(['worker-1 run 1=5 again'])
    expect(logger.store.ledger()).toMatchObject([{ stored: 0, invalid: 5 }])
  })

  test('with columns of before go to a file of their own, whatever was announced first', async () => {
    const logger = await readyLogger()
    const before = { ...DEMO, fields: describeWriter('demo', TEXTS).fields }
    logger.announce(before)
    const origin = { node: 'worker-1', run: 'earlier', sequence: 1, first: 1, confirmed: 0 }
    logger.send([{ text: 'a' }, { text: 'b' }], before, origin, TEXTS)
    logger.batch(1, 2)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual([1, 2])
    expect(logger.lines('logs/demo-2.log')).toEqual(['a', 'b'])
  })
})

describe('records of a stock Zeek', () => {
  test('are written and counted for its node', async () => {
    const logger = await readyLogger()
    logger.send([{ n: 1n }, { n: 2n }], DEMO)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual([1, 2])
    expect(logger.told).toEqual([])
    expect(logger.store.ledger()).toMatchObject([{ node: 'zeek-1', stored: 2, numbered: false }])
  })

  test('are counted as dropped while memory is full', async () => {
    const logger = await readyLogger(4)
    logger.send([{ n: 1n }, { n: 2n }], DEMO)
    logger.send([{ n: 3n }, { n: 4n }, { n: 5n }], DEMO)
    await logger.time.advance(200)
    expect(logger.numbers).toEqual([1, 2])
    expect(logger.store.counters().dropped).toBe(3)
    expect(logger.problems).toEqual(['log-records-dropped'])
  })
})

describe('what peers announce', () => {
  test.each(['../escape', 'a/b', '', '.hidden', 'nul\0byte', 'x'.repeat(300)])(
    'the path %j is no name of a file',
    async (path) => {
      const logger = await readyLogger()
      logger.announce(describeWriter(path, NUMBERS))
      expect(logger.problems).toEqual(['refused-log'])
    },
  )

  test('a writer that we do not have, and settings that it does not have, are named', async () => {
    const logger = await readyLogger()
    logger.announce({ ...describeWriter('a', NUMBERS), writer: 'Log::WRITER_KAFKA' })
    logger.announce({ ...describeWriter('b', NUMBERS), config: new Map([['use_json', 'maybe']]) })
    expect(logger.problems).toEqual(['unknown-log-writer', 'bad-log-config'])
  })
})
