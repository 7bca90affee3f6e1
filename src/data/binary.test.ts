import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { Address, Port, Subnet } from './address.js'
import { readValue, skipValue, writeValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import type { Value } from './value.js'

interface RecordedValue {
  readonly name: string
  readonly zeek_type: string
  readonly value_hex?: string
  readonly broker_binary_hex?: string
}

const recorded = vectorNames('values').flatMap((file) => readJsonLines<RecordedValue>(`values/${file}`))
const sent = recorded.flatMap((entry) =>
  entry.value_hex === undefined || entry.broker_binary_hex === undefined
    ? []
    : [{ name: entry.name, value: entry.value_hex, message: entry.broker_binary_hex }],
)

function encode(value: Value): string {
  const writer = new ByteWriter(1)
  writeValue(writer, value)
  return toHex(writer.written())
}

function decode(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes)
  const value = readValue(reader)
  reader.expectEnd()
  return value
}

describe('values that Zeek sent', () => {
  test('are all here', () => {
    expect(sent.length).toBe(194)
  })

  test.each(sent)('$name: decode, encode, skip', ({ value, message }) => {
    for (const hex of [value, message]) {
      const bytes = fromHex(hex)
      const decoded = decode(bytes)
      expect(encode(decoded)).toBe(hex)
      const reader = new ByteReader(bytes)
      skipValue(reader)
      expect(reader.remaining).toBe(0)
    }
  })

  test.each(sent)('$name: cut off anywhere, it is refused', ({ value }) => {
    const bytes = fromHex(value)
    for (let length = 0; length < Math.min(bytes.length, 600); length += 1) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(DecodeError)
      expect(() => skipValue(new ByteReader(bytes.subarray(0, length)))).toThrow(DecodeError)
    }
  })
})

/** Broker's own table of encodings (spec/broker-protocol.md 1.5). */
const TABLE: readonly (readonly [string, Value])[] = [
  ['00', { type: 'none' }],
  ['0101', { type: 'boolean', value: true }],
  ['02ffffffffffffffff', { type: 'count', value: 2n ** 64n - 1n }],
  ['038000000000000000', { type: 'integer', value: -(2n ** 63n) }],
  ['043fb999999999999a', { type: 'real', value: 0.1 }],
  ['048000000000000000', { type: 'real', value: -0 }],
  ['04fff0000000000000', { type: 'real', value: Number.POSITIVE_INFINITY }],
  ['047ff0000000000000', { type: 'real', value: Number.NEGATIVE_INFINITY }],
  ['04ffffffffffffffff', { type: 'real', value: Number.NaN }],
  ['0503666f6f', { type: 'string', value: 'foo' }],
  [`05c801${'61'.repeat(200)}`, { type: 'string', value: 'a'.repeat(200) }],
  ['0502fffe', { type: 'string', value: Uint8Array.of(0xff, 0xfe) }],
  ['0600000000000000000000ffffc0a80908', { type: 'address', value: Address.parse('192.168.9.8') }],
  ['0620010db8000000000000000000000001', { type: 'address', value: Address.parse('2001:db8::1') }],
  ['0700000000000000000000ffffc0a8090078', { type: 'subnet', value: Subnet.parse('192.168.9.8/24') }],
  ['0720010db800000000000000000000000020', { type: 'subnet', value: Subnet.parse('2001:db8::/32') }],
  ['08003502', { type: 'port', value: new Port(53, 'udp') }],
  ['0917570cec35c3a900', { type: 'timestamp', value: 1_681_827_194_500_000_000n }],
  ['0a0000000059682f00', { type: 'timespan', value: 1_500_000_000n }],
  ['0b09436f6e6e3a3a4c4f47', { type: 'enum-value', value: 'Conn::LOG' }],
  [
    '0c02020000000000000001050161',
    {
      type: 'set',
      value: [
        { type: 'count', value: 1n },
        { type: 'string', value: 'a' },
      ],
    },
  ],
  [
    '0e03020000000000000001000101',
    {
      type: 'vector',
      value: [{ type: 'count', value: 1n }, { type: 'none' }, { type: 'boolean', value: true }],
    },
  ],
]

describe("Broker's table of encodings", () => {
  test.each(TABLE)('%s', (hex, value) => {
    expect(encode(value)).toBe(hex)
    expect(decode(fromHex(hex))).toEqual(value)
  })
})

describe('malformed data', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an unknown tag', '0f', 'invalid-tag'],
    ['a port protocol above 3', '08005004', 'invalid-tag'],
    ['the same element twice', '0c0201010101', 'duplicate-element'],
    ['the same key twice', '0d02010100010100', 'duplicate-element'],
    ['more elements than bytes', '0effffffff0f00', 'truncated'],
    ['a string longer than the input', '05ffffffff0f00', 'truncated'],
    ['a length of six bytes', '05808080808000', 'too-large'],
    ['left-over bytes', '0000', 'trailing-bytes'],
  ]
  test.each(cases)('%s is refused', (_name, hex, code) => {
    expect(() => decode(fromHex(hex))).toThrow(expect.objectContaining({ code }))
  })

  test('nesting has a limit in both directions', () => {
    const deep = fromHex(`${'0e01'.repeat(300)}00`)
    expect(() => decode(deep)).toThrow(expect.objectContaining({ code: 'too-deep' }))
    expect(() => skipValue(new ByteReader(deep))).toThrow(expect.objectContaining({ code: 'too-deep' }))
    let value: Value = { type: 'none' }
    for (let depth = 0; depth < 300; depth += 1) value = { type: 'vector', value: [value] }
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'not-representable' }))
  })

  test('numbers that do not fit are refused with the reason', () => {
    expect(() => encode({ type: 'count', value: -1n })).toThrow('-1 does not fit a count')
    expect(() => encode({ type: 'count', value: 2n ** 64n })).toThrow('does not fit a count')
    expect(() => encode({ type: 'integer', value: 2n ** 63n })).toThrow('does not fit 64 bits')
    expect(() => encode({ type: 'port', value: new Port(70000, 'tcp') })).toThrow(
      '70000 is not a port number',
    )
  })

  test('sets are written in order, whatever the order they come in', () => {
    expect(decode(fromHex('0c02050161020000000000000001'))).toEqual(
      decode(fromHex('0c02020000000000000001050161')),
    )
  })
})
