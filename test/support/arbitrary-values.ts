/** Random Broker values for property tests: everything that can travel, odd cases more often than chance has them. */
import fc from 'fast-check'
import { Address, Port, PROTOCOLS, Subnet } from '../../src/data/address.js'
import type { Value } from '../../src/data/value.js'
import { compareKeys, compareValues } from '../../src/data/value-order.js'

const SMALLEST_NORMAL = 2.2250738585072014e-308

/** Text, and bytes that are no text. */
const byteString = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', 'a\u0000b', '"\\\b\f\n\r\t\v/', '\u{10ffff}\ue000', 'x'.repeat(200)),
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Uint8Array.of(...bytes, 0xff)),
)

const addressValue = fc.oneof(
  fc
    .tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff))
    .map(([a, b, c, d]) => new Address(a, b, c, d)),
  fc.nat(0xffffffff).map((word) => Address.fromIPv4(word)),
  fc.nat(0xffffffff).map((word) => new Address(0, 0, 0, word)),
  fc
    .constantFrom('::', '::1', 'fe80::1:0:0:2', '0.0.0.0', '255.255.255.255')
    .map((text) => Address.parse(text)),
)

/** Subnormals are left out: Broker cannot send them. */
const real = fc.oneof(
  fc.double().filter((value) => value === 0 || !(Math.abs(value) < SMALLEST_NORMAL)),
  fc.constantFrom(0, -0, 1, -1.5, 0.1, 1e21, 1e300, -1e-300, Number.MAX_VALUE, SMALLEST_NORMAL),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)

const signed = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -3_000_000_000n, max: 3_000_000_000n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n),
)

const unsigned = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 3n }),
  fc.constant(2n ** 64n - 1n),
)

const port = fc
  .tuple(fc.nat(0xffff), fc.constantFrom(...PROTOCOLS))
  .map(([number, protocol]) => new Port(number, protocol))

const subnet = fc
  .tuple(addressValue, fc.oneof(fc.nat(128), fc.nat(255)), fc.boolean())
  .map(([address, length, masked]) => new Subnet(masked ? address.masked(length) : address, length))

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant<Value>({ type: 'none' }),
  fc.record({ type: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('count' as const), value: unsigned }),
  fc.record({
    type: fc.constantFrom('integer' as const, 'timestamp' as const, 'timespan' as const),
    value: signed,
  }),
  fc.record({ type: fc.constant('real' as const), value: real }),
  fc.record({ type: fc.constantFrom('string' as const, 'enum-value' as const), value: byteString }),
  fc.record({ type: fc.constant('address' as const), value: addressValue }),
  fc.record({ type: fc.constant('subnet' as const), value: subnet }),
  fc.record({ type: fc.constant('port' as const), value: port }),
)

/** Any value; elements of sets and keys of tables are distinct and in order, as a decoder gives them. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .uniqueArray(tie('value'), { maxLength: 4, comparator: (a, b) => compareValues(a, b) === 0 })
      .map((elements): Value => ({ type: 'set', value: [...elements].sort(compareValues) })),
    fc
      .uniqueArray(fc.tuple(tie('value'), tie('value')), {
        maxLength: 4,
        comparator: (a, b) => compareKeys(a, b) === 0,
      })
      .map((entries): Value => ({ type: 'table', value: [...entries].sort(compareKeys) })),
    fc.array(tie('value'), { maxLength: 4 }).map((elements): Value => ({ type: 'vector', value: elements })),
  ),
})).value

/** The value with the elements of every set and table in it in reverse. */
export function reversed(value: Value): Value {
  switch (value.type) {
    case 'set':
      return { type: 'set', value: value.value.map(reversed).reverse() }
    case 'table':
      return {
        type: 'table',
        value: value.value.map(([key, entry]) => [reversed(key), reversed(entry)] as const).reverse(),
      }
    case 'vector':
      return { type: 'vector', value: value.value.map(reversed) }
    default:
      return value
  }
}
