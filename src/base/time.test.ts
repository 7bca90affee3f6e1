import { describe, expect, test } from 'vitest'
import { VirtualTime } from '../testing/virtual-time.js'
import { every, systemClock, systemTimers } from './time.js'

describe('every', () => {
  test('calls at each interval until cancelled, and leaves no timer', async () => {
    const time = new VirtualTime()
    const calls: number[] = []
    const timer = every(time, 100, () => calls.push(time.monotonicMs()))
    await time.advance(350)
    expect(calls).toEqual([100, 200, 300])
    timer.cancel()
    await time.advance(1000)
    expect(calls).toHaveLength(3)
    expect(time.pendingTimers).toBe(0)
  })

  test('can be cancelled from inside its own call', async () => {
    const time = new VirtualTime()
    let calls = 0
    const timer = every(time, 100, () => {
      calls += 1
      if (calls === 2) timer.cancel()
    })
    await time.advance(1000)
    expect(calls).toBe(2)
    expect(time.pendingTimers).toBe(0)
  })
})

describe('virtual time', () => {
  test('fires timers in order of their time, then of their registration', async () => {
    const time = new VirtualTime(1000)
    const log: string[] = []
    const note = (name: string) => () => log.push(`${name} ${time.monotonicMs()} ${time.wallMs()}`)
    time.after(20, note('c'))
    time.after(10, note('a'))
    time.after(10, note('b'))
    time.after(-5, note('now'))
    await time.advance(20)
    expect(log).toEqual(['now 0 1000', 'a 10 1010', 'b 10 1010', 'c 20 1020'])
  })

  test('work of a turn, promises included, runs before time goes on', async () => {
    const time = new VirtualTime()
    const log: string[] = []
    time.after(10, () => {
      time.soon(() => log.push('soon'))
      void Promise.resolve().then(() => log.push('promise'))
    })
    time.after(10, () => log.push('next timer'))
    await time.advance(10)
    expect(log).toEqual(['promise', 'soon', 'next timer'])
  })

  test('until stops where the condition holds, and says so when it never does', async () => {
    const time = new VirtualTime()
    let ticks = 0
    every(time, 10, () => {
      ticks += 1
    })
    await time.until(() => ticks === 3)
    expect(time.monotonicMs()).toBe(30)
    await expect(time.until(() => false, 100)).rejects.toMatchObject({ code: 'condition-timeout' })
    expect(time.monotonicMs()).toBe(130)
  })

  test('two parts that wake each other without end are found out', async () => {
    const time = new VirtualTime()
    const again = (): void => time.soon(again)
    again()
    await expect(time.settle()).rejects.toMatchObject({ code: 'never-idle' })
  })
})

describe('the timers and clock of the system', () => {
  test('call later, in order, and not when cancelled', async () => {
    const log: string[] = []
    await new Promise<void>((resolve) => {
      systemTimers.after(0, () => log.push('cancelled')).cancel()
      systemTimers.soon(() => log.push('soon'))
      systemTimers.soon(() => log.push('soon after'))
      systemTimers.after(5, () => {
        log.push('after')
        resolve()
      })
      log.push('now')
    })
    expect(log).toEqual(['now', 'soon', 'soon after', 'after'])
  })

  test('the wall clock is the one of the system, and the other never goes back', () => {
    expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(10_000)
    const first = systemClock.monotonicMs()
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first)
  })
})
