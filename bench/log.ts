/**
 * Logs: workers write conn records, a logger stores them on disk; each a process of its own, over loopback without
 * TLS. A record counts when the logger has handed it to the operating system.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../test/support/free-ports.ts'
import type { BenchOptions } from './main.ts'

/** What one process is told to do. */
export type LogTask =
  | { readonly kind: 'logger'; readonly json: boolean }
  /** Writes records as fast as they are taken, or at a rate. */
  | { readonly kind: 'write'; readonly records: number; readonly perSecond?: number }
  /** Sends events to a worker; the worker takes the time that they needed. */
  | { readonly kind: 'probe'; readonly worker: string }

/** What a process tells about itself. */
export interface LogFigures {
  readonly kind: 'ready' | 'figures' | 'done'
  /** Stored by a logger, or written by a worker. */
  readonly records: number
  /** Written and not confirmed. */
  readonly waiting: number
  readonly dropped: number
  readonly lagMs: number
  readonly peakLagMs: number
  readonly peakRssBytes: number
  readonly cpuSeconds: number
  readonly seconds: number
  readonly latencyUs?: { readonly p50: number; readonly p99: number; readonly max: number }
}

const POLL_MS = 50

export async function benchLog({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const scale = quick ? 0.02 : 1
  const records = Math.round(2_000_000 * scale)
  return {
    tsv: await throughput(records, false),
    json: await throughput(records, true),
    sender: await busySender(Math.round(4_000_000 * scale)),
    loggerAway: await loggerAway(quick ? 1 : 60),
  }
}

/** Two workers write as fast as they can to one logger. */
export function throughput(records: number, json: boolean): Promise<Record<string, unknown>> {
  return inCluster(async (start) => {
    const logger = start('logger', { kind: 'logger', json })
    await logger.until((figures) => figures.kind === 'ready')
    const workers = ['worker-1', 'worker-2'].map((name) => start(name, { kind: 'write', records }))
    await Promise.all(workers.map((worker) => worker.until((figures) => figures.kind === 'ready')))
    const begin = performance.now()
    for (const worker of workers) worker.child.send('go')
    const stored = await logger.until((figures) => figures.records >= 2 * records)
    const seconds = (performance.now() - begin) / 1000
    const done = await Promise.all(
      workers.map((worker) => worker.until(({ waiting, kind }) => kind === 'done' && waiting === 0)),
    )
    return {
      recordsPerSecond: Math.round((2 * records) / seconds),
      stored: stored.records,
      lost: done.reduce((sum, worker) => sum + worker.records, 0) - stored.records,
      loggerRssMiB: Math.round(stored.peakRssBytes / 2 ** 20),
      loggerPeakLagMs: Math.round(stored.peakLagMs),
      loggerCpuUsPerRecord: round((stored.cpuSeconds * 1e6) / stored.records),
      senderCpuUsPerRecord: round((done[0]!.cpuSeconds * 1e6) / records),
      senderRssMiB: Math.round(done[0]!.peakRssBytes / 2 ** 20),
    }
  })
}

/** A worker writes 200 000 records a second and gets events meanwhile. */
export function busySender(records: number): Promise<Record<string, unknown>> {
  const perSecond = 200_000
  return inCluster(async (start) => {
    const logger = start('logger', { kind: 'logger', json: false })
    await logger.until((figures) => figures.kind === 'ready')
    const worker = start('worker-1', { kind: 'write', records, perSecond })
    const probe = start('manager', { kind: 'probe', worker: 'worker-1' })
    await Promise.all([worker, probe].map((peer) => peer.until((figures) => figures.kind === 'ready')))
    probe.child.send('go')
    worker.child.send('go')
    const done = await worker.until(({ kind }) => kind === 'done')
    const stored = await logger.until((figures) => figures.records >= records)
    return {
      writtenPerSecond: Math.round(done.records / done.seconds),
      eventLatencyUs: done.latencyUs,
      stored: stored.records,
      loggerPeakLagMs: Math.round(stored.peakLagMs),
    }
  })
}

/** The logger is gone for a while under 50 000 records a second, then comes back. */
export function loggerAway(awaySeconds: number): Promise<Record<string, unknown>> {
  const perSecond = 50_000
  return inCluster(async (start) => {
    const first = start('logger', { kind: 'logger', json: false })
    await first.until((figures) => figures.kind === 'ready')
    const records = perSecond * (awaySeconds + (awaySeconds > 10 ? 60 : 5))
    const worker = start('worker-1', { kind: 'write', records, perSecond })
    await worker.until((figures) => figures.kind === 'ready')
    worker.child.send('go')
    await first.until((figures) => figures.records > perSecond)
    const before = await stopLogger(first)
    await new Promise((resolve) => setTimeout(resolve, awaySeconds * 1000))
    const waiting = await worker.until(() => true)
    const begin = performance.now()
    const second = start('logger', { kind: 'logger', json: false })
    // Caught up: what is on its way is a quarter of a second's work.
    await worker.until((figures) => figures.waiting < perSecond / 4)
    const seconds = (performance.now() - begin) / 1000
    const done = await worker.until(({ kind, waiting: left }) => kind === 'done' && left === 0)
    const after = await second.until(({ records: stored }) => before + stored >= done.records)
    return {
      awaySeconds,
      waitingRecords: waiting.waiting,
      caughtUpSeconds: round(seconds),
      written: done.records,
      stored: before + after.records,
      dropped: done.dropped,
      senderRssMiB: Math.round(done.peakRssBytes / 2 ** 20),
      loggerRssMiB: Math.round(after.peakRssBytes / 2 ** 20),
    }
  })
}

/** Ends a logger in order; returns what it stored. */
async function stopLogger(logger: Peer): Promise<number> {
  logger.child.send('stop')
  const { records } = await logger.until(({ kind }) => kind === 'done')
  return records
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

interface Peer {
  readonly child: ChildProcess
  /** The first figures of the process for which the condition holds. */
  until(condition: (figures: LogFigures) => boolean): Promise<LogFigures>
}

type Start = (name: string, task: LogTask) => Peer

async function inCluster<T>(use: (start: Start) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-bench-'))
  const layout = join(directory, 'cluster-layout.zeek')
  const [logger, manager] = await freePorts(2)
  await writeFile(
    layout,
    `redef Broker::disable_ssl = T;
redef Cluster::manager_is_logger = F;
redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["logger"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=${logger}/tcp],
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${manager}/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
};
`,
  )
  const peers: Peer[] = []
  const start: Start = (name, task) => {
    const script = fileURLToPath(new URL('./log-peer.ts', import.meta.url))
    const child = fork(script, [layout, directory, name, JSON.stringify(task)], {
      execArgv: ['--import', new URL('./typescript.js', import.meta.url).href],
    })
    const peer = { child, until: figuresOf(child) }
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

function figuresOf(child: ChildProcess): Peer['until'] {
  let latest: LogFigures | undefined
  let ended = false
  child.on('message', (message) => {
    latest = message as LogFigures
  })
  child.on('exit', () => {
    ended = true
  })
  return async (condition) => {
    for (;;) {
      if (latest !== undefined && condition(latest)) return latest
      if (ended) throw new Error('a benchmark process ended early')
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}
