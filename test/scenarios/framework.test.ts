/** The functions and events of the reference page's module `Cluster`, on a whole cluster in memory. */
import { describe, expect, test } from 'vitest'
import type { Cluster } from '../../src/cluster/cluster.js'
import { event } from '../../src/data/event.js'
import { count, set, string } from '../../src/data/index.js'
import { startCluster } from '../../src/testing/index.js'

const LAYOUT = `
redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
  ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27760/tcp],
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp, $time_machine="tm"],
  ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=27762/tcp, $manager="manager"],
  ["proxy-2"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=27763/tcp, $manager="manager"],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27764/tcp, $manager="manager", $interface="eth0"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27765/tcp, $manager="manager", $interface="eth0", $time_machine="tm"],
  ["tm"] = [$node_type=Cluster::TIME_MACHINE, $ip=127.0.0.1, $p=27766/tcp],
  ["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=27767/tcp],
};
`

const SMALL = `
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27764/tcp, $manager="manager"],
};
`

describe('a cluster with every type of node', () => {
  test('each connects to whom the page says, and subscribes its topic', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const up = (name: string): readonly string[] => cluster.node(name).nodesUp
    expect(up('logger-1')).toEqual(['manager', 'proxy-1', 'proxy-2', 'worker-1', 'worker-2'])
    expect(up('manager')).toEqual(['logger-1', 'proxy-1', 'proxy-2', 'tm', 'worker-1', 'worker-2'])
    expect(up('proxy-1')).toEqual(['logger-1', 'manager', 'worker-1', 'worker-2'])
    expect(up('worker-1')).toEqual(['logger-1', 'manager', 'proxy-1', 'proxy-2'])
    expect(up('worker-2')).toEqual(['logger-1', 'manager', 'proxy-1', 'proxy-2', 'tm'])
    expect(up('tm')).toEqual(['manager', 'worker-2'])
    expect(up('control')).toEqual([])
    expect(cluster.node('tm').health).toEqual({ state: 'up' })
    expect(cluster.node('control').health).toEqual({ state: 'up' })
    expect(cluster.reports).toEqual([])

    const word = event('Demo::word', [string])
    const heard: string[] = []
    for (const name of cluster.node('manager').layout.nodes.keys()) {
      cluster.node(name).on(word, (text) => heard.push(`${name}: ${text}`))
    }
    const manager = cluster.node('manager')
    for (const type of ['LOGGER', 'PROXY', 'WORKER', 'TIME_MACHINE'] as const) {
      manager.publish(manager.topicOf(type), word(type))
    }
    await cluster.settle()
    expect(heard.sort()).toEqual([
      'logger-1: LOGGER',
      'proxy-1: PROXY',
      'proxy-2: PROXY',
      'tm: TIME_MACHINE',
      'worker-1: WORKER',
      'worker-2: WORKER',
    ])
    await cluster.stop()
  })

  test('local_node_type, is_enabled, nodes with ids of those that are connected and filters of those that share', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const worker = cluster.node('worker-1')
    expect(worker.isEnabled()).toBe(true)
    expect(worker.localNodeType()).toBe('WORKER')
    expect(worker.nodes.get('manager')?.id).toBe(cluster.node('manager').id)
    expect(worker.nodes.get('worker-2')?.id).toBeUndefined()
    expect(worker.nodes.get('worker-2')?.lbFilter).toBe(
      '(ip and ((ip[14:2]+ip[18:2]) - (2*((ip[14:2]+ip[18:2])/2)) == 1)) or (ip6 and ((ip6[22:2]+ip6[38:2]) - (2*((ip6[22:2]+ip6[38:2])/2)) == 1))',
    )
    expect(worker.nodes.get('proxy-1')?.lbFilter).toBeUndefined()
    await cluster.stopNode('manager')
    await cluster.settle()
    expect(worker.nodes.get('manager')?.id).toBeUndefined()
    await cluster.stop()
  })

  test('worker_count', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    expect(cluster.node('manager').workerCount).toBe(2)
    expect(cluster.node('worker-1').workerCount).toBe(0)
    await cluster.crashNode('worker-2')
    expect(cluster.node('manager').workerCount).toBe(1)
    await cluster.startNode('worker-2')
    await cluster.until(() => cluster.node('manager').workerCount === 2)
    await cluster.stop()
  })
})

describe('hello, node_up, node_down', () => {
  test('come in the order of Zeek: hello by priority, then node_up by priority, with everything up to date', async () => {
    const order: string[] = []
    const script = (cluster: Cluster): void => {
      if (cluster.name !== 'manager') return
      const note = (what: string) => () =>
        order.push(
          `${what}: id=${cluster.nodeId('worker-1') !== undefined} alive=${cluster.workerPool.aliveCount}`,
        )
      cluster.on('nodeUp', note('nodeUp 0'))
      cluster.on('nodeUp', note('nodeUp 20'), { priority: 20 })
      cluster.on('nodeUp', note('nodeUp 5'), { priority: 5 })
      cluster.on('hello', note('hello 0'))
      cluster.on('hello', note('hello 20'), { priority: 20 })
      cluster.on('nodeDown', note('nodeDown'))
      cluster.on('busStatus', (told) => {
        if (told.kind === 'status' && told.code === 'peer_lost') note('peer_lost')()
      })
    }
    const cluster = await startCluster({ layout: SMALL, scripts: [script] })
    await cluster.crashNode('worker-1')
    expect(order).toEqual([
      'hello 20: id=false alive=0',
      'hello 0: id=true alive=0',
      'nodeUp 20: id=true alive=0',
      'nodeUp 5: id=true alive=1',
      'nodeUp 0: id=true alive=1',
      'peer_lost: id=false alive=1',
      'nodeDown: id=false alive=0',
    ])
    await cluster.stop()
  })

  test('a hello of a node that is up is logged and changes nothing; a foreign name is an error', async () => {
    const cluster = await startCluster({ layout: SMALL })
    const [manager, worker] = [cluster.node('manager'), cluster.node('worker-1')]
    const ups: string[] = []
    manager.on('nodeUp', ({ name }) => ups.push(name))
    const hello = event('Cluster::hello', [string, string])
    worker.publish(manager.nodeTopic('manager'), hello('worker-1', worker.id))
    worker.publish(manager.nodeTopic('manager'), hello('mallory', worker.id))
    await cluster.settle()
    expect(ups).toEqual([])
    expect(manager.workerCount).toBe(1)
    expect(cluster.reports).toEqual([
      'manager: unknown-node: hello from mallory, which the layout does not have',
    ])
    const lines = (await cluster.logLines('cluster')).map(({ node, message }) => `${node}: ${message}`)
    expect(lines.filter((line) => line === `manager: got hello from worker-1 (${worker.id})`)).toHaveLength(2)
    await cluster.stop()
  })

  test('a node that is back before its loss was seen goes down and up, and is counted once', async () => {
    const cluster = await startCluster({ layout: SMALL })
    const [manager, worker] = [cluster.node('manager'), cluster.node('worker-1')]
    const changes: string[] = []
    manager.on('nodeUp', ({ name, id }) => changes.push(`up ${name} ${id}`))
    manager.on('nodeDown', ({ name, id }) => changes.push(`down ${name} ${id}`))
    const hello = event('Cluster::hello', [string, string])
    const id = '11111111-2222-3333-4444-555555555555'
    worker.publish(manager.nodeTopic('manager'), hello('worker-1', id))
    await cluster.settle()
    expect(changes).toEqual([`down worker-1 ${worker.id}`, `up worker-1 ${id}`])
    expect(manager.nodeId('worker-1')).toBe(id)
    expect(manager.workerCount).toBe(1)
    expect(manager.workerPool.aliveCount).toBe(1)
    expect(cluster.reports.join()).toContain('duplicate-node')
    await cluster.stop()
  })

  test('a node that is lost and back within the retry interval is up again', async () => {
    const cluster = await startCluster({ layout: SMALL })
    const before = cluster.node('manager').nodeId('worker-1')
    await cluster.crashNode('worker-1')
    expect(cluster.node('manager').nodeId('worker-1')).toBeUndefined()
    await cluster.advance(1000)
    await cluster.startNode('worker-1')
    await cluster.until(() => cluster.node('manager').nodeId('worker-1') !== undefined, 5000)
    expect(cluster.node('manager').nodeId('worker-1')).not.toBe(before)
    await cluster.stop()
  })

  test('a node that this side unpeers loses its id', async () => {
    const cluster = await startCluster({ layout: SMALL })
    const worker = cluster.node('worker-1')
    const endpoint = worker.bus as unknown as { unpeer(address: { host: string; port: number }): void }
    endpoint.unpeer({ host: '127.0.0.1', port: 27761 })
    await cluster.until(() => worker.nodeId('manager') === undefined, 5000)
    expect(worker.nodes.get('manager')?.id).toBeUndefined()
    await cluster.stop()
  })
})

describe('topics', () => {
  test('node_topic and nodeid_topic have prefixes of their own', async () => {
    const cluster = await startCluster({
      layout: `${SMALL} redef Cluster::nodeid_topic_prefix = "by-id/"; redef Cluster::worker_topic = "w";`,
    })
    const worker = cluster.node('worker-1')
    expect(worker.nodeTopic('x')).toBe('bro/cluster/node/x')
    expect(worker.nodeidTopic('x')).toBe('by-id/x')
    expect(worker.topicOf('WORKER')).toBe('w')
    expect(cluster.node('manager').nodesUp).toEqual(['worker-1'])
    await cluster.stop()
  })
})

describe('options', () => {
  test('of the framework are fixed after the start', async () => {
    const cluster = await startCluster({ layout: `${SMALL} redef Cluster::retry_interval = 5 secs;` })
    const { options } = cluster.node('manager')
    expect(options.retryInterval).toBe(5)
    expect(() => {
      ;(options as { retryInterval: number }).retryInterval = 1
    }).toThrow('Cluster::retry_interval cannot be changed after the start')
    await cluster.stop()
  })

  test('of scripts get their first value from the layout, and change when they are declared so', async () => {
    const changes: string[] = []
    let threshold: ReturnType<typeof declare> | undefined
    const declare = (cluster: Cluster) => cluster.option('Demo::threshold', count, 25n, { changeable: true })
    const script = (cluster: Cluster): void => {
      if (cluster.name !== 'manager') return
      threshold = declare(cluster)
      threshold.onChange((value, previous) => changes.push(`${previous} to ${value}`))
      expect(cluster.option('Demo::names', set(string), new Set(['a'])).value).toEqual(new Set(['a']))
      expect(() => cluster.option('Demo::names', count, 1n)).toThrow('declared twice')
      expect(() => cluster.option('Cluster::node', string, '')).toThrow('an option of the framework')
      const fixed = cluster.option('Demo::fixed', string, 'x')
      expect(() => fixed.set('y')).toThrow('declare it changeable')
    }
    const cluster = await startCluster({ layout: `${SMALL} redef Demo::threshold = 30;`, scripts: [script] })
    expect(cluster.reports).toEqual([])
    expect(threshold?.value).toBe(30n)
    threshold?.set(31n)
    expect(changes).toEqual(['30 to 31'])
    await cluster.stop()
  })

  test('a redef that does not fit the type of a script option ends the start', async () => {
    const script = (cluster: Cluster): void => void cluster.option('Demo::threshold', count, 25n)
    await expect(
      startCluster({ layout: `${SMALL} redef Demo::threshold = "many";`, scripts: [script] }),
    ).rejects.toThrow('the option Demo::threshold is of type count')
  })
})

describe('pools of scripts', () => {
  const spread = (options: { readonly maxNodes?: number; readonly exclusive?: boolean }) => {
    const pools = new Map<string, readonly string[]>()
    const script = (cluster: Cluster): void => {
      const pool = cluster.registerPool({ topic: 'demo/pool', nodeType: 'PROXY', ...options })
      cluster.on('ready', () => pools.set(cluster.name, pool.members))
    }
    return { pools, script }
  }

  test('have their members when the node connects, the same on every node', async () => {
    const { pools, script } = spread({ maxNodes: 1, exclusive: true })
    const cluster = await startCluster({ layout: LAYOUT, scripts: [script] })
    expect(pools.get('worker-1')).toEqual(['proxy-1'])
    expect(pools.get('manager')).toEqual(['proxy-1'])
    expect(cluster.node('manager').proxyPool.members).toEqual(['proxy-2'])
    expect(() => cluster.node('manager').registerPool({ topic: 'late', nodeType: 'PROXY' })).toThrow(
      'registered after the start',
    )
    await cluster.stop()
  })

  test('their members subscribe the topic of the pool', async () => {
    const { script } = spread({})
    const cluster = await startCluster({ layout: LAYOUT, scripts: [script] })
    const word = event('Demo::word', [string])
    const heard: string[] = []
    for (const name of ['proxy-1', 'proxy-2', 'worker-1']) cluster.node(name).on(word, () => heard.push(name))
    cluster.node('manager').publish('demo/pool', word('hi'))
    await cluster.settle()
    expect(heard.sort()).toEqual(['proxy-1', 'proxy-2'])
    await cluster.stop()
  })

  test('a predefined one is redefined in the layout', async () => {
    const cluster = await startCluster({
      layout: LAYOUT,
      redefs: [
        {
          name: 'Cluster::proxy_pool_spec',
          value: {
            type: 'record',
            value: new Map([
              ['topic', { type: 'string', value: 'p' }],
              ['node_type', { type: 'enum', value: 'Cluster::PROXY' }],
              ['max_nodes', { type: 'count', value: 1n }],
            ]),
          },
        },
      ],
    })
    expect(cluster.node('worker-1').proxyPool.members).toEqual(['proxy-1'])
    await cluster.stop()
  })
})
