/** The queue of what ends, compared with a plain list of times. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExpiryQueue } from './expiry-queue.js'

type Step =
  | { readonly kind: 'set'; readonly key: string; readonly atMs: number | undefined }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'take'; readonly nowMs: number }
  | { readonly kind: 'first' }

const key = fc.nat(30).map((number) => `k${number}`)
/** Few times, so that some are the same. */
const timeMs = fc.oneof(fc.nat(20), fc.double({ min: 0, max: 20, noNaN: true }))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      key,
      atMs: fc.option(timeMs, { nil: undefined, freq: 8 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), nowMs: timeMs }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'first' }) },
)
const clear = fc.constant<Step>({ kind: 'clear' })

/** The earliest of the times; undefined when there is none. */
function earliest(model: ReadonlyMap<string, number>): number | undefined {
  return model.size === 0 ? undefined : Math.min(...model.values())
}

function run(queue: ExpiryQueue, model: Map<string, number>, steps: readonly Step[]): void {
  for (const next of steps) {
    switch (next.kind) {
      case 'set':
        queue.set(next.key, next.atMs)
        if (next.atMs === undefined) model.delete(next.key)
        else model.set(next.key, next.atMs)
        break
      case 'delete':
        queue.delete(next.key)
        model.delete(next.key)
        break
      case 'clear':
        queue.clear()
        model.clear()
        break
      case 'take': {
        const taken = queue.takeDue(next.nowMs)
        const first = earliest(model)
        if (first === undefined || first >= next.nowMs) {
          expect(taken).toBeUndefined()
          break
        }
        expect(model.get(taken!)).toBe(first)
        model.delete(taken!)
        break
      }
      case 'first': {
        const first = queue.first()
        expect(first === undefined ? undefined : model.get(first)).toBe(earliest(model))
      }
    }
    expect(queue.size).toBe(model.size)
    for (const [name, atMs] of model) expect(queue.timeOf(name)).toBe(atMs)
  }
}

/** Everything that is left, in order. */
function drain(queue: ExpiryQueue, model: Map<string, number>): void {
  const times: number[] = []
  for (
    let taken = queue.takeDue(Number.MAX_VALUE);
    taken !== undefined;
    taken = queue.takeDue(Number.MAX_VALUE)
  ) {
    times.push(model.get(taken)!)
    model.delete(taken)
  }
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(model.size).toBe(0)
  expect([queue.size, queue.first()]).toEqual([0, undefined])
}

describe('the expiry queue', () => {
  test('is neither early nor late', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 60, arbitrary: step }, { weight: 1, arbitrary: clear }), {
          maxLength: 400,
          size: 'max',
        }),
        (steps) => {
          const queue = new ExpiryQueue()
          const model = new Map<string, number>()
          run(queue, model, steps)
          drain(queue, model)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('a time is over when it is before now, not when it is now', () => {
    const queue = new ExpiryQueue()
    queue.set('k', 1000)
    expect([queue.takeDue(999), queue.takeDue(1000), queue.takeDue(1000.001)]).toEqual([
      undefined,
      undefined,
      'k',
    ])
  })

  test('a key with a new time is not there at the old one', () => {
    const queue = new ExpiryQueue()
    queue.set('k', 10)
    queue.set('k', 30)
    queue.set('other', 20)
    expect([queue.takeDue(15), queue.first(), queue.takeDue(25), queue.takeDue(25)]).toEqual([
      undefined,
      'other',
      'other',
      undefined,
    ])
    queue.set('k', 10)
    expect([queue.takeDue(15), queue.takeDue(100)]).toEqual(['k', undefined])
  })

  test('keys that change their time over and over cost what there is, not what there was', () => {
    const queue = new ExpiryQueue()
    const model = new Map<string, number>()
    for (let round = 0; round < 2000; round += 1) {
      for (let number = 0; number < 10; number += 1) {
        // The first key keeps an early time, so that nothing can be skipped from the top.
        const name = `k${number}`
        const atMs = number === 0 ? 1 : 100 + ((round * 7 + number * 13) % 1000)
        queue.set(name, atMs)
        model.set(name, atMs)
      }
      expect(queue.places).toBeLessThanOrEqual(2 * queue.size + 65)
    }
    drain(queue, model)
  })

  test('keys that lose their time leave no places behind, and the others stay in order', () => {
    const queue = new ExpiryQueue()
    const model = new Map<string, number>()
    for (let number = 0; number < 10_000; number += 1) {
      const atMs = 1 + ((number * 7919) % 10_000)
      queue.set(`k${number}`, atMs)
      model.set(`k${number}`, atMs)
    }
    for (let number = 0; number < 10_000; number += 1) {
      if (number % 100 === 0) continue
      if (number % 2 === 0) queue.delete(`k${number}`)
      else queue.set(`k${number}`, undefined)
      model.delete(`k${number}`)
    }
    expect(queue.places).toBeLessThanOrEqual(2 * queue.size + 65)
    drain(queue, model)
  })
})
