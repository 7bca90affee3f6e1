import { describe, expect, test } from 'vitest'
import { Emitter } from './emitter.js'

interface Events {
  readonly up: readonly [name: string, count: number]
  readonly idle: readonly []
}

function emitter(): { events: Emitter<Events>; errors: string[]; log: string[] } {
  const errors: string[] = []
  const events = new Emitter<Events>((error, event) => errors.push(`${event}: ${(error as Error).message}`))
  return { events, errors, log: [] }
}

describe('an emitter', () => {
  test('calls the listeners of an event in order of registration, with its arguments', () => {
    const { events, log } = emitter()
    events.on('up', (name, count) => log.push(`first ${name} ${count}`))
    events.on('up', (name) => log.push(`second ${name}`))
    events.on('idle', () => log.push('idle'))
    events.emit('up', 'worker-1', 2)
    expect(log).toEqual(['first worker-1 2', 'second worker-1'])
    events.emit('idle')
    expect(log.at(-1)).toBe('idle')
  })

  test('a listener that throws is reported and does not stop the others', () => {
    const { events, errors, log } = emitter()
    events.on('up', () => {
      throw new Error('mine')
    })
    events.on('up', (name) => log.push(name))
    events.emit('up', 'a', 1)
    expect([log, errors]).toEqual([['a'], ['up: mine']])
  })

  test('removes one registration, also when the same function is registered twice', () => {
    const { events, log } = emitter()
    const listener = (name: string): unknown => log.push(name)
    const removeFirst = events.on('up', listener)
    const removeSecond = events.on('up', listener)
    removeFirst()
    removeFirst()
    events.emit('up', 'once', 1)
    expect(log).toEqual(['once'])
    removeSecond()
    events.emit('up', 'never', 1)
    expect(log).toEqual(['once'])
  })

  test('listeners may come and go while an event is under way: they count from the next one', () => {
    const { events, log } = emitter()
    const remove = events.on('up', (name) => {
      log.push(`first ${name}`)
      remove()
      events.on('up', (later) => log.push(`second ${later}`))
    })
    events.emit('up', 'a', 1)
    expect(log).toEqual(['first a'])
    events.emit('up', 'b', 1)
    expect(log).toEqual(['first a', 'second b'])
  })
})
