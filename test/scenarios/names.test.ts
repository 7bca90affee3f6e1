/** Names: who gets what is addressed to one node, and what happens when two dialects meet. */
import { describe, expect, test } from 'vitest'
import { event } from '../../src/data/event.js'
import { string } from '../../src/data/index.js'
import { DIALECT_NAMES, type DialectName } from '../../src/options/dialect.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

const LAYOUT = `
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27765/tcp, $manager="manager"],
  ["worker-10"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27766/tcp, $manager="manager"],
};
`
const word = event('Demo::word', [string])

function listen(cluster: TestCluster, names: readonly string[]): string[] {
  const heard: string[] = []
  for (const name of names) cluster.node(name).on(word, (text) => heard.push(`${name}: ${text}`))
  return heard
}

describe('one name that starts with another', () => {
  test.each(['reference', 'zeek-9.0'] as const)(
    'worker-1 never gets what is for worker-10 (%s)',
    async (dialect) => {
      const cluster = await startCluster({ layout: LAYOUT, dialect })
      const heard = listen(cluster, ['worker-1', 'worker-10'])
      const manager = cluster.node('manager')
      manager.publish(manager.nodeTopic('worker-10'), word('ten'))
      manager.publish(manager.nodeTopic('worker-1'), word('one'))
      manager.publish(manager.nodeidTopic(cluster.node('worker-10').id), word('ten by id'))
      await cluster.settle()
      expect(heard.sort()).toEqual(['worker-10: ten', 'worker-10: ten by id', 'worker-1: one'])
      await cluster.stop()
    },
  )

  test('a script that subscribes a prefix of node topics gets all of them', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const heard = listen(cluster, ['worker-1'])
    cluster.node('worker-1').subscribe('bro/cluster/node/worker')
    await cluster.settle()
    const manager = cluster.node('manager')
    manager.publish(manager.nodeTopic('worker-10'), word('for ten'))
    await cluster.settle()
    expect(heard).toEqual(['worker-1: for ten'])
    cluster.node('worker-1').unsubscribe('bro/cluster/node/worker')
    await cluster.settle()
    manager.publish(manager.nodeTopic('worker-10'), word('again'))
    await cluster.settle()
    expect(heard).toEqual(['worker-1: for ten'])
    await cluster.stop()
  })
})

describe('every dialect', () => {
  const ROOTS: Readonly<Record<DialectName, readonly [root: string, suffix: string]>> = {
    reference: ['bro', ''],
    'zeek-7.0': ['zeek', '/'],
    'zeek-8.0': ['zeek', '/'],
    'zeek-9.0': ['zeek', '/'],
  }
  test.each(DIALECT_NAMES)('%s: a cluster comes up, with its names', async (dialect) => {
    const cluster = await startCluster({ layout: LAYOUT, dialect })
    const manager = cluster.node('manager')
    expect(manager.health).toEqual({ state: 'up' })
    expect(cluster.reports).toEqual([])
    const [root, suffix] = ROOTS[dialect]
    expect(manager.topicOf('WORKER')).toBe(`${root}/cluster/worker`)
    expect(manager.nodeTopic('x')).toBe(`${root}/cluster/node/x${suffix}`)
    expect(manager.nodeidTopic('x')).toBe(`${root}/cluster/nodeid/x${suffix}`)
    await cluster.stop()
  })

  const pairs = [
    ['reference', 'zeek-7.0', 'named'],
    ['zeek-7.0', 'zeek-8.0', 'named'],
    ['zeek-7.0', 'zeek-9.0', 'named'],
    // Names and owners of keys are the same.
    ['zeek-8.0', 'zeek-9.0', 'at ease'],
  ] as const
  test.each(pairs)('%s with %s: %s', async (one, other, outcome) => {
    const cluster = await startCluster({
      layout: LAYOUT,
      dialect: one,
      dialects: { 'worker-1': other },
      start: ['manager', 'worker-1'],
    })
    await cluster.settle()
    const named = [
      `manager: dialect-mismatch: worker-1 speaks ${other}, start with --dialect ${other}`,
      `worker-1: dialect-mismatch: manager speaks ${one}, start with --dialect ${one}`,
    ]
    expect([...cluster.reports].sort()).toEqual(outcome === 'named' ? named : [])
    await cluster.stop()
  })
})

describe('two dialects in one cluster', () => {
  test('both sides name the other, in one line and in their state', async () => {
    const cluster = await startCluster({
      layout: LAYOUT,
      dialect: 'zeek-9.0',
      dialects: { 'worker-1': 'reference' },
      start: ['manager', 'worker-1'],
    })
    await cluster.settle()
    expect(cluster.reports).toEqual([
      'manager: dialect-mismatch: worker-1 speaks reference, start with --dialect reference',
      'worker-1: dialect-mismatch: manager speaks zeek-9.0, start with --dialect zeek-9.0',
    ])
    expect(cluster.node('manager').health).toEqual({
      state: 'degraded',
      reason: 'worker-1 speaks reference, start with --dialect reference',
    })
    await cluster.stop()
  })
})
