/**
 * `zeek-cluster node`: one node in the foreground. Under `up` it is a child with a message channel: it tells its
 * figures, and leaves when the channel closes, so that nothing is left behind when the parent dies.
 */
import { createReadStream, readFileSync } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorMessage } from '../../base/errors.js'
import { formatAddress } from '../../base/network-address.js'
import type { Report } from '../../base/report.js'
import { every } from '../../base/time.js'
import { nodesByName } from '../../layout/index.js'
import { type CaptureSettings, captureUnreadable } from '../../node/capture-run.js'
import { packageVersion } from '../../node/package-version.js'
import { systemPlatform } from '../../node/platform.js'
import { locateInScripts, type NamedScript } from '../../node/script.js'
import { loadScript } from '../../node/script-loader.js'
import { type RunningNode, startNode, type WebSocketSettings } from '../../node/start-node.js'
import { removeStaleSocket } from '../../supervisor/control-socket.js'
import type {
  CaptureFigures,
  NodeFigures,
  NodeMessage,
  SupervisorMessage,
} from '../../supervisor/messages.js'
import { parseAddress } from '../bus-client.js'
import { type LoadedCluster, loadCluster, splitRedefs, splitScripts } from '../load-cluster.js'
import { CommandError, fail, printRaw } from '../output.js'

export interface NodeFlags {
  readonly layout?: string
  readonly dialect: string
  readonly stateDir: string
  readonly read?: string
  readonly keepLogNames?: boolean
  readonly setAsideLogs?: string
  readonly listenWebsocket?: string
  readonly websocketCert?: string
  readonly websocketKey?: string
}

const FIGURES_INTERVAL_MS = 500
const BARRIER_TIMEOUT_MS = 2000
/** How long a node whose supervisor died waits for the others to leave first. */
const ORPHAN_PATIENCE_MS = 3000

export async function runNode(
  name: string | undefined,
  args: readonly string[],
  flags: NodeFlags,
): Promise<void> {
  const { given: redefs, rest } = splitRedefs(name === undefined ? args : [name, ...args])
  // Only the name of a node has no ending of a script: so both may be left out.
  const isNamed = rest[0] !== undefined && !/\.([cm]?[jt]s|zeek|bro)$/.test(rest[0])
  const [givenName, files] = isNamed ? [rest[0], rest.slice(1)] : [undefined, rest]
  const { given, modules } = splitScripts(redefs, files)
  const loaded = await loadCluster({
    file: flags.layout,
    dialect: flags.dialect,
    given,
    node: givenName,
    quiet: isChild(),
  })
  const nodeName = loaded.options.node
  if (nodeName === '') {
    throw new CommandError(2, 'which node? Give its name, or set CLUSTER_NODE')
  }
  if (!loaded.layout.nodes.has(nodeName)) {
    const known = [...loaded.layout.nodes.keys()].join(', ')
    throw new CommandError(2, `'${nodeName}' is not a node of ${loaded.file}; it has: ${known}`)
  }
  const scripts: NamedScript[] = []
  // What scripts import is loaded before the hooks for scripts are: through these every import takes longer.
  if (modules.length > 0) await import('../../index.js')
  for (const file of modules) {
    scripts.push(
      await loadScript(file).catch((error: unknown) => {
        throw new CommandError(2, `${nodeName}: ${errorMessage(error)}`, error)
      }),
    )
  }
  const logDirectory = join(resolve(flags.stateDir), 'logs', nodeName)
  await mkdir(logDirectory, { recursive: true })
  let shutDown = (): void => {}
  const toldToStop = new Promise<void>((resolve) => {
    shutDown = resolve
  })
  const running = await startNode({
    name: nodeName,
    layout: loaded.layout,
    options: loaded.options,
    redefs: loaded.redefs,
    dialect: loaded.dialect,
    platform: systemPlatform,
    logDirectory,
    spoolDirectory: join(resolve(flags.stateDir), 'spool', nodeName),
    archiveDirectory: join(resolve(flags.stateDir), 'archive'),
    keepPlainNames: flags.keepLogNames === true || flags.read !== undefined,
    ...(flags.setAsideLogs === undefined ? {} : { setAsideDirectory: resolve(flags.setAsideLogs) }),
    storeDirectory: join(resolve(flags.stateDir), 'stores'),
    scripts,
    capture: await captureFor(nodeName, loaded, flags.read),
    ...webSocketFor(flags),
    reporter: (report) => tell(nodeName, report),
    onShutdown: () => {
      send({ kind: 'leaving' })
      shutDown()
    },
    onScriptError: (error, where) => {
      const place = locateInScripts(error, scripts)
      const message = `${place === undefined ? '' : `${place}: `}${where}: ${errorMessage(error)}`
      tell(nodeName, { severity: 'error', code: 'script-error', message })
    },
  }).catch((error: unknown) => {
    throw fail(1, error)
  })
  await live(running, resolve(flags.stateDir), toldToStop)
}

/** Runs until a signal, until a controller tells it to stop, or until the supervisor is gone. */
async function live(running: RunningNode, stateDir: string, toldToStop: Promise<void>): Promise<void> {
  const { cluster } = running
  const name = cluster.name
  const address = running.address === undefined ? 'no port' : formatAddress(running.address)
  cluster.on('nodeUp', (node) => send({ kind: 'node-up', name: node.name }))
  cluster.on('nodeDown', (node) => send({ kind: 'node-down', name: node.name }))
  if (!isChild()) {
    cluster.on('nodeUp', (node) => printRaw(`${name}: ${node.name} is up`))
    cluster.on('nodeDown', (node) => printRaw(`${name}: ${node.name} is down`))
    printRaw(`${name}: listening on ${address}`)
    if (running.webSocketAddress !== undefined) {
      printRaw(`${name}: WebSocket clients connect to ${formatAddress(running.webSocketAddress)}`)
    }
  }
  send({ kind: 'listening', address })
  const capture = running.capture
  if (capture !== undefined) {
    void capture.finished.then(() => send({ kind: 'capture-ended', capture: captureFigures(capture) }))
  }
  const figures = every(systemPlatform.timers, FIGURES_INTERVAL_MS, () =>
    send({ kind: 'figures', figures: nodeFigures(running) }),
  )
  send({ kind: 'figures', figures: nodeFigures(running) })
  for (const change of ['nodeUp', 'nodeDown'] as const) {
    cluster.on(change, () => send({ kind: 'figures', figures: nodeFigures(running) }))
  }
  process.on('message', (message) => {
    if ((message as SupervisorMessage).kind !== 'flush') return
    void flush(running).then(() => send({ kind: 'flushed' }))
  })
  await Promise.race([untilStopped(running, stateDir), toldToStop])
  figures.cancel()
  await running.stop()
  await sendLastMessages()
  // A timer or a socket of a user's script would keep the process alive.
  process.exit()
}

async function flush(running: RunningNode): Promise<void> {
  await running.cluster.logging.settle()
  await running.cluster.flush()
  await running.cluster.bus.barrier(BARRIER_TIMEOUT_MS)
}

function untilStopped(running: RunningNode, stateDir: string): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve())
    if (!isChild()) return
    const leaveAlone = (): void => {
      void waitForOthers(running)
        .then(() => removeStaleSocket(stateDir))
        .finally(resolve)
    }
    // The supervisor may have died while this node started.
    if (process.connected) process.once('disconnect', leaveAlone)
    else leaveAlone()
  })
}

/** Without a supervisor nobody orders the farewell: whoever receives from others waits for them to leave. */
async function waitForOthers(running: RunningNode): Promise<void> {
  const { cluster } = running
  const before = { LOGGER: ['MANAGER', 'PROXY', 'WORKER'], MANAGER: ['PROXY', 'WORKER'], PROXY: ['WORKER'] }
  const waitFor: readonly string[] = before[cluster.localNodeType() as keyof typeof before] ?? []
  const deadline = Date.now() + ORPHAN_PATIENCE_MS
  const someoneLeft = (): boolean =>
    cluster.nodesUp.some((name) => waitFor.includes(cluster.layout.nodes.get(name)?.nodeType ?? 'NONE'))
  while (someoneLeft() && Date.now() < deadline) {
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

function webSocketFor(flags: NodeFlags): { readonly webSocket?: WebSocketSettings } {
  const { listenWebsocket, websocketCert, websocketKey } = flags
  if ((websocketCert === undefined) !== (websocketKey === undefined)) {
    throw new CommandError(2, '--websocket-cert and --websocket-key go together')
  }
  if (listenWebsocket === undefined) return {}
  const address = parseAddress(listenWebsocket)
  try {
    const tls =
      websocketCert === undefined || websocketKey === undefined
        ? undefined
        : { cert: readFileSync(websocketCert, 'utf8'), key: readFileSync(websocketKey, 'utf8') }
    return { webSocket: { address, ...(tls === undefined ? {} : { tls }), version: packageVersion() } }
  } catch (error) {
    throw fail(2, error)
  }
}

async function captureFor(
  name: string,
  loaded: LoadedCluster,
  file: string | undefined,
): Promise<CaptureSettings | undefined> {
  const workers = nodesByName(loaded.layout, 'WORKER').map((node) => node.name)
  const part = workers.indexOf(name)
  if (file === undefined || part < 0) return undefined
  try {
    await access(file)
  } catch (error) {
    throw fail(2, captureUnreadable(file, error))
  }
  return {
    name: file,
    open: () => createReadStream(file, { highWaterMark: 256 * 1024 }),
    part,
    parts: workers.length,
  }
}

function nodeFigures(running: RunningNode): NodeFigures {
  const { cluster, capture } = running
  const counters = cluster.counters()
  const { health } = cluster
  return {
    health: health.state,
    detail: healthDetail(health),
    nodesUp: cluster.nodesUp,
    workerCount: cluster.workerCount,
    messagesIn: counters.peers.messagesIn,
    messagesOut: counters.peers.messagesOut,
    droppedOut: counters.peers.droppedOut,
    queuedBytes: counters.peers.queuedBytes,
    logQueueBytes: counters.logs.queuedBytes + (counters.files?.waitingBytes ?? 0),
    logSpoolBytes: counters.logs.spoolBytes,
    logs: cluster.logging.openStore?.logs() ?? [],
    logRecords: counters.files?.records ?? counters.logs.sent,
    droppedRecords: counters.logs.dropped + (counters.files?.dropped ?? 0),
    rssBytes: process.memoryUsage.rss(),
    capture: capture === undefined ? undefined : captureFigures(capture),
  }
}

function healthDetail(health: RunningNode['cluster']['health']): string {
  switch (health.state) {
    case 'up':
      return ''
    case 'waiting':
      return `waits for ${health.missing.join(', ')}`
    case 'degraded':
      return health.reason
  }
}

function captureFigures(capture: NonNullable<RunningNode['capture']>): CaptureFigures {
  return { state: capture.state, packets: capture.packets, connections: capture.connections }
}

function isChild(): boolean {
  return process.send !== undefined
}

function send(message: NodeMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Closes the channel to the supervisor; resolves when everything sent on it is on its way. */
function sendLastMessages(): Promise<void> {
  if (!process.connected) return Promise.resolve()
  return new Promise((resolve) => {
    process.removeAllListeners('disconnect')
    process.once('disconnect', () => resolve())
    process.disconnect()
  })
}

function tell(name: string, report: Report): void {
  if (isChild()) send({ kind: 'report', report })
  else printRaw(`${name}: ${report.severity}: ${report.message}`)
}
