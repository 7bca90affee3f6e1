/** Order, equality and hash of values: laws that hold for all of them, and the places of the odd ones. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue, reversed } from '../../test/support/arbitrary-values.js'
import type { Value } from './value.js'
import { ascending, compareValues, equalValues, hashValue } from './value-order.js'

const real = (value: number): Value => ({ type: 'real', value })
const set = (...value: Value[]): Value => ({ type: 'set', value })

describe('for all values', () => {
  test('the order is antisymmetric and agrees with equality and hash', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        const order = Math.sign(compareValues(a, b))
        expect(order + Math.sign(compareValues(b, a))).toBe(0)
        expect(equalValues(a, b)).toBe(order === 0)
        if (order === 0) expect(hashValue(a)).toBe(hashValue(b))
      }),
      { numRuns: 1000 },
    )
  })

  test('the order is transitive', () => {
    fc.assert(
      fc.property(fc.tuple(anyValue, anyValue, anyValue), (values) => {
        const [a, b, c] = [...values].sort(compareValues) as [Value, Value, Value]
        expect(compareValues(a, b)).toBeLessThanOrEqual(0)
        expect(compareValues(b, c)).toBeLessThanOrEqual(0)
        expect(compareValues(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 1000 },
    )
  })

  test('a value equals itself, whatever the order its sets are written in', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(equalValues(value, value)).toBe(true)
        expect(equalValues(value, reversed(value))).toBe(true)
        expect(hashValue(value)).toBe(hashValue(reversed(value)))
        expect(Number.isInteger(hashValue(value)) && hashValue(value) >= 0).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('reals', () => {
  test('NaN stands behind everything and equals itself', () => {
    const sorted = ascending(
      [Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NaN, -1, Number.NEGATIVE_INFINITY].map(real),
      compareValues,
    )
    expect(sorted.map((value) => (value as { value: number }).value)).toEqual([
      Number.NEGATIVE_INFINITY,
      -1,
      1,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ])
  })

  test('-0 and 0 are the same, also inside other values', () => {
    expect(equalValues(set(real(-0)), set(real(0)))).toBe(true)
    expect(hashValue(set(real(-0)))).toBe(hashValue(set(real(0))))
  })

  test('a subnormal is sent as zero and so is the same as zero', () => {
    expect(ascending([real(5e-324), real(0), real(-1e-310)], compareValues)).toHaveLength(1)
    expect(hashValue(real(-5e-324))).toBe(hashValue(real(0)))
    expect(equalValues(real(2 ** -1022), real(0))).toBe(false)
  })
})

test('text and its bytes are the same', () => {
  const text: Value = { type: 'string', value: 'ü' }
  const bytes: Value = { type: 'string', value: Uint8Array.of(0xc3, 0xbc) }
  expect(equalValues(text, bytes)).toBe(true)
  expect(hashValue(text)).toBe(hashValue(bytes))
})

test('texts are in the order of their bytes, not of their UTF-16 units', () => {
  const values: Value[] = ['\u{10000}', '\uffff', 'z'].map((value) => ({ type: 'string', value }))
  expect(ascending(values, compareValues).map((value) => (value as { value: string }).value)).toEqual([
    'z',
    '\uffff',
    '\u{10000}',
  ])
})

test('hashes tell values apart', () => {
  const hashes = new Set<number>()
  for (let value = 0n; value < 10_000n; value += 1n) hashes.add(hashValue({ type: 'count', value }))
  expect(hashes.size).toBeGreaterThan(9990)
})

test('sets deep inside sets are compared in time that grows with their size', () => {
  let value: Value = set()
  for (let depth = 0; depth < 16; depth += 1) value = set(set(value), value)
  const started = performance.now()
  expect(equalValues(value, reversed(value))).toBe(true)
  expect(performance.now() - started).toBeLessThan(5000)
})
