/** Values in print form, compared with what a real Zeek 9 printed (test/vectors/values). */
import { describe, expect, test } from 'vitest'
import { readJsonLines } from '../../test/support/vectors.js'
import { ByteReader } from '../data/byte-reader.js'
import type { DataType } from '../data/data-type.js'
import * as types from '../data/types.js'
import { printAsZeek } from './print-as-zeek.js'
import { fromNative, toNative } from './typed-value.js'

const { addr, bool, count, double, enumeration, int, interval, optional, port, string, subnet, time } = types
const { record, set, table, tuple, vector } = types

const inner = record({ x: count, y: optional(string) })
const r1 = record({
  a: count,
  b: optional(string),
  c: bool,
  d: optional(inner),
  e: optional(vector(inner)),
})

/** Zeek's types of the recordings. */
const TYPES: Readonly<Record<string, DataType<unknown>>> = Object.fromEntries(
  Object.entries({
    addr,
    bool,
    count,
    double,
    Color: enumeration,
    int,
    interval,
    port,
    subnet,
    time,
    Inner: inner,
    R1: r1,
    Empty: record({}),
    CId: record({ orig_h: addr, orig_p: port, resp_h: addr, resp_p: port }),
    'set[addr, port]': set(tuple(addr, port)),
    'set[string, count, bool]': set(tuple(string, count, bool)),
    'set[Color]': set(enumeration),
    'set[Inner]': set(inner),
    'set[vector of count]': set(vector(count)),
    'set[string]': set(string),
    'set[double]': set(double),
    'set[interval]': set(interval),
    'set[time]': set(time),
    'set[count]': set(count),
    'table[string] of count': table(string, count),
    'table[addr] of set[string]': table(addr, set(string)),
    'table[addr, port] of string': table(tuple(addr, port), string),
    'table[count] of Inner': table(count, inner),
    'table[string] of table[count] of bool': table(string, table(count, bool)),
    'table[set[count]] of string': table(set(count), string),
    'table[Color] of double': table(enumeration, double),
    'vector of count': vector(count),
    'vector of string': vector(string),
    'vector of double': vector(double),
    'vector of interval': vector(interval),
    'vector of Inner': vector(inner),
    'vector of set[count]': vector(set(count)),
    'vector of vector of count': vector(vector(count)),
  } as Record<string, DataType<unknown>>),
)

interface Recorded {
  readonly name: string
  readonly zeek_type: string
  readonly value_hex: string | null
}

const FILES = [
  'bool',
  'count',
  'double',
  'enum',
  'int',
  'interval',
  'port',
  'record',
  'set',
  'table',
  'time',
  'vector',
]
const printedBy = new Map(
  readJsonLines<{ readonly name: string; readonly prints: string }>('values/printed.jsonl').map(
    ({ name, prints }) => [name, prints],
  ),
)
const recorded = FILES.flatMap((file) => [...readJsonLines<Recorded>(`values/${file}.jsonl`)]).filter(
  ({ name, zeek_type }) => TYPES[zeek_type] !== undefined && printedBy.has(name),
)

/** Zeek's sets have their elements in the order of its hashes: lines are compared without it. */
function inAnyOrder(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort()
}

describe('what Zeek prints', () => {
  test.each(recorded)('$name', ({ name, zeek_type, value_hex }) => {
    const type = TYPES[zeek_type]!
    const native = type.read(new ByteReader(Buffer.from(value_hex!, 'hex')))
    const value = fromNative(type, native)!
    const text = printedBy
      .get(name)!
      .replaceAll(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    expect(inAnyOrder(printAsZeek(value))).toEqual(inAnyOrder(text))
    expect(toNative(type, value)).toEqual(native)
  })

  test('there are enough of them', () => {
    expect(recorded.length).toBeGreaterThan(70)
  })
})

describe('values that do not fit', () => {
  test.each([
    [count, { type: 'int', value: 5n }],
    [count, { type: 'string', value: '5' }],
    [types.enumOf('Demo::Color', ['Demo::RED']), { type: 'enum', value: 'Demo::GREEN' }],
    [inner, { type: 'record', value: new Map([['z', { type: 'count', value: 1n }]]) }],
    [inner, { type: 'record', value: new Map() }],
    [set(count), { type: 'vector', value: [] }],
    [set(count), { type: 'set', value: [{ type: 'string', value: 'a' }] }],
    [table(string, count), { type: 'set', value: [] }],
    [tuple(addr, port), { type: 'vector', value: [] }],
    [types.any, { type: 'count', value: 1n }],
  ] as const)('%o', (type, value) => {
    expect(toNative(type as DataType<unknown>, value as never)).toBeUndefined()
  })

  test('numbers widen as in Zeek', () => {
    expect(toNative(double, { type: 'count', value: 3n })).toBe(3)
    expect(toNative(int, { type: 'count', value: 3n })).toBe(3n)
    expect(toNative(set(count), { type: 'table', value: [] })?.size).toBe(0)
  })
})
