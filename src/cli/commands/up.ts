/**
 * `zeek-cluster up`: every local node of a layout as a process of its own, watched and shown; Ctrl-C stops all in
 * order.
 */
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../../base/errors.js'
import { every, systemClock, systemTimers } from '../../base/time.js'
import { Address } from '../../data/address.js'
import type { Layout } from '../../layout/index.js'
import { captureUnreadable } from '../../node/capture-run.js'
import { OPTIONS } from '../../options/registry.js'
import { listenControl } from '../../supervisor/control-socket.js'
import type {
  CaptureFigures,
  ControlRequest,
  ControlResponse,
  NodeMessage,
} from '../../supervisor/messages.js'
import { spawnNodeWith } from '../../supervisor/spawn-node.js'
import { Supervisor } from '../../supervisor/supervisor.js'
import { LiveScreen } from '../live-view.js'
import { type LoadedCluster, layoutArguments, loadCluster, splitScripts } from '../load-cluster.js'
import { countRecords, readColumns } from '../logs/summary.js'
import { CommandError, fail, print } from '../output.js'

export interface UpFlags {
  readonly script: readonly string[]
  readonly read?: string
  readonly dialect: string
  readonly stateDir: string
  readonly for?: string
}

const DRAW_INTERVAL_MS = 250
const KEPT_EVENTS = 200
/** Notices named in the summary. */
const SHOWN_NOTICES = 5

export async function runUp(
  file: string | undefined,
  args: readonly string[],
  flags: UpFlags,
): Promise<void> {
  const {
    file: path,
    given: redefs,
    redefArgs,
  } = layoutArguments(file, args, '; scripts are given with --script')
  const { given } = splitScripts(redefs, flags.script)
  const limitMs = flags.for === undefined ? undefined : parseSeconds(flags.for)
  const loaded = await loadCluster({ file: path, dialect: flags.dialect, given })
  if (loaded.layout.nodes.size === 0)
    throw new CommandError(2, `${loaded.file} has no nodes: nothing to start`)
  await checkFiles(flags)
  const stateDir = resolve(flags.stateDir)
  await mkdir(stateDir, { recursive: true, mode: 0o750 })
  const session = new UpSession(loaded, stateDir, flags, redefArgs)
  await session.run(limitMs)
}

class UpSession {
  readonly #loaded: LoadedCluster
  readonly #stateDir: string
  readonly #flags: UpFlags
  readonly #supervisor: Supervisor
  readonly #screen: LiveScreen | undefined
  readonly #events: string[] = []
  /** Nodes that were started. */
  readonly #started = new Set<string>()
  readonly #stamp = `${new Date().toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')}-${process.pid}`
  readonly #captures = new Map<string, CaptureFigures>()
  readonly #startedMs = systemClock.monotonicMs()
  readonly #places: ReadonlyMap<string, Place>
  readonly #redefArgs: readonly string[]
  #stopRequested: () => void = () => {}
  #phase: 'starting' | 'up' | 'stopping' = 'starting'
  #summarised = false
  #failed = false

  constructor(loaded: LoadedCluster, stateDir: string, flags: UpFlags, redefArgs: readonly string[]) {
    this.#loaded = loaded
    this.#stateDir = stateDir
    this.#flags = flags
    this.#redefArgs = redefArgs
    this.#screen = process.stdout.isTTY ? new LiveScreen(process.stdout) : undefined
    this.#places = placesOf(loaded.layout)
    this.#supervisor = new Supervisor({
      layout: loaded.layout,
      runs: (node) => this.#places.get(node.name) === 'here',
      clock: systemClock,
      timers: systemTimers,
      onError: (error) => this.#say(errorMessage(error)),
      spawn: spawnNodeWith({
        command: [...process.execArgv, fileURLToPath(new URL('../main.js', import.meta.url))],
        nodeArguments: (name) => [
          ...flags.script.map((script) => resolve(script)),
          ...redefArgs,
          '--layout',
          resolve(loaded.file),
          '--dialect',
          loaded.dialect.name,
          '--state-dir',
          stateDir,
          // A worker that comes back does not read again what it has read to the end.
          ...(flags.read === undefined || this.#captures.has(name) ? [] : ['--read', resolve(flags.read)]),
          ...this.#logArguments(name),
        ],
        environment: childEnvironment(loaded, redefArgs),
        onOutput: (name, line) => this.#say(`${name}: ${line}`),
      }),
    })
  }

  async run(limitMs: number | undefined): Promise<void> {
    const control = await listenControl(this.#stateDir, (request) => this.#answer(request)).catch(
      (error: unknown) => {
        throw fail(1, error)
      },
    )
    const stopRequested = new Promise<void>((done) => {
      this.#stopRequested = done
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => this.#stopRequested())
    this.#supervisor.on('state', (name, state, detail) => this.#onState(name, state, detail))
    this.#supervisor.on('message', (name, message) => this.#onMessage(name, message))
    const drawing =
      this.#screen === undefined ? undefined : every(systemTimers, DRAW_INTERVAL_MS, () => this.#draw())
    const notStarted = [...this.#places].filter(([, place]) => place !== 'here')
    if (notStarted.length > 0) {
      this.#say(
        `not started: ${notStarted.map(([name, place]) => `${name} (${PLACE_TEXT[place]})`).join(', ')}`,
      )
    }
    const timer = limitMs === undefined ? undefined : systemTimers.after(limitMs, () => this.#stopRequested())
    try {
      await Promise.race([this.#supervisor.start().then(() => stopRequested), stopRequested])
    } catch (error) {
      this.#failed = true
      this.#say(errorMessage(error))
    }
    timer?.cancel()
    // Nodes of other hosts may come later.
    const hasRemoteNodes = [...this.#places.values()].includes('elsewhere')
    const wasUp = this.#phase === 'up'
    this.#phase = 'stopping'
    if (!wasUp && !this.#failed && !hasRemoteNodes) {
      this.#failed = true
      this.#say('the cluster was never up: not every node saw all its peers')
    }
    this.#say('stopping: workers, proxies, manager, loggers')
    await this.#supervisor.stop()
    drawing?.cancel()
    this.#draw()
    control.close()
    await rm(join(this.#stateDir, 'control.sock'), { force: true })
    this.#say(`stopped; logs are in ${this.#shortPath(join(this.#stateDir, 'logs'))}`)
    this.#draw()
    if (this.#failed)
      throw new CommandError(
        1,
        this.#screen === undefined ? 'the cluster did not run as asked' : this.#events.slice(-6).join('\n'),
      )
  }

  async #answer(request: ControlRequest): Promise<ControlResponse> {
    switch (request.command) {
      case 'status':
        return {
          ok: true,
          nodes: this.#supervisor.status(),
          stateDir: this.#stateDir,
          layout: resolve(this.#loaded.file),
          dialect: this.#loaded.dialect.name,
          redefs: this.#redefArgs,
        }
      case 'down':
        this.#stopRequested()
        return { ok: true }
    }
  }

  #onState(name: string, state: string, detail: string): void {
    if (state === 'failed') this.#failed = true
    if (state === 'restarting' || state === 'failed' || state === 'degraded')
      this.#say(`${name}: ${state}: ${detail}`)
    if (state === 'starting') this.#say(`${name}: starting, ${detail}`)
    if (state === 'stopped') this.#say(`${name}: stopped`)
    if (this.#phase === 'starting' && this.#supervisor.isUp) {
      this.#phase = 'up'
      const seconds = (systemClock.monotonicMs() - this.#startedMs) / 1000
      this.#say(`cluster is up: ${this.#supervisor.status().length} nodes in ${seconds.toFixed(1)} s`)
    }
  }

  #onMessage(name: string, message: NodeMessage): void {
    switch (message.kind) {
      case 'listening':
        return this.#say(`${name}: listening on ${message.address}`)
      case 'node-up':
        return this.#say(`${name}: ${message.name} is up`)
      case 'node-down':
        return this.#say(`${name}: ${message.name} is down`)
      case 'report':
        return this.#say(`${name}: ${message.report.severity}: ${message.report.message}`)
      case 'capture-ended':
        this.#captures.set(name, message.capture)
        if (message.capture.state === 'failed') this.#failed = true
        return this.#checkCaptures()
      case 'figures':
      case 'flushed':
        return
    }
  }

  #checkCaptures(): void {
    const workers = this.#supervisor.status().filter((node) => node.type === 'WORKER')
    if (this.#phase === 'stopping' || this.#summarised) return
    if (!workers.every((worker) => this.#captures.has(worker.name))) return
    this.#summarised = true
    this.#summarise().catch((error: unknown) => this.#say(errorMessage(error)))
  }

  /** A cluster that is there for a capture or for a while has its logs under their plain names when it ends. */
  #logArguments(name: string): readonly string[] {
    if (this.#flags.read === undefined && this.#flags.for === undefined) return []
    // A logger that comes back has files of this run.
    const isFirst = !this.#started.has(name)
    this.#started.add(name)
    const folder = join(this.#stateDir, 'archive', `logs-${this.#stamp}`)
    return ['--keep-log-names', ...(isFirst ? ['--set-aside-logs', folder] : [])]
  }

  /** The capture is through: everything on its way arrives, then what was found. */
  async #summarise(): Promise<void> {
    await this.#supervisor.flush()
    const captures = [...this.#captures]
    const packets = Math.max(...captures.map(([, figures]) => figures.packets))
    const connections = captures.reduce((sum, [, figures]) => sum + figures.connections, 0)
    const shares = captures.map(([name, figures]) => `${name} ${figures.connections}`).join(', ')
    this.#say(`capture read: ${packets} packets, ${connections} connections (${shares})`)
    const counts = [...(await countRecords(this.#stateDir))].map(([name, count]) => `${name}.log ${count}`)
    this.#say(`log records: ${counts.join(', ')}`)
    const notices = await readColumns(this.#stateDir, 'notice', ['note', 'msg'])
    for (const [note, message] of notices.slice(0, SHOWN_NOTICES)) this.#say(`notice: ${note}: ${message}`)
    const stateDir = this.#shortPath(this.#stateDir)
    const option = stateDir === '.zeek-cluster' ? '' : ` --state-dir ${stateDir}`
    this.#say(`logs are in ${stateDir}/logs; to read one: ./zeek-cluster logs cat conn${option}`)
    if (this.#flags.for === undefined) this.#say('the cluster keeps running; Ctrl-C stops it')
  }

  #say(text: string): void {
    if (this.#screen === undefined) return print(text)
    const now = new Date()
    this.#events.push(`${now.toTimeString().slice(0, 8)} ${text}`)
    if (this.#events.length > KEPT_EVENTS) this.#events.shift()
  }

  #draw(): void {
    this.#screen?.draw({
      title: `zeek-cluster  ${this.#shortPath(this.#loaded.file)}  dialect ${this.#loaded.dialect.name}`,
      nodes: this.#supervisor.status(),
      events: this.#events,
      footer: 'Ctrl-C stops the cluster',
    })
  }

  #shortPath(path: string): string {
    const short = relative(process.cwd(), path)
    return short === '' || short.startsWith('..') ? path : short
  }
}

/** Before any node starts: the capture can be read and every script exists. */
async function checkFiles(flags: UpFlags): Promise<void> {
  for (const script of flags.script) {
    await stat(script).catch((error: unknown) => {
      throw new CommandError(2, `cannot read script ${script}: ${errorMessage(error)}`, error)
    })
  }
  if (flags.read === undefined) return
  const file = flags.read
  try {
    const handle = await open(file, 'r')
    try {
      await handle.read(Buffer.alloc(1), 0, 1, 0)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw fail(2, captureUnreadable(file, error))
  }
}

/** Nodes of one host find each other fast, unless somebody said how long to wait. */
function childEnvironment(loaded: LoadedCluster, redefArgs: readonly string[]): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const definition of [OPTIONS.retryInterval, OPTIONS.defaultListenRetry]) {
    const variables = definition.environment ?? []
    const isSet =
      variables.some((name) => environment[name] !== undefined) ||
      redefArgs.some((arg) => arg.startsWith(`${definition.name}=`)) ||
      loaded.layout.redefs.some((redef) => redef.name === definition.name)
    const variable = variables.at(-1)
    if (!isSet && variable !== undefined) environment[variable] = '1'
  }
  return environment
}

/** Where a node of the layout runs; nodes of type CONTROL are not processes of the cluster. */
type Place = 'here' | 'elsewhere' | 'controller'

const PLACE_TEXT = {
  here: 'on this host',
  elsewhere: 'not on this host',
  controller: 'a place for controllers',
}

function placesOf(layout: Layout): ReadonlyMap<string, Place> {
  const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  const local = new Set(interfaces.map(({ address }) => Address.tryParse(address)?.toString() ?? address))
  return new Map(
    [...layout.nodes.values()].map(({ name, nodeType, ip }): [string, Place] => {
      if (nodeType === 'CONTROL') return [name, 'controller']
      return [name, isLoopback(ip) || local.has(ip.toString()) ? 'here' : 'elsewhere']
    }),
  )
}

function isLoopback(address: Address): boolean {
  return address.isIPv4 ? address.word3 >>> 24 === 127 : address.toString() === '::1'
}

export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new CommandError(2, `'${text}' is not a number of seconds`)
  return seconds * 1000
}
