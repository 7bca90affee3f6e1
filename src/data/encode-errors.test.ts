/** What cannot be sent is refused with the place, what was expected and what was found; no JavaScript error escapes. */
import { describe, expect, test } from 'vitest'
import { Address, Port, Subnet } from './address.js'
import { writeValue } from './binary.js'
import { ByteWriter } from './byte-writer.js'
import { event } from './event.js'
import { compileLogWriter } from './log-codec.js'
import * as types from './types.js'
import type { Value } from './value.js'

// biome-ignore lint/suspicious/noExplicitAny: types of any value
type AnyType = types.DataType<any>

const { addr, any, bool, bytes, count, double, enumeration, file, func, int, interval, opaque, pattern } =
  types
const { optional, port, record, set, string, subnet, table, time, tuple, vector } = types

/** Every kind of JavaScript value. */
// biome-ignore format: a list
const ANYTHING: readonly unknown[] = [
  undefined, null, true, 0, 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 5n, -5n, 2n ** 64n, 2n ** 63n,
  '', '5', '10.0.0.1', '\ud800', Symbol('x'), () => 1, {}, [], [undefined], [null, 1], { x: 1 }, new Date(0), /x/,
  new Map(), new Set(), new Map([[{}, {}]]), new Set([{}]), Uint8Array.of(255), Address.parse('::1'),
  new Port(80, 'tcp'), new Port(Number.NaN, 'tcp'), new Port(1.5, 'tcp'), new Port(1, 'sctp' as 'tcp'),
  Subnet.parse('10.0.0.0/8'), new Subnet(Address.parse('::'), 256), new Subnet('x' as unknown as Address, 1),
  { type: 'count' }, { type: 'count', value: 'x' }, { type: 'address', value: 'x' }, { type: 'nothing', value: 1 },
  { type: 'set', value: [{ type: 'address', value: 'x' }, { type: 'address', value: 'y' }] },
  { type: 'table', value: [1, 2] }, { type: 'vector', value: 'abc' }, { type: 'string', value: '\udc00' },
  { name: 1 }, { exact: 1 }, { typeName: 'x' }, Object.create(null),
]

// biome-ignore format: a list
const EVERY_TYPE: readonly AnyType[] = [
  addr, any, bool, bytes, count, double, enumeration, file, func, int, interval, opaque, pattern, port, string, subnet,
  time, vector(count), vector(any), set(addr), set(any), table(string, count), tuple(string, addr),
  record({ x: addr }), record({ x: optional(record({ y: count })) }), optional(string), set(record({ x: count })),
]

function write(types: readonly AnyType[], ...args: unknown[]): void {
  event('Demo::x', types)(...args).writeTo(new ByteWriter())
}

describe('whatever is given for a type', () => {
  test.each(EVERY_TYPE)('$name: it is sent, or refused as not representable', (type) => {
    for (const value of ANYTHING) {
      for (const [given, as] of [
        [value, type],
        [[value], vector(type)],
        [{ a: value }, record({ a: type })],
        [new Set([value, 1, 'x']), set(type)],
        [new Map([[value, value]]), table(type, type)],
      ] as const) {
        try {
          write([as], given)
        } catch (error) {
          expect(error).toMatchObject({ name: 'EncodeError', code: 'not-representable' })
        }
      }
    }
  })

  test.each(EVERY_TYPE.filter((type) => type.log !== undefined))('$name as a log column', (type) => {
    const writeRecord = compileLogWriter([['x', type]])
    for (const value of ANYTHING) {
      try {
        writeRecord(new ByteWriter(), { x: value })
      } catch (error) {
        expect(error).toMatchObject({ name: 'EncodeError', code: 'not-representable' })
      }
    }
  })
})

describe('what is said', () => {
  const host = record({ name: string, ip: addr, tags: optional(set(string)) })
  const ip = Address.parse('10.0.0.1')

  test.each<readonly [string, readonly AnyType[], readonly unknown[]]>([
    ['argument 1: expected count (a bigint), found a string', [count], ['5']],
    ['argument 1: expected count (a bigint), found a number', [count], [5]],
    ['argument 1: -1 does not fit a count (0 to 2^64-1)', [count], [-1n]],
    ['argument 1: 18446744073709551616 does not fit a count (0 to 2^64-1)', [count], [2n ** 64n]],
    ['argument 2: expected int (a bigint), found a number', [string, int], ['x', 5]],
    ['argument 1: 9223372036854775808 does not fit 64 bits', [int], [2n ** 63n]],
    ['argument 1: expected string (a string), found a number', [string], [5]],
    ['argument 1: expected string (a string), found an object (Uint8Array)', [string], [Uint8Array.of(1)]],
    ['argument 1: expected bytes (a Uint8Array), found a string', [bytes], ['x']],
    ['argument 1: expected addr (an Address), found a string', [addr], ['10.0.0.1']],
    ['argument 1: NaN is not a port number', [port], [new Port(Number.NaN, 'tcp')]],
    ["argument 1: 'sctp' is not a protocol of ports", [port], [new Port(1, 'sctp' as 'tcp')]],
    ['argument 1: expected bool (true or false), found a number', [bool], [1]],
    ['argument 1: expected double, time or interval (a number), found a bigint', [double], [1n]],
    ['argument 1: expected double, time or interval (a number), found a string', [time], ['5']],
    ['argument 1: NaN s do not fit 64 bits of nanoseconds', [interval], [Number.NaN]],
    ['argument 1: text with half of a surrogate pair is no UTF-8', [string], ['a\ud800']],
    ['argument 1: expected vector (an array), found an object (Set)', [vector(count)], [new Set()]],
    ['argument 1: expected set[count] (a Set or ValueSet), found an array', [set(count)], [[1n]]],
    ['argument 1: expected set[count] (a Set or ValueSet), found an object (Map)', [set(count)], [new Map()]],
    ['argument 1: expected record (an object), found nothing (undefined)', [host], [undefined]],
    [
      'argument 2, field ip: expected addr (an Address), found nothing (undefined)',
      [count, host],
      [1n, { name: 'x' }],
    ],
    ['argument 1, field ip: expected addr (an Address), found null', [host], [{ name: 'x', ip: null }]],
    [
      'argument 1, field tags, element 2: expected string (a string), found a bigint',
      [host],
      [{ name: 'x', ip, tags: new Set(['a', 1n]) }],
    ],
    [
      'argument 1, element 2, field name: expected string (a string), found a boolean',
      [vector(host)],
      [
        [
          { name: 'x', ip },
          { name: true, ip },
        ],
      ],
    ],
    [
      'argument 1, value 1, element 2: expected count (a bigint), found a string',
      [table(string, tuple(string, count))],
      [new Map([['k', ['a', 'b']]])],
    ],
    ['event Demo::x: expected 2 arguments (count, count), found 1', [count, count], [1n]],
    ['event Demo::x: expected 1 arguments (count), found 2', [count], [1n, 2n]],
  ])('%s', (message, parameterTypes, args) => {
    expect(() => write(parameterTypes, ...args)).toThrow(
      expect.objectContaining({
        code: 'not-representable',
        message: message.startsWith('argument') ? `event Demo::x, ${message}` : message,
      }),
    )
  })

  test('path and reason are in the data', () => {
    expect(() => write([vector(count)], [1n, 'x'])).toThrow(
      expect.objectContaining({
        data: {
          path: 'event Demo::x, argument 1, element 2',
          reason: 'expected count (a bigint), found a string',
        },
      }),
    )
  })
})

describe('dynamic values', () => {
  test('a faulty one leaves nothing behind', () => {
    const writer = new ByteWriter()
    const faulty = {
      type: 'vector',
      value: [
        { type: 'count', value: 1n },
        { type: 'count', value: 1 },
      ],
    }
    expect(() => writeValue(writer, faulty as unknown as Value)).toThrow(
      'expected count (a bigint), found a number',
    )
    expect(writer.length).toBe(0)
  })
})
