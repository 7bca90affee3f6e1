/** What is bounded: the spool, memory, journals; and what becomes of records beyond. */
import { expect, test } from 'vitest'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'

function scenario(...args: ConstructorParameters<typeof LogDeliveryWorld>): LogDeliveryWorld {
  const world = new LogDeliveryWorld(...args)
  world.start()
  return world
}

test('a full spool sheds what is low before what is normal before what is high', async () => {
  const world = scenario({ spoolBytes: 40_000 })
  const sumOf = (stream: string): number => world.row(stream).dropped['spool-full'] ?? 0
  world.write('High', 80, undefined, 'high', 60)
  world.write('Normal', 80, undefined, 'normal', 60)
  world.write('Low', 80, undefined, 'low', 60)
  await world.pass(20)
  expect(world.problems).toEqual([])
  for (let round = 0; round < 300 && sumOf('Low') < 80; round += 1) {
    world.write('Normal', 8, undefined, 'normal', 60)
    await world.pass(1)
    expect(world.diskBytes()).toBeLessThanOrEqual(40_000)
    if (sumOf('Normal') > 0) expect(sumOf('Low')).toBe(80)
  }
  for (let round = 0; round < 300 && sumOf('High') === 0; round += 1) {
    world.write('High', 8, undefined, 'high', 60)
    await world.pass(1)
    expect(world.diskBytes()).toBeLessThanOrEqual(40_000)
  }
  expect(world.row('Normal').spooled).toBe(0)
  expect(world.problems.filter((problem) => problem.startsWith('log-records-dropped'))).toHaveLength(1)
  expect(world.problems[0]).toContain('Low')
  const logger = world.up('logger-1')
  await world.pass(200)
  expect(new Set(logger.stored).size).toBe(logger.stored.length)
  expect(world.row('High')).toMatchObject({ spooled: 0, inFlight: 0 })
})

test('what a logger may have is not shed: it comes again', async () => {
  const world = scenario({ spoolBytes: 20_000 })
  const logger = world.up('logger-1')
  await world.pass(5)
  logger.isSlow = true
  for (let round = 0; round < 80; round += 1) {
    world.write('Conn', 8, 'logger-1', 'normal', 60)
    await world.pass(1)
    expect(world.diskBytes()).toBeLessThanOrEqual(20_000)
  }
  const { inFlight, dropped } = world.row('Conn')
  expect(dropped['spool-full']).toBeGreaterThan(0)
  world.down('logger-1')
  logger.isSlow = false
  world.up('logger-1')
  await world.pass(100)
  expect(logger.stored.slice(0, inFlight)).toEqual(world.written.slice(0, inFlight))
  expect(world.row('Conn')).toMatchObject({ inFlight: 0, spooled: 0 })
  expect(world.row('Conn').dropped).toEqual(dropped)
  expect(logger.stored.length).toBe(640 - dropped['spool-full']!)
})

test('a spool that is full of what is higher takes nothing that is lower', async () => {
  const world = scenario({ spoolBytes: 20_000 })
  world.write('High', 1, undefined, 'high', 60)
  while (world.delivery.state().spoolBytes < 16_000) {
    world.write('High', 8, undefined, 'high', 60)
    await world.pass(1)
  }
  const { spooled } = world.row('High')
  for (let round = 0; round < 20; round += 1) {
    world.write('Low', 8, undefined, 'low', 60)
    await world.pass(1)
    expect(world.diskBytes()).toBeLessThanOrEqual(20_000)
  }
  expect(world.row('Low').dropped['spool-full']).toBeGreaterThan(0)
  expect(world.row('High').spooled).toBe(spooled)
})

test('a full disk: records stay in memory, are sent, and go to the disk when there is room again', async () => {
  const world = scenario()
  const logger = world.up('logger-1')
  await world.pass(5)
  world.write('Conn', 8, 'logger-1')
  await world.pass(20)
  world.disk.limitBytes = 900
  world.write('Conn', 40, 'logger-1', 'normal', 60)
  await world.pass(20)
  expect(world.delivery.state()).toMatchObject({ state: 'degraded', reason: 'no space left on the disk' })
  expect(logger.stored).toEqual(world.written)
  world.down('logger-1')
  world.write('Conn', 40, undefined, 'normal', 60)
  await world.pass(500)
  expect(world.row('Conn')).toMatchObject({ inMemory: 40 })
  world.disk.limitBytes = Number.POSITIVE_INFINITY
  await world.pass(1100)
  expect(world.delivery.state().state).toBe('ok')
  expect(world.row('Conn')).toMatchObject({ inMemory: 0, spooled: 40 })
  expect(world.problems.map((problem) => problem.split(':')[0])).toEqual([
    'log-spool-unwritable',
    'log-spool-resumed',
  ])
  world.up('logger-1')
  await world.pass(100)
  expect(logger.stored).toEqual(world.written)
})

test('a full disk holds up what is in the spool only until there is room', async () => {
  const world = scenario()
  world.write('Conn', 40, undefined, 'normal', 60)
  await world.pass(20)
  world.mortal.isFull = () => true
  world.write('Conn', 8, undefined, 'normal', 60)
  await world.pass(20)
  const logger = world.up('logger-1')
  await world.pass(100)
  expect(logger.stored).toEqual(world.written.slice(40))
  expect(await world.settledSoon()).toBe(false)
  world.mortal.isFull = () => false
  await world.pass(1100)
  expect(logger.stored.toSorted()).toEqual(world.written.toSorted())
  expect(await world.settledSoon()).toBe(true)
  expect(world.time.pendingTimers).toBe(0)
})

test('what was in memory comes into a spool that has no room for it: the oldest is shed', async () => {
  const world = scenario({ spoolBytes: 20_000 })
  world.mortal.isFull = () => true
  world.write('Conn', 600, undefined, 'normal', 60)
  await world.pass(20)
  expect(world.row('Conn').inMemory).toBe(600)
  world.mortal.isFull = () => false
  await world.pass(1100)
  expect(world.diskBytes()).toBeLessThanOrEqual(20_000)
  expect(world.row('Conn').inMemory).toBe(0)
  expect(world.row('Conn').spooled).toBeGreaterThan(0)
  const logger = world.up('logger-1')
  await world.pass(100)
  expect(logger.stored).toEqual(world.written.slice(600 - logger.stored.length))
})

test('memory is bounded, too, while the disk takes nothing', async () => {
  const world = scenario({ fallbackBytes: 4000 })
  world.disk.limitBytes = 0
  world.write('High', 16, undefined, 'high', 60)
  for (let round = 0; round < 20; round += 1) {
    world.write('Low', 8, undefined, 'low', 60)
    await world.pass(11)
    expect(world.delivery.state().queuedBytes).toBeLessThanOrEqual(4000)
  }
  expect(world.row('High').inMemory).toBe(16)
  expect(world.row('Low').dropped['spool-unwritable']).toBeGreaterThan(0)
  await world.delivery.close()
  world.check()
  expect(world.row('High')).toMatchObject({ inMemory: 0, dropped: { 'spool-unwritable': 16 } })
})

test.each([
  ['high', 'normal'],
  ['high', 'low'],
  ['normal', 'low'],
] as const)('memory that is full of what is %s takes nothing that is %s', async (higher, lower) => {
  const world = scenario({ fallbackBytes: 4000 })
  world.disk.limitBytes = 0
  while (world.delivery.state().queuedBytes < 3500) {
    world.write('Higher', 1, undefined, higher, 60)
    await world.pass(11)
  }
  const { inMemory } = world.row('Higher')
  world.write('Lower', 40, undefined, lower, 60)
  await world.pass(11)
  expect(world.row('Higher')).toMatchObject({ inMemory, dropped: {} })
  expect(world.row('Higher').dropped['spool-unwritable']).toBeUndefined()
  expect(world.row('Lower').dropped['spool-unwritable']).toBeGreaterThan(30)
  // The other way round there is room.
  world.write('Higher', 40, undefined, higher, 60)
  await world.pass(11)
  expect(world.row('Lower').inMemory).toBe(0)
  expect(world.row('Higher').inMemory).toBeGreaterThanOrEqual(inMemory)
})

test('without a folder records wait in memory, and nothing is amiss', async () => {
  const world = scenario({}, 'memory')
  expect(world.disk.paths()).toEqual([])
  world.write('Conn', 50)
  await world.pass(20)
  expect(world.delivery.state().state).toBe('ok')
  const logger = world.up('logger-1')
  logger.isSlow = true
  await world.pass(20)
  world.down('logger-1')
  logger.isSlow = false
  world.up('logger-1')
  await world.pass(20)
  expect(logger.stored).toEqual(world.written)
})

test('a journal that has grown is written anew', async () => {
  const world = scenario({ spoolBytes: 100_000 })
  const logger = world.up('logger-1')
  await world.pass(5)
  for (let round = 0; round < 400; round += 1) {
    world.write('Conn', 8, 'logger-1')
    await world.pass(2)
  }
  expect(logger.stored).toEqual(world.written)
  expect(world.disk.paths().filter((path) => path.includes('journal'))).toHaveLength(1)
  expect(world.disk.paths().some((path) => path.endsWith('journal-1'))).toBe(false)
  expect(world.diskBytes()).toBeLessThan(12_000)
})
