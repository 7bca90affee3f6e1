import { describe, expect, test } from 'vitest'
import { Watcher } from './watcher.js'

type Item = number | { readonly missed: number }

function watcher(limit?: number, signal?: AbortSignal): { watcher: Watcher<Item>; ends: () => number } {
  let ends = 0
  return {
    watcher: new Watcher<Item>({
      limit,
      signal,
      missed: (count) => ({ missed: count }),
      onEnd: () => {
        ends += 1
      },
    }),
    ends: () => ends,
  }
}

/** What can be read without waiting, the end as `end`. */
async function readAll(from: Watcher<Item>): Promise<(Item | 'end')[]> {
  const items: (Item | 'end')[] = []
  from.end()
  for (;;) {
    const { done, value } = await from.next()
    items.push(done === true ? 'end' : value)
    if (done === true) return items
  }
}

const DONE = { done: true, value: undefined }

describe('a watcher', () => {
  test('gives items in their order, to readers that wait and to those that come later', async () => {
    const { watcher: numbers } = watcher()
    const [first, second] = [numbers.next(), numbers.next()]
    for (const item of [1, 2, 3, 4]) numbers.push(item)
    expect(
      [await first, await second, await numbers.next(), await numbers.next()].map(({ value }) => value),
    ).toEqual([1, 2, 3, 4])
    const waiting = numbers.next()
    numbers.push(5)
    expect(await waiting).toEqual({ done: false, value: 5 })
  })

  test('is read with for await, and leaving the loop ends it', async () => {
    const { watcher: numbers, ends } = watcher()
    for (const item of [1, 2, 3]) numbers.push(item)
    const read: Item[] = []
    for await (const item of numbers) {
      read.push(item)
      if (item === 2) break
    }
    expect([read, ends()]).toEqual([[1, 2], 1])
    numbers.push(4)
    expect(await numbers.next()).toEqual(DONE)
  })

  test('a slow reader loses the oldest, and is told how many before the next one', async () => {
    const { watcher: numbers } = watcher(3)
    for (let item = 1; item <= 10; item += 1) numbers.push(item)
    expect(await numbers.next()).toEqual({ done: false, value: { missed: 7 } })
    expect(await numbers.next()).toEqual({ done: false, value: 8 })
    numbers.push(11)
    numbers.push(12)
    expect(await readAll(numbers)).toEqual([{ missed: 1 }, 10, 11, 12, 'end'])
  })

  test('what was left out is counted, however much it is', async () => {
    const { watcher: numbers } = watcher(2)
    for (let item = 1; item <= 100_000; item += 1) numbers.push(item)
    expect(await readAll(numbers)).toEqual([{ missed: 99_998 }, 99_999, 100_000, 'end'])
  })

  test('a limit below one is one', async () => {
    const { watcher: numbers } = watcher(0)
    numbers.push(1)
    numbers.push(2)
    expect(await readAll(numbers)).toEqual([{ missed: 1 }, 2, 'end'])
  })

  test('what is queued at the end can still be read; nothing comes behind it', async () => {
    const { watcher: numbers, ends } = watcher()
    numbers.push(1)
    numbers.end()
    numbers.push(2)
    expect(await readAll(numbers)).toEqual([1, 'end'])
    expect(ends()).toBe(1)
  })

  test('the end wakes every reader that waits', async () => {
    const { watcher: numbers } = watcher()
    const readers = [numbers.next(), numbers.next()]
    numbers.end()
    expect(await Promise.all(readers)).toEqual([DONE, DONE])
  })

  test('a signal ends it once, before or after it was made', async () => {
    const controller = new AbortController()
    const { watcher: numbers, ends } = watcher(undefined, controller.signal)
    const reader = numbers.next()
    controller.abort()
    expect([await reader, ends()]).toEqual([DONE, 1])
    const late = watcher(undefined, controller.signal)
    late.watcher.push(1)
    expect([await late.watcher.next(), late.ends()]).toEqual([DONE, 0])
  })

  test('returning throws away what is queued', async () => {
    const { watcher: numbers, ends } = watcher(1)
    numbers.push(1)
    numbers.push(2)
    expect(await numbers.return()).toEqual(DONE)
    expect([await numbers.next(), ends()]).toEqual([DONE, 1])
  })
})
