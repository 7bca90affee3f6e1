/** Every row of the tables in spec/broker-protocol.md 7.9. */
import { describe, expect, test } from 'vitest'
import { Address, Port, Subnet } from '../data/address.js'
import { valueToJson } from '../data/json.js'
import { any } from '../data/types.js'
import { VALUE_TYPES, type Value } from '../data/value.js'
import { encode } from './encoded.js'
import { add, initialValue, type OperationResult, subtract, tableEntry, valueAt } from './operations.js'

const count = (value: bigint): Value => ({ type: 'count', value })
const integer = (value: bigint): Value => ({ type: 'integer', value })
const real = (value: number): Value => ({ type: 'real', value })
const string = (value: string | Uint8Array): Value => ({ type: 'string', value })
const timestamp = (value: bigint): Value => ({ type: 'timestamp', value })
const timespan = (value: bigint): Value => ({ type: 'timespan', value })
const vector = (...value: Value[]): Value => ({ type: 'vector', value })
const set = (...value: Value[]): Value => ({ type: 'set', value })
const table = (...value: [Value, Value][]): Value => ({ type: 'table', value })

const HIGHEST = 2n ** 63n - 1n
const LOWEST = -(2n ** 63n)
const LARGEST_COUNT = 2n ** 64n - 1n

/** One value of each type. */
const SAMPLES: Readonly<Record<Value['type'], Value>> = {
  none: { type: 'none' },
  boolean: { type: 'boolean', value: true },
  count: count(5n),
  integer: integer(-5n),
  real: real(1.5),
  string: string('text'),
  address: { type: 'address', value: Address.parse('10.0.0.1') },
  subnet: { type: 'subnet', value: new Subnet(Address.parse('10.0.0.0'), 104) },
  port: { type: 'port', value: new Port(80, 'tcp') },
  timestamp: timestamp(1_000_000_000n),
  timespan: timespan(60_000_000_000n),
  'enum-value': { type: 'enum-value', value: 'Notice::LOG' },
  set: set(count(1n)),
  table: table([count(1n), string('one')]),
  vector: vector(count(1n)),
}

const ok = (value: Value): OperationResult => ({ ok: true, value })
const CLASH: OperationResult = { ok: false, error: 'type-clash' }
const MISSING: OperationResult = { ok: false, error: 'no-such-key' }

type Row = readonly [stored: Value, operand: Value, result: Value]

/** Rows with their names in front. */
function named(rows: readonly Row[]): [name: string, ...Row][] {
  return rows.map(([stored, operand, result]) => [
    `${valueToJson(stored)} and ${valueToJson(operand)}`,
    stored,
    operand,
    result,
  ])
}

const ADDED: readonly Row[] = [
  [count(5n), count(3n), count(8n)],
  [count(LARGEST_COUNT), count(2n), count(1n)],
  [integer(-4n), integer(-6n), integer(-10n)],
  [integer(HIGHEST), integer(1n), integer(LOWEST)],
  [integer(LOWEST), integer(-1n), integer(HIGHEST)],
  [real(1.5), real(0.25), real(1.75)],
  [real(1e308), real(1e308), real(Number.POSITIVE_INFINITY)],
  [timespan(10n), timespan(-15n), timespan(-5n)],
  [timespan(HIGHEST), timespan(1n), timespan(LOWEST)],
  [timestamp(1_000n), timespan(90n), timestamp(1_090n)],
  [timestamp(HIGHEST), timespan(2n), timestamp(LOWEST + 1n)],
  [string('alpha'), string('-beta'), string('alpha-beta')],
  [string(''), string(''), string('')],
  [vector(string('v0')), count(1n), vector(string('v0'), count(1n))],
  [vector(), vector(), vector(vector())],
  [set(string('x'), string('y')), string('a'), set(string('a'), string('x'), string('y'))],
  [set(string('x')), string('x'), set(string('x'))],
  [set(count(2n)), integer(1n), set(count(2n), integer(1n))],
  [
    table([string('t'), count(1n)]),
    vector(string('idx'), count(10n)),
    table([string('idx'), count(10n)], [string('t'), count(1n)]),
  ],
  [table([string('t'), count(1n)]), tableEntry(string('t'), count(2n)), table([string('t'), count(2n)])],
  [table(), tableEntry(string('t')), table([string('t'), { type: 'none' }])],
  // Broker takes both zeros for the same; what was there first stays.
  [set(real(0)), real(-0), set(real(0))],
  [table([real(0), count(1n)]), vector(real(-0), count(2n)), table([real(0), count(2n)])],
]

const SUBTRACTED: readonly Row[] = [
  [count(5n), count(3n), count(2n)],
  [count(0n), count(1n), count(LARGEST_COUNT)],
  [integer(-4n), integer(-6n), integer(2n)],
  [integer(LOWEST), integer(1n), integer(HIGHEST)],
  [real(1.5), real(0.25), real(1.25)],
  [timespan(10n), timespan(15n), timespan(-5n)],
  [timespan(LOWEST), timespan(1n), timespan(HIGHEST)],
  [timestamp(1_000n), timespan(90n), timestamp(910n)],
  [vector(count(1n), count(2n)), string('whatever'), vector(count(1n))],
  [vector(), count(1n), vector()],
  [set(string('x'), string('y')), string('x'), set(string('y'))],
  [set(string('x')), string('absent'), set(string('x'))],
  [table([string('a'), count(1n)], [string('b'), count(2n)]), string('a'), table([string('b'), count(2n)])],
  [table([string('a'), count(1n)]), count(1n), table([string('a'), count(1n)])],
]

/** The types of operands that a stored type takes; of the others nothing is said but `type-clash`. */
const OPERANDS = {
  add: {
    count: ['count'],
    integer: ['integer'],
    real: ['real'],
    timespan: ['timespan'],
    timestamp: ['timespan'],
    string: ['string'],
    vector: VALUE_TYPES,
    set: VALUE_TYPES,
    table: ['vector'],
  },
  subtract: {
    count: ['count'],
    integer: ['integer'],
    real: ['real'],
    timespan: ['timespan'],
    timestamp: ['timespan'],
    vector: VALUE_TYPES,
    set: VALUE_TYPES,
    table: VALUE_TYPES,
  },
} as const satisfies Record<string, Partial<Record<Value['type'], readonly Value['type'][]>>>

function clashes(operation: 'add' | 'subtract'): [stored: Value, operand: Value][] {
  const taken: Partial<Record<Value['type'], readonly Value['type'][]>> = OPERANDS[operation]
  return VALUE_TYPES.flatMap((stored) =>
    VALUE_TYPES.filter((operand) => taken[stored]?.includes(operand) !== true).map(
      (operand): [Value, Value] => [SAMPLES[stored], SAMPLES[operand]],
    ),
  )
}

describe('add', () => {
  test.each(named(ADDED))('%s', (_, stored, operand, result) => {
    expect(add(stored, operand)).toEqual(ok(result))
  })

  test('every other combination of types is a type-clash', () => {
    const pairs = clashes('add')
    expect(pairs).toHaveLength(15 * 15 - 7 - 2 * 15)
    for (const [stored, operand] of pairs) {
      expect(add(stored, operand), `${stored.type} and ${operand.type}`).toEqual(CLASH)
    }
  })

  test('a table takes vectors of two only', () => {
    for (const operand of [vector(), vector(count(1n)), vector(count(1n), count(2n), count(3n))]) {
      expect(add(table(), operand)).toEqual({ ok: false, error: 'invalid-data' })
    }
  })

  test('strings are bytes: halves of a character are one behind each other', () => {
    const [lead, rest] = [Uint8Array.of(0xc3), Uint8Array.of(0xa9)]
    const whole = add(string(lead), string(rest))
    expect(whole.ok && encode(any, whole.value)).toBe(encode(any, string('é')))
    const mixed = add(string('a\0'), string(Uint8Array.of(0xff)))
    expect(mixed.ok && encode(any, mixed.value)).toBe('\x05\x03a\0\xff')
    expect(add(string(lead), string(''))).toEqual(ok(string(Buffer.from(lead))))
  })

  test('what is stored stays as it is', () => {
    const stored = set(count(3n))
    add(stored, count(1n))
    expect(stored).toEqual(set(count(3n)))
  })
})

describe('subtract', () => {
  test.each(named(SUBTRACTED))('%s', (_, stored, operand, result) => {
    expect(subtract(stored, operand)).toEqual(ok(result))
  })

  test('every other combination of types is a type-clash', () => {
    const pairs = clashes('subtract')
    expect(pairs).toHaveLength(15 * 15 - 5 - 3 * 15)
    for (const [stored, operand] of pairs) {
      expect(subtract(stored, operand), `${stored.type} and ${operand.type}`).toEqual(CLASH)
    }
  })
})

describe('what a missing key starts with', () => {
  test.each([
    [2, count(0n)],
    [3, integer(0n)],
    [4, real(0)],
    [5, string('')],
    [9, timestamp(0n)],
    [10, timespan(0n)],
    [12, set()],
    [13, table()],
    [14, vector()],
  ])('tag %i', (tag, start) => {
    expect(initialValue(tag)).toEqual(start)
    // The number is the tag of the type.
    expect(VALUE_TYPES[tag]).toBe(start.type)
  })

  test('whatever else is said ends in a type-clash, as there is nothing to add to', () => {
    for (const tag of [0, 1, 6, 7, 8, 11, 15, 255]) {
      const start = initialValue(tag)
      if (start !== undefined)
        for (const type of VALUE_TYPES) expect(add(start, SAMPLES[type])).toEqual(CLASH)
    }
  })
})

describe('valueAt', () => {
  const list = vector(string('a'), string('b'))

  test('vectors by position', () => {
    expect(valueAt(list, count(0n))).toEqual(ok(string('a')))
    expect(valueAt(list, integer(1n))).toEqual(ok(string('b')))
    for (const index of [count(2n), integer(2n), count(LARGEST_COUNT)]) {
      expect(valueAt(list, index)).toEqual(MISSING)
    }
    for (const index of [integer(-1n), real(0), string('0'), timespan(0n), vector(count(0n))]) {
      expect(valueAt(list, index)).toEqual(CLASH)
    }
  })

  test('sets by membership, of any type', () => {
    const members = set(count(1n), string('x'))
    expect(valueAt(members, string('x'))).toEqual(ok({ type: 'boolean', value: true }))
    expect(valueAt(members, integer(1n))).toEqual(ok({ type: 'boolean', value: false }))
  })

  test('tables by key', () => {
    const entries = table([vector(count(1n)), string('one')])
    expect(valueAt(entries, vector(count(1n)))).toEqual(ok(string('one')))
    expect(valueAt(entries, count(1n))).toEqual(MISSING)
  })

  test('of any other type the value itself, whatever the index', () => {
    for (const type of VALUE_TYPES) {
      if (type === 'vector' || type === 'set' || type === 'table') continue
      expect(valueAt(SAMPLES[type], string('index'))).toEqual(ok(SAMPLES[type]))
    }
  })
})
