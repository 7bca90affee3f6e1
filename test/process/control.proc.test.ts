/** A cluster with nodes of every type as processes, and a controller that gives them commands. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../support/free-ports.js'
import {
  endAll,
  QUICKSTART,
  type Running,
  run,
  start,
  startUp,
  statusOf,
  temporaryDirectory,
  until,
  write,
} from './support.js'

afterAll(endAll)

const SCRIPT = `import { type Cluster, count, set, string } from 'zeek-cluster'

export default (cluster: Cluster): void => {
  const threshold = cluster.option('Demo::threshold', count, 25n, { changeable: true })
  cluster.option('Demo::names', set(string), new Set(['a', 'b']))
  threshold.onChange((value, previous) => cluster.report('info', 'demo', \`threshold \${previous} to \${value}\`))
  cluster.on('configurationUpdate', () => cluster.report('info', 'demo', 'configuration updated'))
}
`

describe('a cluster of manager, logger, proxy, workers, time machine and control', () => {
  const cwd = temporaryDirectory()
  let up: Running
  let ports: number[]
  const control = (...args: string[]): Promise<Running> => run(['control', ...args], { cwd })

  beforeAll(async () => {
    ports = await freePorts(7)
    const [logger, manager, proxy, worker1, worker2, machine, controller] = ports
    write(
      cwd,
      'cluster-layout.zeek',
      `redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
  ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=${logger}/tcp],
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${manager}/tcp, $time_machine="tm"],
  ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=${proxy}/tcp, $manager="manager"],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=${worker1}/tcp, $manager="manager", $interface="eth0", $time_machine="tm"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=${worker2}/tcp, $manager="manager", $interface="eth0", $time_machine="tm"],
  ["tm"] = [$node_type=Cluster::TIME_MACHINE, $ip=127.0.0.1, $p=${machine}/tcp],
  ["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=${controller}/tcp],
};
redef Demo::threshold = 26;
`,
    )
    write(cwd, 'demo.ts', SCRIPT)
    up = await startUp(['--script', 'demo.ts', '--read', `${QUICKSTART}/traffic.pcap`], { cwd })
  })

  test('comes up: all but the control node, which is a node that runs by itself', async () => {
    const nodes = await statusOf(cwd)
    expect([...nodes.keys()].sort()).toEqual(['logger-1', 'manager', 'proxy-1', 'tm', 'worker-1', 'worker-2'])
    expect(nodes.get('tm')).toMatchObject({ state: 'up', peers: 3, peersExpected: 3 })
    expect(nodes.get('manager')).toMatchObject({ state: 'up', peers: 5, workerCount: 2 })
    expect(up.text).toContain('not started: control')
    const controller = start(['node', 'control'], { cwd })
    await controller.line(/^control: listening on /)
    const answer = await control('control', 'id_value', 'Cluster::node')
    expect([answer.stdout, answer.exit]).toEqual([['control'], 0])
    expect(await controller.end('SIGTERM')).toBe(0)
  })

  test('id_value: options of the framework and of scripts, and what changes, as Zeek prints them', async () => {
    expect((await control('worker-1', 'id_value', 'Cluster::worker_topic')).stdout).toEqual([
      'bro/cluster/worker',
    ])
    expect((await control('worker-1', 'id_value', 'Demo::threshold')).stdout).toEqual(['26'])
    expect((await control('worker-1', 'id_value', 'Demo::names')).stdout).toEqual(['{', 'a,', 'b', '}'])
    expect((await control('manager', 'id_value', 'Cluster::worker_count')).stdout).toEqual(['2'])
    const nodes = (await control('worker-1', 'id_value', 'Cluster::nodes')).stdout
    expect(nodes.find((line) => line.includes('[worker-2]'))).toMatch(
      /node_type=Cluster::WORKER, ip=127\.0\.0\.1, zone_id=, p=\d+\/tcp, interface=eth0, manager=manager, time_machine=tm, id=<uninitialized>, lb_filter=\(ip and /,
    )
    expect(nodes.find((line) => line.includes('[manager]'))).toMatch(/id=[0-9a-f-]{36}, lb_filter=<uninit/)
    const unknown = await control('worker-1', 'id_value', 'Demo::nonsense')
    expect([unknown.exit, unknown.stderr]).toEqual([
      1,
      ['zeek-cluster: error: worker-1 knows no Demo::nonsense'],
    ])
  })

  test('peer_status and net_stats: peers, and packets of the capture', async () => {
    const peers = await control('worker-1', 'peer_status', '--json')
    const answer = JSON.parse(peers.stdout.join('')) as { peers: { host: string; status: string }[] }
    // The controller is a peer too.
    expect(answer.peers.map(({ host, status }) => `${host} ${status}`)).toEqual(
      Array.from({ length: 5 }, () => '127.0.0.1 PEERED'),
    )
    const stats = await until(async () => {
      const json = JSON.parse((await control('worker-1', 'net_stats', '--json')).stdout.join('')) as {
        received: number
      }
      return json.received > 0 && json
    }, 'packets of worker-1')
    expect(stats).toMatchObject({ node: 'worker-1', command: 'net_stats', dropped: 0, link: stats.received })
    expect((await control('manager', 'net_stats')).stdout).toEqual([
      'packets received 0, dropped 0, on the link 0',
    ])
  })

  test('configuration_update: only from a CONTROL node, only what is declared changeable', async () => {
    const from = up.output.length
    expect((await control('worker-1', 'configuration_update', 'Demo::threshold=30')).exit).toBe(0)
    await up.line(/^worker-1: info: threshold 26 to 30$/, from)
    await up.line(/^worker-1: info: configuration updated$/, from)
    await up.line(/^worker-1: info: configuration update: 1 accepted$/, from)
    expect((await control('worker-1', 'id_value', 'Demo::threshold')).stdout).toEqual(['30'])

    await control('worker-1', 'configuration_update', 'Cluster::worker_topic=x', 'Demo::names=x')
    await up.line(/^worker-1: info: configuration update: 2 not-changeable$/, from)
    expect((await control('worker-1', 'id_value', 'Cluster::worker_topic')).stdout).toEqual([
      'bro/cluster/worker',
    ])

    const stranger = await control(
      'worker-1',
      'configuration_update',
      'Demo::threshold=1',
      '--as',
      'nobody',
      '--timeout',
      '1',
    )
    expect(stranger.exit).toBe(1)
    expect(stranger.text).toContain('no answer within 1 s: the log of the node tells when it refuses')
    await up.line(
      /^worker-1: warning: .* may not set Demo::threshold: it is no CONTROL node of the layout/,
      from,
    )
    expect((await control('worker-1', 'id_value', 'Demo::threshold')).stdout).toEqual(['30'])
  })

  test('shutdown: the node answers, stops and is not started again', async () => {
    const from = up.output.length
    const { exit, stdout } = await control('worker-2', 'shutdown')
    expect([exit, stdout]).toEqual([0, ['worker-2 stops']])
    await up.line(/^manager: worker-2 is down$/, from)
    await until(async () => (await statusOf(cwd)).get('worker-2')!.state === 'stopped', 'worker-2 stopped')
    expect((await statusOf(cwd)).get('worker-2')).toMatchObject({ restarts: 0 })
  })

  test('what is wrong with a command: exit code 2', async () => {
    for (const [args, message] of [
      [['nobody', 'net_stats'], "'nobody' is not a node of"],
      [['worker-1', 'dance'], "unknown command 'dance'"],
      [['worker-1', 'id_value'], 'id_value takes one name'],
      [['worker-1', 'net_stats', 'x'], 'net_stats takes no arguments'],
      [['worker-1', 'configuration_update', '30'], "'30' is not NAME=VALUE"],
    ] as const) {
      const command = await control(...args)
      expect([command.exit, command.text], args.join(' ')).toEqual([2, expect.stringContaining(message)])
    }
  })

  test('a node that is not there: exit code 1', async () => {
    const [port] = await freePorts(1)
    const command = await control(`127.0.0.1:${port}`, 'net_stats', '--timeout', '1')
    expect([command.exit, command.text]).toEqual([1, expect.stringContaining('no peering within 1 s')])
  })
})
