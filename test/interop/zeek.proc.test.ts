/**
 * One cluster of real Zeek 9.0 processes and ours, over TLS as Zeek does it by default. Needs `zeek` on PATH, built
 * with the Broker backend; skipped, with the reason, without it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { columnOf, parseAsciiLog } from '../../src/logging/log-reader.js'
import {
  endAll,
  layoutOf,
  logRecords,
  QUICKSTART,
  type Running,
  start,
  temporaryDirectory,
  until,
  write,
} from '../process/support.js'

const BACKEND = 'frameworks/cluster/backend/broker'
const version = spawnSync('zeek', ['--version'], { encoding: 'utf8' })
const isZeek9 = version.status === 0 && /version (?:9|[1-9]\d)\./.test(version.stdout)
const hasBackend = isZeek9 && spawnSync('zeek', ['--parse-only', '--bare-mode', BACKEND]).status === 0
const reason = isZeek9 ? 'this zeek has no Broker backend' : 'no Zeek 9 on PATH'

const TRAFFIC = join(QUICKSTART, 'traffic.pcap')
const CONNECTIONS = 164

afterEach(endAll)

/** A cluster in the making: the layout, and a folder for each real Zeek. */
class Mixed {
  readonly directory = temporaryDirectory()
  readonly #layout: string

  constructor(layout: string) {
    this.#layout = layout
    write(this.directory, 'cluster-layout.zeek', layout)
  }

  /** Starts a real Zeek as one node; `script` is Zeek code that it runs beside its default scripts. */
  zeek(name: string, script: string, args: readonly string[] = []): Running {
    const cwd = join(this.directory, name)
    mkdirSync(cwd)
    write(cwd, 'cluster-layout.zeek', this.#layout)
    write(cwd, 'script.zeek', script)
    return start(
      [...args, BACKEND, 'script.zeek', 'exit_only_after_terminate=T', 'Log::default_rotation_interval=0sec'],
      {
        command: 'zeek',
        cwd,
        env: { CLUSTER_NODE: name, ZEEK_DEFAULT_LISTEN_ADDRESS: '127.0.0.1' },
      },
    )
  }

  /** Starts one of our nodes. */
  ours(name: string, ...args: readonly string[]): Running {
    return start(['node', name, '--dialect', 'zeek-9.0', ...args], { cwd: this.directory })
  }

  /** Values of a column in a log that a real Zeek wrote. */
  column(node: string, log: string, column: string): string[] {
    const path = join(this.directory, node, `${log}.log`)
    if (!existsSync(path)) return []
    const parsed = parseAsciiLog(readFileSync(path, 'utf8'))
    return parsed.lines.map((line) => columnOf(parsed, line, column) ?? '')
  }
}

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

describe.skipIf(!hasBackend)(`with a real Zeek${hasBackend ? '' : ` (skipped: ${reason})`}`, () => {
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
})
