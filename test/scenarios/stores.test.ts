/** Stores in a whole cluster: where masters and clones are, restarts, and what participants of a process hear. */
import { afterEach, describe, expect, test } from 'vitest'
import { valueLine } from '../../src/cli/value-text.js'
import { readValue } from '../../src/data/binary.js'
import { ByteReader } from '../../src/data/byte-reader.js'
import type { Value } from '../../src/data/index.js'
import type { Store } from '../../src/store/store.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

const LAYOUT = `redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
  ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=1/tcp, $manager="manager"],
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=2/tcp],
  ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=3/tcp, $manager="manager"],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=4/tcp, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=5/tcp, $manager="manager"],
};`

let cluster: TestCluster

afterEach(() => cluster.stop())

function store(node: string, name: string): Store {
  return cluster.node(node).stores.get(name)!.store!
}

/** Lets time pass until a promise is settled. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false
  const done = (): void => {
    isSettled = true
  }
  promise.then(done, done)
  await cluster.until(() => isSettled, 60_000)
  return promise
}

describe('a store that every node creates', () => {
  test('has its master on the manager; all see what one writes', async () => {
    cluster = await startCluster({
      layout: LAYOUT,
      scripts: [async (node) => void (await node.createStore('s'))],
    })
    await cluster.advance(1000)
    expect(cluster.node('manager').stores.get('s')).toMatchObject({ master: true, masterNode: 'manager' })
    expect(cluster.node('worker-1').stores.get('s')).toMatchObject({ master: false, masterNode: 'manager' })
    await settled(store('worker-1', 's').put('x', 1n))
    await cluster.settle()
    for (const node of ['manager', 'logger-1', 'proxy-1', 'worker-2'])
      expect(await store(node, 's').get('x')).toBe(1n)
    const lines = (await cluster.logLines('cluster')).filter(
      ({ message }) => message?.endsWith('store: s') === true,
    )
    expect(lines.map(({ node, message }) => `${node}: ${message}`).sort()).toEqual([
      'logger-1: created clone store: s',
      'manager: created master store: s',
      'proxy-1: created clone store: s',
      'worker-1: created clone store: s',
      'worker-2: created clone store: s',
    ])
  })

  test('on another node, as Cluster::stores says: those that are no peers of it have no way to it', async () => {
    const layout = `${LAYOUT}\nredef Cluster::stores += { ["s"] = [$master_node="worker-1"] };`
    cluster = await startCluster({ layout, scripts: [async (node) => void (await node.createStore('s'))] })
    await cluster.advance(1000)
    await settled(store('manager', 's').put('x', 1n))
    expect(await store('worker-1', 's').get('x')).toBe(1n)
    // Workers are no peers of each other: the handle is not there, and the page says so.
    expect(cluster.node('worker-2').stores.get('s')?.store).toBeUndefined()
  })

  test('behind a node that passes messages on', async () => {
    // Messages that are passed on need a tree of peerings.
    const layout = `redef Broker::forward_messages = T;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=2/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=4/tcp, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=5/tcp, $manager="manager"],
};
redef Cluster::stores += { ["s"] = [$master_node="worker-1"] };`
    cluster = await startCluster({ layout, scripts: [async (node) => void (await node.createStore('s'))] })
    cluster.node('manager').subscribe('s/<$>/data/master')
    const { ready } = cluster.node('worker-2').stores.get('s')!
    const far = await settled(ready)
    await settled(far.put('x', 1n))
    expect(await store('worker-1', 's').get('x')).toBe(1n)
    const counters = far.counters()
    await cluster.advance(60_000)
    expect(far.counters().snapshots).toBe(counters.snapshots)
    await settled(store('worker-1', 's').put('y', 2n))
    await cluster.advance(1000)
    expect(await far.get('y')).toBe(2n)
  })

  test('persistent: what it had is there when its node is back after a crash, at the clones too', async () => {
    cluster = await startCluster({
      layout: LAYOUT,
      scripts: [async (node) => void (await node.createStore('s', { persistent: true }))],
    })
    await cluster.advance(1000)
    await settled(store('worker-1', 's').put('kept', 1n))
    await cluster.crashNode('manager')
    expect(await store('worker-1', 's').get('kept')).toBe(1n)
    const write = store('worker-2', 's').increment('kept', 5n)
    await cluster.startNode('manager')
    await settled(write)
    await cluster.advance(1000)
    for (const node of ['manager', 'worker-1', 'worker-2'])
      expect(await store(node, 's').get('kept')).toBe(6n)
  })
})

test('participants of a process hear the changes that are applied there', async () => {
  cluster = await startCluster({
    layout: LAYOUT,
    scripts: [async (node) => void (await node.createStore('s'))],
  })
  await cluster.advance(1000)
  const { bus, id } = cluster.node('worker-1')
  const heard: Value[] = []
  const address = { host: '127.0.0.1', port: 1 }
  bus
    .attach('client', address, (topic, bytes, start, end) => {
      expect(topic).toBe('<$>/local/data/store-events/s')
      const reader = new ByteReader()
      reader.reset(bytes, start, end)
      heard.push(readValue(reader))
    })
    .subscribe('<$>/local/data/store-events/s')
  await settled(store('worker-1', 's').put('x', 1n, { expiryMs: 2000 }))
  await settled(store('manager', 's').put('x', 2n, { expiryMs: 1000 }))
  await cluster.advance(2000)
  await settled(store('worker-1', 's').put('y', true))
  await settled(store('worker-1', 's').erase('y'))
  await cluster.settle()
  const worker = id
  const manager = cluster.node('manager').id
  expect(heard.map(valueLine)).toEqual([
    `[insert, s, x, 1, 2.0 secs, ${worker}, 1]`,
    `[update, s, x, 1, 2, 1.0 sec, ${manager}, 1]`,
    `[expire, s, x, ${manager}, 1]`,
    `[insert, s, y, T, <uninitialized>, ${worker}, 1]`,
    `[erase, s, y, ${worker}, 1]`,
  ])
})
