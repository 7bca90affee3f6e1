/** The typed face of a store: what fits its types, and what does not. */
import { describe, expect, test } from 'vitest'
import { StoreNetwork } from '../../test/support/store-network.js'
import { outcome, STORE_TYPES } from '../../test/support/stores.js'
import { Address } from '../data/address.js'
import { addr, count, type DataType, record, string } from '../data/types.js'
import type { Store } from './store.js'

async function stores<Key, Value>(
  key: DataType<Key>,
  value: DataType<Value>,
): Promise<{ network: StoreNetwork; plain: Store; typed: Store<Key, Value> }> {
  const network = new StoreNetwork(1)
  const plain = await network.start('m').stores.openMaster('s', { ...STORE_TYPES, openBackend: undefined })
  const intervals = { resyncMs: 10_000, staleMs: -1, mutationBufferMs: 120_000 }
  const typed = network.start('c').stores.openClone('s', { key, value, intervals })
  await network.time.advance(1000)
  return { network, plain, typed }
}

describe('types', () => {
  test('keys and values are those of the types, records included', async () => {
    const { network, typed } = await stores(addr, record({ hits: count, name: string }))
    const host = Address.parse('10.0.0.1')
    void typed.put(host, { hits: 3n, name: 'x' })
    await network.time.settle()
    expect(await typed.get(Address.parse('10.0.0.1'))).toEqual({ hits: 3n, name: 'x' })
    expect(await typed.keys()).toEqual([host])
    expect(await typed.entries()).toEqual([[host, { hits: 3n, name: 'x' }]])
    expect(await typed.getIndexFromValue(host, 0n)).toBe(3n)
  })

  test('what is not of them is an error at once, and nothing is sent', async () => {
    const { network, plain, typed } = await stores(addr, count)
    const wrong = [
      outcome(typed.put('10.0.0.1' as never, 1n)),
      outcome(typed.put(Address.parse('10.0.0.1'), -1n)),
      outcome(typed.putUnique(Address.parse('10.0.0.1'), 1 as never)),
      outcome(
        typed.putMany([
          [Address.parse('10.0.0.1'), 1n],
          [Address.parse('10.0.0.2'), 'x' as never],
        ]),
      ),
      outcome(typed.get('10.0.0.1' as never)),
      outcome(typed.push(Address.parse('10.0.0.1'), Symbol('x') as never)),
      outcome(typed.increment(Address.parse('10.0.0.1'), 'one')),
      outcome(typed.put(Address.parse('10.0.0.1'), 1n, { expiryMs: -5 })),
    ]
    await network.time.advance(1000)
    expect(wrong.map(({ state }) => state)).toEqual([
      'not-representable',
      'not-representable',
      'not-representable',
      'not-representable',
      'not-representable',
      'not-representable',
      'type-clash',
      'invalid-data',
    ])
    expect(await plain.size()).toBe(0)
    expect(plain.counters().writes).toBe(0)
  })

  test('what others put there and is not of them is an error of the read; watchers miss it', async () => {
    const { network, plain, typed } = await stores(string, count)
    const changes = typed.watch()
    await plain.put('fits', 1n)
    await plain.put('does not', 'text')
    await plain.put('fits', 2n)
    await network.time.settle()
    expect(await typed.get('fits')).toBe(2n)
    await expect(typed.get('does not')).rejects.toMatchObject({ code: 'type-mismatch' })
    await expect(typed.entries()).rejects.toMatchObject({ code: 'type-mismatch' })
    const seen = [await changes.next(), await changes.next(), await changes.next()]
    expect(seen.map(({ value }) => value)).toEqual([
      { kind: 'insert', key: 'fits', value: 1n },
      { kind: 'missed', changes: 1 },
      { kind: 'update', key: 'fits', oldValue: 1n, value: 2n },
    ])
  })
})
