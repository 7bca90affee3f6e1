/** The library's entrance, over real TCP and TLS: two nodes in this process. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freePorts } from '../../test/support/free-ports.js'
import { Address } from '../data/address.js'
import { event } from '../data/event.js'
import { addr, count } from '../data/types.js'
import { connectWebSocket } from '../websocket/client.js'
import { Cluster } from './cluster-start.js'

const seen = event('Demo::seen', [addr, count])

let directory = ''
let layout = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-test-'))
  layout = join(directory, 'cluster-layout.zeek')
  const [port] = await freePorts(1)
  await writeFile(
    layout,
    `redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
};
`,
  )
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, { recursive: true, force: true })
})

/** Resolves with the first value that a handler gets. */
function once<T>(register: (handler: (value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve) => register(resolve))
}

/** Log files are not rotated at the end. */
const KEEP = { defaultRotationInterval: 0 }

describe('Cluster.start', () => {
  test.skipIf(process.platform !== 'linux')('a node that was stopped gives its spool back', async () => {
    const first = await Cluster.start({ node: 'manager', layout, logDirectory: directory, options: KEEP })
    const owner = join(directory, '.spool', 'manager', 'owner')
    expect(await readFile(owner, 'utf8')).toMatch(new RegExp(`^${process.pid} `))
    await first.stop()
    await expect(readFile(owner, 'utf8')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('two nodes find each other, exchange events and write logs', async () => {
    const reports: string[] = []
    const onReport = ({ message }: { message: string }): number => reports.push(message)
    const manager = await Cluster.start({
      node: 'manager',
      layout,
      logDirectory: directory,
      onReport,
      options: KEEP,
    })
    const heard = once<string>((done) => manager.on(seen, (host, times) => done(`${host} ${times}`)))
    const abort = new AbortController()
    const worker = await Cluster.start({
      node: 'worker-1',
      layout,
      logDirectory: join(directory, 'worker'),
      onReport,
      signal: abort.signal,
    })
    await once((done) => worker.on('ready', () => done(undefined)))
    expect(worker.publish(worker.nodeTopic('manager'), seen(Address.parse('10.0.0.1'), 3n))).toBe('accepted')
    expect(await heard).toBe('10.0.0.1 3')
    expect(manager.workerCount).toBe(1)

    const down = once<string>((done) => manager.on('nodeDown', ({ name }) => done(name)))
    abort.abort()
    expect(await down).toBe('worker-1')
    expect(manager.workerCount).toBe(0)
    await manager.stop()
    const log = await readFile(join(directory, 'cluster.log'), 'utf8')
    expect(log).toContain('\tworker-1\tgot hello from manager (')
    expect(log).toContain('\tmanager\tnode down: worker-1')
    expect(reports).toEqual([])
  })

  test('a node serves WebSocket clients until it stops', async () => {
    const [port] = await freePorts(1)
    const manager = await Cluster.start({
      options: KEEP,
      node: 'manager',
      layout,
      logDirectory: directory,
      listenWebSocket: { host: '127.0.0.1', port: port! },
    })
    const added = once<string>((done) =>
      manager.on('webSocketClientAdded', (_client, topics) => done(topics.join())),
    )
    let closed: (code: number) => void = () => {}
    const closeCode = new Promise<number>((resolve) => {
      closed = resolve
    })
    const heard: string[] = []
    const client = await connectWebSocket({
      url: `ws://127.0.0.1:${port}/v1/messages/json`,
      subscriptions: ['demo/'],
      timeoutMs: 5000,
      onMessage: (topic) => heard.push(topic),
      onError: () => {},
      onClose: (code) => closed(code),
    })
    expect(client.endpoint).toBe(`${manager.id}-websocket-0`)
    expect(await added).toBe('demo/')
    manager.publish('demo/x', seen(Address.parse('10.0.0.1'), 3n))
    await expect.poll(() => heard).toEqual(['demo/x'])
    await manager.stop()
    expect(await closeCode).toBe(1001)
    const log = await readFile(join(directory, 'cluster.log'), 'utf8')
    expect(log).toContain(`WebSocket client '${client.endpoint}' (127.0.0.1:`)
  })

  test('a node stops by itself at the end of its block', async () => {
    const manager = await Cluster.start({ node: 'manager', layout, logDirectory: directory })
    const gone = once<string>((done) => manager.on('nodeDown', ({ name }) => done(name)))
    {
      await using worker = await Cluster.start({
        node: 'worker-1',
        layout,
        logDirectory: join(directory, 'worker'),
      })
      await once((done) => worker.on('ready', () => done(undefined)))
    }
    expect(await gone).toBe('worker-1')
    await manager.stop()
  })

  test('the node and its layout are found by the environment', async () => {
    vi.stubEnv('CLUSTER_NODE', 'worker-1')
    vi.stubEnv('ZEEKPATH', `/nowhere:${directory}`)
    await using worker = await Cluster.start({ logDirectory: directory })
    expect([worker.name, worker.localNodeType(), worker.options.node]).toEqual([
      'worker-1',
      'WORKER',
      'worker-1',
    ])
    vi.stubEnv('ZEEK_DEFAULT_CONNECT_RETRY', '7')
    await using other = await Cluster.start({
      node: 'manager',
      logDirectory: directory,
      options: { retryInterval: 9, workerTopic: 'w' },
    })
    expect([other.name, other.options.retryInterval, other.topicOf('WORKER')]).toEqual(['manager', 7, 'w'])
  })

  test('without a name it is no part of a cluster: no layout is needed', async () => {
    await using alone = await Cluster.start({ logDirectory: directory })
    expect([alone.isEnabled(), alone.localNodeType(), alone.nodes.size]).toEqual([false, 'NONE', 0])
    const { store } = await alone.createStore('x')
    await store?.put('a', 1n)
    expect(await store?.get('a')).toBe(1n)
    alone.log('hello')
  })

  test('an argument of a wrong type is an error at its publisher, whether or not a node subscribes', async () => {
    await using alone = await Cluster.start({ logDirectory: directory })
    const wrong = seen(Address.parse('10.0.0.1'), '3' as unknown as bigint)
    const fault = 'event Demo::seen, argument 2: expected count (a bigint), found a string'
    expect(() => alone.publish('demo/x', wrong)).toThrow(fault)
    expect(() => alone.publishRr(alone.workerPool, 'key', wrong)).toThrow(fault)
    expect(() => alone.publishHrw(alone.workerPool, 'key', wrong)).toThrow(fault)
    expect(alone.publish('demo/x', seen(Address.parse('10.0.0.1'), 3n))).toBe('no-peer')
  })

  test('options of scripts are given by their Zeek names', async () => {
    await writeFile(
      layout,
      'redef Cluster::nodes = { ["a"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1] };',
    )
    const redefs = [{ name: 'Demo::threshold', value: { type: 'count', value: 3n } }] as const
    await using node = await Cluster.start({ node: 'a', layout, redefs, logDirectory: directory })
    expect(node.option('Demo::threshold', count, 1n).value).toBe(3n)
  })

  test.each([
    ['no such layout', { layout: '/nowhere/cluster-layout.zeek' }, 'layout-unreadable'],
    ['no such node', { node: 'worker-7' }, 'unknown-node'],
    [
      'a redef of the wrong type',
      { redefs: [{ name: 'Broker::disable_ssl', value: { type: 'count', value: 1n } }] },
      'invalid-option',
    ],
  ] as const)('%s is an error with the code %s', async (_name, options, code) => {
    await expect(Cluster.start({ node: 'manager', layout, ...options })).rejects.toMatchObject({ code })
  })

  test('a layout with errors names all of them', async () => {
    await writeFile(
      layout,
      'redef Cluster::nodes = { ["a"] = [$ip=1.2.3], ["b"] = [$node_type=Cluster::BOSS] };',
    )
    await expect(Cluster.start({ node: 'a', layout })).rejects.toMatchObject({
      code: 'invalid-layout',
      message: expect.stringMatching(/:1:\d+: error: [\s\S]*:1:\d+: error: /),
    })
  })
})
