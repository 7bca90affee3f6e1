/** Sets and tables that compare by value. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue } from '../../test/support/arbitrary-values.js'
import { Address, Port, Subnet } from './address.js'
import { ValueMap, ValueSet } from './containers.js'
import { keyOf } from './value-key.js'

const address = (text: string): Address => Address.parse(text)

describe('ValueSet', () => {
  test('finds what is equal, not what is the same object', () => {
    const hosts = new ValueSet([address('10.0.0.1'), address('2001:db8::1')])
    expect(hosts.has(address('10.0.0.1'))).toBe(true)
    expect(hosts.has(address('10.0.0.2'))).toBe(false)
    hosts.add(address('10.0.0.1'))
    expect(hosts.size).toBe(2)
    expect(hosts.delete(address('10.0.0.1'))).toBe(true)
    expect(hosts.delete(address('10.0.0.1'))).toBe(false)
    expect([...hosts].map(String)).toEqual(['2001:db8::1'])
    hosts.clear()
    expect(hosts.size).toBe(0)
  })

  test('iterates in the order of insertion, in every way that a Set does', () => {
    const ports = new ValueSet([new Port(80, 'tcp'), new Port(53, 'udp'), new Port(80, 'tcp')])
    const visited: string[] = []
    ports.forEach((port, again, set) => {
      expect(again).toBe(port)
      expect(set).toBe(ports)
      visited.push(String(port))
    })
    expect(visited).toEqual(['80/tcp', '53/udp'])
    for (const each of [[...ports], [...ports.values()], [...ports.keys()]]) {
      expect(each.map(String)).toEqual(visited)
    }
    expect([...ports.entries()].map(([a, b]) => `${a} ${b}`)).toEqual(['80/tcp 80/tcp', '53/udp 53/udp'])
  })

  test('set algebra is by value', () => {
    const left = new ValueSet(['10.0.0.1', '10.0.0.2'].map(address))
    const right = new ValueSet(['10.0.0.2', '10.0.0.3'].map(address))
    const texts = (set: Iterable<Address>): string[] => [...set].map(String)
    expect(texts(left.union(right))).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    expect(texts(left.intersection(right))).toEqual(['10.0.0.2'])
    expect(texts(left.difference(right))).toEqual(['10.0.0.1'])
    expect(texts(left.symmetricDifference(right))).toEqual(['10.0.0.1', '10.0.0.3'])
    expect(left.isSubsetOf(left.union(right))).toBe(true)
    expect(left.isSupersetOf(right)).toBe(false)
    expect(left.isDisjointFrom(right)).toBe(false)
    expect(left.difference(right).isDisjointFrom(right)).toBe(true)
  })
})

describe('ValueMap', () => {
  test('finds values by keys that are equal', () => {
    const names = new ValueMap<Subnet, string>([[Subnet.parse('10.0.0.0/8'), 'ten']])
    names.set(Subnet.parse('192.168.0.0/16'), 'private').set(Subnet.parse('10.0.0.0/8'), 'TEN')
    expect(names.get(Subnet.parse('10.0.0.0/8'))).toBe('TEN')
    expect(names.get(Subnet.parse('10.0.0.0/9'))).toBeUndefined()
    expect([...names.values()]).toEqual(['TEN', 'private'])
    expect([...names.keys()].map(String)).toEqual(['10.0.0.0/8', '192.168.0.0/16'])
    const visited: string[] = []
    names.forEach((value, key) => {
      visited.push(`${key} ${value}`)
    })
    expect(visited).toEqual(['10.0.0.0/8 TEN', '192.168.0.0/16 private'])
    expect([names.delete(Subnet.parse('10.0.0.0/8')), names.size]).toEqual([true, 1])
    expect(names.getOrInsert(Subnet.parse('192.168.0.0/16'), 'other')).toBe('private')
    expect(names.getOrInsertComputed(Subnet.parse('::/0'), String)).toBe('::/0')
    expect(names.get(Subnet.parse('::/0'))).toBe('::/0')
    names.clear()
    expect(names.has(Subnet.parse('192.168.0.0/16'))).toBe(false)
  })
})

describe('keys', () => {
  test.each([
    ['records, in any order of their fields', { a: 1n, b: 'x' }, { b: 'x', a: 1n }],
    ['unset fields and missing ones', { a: 1n, b: undefined }, { a: 1n }],
    ['lists', [address('::1'), 1n], [address('::1'), 1n]],
    ['bytes', Uint8Array.of(1, 255), Buffer.from([1, 255])],
    ['sets, in any order', new Set([1n, 2n]), new ValueSet([2n, 1n])],
    [
      'tables, in any order',
      new Map([
        ['a', 1n],
        ['b', 2n],
      ]),
      new ValueMap([
        ['b', 2n],
        ['a', 1n],
      ]),
    ],
    ['zeros', [-0], [0]],
  ])('are equal for equal %s', (_name, a, b) => {
    expect(keyOf(a)).toBe(keyOf(b))
  })

  test('differ for everything that differs', () => {
    const values: unknown[] = [
      undefined,
      null,
      1,
      1n,
      '1',
      true,
      'true',
      '',
      '\0',
      '\0a',
      "\0'",
      ['1'],
      [1],
      [1n],
      ['1', '1'],
      ['11'],
      [['1'], '1'],
      ['1', ['1']],
      [],
      {},
      { a: '1' },
      { a: 1n },
      { b: '1' },
      [null],
      [undefined],
      new Set(['1']),
      new Map([['1', '1']]),
      Uint8Array.of(49),
      address('10.0.0.1'),
      address('::1'),
      '10.0.0.1',
      Subnet.parse('10.0.0.1/32'),
      Subnet.parse('::1/128'),
      new Port(1, 'tcp'),
      new Port(1, 'udp'),
      '1/tcp',
    ]
    expect(new Set(values.map(keyOf)).size).toBe(values.length)
  })

  test('are the same for the same value made twice', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(keyOf(structuredCopy(value))).toBe(keyOf(value))
      }),
    )
  })
})

function structuredCopy(value: unknown): unknown {
  if (value instanceof Address) return Address.fromBytes(value.toBytes())
  if (value instanceof Port) return new Port(value.number, value.protocol)
  if (value instanceof Subnet) return new Subnet(value.address, value.length)
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return value.map(structuredCopy)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, structuredCopy(field)]))
}
