/** Zeek's types: what Zeek sent is read by its type and written as the same bytes; containers compare by value. */
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { Address, Port, Subnet } from './address.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { ValueMap, ValueSet } from './containers.js'
import * as types from './types.js'

const { addr, any, bool, count, double, enumeration, int, interval, optional, port, record, set } = types
const { string, subnet, table, time, tuple, vector } = types

// biome-ignore lint/suspicious/noExplicitAny: types of any value
type AnyType = types.DataType<any>

const inner = record({ x: count, y: optional(string) })
const r1 = record({
  a: count,
  b: optional(string),
  c: bool,
  d: optional(inner),
  e: optional(vector(inner)),
})

/** The types of the recorded values by their names in Zeek. */
const TYPES: Readonly<Record<string, AnyType>> = {
  addr,
  any,
  bool,
  count,
  double,
  int,
  interval,
  port,
  string,
  subnet,
  time,
  Color: enumeration,
  'Log::Writer': enumeration,
  transport_proto: enumeration,
  'Cluster::NodeType': enumeration,
  file: types.file,
  pattern: types.pattern,
  'function(x: count): count': types.func,
  'event(x: count)': types.func,
  'hook(x: count)': types.func,
  R1: r1,
  R2: record({
    s: optional(set(string)),
    t: optional(table(string, inner)),
    p: optional(port),
    ad: optional(addr),
    sn: optional(subnet),
    iv: optional(interval),
    ti: optional(time),
    en: optional(enumeration),
    dbl: optional(double),
    i: optional(int),
    pt: optional(types.pattern),
    nested: optional(r1),
  }),
  Inner: inner,
  Empty: record({}),
  AnyRec: record({ v: any, w: optional(any) }),
  CId: record({ orig_h: addr, orig_p: port, resp_h: addr, resp_p: port }),
  'Cluster::Node': record({
    node_type: enumeration,
    ip: addr,
    zone_id: string,
    p: optional(port),
    manager: optional(string),
    id: optional(string),
    metrics_port: optional(port),
  }),
}

/** The type that Zeek writes as `name`. */
function typeOf(name: string): AnyType {
  const known = TYPES[name]
  if (known !== undefined) return known
  if (name.startsWith('opaque of ')) return types.opaque
  if (name.startsWith('vector of ')) return vector(typeOf(name.slice('vector of '.length)))
  const [, kind, index, value] = /^(set|table)\[(.*?\]?)\](?: of (.*))?$/.exec(name) ?? []
  if (index === undefined) throw new Error(`no type for ${name}`)
  const members = index.split(', ').map(typeOf)
  const key = members.length === 1 ? members[0]! : tuple(...members)
  return kind === 'set' ? set(key) : table(key, typeOf(value!))
}

function write(type: AnyType, value: unknown): string {
  const writer = new ByteWriter()
  type.write(writer, value)
  return toHex(writer.written())
}

function read<T>(type: types.DataType<T>, hex: string): T {
  const reader = new ByteReader(fromHex(hex))
  const value = type.read(reader)
  reader.expectEnd()
  return value
}

interface Recorded {
  readonly name: string
  readonly zeek_type: string
  readonly value_hex?: string
}

const recorded = vectorNames('values')
  .flatMap((file) => readJsonLines<Recorded>(`values/${file}`))
  .filter((entry) => entry.value_hex !== undefined)

/** Here the text is no text: `string` reads it with replacements, `bytes` as it is. */
const NO_TEXT = 'string-invalid-utf8'

describe('values that Zeek sent, by their types', () => {
  test.each(recorded)('$name: $zeek_type', ({ name, zeek_type, value_hex }) => {
    const type = name === NO_TEXT ? types.bytes : typeOf(zeek_type)
    expect(write(type, read(type, value_hex!))).toBe(value_hex)
  })
})

describe('sets and tables of objects', () => {
  test('elements are found by value', () => {
    const hosts = read(set(addr), write(set(addr), new Set([Address.parse('10.0.0.1')])))
    expect(hosts).toBeInstanceOf(ValueSet)
    expect(hosts.has(Address.parse('10.0.0.1'))).toBe(true)
    const ports = read(
      table(port, string),
      write(table(port, string), new Map([[new Port(53, 'udp'), 'dns']])),
    )
    expect(ports).toBeInstanceOf(ValueMap)
    expect(ports.get(new Port(53, 'udp'))).toBe('dns')
    const pairs = set(tuple(string, count))
    expect(read(pairs, write(pairs, new Set([['a', 1n] as const]))).has(['a', 1n])).toBe(true)
  })

  test('primitives are in plain sets and tables', () => {
    expect(read(set(count), write(set(count), new ValueSet([2n, 1n])))).toEqual(new Set([1n, 2n]))
    const nets = table(string, subnet)
    const given = new ValueMap([['ten', Subnet.parse('10.0.0.0/8')]])
    expect(read(nets, write(nets, given))).toEqual(new Map([['ten', Subnet.parse('10.0.0.0/8')]]))
  })

  test('equal objects are written once', () => {
    const twice = new Set([Address.parse('10.0.0.1'), Address.parse('10.0.0.1')])
    expect(read(set(addr), write(set(addr), twice)).size).toBe(1)
  })

  test.each<readonly [string, AnyType, string]>([
    ['count twice', set(count), '0c02020000000000000001020000000000000001'],
    ['addr twice', set(addr), `0c02${'0600000000000000000000ffff0a000001'.repeat(2)}`],
    ['-0 and 0', set(double), '0c02040000000000000000048000000000000000'],
    ['string twice as key', table(string, bool), '0d0205016101010501610100'],
  ])('%s is refused', (_name, type, hex) => {
    expect(() => read(type, hex)).toThrow(expect.objectContaining({ code: 'duplicate-element' }))
  })

  test('different bytes that are the same text here are no duplicates', () => {
    expect(read(set(string), '0c020501fe0501ff')).toEqual(new Set(['\ufffd']))
    expect(read(set(types.bytes), '0c020501fe0501ff').size).toBe(2)
  })

  test('a single index may come as a vector of one, unless it travels as a vector itself', () => {
    expect(read(set(count), '0c010e01020000000000000007')).toEqual(new Set([7n]))
    expect(read(table(string, bool), '0d010e0105016101' + '01')).toEqual(new Map([['a', true]]))
    expect([...read(set(vector(count)), '0c010e01020000000000000007')]).toEqual([[7n]])
    expect(() => read(set(count), '0c010e02020000000000000007020000000000000008')).toThrow(
      expect.objectContaining({ code: 'type-mismatch' }),
    )
  })

  test('a tuple has exactly its members', () => {
    for (const hex of ['0e01050161', '0e03050161020000000000000001' + '00']) {
      expect(() => read(tuple(string, count), hex)).toThrow(
        expect.objectContaining({ code: 'type-mismatch' }),
      )
    }
  })
})

describe('times', () => {
  test.each(['097fffffffffffffff', '098000000000000000', '0940000000000000ff', '0938eecfcf835a1800'])(
    '%s is read to the microsecond',
    (hex) => {
      const nanoseconds = new DataView(fromHex(hex).buffer).getBigInt64(1)
      const seconds = read(time, hex)
      expect(Math.abs(seconds - Number(nanoseconds) / 1e9)).toBeLessThan(2e-6)
    },
  )

  test('times after 2116 come back', () => {
    for (const seconds of [4_700_000_000.25, 9_000_000_000, -9_000_000_000.5]) {
      expect(read(time, write(time, seconds))).toBe(seconds)
    }
  })
})

test('a lambda keeps what it captured', () => {
  const lambda = {
    name: 'lambda_<1>',
    captures: { type: 'vector', value: [{ type: 'count', value: 1n }] },
  } as const
  expect(read(types.func, write(types.func, lambda))).toEqual(lambda)
})
