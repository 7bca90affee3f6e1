/** The cluster of the quickstart in one process: in memory, on a virtual clock, through the same `startNode`. */
import { describe, expect, test } from 'vitest'
import { Address } from '../../src/data/address.js'
import { addr, count, event } from '../../src/data/index.js'
import { startCluster } from '../../src/testing/index.js'

const LAYOUT = `
redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp],
  ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27762/tcp, $manager="manager"],
  ["logger-2"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27763/tcp, $manager="manager"],
  ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=27764/tcp, $manager="manager"],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27765/tcp, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27766/tcp, $manager="manager"],
};
`

const seen = event('Demo::seen', [addr, count])

describe('six nodes in one process', () => {
  test.each([65_536, 7, 1])(
    'peer, say hello and count each other (chunks of %i bytes)',
    async (chunkBytes) => {
      const cluster = await startCluster({ layout: LAYOUT, chunkBytes })
      expect(cluster.node('manager').nodesUp).toEqual([
        'logger-1',
        'logger-2',
        'proxy-1',
        'worker-1',
        'worker-2',
      ])
      expect(cluster.node('proxy-1').nodesUp).toEqual([
        'logger-1',
        'logger-2',
        'manager',
        'worker-1',
        'worker-2',
      ])
      expect(cluster.node('worker-1').nodesUp).toEqual(['logger-1', 'logger-2', 'manager', 'proxy-1'])
      expect(cluster.node('logger-1').nodesUp).toEqual(['manager', 'proxy-1', 'worker-1', 'worker-2'])
      expect(cluster.node('manager').workerCount).toBe(2)
      expect(cluster.node('worker-1').workerCount).toBe(0)
      await cluster.stop()
      expect(cluster.reports).toEqual([])
      expect(cluster.network.openConnections).toBe(0)
    },
  )

  test('every hello is in cluster.log', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    await cluster.advance(2000)
    const lines = await cluster.logLines('cluster')
    const hellos = lines.flatMap(({ node, message }) => {
      const match = /^got hello from (\S+) \(/.exec(message ?? '')
      return match === null ? [] : [`${node} <- ${match[1]}`]
    })
    const expected = ['manager', 'logger-1', 'logger-2', 'proxy-1', 'worker-1', 'worker-2'].flatMap((node) =>
      cluster.node(node).nodesUp.map((peer) => `${node} <- ${peer}`),
    )
    expect(hellos.sort()).toEqual(expected.sort())
    await cluster.stop()
  })

  test('an event reaches exactly the node that its topic names', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const received: string[] = []
    for (const name of ['manager', 'proxy-1', 'worker-1', 'worker-2']) {
      cluster.node(name).on(seen, (host, times) => received.push(`${name} ${host} ${times}`))
    }
    const manager = cluster.node('manager')
    expect(manager.publish(manager.nodeTopic('worker-2'), seen(Address.parse('10.0.0.1'), 3n))).toBe(
      'accepted',
    )
    expect(manager.publish(manager.topicOf('WORKER'), seen(Address.parse('10.0.0.2'), 4n))).toBe('accepted')
    expect(manager.publish('nobody/listens', seen(Address.parse('10.0.0.3'), 5n))).toBe('no-peer')
    await cluster.settle()
    expect(received.sort()).toEqual(['worker-1 10.0.0.2 4', 'worker-2 10.0.0.1 3', 'worker-2 10.0.0.2 4'])
    await cluster.stop()
  })

  test('a crashed worker goes down everywhere, comes back, and the count is right throughout', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const manager = cluster.node('manager')
    const history: string[] = []
    manager.on('nodeDown', ({ name }) => history.push(`down ${name} ${manager.workerCount}`))
    manager.on('nodeUp', ({ name }) => history.push(`up ${name} ${manager.workerCount}`))
    await cluster.crashNode('worker-1')
    await cluster.until(() => history.length === 1, 1000)
    for (const name of ['proxy-1', 'logger-1', 'logger-2']) {
      expect(cluster.node(name).nodesUp).not.toContain('worker-1')
    }
    await cluster.startNode('worker-1')
    await cluster.until(() => cluster.node('worker-1').nodesUp.length === 4, 5000)
    expect(history).toEqual(['down worker-1 1', 'up worker-1 2'])
    await cluster.stop()
  })

  test('a crashed manager and a crashed logger are dialled again by those who dial them', async () => {
    const cluster = await startCluster({
      layout: LAYOUT,
      redefs: [{ name: 'Cluster::retry_interval', value: { type: 'interval', value: 1 } }],
    })
    for (const name of ['manager', 'logger-1']) {
      const peers = cluster.node(name).nodesUp
      await cluster.crashNode(name)
      await cluster.advance(3000)
      await cluster.startNode(name)
      await cluster.until(() => cluster.node(name).nodesUp.length === peers.length, 5000)
      expect(cluster.node(name).nodesUp).toEqual(peers)
    }
    await cluster.stop()
  })

  test('log records alternate over the loggers, and none is lost when one of them ends', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns: { n: count } })
    for (let n = 0n; n < 100n; n += 1n) stream.write({ n })
    expect(await cluster.logLines('demo')).toHaveLength(100)
    const perLogger = ['logger-1', 'logger-2'].map(
      (name) =>
        cluster.disk
          .text(`logs/${name}/demo.log`)
          .split('\n')
          .filter((line) => /^\d/.test(line)).length,
    )
    expect(perLogger).toEqual([50, 50])
    await cluster.stopNode('logger-1')
    await cluster.settle()
    for (let n = 100n; n < 200n; n += 1n) stream.write({ n })
    const numbers = (await cluster.logLines('demo')).map((line) => Number(line['n'])).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, index) => index))
    await cluster.stop()
  })

  test('another dialect is named, not silently ignored', async () => {
    const cluster = await startCluster({ layout: LAYOUT, dialect: 'zeek-9.0' })
    expect(cluster.node('manager').nodeTopic('worker-1')).toBe('zeek/cluster/node/worker-1/')
    expect(cluster.node('manager').workerCount).toBe(2)
    await cluster.stop()
  })
})
