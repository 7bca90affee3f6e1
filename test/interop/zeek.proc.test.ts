/**
 * Clusters of real Zeek processes and ours, over TLS as Zeek does it by default unless said otherwise. Needs `zeek`
 * (8 or 9, with the Broker backend) on PATH; skipped, with the reason, without it.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, layoutOf, logRecords, QUICKSTART, run, start, until, write } from '../process/support.js'
import { freePorts } from '../support/free-ports.js'
import { vectorPath } from '../support/vectors.js'
import { Mixed } from './mixed-cluster.js'
import { isUsable, skipReason } from './real-zeek.js'

const TRAFFIC = join(QUICKSTART, 'traffic.pcap')
const CONNECTIONS = 164

afterEach(endAll)

/** Zeek reads its capture when it has seen everybody that it should. */
const waitFor = (...names: readonly string[]): string => `
global missing: set[string] = { ${names.map((name) => `"${name}"`).join(', ')} };
event zeek_init() { suspend_processing(); }
event Cluster::node_up(name: string, id: string) {
  delete missing[name];
  if ( |missing| == 0 ) continue_processing();
}
# At its end Zeek logs the connections that are still open.
event Pcap::file_done(path: string) { terminate(); }
`

describe.skipIf(!isUsable)(`with a real Zeek${skipReason}`, () => {
  test('Zeek is a worker of ours: it is seen, and its logs arrive', { timeout: 60_000 }, async () => {
    const mixed = new Mixed((await layoutOf('manager', 'logger-1', 'proxy-1', 'worker-1')).text)
    const ours = ['logger-1', 'manager', 'proxy-1'].map((name) => mixed.ours(name))
    const zeek = mixed.zeek('worker-1', waitFor('manager', 'logger-1', 'proxy-1'), ['-C', '-r', TRAFFIC])
    for (const node of ours) await node.line(/: worker-1 is up$/)
    await until(
      () => logRecords(mixed.directory, 'conn').length === CONNECTIONS,
      'all connections at our logger',
    )
    expect(
      logRecords(mixed.directory, 'conn').filter((conn) => conn['service'] === 'http').length,
    ).toBeGreaterThan(10)
    expect(logRecords(mixed.directory, 'http')).toHaveLength(18)
    expect(await zeek.end()).toBe(0)
    for (const node of ours) await node.line(/: worker-1 is down$/)
    for (const node of ours.reverse()) expect(await node.end('SIGTERM')).toBe(0)
  })

  test('we are workers and proxy of a Zeek: events both ways, and our logs at its logger', {
    timeout: 60_000,
  }, async () => {
    const layout = await layoutOf('manager', 'logger-1', 'proxy-1', 'worker-1', 'worker-2')
    const mixed = new Mixed(layout.text)
    const answer = `
module Demo;
export { global question: event(host: addr, n: count); global answer: event(host: addr, n: count); }
event question(host: addr, n: count) { Cluster::publish(Cluster::node_topic("worker-1"), answer, host, n + 1); }
event Cluster::node_up(name: string, id: string) { print fmt("%s is up", name); flush_all(); }
event Cluster::node_down(name: string, id: string) { print fmt("%s is down", name); flush_all(); }
`
    const logger = mixed.zeek('logger-1', answer)
    const manager = mixed.zeek('manager', answer)
    const script = write(
      mixed.directory,
      'ask.ts',
      `import { addr, Address, type Cluster, count, event } from 'zeek-cluster'
const question = event('Demo::question', [addr, count])
const answer = event('Demo::answer', [addr, count])
export default (cluster: Cluster): void => {
  cluster.on('ready', () => {
    cluster.publish(cluster.nodeTopic('manager'), question(Address.parse('10.1.2.3'), 41n))
  })
  cluster.on(answer, (host, n) => cluster.report('info', 'answer', \`\${host} \${n}\`))
}
`,
    )
    const proxy = mixed.ours('proxy-1')
    const workers = [
      mixed.ours('worker-1', script, '--read', TRAFFIC),
      mixed.ours('worker-2', '--read', TRAFFIC),
    ]
    await workers[0]!.line(/^worker-1: info: 10\.1\.2\.3 42$/)
    for (const name of ['proxy-1', 'worker-1', 'worker-2']) await manager.line(new RegExp(`^${name} is up$`))
    await until(
      () => mixed.column('logger-1', 'conn', 'uid').length === CONNECTIONS,
      () =>
        `all connections at Zeek's logger: ${mixed.column('logger-1', 'conn', 'uid').length}\n${logger.text}`,
    )
    for (const worker of workers) expect(await worker.end('SIGTERM')).toBe(0)
    await manager.line(/^worker-1 is down$/)
    await manager.line(/^worker-2 is down$/)
    expect(await proxy.end('SIGTERM')).toBe(0)
    // What our nodes said in cluster.log: a hello from each of their peers. Zeek writes its files a little later.
    const nodes = (): string[] => mixed.column('logger-1', 'cluster', 'node')
    const hellos = (): string[] =>
      mixed
        .column('logger-1', 'cluster', 'message')
        .flatMap((message, index) => (message.startsWith('got hello from ') ? [nodes()[index]!] : []))
        .filter((node) => /^(?:proxy|worker)/.test(node))
    await until(
      () => hellos().length === 4 + 3 + 3,
      () => `the hellos of our nodes: ${hellos().join(', ')}`,
    )
  })

  test('five nodes: Zeek is manager and worker, ours are logger, proxy and worker', {
    timeout: 60_000,
  }, async () => {
    const layout = await layoutOf('manager', 'logger-1', 'proxy-1', 'worker-1', 'worker-2')
    const mixed = new Mixed(layout.text)
    const logger = mixed.ours('logger-1')
    const manager = mixed.zeek(
      'manager',
      'event Cluster::node_up(name: string, id: string) { print fmt("%s is up", name); flush_all(); }',
    )
    const proxy = mixed.ours('proxy-1')
    const ours = mixed.ours('worker-2', '--read', TRAFFIC)
    const zeek = mixed.zeek('worker-1', waitFor('manager', 'logger-1', 'proxy-1'), ['-C', '-r', TRAFFIC])
    for (const name of ['proxy-1', 'worker-1', 'worker-2']) await manager.line(new RegExp(`^${name} is up$`))
    expect(await zeek.end()).toBe(0)
    // Zeek read the whole capture, our worker its half of it.
    const halves = (): number => logRecords(mixed.directory, 'conn').length - CONNECTIONS
    await until(
      () => halves() > 0 && halves() < CONNECTIONS,
      () => `connections of both workers at our logger: ${halves() + CONNECTIONS}`,
    )
    for (const node of [ours, proxy]) expect(await node.end('SIGTERM')).toBe(0)
    await manager.end('SIGTERM')
    expect(await logger.end('SIGTERM')).toBe(0)
    const nodes = new Set(logRecords(mixed.directory, 'cluster').map((record) => record['node']))
    expect([...nodes].sort()).toEqual(expect.arrayContaining(['logger-1', 'manager', 'proxy-1', 'worker-1']))
  })

  test('with certificates: both sides show one, and a stranger is told why it may not', {
    timeout: 60_000,
  }, async () => {
    const layout = await layoutOf('manager', 'worker-1', 'worker-2')
    const certificates = (name: string): string => `
redef Broker::ssl_cafile = "${vectorPath('tls/authority.pem')}";
redef Broker::ssl_certificate = "${vectorPath(`tls/${name}.pem`)}";
redef Broker::ssl_keyfile = "${vectorPath(`tls/${name}.key.pem`)}";
`
    const mixed = new Mixed(layout.text)
    write(mixed.directory, 'cluster-layout.zeek', layout.text + certificates('node'))
    const manager = mixed.ours('manager')
    const worker = mixed.zeek('worker-1', certificates('node'))
    await manager.line(/: worker-1 is up$/)
    mixed.zeek('worker-2', certificates('stranger'))
    await manager.line(/manager: warning: .*its certificate is not signed by an authority/)
    expect(await worker.end('SIGTERM')).toBe(0)
    await manager.line(/: worker-1 is down$/)
    expect(await manager.end('SIGTERM')).toBe(0)
  })

  test('WebSocket clients of ours at a Zeek, and through our server to a Zeek and back', {
    timeout: 60_000,
  }, async () => {
    const layout = await layoutOf('manager', 'worker-1')
    const mixed = new Mixed(layout.text)
    const [zeekPort, ownPort] = await freePorts(2)
    const url = (port: number): string => `ws://127.0.0.1:${port}/v1/messages/json`
    const manager = mixed.ours('manager', '--listen-websocket', `127.0.0.1:${ownPort}`)
    mixed.zeek(
      'worker-1',
      `
module Demo;
export { global ping: event(who: string, n: count); global pong: event(who: string, n: count); }
event ping(who: string, n: count) { Cluster::publish("demo/pong", pong, who, n + 1); }
event zeek_init() {
  Cluster::subscribe("demo/ping");
  Cluster::listen_websocket([$listen_addr=127.0.0.1, $listen_port=${zeekPort}/tcp]);
}
`,
    )
    await manager.line(/: worker-1 is up$/)
    const cwd = mixed.directory
    for (const [port, who] of [
      [zeekPort, 'at Zeek'],
      [ownPort, 'through ours'],
    ] as const) {
      const listener = start(['subscribe', 'demo/pong', '--count', '1', '--websocket', url(port!)], { cwd })
      await listener.line(/^connected to/)
      const args = ['publish', 'demo/ping', 'Demo::ping', `string:${who}`, 'count:41']
      const published = await run([...args, '--websocket', url(port!)], { cwd })
      expect([published.exit, published.stderr]).toEqual([0, []])
      expect(await listener.end()).toBe(0)
      expect(listener.stdout).toEqual([
        `{"topic":"demo/pong","event":"Demo::pong","args":[{"@data-type":"string","data":"${who}"},{"@data-type":"count","data":42}]}`,
      ])
    }
    expect(await manager.end('SIGTERM')).toBe(0)
  })
})
