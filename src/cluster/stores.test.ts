/** `Cluster::create_store`, step by step (spec/cluster-framework.md 1.6). */
import { describe, expect, test } from 'vitest'
import { count } from '../data/types.js'
import { parseLayout } from '../layout/index.js'
import { DIALECTS } from '../options/dialect.js'
import { type Options, resolveOptions } from '../options/registry.js'
import type { StoreSettings } from '../options/store-settings.js'
import type { Backend, Change } from '../store/backends/backend.js'
import type { OpenBackendOptions } from '../store/backends/open-backend.js'
import type { StoreBus } from '../store/local-stores.js'
import { StoreError } from '../store/store-error.js'
import { MemoryBackends } from '../testing/memory-backends.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { ClusterStores } from './stores.js'

const NODES = `redef Cluster::nodes = {
  ["manager-b"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
  ["manager-a"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=2/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=3/tcp, $manager="manager-a"],
};`

/** No peers. */
const LONELY_BUS: StoreBus = {
  id: '00000000-0000-0000-0000-000000000001',
  peers: () => [],
  subscribe: () => {},
  unsubscribe: () => {},
  sendCommand: () => 'no-peer',
  publishLocally: () => {},
  isHeardLocally: () => false,
}

function unavailable({ store }: OpenBackendOptions): Promise<Backend> {
  return Promise.reject(new StoreError('backend-unavailable', 'not installed', { store }))
}

function storesOf(
  ownName: string,
  given: Partial<Options> = {},
  { layout = NODES, up = [] as string[], openBackend = new MemoryBackends().open as typeof unavailable } = {},
) {
  const dialect = DIALECTS.reference
  const time = new VirtualTime()
  const log: string[] = []
  const reports: string[] = []
  const stores = new ClusterStores({
    options: resolveOptions({ dialect, given }).options,
    layout: parseLayout(layout, { file: 'x', dialect }).layout,
    ownName,
    bus: LONELY_BUS,
    clock: time,
    timers: time,
    openBackend,
    folder: '.',
    isUp: (name) => up.includes(name),
    log: (message) => log.push(message),
    report: (severity, code) => reports.push(`${severity}: ${code}`),
  })
  return { stores, log, reports, time }
}

function predefined(settings: StoreSettings): Partial<Options> {
  return { stores: new Map([['x', settings]]) }
}

describe('who has the master', () => {
  test('the first manager by name, when nothing is said', () => {
    const { stores, log } = storesOf('manager-a')
    expect(stores.create('x')).toMatchObject({ masterNode: 'manager-a', master: true })
    expect(log).toEqual(['created master store: x'])
    const worker = storesOf('worker-1')
    expect(worker.stores.create('x')).toMatchObject({ masterNode: 'manager-a', master: false })
    expect(worker.log).toEqual(['created clone store: x'])
  })

  test('default_master_node, and what Cluster::stores says', () => {
    expect(storesOf('worker-1', { defaultMasterNode: 'worker-1' }).stores.create('x').master).toBe(true)
    const { stores } = storesOf('worker-1', {
      ...predefined({ masterNode: 'manager-b' }),
      defaultMasterNode: 'worker-1',
    })
    expect(stores.create('x').masterNode).toBe('manager-b')
  })

  test('nobody: an error that says what to do', () => {
    expect(() => storesOf('worker-1', { defaultMasterNode: 'nobody' }).stores.create('x')).toThrow(
      'its master node nobody is not in the layout',
    )
    const layout = 'redef Cluster::nodes = { ["w"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1] };'
    expect(() => storesOf('w', {}, { layout }).stores.create('x')).toThrow('the layout has no manager')
  })
})

describe('backend and file', () => {
  test('defaults are those of the page', () => {
    const { stores } = storesOf('manager-a')
    expect({ ...stores.create('x'), ready: undefined, store: undefined }).toEqual({
      name: 'x',
      store: undefined,
      ready: undefined,
      masterNode: 'manager-a',
      master: true,
      backend: 'Broker::MEMORY',
      options: { sqlite: { path: '' }, rocksdb: { path: '' } },
      cloneResyncInterval: 10,
      cloneStaleInterval: 300,
      cloneMutationBufferInterval: 120,
    })
  })

  test('default_store_dir fills in empty paths of both backends, also of stores in memory', () => {
    const given = { defaultStoreDir: '/var/stores', ...predefined({ options: { sqlite: { path: '/own' } } }) }
    const { stores } = storesOf('worker-1', given)
    const paths = { sqlite: { path: '/own' }, rocksdb: { path: '/var/stores/x.rocksdb' } }
    expect(stores.create('x').options).toEqual(paths)
    expect(stores.create('y', { persistent: true }).options.sqlite.path).toBe('/var/stores/y.sqlite')
  })

  test('persistent replaces MEMORY and nothing else', () => {
    expect(storesOf('worker-1').stores.create('x', { persistent: true }).backend).toBe('Broker::SQLITE')
    const rocksdb = storesOf('worker-1', predefined({ backend: 'Broker::ROCKSDB' }))
    expect(rocksdb.stores.create('x', { persistent: true }).backend).toBe('Broker::ROCKSDB')
    const other = storesOf('worker-1', { defaultPersistentBackend: 'Broker::ROCKSDB' })
    expect(other.stores.create('x', { persistent: true }).backend).toBe('Broker::ROCKSDB')
  })

  test('a backend that cannot be opened: no handle, an error in the report', async () => {
    const { stores, reports } = storesOf('manager-a', {}, { openBackend: unavailable })
    const info = stores.create('x', { persistent: true })
    await expect(info.ready).rejects.toMatchObject({ code: 'backend-unavailable' })
    expect(info.store).toBeUndefined()
    expect(reports).toEqual(['error: backend-unavailable'])
  })
})

describe('a backend of the caller', () => {
  test('keeps what the master commits', async () => {
    const { stores, time } = storesOf('manager-a', {}, { openBackend: unavailable })
    const batches: (readonly Change[])[] = []
    const openBackend = async (): Promise<Backend> => ({
      async *load() {},
      async commit(changes) {
        batches.push(changes)
      },
      async close() {},
    })
    const store = await stores.create('x', { openBackend, key: count, value: count }).ready
    const write = store.put(1n, 2n)
    await time.settle()
    await write
    expect(batches.flat().map(({ kind }) => kind)).toEqual(['put'])
    await stores.close()
  })
})

describe('the handle', () => {
  test('of a master works', async () => {
    const { stores, time } = storesOf('manager-a')
    const store = await stores.create('x').ready
    expect(stores.infos.get('x')?.store).toBe(store)
    await store.put('a', 1n)
    expect(await store.putUnique('a', 2n)).toBe(false)
    expect(await store.putUnique(5n, true, { expiryMs: 1000 })).toBe(true)
    expect(new Set(await store.keys())).toEqual(new Set(['a', 5n]))
    await time.advance(1200)
    expect(await store.exists(5n)).toBe(false)
    expect(await store.size()).toBe(1)
    await store.erase('a')
    expect(await store.get('a')).toBeUndefined()
    await store.put('b', 1n, { expiryMs: 10 })
    await store.put('b', 2n)
    await time.advance(200)
    expect(await store.get('b')).toBe(2n)
    await store.clear()
    expect(await store.size()).toBe(0)
    await stores.close()
    await expect(store.put('c', 1n)).rejects.toMatchObject({ code: 'closed' })
  })

  test('of a clone is unset until the node with the master is up', async () => {
    const { stores } = storesOf('worker-1')
    const info = stores.create('x')
    expect(info.store).toBeUndefined()
    stores.nodeUp('manager-b')
    await Promise.resolve()
    expect(info.store).toBeUndefined()
    stores.nodeUp('manager-a')
    const store = await info.ready
    expect(info.store).toBe(store)
    expect(store.readiness).toBe('waiting')
    const other = storesOf('worker-1', {}, { up: ['manager-a'] }).stores.create('x')
    expect(await other.ready).toBe(other.store)
  })

  test('is the same for a second creation; outside of clusters that is a warning', () => {
    const inside = storesOf('manager-a')
    expect(inside.stores.create('x')).toBe(inside.stores.create('x'))
    expect(inside.log).toHaveLength(2)
    expect(inside.reports).toEqual([])
    const outside = storesOf('')
    const info = outside.stores.create('x')
    expect(info).toMatchObject({ master: true, masterNode: '' })
    expect(outside.stores.create('x')).toBe(info)
    expect(outside.log).toEqual([])
    expect(outside.reports).toEqual(['warning: duplicate-store'])
    expect([...outside.stores.infos.keys()]).toEqual(['x'])
  })
})
