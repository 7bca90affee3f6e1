/** A master that tells only what its backend has made safe. */
import { describe, expect, test } from 'vitest'
import { StoreNetwork } from '../../test/support/store-network.js'
import { clone, contents, outcome, STORE_TYPES } from '../../test/support/stores.js'
import type { Backend, Change, StoredEntry } from './backends/backend.js'
import { encode } from './encoded.js'
import { storeData } from './store-data.js'
import { StoreError } from './store-error.js'

describe('a master with a backend', () => {
  /** Keeps nothing, and commits when told. */
  class Commits implements Backend {
    readonly batches: (readonly Change[])[] = []
    readonly waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []

    async *load(): AsyncIterable<readonly StoredEntry[]> {
      const value = Buffer.from(encode(storeData, 1n), 'latin1')
      const old = { key: Buffer.from(encode(storeData, 'old'), 'latin1'), value, expiryNs: undefined }
      yield [old, { key: Buffer.from(encode(storeData, 'over'), 'latin1'), value, expiryNs: 5n }]
    }

    commit(changes: readonly Change[]): Promise<void> {
      this.batches.push(changes)
      return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
    }

    async close(): Promise<void> {}
  }

  async function pair() {
    const network = new StoreNetwork(5)
    const backend = new Commits()
    const options = { ...STORE_TYPES, openBackend: async () => backend }
    const first = await network.start('m').stores.openMaster('s', options)
    const store = clone(network.start('c'))
    await network.time.advance(500)
    backend.waiting.shift()?.resolve()
    await network.time.advance(500)
    return { network, backend, first, store }
  }

  test('loads what was kept; what ended meanwhile goes at the first tick', async () => {
    const { first, store, backend } = await pair()
    expect(backend.batches.map((batch) => batch.map(({ kind }) => kind))).toEqual([['erase']])
    expect(await contents(first)).toEqual(new Map([['old', 1n]]))
    expect(await contents(store)).toEqual(new Map([['old', 1n]]))
  })

  test('tells writers and clones only what is safe; what comes meanwhile goes together', async () => {
    const { network, backend, first, store } = await pair()
    const one = outcome(store.put('one', 1n))
    await network.time.settle()
    const two = [
      outcome(store.put('two', 1n)),
      outcome(first.put('two', 2n)),
      outcome(first.putUnique('three', 3n)),
    ]
    await network.time.advance(2000)
    expect(backend.batches.slice(1).map((batch) => batch.length)).toEqual([1])
    expect([one.state, ...two.map(({ state }) => state)]).toEqual(['open', 'open', 'open', 'open'])
    expect(await store.exists('one')).toBe(false)
    // The master's own node reads what it has decided.
    expect(await first.get('one')).toBe(1n)
    backend.waiting.shift()?.resolve()
    await network.time.settle()
    expect([one.state, ...two.map(({ state }) => state)]).toEqual(['done', 'open', 'open', 'open'])
    expect(await store.exists('two')).toBe(false)
    expect(backend.batches.slice(2).map((batch) => batch.length)).toEqual([2])
    backend.waiting.shift()?.resolve()
    await network.time.settle()
    expect(two.map(({ state }) => state)).toEqual(['done', 'done', true])
    expect(await contents(store)).toEqual(await contents(first))
  })

  test('that is opened while the process ends is closed again', async () => {
    const node = new StoreNetwork(1).start('m')
    const backend = new Commits()
    let isClosed = false
    backend.close = async () => {
      isClosed = true
    }
    const opening = node.stores.openMaster('s', { ...STORE_TYPES, openBackend: async () => backend })
    await Promise.all([expect(opening).rejects.toMatchObject({ code: 'closed' }), node.stores.close()])
    expect(isClosed).toBe(true)
  })

  test('says what changed nothing behind what is not safe yet', async () => {
    const { network, backend, store } = await pair()
    const writes = [
      store.putUnique('one', 1n),
      store.putUnique('one', 2n),
      store.erase('nobody'),
      store.append('one', 'text'),
      store.put('two', 2n),
    ].map(outcome)
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'open', 'open'])
    backend.waiting.shift()?.resolve()
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual([true, false, 'done', 'type-clash', 'done'])
    const again = [store.putUnique('three', 1n), store.putUnique('three', 2n), store.erase('nobody')].map(
      outcome,
    )
    await network.time.settle()
    backend.waiting.shift()?.reject(new StoreError('disk-full', 'no room', { store: 's' }))
    await network.time.settle()
    expect(again.map(({ state }) => state)).toEqual(['disk-full', 'disk-full', 'disk-full'])
  })

  test('takes back what could not be made safe, and goes on', async () => {
    const { network, backend, first, store } = await pair()
    const writes = [
      store.put('new', 1n),
      store.put('old', 2n, { expiryMs: 60_000 }),
      store.erase('old'),
      store.putUnique('unique', 1n),
    ].map(outcome)
    await network.time.settle()
    const behind = [outcome(first.increment('new', 5n)), outcome(first.clear())]
    backend.waiting.shift()?.reject(new StoreError('disk-full', 'no room', { store: 's' }))
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual(['disk-full', 'disk-full', 'disk-full', 'disk-full'])
    expect(behind.map(({ state }) => state)).toEqual(['disk-full', 'disk-full'])
    expect(await contents(first)).toEqual(new Map([['old', 1n]]))
    expect(await contents(store)).toEqual(new Map([['old', 1n]]))
    const again = outcome(store.put('again', 1n))
    await network.time.settle()
    backend.waiting.shift()?.resolve()
    await network.time.advance(120_000)
    expect(again.state).toBe('done')
    expect(await contents(store)).toEqual(
      new Map([
        ['again', 1n],
        ['old', 1n],
      ]),
    )
  })

  test('a clone that attaches meanwhile has nothing that was taken back', async () => {
    const { network, backend, first } = await pair()
    void outcome(first.put('gone', 1n))
    void outcome(first.put('old', 7n))
    const late = clone(network.start('late'))
    await network.time.advance(1000)
    expect(await late.get('old')).toBe(7n)
    backend.waiting.shift()?.reject(new StoreError('disk-full', 'no room', { store: 's' }))
    await network.time.advance(1000)
    expect(await contents(late)).toEqual(new Map([['old', 1n]]))
  })
})
