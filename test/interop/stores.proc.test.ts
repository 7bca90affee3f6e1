/**
 * Data stores between real Zeek processes and ours, over Broker and by file. Needs `zeek` (8 or 9, with the Broker
 * backend) on PATH; skipped, with the reason, without it.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, layoutOf, run, start, temporaryDirectory, write } from '../process/support.js'
import { freePorts } from '../support/free-ports.js'
import { Mixed } from './mixed-cluster.js'
import { isUsable, skipReason } from './real-zeek.js'

const PACKAGE = new URL('../../dist/index.js', import.meta.url).href

afterEach(endAll)

/** What every Zeek script here needs: printing at once, and the results of queries. */
const PRELUDE = `
module Demo;
function say(text: string) { print text; flush_all(); }
function show(h: opaque of Broker::Store, k: any)
  {
  when [h, k] ( local r = Broker::get(h, k) ) { say(fmt("get %s: %s", k, cat(r$result))); }
  timeout 10sec { say(fmt("get %s: timeout", k)); }
  }
function unique(h: opaque of Broker::Store, k: any, v: any)
  {
  when [h, k, v] ( local r = Broker::put_unique(h, k, v) ) { say(fmt("unique %s: %s", k, cat(r$result))); }
  timeout 10sec { say(fmt("unique %s: timeout", k)); }
  }
`

describe.skipIf(!isUsable)(`stores with a real Zeek${skipReason}`, () => {
  test('the master is in a Zeek, ours is a clone', { timeout: 60_000 }, async () => {
    const mixed = new Mixed((await layoutOf('manager', 'logger-1', 'worker-1')).text)
    const zeek = mixed.zeek(
      'manager',
      `${PRELUDE}
global h: opaque of Broker::Store;
global done: event() &is_used;
event zeek_init() &priority=-5 {
  h = Cluster::create_store("shared")$store;
  Broker::put(h, "of zeek", 1);
  Broker::put(h, 10.0.0.1, set("a", "b"));
  Broker::put(h, "soon gone", T, 2sec);
  Cluster::subscribe("demo/done");
}
event done() { show(h, "of ours"); show(h, "counter"); show(h, "list"); show(h, "won"); }
`,
    )
    const script = write(
      mixed.directory,
      'clone.ts',
      `import { Address, type Cluster, event } from 'zeek-cluster'
const done = event('Demo::done', [])
export default async (cluster: Cluster) => {
  const info = await cluster.createStore('shared')
  void info.ready.then(async (store) => {
    await store.ready({ timeoutMs: 30_000 })
    console.log('entries', await store.size(), await store.get('of zeek'), [...(await store.get(Address.parse('10.0.0.1')) as Set<string>)].join())
    for await (const change of watchUntil(store)) console.log('gone', change)
    await store.put('of ours', 'text')
    console.log('visible', await store.get('of ours'))
    await Promise.all([store.increment('counter', 40n), store.increment('counter', 2n), store.push('list', 'x')])
    console.log('unique', await store.putUnique('won', 1n), await store.putUnique('won', 2n))
    console.log('clash', await store.increment('of ours').catch((error) => error.code))
    await store.erase('never there')
    cluster.publish('demo/done', done())
  })
}
async function* watchUntil(store: import('zeek-cluster').Store) {
  for await (const change of store.watch()) {
    if (change.kind === 'expire') { yield String(change.key); return }
  }
}
`,
    )
    const logger = mixed.ours('logger-1')
    const ours = mixed.ours('worker-1', script)
    await ours.line(/^entries [23] 1n a,b$/)
    await ours.line(/^gone soon gone$/)
    await ours.line(/^visible text$/)
    await ours.line(/^unique true false$/)
    await ours.line(/^clash refused$/)
    await zeek.line(/get of ours: \[data=broker::data\{text\}\]/)
    await zeek.line(/get counter: \[data=broker::data\{42\}\]/)
    await zeek.line(/get list: \[data=broker::data\{\(x\)\}\]/)
    await zeek.line(/get won: \[data=broker::data\{1\}\]/)
    expect(await zeek.end('SIGTERM')).toBe(0)
    expect(await ours.end('SIGTERM')).toBe(0)
    expect(await logger.end('SIGTERM')).toBe(0)
  })

  test('the master is ours, a Zeek is a clone', { timeout: 60_000 }, async () => {
    const mixed = new Mixed((await layoutOf('manager', 'logger-1', 'worker-1')).text)
    const script = write(
      mixed.directory,
      'master.ts',
      `import type { Cluster } from 'zeek-cluster'
export default async (cluster: Cluster) => {
  const { store, master } = await cluster.createStore('shared')
  if (!master || store === undefined) return
  await store.put('of ours', [1n, 2n])
  void (async () => {
    for await (const change of store.watch()) if (change.kind === 'insert') console.log('insert', String(change.key))
  })()
}
`,
    )
    const manager = mixed.ours('manager', script)
    const logger = mixed.ours('logger-1')
    const zeek = mixed.zeek(
      'worker-1',
      `${PRELUDE}
global h: opaque of Broker::Store;
event zeek_init() &priority=-5 { h = Cluster::create_store("shared")$store; }
global act: event() &is_used;
event Cluster::node_up(name: string, id: string) { if ( name == "manager" ) schedule 2sec { act() }; }
global look: event() &is_used;
event act() {
  show(h, "of ours"); show(h, "missing");
  Broker::put(h, "of zeek", table(["k"] = 5));
  Broker::increment(h, "counter", 5);
  unique(h, "won", "first"); unique(h, "won", "second"); unique(h, "of ours", "other");
  schedule 1sec { look() };
}
event look() { show(h, "counter"); show(h, "of zeek"); show(h, "won"); }
`,
    )
    await zeek.line(/get of ours: \[data=broker::data\{\(1, 2\)\}\]/)
    await zeek.line(/get missing: \[data=<uninitialized>\]/)
    await zeek.line(/unique won: \[data=broker::data\{T\}\]/)
    await zeek.line(/unique won: \[data=broker::data\{F\}\]/)
    await zeek.line(/unique of ours: \[data=broker::data\{F\}\]/)
    await manager.line(/^insert of zeek$/)
    await zeek.line(/get counter: \[data=broker::data\{5\}\]/)
    await zeek.line(/get of zeek: \[data=broker::data\{\{k -> 5\}\}\]/)
    await zeek.line(/get won: \[data=broker::data\{first\}\]/)
    expect(await zeek.end('SIGTERM')).toBe(0)
    expect(await manager.end('SIGTERM')).toBe(0)
    expect(await logger.end('SIGTERM')).toBe(0)
  })

  test('a file of ours opens in Zeek, and what Zeek adds opens here', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'kept.sqlite')
    const ours = write(
      directory,
      'ours.mjs',
      `import { Address, Cluster } from ${JSON.stringify(PACKAGE)}
const cluster = await Cluster.start({ storeDirectory: ${JSON.stringify(directory)} })
const { ready } = await cluster.createStore('kept', { persistent: true })
const store = await ready
for (const [key, value] of await store.entries()) console.log('entry', String(key), value)
await store.put('of ours', 'text')
await store.put(Address.parse('10.0.0.1'), new Set([1n, 2n]))
await store.put('for an hour', 1.5, { expiryMs: 3_600_000 })
await cluster.stop()
console.log('closed')
`,
    )
    const runOurs = async (): Promise<readonly string[]> => {
      const running = start([ours], { command: process.execPath, cwd: process.cwd() })
      await running.line(/^closed$/)
      expect(await running.end()).toBe(0)
      return running.stdout
    }
    await runOurs()
    const zeekScript = write(
      directory,
      'open.zeek',
      `@load base/frameworks/broker
redef exit_only_after_terminate = T;
${PRELUDE}
global h: opaque of Broker::Store;
global fin: event() &is_used;
event zeek_init() {
  h = Broker::create_master("kept", Broker::SQLITE, Broker::BackendOptions($sqlite=Broker::SQLiteOptions($path="${file}")));
  show(h, "of ours"); show(h, 10.0.0.1); show(h, "for an hour");
  Broker::put(h, "of zeek", vector(1, 2));
  Broker::increment(h, "counter", 7);
  schedule 1sec { fin() };
}
event fin() { Broker::close(h); say("done"); }
`,
    )
    const zeek = start(['-b', zeekScript], { command: 'zeek', cwd: directory })
    await zeek.line(/get of ours: \[data=broker::data\{text\}\]/)
    await zeek.line(/get 10.0.0.1: \[data=broker::data\{\{1, 2\}\}\]/)
    await zeek.line(/get for an hour: \[data=broker::data\{1.5\d*\}\]/)
    await zeek.line(/^done$/)
    expect(await zeek.end('SIGTERM')).toBe(0)
    const output = await runOurs()
    expect(output).toContain('entry of zeek [ 1n, 2n ]')
    expect(output).toContain('entry counter 7n')
    expect(output).toContain('entry of ours text')
    expect(output).toContain('entry for an hour 1.5')
  })

  test('the command line works on a master of Zeek', { timeout: 60_000 }, async () => {
    const cwd = temporaryDirectory()
    const [port] = await freePorts(1)
    const script = write(
      cwd,
      'master.zeek',
      `@load base/frameworks/broker
redef exit_only_after_terminate = T;
${PRELUDE}
global h: opaque of Broker::Store;
event zeek_init() {
  h = Broker::create_master("kept");
  Broker::put(h, "of zeek", "text");
  Broker::put(h, 10.0.0.1, 90sec);
  Broker::listen("127.0.0.1", ${port}/tcp);
  say("listening");
}
event Broker::peer_added(endpoint: Broker::EndpointInfo, msg: string) { show(h, "of ours"); }
`,
    )
    const zeek = start(['-b', script], { command: 'zeek', cwd })
    await zeek.line(/^listening$/)
    const store = async (...args: readonly string[]): Promise<string> => {
      const result = await run(['store', 'kept', ...args, '--peer', `127.0.0.1:${port}`], { cwd })
      return `${result.exit}: ${[...result.stdout].sort().join(', ')}`
    }
    expect(await store('get', 'string:of zeek')).toBe('0: text')
    expect(await store('get', 'addr:10.0.0.1')).toBe('0: 1.0 min 30.0 secs')
    expect(await store('put', 'string:of ours', 'count:5')).toBe('0: ')
    expect(await store('put-unique', 'string:of ours', 'count:6')).toBe('0: F')
    expect(await store('put-unique', 'string:new', 'count:6')).toBe('0: T')
    expect(await store('erase', 'addr:10.0.0.1')).toBe('0: ')
    expect(await store('keys')).toBe('0: new, of ours, of zeek')
    expect(await store('get', 'string:never')).toBe('1: ')
    expect(await store('verify')).toContain('not asked: a stock Zeek')
    await zeek.line(/get of ours: \[data=broker::data\{5\}\]/)
    expect(await zeek.end('SIGTERM')).toBe(0)
  })
})
