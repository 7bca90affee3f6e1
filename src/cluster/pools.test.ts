import { describe, expect, test } from 'vitest'
import { readJsonLines } from '../../test/support/vectors.js'
import { Address, Port, Subnet } from '../data/address.js'
import {
  addr,
  count,
  enumeration,
  enumOf,
  int,
  interval,
  optional,
  pattern,
  port,
  record,
  set,
  string,
  table,
  time,
  tuple,
  vector,
} from '../data/types.js'
import { type Layout, type LayoutNode, OUTSIDE_OF_CLUSTERS } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import type { HashEra } from '../options/dialect.js'
import { parseInterval } from '../options/interval.js'
import type { PoolSpec } from '../options/pool-settings.js'
import { hashKey, type PoolKey, poolKey } from './hash.js'
import { assignMembers, Pool } from './pools.js'

function layoutOf(nodes: Readonly<Record<string, NodeType>>): Layout {
  const entries = Object.entries(nodes).map(([name, nodeType]): [string, LayoutNode] => [
    name,
    { ...OUTSIDE_OF_CLUSTERS, name, nodeType },
  ])
  return { nodes: new Map(entries), redefs: [] }
}

function poolOf(era: HashEra, names: readonly string[]): Pool {
  const pool = new Pool({ topic: 'pool', nodeType: 'PROXY' }, era)
  for (const name of names) {
    pool.add(name, false)
    pool.nodeUp(name)
  }
  return pool
}

describe('highest random weight', () => {
  // Stored baselines of Zeek 3.0 (spec/cluster-framework.md 3.5).
  test('the 3.0 baselines', () => {
    const proxies = poolOf('3.0', ['proxy-1', 'proxy-2'])
    for (const key of [0n, 1n, 2n, 3n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-1')
    for (const key of [13n, 37n, 42n, 101n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-2')
    const workers = poolOf('3.0', ['worker-1', 'worker-2', 'worker-3'])
    expect([0n, 1n, 2n, 3n, 4n, 5n].map((key) => workers.highestRandomWeight(key))).toEqual(
      ['1', '2', '3', '3', '2', '2'].map((number) => `worker-${number}`),
    )
    expect(['a', 'b', '1.2.3.4', 'example.com'].map((key) => workers.highestRandomWeight(key))).toEqual(
      ['3', '3', '2', '2'].map((number) => `worker-${number}`),
    )
    expect(hashKey('3.0', '')).toBe(2263640685)
    expect(hashKey('3.0', 'a')).toBe(1837371655)
    expect(hashKey('3.0', 0n)).toBe(3049837286)
  })

  test('the 7.1 baselines', () => {
    const proxies = poolOf('7.1', ['proxy-1', 'proxy-2'])
    for (const key of [0n, 2n, 3n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-2')
    for (const key of [1n, 13n, 37n, 42n, 101n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-1')
  })

  test('the 4.1 baselines', () => {
    expect(hashKey('4.1', 'proxy-1.0')).toBe(2555569005)
    expect(hashKey('4.1', 'proxy-2.0')).toBe(3888380144)
    const proxies = poolOf('4.1', ['proxy-1', 'proxy-2'])
    for (const key of [0n, 1n, 3n, 13n, 37n, 101n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-2')
    for (const key of [2n, 42n]) expect(proxies.highestRandomWeight(key)).toBe('proxy-1')
  })

  interface RecordedKey {
    readonly zeek_type: string
    readonly zeek_literal: string
    readonly text: string
    readonly fnv1a32: number
    readonly topic: Readonly<Record<string, string>>
  }

  /** Zeek printed bytes that are not ASCII as `\\xhh`. */
  function unescaped(text: string): Uint8Array {
    return Buffer.from(
      text.replaceAll(/\\x(..)/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    )
  }

  const ENUM_NAMES: Readonly<Record<string, string>> = {
    tcp: 'transport_proto',
    'Log::WRITER_ASCII': 'Log::Writer',
    'Cluster::WORKER': 'Cluster::NodeType',
  }

  /** A sum of intervals, as in `1day + 2hr`. */
  function secondsOf(literal: string): number {
    return literal.split(' + ').reduce((sum, part) => {
      const sign = part.startsWith('-') ? -1 : 1
      return sum + sign * parseInterval(part.replace('-', ''))!
    }, 0)
  }

  /** The recorded Zeek expression as a key. */
  function toKey(entry: RecordedKey): PoolKey {
    switch (entry.zeek_type) {
      case 'string':
        return unescaped(entry.text)
      case 'count':
        return BigInt(entry.text)
      case 'bool':
        return entry.text === 'T'
      case 'addr':
        return Address.parse(entry.text)
      case 'subnet':
        return Subnet.parse(entry.text)
      case 'port':
        return Port.parse(entry.text)
      case 'string made with cat':
      case 'string made with cat of addr':
      case 'string made with fmt':
        return unescaped(entry.text)
      case 'int':
        return poolKey(int, BigInt(entry.text))
      case 'double':
        return Number(entry.text)
      case 'time':
        return poolKey(time, Number(entry.text))
      case 'interval':
        return poolKey(interval, secondsOf(entry.zeek_literal))
      case 'enum':
        return poolKey(enumOf(ENUM_NAMES[entry.text]!, [entry.text]), entry.text)
      default:
        return CONTAINERS[entry.zeek_literal]!
    }
  }

  const CID = record({ h: addr, p: port })
  const OPT = record({ a: count, b: optional(string) })
  const web = new Port(80, 'tcp')
  /** Keys with parts. */
  const CONTAINERS: Readonly<Record<string, PoolKey>> = {
    'CId($h=10.0.0.1, $p=80/tcp)': poolKey(CID, { h: Address.parse('10.0.0.1'), p: web }),
    'CId($h=[2001:db8::1], $p=53/udp)': poolKey(CID, {
      h: Address.parse('2001:db8::1'),
      p: new Port(53, 'udp'),
    }),
    'Opt($a=1)': poolKey(OPT, { a: 1n }),
    'Opt($a=1, $b="x")': poolKey(OPT, { a: 1n, b: 'x' }),
    'vector(1, 2, 3)': poolKey(vector(count), [1n, 2n, 3n]),
    'vector("a", "b")': poolKey(vector(string), ['a', 'b']),
    'set("only")': poolKey(set(string), new Set(['only'])),
    'set(7)': poolKey(set(count), new Set([7n])),
    'set([10.0.0.1, 80/tcp])': poolKey(
      set(tuple(addr, port)),
      new Set([[Address.parse('10.0.0.1'), web] as const]),
    ),
    'table(["k"] = 1)': poolKey(table(string, count), new Map([['k', 1n]])),
    'conn_id($orig_h=10.0.0.1, $orig_p=1234/tcp, $resp_h=10.0.0.2, $resp_p=80/tcp)': poolKey(
      record({
        orig_h: addr,
        orig_p: port,
        resp_h: addr,
        resp_p: port,
        proto: count,
        ctx: record({}),
      }),
      {
        orig_h: Address.parse('10.0.0.1'),
        orig_p: new Port(1234, 'tcp'),
        resp_h: Address.parse('10.0.0.2'),
        resp_p: web,
        proto: 65535n,
        ctx: {},
      },
    ),
    '/abc/': poolKey(pattern, { exact: '^?(abc)$?', anywhere: '^?(.|\\n)*(abc)' }),
  }

  test('what has no order is no key', () => {
    const pool = poolOf('7.1', ['proxy-1'])
    expect(() => pool.highestRandomWeight(poolKey(set(count), new Set([1n, 2n])))).toThrow(
      'they have no order',
    )
    expect(() => pool.highestRandomWeight(poolKey(enumeration, 'Demo::X'))).toThrow(
      expect.objectContaining({ code: 'not-a-pool-key', message: 'a enum is no pool key' }),
    )
  })

  test('the choices of a real Zeek 9 with three, two and one proxies alive', () => {
    let compared = 0
    for (const entry of readJsonLines<RecordedKey>('hashes/hrw.jsonl')) {
      const key = toKey(entry)
      const pool = poolOf('7.1', ['proxy-1', 'proxy-2', 'proxy-3'])
      const ownerTopic = (): string => `zeek.cluster.node.${pool.highestRandomWeight(key)}.`
      expect(hashKey('7.1', key), entry.zeek_literal).toBe(entry.fnv1a32)
      expect(ownerTopic(), entry.zeek_literal).toBe(entry.topic['all-alive'])
      pool.nodeDown('proxy-3')
      expect(ownerTopic(), entry.zeek_literal).toBe(entry.topic['after-down-proxy-3'])
      pool.nodeDown('proxy-1')
      expect(ownerTopic(), entry.zeek_literal).toBe(entry.topic['after-down-proxy-1'])
      compared += 1
    }
    expect(compared).toBe(204)
  })
})

describe('round robin', () => {
  test('goes over the living in order, each key with its own sequence', () => {
    const pool = poolOf('3.0', ['proxy-1', 'proxy-2', 'proxy-3'])
    expect([pool.roundRobin(), pool.roundRobin(), pool.roundRobin('other'), pool.roundRobin()]).toEqual([
      'proxy-1',
      'proxy-2',
      'proxy-1',
      'proxy-3',
    ])
    pool.nodeDown('proxy-1')
    expect([pool.roundRobin(), pool.roundRobin(), pool.roundRobin()]).toEqual([
      'proxy-2',
      'proxy-3',
      'proxy-2',
    ])
    pool.nodeDown('proxy-2')
    pool.nodeDown('proxy-3')
    expect(pool.roundRobin()).toBeUndefined()
    expect(pool.highestRandomWeight(1n)).toBeUndefined()
  })

  test('the local node counts for round robin from the start, but never owns a key', () => {
    const pool = new Pool({ topic: 'pool', nodeType: 'PROXY' }, '3.0')
    pool.add('proxy-1', true)
    expect(pool.aliveCount).toBe(1)
    expect(pool.roundRobin()).toBe('proxy-1')
    expect(pool.highestRandomWeight('x')).toBeUndefined()
  })
})

describe('membership', () => {
  const layout = layoutOf({ manager: 'MANAGER', 'proxy-1': 'PROXY', 'proxy-2': 'PROXY', 'proxy-10': 'PROXY' })

  function assign(...specs: PoolSpec[]): (readonly string[])[] {
    const pools = specs.map((spec) => new Pool(spec, '3.0'))
    assignMembers(pools, layout, 'manager', true)
    return pools.map((pool) => pool.members)
  }

  test('all nodes of the type, by the bytes of their names', () => {
    expect(assign({ topic: 'a', nodeType: 'PROXY' })).toEqual([['proxy-1', 'proxy-10', 'proxy-2']])
  })

  test('limited pools share a cursor, in order of their topics', () => {
    expect(
      assign({ topic: 'b', nodeType: 'PROXY', maxNodes: 2 }, { topic: 'a', nodeType: 'PROXY', maxNodes: 2 }),
    ).toEqual([
      ['proxy-2', 'proxy-1'],
      ['proxy-1', 'proxy-10'],
    ])
  })

  test('an exclusive pool takes its nodes from all others', () => {
    expect(
      assign(
        { topic: 'z', nodeType: 'PROXY', maxNodes: 1, exclusive: true },
        { topic: 'a', nodeType: 'PROXY' },
      ),
    ).toEqual([['proxy-1'], ['proxy-10', 'proxy-2']])
  })

  test('the manager that is the logger is in the logger pool', () => {
    expect(assign({ topic: 'l', nodeType: 'LOGGER' })).toEqual([['manager']])
  })

  test.each([
    [{ topic: 'a', nodeType: 'MANAGER' as 'PROXY' }, 'pools of MANAGER nodes do not exist'],
    [{ topic: 'a', nodeType: 'PROXY', exclusive: true } as const, 'needs maxNodes'],
    [{ topic: 'a', nodeType: 'PROXY', exclusive: true, maxNodes: 4 } as const, 'need more PROXY nodes'],
  ])('%j is refused', (spec, message) => {
    expect(() => assign(spec)).toThrow(message)
  })
})
