/**
 * `Cluster::create_store` and `Cluster::stores`: where a store lives, with which backend and file
 * (spec/cluster-framework.md 1.6).
 */
import { ClusterError } from '../base/errors.js'
import type { Report } from '../base/report.js'
import type { Clock, Timers } from '../base/time.js'
import type { DataType } from '../data/data-type.js'
import { type Layout, nodesByName } from '../layout/layout.js'
import type { Options } from '../options/registry.js'
import type { BackendOptions, BackendType, StoreSettings } from '../options/store-settings.js'
import type { Backend, Durability } from '../store/backends/backend.js'
import type { openBackend } from '../store/backends/open-backend.js'
import type { StoreLimits } from '../store/limits.js'
import { LocalStores, type StoreBus } from '../store/local-stores.js'
import type { Store } from '../store/store.js'
import { type StoreData, storeData } from '../store/store-data.js'

/** `Cluster::StoreInfo`. Intervals are seconds. */
export interface StoreInfo<Key = StoreData, Value = StoreData> {
  readonly name: string
  /**
   * The handle. For masters it is there as soon as the backend is open; for clones it is undefined until the node
   * with the master has connected: wait for `ready`.
   */
  readonly store: Store<Key, Value> | undefined
  /** Name of the node with the master; empty without a cluster. */
  readonly masterNode: string
  /** Whether the master is here. */
  readonly master: boolean
  readonly backend: BackendType
  readonly options: BackendOptions
  /** Between attempts to find the master while no peer is known to have it. */
  readonly cloneResyncInterval: number
  /** Without the master until reads of a clone fail with `stale`; negative: never. */
  readonly cloneStaleInterval: number
  /** Without the master until writes of a clone fail with `no-master`; 0 or less: at once. */
  readonly cloneMutationBufferInterval: number
  /** Resolves with the handle when there is one; rejects with a `StoreError` when there will be none. */
  readonly ready: Promise<Store<Key, Value>>
}

/** What a script says about a store beyond the page. */
export interface CreateStoreOptions<Key, Value> {
  /** Keep the entries over a restart: the backend is `Cluster::default_persistent_backend` unless the store has one. */
  readonly persistent?: boolean
  /** Beats `Cluster::default_backend` and `persistent`, not what `Cluster::stores` says. */
  readonly backend?: BackendType
  /** Type of the keys; default: what the values of JavaScript tell by themselves. */
  readonly key?: DataType<Key>
  /** Type of the values; as `key`. */
  readonly value?: DataType<Value>
  /** What a commit of a persistent store outlives: a write is told to be done only then. Default `machine`. */
  readonly durability?: Durability
  /**
   * Opens a backend of your own, on the node with the master, in place of those that Zeek has. Test it with
   * `BACKEND_CONFORMANCE` of `zeek-cluster/testing`.
   */
  readonly openBackend?: () => Promise<Backend>
  /** How much the master may hold. */
  readonly limits?: Partial<StoreLimits>
  /** Most bytes of writes that wait at a clone for the master. Default 64 MiB. */
  readonly mutationBufferBytes?: number
}

/** The defaults of `Cluster::StoreInfo`: what a store has for which nothing is said. */
export function storeDefaults(options: Options): Omit<StoreInfo, 'name' | 'store' | 'ready'> {
  return {
    masterNode: options.defaultMasterNode,
    master: false,
    backend: options.defaultBackend as BackendType,
    options: { sqlite: { path: '' }, rocksdb: { path: '' } },
    cloneResyncInterval: options.defaultCloneResyncInterval,
    cloneStaleInterval: options.defaultCloneStaleInterval,
    cloneMutationBufferInterval: options.defaultCloneMutationBufferInterval,
  }
}

export interface StoresSettings {
  readonly options: Options
  readonly layout: Layout
  /** Name of this node; empty: no cluster. */
  readonly ownName: string
  readonly bus: StoreBus
  readonly clock: Clock
  readonly timers: Timers
  readonly openBackend: typeof openBackend
  /** Where files are that have no path. */
  readonly folder: string
  /** Whether a node is connected to this one, or this one itself. */
  readonly isUp: (name: string) => boolean
  /** Writes to cluster.log. */
  readonly log: (message: string) => void
  readonly report: (severity: Report['severity'], code: string, message: string) => void
}

interface Pending {
  readonly masterNode: string
  readonly open: () => void
}

export class ClusterStores {
  readonly #settings: StoresSettings
  readonly #infos = new Map<string, StoreInfo>()
  readonly #stores: LocalStores
  #waiting: readonly Pending[] = []

  constructor(settings: StoresSettings) {
    this.#settings = settings
    const { bus, clock, timers, report } = settings
    this.#stores = new LocalStores({ bus, clock, timers, report })
  }

  /** `Cluster::stores`: those that were created here, by their names. */
  get infos(): ReadonlyMap<string, StoreInfo> {
    return this.#infos
  }

  /** The masters and clones of this process. */
  get local(): LocalStores {
    return this.#stores
  }

  /**
   * `Cluster::create_store`. Throws a `ClusterError`, code `no-master-node`, when no node can have the master: the
   * layout has no manager and nothing else is said, or the node that is named is not in the layout.
   */
  create<Key = StoreData, Value = StoreData>(
    name: string,
    given: CreateStoreOptions<Key, Value> = {},
  ): StoreInfo<Key, Value> {
    const { options, ownName, report, log } = this.#settings
    const known = this.#infos.get(name)
    if (ownName === '' && known !== undefined) {
      report('warning', 'duplicate-store', `the store ${name} is created twice`)
      return known as unknown as StoreInfo<Key, Value>
    }
    const settings = options.stores.get(name) ?? {}
    const backend = this.#backend(settings, given)
    const masterNode = ownName === '' ? '' : this.#masterNode(name, settings)
    const master = masterNode === ownName
    if (ownName !== '') log(`created ${master ? 'master' : 'clone'} store: ${name}`)
    if (known !== undefined) return known as unknown as StoreInfo<Key, Value>
    const fixed = {
      ...storeDefaults(options),
      ...definedOf(settings),
      name,
      masterNode,
      master,
      backend,
      options: this.#paths(name, settings),
    }
    let handle: Store<Key, Value> | undefined
    const ready = master ? this.#openMaster(fixed, given) : this.#openClone(fixed, given)
    const info: StoreInfo<Key, Value> = {
      ...fixed,
      get store() {
        return handle
      },
      ready,
    }
    ready.then(
      (store) => {
        handle = store
      },
      // Whoever does not ask for `ready` has read the report.
      () => {},
    )
    this.#infos.set(name, info as unknown as StoreInfo)
    return info
  }

  /** A node connected: clones of its masters have their handle. */
  nodeUp(name: string): void {
    const due = this.#waiting.filter(({ masterNode }) => masterNode === name)
    this.#waiting = this.#waiting.filter((pending) => !due.includes(pending))
    for (const { open } of due) open()
  }

  /** Resolves when everything written is as safe as it will get. */
  close(): Promise<void> {
    return this.#stores.close()
  }

  async #openMaster<Key, Value>(
    { name, backend, options }: Pick<StoreInfo, 'name' | 'backend' | 'options'>,
    { key, value, durability = 'machine', limits, openBackend: ownBackend }: CreateStoreOptions<Key, Value>,
  ): Promise<Store<Key, Value>> {
    const { openBackend, folder, report } = this.#settings
    const open = (): Promise<Backend> => openBackend({ store: name, backend, options, folder, durability })
    try {
      return await this.#stores.openMaster<Key, Value>(name, {
        ...typesOf({ key, value }),
        openBackend: ownBackend ?? (backend === 'Broker::MEMORY' ? undefined : open),
        ...(limits === undefined ? {} : { limits }),
      })
    } catch (error) {
      if (error instanceof ClusterError) report('error', error.code, error.message)
      throw error
    }
  }

  #openClone<Key, Value>(
    info: Omit<StoreInfo, 'store' | 'ready'>,
    { key, value, mutationBufferBytes }: CreateStoreOptions<Key, Value>,
  ): Promise<Store<Key, Value>> {
    const { masterNode } = info
    const store = this.#stores.openClone<Key, Value>(info.name, {
      ...typesOf({ key, value }),
      intervals: {
        resyncMs: info.cloneResyncInterval * 1000,
        staleMs: info.cloneStaleInterval * 1000,
        mutationBufferMs: info.cloneMutationBufferInterval * 1000,
      },
      ...(mutationBufferBytes === undefined ? {} : { mutationBufferBytes }),
    })
    if (this.#settings.isUp(masterNode)) return Promise.resolve(store)
    return new Promise((resolve) => {
      const open = (): void => resolve(store)
      this.#waiting = [...this.#waiting, { masterNode, open }]
      // A node that is no peer may be behind one that passes messages on.
      store.ready({ timeoutMs: Number.POSITIVE_INFINITY }).then(open, () => {})
    })
  }

  #backend(
    settings: StoreSettings,
    given: { readonly persistent?: boolean; readonly backend?: BackendType },
  ): BackendType {
    const { options } = this.#settings
    const backend = settings.backend ?? given.backend ?? (options.defaultBackend as BackendType)
    return given.persistent === true && backend === 'Broker::MEMORY'
      ? (options.defaultPersistentBackend as BackendType)
      : backend
  }

  #masterNode(store: string, given: StoreSettings): string {
    const { options, layout } = this.#settings
    const name = given.masterNode ?? options.defaultMasterNode
    if (name !== '' && layout.nodes.has(name)) return name
    const manager = nodesByName(layout, 'MANAGER')[0]
    if (name === '' && manager !== undefined) return manager.name
    const why =
      name === ''
        ? 'the layout has no manager: name a node in Cluster::default_master_node'
        : `its master node ${name} is not in the layout`
    throw new ClusterError('no-master-node', `no node can have the store ${store}: ${why}`, { store })
  }

  /** Paths that are not given are filled in for both backends, whichever is used. */
  #paths(name: string, given: StoreSettings): BackendOptions {
    const { defaultStoreDir } = this.#settings.options
    const fill = (path: string | undefined, suffix: string): string =>
      path || (defaultStoreDir === '' ? '' : `${defaultStoreDir}/${name}.${suffix}`)
    const { sqlite, rocksdb } = given.options ?? {}
    return {
      sqlite: { ...sqlite, path: fill(sqlite?.path, 'sqlite') },
      rocksdb: { path: fill(rocksdb?.path, 'rocksdb') },
    }
  }
}

/** Without what has defaults of its own. */
function definedOf({ options: _, ...given }: StoreSettings): Omit<StoreSettings, 'options'> {
  return given
}

/** Without types the values tell by themselves what they are; then `Key` and `Value` are `StoreData`. */
function typesOf<Key, Value>({
  key,
  value,
}: {
  readonly key: DataType<Key> | undefined
  readonly value: DataType<Value> | undefined
}): { readonly key: DataType<Key>; readonly value: DataType<Value> } {
  return {
    key: key ?? (storeData as unknown as DataType<Key>),
    value: value ?? (storeData as unknown as DataType<Value>),
  }
}
