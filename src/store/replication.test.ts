/** A master and its clones over a network that loses, doubles and reorders messages. */
import { describe, expect, test } from 'vitest'
import { StoreNetwork } from '../../test/support/store-network.js'
import { clone, contents, Follower, master, outcome } from '../../test/support/stores.js'

describe('a clone', () => {
  test('gets what the master has, then every change; its writes are done when they are visible here', async () => {
    const network = new StoreNetwork(1)
    const first = await master(network.start('m'))
    await first.put('before', 1n)
    const second = clone(network.start('c'))
    expect(second.readiness).toBe('waiting')
    await network.time.advance(1000)
    expect(await contents(second)).toEqual(new Map([['before', 1n]]))
    const write = second.put('of the clone', 2n)
    expect(await second.get('of the clone')).toBeUndefined()
    await network.time.settle()
    await write
    expect(await second.get('of the clone')).toBe(2n)
    expect(await first.get('of the clone')).toBe(2n)
    await first.erase('before')
    await network.time.settle()
    expect(await second.exists('before')).toBe(false)
  })

  test('that is there first waits for the master; reads wait with it', async () => {
    const network = new StoreNetwork(1)
    const store = clone(network.start('c'))
    const read = outcome(store.get('x', { timeoutMs: 60_000 }))
    const write = outcome(store.putUnique('x', 1n))
    await network.time.advance(20_000)
    expect([read.state, write.state]).toEqual(['open', 'open'])
    await master(network.start('m'))
    await network.time.advance(1000)
    expect([read.state, write.state]).toEqual(['done', true])
  })

  test('reads that wait for too long fail with stale, or as their caller says', async () => {
    const network = new StoreNetwork(1)
    const store = clone(network.start('c'))
    const abort = new AbortController()
    const reads = [
      outcome(store.get('x')),
      outcome(store.keys({ timeoutMs: 100 })),
      outcome(store.size({ signal: abort.signal })),
    ]
    abort.abort()
    await network.time.advance(4900)
    expect(reads.map(({ state }) => state)).toEqual(['open', 'stale', 'aborted'])
    await network.time.advance(200)
    expect(reads[0]?.state).toBe('stale')
  })

  test('tells what became of every operation', async () => {
    const network = new StoreNetwork(1)
    await master(network.start('m'), { keyBytes: 20, valueBytes: 100, keys: 9 })
    const store = clone(network.start('c'))
    await network.time.advance(1000)
    const results = [
      store.put('text', 'a'),
      store.putUnique('text', 'b'),
      store.putUnique('new', 'b'),
      store.increment('text'),
      store.append('text', 'bc'),
      store.decrement('nobody'),
      store.erase('nobody'),
      store.increment('number', 5n),
      store.decrement('number', 7n),
      store.insertIntoSet('set', 'x'),
      store.insertIntoTable('table', 1n, 'y'),
      store.removeFrom('table', 1n),
      store.push('list', 'z'),
      store.pop('list'),
      store.push('text', 1n),
      store.put('x'.repeat(30), 1n),
      store.put('x', 'x'.repeat(200)),
      store.putMany([
        ['many', 1n],
        ['more', 2n],
      ]),
      store.putUniqueMany([
        ['many', 1n],
        ['most', 2n],
      ]),
    ].map(outcome)
    await network.time.settle()
    expect(results.map(({ state }) => state)).toEqual([
      'done',
      false,
      true,
      'type-clash',
      'done',
      'no-such-key',
      'done',
      'done',
      'done',
      'done',
      'done',
      'done',
      'done',
      'done',
      'type-clash',
      'key-too-large',
      'value-too-large',
      'done',
      [false, true],
    ])
    expect(await store.get('text')).toBe('abc')
    expect(await store.get('number')).toBe(2n ** 64n - 2n)
    expect(await store.getIndexFromValue('set', 'x')).toBe(true)
    expect(await store.getIndexFromValue('list', 0n)).toBeUndefined()
    await expect(store.getIndexFromValue('list', 'x')).rejects.toMatchObject({ code: 'type-clash' })
    const full = [store.put('one too many', 1n), store.put('text', 'replaced'), store.clear()].map(outcome)
    await network.time.settle()
    expect(full.map(({ state }) => state)).toEqual(['limit-reached', 'done', 'done'])
  })
})

describe('large stores', () => {
  test('a batch is one message, or a few when it has very many entries', async () => {
    const network = new StoreNetwork(1)
    const first = await master(network.start('m'))
    const node = network.start('c')
    const store = clone(node)
    await network.time.advance(1000)
    const before = node.sent
    const few = outcome(store.putMany(Array.from({ length: 1000 }, (_, key) => [`few ${key}`, 1n] as const)))
    expect(node.sent - before).toBe(1)
    const many = outcome(
      store.putMany(Array.from({ length: 40_000 }, (_, key) => [`many ${key}`, 1n] as const)),
    )
    expect(node.sent - before).toBe(4)
    const large = outcome(
      store.putMany(Array.from({ length: 9 }, (_, key) => [`large ${key}`, 'x'.repeat(1e6)] as const)),
    )
    expect(node.sent - before).toBe(6)
    await network.time.advance(1000)
    expect([few.state, many.state, large.state]).toEqual(['done', 'done', 'done'])
    expect(await first.size()).toBe(41_009)
  })

  test('a snapshot comes in messages of a bounded size', async () => {
    const network = new StoreNetwork(1)
    const node = network.start('m')
    const first = await master(node)
    const value = 'x'.repeat(100_000)
    for (let key = 0; key < 300; key += 1) await first.put(`key ${key}`, value)
    const store = clone(network.start('c'))
    await network.time.advance(1000)
    expect(await store.size()).toBe(300)
    expect(await store.get('key 299')).toBe(value)
    expect(network.largestBytes).toBeLessThan(300_000)
  })

  test('a full way holds writes and snapshots back until it is free', async () => {
    const network = new StoreNetwork(1)
    const node = network.start('m')
    const first = await master(node)
    for (let key = 0; key < 50; key += 1) await first.put(key, BigInt(key))
    node.outcome = 'queued'
    const other = network.start('c')
    const store = clone(other)
    await network.time.advance(1000)
    expect(store.readiness).toBe('waiting')
    node.outcome = 'accepted'
    node.stores.onDrain()
    await network.time.advance(1000)
    expect(await store.size()).toBe(50)
    other.outcome = 'queued'
    const writes = ['one', 'two', 'three'].map((key) => outcome(store.put(key, 1n)))
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual(['done', 'open', 'open'])
    other.outcome = 'accepted'
    other.stores.onDrain()
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
  })
})

describe('a bad network', () => {
  const FAULTS = { loss: 0.2, duplication: 0.2, delayMs: 400 }

  test.each(Array.from({ length: 30 }, (_, index) => index + 1))(
    'seed %i: every clone has what the master has, and told each change once',
    async (seed) => {
      const network = new StoreNetwork(seed, FAULTS)
      const stores = [await master(network.start('m'))]
      for (const name of ['a', 'b', 'c']) stores.push(clone(network.start(name)))
      await stores[0]!.put('key 0', 0n)
      const followers = stores.map(
        (store, index) => new Follower(store, index === 0 ? new Map([['key 0', 0n]]) : new Map()),
      )
      const outcomes: { state: unknown }[] = []
      for (let step = 0; step < 60; step += 1) {
        const store = stores[Math.floor(network.chance() * stores.length)]!
        const key = `key ${Math.floor(network.chance() * 12)}`
        const value = BigInt(step)
        const choice = Math.floor(network.chance() * 8)
        if (choice === 0) outcomes.push(outcome(store.erase(key)))
        else if (choice === 1) outcomes.push(outcome(store.putUnique(key, value)))
        else if (choice === 2) outcomes.push(outcome(store.increment(key, 1n)))
        else if (choice === 3 && step % 10 === 0) outcomes.push(outcome(store.clear()))
        else if (choice === 4) outcomes.push(outcome(store.put(key, value, { expiryMs: 2000 })))
        else if (choice === 5)
          outcomes.push(
            outcome(
              store.putMany([
                [key, value],
                ['key 1', value],
              ]),
            ),
          )
        else outcomes.push(outcome(store.put(key, value)))
        await network.time.advance(network.chance() * 300)
      }
      await network.time.advance(30_000)
      // The last keepalive may be lost; the next one is not.
      network.faults = { loss: 0, duplication: 0, delayMs: 0 }
      await network.time.advance(5000)
      const expected = await contents(stores[0]!)
      for (const store of stores) expect(await contents(store)).toEqual(expected)
      for (const follower of followers) {
        expect(follower.faults).toEqual([])
        expect(new Map([...follower.entries].sort(([a], [b]) => String(a).localeCompare(String(b))))).toEqual(
          expected,
        )
      }
      expect(outcomes.filter(({ state }) => state === 'open')).toEqual([])
      expect(stores.slice(1).map((store) => store.counters().snapshots)).toEqual([1, 1, 1])
    },
  )

  test('increments of several nodes add up', async () => {
    const network = new StoreNetwork(11, FAULTS)
    const first = await master(network.start('m'))
    const stores = [first, ...['a', 'b', 'c'].map((name) => clone(network.start(name)))]
    await network.time.advance(5000)
    const outcomes = stores.flatMap((store) =>
      Array.from({ length: 60 }, () => outcome(store.increment('sum', 1n))),
    )
    await network.time.advance(60_000)
    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(['done']))
    for (const store of stores) expect(await store.get('sum')).toBe(240n)
  })

  test('of all that put a key uniquely, one is told that it did', async () => {
    const network = new StoreNetwork(7, FAULTS)
    const first = await master(network.start('m'))
    const clones = Array.from({ length: 8 }, (_, index) => clone(network.start(`c${index}`)))
    await network.time.advance(5000)
    const results = clones.map((store, index) =>
      Array.from({ length: 50 }, (_, key) => outcome(store.putUnique(BigInt(key), BigInt(index)))),
    )
    await network.time.advance(60_000)
    for (let key = 0; key < 50; key += 1) {
      const winners = results.flatMap((own, index) => (own[key]!.state === true ? [BigInt(index)] : []))
      expect(winners).toEqual([await first.get(BigInt(key))])
      expect(results.filter((own) => own[key]!.state === false)).toHaveLength(7)
    }
  })
})

describe('two masters', () => {
  test('the second one is refused, and told when both were there before they met', async () => {
    const network = new StoreNetwork(1)
    await master(network.start('m'))
    await expect(master(network.start('other'))).rejects.toMatchObject({ code: 'master-exists' })
    network.start('third')
    network.setConnected('third', false)
    await master(network.start('third'))
    network.setConnected('third', true)
    await network.time.settle()
    expect(network.reports.filter((line) => line.includes('master-exists'))).toEqual([
      'm: error: master-exists',
      'third: error: master-exists',
    ])
  })
})

describe('limits', () => {
  test('refuse: what does not fit is not written', async () => {
    const network = new StoreNetwork(1)
    const store = await master(network.start('m'), { keys: 2 })
    await store.put('a', 1n)
    await store.put('b', 1n)
    await expect(store.put('c', 1n)).rejects.toMatchObject({ code: 'limit-reached' })
    await expect(store.putUnique('c', 1n)).rejects.toMatchObject({ code: 'limit-reached' })
    await store.put('a', 2n)
    expect(store.counters()).toMatchObject({ keys: 2, refused: 2 })
  })

  test('evict-soonest: the entries that end first make room; those without an end stay', async () => {
    const network = new StoreNetwork(1)
    const store = await master(network.start('m'), { bytes: 60, policy: 'evict-soonest' })
    const changes: string[] = []
    void (async () => {
      for await (const change of store.watch())
        if (change.kind !== 'missed') changes.push(`${change.kind} ${String(change.key)}`)
    })()
    await store.put('late', 1n, { expiryMs: 9000 })
    await store.put('soon', 1n, { expiryMs: 3000 })
    await store.put('stay', 1n)
    await store.put('more', 1n)
    await store.put('last', 1n)
    await store.put('room', 1n)
    await expect(store.put('none', 1n)).rejects.toMatchObject({ code: 'limit-reached' })
    await network.time.settle()
    expect(changes.filter((change) => change.startsWith('expire'))).toEqual(['expire soon', 'expire late'])
    expect(store.counters()).toMatchObject({ keys: 4, evicted: 2, refused: 1 })
  })
})

describe('expiry', () => {
  test('only the master ends entries; clones follow', async () => {
    const network = new StoreNetwork(1)
    const first = await master(network.start('m'))
    const store = clone(network.start('c'))
    await network.time.advance(1000)
    await first.put('x', 1n, { expiryMs: 1000 })
    await first.put('y', 1n, { expiryMs: 1000 })
    await first.increment('y')
    await network.time.advance(900)
    expect(await store.size()).toBe(2)
    await network.time.advance(300)
    expect(await contents(store)).toEqual(new Map([['y', 2n]]))
    expect(first.counters().expired).toBe(1)
    await expect(first.put('z', 1n, { expiryMs: 0 })).rejects.toMatchObject({ code: 'invalid-data' })
  })
})
