import { describe, expect, test } from 'vitest'
import { parseInterval } from './interval.js'

describe('parseInterval', () => {
  test.each([
    ['5sec', 5],
    ['1.5 mins', 90],
    ['250msecs', 0.25],
    ['10 usec', 1e-5],
    ['.5hr', 1800],
    ['2.\tdays', 172_800],
    ['1e3 sec', 1000],
  ])('%s is %d s', (text, seconds) => {
    expect(parseInterval(text)).toBeCloseTo(seconds, 9)
  })

  test.each(['', '5', 'sec', '5 seconds', '-1sec', '0x10sec', '5 sec ', '1e999 sec', '5 constructor'])(
    "'%s' is none",
    (text) => {
      expect(parseInterval(text)).toBeUndefined()
    },
  )
})
