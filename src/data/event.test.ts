/** Typed events: what a handler gets is what the sender gave, and the bytes are those of Zeek. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../test/support/vectors.js'
import { Address, Port, Subnet } from './address.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { type EventType, event } from './event.js'
import { openMessage, readText, readVectorStart } from './messages.js'
import * as types from './types.js'

function encode(message: { writeTo(writer: ByteWriter): void }): Uint8Array {
  const writer = new ByteWriter()
  message.writeTo(writer)
  return writer.toBytes()
}

function decode(type: EventType, bytes: Uint8Array): readonly unknown[] {
  const reader = new ByteReader(bytes)
  openMessage(reader, { type: 0, contentSize: 0, surplus: 0 })
  readText(reader)
  const args = type.readArguments(reader, readVectorStart(reader))
  reader.expectEnd()
  return args as readonly unknown[]
}

describe('typed events', () => {
  test("are encoded as Broker's example (spec/broker-protocol.md 6.2)", () => {
    const hello = event('Test::hello', [types.string, types.count])
    expect(toHex(encode(hello('hi', 7n)))).toBe(
      '0e030200000000000000010200000000000000010e02050b546573743a3a68656c6c6f0e020502686902' +
        '0000000000000007',
    )
  })

  const host = types.record({ name: types.string, ip: types.addr, note: types.optional(types.string) })
  const everything = event('Test::everything', [
    types.bool,
    types.count,
    types.int,
    types.double,
    types.time,
    types.interval,
    types.string,
    types.bytes,
    types.enumeration,
    types.addr,
    types.subnet,
    types.port,
    types.set(types.count),
    types.vector(types.string),
    types.table(types.string, types.count),
    host,
    types.any,
  ])

  test('every type goes both ways', () => {
    const args = [
      true,
      2n ** 64n - 1n,
      -5n,
      -1.5,
      1_700_000_000.25,
      -2.5,
      'text ß',
      Uint8Array.of(0, 255),
      'Notice::LOG',
      Address.parse('2001:db8::1'),
      Subnet.parse('10.0.0.0/8'),
      new Port(53, 'udp'),
      new Set([1n, 3n]),
      ['a', 'b'],
      new Map([
        ['a', 1n],
        ['b', 2n],
      ]),
      { name: 'x', ip: Address.parse('10.0.0.1') },
      { type: 'count', value: 3n },
    ] as const
    const decoded = decode(
      everything,
      encode(everything(...(args as unknown as Parameters<typeof everything>))),
    )
    expect(decoded).toEqual(args)
  })

  test.each([0, 1357328848.512314, 1700000000.25, 0.000001, -0.5, -1.000001, 4e9, -3e9 - 0.125])(
    'the time %d comes back exactly',
    (seconds) => {
      const at = event('Test::at', [types.time])
      expect(decode(at as unknown as EventType, encode(at(seconds)))).toEqual([seconds])
    },
  )

  test('every time with microseconds comes back exactly', () => {
    const at = event('Test::at', [types.time])
    fc.assert(
      fc.property(fc.integer({ min: -2e15, max: 4e15 }), (micros) => {
        const seconds = micros / 1e6
        expect(decode(at as unknown as EventType, encode(at(seconds)))).toEqual([seconds])
      }),
      { numRuns: 2000 },
    )
  })

  test('nanoseconds of a time are those of its value', () => {
    const at = event('Test::at', [types.time])
    expect(toHex(encode(at(1681827194.5))).slice(-18)).toBe('0917570cec35c3a900')
    expect(toHex(encode(at(-0.000000001))).slice(-18)).toBe('09ffffffffffffffff')
  })

  test('sets are written in canonical order, whatever the order they come in', () => {
    const tags = event('Test::tags', [types.set(types.int)])
    expect(toHex(encode(tags(new Set([3n, -1n, 2n]))))).toBe(toHex(encode(tags(new Set([-1n, 2n, 3n])))))
  })

  test('a record with more fields than declared is read, one with fewer refused', () => {
    const wide = event('Test::r', [types.record({ a: types.count, b: types.count, c: types.count })])
    const narrow = event('Test::r', [types.record({ a: types.count, b: types.count })])
    expect(decode(narrow, encode(wide({ a: 1n, b: 2n, c: 3n })))).toEqual([{ a: 1n, b: 2n }])
    expect(() => decode(wide, encode(narrow({ a: 1n, b: 2n })))).toThrow('a record of 3 fields has 2')
  })

  test.each([
    [
      'a wrong number of arguments',
      event('Test::hello', [types.string]),
      'expected 1 arguments (string), found 2',
    ],
    [
      'a wrong type',
      event('Test::hello', [types.string, types.int]),
      'argument 2: expected int, found count',
    ],
  ])('%s is refused', (_name, type, message) => {
    const bytes = fromHex(
      '0e030200000000000000010200000000000000010e02050b546573743a3a68656c6c6f0e0205026869020000000000000007',
    )
    expect(() => decode(type as unknown as EventType, bytes)).toThrow(message)
  })

  test.each([
    ['a negative count', types.count, -1n],
    ['a count above 2^64', types.count, 2n ** 64n],
    ['a time that is no number', types.time, Number.NaN],
    ['an interval beyond 292 years', types.interval, 1e12],
  ])('%s cannot be sent', (_name, type, value) => {
    const message = event('Test::x', [type as types.DataType<unknown>])
    expect(() => encode(message(value))).toThrow(expect.objectContaining({ code: 'not-representable' }))
  })
})

describe('addresses', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::1:2', '::0.1.0.2'],
  ])('%s prints as %s', (text, expected) => {
    expect(Address.parse(text).toString()).toBe(expected)
    expect(Address.parse(expected).equals(Address.parse(text))).toBe(true)
  })

  test.each(['', '1.2.3', '1.2.3.256', '1.2.3.4.5', '01.2.3.4', '1::2::3', 'fe80::1%eth0', 'host'])(
    '%j is none',
    (text) => {
      expect(Address.tryParse(text)).toBeUndefined()
    },
  )

  test('subnets contain what they should', () => {
    const net = Subnet.parse('192.168.9.77/24')
    expect(net.toString()).toBe('192.168.9.0/24')
    expect(net.contains(Address.parse('192.168.9.255'))).toBe(true)
    expect(net.contains(Address.parse('192.168.10.1'))).toBe(false)
    expect(Subnet.parse('::/0').contains(Address.parse('10.0.0.1'))).toBe(true)
    expect(() => Subnet.parse('10.0.0.0/33')).toThrow(RangeError)
  })
})

test('times at the ends of 64 bits come back as they were read', () => {
  for (const body of ['8000000000000000', '7fffffffffffffff']) {
    const reader = new ByteReader(fromHex(`09${body}`))
    const seconds = types.time.read(reader)
    const writer = new ByteWriter()
    types.time.write(writer, seconds)
    expect(toHex(writer.written())).toBe(`09${body}`)
    expect(types.time.read(new ByteReader(writer.written()))).toBe(seconds)
  }
})
