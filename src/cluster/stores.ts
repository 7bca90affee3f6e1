/**
 * `Cluster::create_store` and `Cluster::stores`: where a store lives, with which backend and file
 * (spec/cluster-framework.md 1.6).
 */
import { ClusterError } from '../base/errors.js'
import type { Report } from '../base/report.js'
import type { Timers } from '../base/time.js'
import { type Layout, nodesByName } from '../layout/layout.js'
import type { Options } from '../options/registry.js'
import type { BackendOptions, BackendType, StoreSettings } from '../options/store-settings.js'
import { MemoryStore } from '../store/memory-store.js'
import { type Store, StoreError } from '../store/store.js'

/** `Cluster::StoreInfo`. Intervals are seconds. */
export interface StoreInfo {
  readonly name: string
  /**
   * The handle. For masters it is there at once; for clones it is undefined until the node with the master has
   * connected: wait for `ready`.
   */
  readonly store: Store | undefined
  /** Name of the node with the master; empty without a cluster. */
  readonly masterNode: string
  /** Whether the master is here. */
  readonly master: boolean
  readonly backend: BackendType
  readonly options: BackendOptions
  readonly cloneResyncInterval: number
  readonly cloneStaleInterval: number
  readonly cloneMutationBufferInterval: number
  /** Resolves with the handle when there is one; rejects with a `StoreError` when there will be none. */
  readonly ready: Promise<Store>
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
  readonly timers: Timers
  /** Whether a node is connected to this one, or this one itself. */
  readonly isUp: (name: string) => boolean
  /** Writes to cluster.log. */
  readonly log: (message: string) => void
  readonly report: (severity: Report['severity'], code: string, message: string) => void
}

/** The handle of a clone: known to exist, and not copied to this node. */
class DistantStore implements Store {
  readonly name: string
  readonly #error: StoreError

  constructor(name: string, masterNode: string) {
    this.name = name
    const message = `store ${name} is on ${masterNode}, and stores are not copied between nodes: use it there`
    this.#error = new StoreError('no-replication', message, { store: name })
  }

  readonly get = (): Promise<never> => this.#refuse()
  readonly exists = (): Promise<never> => this.#refuse()
  readonly keys = (): Promise<never> => this.#refuse()
  readonly size = (): Promise<never> => this.#refuse()
  readonly put = (): Promise<never> => this.#refuse()
  readonly putUnique = (): Promise<never> => this.#refuse()
  readonly erase = (): Promise<never> => this.#refuse()
  readonly clear = (): Promise<never> => this.#refuse()

  #refuse(): Promise<never> {
    return Promise.reject(this.#error)
  }
}

interface Pending {
  readonly masterNode: string
  readonly open: () => void
}

export class ClusterStores {
  readonly #settings: StoresSettings
  readonly #infos = new Map<string, StoreInfo>()
  readonly #masters: MemoryStore[] = []
  #waiting: readonly Pending[] = []

  constructor(settings: StoresSettings) {
    this.#settings = settings
  }

  /** `Cluster::stores`: those that were created here, by their names. */
  get infos(): ReadonlyMap<string, StoreInfo> {
    return this.#infos
  }

  /**
   * `Cluster::create_store`. Throws a `ClusterError`, code `no-master-node`, when no node can have the master: the
   * layout has no manager and nothing else is said, or the node that is named is not in the layout.
   */
  create(name: string, persistent: boolean): StoreInfo {
    const { options, ownName, report, log, isUp } = this.#settings
    const known = this.#infos.get(name)
    if (ownName === '' && known?.store !== undefined) {
      report('warning', 'duplicate-store', `the store ${name} is created twice`)
      return known
    }
    const given = options.stores.get(name) ?? {}
    const backend = this.#backend(given, persistent)
    const masterNode = ownName === '' ? '' : this.#masterNode(name, given)
    const master = masterNode === ownName
    const fixed = { ...storeDefaults(options), ...definedOf(given), name, masterNode, master, backend }
    const paths = { options: this.#paths(name, given) }
    const sameRole = known !== undefined && known.master === master ? known : undefined
    if (ownName !== '') log(`created ${master ? 'master' : 'clone'} store: ${name}`)
    if (sameRole !== undefined) return sameRole
    let handle: Store | undefined
    const ready = master
      ? this.#openMaster(name, backend)
      : new Promise<Store>((resolve) => {
          const open = (): void => {
            handle = new DistantStore(name, masterNode)
            resolve(handle)
          }
          if (isUp(masterNode)) open()
          else this.#waiting = [...this.#waiting, { masterNode, open }]
        })
    if (ready instanceof MemoryStore) handle = ready
    const info: StoreInfo = {
      ...fixed,
      ...paths,
      get store() {
        return handle
      },
      ready: Promise.resolve(ready),
    }
    // Whoever does not ask for `ready` has read the report.
    info.ready.catch(() => {})
    this.#infos.set(name, info)
    return info
  }

  /** A node connected: clones of its masters have their handle. */
  nodeUp(name: string): void {
    const due = this.#waiting.filter(({ masterNode }) => masterNode === name)
    this.#waiting = this.#waiting.filter((pending) => !due.includes(pending))
    for (const { open } of due) open()
  }

  close(): void {
    for (const store of this.#masters) store.close()
  }

  #openMaster(name: string, backend: BackendType): MemoryStore | Promise<never> {
    const { timers, report } = this.#settings
    if (backend === 'Broker::MEMORY') {
      const store = new MemoryStore(name, timers)
      this.#masters.push(store)
      return store
    }
    const message = `the store ${name} cannot be opened: there is no backend ${backend} in this version, only Broker::MEMORY`
    report('error', 'backend-unavailable', message)
    return Promise.reject(new StoreError('backend-unavailable', message, { store: name }))
  }

  #backend(given: StoreSettings, persistent: boolean): BackendType {
    const { options } = this.#settings
    const backend = given.backend ?? (options.defaultBackend as BackendType)
    return persistent && backend === 'Broker::MEMORY'
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
    return {
      sqlite: { path: fill(given.options?.sqlite?.path, 'sqlite') },
      rocksdb: { path: fill(given.options?.rocksdb?.path, 'rocksdb') },
    }
  }
}

/** Without what has defaults of its own. */
function definedOf({ options: _, ...given }: StoreSettings): Omit<StoreSettings, 'options'> {
  return given
}
