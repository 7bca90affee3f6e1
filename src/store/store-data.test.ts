import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue } from '../../test/support/arbitrary-values.js'
import { Address, Port, Subnet } from '../data/address.js'
import { ValueMap, ValueSet } from '../data/containers.js'
import { EncodeError } from '../data/decode-error.js'
import type { Value } from '../data/value.js'
import { equalValues } from '../data/value-order.js'
import { decode, encode } from './encoded.js'
import { fromValue, type StoreData, storeData, toValue } from './store-data.js'

const address = Address.parse('10.0.0.1')
const subnet = new Subnet(Address.parse('10.0.0.0'), 104)
const port = new Port(80, 'tcp')
const moment: Value = { type: 'timestamp', value: 5n }

const PAIRS: readonly (readonly [data: StoreData, value: Value])[] = [
  [null, { type: 'none' }],
  [true, { type: 'boolean', value: true }],
  [5n, { type: 'count', value: 5n }],
  [1.5, { type: 'real', value: 1.5 }],
  ['text', { type: 'string', value: 'text' }],
  [Uint8Array.of(0xff), { type: 'string', value: Uint8Array.of(0xff) }],
  [address, { type: 'address', value: address }],
  [subnet, { type: 'subnet', value: subnet }],
  [port, { type: 'port', value: port }],
  [moment, moment],
  [
    { type: 'timespan', value: -1n },
    { type: 'timespan', value: -1n },
  ],
  [
    { type: 'enum-value', value: 'A' },
    { type: 'enum-value', value: 'A' },
  ],
  [
    [1n, [], moment],
    { type: 'vector', value: [{ type: 'count', value: 1n }, { type: 'vector', value: [] }, moment] },
  ],
  [
    new ValueSet<StoreData>([1n, address, moment]),
    { type: 'set', value: [{ type: 'count', value: 1n }, { type: 'address', value: address }, moment] },
  ],
  [
    new ValueMap<StoreData, StoreData>([[address, ['x']]]),
    {
      type: 'table',
      value: [
        [
          { type: 'address', value: address },
          { type: 'vector', value: [{ type: 'string', value: 'x' }] },
        ],
      ],
    },
  ],
]

describe('data of JavaScript', () => {
  test.each(PAIRS.map(([data, value]) => [value.type, data, value] as const))(
    '%s, both ways',
    (_, data, value) => {
      expect(toValue(data)).toEqual(value)
      expect(fromValue(value)).toEqual(data)
      expect(decode(storeData, encode(storeData, data))).toEqual(data)
    },
  )

  test("JavaScript's own sets and maps are sets and tables too", () => {
    expect(toValue(new Set<StoreData>(['b', 'a']))).toEqual(toValue(new ValueSet<StoreData>(['b', 'a'])))
    expect(toValue(new Map<StoreData, StoreData>([['a', 1n]]))).toEqual({
      type: 'table',
      value: [
        [
          { type: 'string', value: 'a' },
          { type: 'count', value: 1n },
        ],
      ],
    })
  })

  test('sets and tables that are read find equal addresses and times', () => {
    const hosts = decode(
      storeData,
      encode(storeData, new Set<StoreData>([address, moment])),
    ) as ReadonlySet<StoreData>
    expect(hosts.has(Address.parse('10.0.0.1'))).toBe(true)
    expect(hosts.has({ type: 'timestamp', value: 5n })).toBe(true)
    const ports = decode(storeData, encode(storeData, new Map([[address, 1n]]))) as ReadonlyMap<
      StoreData,
      StoreData
    >
    expect(ports.get(Address.parse('10.0.0.1'))).toBe(1n)
  })

  test('integers are read as plain numbers, and written with their type', () => {
    const negative: Value = { type: 'integer', value: -1n }
    expect(decode(storeData, encode(storeData, negative))).toBe(-1n)
  })

  test('any value can be read; what is written again is equal but for integers', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const data = fromValue(value)
        if (hasInteger(value)) return
        expect(equalValues(toValue(data), value)).toBe(true)
      }),
    )
  })

  const itself: StoreData[] = []
  itself.push(itself)
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an object without a type', { value: 1n }],
    ['an object of a type that there is not', { type: 'interval', value: 1n }],
    ['a date', new Date(0)],
    ['a negative count', -1n],
    ['a count beyond 64 bits', 2n ** 64n],
    ['a value with the content of another', { type: 'count', value: 'x' }],
    ['a list with any of these', [1n, [undefined]]],
    ['a set with any of these', new Set([-1n])],
    ['a map with any of these', new Map([['x', undefined]])],
    ['half of a surrogate pair', '\ud800'],
    ['a list that holds itself', itself],
  ])('%s is refused', (_, data) => {
    expect(() => encode(storeData, data as StoreData)).toThrow(EncodeError)
    // The encoder that all share is as good as new.
    expect(encode(storeData, 'x')).toBe('\u0005\u0001x')
  })
})

function hasInteger(value: Value): boolean {
  switch (value.type) {
    case 'integer':
      return true
    case 'set':
    case 'vector':
      return value.value.some(hasInteger)
    case 'table':
      return value.value.some((entry) => entry.some(hasInteger))
    default:
      return false
  }
}
