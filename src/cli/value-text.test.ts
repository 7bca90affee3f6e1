import { describe, expect, test } from 'vitest'
import { readJsonLines } from '../../test/support/vectors.js'
import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import type { Value } from '../data/value.js'
import { valueLine, valueText } from './value-text.js'

interface Recorded {
  readonly name: string
  readonly value_hex: string | null
}

const printedBy = new Map(
  readJsonLines<{ readonly name: string; readonly prints: string }>('values/printed.jsonl').map(
    ({ name, prints }) => [name, prints],
  ),
)
/** What is printed the same without its Zeek type: records have names there, and keys of several parts are seen. */
const FILES = [
  'addr',
  'bool',
  'count',
  'double',
  'enum',
  'int',
  'interval',
  'port',
  'subnet',
  'time',
  'vector',
  'set',
]
const recorded = FILES.flatMap((file) => readJsonLines<Recorded>(`values/${file}.jsonl`)).flatMap(
  ({ name, value_hex }) => {
    const prints = printedBy.get(name)
    const isKnown = prints !== undefined && !/record|any|table/.test(name)
    return isKnown && value_hex !== null ? [{ name, value_hex, prints }] : []
  },
)

const parse = (hex: string): Value => readValue(new ByteReader(Buffer.from(hex, 'hex')))
const string = (value: string | Uint8Array): Value => ({ type: 'string', value })

/** Zeek's sets have their elements in the order of its hashes. */
const inAnyOrder = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort()

describe('values as text', () => {
  test.each(recorded)('$name as Zeek prints it', ({ value_hex, prints }) => {
    const text = prints.replaceAll(/\\x(..)/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    expect(inAnyOrder(valueText(parse(value_hex)))).toEqual(inAnyOrder(text))
  })

  test('there are enough of them', () => {
    expect(recorded.length).toBeGreaterThan(80)
  })

  test('nothing that a terminal acts upon gets through', () => {
    expect(valueText(string('a\n\u001b[31m\u007f\u009bgrüße ✓'))).toBe(
      'a\\x0a\\x1b[31m\\x7f\\xc2\\x9bgrüße ✓',
    )
    expect(valueText(string(Uint8Array.of(0x61, 0xff, 0x0a)))).toBe('a\\xff\\x0a')
    expect(valueText({ type: 'enum-value', value: 'A\u0007' })).toBe('A\\x07')
  })

  test('records are vectors, and what is not set says so', () => {
    expect(valueText({ type: 'vector', value: [string('x'), { type: 'none' }] })).toBe('[x, <uninitialized>]')
  })

  test('one line, if need be', () => {
    const set: Value = { type: 'set', value: [string('a\n\tb'), { type: 'count', value: 1n }] }
    expect(valueLine({ type: 'table', value: [[set, set]] })).toBe(
      '{ [{ a\\x0a\\x09b, 1 }] = { a\\x0a\\x09b, 1 } }',
    )
  })
})
