import { describe, expect, test } from 'vitest'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'

function scenario(...args: ConstructorParameters<typeof LogDeliveryWorld>): LogDeliveryWorld {
  const world = new LogDeliveryWorld(...args)
  world.start()
  return world
}

describe('a logger that confirms', () => {
  test('gets every record once, in order, and what is stored takes no room', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    for (let round = 0; round < 50; round += 1) {
      world.write('Conn', 7, 'logger-1')
      world.write('Dns', 3, 'logger-1')
      await world.pass(4)
    }
    await world.pass(50)
    expect(logger.stored.filter((id) => id.startsWith('Conn'))).toEqual(
      world.written.filter((id) => id.startsWith('Conn')),
    )
    expect(logger.stored.length).toBe(500)
    expect(logger.gaps).toBe(0)
    expect(world.row('Conn')).toMatchObject({ produced: 350, stored: 350, inMemory: 0, inFlight: 0 })
    expect(world.delivery.state()).toMatchObject({ state: 'ok', queuedBytes: 0, inFlightBytes: 0 })
    expect(world.delivery.state().spoolBytes).toBeLessThan(2 * 2000 + 200_000)
    expect(world.time.pendingTimers).toBe(0)
    expect(world.problems).toEqual([])
    await world.delivery.close()
  })

  test('a record is in memory only until its time or number is up', async () => {
    const world = scenario()
    world.write('Conn', 5)
    expect(world.row('Conn')).toMatchObject({ inMemory: 5, spooled: 0 })
    await world.pass(9)
    expect(world.row('Conn')).toMatchObject({ inMemory: 5, spooled: 0 })
    await world.pass(1)
    expect(world.row('Conn')).toMatchObject({ inMemory: 0, spooled: 5 })
    for (const stream of ['A', 'B', 'C']) world.write(stream, 6)
    expect(world.delivery.counters().inMemory).toBe(18)
    world.write('D', 2)
    expect(world.delivery.counters().inMemory).toBe(0)
    world.write('A', 7)
    expect(world.row('A').inMemory).toBe(7)
    world.write('A', 1)
    expect(world.row('A').inMemory).toBe(0)
    await world.pass(20)
    expect(world.time.pendingTimers).toBe(0)
  })

  test('is asked first, and told of every writer', async () => {
    const world = scenario()
    const logger = world.logger('logger-1')
    world.write('Conn', 3, 'logger-1')
    world.delivery.loggerUp('logger-1', 'confirming')
    world.declare('Dns')
    expect(world.announced).toEqual(['logger-1 Conn', 'logger-1 Dns'])
    await world.pass(1900)
    // It did not hear the question.
    expect(logger.batches).toBe(0)
    logger.isUp = true
    await world.pass(200)
    expect(logger.stored).toEqual(world.written)
  })

  test('was down at the start: what waited comes in order, small batches together', async () => {
    const world = scenario()
    for (let round = 0; round < 40; round += 1) {
      world.write('Conn', 1)
      world.write('Dns', 1)
      await world.pass(10)
    }
    expect(world.row('Conn')).toMatchObject({ produced: 40, spooled: 40 })
    const logger = world.up('logger-1')
    await world.pass(30)
    // Eight records each, but for the ends of segments.
    expect(logger.batches).toBeLessThanOrEqual(12)
    expect(logger.stored.filter((id) => id.startsWith('Conn'))).toEqual(
      world.written.filter((id) => id.startsWith('Conn')),
    )
    expect(logger.stored.length).toBe(80)
  })

  test.each([false, true])('dies and comes back; it had stored what it had: %s', async (hasStored) => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    world.write('Conn', 30, 'logger-1')
    await world.pass(20)
    logger.isMute = hasStored
    logger.isSlow = !hasStored
    world.write('Conn', 30, 'logger-1')
    await world.pass(20)
    expect(world.row('Conn')).toMatchObject({ stored: 30, inFlight: 30 })
    expect(await world.settledSoon()).toBe(false)
    world.down('logger-1')
    world.write('Conn', 30, undefined)
    await world.pass(1000)
    expect(world.row('Conn')).toMatchObject({ stored: 30, inFlight: 30, spooled: 30 })
    logger.isMute = false
    logger.isSlow = false
    world.up('logger-1')
    await world.pass(50)
    expect(logger.stored).toEqual(world.written)
    expect(world.row('Conn')).toMatchObject({ stored: 90, inFlight: 0 })
    expect(await world.delivery.settled(10)).toBe(true)
  })

  test('lost its positions: it takes what follows what it had confirmed', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    world.write('Conn', 30, 'logger-1')
    await world.pass(20)
    logger.isSlow = true
    world.write('Conn', 20, 'logger-1')
    await world.pass(20)
    world.down('logger-1')
    logger.forget()
    logger.isSlow = false
    world.up('logger-1')
    await world.pass(50)
    expect(logger.stored).toEqual(world.written)
  })

  test('has a part of a batch: that counts, and the rest comes', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    logger.isSlow = true
    world.write('Conn', 20, 'logger-1')
    await world.pass(20)
    const tell = (number: number, resend = false): void =>
      world.delivery.positions('logger-1', 'run-1', [{ sequence: 1, number }], resend)
    tell(11)
    world.check()
    expect(world.row('Conn')).toMatchObject({ stored: 11, inFlight: 9 })
    tell(5)
    tell(Number.NaN)
    world.delivery.positions('logger-1', 'run-1', [{ sequence: 7, number: 9 }], false)
    world.delivery.positions('logger-1', 'run-9', [{ sequence: 1, number: 19 }], true)
    world.delivery.positions('logger-9', 'run-1', [{ sequence: 1, number: 19 }], true)
    expect(world.row('Conn')).toMatchObject({ stored: 11, inFlight: 9 })
    // It has lost what it knows: the batch of which it had a part comes as a whole.
    logger.isSlow = false
    world.down('logger-1')
    world.up('logger-1')
    await world.pass(20)
    expect(logger.stored).toEqual(world.written.slice(8))
    expect(world.row('Conn')).toMatchObject({ stored: 20, inFlight: 0 })
    tell(1000)
    world.check()
    expect(world.row('Conn').stored).toBe(20)
    world.write('Conn', 8, 'logger-1')
    await world.pass(20)
    expect(logger.stored).toEqual(world.written.slice(8))
    expect(world.row('Conn')).toMatchObject({ stored: 28, inFlight: 0 })
  })

  test('goes while batches are being read for it: they come in order when it is back', async () => {
    const world = scenario()
    world.write('Conn', 60, undefined, 'normal', 30)
    await world.pass(20)
    const logger = world.up('logger-1')
    world.delivery.positions('logger-1', 'run-1', [], true)
    world.down('logger-1')
    world.check()
    expect(world.row('Conn')).toMatchObject({ spooled: 60, inFlight: 0 })
    world.up('logger-1')
    await world.pass(50)
    expect(logger.stored).toEqual(world.written)
  })

  test('gets what was written before it had its turn first, also of one moment', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    for (let round = 0; round < 5; round += 1) {
      world.write('Conn', 3, undefined)
      world.write('Conn', 3, 'logger-1')
      await world.pass(11)
    }
    await world.pass(20)
    expect(logger.stored).toEqual(world.written)
  })

  test('is slow for a moment: what it confirms is word enough that there is room', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    world.outcome = () => 'queued'
    world.write('Conn', 16, 'logger-1')
    world.outcome = () => undefined
    await world.pass(20)
    expect(logger.stored).toEqual(world.written)
    expect(logger.gaps).toBe(0)
  })

  test('two of them, and one dies: what the other does not have waits for it', async () => {
    const world = scenario()
    const one = world.up('logger-1')
    const two = world.up('logger-2')
    await world.pass(5)
    for (let round = 0; round < 10; round += 1)
      world.write('Conn', 4, round % 2 === 0 ? 'logger-1' : 'logger-2')
    one.isSlow = true
    await world.pass(20)
    world.down('logger-1')
    world.write('Conn', 10, 'logger-1')
    world.write('Conn', 10, 'logger-2')
    await world.pass(100)
    expect(two.stored.length).toBe(40)
    expect(world.row('Conn')).toMatchObject({ stored: 40, inFlight: 20, spooled: 0 })
    expect(await world.delivery.settled(10)).toBe(true)
    one.isSlow = false
    world.up('logger-1')
    await world.pass(20)
    expect(world.stored().sort()).toEqual(world.written.toSorted())
  })

  test('has a window: what is beyond waits, for any logger, and drains in order', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    logger.isSlow = true
    for (let round = 0; round < 20; round += 1) {
      world.write('Conn', 8, 'logger-1', 'normal', 50)
      await world.pass(1)
      expect(world.delivery.state().inFlightBytes).toBeLessThanOrEqual(world.limits.windowBytes)
    }
    expect(await world.settledSoon()).toBe(false)
    expect(world.row('Conn').inFlight).toBeGreaterThan(0)
    expect(world.row('Conn').spooled).toBeGreaterThan(0)
    logger.isSlow = false
    logger.store()
    await world.pass(100)
    expect(logger.stored).toEqual(world.written)
    expect(logger.gaps).toBe(0)
  })

  test('is sent again what a full queue refused', async () => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    world.outcome = () => 'dropped'
    world.write('Conn', 24, 'logger-1')
    await world.pass(20)
    expect(world.row('Conn').spooled).toBeGreaterThan(0)
    world.outcome = () => undefined
    world.delivery.drained()
    await world.pass(2100)
    expect(logger.stored).toEqual(world.written)
  })

  test('says in one echo after the other that something is missing: it is sent once', async () => {
    const world = scenario({ windowBytes: 100_000 })
    const logger = world.up('logger-1')
    await world.pass(5)
    world.write('Conn', 8, 'logger-1')
    world.fate = () => []
    world.write('Conn', 8, 'logger-1')
    await world.pass(2)
    world.fate = () => [1]
    for (let round = 0; round < 10; round += 1) world.write('Conn', 8, 'logger-1')
    await world.pass(100)
    expect(logger.stored).toEqual(world.written)
    expect(logger.gaps).toBe(10)
    expect(logger.batches).toBeLessThan(40)
  })
})

describe('a logger that confirms nothing', () => {
  test('gets each batch once; it is done with then', async () => {
    const world = scenario()
    world.write('Conn', 30)
    await world.pass(20)
    const zeek = world.up('zeek', 'silent')
    await world.pass(20)
    world.write('Conn', 30, 'zeek')
    await world.pass(20)
    expect(zeek.stored).toEqual(world.written)
    expect(world.row('Conn')).toMatchObject({ unconfirmed: 60, stored: 0, inFlight: 0, spooled: 0 })
    expect(world.time.pendingTimers).toBe(0)
  })

  test('is slow: nothing more until the queue is short; what its queue refuses is counted', async () => {
    const world = scenario()
    const zeek = world.up('zeek', 'silent')
    world.outcome = () => 'queued'
    world.write('Conn', 24, 'zeek')
    await world.pass(20)
    expect(world.row('Conn')).toMatchObject({ unconfirmed: 8, spooled: 16 })
    world.outcome = () => 'dropped'
    world.delivery.drained()
    await world.pass(5)
    expect(world.row('Conn')).toMatchObject({ unconfirmed: 8, spooled: 8, dropped: { 'queue-full': 8 } })
    world.outcome = () => 'no-peer'
    world.delivery.drained()
    await world.pass(5)
    expect(world.row('Conn')).toMatchObject({ unconfirmed: 8, spooled: 8 })
    world.outcome = () => undefined
    world.delivery.loggerUp('zeek', 'silent')
    await world.pass(5)
    expect(zeek.stored).toEqual([...world.written.slice(0, 8), ...world.written.slice(16)])
  })
})
