/** What tests of stores do again and again: masters, clones, their contents, what became of a promise. */
import type { CloneIntervals } from '../../src/store/clone-settings.js'
import type { StoreLimits } from '../../src/store/limits.js'
import type { Store, StoreChange } from '../../src/store/store.js'
import { type StoreData, storeData } from '../../src/store/store-data.js'
import type { StoreNode } from './store-network.js'

export const STORE_TYPES = { key: storeData, value: storeData }
const INTERVALS: CloneIntervals = { resyncMs: 10_000, staleMs: 300_000, mutationBufferMs: 120_000 }

export function master(node: StoreNode, limits: Partial<StoreLimits> = {}): Promise<Store> {
  return node.stores.openMaster('s', { ...STORE_TYPES, openBackend: undefined, limits })
}

export function clone(
  node: StoreNode,
  intervals: Partial<CloneIntervals> = {},
  mutationBufferBytes?: number,
): Store {
  return node.stores.openClone('s', {
    ...STORE_TYPES,
    intervals: { ...INTERVALS, ...intervals },
    ...(mutationBufferBytes === undefined ? {} : { mutationBufferBytes }),
  })
}

export async function contents(store: Store): Promise<Map<StoreData, StoreData>> {
  return new Map([...(await store.entries())].sort(([a], [b]) => String(a).localeCompare(String(b))))
}

/** What became of a promise, as soon as it is known. */
export function outcome(promise: Promise<unknown>): { state: unknown } {
  const result: { state: unknown } = { state: 'open' }
  promise.then(
    (value) => {
      result.state = value === undefined ? 'done' : value
    },
    (error: { code?: string }) => {
      result.state = error.code ?? error
    },
  )
  return result
}

/** The changes that a store tells, applied one after the other. */
export class Follower {
  readonly entries: Map<StoreData, StoreData>
  readonly faults: string[] = []

  constructor(store: Store, start: Map<StoreData, StoreData>) {
    this.entries = new Map(start)
    void this.#follow(store)
  }

  async #follow(store: Store): Promise<void> {
    for await (const change of store.watch()) this.#apply(change)
  }

  #apply(change: StoreChange): void {
    if (change.kind === 'missed') return void this.faults.push('missed')
    const before = this.entries.get(change.key)
    const isNew = change.kind === 'insert'
    if (isNew !== (before === undefined)) this.faults.push(`${change.kind} of ${String(change.key)}`)
    if (!isNew && before !== change.oldValue) this.faults.push(`old value of ${String(change.key)}`)
    if (change.kind === 'insert' || change.kind === 'update') this.entries.set(change.key, change.value)
    else this.entries.delete(change.key)
  }
}
