/** One store as `zeek-cluster store` has it: a clone of a visitor, or the master. */
import { systemClock, systemTimers } from '../base/time.js'
import type { Peer } from '../bus/bus.js'
import { any } from '../data/types.js'
import type { Value } from '../data/value.js'
import type { BackendType } from '../options/store-settings.js'
import type { Durability } from '../store/backends/backend.js'
import { openBackend } from '../store/backends/open-backend.js'
import type { Engine } from '../store/engine.js'
import { LocalStores } from '../store/local-stores.js'
import type { Store } from '../store/store.js'
import { cloneTopic, masterTopic, ownCloneTopic, ownMasterTopic } from '../store/topics.js'
import { type BusFlags, Visitor } from './bus-client.js'
import { CommandError, fail, printRaw } from './output.js'

export interface MasterSettings {
  readonly backend: BackendType
  /** Empty: none. */
  readonly path: string
  readonly durability: Durability
  /** Connects to nobody: for a file that no node has open. */
  readonly isAlone: boolean
}

export interface StoreClientSettings {
  readonly name: string
  readonly flags: BusFlags
  /** Undefined: a clone. */
  readonly master: MasterSettings | undefined
  /** How long to wait for the master. */
  readonly timeoutMs: number
}

/** A peer that takes part in the store; one that is not `isOurs` is a stock Zeek. */
export interface StorePeer {
  readonly peer: Peer
  readonly isMaster: boolean
  readonly isOurs: boolean
}

/** How often a master is looked for that no peer has told of. */
const RESYNC_MS = 1000

const MASTER_TOPIC = /^(.+)\/<\$>\/data\/master$/

export class StoreClient {
  readonly name: string
  readonly store: Store<Value, Value>
  readonly #visitor: Visitor
  readonly #stores: LocalStores

  private constructor(name: string, store: Store<Value, Value>, visitor: Visitor, stores: LocalStores) {
    this.name = name
    this.store = store
    this.#visitor = visitor
    this.#stores = stores
  }

  /**
   * Connects, and waits until the store can be read. Throws a `CommandError`, with what to check when there is no
   * master, and for a master what its backend has to say.
   */
  static async open({ name, flags, master, timeoutMs }: StoreClientSettings): Promise<StoreClient> {
    const visitor: Visitor = new Visitor(flags, {
      onCommand: (topic, bytes, start, end) => stores.receive(topic, bytes, start, end),
      onPeersChanged: () => stores.peersChanged(),
      onDrain: () => stores.onDrain(),
    })
    const stores = new LocalStores({
      bus: visitor.endpoint,
      clock: systemClock,
      timers: systemTimers,
      report: (severity, _code, message) => {
        if (severity !== 'info') printRaw(`zeek-cluster: ${severity}: ${message}`)
      },
    })
    try {
      if (master !== undefined) {
        if (!master.isAlone) await visitor.connect(flags.peer.length > 0 || flags.listen === undefined)
        const store = await openMaster(stores, name, master)
        return new StoreClient(name, store, visitor, stores)
      }
      const intervals = { resyncMs: RESYNC_MS, staleMs: timeoutMs, mutationBufferMs: timeoutMs }
      const client = new StoreClient(
        name,
        stores.openClone<Value, Value>(name, { key: any, value: any, intervals }),
        visitor,
        stores,
      )
      await visitor.connect(flags.listen === undefined)
      await client.#awaitMaster(timeoutMs)
      return client
    } catch (error) {
      await stores.close()
      await visitor.endpoint.close()
      throw fail(1, error)
    }
  }

  /** All that is known here of the store. */
  get engine(): Engine {
    return this.#stores.engine(this.name)!
  }

  get digests(): LocalStores['digests'] {
    return this.#stores.digests
  }

  /** The peers that have the master, or a clone. */
  participants(): StorePeer[] {
    return this.#visitor.endpoint.peers().flatMap((peer): StorePeer[] => {
      const has = (topic: string): boolean => peer.subscriptions.includes(topic)
      const isMaster = has(masterTopic(this.name))
      if (!isMaster && !has(cloneTopic(this.name))) return []
      return [{ peer, isMaster, isOurs: has((isMaster ? ownMasterTopic : ownCloneTopic)(this.name)) }]
    })
  }

  describe(peer: Peer): string {
    return this.#visitor.describe(peer)
  }

  /** Resolves when what was written is safe and on its way. */
  async close(): Promise<void> {
    await this.#stores.close()
    await this.#visitor.endpoint.close()
  }

  async #awaitMaster(timeoutMs: number): Promise<void> {
    try {
      await this.store.ready({ timeoutMs })
    } catch (error) {
      throw new CommandError(1, `store ${this.name}: ${this.#whyNoMaster(timeoutMs)}`, error)
    }
  }

  #whyNoMaster(timeoutMs: number): string {
    const peers = this.#visitor.endpoint.peers()
    const names = (some: readonly Peer[]): string => some.map((peer) => this.describe(peer)).join(', ')
    const masters = this.participants().flatMap(({ peer, isMaster }) => (isMaster ? [peer] : []))
    if (peers.length === 0) return `nobody was connected within ${timeoutMs / 1000} s`
    if (masters.length > 0) return `no copy from the master on ${names(masters)} within ${timeoutMs / 1000} s`
    const others = peers.flatMap(({ subscriptions }) =>
      subscriptions.flatMap((topic) => MASTER_TOPIC.exec(topic)?.[1] ?? []),
    )
    const known =
      others.length === 0 ? 'they have no stores' : `they have: ${[...new Set(others)].sort().join(', ')}`
    return `no master on ${names(peers)}; check the name (${known}), and that a peer of this command creates the store`
  }
}

function openMaster(
  stores: LocalStores,
  name: string,
  { backend, path, durability }: MasterSettings,
): Promise<Store<Value, Value>> {
  const open = (): ReturnType<typeof openBackend> =>
    openBackend({
      store: name,
      backend,
      options: { sqlite: { path }, rocksdb: { path } },
      folder: process.cwd(),
      durability,
    })
  const isKept = backend !== 'Broker::MEMORY'
  return stores.openMaster<Value, Value>(name, {
    key: any,
    value: any,
    openBackend: isKept ? open : undefined,
  })
}
