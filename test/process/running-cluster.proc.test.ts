/** The commands that speak with a running cluster, against one cluster that all tests share. */
import { appendFileSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  alive,
  endAll,
  layoutOf,
  type Running,
  run,
  start,
  startUp,
  temporaryDirectory,
  until,
  write,
} from './support.js'

const NAMES = ['logger-1', 'manager', 'proxy-1', 'worker-1'] as const

/** Answers `Demo::ping` with `Demo::pong`. */
const PONG = `import { type Cluster, count, event, string } from 'zeek-cluster'

const ping = event('Demo::ping', [count])
const pong = event('Demo::pong', [string, count])

export default (cluster: Cluster): void => {
  cluster.subscribe('demo/ping')
  cluster.on(ping, (n) => cluster.publish('demo/pong', pong(cluster.name, n)))
}
`

let directory: string
let up: Running
let ports: number[]

beforeAll(async () => {
  directory = temporaryDirectory()
  const layout = await layoutOf(...NAMES)
  ports = layout.ports
  write(directory, 'cluster-layout.zeek', layout.text)
  write(directory, 'pong.ts', PONG)
  // The layout is found in the working directory.
  up = await startUp(['--script', 'pong.ts'], { cwd: directory })
})

afterAll(endAll)

const zeekCluster = (...args: string[]): Promise<Running> => run(args, { cwd: directory })

describe('status', () => {
  test('is a table of the nodes in order of their start', async () => {
    const { exit, stdout, stderr } = await zeekCluster('status')
    expect([exit, stderr]).toEqual([0, []])
    expect(stdout[0]).toMatch(/^NODE +TYPE +PID +ADDRESS +STATE +PEERS +EV\/S IN +EV\/S OUT +LOG\/S +RSS$/)
    const rows = stdout.slice(1).map((line) => line.split(/\s+/).slice(0, 6).join(' '))
    const address = (name: (typeof NAMES)[number]): string => `127.0.0.1:${ports[NAMES.indexOf(name)]}`
    const [logger, manager, proxy, worker] = up.nodePids
    expect(rows).toEqual([
      `logger-1 logger ${logger} ${address('logger-1')} up 3/3`,
      `manager manager ${manager} ${address('manager')} up 3/3`,
      `proxy-1 proxy ${proxy} ${address('proxy-1')} up 3/3`,
      `worker-1 worker ${worker} ${address('worker-1')} up 3/3`,
    ])
  })

  test('as JSON has the same and more', async () => {
    const { exit, stdout } = await zeekCluster('status', '--json')
    expect(exit).toBe(0)
    expect(stdout).toHaveLength(1)
    const { nodes } = JSON.parse(stdout[0]!) as { nodes: Record<string, unknown>[] }
    expect(nodes.map((node) => node['name'])).toEqual(NAMES)
    expect(nodes[1]).toMatchObject({ state: 'up', workerCount: 1, restarts: 0, dropped: 0, type: 'MANAGER' })
    expect(nodes[1]!['rssBytes']).toBeGreaterThan(10_000_000)
  })

  test('a second cluster in the same folder is refused', async () => {
    const { exit, stderr, stdout } = await zeekCluster('up')
    expect([exit, stdout]).toEqual([1, []])
    expect(stderr).toEqual([
      `zeek-cluster: error: a cluster runs already in ${join(directory, '.zeek-cluster')}`,
    ])
    expect(alive(up.nodePids)).toHaveLength(4)
  })
})

describe('publish and subscribe', () => {
  test('reach every node of the running cluster', async () => {
    const subscriber = start(['subscribe', 'demo/', '--count', '5'], { cwd: directory })
    // Subscribers do not say when they are there: whoever asks until it hears an answer knows.
    await until(async () => {
      await zeekCluster('publish', 'demo/ping', 'Demo::ping', 'count:7')
      return subscriber.exit !== undefined
    }, 'five answers')
    expect(subscriber.exit).toBe(0)
    expect(subscriber.stdout).toHaveLength(5)
    for (const line of subscriber.stdout) {
      expect(line).toMatch(
        /^\{"topic":"demo\/pong","event":"Demo::pong","args":\[\{"@data-type":"string","data":"\S+"\},\{"@data-type":"count","data":7\}\]\}$/,
      )
    }
  })

  test('nobody subscribes: exit code 1', async () => {
    const { exit, stderr } = await zeekCluster('publish', 'nobody/listens', 'Demo::ping', 'count:1')
    expect(exit).toBe(1)
    expect(stderr).toEqual([
      'zeek-cluster: error: nobody subscribes nobody/listens: the event reached no node',
    ])
    const json = await zeekCluster('publish', 'nobody/listens', 'Demo::ping', '--json')
    expect(json.exit).toBe(1)
    expect(json.stdout).toEqual(['{"topic":"nobody/listens","event":"Demo::ping","outcome":"no-peer"}'])
  })
})

describe('logs', () => {
  test('ls', async () => {
    const { exit, stdout } = await zeekCluster('logs', 'ls')
    expect(exit).toBe(0)
    expect(stdout[0]).toMatch(/^LOG +NODE +FILES +RECORDS +SIZE +FROM +TO$/)
    expect(stdout.some((line) => /^cluster +logger-1 +1 +\d+ +[\d.]+ k?B {2}20\d\d-/.test(line))).toBe(true)
    const files = await zeekCluster('logs', 'ls', '--files', '--fast')
    expect(
      files.stdout.some((line) => /^cluster +logger-1 +- .*\/logs\/logger-1\/cluster\.log$/.test(line)),
    ).toBe(true)
    const json = JSON.parse((await zeekCluster('logs', 'ls', '--json')).text) as unknown[]
    expect(json).toContainEqual(
      expect.objectContaining({ log: 'cluster', node: 'logger-1', place: 'written', format: 'tsv' }),
    )
  })

  test('cat prints a Zeek log', async () => {
    const { exit, stdout } = await zeekCluster('logs', 'cat', 'cluster')
    expect(exit).toBe(0)
    expect(stdout.slice(4, 7)).toEqual([
      '#path\tcluster',
      '#fields\tts\tnode\tmessage',
      '#types\ttime\tstring\tstring',
    ])
    expect(stdout.some((line) => line.includes('\tworker-1\tgot hello from manager ('))).toBe(true)
    const times = stdout.filter((line) => !line.startsWith('#')).map(Number.parseFloat)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  test('tail prints the last lines', async () => {
    const all = (await zeekCluster('logs', 'cat', 'cluster')).stdout
    expect((await zeekCluster('logs', 'tail', 'cluster', '-n', '3')).stdout).toEqual(all.slice(-3))
    expect((await zeekCluster('logs', 'tail', 'cluster')).stdout).toEqual(all.slice(-10))
    expect((await zeekCluster('logs', 'tail', 'cluster', '-n', '0')).stdout).toEqual([])
  })

  test('tail -f goes on: no line twice, none left out, also when a logger that comes back renames its file', async () => {
    const folder = join(directory, '.zeek-cluster/logs/logger-1')
    const header = '#path\tdemo\n#fields\tn\n#types\tcount\n'
    writeFileSync(join(folder, 'demo.log'), `${header}1\n2\n3\nhal`)
    const tail = start(['logs', 'tail', 'demo', '-n', '2', '-f'], { cwd: directory })
    await tail.line(/^3$/)
    appendFileSync(join(folder, 'demo.log'), 'f\n4\n')
    await tail.line(/^4$/)
    renameSync(join(folder, 'demo.log'), join(folder, 'demo.2026-01-31-12-00-00.log'))
    writeFileSync(join(folder, 'demo.log'), `${header}5\n`)
    await tail.line(/^5$/)
    expect(await tail.end('SIGINT')).toBe(0)
    expect(tail.stdout).toEqual(['2', '3', 'half', '4', '5'])
  })

  test('a log that is not there: exit code 1, and which there are', async () => {
    for (const args of [['cat'], ['tail']]) {
      const { exit, stderr } = await zeekCluster('logs', ...args, 'nothing')
      expect(exit).toBe(1)
      expect(stderr[0]).toMatch(
        /^zeek-cluster: error: no log nothing in \.\/\.zeek-cluster; there are: .*cluster/,
      )
    }
  })

  test('tail -f waits for a log that is not there yet', async () => {
    const tail = start(['logs', 'tail', 'later', '-f'], { cwd: directory })
    await tail.line(/^zeek-cluster: no log later in \.\/\.zeek-cluster yet: waiting for it$/)
    const folder = join(directory, '.zeek-cluster/logs/logger-1')
    writeFileSync(join(folder, 'later.log'), '{"ts":1.5}\n')
    await tail.line(/^\{"ts":1\.5\}$/)
    expect(await tail.end('SIGINT')).toBe(0)
  })

  test('a reader that has seen enough is no error', async () => {
    const log = start(['logs', 'cat', 'cluster'], { cwd: directory })
    log.process.stdout!.destroy()
    expect(await log.end()).toBe(0)
    expect(log.stderr).toEqual([])
  })
})

// Last: it ends the cluster.
describe('up', () => {
  test('names the nodes that it does not start; a cluster over several hosts need not be up to be stopped', async () => {
    const own = temporaryDirectory()
    // Nobody connects to a worker or a controller: nothing leaves this host.
    const others = `["worker-9"] = [$node_type=Cluster::WORKER, $ip=192.0.2.9, $manager="manager"],
["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1],
};`
    const { text } = await layoutOf('manager', 'logger-1')
    const layout = write(own, 'layout.zeek', text.replace('};', others))
    const cluster = start(['up', layout], { cwd: own })
    await cluster.line(/^not started: worker-9 \(not on this host\), control \(a place for controllers\)$/)
    await cluster.line(/^manager: logger-1 is up$/)
    const names = cluster.output.flatMap(({ line }) => /^(\S+): starting, pid /.exec(line)?.[1] ?? [])
    expect(names.sort()).toEqual(['logger-1', 'manager'])
    expect(await cluster.end('SIGTERM')).toBe(0)
    expect(cluster.text).not.toContain('cluster is up')
  })
})

describe('down', () => {
  test('stops the cluster and waits until it is gone', async () => {
    const { exit, stdout } = await zeekCluster('down')
    expect([exit, stdout]).toEqual([0, ['stopped']])
    expect(alive(up.nodePids)).toEqual([])
    expect(existsSync(join(directory, '.zeek-cluster/control.sock'))).toBe(false)
    expect(await up.end()).toBe(0)
  })

  test.each(['status', 'status --json', 'down', 'publish a/topic An::event'])(
    '%s without a cluster: exit code 1',
    async (args) => {
      const { exit, stderr, stdout } = await zeekCluster(...args.split(' '))
      expect([exit, stdout]).toEqual([1, []])
      expect(stderr).toEqual([`zeek-cluster: error: no cluster runs in ${join(directory, '.zeek-cluster')}`])
    },
  )
})
