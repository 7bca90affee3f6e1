/**
 * A whole cluster in one process, for tests: every node is started by the same function as on the command line, on
 * a network in memory, a virtual clock and files in memory.
 *
 *     const cluster = await startCluster({ layout: layoutText, scripts: [detector] })
 *     cluster.node('worker-1').publish(…)
 *     await cluster.settle()
 *     expect(await cluster.logLines('notice')).toHaveLength(1)
 */
import { ClusterError } from '../base/errors.js'
import type { Report } from '../base/report.js'
import type { Cluster } from '../cluster/cluster.js'
import { formatDiagnostic, hasErrors, type Layout, nodesByName, parseLayout } from '../layout/index.js'
import { mergeLogs, parseAsciiLog } from '../logging/log-reader.js'
import type { CaptureSettings } from '../node/capture-run.js'
import type { Platform } from '../node/platform.js'
import type { Script } from '../node/script.js'
import { type RunningNode, startNode } from '../node/start-node.js'
import { DIALECTS, type DialectName } from '../options/dialect.js'
import { type Redef, resolveOptions } from '../options/registry.js'
import { MemoryBackends } from './memory-backends.js'
import { MemoryDisk } from './memory-disk.js'
import { MemoryNetwork } from './memory-network.js'
import { MemoryProcess } from './memory-process.js'
import { seededRandom } from './seeded-random.js'
import { VirtualTime } from './virtual-time.js'

export interface TestClusterOptions {
  /** Text of a `cluster-layout.zeek`. */
  readonly layout: string
  /** User scripts that every node runs. */
  readonly scripts?: readonly Script[]
  /** Default `reference`. */
  readonly dialect?: DialectName
  /** Nodes that speak another dialect than the rest. */
  readonly dialects?: Readonly<Record<string, DialectName>>
  /** Names of the nodes to start; default: all. */
  readonly start?: readonly string[]
  readonly redefs?: readonly Redef[]
  /** Seed of everything random; default 1. */
  readonly seed?: number
  /** A capture that the workers read, split between them. */
  readonly capture?: Uint8Array
  /** Largest chunk that the network delivers; default 65 536 bytes. */
  readonly chunkBytes?: number
}

export interface TestCluster {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  readonly disk: MemoryDisk
  /** What the nodes reported, as `node: code: message`. */
  readonly reports: readonly string[]
  /** A running node. Throws when it is not one. */
  node(name: string): Cluster
  running(name: string): RunningNode
  /** Runs everything that can run without time passing. */
  settle(): Promise<void>
  /** Lets time pass. */
  advance(durationMs: number): Promise<void>
  /** Lets time pass until the condition holds. */
  until(condition: () => boolean, limitMs?: number): Promise<void>
  /** The lines of a log over all loggers, by time: column names to text. */
  logLines(name: string): Promise<readonly Readonly<Record<string, string>>[]>
  /** Ends one node in order. */
  stopNode(name: string): Promise<void>
  /** Ends one node as a crash would: its connections break, nothing is flushed. */
  crashNode(name: string): Promise<void>
  /** Starts a node that was stopped or crashed. */
  startNode(name: string): Promise<void>
  /** Ends all nodes: workers, proxies, manager, loggers. */
  stop(): Promise<void>
}

const STOP_ORDER = ['WORKER', 'PROXY', 'MANAGER', 'TIME_MACHINE', 'CONTROL', 'LOGGER'] as const
const LONG_ENOUGH_MS = 3_600_000

export async function startCluster(options: TestClusterOptions): Promise<TestCluster> {
  const cluster = new InMemoryCluster(options)
  await cluster.startAll()
  return cluster
}

class InMemoryCluster implements TestCluster {
  readonly time = new VirtualTime()
  readonly network: MemoryNetwork
  readonly disk = new MemoryDisk()
  readonly reports: string[] = []
  readonly #backends = new MemoryBackends()
  readonly #options: TestClusterOptions
  readonly #layout: Layout
  readonly #nodes = new Map<string, RunningNode>()
  readonly #processes = new Map<string, MemoryProcess>()
  #starts = 0

  constructor(options: TestClusterOptions) {
    this.#options = options
    this.network = new MemoryNetwork(
      this.time,
      options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes },
    )
    const dialect = DIALECTS[options.dialect ?? 'reference']
    const parsed = parseLayout(options.layout, { file: 'cluster-layout.zeek', dialect })
    if (hasErrors(parsed.diagnostics)) {
      throw new ClusterError('invalid-layout', parsed.diagnostics.map(formatDiagnostic).join('\n'), undefined)
    }
    this.#layout = parsed.layout
  }

  async startAll(): Promise<void> {
    const order = [...STOP_ORDER].reverse()
    for (const nodeType of order) {
      for (const { name } of nodesByName(this.#layout, nodeType)) {
        if (this.#options.start?.includes(name) !== false) await this.startNode(name)
      }
    }
    await this.until(
      () => [...this.#nodes.values()].every((node) => this.#seesAllStarted(node)),
      LONG_ENOUGH_MS,
    )
  }

  node(name: string): Cluster {
    return this.running(name).cluster
  }

  running(name: string): RunningNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new ClusterError('not-running', `${name} is not running`, { name })
    return node
  }

  settle(): Promise<void> {
    return this.time.settle()
  }

  advance(durationMs: number): Promise<void> {
    return this.time.advance(durationMs)
  }

  until(condition: () => boolean, limitMs?: number): Promise<void> {
    return this.time.until(condition, limitMs)
  }

  async logLines(name: string): Promise<readonly Readonly<Record<string, string>>[]> {
    for (const node of this.#nodes.values()) {
      await node.cluster.flush()
      await this.settle()
    }
    for (const node of this.#nodes.values()) await node.cluster.flush()
    const files = this.disk
      .paths()
      .filter((path) => new RegExp(`/${name}(\\.[-0-9]+)?\\.log$`).test(path))
      .map((path) => parseAsciiLog(this.disk.text(path)))
    return mergeLogs(files).flatMap((log) =>
      log.lines.map((line) => {
        const values = line.split('\t')
        return Object.fromEntries(log.fields.map((field, index) => [field, values[index] ?? '']))
      }),
    )
  }

  async stopNode(name: string): Promise<void> {
    const node = this.running(name)
    this.#nodes.delete(name)
    await this.#withTime(node.stop())
  }

  async crashNode(name: string): Promise<void> {
    this.running(name)
    this.#nodes.delete(name)
    this.#processes.get(name)?.crash()
    await this.settle()
  }

  async startNode(name: string): Promise<void> {
    const options = this.#options
    const dialect = DIALECTS[options.dialects?.[name] ?? options.dialect ?? 'reference']
    const redefs = [...this.#layout.redefs, ...(options.redefs ?? [])]
    const resolved = resolveOptions({ dialect, redefs })
    this.#starts += 1
    const process = new MemoryProcess(this.time, this.network)
    this.#processes.set(name, process)
    const platform: Platform = {
      clock: this.time,
      timers: process.timers,
      network: process.network,
      disk: this.disk,
      runCommand: async () => 0,
      claimFolder: async () => async () => {},
      openBackend: this.#backends.open,
      random: seededRandom((options.seed ?? 1) * 1000 + this.#starts),
    }
    const running = startNode({
      name,
      layout: this.#layout,
      options: resolved.options,
      redefs,
      dialect,
      platform,
      logDirectory: `logs/${name}`,
      spoolDirectory: `spool/${name}`,
      keepPlainNames: true,
      storeDirectory: `stores/${name}`,
      scripts: (options.scripts ?? []).map((run, index) => ({ name: `script ${index + 1}`, run })),
      capture: this.#captureFor(name),
      onShutdown: () => void this.stopNode(name),
      reporter: ({ code, message }: Report) => this.reports.push(`${name}: ${code}: ${message}`),
      onScriptError: (error, where) => this.reports.push(`${name}: script-error: ${where}: ${String(error)}`),
    })
    this.#nodes.set(name, await this.#withTime(running))
  }

  async stop(): Promise<void> {
    for (const nodeType of STOP_ORDER) {
      for (const node of nodesByName(this.#layout, nodeType)) {
        if (this.#nodes.has(node.name)) await this.stopNode(node.name)
      }
    }
  }

  #seesAllStarted({ cluster }: RunningNode): boolean {
    const { health } = cluster
    return health.state !== 'waiting' || !health.missing.some((name) => this.#nodes.has(name))
  }

  #captureFor(name: string): CaptureSettings | undefined {
    const { capture } = this.#options
    const workers = nodesByName(this.#layout, 'WORKER').map((node) => node.name)
    if (capture === undefined || !workers.includes(name)) return undefined
    return {
      name: 'capture',
      part: workers.indexOf(name),
      parts: workers.length,
      open: async function* () {
        for (let offset = 0; offset < capture.length; offset += 65_536)
          yield capture.subarray(offset, offset + 65_536)
      },
    }
  }

  /** Lets time pass until a promise settles. */
  async #withTime<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    await this.until(() => settled, LONG_ENOUGH_MS)
    return promise
  }
}
