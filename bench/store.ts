/**
 * Data stores. The master is a manager, clones are workers, each a process of its own, over loopback without TLS.
 * Every write is awaited, at most two windows at a time: a write counts when the master's answer is back.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../test/support/free-ports.ts'
import type { BenchOptions } from './main.ts'

/** What one process is told to do. */
export type StoreTask =
  /** Has the master, and fills it; then says so, and answers others. */
  | { readonly kind: 'serve'; readonly entries: number }
  /** Has the master with a backend, and writes to it. */
  | {
      readonly kind: 'backend'
      readonly backend: 'Broker::SQLITE' | 'Broker::ROCKSDB'
      readonly durability: 'process' | 'machine'
      readonly writes: number
    }
  /** A clone that writes. */
  | { readonly kind: 'put' | 'put-unique' | 'put-many'; readonly writes: number }
  /** A clone that reads. */
  | { readonly kind: 'get'; readonly reads: number; readonly entries: number }
  /** A clone that writes now and then, until it is told to stop, and takes the time of each write. */
  | { readonly kind: 'probe' }
  /** A clone that takes the time until it has everything. */
  | { readonly kind: 'attach'; readonly entries: number }

export type StoreFigures = Readonly<Record<string, number | string | Readonly<Record<string, number>>>>

const MANAGER = 'manager'

export async function benchStore({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const scale = quick ? 0.01 : 1
  const count = (full: number): number => Math.max(1000, Math.round(full * scale))
  const million = count(1_000_000)
  const writing = (kind: 'put' | 'put-unique' | 'put-many', writes: number): Promise<StoreFigures> =>
    inCluster(async (start) => {
      const master = start(MANAGER, { kind: 'serve', entries: 0 })
      await master.next()
      return start('worker-1', { kind, writes }).next()
    })
  const result: Record<string, unknown> = {
    putUnique: await writing('put-unique', count(500_000)),
    put: await writing('put', million),
    putMany: await writing('put-many', million),
    get: await inCluster(async (start) => {
      const entries = count(100_000)
      await start(MANAGER, { kind: 'serve', entries }).next()
      return start('worker-1', { kind: 'get', reads: million, entries }).next()
    }),
    snapshot: await snapshot(million),
  }
  for (const backend of ['Broker::SQLITE', 'Broker::ROCKSDB'] as const) {
    for (const durability of ['process', 'machine'] as const) {
      const name = `${backend === 'Broker::SQLITE' ? 'sqlite' : 'rocksdb'}_${durability}`
      result[name] = await inCluster((start) =>
        start(MANAGER, { kind: 'backend', backend, durability, writes: million }).next(),
      )
    }
  }
  return result
}

/** A new clone gets everything while another one goes on writing. */
function snapshot(entries: number): Promise<Record<string, unknown>> {
  return inCluster(async (start) => {
    const master = start(MANAGER, { kind: 'serve', entries })
    const filled = await master.next()
    const probe = start('worker-1', { kind: 'probe' })
    await probe.next()
    const attached = await start('worker-2', { kind: 'attach', entries }).next()
    probe.child.send('stop')
    return { master: filled, newClone: attached, otherClone: await probe.next() }
  })
}

interface Peer {
  readonly child: ChildProcess
  /** The next figures that the process reports. */
  next(): Promise<StoreFigures>
}

type Start = (name: string, task: StoreTask) => Peer

async function inCluster<T>(use: (start: Start) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-bench-'))
  const layout = join(directory, 'cluster-layout.zeek')
  const [port] = await freePorts(1)
  await writeFile(
    layout,
    `redef Broker::disable_ssl = T;
redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
};
`,
  )
  const peers: Peer[] = []
  const start: Start = (name, task) => {
    const script = fileURLToPath(new URL('./store-peer.ts', import.meta.url))
    const child = fork(script, [layout, directory, name, JSON.stringify(task)], {
      execArgv: ['--expose-gc', '--import', new URL('./typescript.js', import.meta.url).href],
    })
    const peer: Peer = {
      child,
      next: () =>
        new Promise((resolve, reject) => {
          child.once('message', (message) => resolve(message as StoreFigures))
          child.once('exit', (code) =>
            reject(new Error(`a benchmark process ended early (exit code ${code})`)),
          )
        }),
    }
    peers.push(peer)
    return peer
  }
  try {
    return await use(start)
  } finally {
    for (const { child } of peers) child.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
