/** A node that serves Zeek's WebSocket API, and the commands as its clients. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts } from '../support/free-ports.js'
import { vectorPath } from '../support/vectors.js'
import { endAll, type Running, run, start, temporaryDirectory } from './support.js'

afterEach(endAll)

async function startNode(...flags: string[]): Promise<{ cwd: string; node: Running; url: string }> {
  const cwd = temporaryDirectory()
  const [port, webSocketPort] = await freePorts(2)
  writeFileSync(
    join(cwd, 'cluster-layout.zeek'),
    `redef Broker::disable_ssl = T;
redef Cluster::nodes = { ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp] };
`,
  )
  const scheme = flags.length > 0 ? 'wss' : 'ws'
  const node = start(['node', 'manager', '--listen-websocket', `127.0.0.1:${webSocketPort}`, ...flags], {
    cwd,
  })
  await node.line(new RegExp(`WebSocket clients connect to 127\\.0\\.0\\.1:${webSocketPort}`))
  return { cwd, node, url: `${scheme}://127.0.0.1:${webSocketPort}/v1/messages/json` }
}

describe('a node with --listen-websocket', () => {
  test('carries events between its clients', async () => {
    const { cwd, url } = await startNode()
    const subscriber = start(['subscribe', 'demo/', '--count', '1', '--websocket', url], { cwd })
    await subscriber.line(/^connected to ws:.* as .*-websocket-0$/)
    const published = await run(['publish', 'demo/x', 'Demo::seen', 'count:5', '--websocket', url], { cwd })
    expect([published.exit, published.stderr]).toEqual([0, []])
    expect(await subscriber.end()).toBe(0)
    expect(subscriber.stdout).toEqual([
      '{"topic":"demo/x","event":"Demo::seen","args":[{"@data-type":"count","data":5}]}',
    ])
  })

  test('speaks TLS with a certificate', async () => {
    const { cwd, url } = await startNode(
      '--websocket-cert',
      vectorPath('tls/node.pem'),
      '--websocket-key',
      vectorPath('tls/node.key.pem'),
    )
    const stranger = await run(['publish', 'demo/x', 'Demo::seen', '--websocket', url], { cwd })
    expect(stranger.exit).toBe(1)
    expect(stranger.stderr.join('\n')).toMatch(/certificate/)
    const trusting = await run(
      ['publish', 'demo/x', 'Demo::seen', '--websocket', url, '--tls-ca', vectorPath('tls/authority.pem')],
      { cwd },
    )
    expect([trusting.exit, trusting.stderr]).toEqual([0, []])
  })

  test('bench over WebSocket waits for the server, and nothing is lost', async () => {
    const { cwd, url } = await startNode()
    const subscriber = start(['bench', 'sub', 'bench/', '--websocket', url, '--json'], { cwd })
    await subscriber.line(/^connected to/)
    const args = [
      'bench',
      'pub',
      'bench/x',
      '--websocket',
      url,
      '--count',
      '3000',
      '--shape',
      'conn',
      '--json',
    ]
    const publisher = await run(args, { cwd })
    expect([publisher.exit, publisher.stderr]).toEqual([0, []])
    expect(JSON.parse(publisher.stdout[0]!)).toMatchObject({ published: 3000, dropped: 0 })
    expect(await subscriber.end()).toBe(0)
    expect(JSON.parse(subscriber.stdout.at(-1)!)).toMatchObject({ received: 3000, lost: 0 })
    const missing = await run([...args, '--tls-ca', '/nowhere.pem'], { cwd })
    expect([missing.exit, missing.stderr.length]).toEqual([2, 1])
  })

  test('a wrong address is told in one line', async () => {
    const { cwd, url } = await startNode()
    const wrong = await run(['publish', 't', 'E::e', '--websocket', url.replace('messages', 'nothing')], {
      cwd,
    })
    expect([wrong.exit, wrong.stderr.length]).toEqual([1, 1])
    expect(wrong.stderr[0]).toMatch(/zeek-cluster: error: ws:.*Invalid URI/)
    const [port] = await freePorts(1)
    const closed = await run(
      ['publish', 't', 'E::e', '--websocket', `ws://127.0.0.1:${port}/v1/messages/json`],
      { cwd },
    )
    expect([closed.exit, closed.stderr.length]).toEqual([1, 1])
    expect(closed.stderr[0]).toMatch(/ECONNREFUSED/)
  })
})

test('bench: what is published is counted at the other end', async () => {
  const cwd = temporaryDirectory()
  const [port] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  for (const shape of ['small', 'conn', 'table']) {
    const subscriber = start(['bench', 'sub', 'bench/', '--listen', address, '--no-tls', '--json'], { cwd })
    await subscriber.line(/^listening on/)
    const publisher = await run(
      [
        'bench',
        'pub',
        'bench/x',
        '--peer',
        address,
        '--no-tls',
        '--count',
        '5000',
        '--shape',
        shape,
        '--json',
      ],
      { cwd },
    )
    expect([publisher.exit, publisher.stderr]).toEqual([0, []])
    expect(JSON.parse(publisher.stdout[0]!)).toMatchObject({ published: 5000, dropped: 0 })
    expect(await subscriber.end()).toBe(0)
    const figures = JSON.parse(subscriber.stdout.at(-1)!) as {
      received: number
      lost: number
      perSecond: number
    }
    expect(figures).toMatchObject({ received: 5000, lost: 0 })
    expect(figures.perSecond).toBeGreaterThan(1000)
  }
})
