/** Records that are encoded where they travel from: what happens between `begin` and `commit` harms nothing. */
import { describe, expect, test } from 'vitest'
import type { ByteWriter } from '../../data/byte-writer.js'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'
import { seededRandom } from '../../testing/seeded-random.js'
import type { Sequence } from './delivery-settings.js'

/** With room for long records. */
function scenario(): LogDeliveryWorld {
  const world = new LogDeliveryWorld({
    memoryRecords: 20,
    batchRecords: 8,
    segmentBytes: 10_000_000,
    windowBytes: 1e9,
  })
  world.start()
  return world
}

function write(writer: ByteWriter, text: string): void {
  writer.raw(Buffer.from(text, 'latin1'))
}

function put(world: LogDeliveryWorld, sequence: Sequence, text: string, logger?: string): void {
  write(world.delivery.begin(sequence, logger), text)
  world.delivery.commit()
}

test.each([0, 1, 126, 127, 128, 129, 380, 16_382, 16_383, 16_384, 16_385, 70_000, 2_097_151, 2_097_152])(
  'a record of %i bytes is what was appended, among others',
  async (length) => {
    const world = scenario()
    const logger = world.up('logger-1')
    await world.pass(5)
    const sequence = world.declare('Conn')
    const texts = ['before', Array.from({ length }, (_, index) => index % 10).join(''), 'after']
    for (const text of texts) put(world, sequence, text, 'logger-1')
    expect(world.row('Conn')).toMatchObject({ produced: 3 })
    await world.pass(30)
    expect(logger.stored).toEqual(texts)
  },
)

test('a record that fills the buffer to its last byte, or nearly, is what was appended', async () => {
  const world = scenario()
  const logger = world.up('logger-1')
  await world.pass(5)
  const sequence = world.declare('Conn')
  const texts = Array.from({ length: 120 }, (_, index) => 'x'.repeat(2 ** 15 - 119 + index))
  for (const text of texts) {
    put(world, sequence, text, 'logger-1')
    world.delivery.flush()
  }
  await world.pass(50)
  expect(logger.stored.length).toBe(120)
  expect(logger.stored.every((text, index) => text === texts[index])).toBe(true)
})

test('what is rolled back leaves nothing, not even an empty batch or a timer', async () => {
  const world = scenario()
  const sequence = world.declare('Conn')
  write(world.delivery.begin(sequence, undefined), 'x'.repeat(5000))
  world.delivery.rollback()
  expect(world.delivery.state()).toMatchObject({ queuedBytes: 0 })
  expect(world.time.pendingTimers).toBe(0)
  put(world, sequence, 'one')
  write(world.delivery.begin(sequence, undefined), 'half')
  world.delivery.rollback()
  put(world, sequence, 'two')
  expect(world.row('Conn')).toMatchObject({ produced: 2, inMemory: 2 })
  const logger = world.up('logger-1')
  await world.pass(50)
  expect(logger.stored).toEqual(['one', 'two'])
})

test('nothing begun, nothing ended', () => {
  const world = scenario()
  const none = expect.objectContaining({ code: 'no-log-record-begun' })
  expect(() => world.delivery.commit()).toThrow(none)
  expect(() => world.delivery.rollback()).toThrow(none)
  put(world, world.declare('Conn'), 'one')
  expect(() => world.delivery.commit()).toThrow(none)
})

describe.each(['commit', 'rollback'] as const)('between begin and %s', (end) => {
  const during: readonly [
    string,
    (world: LogDeliveryWorld, sequence: Sequence) => void | Promise<void>,
    readonly string[],
  ][] = [
    ['nothing', () => {}, []],
    ['a flush', (world) => world.delivery.flush(), []],
    ['time', (world) => world.time.advance(20), []],
    ['a question for the state', (world) => void [world.delivery.state(), world.delivery.counters()], []],
    ['another record', (world) => world.write('Conn', 1, 'logger-1'), ['Conn-1']],
    ['a record of another stream', (world) => world.write('Dns', 1, 'logger-1'), ['Dns-1']],
    [
      'so many records that all are spooled',
      (world) => world.write('Dns', 30, 'logger-1'),
      Array.from({ length: 30 }, (_, index) => `Dns-${index + 1}`),
    ],
    [
      'a record that is begun, too',
      (world, sequence) => {
        const writer = world.delivery.begin(sequence, 'logger-1')
        write(writer, 'in')
        world.delivery.flush()
        world.write('Conn', 1, 'logger-1')
        write(writer, 'ner')
        world.delivery.commit()
      },
      ['Conn-1', 'inner'],
    ],
    [
      'one that is begun and rolled back',
      (world, sequence) => {
        write(world.delivery.begin(sequence, 'logger-1'), 'never')
        world.delivery.flush()
        world.delivery.rollback()
      },
      [],
    ],
  ]
  test.each(during)('%s', async (_what, act, others) => {
    for (const before of [0, 3]) {
      const world = scenario()
      const logger = world.up('logger-1')
      await world.pass(5)
      const sequence = world.declare('Conn')
      for (let index = 0; index < before; index += 1) put(world, sequence, `before-${index}`, 'logger-1')
      const writer = world.delivery.begin(sequence, 'logger-1')
      write(writer, 'x'.repeat(200))
      await act(world, sequence)
      world.check()
      expect(world.delivery.counters().produced).toBe(before + others.length)
      write(writer, 'y'.repeat(5000))
      world.delivery[end]()
      world.check()
      put(world, sequence, 'after', 'logger-1')
      await world.pass(50)
      const own = end === 'commit' ? ['x'.repeat(200) + 'y'.repeat(5000)] : []
      const expected = [
        ...Array.from({ length: before }, (_, index) => `before-${index}`),
        ...others,
        ...own,
        'after',
      ]
      expect(logger.stored.toSorted()).toEqual(expected.toSorted())
      const isConn = (record: string): boolean => !record.startsWith('Dns')
      expect(logger.stored.filter(isConn)).toEqual(expected.filter(isConn))
      expect(world.delivery.counters()).toMatchObject({ produced: expected.length, stored: expected.length })
    }
  })

  test('the end of everything: what was whole is spooled', async () => {
    const world = scenario()
    const sequence = world.declare('Conn')
    put(world, sequence, 'one')
    const writer = world.delivery.begin(sequence, undefined)
    write(writer, 'ha')
    const closed = world.delivery.close()
    write(writer, 'lf')
    world.delivery[end]()
    await closed
    world.check()
    const dropped = end === 'commit' ? { 'spool-unwritable': 1 } : {}
    expect(world.row('Conn')).toMatchObject({ spooled: 1, inMemory: 0, dropped })
    world.start()
    const logger = world.up('logger-1')
    await world.pass(50)
    expect(logger.stored).toEqual(['one'])
  })
})

test('a full batch goes out, whichever way its records came', async () => {
  const world = scenario()
  const sequence = world.declare('Conn')
  for (let index = 0; index < 4; index += 1) {
    put(world, sequence, `begun-${index}`)
    world.write('Conn', 1)
    expect(world.row('Conn').inMemory).toBe(index === 3 ? 0 : 2 * (index + 1))
  }
  for (let index = 0; index < 8; index += 1) put(world, sequence, `begun-${index}`)
  expect(world.row('Conn')).toMatchObject({ inMemory: 0, spooled: 16 })
  await world.pass(20)
})

test('at random, nested at will', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const source = seededRandom(seed)
    const random = (below: number): number =>
      source.fill(new Uint8Array(4)).reduce((a, b) => a * 256 + b, 0) % below
    const world = scenario()
    const logger = world.up('logger-1')
    await world.time.advance(5)
    const sequences = ['A', 'B'].map((stream) => world.declare(stream))
    const expected: string[] = []
    let next = 0
    const one = (depth: number): void => {
      const sequence = sequences[random(2)]!
      next += 1
      const text = `${next}:${'z'.repeat(random(10) === 0 ? random(40_000) : random(300))}`
      const writer = world.delivery.begin(sequence, random(4) === 0 ? undefined : 'logger-1')
      const cut = random(text.length)
      write(writer, text.slice(0, cut))
      if (random(3) === 0) world.delivery.flush()
      while (depth < 3 && random(3) === 0) one(depth + 1)
      write(writer, text.slice(cut))
      if (random(4) === 0) return world.delivery.rollback()
      world.delivery.commit()
      expected.push(text)
    }
    for (let round = 0; round < 40; round += 1) {
      one(0)
      if (random(5) === 0) await world.time.advance(random(15))
      world.check()
    }
    await world.time.advance(5000)
    world.check()
    expect(logger.stored.toSorted()).toEqual(expected.toSorted())
  }
})
