import { describe, expect, test } from 'vitest'
import { CommandError, fail, formatBytes, formatCount, formatTable } from './output.js'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [123_456, '123 kB'],
  [61_234_567, '61.2 MB'],
  [5e12, '5.0 TB'],
  [5e15, '5000 TB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [0, '0'],
  [0.25, '0.3'],
  [9.5, '9.5'],
  [10.4, '10'],
  [9999, '9999'],
  [12_345, '12.3k'],
  [1_234_567, '1.2M'],
])('%d is %s', (value, text) => {
  expect(formatCount(value)).toBe(text)
})

test('a table pads to the widest cell and leaves no blanks at the end', () => {
  const rows = [
    ['NAME', 'N', 'NOTE'],
    ['a', '1000', 'x'],
    ['longer', '5', ''],
  ]
  expect(formatTable(rows, new Set([1]))).toEqual(['NAME       N  NOTE', 'a       1000  x', 'longer     5'])
})

describe('fail', () => {
  test('keeps the exit code of a command that failed, and gives one to anything else', () => {
    const own = new CommandError(1, 'mine')
    expect(fail(2, own)).toBe(own)
    expect(fail(2, new Error('broken'))).toMatchObject({ message: 'broken', data: { exitCode: 2 } })
    expect(fail(1, 'just text')).toMatchObject({ message: 'just text', data: { exitCode: 1 } })
  })
})
