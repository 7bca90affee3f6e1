/** Loggers that do not come back: what was sent to them is given up, and holds up nothing any more. */
import { describe, expect, test } from 'vitest'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'
import { readLedger } from './ledger.js'

/** A logger has a window full of records that it never confirms, and is gone; more records wait. */
async function abandoned(...args: ConstructorParameters<typeof LogDeliveryWorld>): Promise<LogDeliveryWorld> {
  const world = new LogDeliveryWorld(...args)
  world.start()
  const logger = world.up('logger-1')
  await world.pass(5)
  logger.isSlow = true
  for (let round = 0; round < 20; round += 1) {
    world.write('Conn', 8, 'logger-1', 'normal', 50)
    await world.pass(2)
  }
  world.down('logger-1')
  logger.isSlow = false
  expect(world.row('Conn').inFlight).toBeGreaterThan(8)
  expect(world.row('Conn').spooled).toBeGreaterThan(0)
  return world
}

function gone(world: LogDeliveryWorld): string[] {
  return world.problems.filter((problem) => problem.startsWith('log-logger-gone'))
}

describe('a logger that is given up', () => {
  test('takes what was sent to it with it, and its part of the spool; the rest goes to others', async () => {
    const world = await abandoned()
    const { inFlight, spooled } = world.row('Conn')
    const before = world.diskBytes()
    world.delivery.forgetLogger('logger-1')
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled, dropped: { 'logger-gone': inFlight } })
    expect(world.diskBytes()).toBeLessThan(before - 1000)
    expect(gone(world)).toEqual([
      expect.stringContaining(`logger-1 is given up: ${inFlight} records of run run-1`),
    ])
    expect(await readLedger(world.disk, world.directory)).toMatchObject([
      { rows: [{ inFlight: 0, dropped: { 'logger-gone': inFlight } }] },
    ])
    const other = world.up('logger-2')
    await world.pass(100)
    expect(other.stored).toEqual(world.written.slice(inFlight))
    expect(world.time.pendingTimers).toBe(0)
    world.delivery.forgetLogger('logger-1')
    world.delivery.forgetLogger('nobody')
    await world.pass(1)
    expect(gone(world)).toHaveLength(1)
  })

  test('has a part of a batch: that is stored, the rest dropped', async () => {
    const world = await abandoned()
    const { inFlight } = world.row('Conn')
    world.delivery.positions('logger-1', 'run-1', [{ sequence: 1, number: 11 }], false)
    world.delivery.forgetLogger('logger-1')
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ stored: 11, dropped: { 'logger-gone': inFlight - 11 } })
    expect(gone(world)[0]).toContain(`${inFlight - 11} records`)
  })

  test('and comes back after all: it gets what is new, with numbers of its own', async () => {
    const world = await abandoned()
    const { inFlight } = world.row('Conn')
    const logger = world.logger('logger-1')
    world.delivery.forgetLogger('logger-1')
    await world.pass(1)
    world.up('logger-1')
    await world.pass(100)
    world.write('Conn', 8, 'logger-1')
    await world.pass(20)
    expect(logger.stored).toEqual(world.written.slice(inFlight))
    expect(logger.gaps).toBe(0)
    expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled: 0 })
  })

  test.each([3000, 1e6])(
    'while it is up, with a window of %i: it begins anew when it is up again',
    async (bytes) => {
      const world = new LogDeliveryWorld({ windowBytes: bytes })
      world.start()
      const logger = world.up('logger-1')
      await world.pass(5)
      world.write('Conn', 40, 'logger-1', 'normal', 50)
      world.delivery.forgetLogger('logger-1')
      world.write('Conn', 8, 'logger-1')
      await world.pass(20)
      const sent = world.row('Conn').dropped['logger-gone']!
      expect(sent).toBeGreaterThan(0)
      expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled: 48 - sent })
      world.up('logger-1')
      await world.pass(50)
      // It had got what was counted as dropped.
      expect(logger.stored.toSorted()).toEqual(world.written.toSorted())
      expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled: 0, stored: 48 - sent })
    },
  )

  test('while the disk takes nothing: what was in memory is dropped, too', async () => {
    const world = new LogDeliveryWorld()
    world.start()
    const logger = world.up('logger-1')
    await world.pass(5)
    world.mortal.isFull = () => true
    logger.isSlow = true
    world.write('Conn', 24, 'logger-1')
    await world.pass(11)
    expect(world.row('Conn').inFlight).toBe(24)
    world.delivery.forgetLogger('logger-1')
    expect(world.delivery.state()).toMatchObject({ queuedBytes: 0, inFlightBytes: 0 })
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ dropped: { 'logger-gone': 24 } })
    const [run] = await readLedger(world.disk, world.directory)
    expect(run!.lostAtMost).toBeGreaterThanOrEqual(24)
    world.mortal.isFull = () => false
    world.write('Conn', 1)
    await world.pass(1100)
    expect(await readLedger(world.disk, world.directory)).toMatchObject([
      { lostAtMost: 20, rows: [{ produced: 25, dropped: { 'logger-gone': 24 } }] },
    ])
  })

  test('is given up for runs of earlier processes, also before they were found', async () => {
    const world = await abandoned()
    const { inFlight, spooled } = world.row('Conn')
    world.mortal.kill()
    world.start()
    world.delivery.forgetLogger('logger-1')
    await world.delivery.ready
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled, dropped: { 'logger-gone': inFlight } })
    expect(gone(world)).toHaveLength(1)
    // Both ways it stays so.
    world.mortal.kill()
    world.start()
    await world.delivery.ready
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled, dropped: { 'logger-gone': inFlight } })
    expect(gone(world)).toHaveLength(1)
    world.up('logger-2')
    await world.pass(100)
    expect(world.delivery.ledger()).toMatchObject([
      { run: 'earlier', rows: [{ stored: spooled, dropped: { 'logger-gone': inFlight } }] },
      { run: 'run-3' },
    ])
  })
})

describe('a name that is no logger of the layout', () => {
  test.each([
    ['any', undefined, 'kept'],
    ['others', new Set(['logger-2']), 'dropped'],
    ['it', new Set(['logger-1', 'logger-2']), 'kept'],
  ] as const)(
    'the layout has %s: what was sent to it by an earlier process is %s',
    async (_which, loggers, fate) => {
      const world = await abandoned()
      const { inFlight, spooled } = world.row('Conn')
      world.mortal.kill()
      world.loggersOfLayout = loggers
      world.start()
      await world.delivery.ready
      await world.pass(1)
      const dropped = { 'logger-gone': inFlight }
      expect(world.row('Conn')).toMatchObject(
        fate === 'kept' ? { inFlight, spooled, dropped: {} } : { inFlight: 0, spooled, dropped },
      )
      expect(gone(world)).toHaveLength(fate === 'kept' ? 0 : 1)
      // What the journal says is the same.
      expect(await readLedger(world.disk, world.directory)).toMatchObject(
        world.delivery.ledger().map(({ run, rows }) => ({ run, rows })),
      )
    },
  )

  test('is kept when one of that name is up; and a run with nothing else left is done with', async () => {
    for (const isUp of [true, false]) {
      const world = new LogDeliveryWorld()
      world.start()
      const logger = world.up('logger-1')
      await world.pass(5)
      world.fate = () => []
      world.write('Conn', 8, 'logger-1')
      await world.pass(20)
      world.mortal.kill()
      world.fate = () => [1]
      logger.isUp = isUp
      world.loggersOfLayout = new Set(['logger-2'])
      world.start()
      await world.delivery.ready
      await world.pass(50)
      expect(logger.stored.length).toBe(isUp ? 8 : 0)
      expect(world.disk.paths().some((path) => path.includes('run-1'))).toBe(false)
      expect(world.delivery.ledger()[0]).toMatchObject({
        run: 'earlier',
        rows: [isUp ? { stored: 8 } : { stored: 0, dropped: { 'logger-gone': 8 } }],
      })
    }
  })

  test('is given up once, whenever the process that does it is killed', async () => {
    for (let dieAt = 1; ; dieAt += 1) {
      const world = await abandoned({ segmentBytes: 600 })
      const { inFlight, spooled } = world.row('Conn')
      world.mortal.kill()
      world.loggersOfLayout = new Set(['logger-2'])
      world.start(dieAt, 0.5)
      await world.time.advance(5)
      const wasKilled = world.mortal.isDead
      world.mortal.kill()
      world.start()
      const other = world.up('logger-2')
      await world.time.advance(200)
      world.check()
      expect(other.stored, `killed at ${dieAt}`).toHaveLength(spooled)
      expect(world.delivery.ledger()[0], `killed at ${dieAt}`).toMatchObject({
        run: 'earlier',
        rows: [{ produced: 160, stored: spooled, dropped: { 'logger-gone': inFlight } }],
      })
      if (!wasKilled) break
    }
  })
})
