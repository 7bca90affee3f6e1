import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { dialTargets, expectedPeers, parseLayout } from './index.js'

const { layout } = parseLayout(
  `redef Cluster::nodes = {
    ["worker-10"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager", $time_machine="tm"],
    ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="proxy-1", $time_machine="manager"],
    ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp, $time_machine="tm", $manager="manager-2"],
    ["manager-2"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=2/tcp],
    ["tm"] = [$node_type=Cluster::TIME_MACHINE, $ip=127.0.0.1, $p=3/tcp],
    ["proxy-2"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=4/tcp, $manager="manager", $time_machine="tm"],
    ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=5/tcp, $manager="nobody"],
    ["logger-2"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=6/tcp, $manager="manager"],
    ["logger-10"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=7/tcp],
    ["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=8/tcp],
    ["none"] = [$node_type=Cluster::NONE, $ip=127.0.0.1],
  };`,
  { file: 'x', dialect: DIALECTS.reference },
)

const loggers = ['logger-10', 'logger-2']
const proxies = ['proxy-1', 'proxy-2']

describe('dialTargets', () => {
  test.each([
    ['manager', [...loggers, 'tm']],
    ['manager-2', loggers],
    ['proxy-1', loggers],
    ['proxy-2', [...loggers, 'manager']],
    ['worker-10', [...loggers, ...proxies, 'manager', 'tm']],
    ['worker-2', [...loggers, ...proxies]],
    ['logger-2', []],
    ['tm', []],
    ['control', []],
    ['none', []],
    ['unknown', []],
  ])('%s', (name, targets) => {
    expect(dialTargets(layout, name).map((node) => node.name)).toEqual(targets)
  })
})

describe('expectedPeers', () => {
  test.each([
    ['manager', [...loggers, 'proxy-2', 'tm', 'worker-10']],
    ['logger-2', ['manager', 'manager-2', ...proxies, 'worker-10', 'worker-2']],
    ['proxy-1', [...loggers, 'worker-10', 'worker-2']],
    ['worker-10', [...loggers, 'manager', ...proxies, 'tm']],
    ['tm', ['manager', 'worker-10']],
    ['control', []],
    ['unknown', []],
  ])('%s', (name, peers) => {
    expect(expectedPeers(layout, name)).toEqual(peers)
  })

  test('is mutual', () => {
    for (const name of layout.nodes.keys()) {
      for (const peer of expectedPeers(layout, name)) expect(expectedPeers(layout, peer)).toContain(name)
    }
  })
})
