import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StoreNetwork, type StoreNode } from '../../test/support/store-network.js'
import { any } from '../data/types.js'
import type { Value } from '../data/value.js'
import type { Digest, ShardDigest } from './command.js'
import { type DigestAnswer, differingShards, entryDigest, lastingDifferences, shardDigest } from './digest.js'
import { encode } from './encoded.js'
import type { Engine } from './engine.js'
import { endpointOf } from './entity.js'
import type { LocalStores } from './local-stores.js'
import { SHARDS, shardOf } from './table.js'

describe('digests', () => {
  test('are FNV-1a with 32 bits', () => {
    // Test vectors of the algorithm's authors.
    expect(entryDigest('', '')).toBe(0x811c9dc5)
    expect(entryDigest('a', '')).toBe(0xe40c292c)
    expect(entryDigest('foo', 'bar')).toBe(0xbf9cf968)
  })

  test('of a shard do not depend on the order, but on each entry', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })), {
      minLength: 1,
      selector: ([key]) => key,
    })
    fc.assert(
      fc.property(entries, (list) => {
        const digest = shardDigest(list)
        expect(shardDigest([...list].reverse())).toBe(digest)
        expect(shardDigest(list.slice(1))).not.toBe(digest)
        const [[key, value], ...others] = list as [[string, string], ...[string, string][]]
        expect(shardDigest([[key, `${value}x`], ...others])).not.toBe(digest)
      }),
    )
  })

  test('name the shards that differ', () => {
    const digest = (byShard: readonly number[]): Digest => ({
      kind: 'digest',
      requestId: 1,
      isMaster: false,
      at: 1,
      size: 0,
      byShard,
    })
    expect(differingShards(digest([1, 2, 3, 4]), digest([1, 5, 3, 6]))).toEqual([1, 3])
    expect(differingShards(digest([1, 2]), digest([1, 2]))).toEqual([])
  })
})

const shard = (at: number, byKey: Readonly<Record<string, number>>): ShardDigest => ({
  kind: 'shard-digest',
  requestId: 1,
  isMaster: false,
  at,
  size: 0,
  shard: 0,
  byKey: Object.entries(byKey),
})

/** Of a key that both have in both answers, unless said otherwise. */
function differences(
  master: readonly [ShardDigest, ShardDigest],
  participant: readonly [ShardDigest, ShardDigest],
): Record<string, string> {
  return Object.fromEntries(lastingDifferences(master, participant))
}

describe('differences that last', () => {
  test('are what is missing, what is there in addition, and other values', () => {
    const master = shard(5, { same: 1, missing: 2, changed: 3 })
    const clone = shard(5, { same: 1, changed: 4, extra: 5 })
    expect(differences([master, master], [clone, clone])).toEqual({
      missing: 'missing',
      changed: 'other-value',
      extra: 'extra',
    })
    expect(differences([master, master], [master, master])).toEqual({})
  })

  test('what changes at the master between the answers tells nothing', () => {
    const before = shard(5, { a: 1, b: 1, c: 1 })
    const after = shard(8, { a: 2, c: 1, d: 1 })
    const clone = shard(6, { a: 9, b: 9, c: 9, d: 9 })
    expect(differences([before, after], [clone, clone])).toEqual({ c: 'other-value' })
  })

  test('what a participant makes good in the meantime does not last', () => {
    const master = shard(5, { a: 1, b: 1 })
    expect(differences([master, master], [shard(4, { a: 9 }), shard(5, { a: 1, b: 1 })])).toEqual({})
    expect(differences([master, master], [shard(5, { a: 1, b: 1 }), shard(5, { a: 9 })])).toEqual({})
  })

  test('who is behind cannot be compared', () => {
    const master = shard(5, { a: 1 })
    expect(differences([master, master], [shard(3, {}), shard(4, {})])).toEqual({})
  })
})

const count = (value: bigint): Value => ({ type: 'count', value })
const TYPES = { key: any, value: any }
const KEYS = 1000

/** A master and two clones of it, by the names of their nodes. */
class Cluster {
  readonly #network = new StoreNetwork(1)
  readonly #nodes = new Map<string, StoreNode>()

  async start(): Promise<this> {
    for (const name of ['master', 'clone', 'visitor']) this.#nodes.set(name, this.#network.start(name))
    const master = await this.#stores('master').openMaster('s', { ...TYPES, openBackend: undefined })
    const intervals = { resyncMs: 1000, staleMs: -1, mutationBufferMs: 10_000 }
    for (const name of ['clone', 'visitor']) this.#stores(name).openClone('s', { ...TYPES, intervals })
    for (let number = 0; number < KEYS; number += 1) void master.put(count(BigInt(number)), count(5n))
    await this.#network.time.advance(2000)
    return this
  }

  engine(name: string): Engine {
    return this.#stores(name).engine('s')!
  }

  /** Answers by name, in the order in which they come. */
  async ask(shardNumber?: number): Promise<Map<string, DigestAnswer>> {
    const answers = new Map<string, DigestAnswer>()
    const end = this.#stores('visitor').digests.ask(this.engine('visitor'), shardNumber, (from, answer) => {
      const [name] = [...this.#nodes].find(([, { id }]) => id === endpointOf(from))!
      expect(answers.has(name)).toBe(false)
      answers.set(name, answer)
    })
    await this.#network.time.advance(1000)
    end()
    return answers
  }

  #stores(name: string): LocalStores {
    return this.#nodes.get(name)!.stores
  }
}

describe('masters and clones', () => {
  const key = encode(any, count(7n))

  test('say the same of the same entries', async () => {
    const cluster = await new Cluster().start()
    const answers = await cluster.ask()
    expect([...answers.keys()].sort()).toEqual(['clone', 'master', 'visitor'])
    const master = answers.get('master') as Digest
    expect(master).toMatchObject({ kind: 'digest', isMaster: true, size: KEYS })
    expect(master.at).toBe(cluster.engine('master').position)
    expect(master.byShard).toHaveLength(SHARDS)
    expect(new Set(master.byShard).size).toBeGreaterThan(SHARDS / 2)
    for (const name of ['clone', 'visitor']) {
      expect(answers.get(name)).toEqual({ ...master, isMaster: false })
    }
  })

  test('tell by shard and by key where they differ', async () => {
    const cluster = await new Cluster().start()
    cluster.engine('clone').table.set(key, encode(any, count(6n)))
    const whole = await cluster.ask()
    expect(differingShards(whole.get('master') as Digest, whole.get('clone') as Digest)).toEqual([
      shardOf(key),
    ])
    expect(differingShards(whole.get('master') as Digest, whole.get('visitor') as Digest)).toEqual([])
    const one = await cluster.ask(shardOf(key))
    const [master, clone] = [one.get('master') as ShardDigest, one.get('clone') as ShardDigest]
    expect(master).toMatchObject({ kind: 'shard-digest', shard: shardOf(key), isMaster: true, size: KEYS })
    expect(lastingDifferences([master, master], [clone, clone])).toEqual(new Map([[key, 'other-value']]))
  })

  test('a table that changes while it is looked through is told as it was when the question came', async () => {
    const cluster = await new Cluster().start()
    const before = (await cluster.ask()).get('visitor')
    const asking = cluster.ask()
    // The answer takes a turn for each shard.
    cluster.engine('visitor').table.clear()
    expect((await asking).get('visitor')).toEqual({ ...before, requestId: 2 })
    expect((await cluster.ask()).get('visitor')).toMatchObject({
      size: 0,
      byShard: new Array(SHARDS).fill(0),
    })
  })

  test('many questions at a time are answered one by one, and not without end', async () => {
    const cluster = await new Cluster().start()
    const rounds = await Promise.all(Array.from({ length: 100 }, () => cluster.ask()))
    const complete = rounds.filter(({ size }) => size === 3)
    expect(complete.length).toBeGreaterThanOrEqual(64)
    expect(complete.length).toBeLessThan(100)
    expect((await cluster.ask()).size).toBe(3)
  })
})
