/** What a kill takes with it is bounded by what the folder says, also while the disk is full and memory is all there is. */
import { describe, expect, test } from 'vitest'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'
import type { RunLedger } from './delivery-settings.js'
import { readLedger } from './ledger.js'

const LIMITS = { spoolBytes: 24_000, segmentBytes: 600, fallbackBytes: 3000 }

function lostAtMost(ledger: readonly RunLedger[]): number {
  let sum = 0
  for (const run of ledger) sum += run.lostAtMost === 'unknown' ? Number.POSITIVE_INFINITY : run.lostAtMost
  return sum
}

function sumOf(ledger: readonly RunLedger[], of: 'produced' | 'dropped'): number {
  let sum = 0
  for (const { rows } of ledger) {
    for (const { produced, dropped } of rows) {
      if (of === 'produced') sum += produced
      else for (const count of Object.values(dropped)) sum += count
    }
  }
  return sum
}

/** A life on a disk that is full twice, with more than memory takes. `endAfter`: steps after which it is killed. */
async function live(world: LogDeliveryWorld, endAfter = Number.POSITIVE_INFINITY): Promise<number> {
  let steps = 0
  let isFull = false
  world.mortal.isFull = () => isFull
  const step = async (ms: number): Promise<void> => {
    steps += 1
    if (steps === endAfter) world.mortal.kill()
    if (world.mortal.isDead) return
    world.check()
    await world.time.advance(ms)
  }
  world.write('Conn', 10)
  await step(12)
  for (let episode = 0; episode < 2; episode += 1) {
    isFull = true
    for (let round = 0; round < 12; round += 1) {
      world.write('Conn', 13, round % 2 === 0 ? 'logger-1' : undefined, 'normal', 20)
      world.write('Dns', 3, undefined, 'low', 20)
      await step(round % 3 === 0 ? 4 : 11)
      if (round === 7) world.up('logger-1')
    }
    world.logger('logger-1').isMute = true
    world.write('Conn', 30, 'logger-1')
    await step(12)
    world.logger('logger-1').isMute = false
    isFull = false
    await step(1100)
    world.write('Conn', 25, 'logger-1')
    await step(7)
    world.down('logger-1')
    world.write('Conn', 19)
    await step(3)
  }
  return steps
}

/** Both what the folder says and what the next process makes of it bound what is lost. */
async function expectBounded(world: LogDeliveryWorld, what: string): Promise<number> {
  const left = await readLedger(world.disk, world.directory)
  world.start()
  await world.delivery.ready
  world.up('logger-1')
  await world.time.advance(100)
  await world.time.advance(5000)
  world.check()
  const ledger = world.delivery.ledger()
  const stored = new Set(world.stored())
  const lost = world.written.filter((record) => !stored.has(record)).length - sumOf(ledger, 'dropped')
  expect(lostAtMost(left), `${what}: in the folder`).toBeGreaterThanOrEqual(lost)
  expect(lostAtMost(ledger), `${what}: in the ledger`).toBe(lostAtMost(left))
  return lostAtMost(left)
}

describe('a sender is killed', () => {
  test.each([0, 0.3, 0.99])(
    'at every change of a disk that is full, of which %d is there',
    async (tornPart) => {
      const whole = new LogDeliveryWorld(LIMITS)
      whole.start()
      await live(whole)
      const { changes } = whole.mortal
      expect(whole.delivery.counters().dropped['spool-unwritable']).toBeGreaterThan(0)
      expect(changes).toBeGreaterThan(100)
      for (let dieAt = 1; dieAt <= changes; dieAt += 1) {
        const world = new LogDeliveryWorld(LIMITS)
        world.start(dieAt, tornPart)
        await live(world)
        expect(world.mortal.isDead).toBe(true)
        const bound = await expectBounded(world, `killed at ${dieAt}`)
        // The first two make the file.
        if (dieAt > 2) expect(bound).toBeLessThan(world.written.length + 3 * world.limits.memoryRecords)
      }
    },
  )

  test('between changes of a disk that is full', async () => {
    const whole = new LogDeliveryWorld(LIMITS)
    whole.start()
    const steps = await live(whole)
    for (let endAfter = 1; endAfter <= steps; endAfter += 1) {
      const world = new LogDeliveryWorld(LIMITS)
      world.start()
      await live(world, endAfter)
      expect(await expectBounded(world, `killed after ${endAfter}`)).toBeLessThan(Number.POSITIVE_INFINITY)
    }
  })

  test('when the payload of a batch was written, and what the journal should say of it was not', async () => {
    const world = new LogDeliveryWorld({ batchRecords: 100 })
    world.start()
    world.declare('Conn')
    const { changes } = world.mortal
    // A segment is made, and written; then the journal.
    world.mortal.isFull = (change) => change === changes + 3
    world.write('Conn', world.limits.memoryRecords)
    expect(world.delivery.state().state).toBe('degraded')
    world.write('Conn', world.limits.memoryRecords - 1)
    world.mortal.kill()
    expect(await expectBounded(world, 'killed')).toBeLessThan(100)
    expect(world.stored()).toEqual([])
  })

  test('at any change of a disk that refuses now and then, also what takes no room', async () => {
    for (let seed = 0; seed < 150; seed += 1) {
      const world = new LogDeliveryWorld(LIMITS)
      world.start(20 + seed, (seed % 10) / 10)
      world.mortal.refusesOverwrite = (change) => (change * 7 + seed) % 5 === 0
      await live(world)
      await expectBounded(world, `seed ${seed}`)
    }
  })
})

describe('while the disk takes nothing', () => {
  test('the folder says what a kill would take, and is seldom written', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    world.mortal.isFull = () => true
    for (let round = 1; round <= 100; round += 1) {
      world.write('Conn', 10)
      await world.pass(11)
      const [run] = await readLedger(world.disk, world.directory)
      expect(run).toMatchObject({ run: 'run-1', state: 'running' })
      expect(run!.lostAtMost).toBeGreaterThanOrEqual(round * 10)
      expect(run!.lostAtMost).toBeLessThanOrEqual(round * 10 + 2 * world.limits.memoryRecords)
    }
    // Two slots, each time as many records came as may wait.
    expect(world.mortal.overwrites).toBeLessThanOrEqual(2 * (1000 / world.limits.memoryRecords))
    world.mortal.isFull = () => false
    await world.pass(1100)
    expect(world.delivery.state().state).toBe('ok')
    expect(await readLedger(world.disk, world.directory)).toMatchObject([
      { lostAtMost: world.limits.memoryRecords, rows: [{ produced: 1000, spooled: 1000 }] },
    ])
  })

  test('what a logger confirms is not lost; what a silent one was sent may be', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    world.mortal.isFull = () => true
    world.up('logger-1')
    await world.pass(5)
    for (let round = 0; round < 100; round += 1) {
      world.write('Conn', 10, 'logger-1')
      await world.pass(11)
    }
    await world.pass(20)
    expect(world.row('Conn').stored).toBe(1000)
    const ofRun = async (): Promise<number> => lostAtMost(await readLedger(world.disk, world.directory))
    expect(await ofRun()).toBeLessThan(5 * world.limits.memoryRecords)
    world.down('logger-1')
    world.up('zeek', 'silent')
    for (let round = 0; round < 50; round += 1) {
      world.write('Conn', 10, 'zeek')
      await world.pass(11)
    }
    expect(world.row('Conn').unconfirmed).toBe(500)
    expect(await ofRun()).toBeGreaterThanOrEqual(500)
  })

  test('not even what takes no room: the bound is not known, until all is on disk again', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    world.mortal.isFull = () => true
    world.mortal.refusesOverwrite = () => true
    world.mortal.refusesRemoval = true
    world.write('Conn', 60)
    await world.pass(20)
    world.mortal.refusesRemoval = false
    world.write('Conn', 10)
    await world.pass(20)
    expect(await readLedger(world.disk, world.directory)).toMatchObject([{ lostAtMost: 'unknown' }])
    // In the process nothing is lost.
    expect(world.delivery.ledger()).toMatchObject([{ state: 'running', lostAtMost: 0 }])
    world.mortal.refusesOverwrite = () => false
    world.mortal.isFull = () => false
    await world.pass(1100)
    expect(await readLedger(world.disk, world.directory)).toMatchObject([
      { lostAtMost: world.limits.memoryRecords, rows: [{ spooled: 70 }] },
    ])
  })

  test('from its start on: the bound is not known, not for those who come later either', async () => {
    const world = new LogDeliveryWorld()
    world.disk.limitBytes = 0
    world.start()
    world.write('Conn', 50)
    await world.pass(20)
    expect(await readLedger(world.disk, world.directory)).toMatchObject([
      { run: 'run-1', state: 'running', lostAtMost: 'unknown', rows: [] },
    ])
    world.mortal.kill()
    world.disk.limitBytes = Number.POSITIVE_INFINITY
    const sums = { run: 'earlier', state: 'done', lostAtMost: 'unknown' }
    for (let process = 0; process < 3; process += 1) {
      world.start()
      await world.delivery.ready
      await world.time.settle()
      expect(world.delivery.ledger()).toMatchObject([sums, { lostAtMost: 0 }])
      expect(await readLedger(world.disk, world.directory)).toMatchObject([sums, { state: 'running' }])
      await world.delivery.close()
    }
    // Nothing was lost with the ones after it, and how many runs are not known is.
    const file: unknown = JSON.parse(world.disk.text('/spool/ledger.json'))
    expect(file).toMatchObject({ lostAtMost: 0, lossUnknown: 1, crashes: 1 })
  })
})

test('records that came while something else of the disk failed are not left behind in memory', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Old', 8)
  await world.time.advance(12)
  world.mortal.kill()
  world.start()
  await world.delivery.ready
  const logger = world.up('logger-1')
  // The sums cannot be written once the earlier run is done with; the journal of this one is fine.
  world.mortal.isFull = () => world.disk.paths().some((path) => path.endsWith('.new'))
  await world.time.advance(50)
  expect(world.delivery.state().state).toBe('degraded')
  world.mortal.isFull = () => false
  world.down('logger-1')
  world.write('New', 8)
  await world.pass(20)
  expect(world.row('New')).toMatchObject({ inMemory: 8 })
  await world.pass(1500)
  world.write('New', 8)
  await world.pass(20)
  expect(world.row('New')).toMatchObject({ inMemory: 0, spooled: 16 })
  world.mortal.kill()
  world.start()
  world.up('logger-1')
  await world.pass(100)
  expect(logger.stored).toEqual(world.written)
})
