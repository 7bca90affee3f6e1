/** Resident memory of processes that do nothing: a node of a cluster, and an endpoint with 200 idle peers. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../test/support/free-ports.ts'
import type { BenchOptions } from './main.ts'

const PEERS = 200

export async function benchMemory({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  return {
    idleNodeRssMiB: await idleNode(quick ? 1000 : 5000),
    peers: PEERS,
    endpointWithPeersRssMiB: await endpointWithPeers(),
  }
}

/** `zeek-cluster node`, as it is started in a cluster. */
async function idleNode(durationMs: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-bench-'))
  const [port] = await freePorts(1)
  await writeFile(
    join(directory, 'cluster-layout.zeek'),
    `redef Cluster::nodes = { ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp] };\n`,
  )
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
  const node = fork(main, ['node', 'manager'], { cwd: directory, execArgv: [] })
  try {
    let rssBytes = 0
    node.on('message', (message: { kind?: string; figures?: { rssBytes: number } }) => {
      if (message.kind === 'figures') rssBytes = message.figures?.rssBytes ?? rssBytes
    })
    await new Promise((resolve) => setTimeout(resolve, durationMs))
    if (rssBytes === 0) throw new Error('the node tells no figures')
    return Math.round(rssBytes / 2 ** 20)
  } finally {
    node.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

async function endpointWithPeers(): Promise<number> {
  const start = (args: readonly string[]): ChildProcess =>
    fork(fileURLToPath(new URL('./memory-peer.ts', import.meta.url)), args, {
      execArgv: ['--import', new URL('./typescript.js', import.meta.url).href],
    })
  const [port] = await freePorts(1)
  const hub = start(['listen', String(port), String(PEERS)])
  const peers = start(['dial', String(port), String(PEERS)])
  try {
    return await new Promise<number>((resolve, reject) => {
      hub.once('message', (rssBytes) => resolve(Math.round((rssBytes as number) / 2 ** 20)))
      for (const child of [hub, peers]) {
        child.once('exit', (code) => reject(new Error(`a benchmark process ended early (exit code ${code})`)))
      }
    })
  } finally {
    hub.kill()
    peers.kill()
  }
}
