/** Numbers are given once: which ones a process gave while its journal could not be written, nobody knows later. */
import { expect, test } from 'vitest'
import { LogDeliveryWorld } from '../../testing/log-delivery-world.js'

test('what the journal says was given out is not given to other records when the entry may be there', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Conn', 8)
  await world.time.advance(12)
  const logger = world.up('logger-1')
  await world.time.advance(1)
  // The batch gets numbers, its entry comes into the journal, and the disk says that it does not.
  world.mortal.isFull = () => true
  world.mortal.tornPart = 1
  await world.time.advance(5)
  expect(logger.stored).toEqual([])
  world.mortal.tornPart = 0
  world.write('Conn', 8, 'logger-1')
  await world.time.advance(20)
  expect(logger.stored).toEqual(world.written.slice(8))
  world.mortal.kill()
  world.start()
  await world.time.advance(100)
  expect(logger.stored.toSorted()).toEqual(world.written.toSorted())
  expect(world.delivery.counters()).toMatchObject({ spooled: 0, inFlight: 0 })
})

test('numbers that a dead process gave out of its memory are not given again by those that follow it', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Conn', 8)
  await world.time.advance(12)
  world.mortal.isFull = () => true
  world.write('Conn', 8)
  await world.time.advance(12)
  const logger = world.up('logger-1')
  await world.time.advance(20)
  expect(logger.stored).toEqual(world.written.slice(8))
  world.mortal.kill()
  world.start()
  // What is left is given to the logger, and the journal does not take that: it gets other numbers later.
  await world.delivery.ready
  world.mortal.isFull = () => true
  await world.time.advance(50)
  expect(world.delivery.counters()).toMatchObject({ spooled: 8, inFlight: 0 })
  world.mortal.isFull = () => false
  await world.time.advance(1500)
  expect(logger.stored.toSorted()).toEqual(world.written.toSorted())
  expect(world.delivery.counters()).toMatchObject({ spooled: 0, inFlight: 0 })
})

test('numbers whose entries a loss of power took with it are not given to other records', async () => {
  const world = new LogDeliveryWorld()
  world.start()
  world.write('Conn', 8)
  await world.time.advance(12)
  world.up('logger-2')
  const logger = world.up('logger-1')
  // The second logger is about to get what waits, while the first one gets what is new.
  for (const name of ['logger-2', 'logger-1']) world.delivery.positions(name, 'run-1', [], true)
  const path = '/spool/run-1/journal-1'
  const journal = await world.disk.read(path)
  world.write('Conn', 8, 'logger-1')
  world.mortal.kill()
  world.down('logger-2')
  await world.time.advance(5)
  expect(logger.stored).toEqual(world.written.slice(8))
  world.disk.createNow(path).appendNow(journal)
  world.start()
  await world.time.advance(100)
  expect(logger.stored.toSorted()).toEqual(world.written.toSorted())
})
