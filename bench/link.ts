/**
 * Two node processes over loopback without TLS: a worker publishes to the manager as fast as it is told to wait.
 * Every argument is read into a checksum that both ends compare. Latency is measured from the time at which an
 * event should have been sent, so that a late sender counts too.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../test/support/free-ports.ts'
import type { BenchOptions } from './main.ts'
import type { Shape } from './shapes.ts'
import { benchSocket } from './socket.ts'

/** What the two processes are told to do, one after the other. */
export type LinkTask =
  | { readonly kind: 'throughput'; readonly shape: Shape; readonly events: number }
  | { readonly kind: 'latency'; readonly perSecond: number; readonly events: number }

export interface LinkResult {
  readonly received: number
  readonly sent: number
  readonly checksumOk: boolean
  readonly seconds: number
  readonly receiverCpuSeconds: number
  readonly senderCpuSeconds: number
  readonly receiverRssBytes: number
  readonly senderRssBytes: number
  /** Sorted, in microseconds; only for latency. */
  readonly latenciesUs?: { readonly p50: number; readonly p99: number; readonly max: number }
}

export async function benchLink({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const scale = quick ? 0.02 : 1
  const events = { small: Math.round(6_000_000 * scale), conn: Math.round(2_500_000 * scale) }
  const [plain, withTls] = [
    await inCluster({ tls: false }, (run) => throughput(run, events)),
    await inCluster({ tls: true }, (run) =>
      throughput(run, { small: events.small / 2, conn: events.conn / 2 }),
    ),
  ]
  return { ...plain, tls: withTls }
}

export async function benchLatency({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const scale = quick ? 0.02 : 1
  const bare = {
    bareSocketAt1000: await benchSocket(1000, Math.round(10_000 * scale)),
    bareSocketAt10000: await benchSocket(10_000, Math.round(100_000 * scale)),
  }
  return inCluster({ tls: false }, async (run) => {
    const slow = await run({ kind: 'latency', perSecond: 1000, events: Math.round(10_000 * scale) })
    const fast = await run({ kind: 'latency', perSecond: 10_000, events: Math.round(100_000 * scale) })
    return {
      at1000: { ...slow.latenciesUs, lost: slow.sent - slow.received },
      at10000: { ...fast.latenciesUs, lost: fast.sent - fast.received },
      ...bare,
    }
  })
}

type Run = (task: LinkTask) => Promise<LinkResult>

async function throughput(
  run: Run,
  events: { readonly small: number; readonly conn: number },
): Promise<Record<string, unknown>> {
  const small = await run({ kind: 'throughput', shape: 'small', events: events.small })
  const conn = await run({ kind: 'throughput', shape: 'conn', events: events.conn })
  return { small: throughputFigures(small), conn: throughputFigures(conn) }
}

/** Runs tasks on a manager and a worker, each task in fresh processes. */
async function inCluster<T>({ tls }: { readonly tls: boolean }, use: (run: Run) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-bench-'))
  const layout = join(directory, 'cluster-layout.zeek')
  const [port] = await freePorts(1)
  await writeFile(
    layout,
    `redef Broker::disable_ssl = ${tls ? 'F' : 'T'};
redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
};
`,
  )
  try {
    return await use((task) => runTask(layout, directory, task))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function throughputFigures(result: LinkResult): Record<string, unknown> {
  return {
    eventsPerSecond: Math.round(result.received / result.seconds),
    received: result.received,
    lost: result.sent - result.received,
    checksumOk: result.checksumOk,
    receiverCpuUsPerEvent: round((result.receiverCpuSeconds * 1e6) / result.received),
    senderCpuUsPerEvent: round((result.senderCpuSeconds * 1e6) / result.received),
    receiverRssMiB: Math.round(result.receiverRssBytes / 2 ** 20),
    senderRssMiB: Math.round(result.senderRssBytes / 2 ** 20),
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** Fresh processes for each task, so that one does not warm up the other. */
async function runTask(layout: string, directory: string, task: LinkTask): Promise<LinkResult> {
  const peer = fileURLToPath(new URL('./link-peer.ts', import.meta.url))
  const start = (name: string): ChildProcess =>
    fork(peer, [layout, directory, name, JSON.stringify(task)], {
      execArgv: ['--import', new URL('./typescript.js', import.meta.url).href],
    })
  const receiver = start('manager')
  const sender = start('worker-1')
  try {
    const [received, sent] = await Promise.all([resultOf(receiver), resultOf(sender)])
    return { ...received, ...sent } as LinkResult
  } finally {
    receiver.kill()
    sender.kill()
  }
}

function resultOf(child: ChildProcess): Promise<Partial<LinkResult>> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Partial<LinkResult>))
    child.once('exit', (code) => reject(new Error(`a benchmark process ended early (exit code ${code})`)))
  })
}
