/** Processes die at every write, and messages get lost: each record that reached the spool is stored once. */
import { describe, expect, test } from 'vitest'
import { type FakeLogger, LogDeliveryWorld } from '../../testing/log-delivery-world.js'
import { seededRandom } from '../../testing/seeded-random.js'
import { readLedger } from './delivery.js'
import type { LedgerRow, RunLedger } from './delivery-settings.js'
import { readRun } from './run-reader.js'

function sum(ledger: readonly RunLedger[], of: (row: LedgerRow) => number): number {
  return ledger.flatMap((run) => run.rows).reduce((total, row) => total + of(row), 0)
}

function lostAtMost(ledger: readonly RunLedger[]): number {
  return ledger.reduce((total, { lostAtMost: most }) => total + (most === 'unknown' ? Infinity : most), 0)
}

/** A life with loggers that come and go, small segments and a journal that is written anew. */
async function live(world: LogDeliveryWorld): Promise<void> {
  const step = async (ms: number): Promise<void> => {
    if (world.mortal.isDead) return
    world.check()
    await world.time.advance(ms)
  }
  const one = world.logger('logger-1')
  world.write('Conn', 10)
  world.write('Dns', 3, undefined, 'low')
  await step(12)
  world.up('logger-1')
  await step(5)
  for (let round = 0; round < 6; round += 1) {
    world.write('Conn', 9, 'logger-1')
    world.write('Dns', 2, 'logger-1')
    await step(4)
  }
  one.isMute = true
  world.write('Conn', 9, 'logger-1')
  await step(12)
  world.down('logger-1')
  world.up('logger-2')
  await step(3)
  world.write('Conn', 12, 'logger-2')
  world.write('Dns', 5, undefined)
  await step(15)
  one.isMute = false
  world.up('logger-1')
  for (let round = 0; round < 6; round += 1) {
    world.write('Conn', 9, round % 2 === 0 ? 'logger-1' : 'logger-2')
    await step(7)
  }
  world.down('logger-2')
  world.write('Conn', 30, 'logger-2')
  await step(30)
}

/** After the last process: both loggers are up, and everything is delivered. */
async function drain(world: LogDeliveryWorld): Promise<void> {
  world.up('logger-1')
  world.up('logger-2')
  await world.time.advance(100)
  world.check()
  await world.time.advance(5000)
  world.check()
}

/** What must hold when everything is delivered. */
async function expectOnce(world: LogDeliveryWorld, what: string): Promise<void> {
  const stored = world.stored()
  expect(new Set(stored).size, `${what}: stored twice`).toBe(stored.length)
  const ledger = world.delivery.ledger()
  expect(
    sum(ledger, (row) => row.produced),
    `${what}: produced`,
  ).toBe(stored.length)
  expect(
    sum(ledger, (row) => row.stored),
    `${what}: stored`,
  ).toBe(stored.length)
  const lost = world.written.length - stored.length
  expect(lost, `${what}: lost`).toBeLessThanOrEqual(lostAtMost(ledger))
  // What is written last by a live process is not lost.
  expect(await readLedger(world.disk, world.directory)).toEqual(
    ledger.map((run) => (run.state === 'running' ? { ...run, lostAtMost: world.limits.memoryRecords } : run)),
  )
}

const LIMITS = { spoolBytes: 24_000, segmentBytes: 600 }

async function countChanges(): Promise<number> {
  const world = new LogDeliveryWorld(LIMITS)
  world.start()
  await live(world)
  return world.mortal.changes
}

describe('the sender is killed', () => {
  test.each([
    ['nothing', () => 0],
    ['a part', (change: number) => ((change * 37) % 100) / 100],
  ] as const)('at every change of the disk, of which %s is there', async (_part, tornPart) => {
    const changes = await countChanges()
    expect(changes).toBeGreaterThan(80)
    for (let dieAt = 1; dieAt <= changes; dieAt += 1) {
      const world = new LogDeliveryWorld(LIMITS)
      world.start(dieAt, tornPart(dieAt))
      await live(world)
      expect(world.mortal.isDead).toBe(true)
      world.start()
      await world.delivery.ready
      await world.time.settle()
      expect(world.diskBytes(), `killed at ${dieAt}`).toBeLessThanOrEqual(world.delivery.state().spoolBytes)
      world.write('Conn', 5)
      await drain(world)
      await expectOnce(world, `killed at ${dieAt}`)
    }
  })

  test('again while it makes up for the first time, at every change', async () => {
    const first = Math.floor((await countChanges()) * 0.9)
    for (let dieAt = 1; dieAt < 60; dieAt += 1) {
      const world = new LogDeliveryWorld(LIMITS)
      world.start(first, 0.5)
      await live(world)
      world.start(dieAt, 0.5)
      world.write('Conn', 5)
      await drain(world)
      const wasKilled = world.mortal.isDead
      world.mortal.kill()
      const left = await readLedger(world.disk, world.directory)
      world.start()
      await world.delivery.ready
      for (const of of [(row: LedgerRow) => row.produced, (row: LedgerRow) => row.stored]) {
        expect(sum(left, of), `killed at ${dieAt}`).toBe(sum(world.delivery.ledger(), of))
      }
      await world.time.settle()
      expect(world.diskBytes(), `killed at ${dieAt}`).toBeLessThanOrEqual(world.delivery.state().spoolBytes)
      await drain(world)
      await expectOnce(world, `killed at ${dieAt}`)
      if (!wasKilled) break
    }
  })

  test('and the logger with it', async () => {
    const changes = await countChanges()
    for (let dieAt = 3; dieAt <= changes; dieAt += 5) {
      const world = new LogDeliveryWorld(LIMITS)
      world.start(dieAt, 0.5)
      for (const logger of [world.logger('logger-1'), world.logger('logger-2')])
        logger.isSlow = dieAt % 2 === 0
      await live(world)
      for (const logger of world.loggers.values()) {
        logger.die()
        logger.isSlow = false
      }
      world.start()
      await world.time.advance(1000)
      world.check()
      await drain(world)
      await expectOnce(world, `killed at ${dieAt}`)
    }
  })

  test('while or after the disk was full, at every change', async () => {
    const changes = await countChanges()
    for (let failAt = 2; failAt < changes; failAt += 1) {
      const lasts = 1 + (failAt % 7)
      const dieAt = failAt % 3 === 0 ? Number.POSITIVE_INFINITY : failAt + 1 + ((failAt * 5) % 23)
      const world = new LogDeliveryWorld(LIMITS)
      world.start(dieAt, ((failAt * 37) % 100) / 100)
      world.mortal.isFull = (change) => change >= failAt && change < failAt + lasts
      await live(world)
      if (failAt % 2 === 0) await world.time.advance(1500)
      if (!world.mortal.isDead) world.check()
      world.mortal.kill()
      const left = await spooledRecords(world)
      world.start()
      world.write('Conn', 5)
      await drain(world)
      const stored = world.stored()
      const known = new Set(stored)
      expect(known.size, `full at ${failAt}: stored twice`).toBe(stored.length)
      expect(
        left.filter((record) => !known.has(record)),
        `full at ${failAt}: lost`,
      ).toEqual([])
      const { inFlight, spooled } = world.delivery.counters()
      expect([inFlight, spooled], `full at ${failAt}: left`).toEqual([0, 0])
    }
  })

  test('when a logger had a part of a batch: twice', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    const logger = world.up('logger-1')
    await world.time.advance(5)
    logger.isSlow = true
    world.write('Conn', 20, 'logger-1')
    await world.time.advance(12)
    world.delivery.positions('logger-1', 'run-1', [{ sequence: 1, number: 11 }], false)
    const before = world.delivery.ledger()[0]!.rows
    expect(before).toMatchObject([{ produced: 20, stored: 11, inFlight: 9 }])
    world.down('logger-1')
    for (let process = 0; process < 3; process += 1) {
      world.mortal.kill()
      world.start()
      await world.time.advance(5)
      const found = world.delivery.ledger().find(({ run }) => run === 'run-1')
      expect(found).toMatchObject({ state: 'crashed', rows: before })
    }
    logger.isSlow = false
    world.up('logger-1')
    await world.time.advance(50)
    expect(world.delivery.ledger()[0]).toMatchObject({ run: 'earlier', rows: [{ stored: 20 }] })
    expect(logger.stored).toEqual(world.written.slice(8))
  })

  test('what a logger that confirms nothing got is not sent again', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    const zeek = world.up('zeek', 'silent')
    world.write('Conn', 16, 'zeek')
    await world.time.advance(20)
    world.mortal.kill()
    world.start()
    await world.time.advance(100)
    expect(zeek.stored).toEqual(world.written)
    expect(world.delivery.ledger()[0]?.rows[0]).toMatchObject({ produced: 16, unconfirmed: 16 })
  })

  // With many sizes, so that a journal is written anew in the middle of everything.
  test.each([19_000, 19_300, 19_800, 20_000, 20_400, 21_000])(
    'what was shed stays counted: %i',
    async (spoolBytes) => {
      const world = new LogDeliveryWorld({ spoolBytes })
      world.start()
      for (let round = 0; round < 60; round += 1) {
        world.write('Conn', 8, undefined, 'normal', 60)
        await world.time.advance(1)
      }
      const before = world.delivery.ledger()[0]!.rows[0]!
      expect(before.dropped['spool-full']).toBeGreaterThan(0)
      world.mortal.kill()
      world.start()
      await world.time.advance(1)
      expect(world.delivery.ledger()[0]!.rows[0]).toEqual(before)
      await drain(world)
      await expectOnceOf(world, before.produced - before.dropped['spool-full']!)
    },
  )

  test('the spool is one for all runs: old ones are shed, too', async () => {
    const world = new LogDeliveryWorld({ spoolBytes: 20_000 })
    for (let process = 0; process < 12; process += 1) {
      world.start()
      await world.time.advance(1)
      world.write('Conn', 40, undefined, 'normal', 60)
      await world.time.advance(20)
      world.check()
      expect(world.delivery.state().spoolBytes).toBeLessThanOrEqual(20_000)
      world.mortal.kill()
    }
    world.start()
    await drain(world)
    const ledger = world.delivery.ledger()
    const dropped = sum(ledger, (row) => row.dropped['spool-full'] ?? 0)
    expect(dropped).toBeGreaterThan(0)
    expect(sum(ledger, (row) => row.produced)).toBe(480)
    await expectOnceOf(world, 480 - dropped)
    expect(ledger[0]).toMatchObject({ run: 'earlier', lostAtMost: 12 * world.limits.memoryRecords })
  })
})

/** What the journals say is in the spool, and not done with. */
async function spooledRecords(world: LogDeliveryWorld): Promise<string[]> {
  const records: string[] = []
  for (const name of await world.disk.list(world.directory)) {
    if (name.startsWith('ledger')) continue
    const folder = `${world.directory}/${name}`
    const read = await readRun(world.disk, folder, name)
    for (const { place } of read?.state.batches.values() ?? []) {
      const { segment, pieces } = place!
      for (let index = 0; index < pieces.length; index += 2) {
        const path = `${folder}/${segment.fileName}`
        // What was confirmed while the journal could not be written.
        if ((await world.disk.info(path)) === undefined) continue
        const piece = await world.disk.readPart(path, pieces[index]!, pieces[index + 1]!)
        records.push(
          ...(Buffer.from(piece)
            .toString('latin1')
            .match(/(?:Conn|Dns)-\d+/g) ?? []),
        )
      }
    }
  }
  return records
}

async function expectOnceOf(world: LogDeliveryWorld, records: number): Promise<void> {
  await world.time.advance(100)
  expect(world.stored().length).toBe(records)
  expect(new Set(world.stored()).size).toBe(records)
}

test('a process that ended in order leaves nothing to lose, and is folded once', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Conn', 30)
  await world.delivery.close()
  expect(await readLedger(world.disk, world.directory)).toMatchObject([
    { run: 'run-1', state: 'ended', lostAtMost: 0 },
  ])
  world.start()
  await world.delivery.ready
  expect(world.delivery.ledger()).toMatchObject([{ run: 'run-1', state: 'ended' }, { run: 'run-2' }])
  const logger = world.up('logger-1')
  await world.time.advance(50)
  expect(logger.stored).toEqual(world.written)
  const done = { run: 'earlier', state: 'done', lostAtMost: 0, rows: [{ produced: 30, stored: 30 }] }
  expect(world.delivery.ledger()).toMatchObject([done, { run: 'run-2' }])
  expect(world.disk.paths()).toEqual(['/spool/ledger.json', '/spool/run-2/bound', '/spool/run-2/journal-1'])
  await world.delivery.close()
  world.start()
  await world.delivery.ready
  await world.time.settle()
  expect(world.delivery.ledger()).toMatchObject([done, { run: 'run-3' }])
})

test('a long backlog of an earlier run does not hold up what is new', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Old', 400, undefined, 'normal', 40)
  await world.time.advance(20)
  world.mortal.kill()
  world.start()
  await world.time.advance(5)
  world.write('New', 40, undefined, 'normal', 40)
  world.write('Urgent', 16, undefined, 'high', 40)
  const logger = world.up('logger-1')
  await world.time.advance(100)
  world.check()
  expect(logger.stored.length).toBe(456)
  const last = (stream: string): number => logger.stored.findLastIndex((record) => record.startsWith(stream))
  // The old run told its position first: a few batches of it were being read.
  expect(last('Urgent')).toBeLessThan(16 + 64)
  expect(last('New')).toBeLessThan(16 + 64 + 40 * 2)
})

test('what cannot be read is dropped and counted; what follows it is delivered', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  const logger = world.up('logger-1')
  await world.time.advance(5)
  world.fate = () => []
  world.write('Conn', 40, 'logger-1', 'normal', 30)
  await world.time.advance(12)
  const path = world.disk.paths().find((name) => name.endsWith('.segment'))!
  const bytes = Buffer.from(await world.disk.read(path))
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  world.disk.createNow(path).appendNow(bytes)
  world.fate = () => [1]
  await world.time.advance(5000)
  world.check()
  expect(world.delivery.counters()).toMatchObject({
    stored: 32,
    inFlight: 0,
    dropped: { 'spool-damaged': 8 },
  })
  expect(logger.stored.length).toBe(32)
  world.write('Conn', 8, 'logger-1')
  await world.time.advance(100)
  expect(logger.stored.length).toBe(40)
  expect(world.problems.some((problem) => problem.startsWith('log-spool-damaged'))).toBe(true)
})

test('a journal with a damaged middle: what stands behind it is counted as dropped', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  for (let round = 0; round < 5; round += 1) {
    world.write('Conn', 8)
    await world.time.advance(12)
  }
  world.mortal.kill()
  const path = world.disk.paths().find((name) => name.includes('journal'))!
  const bytes = Buffer.from(await world.disk.read(path))
  bytes[bytes.length - 90]! ^= 1
  world.disk.createNow(path).appendNow(bytes)
  world.start()
  await drain(world)
  const { produced, stored, dropped } = world.delivery.ledger()[0]!.rows[0]!
  expect(stored).toBe(world.stored().length)
  expect(dropped['spool-damaged']).toBeGreaterThan(0)
  expect(produced).toBe(stored + dropped['spool-damaged']!)
  expect(world.problems.some((problem) => problem.startsWith('log-spool-damaged'))).toBe(true)
})

describe('lossy links', () => {
  const seeds = Array.from({ length: 100 }, (_, index) => index + 1)
  test.each(seeds)('messages are lost, doubled and late; processes die: seed %i', async (seed) => {
    const source = seededRandom(seed)
    const random = (below: number): number =>
      source.fill(new Uint8Array(4)).reduce((a, b) => a * 256 + b, 0) % below
    const world = new LogDeliveryWorld({ spoolBytes: 200_000 })
    let crashes = 0
    world.fate = () => {
      const kind = random(20)
      if (kind === 0) return []
      if (kind === 1) return [1, 3 + random(30)]
      return [kind === 2 ? 1 + random(50) : 1]
    }
    world.start()
    const names = ['logger-1', 'logger-2']
    for (const name of names) world.up(name)
    for (let round = 0; round < 60; round += 1) {
      const name = names[random(2)]!
      const logger: FakeLogger = world.logger(name)
      const what = random(12)
      if (what === 0 && logger.isUp) world.down(name)
      else if (what <= 2 && !logger.isUp) world.up(name)
      else if (what === 3) logger.isMute = !logger.isMute
      else if (what === 4) logger.isSlow = !logger.isSlow
      else if (what === 5 && random(4) === 0) {
        world.mortal.kill()
        crashes += 1
        world.start()
      } else if (what === 6) logger.store()
      else world.write(random(3) === 0 ? 'Dns' : 'Conn', random(20), logger.isUp ? name : undefined)
      world.check()
      await world.time.advance(random(15))
      world.check()
    }
    world.fate = () => [1]
    for (const name of names) {
      const logger = world.logger(name)
      logger.isMute = false
      logger.isSlow = false
      logger.store()
      if (!logger.isUp) world.up(name)
    }
    await world.time.advance(10_000)
    world.check()
    expect(await world.delivery.settled(1)).toBe(true)
    const stored = world.stored()
    expect(new Set(stored).size).toBe(stored.length)
    const ledger = world.delivery.ledger()
    expect(sum(ledger, (row) => row.stored)).toBe(stored.length)
    expect(sum(ledger, (row) => row.produced)).toBe(stored.length)
    expect(world.written.length - stored.length).toBeLessThanOrEqual(lostAtMost(ledger))
    if (crashes === 0) expect(stored.length).toBe(world.written.length)
    expect(world.problems).toEqual([])
  })
})
