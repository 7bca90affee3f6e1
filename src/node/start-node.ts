/**
 * One running node, composed of all parts: the only place that picks a bus. The command line, the library and the
 * in-memory cluster of `zeek-cluster/testing` all start nodes here; they differ in the platform they pass.
 */
import { join } from 'node:path'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import type { Reporter } from '../base/report.js'
import { Endpoint } from '../broker/endpoint.js'
import { randomEndpointId } from '../broker/endpoint-id.js'
import { DEFAULT_OUTBOX_LIMITS, type OverflowPolicy } from '../broker/outbox.js'
import type { Bus, BusHandler } from '../bus/bus.js'
import { Cluster } from '../cluster/cluster.js'
import { startControllee } from '../control/controllee.js'
import { intervalText } from '../data/zeek-text.js'
import { type Layout, type LayoutNode, OUTSIDE_OF_CLUSTERS } from '../layout/layout.js'
import { dialTargets } from '../layout/topology.js'
import type { Dialect } from '../options/dialect.js'
import type { Redef } from '../options/redef-value.js'
import type { Options } from '../options/registry.js'
import { readSecurity } from '../transport/certificates.js'
import type { Security } from '../transport/transport.js'
import type { WebSocketServer, WebSocketServerTls } from '../websocket/server.js'
import { type CaptureRun, type CaptureSettings, startCapture } from './capture-run.js'
import { nodeLogging } from './node-logging.js'
import type { Platform } from './platform.js'
import { locateInScripts, type NamedScript } from './script.js'

export interface NodeSettings {
  /** A name of the layout; empty: a node outside of clusters, which neither listens nor connects. */
  readonly name: string
  readonly layout: Layout
  readonly options: Options
  /** All redefs, for options that scripts declare. */
  readonly redefs: readonly Redef[]
  readonly dialect: Dialect
  readonly platform: Platform
  /** Folder of the log files, for a node that writes any. */
  readonly logDirectory: string
  /** Folder of records that wait for loggers; default `.spool/NAME` in `logDirectory`. */
  readonly spoolDirectory?: string
  /** Folder of rotated logs, with a folder for each day; default `archive` in `logDirectory`. */
  readonly archiveDirectory?: string
  /** Where log files of earlier runs are moved to at the start; the log folder has nothing else in it then. */
  readonly setAsideDirectory?: string
  /** Log files are not rotated: they keep their plain names also at the end. */
  readonly keepPlainNames?: boolean
  /** Where the files of stores are that have no path; default `.`. */
  readonly storeDirectory?: string
  readonly scripts: readonly NamedScript[]
  /** What a worker analyses; undefined: nothing. */
  readonly capture: CaptureSettings | undefined
  /** Where to serve Zeek's WebSocket API; undefined: nowhere. */
  readonly webSocket?: WebSocketSettings
  readonly reporter: Reporter
  /** A controller told the node to end (`Control::shutdown_request`). */
  readonly onShutdown: () => void
  /** A script threw while it handled an event: the node goes on. */
  readonly onScriptError: (error: unknown, where: string) => void
}

export interface WebSocketSettings {
  readonly address: NetworkAddress
  /** Contents of PEM files; without them it is plain text. */
  readonly tls?: WebSocketServerTls
  /** Of this program, for the acknowledgements. */
  readonly version: string
}

export interface RunningNode {
  readonly cluster: Cluster
  /** Where the node listens; undefined when the layout gives it no port. */
  readonly address: NetworkAddress | undefined
  /** Where WebSocket clients connect; undefined without `webSocket`. */
  readonly webSocketAddress: NetworkAddress | undefined
  /** The analysis of a worker's capture; undefined on nodes without one. */
  readonly capture: CaptureRun | undefined
  /** Leaves the cluster in order; resolves when every record is on its way or on disk. */
  stop(): Promise<void>
}

export type StartErrorCode =
  | 'unknown-node'
  | 'cannot-listen'
  | 'script-failed'
  | 'bad-certificate'
  | 'invalid-pool'
  | 'folder-in-use'

/** A node that cannot start, and why. */
export class StartError extends ClusterError<StartErrorCode, { readonly node: string }> {
  override readonly name = 'StartError'
}

/** A port in use is tried again this often, `Broker::default_listen_retry` apart; then the node fails. */
const LISTEN_RETRIES = 3

/**
 * Starts a node: scripts first, then subscriptions, then it listens and connects
 * (spec/cluster-framework.md 2.6). Rejects with a `StartError`.
 */
export async function startNode(settings: NodeSettings): Promise<RunningNode> {
  const { layout, options, platform, reporter } = settings
  const node = settings.name === '' ? OUTSIDE_OF_CLUSTERS : layout.nodes.get(settings.name)
  if (node === undefined) throw unknownNode(settings.name, layout)
  const cluster = createCluster(settings, node, await claimSpool(settings, node))
  const endpoint = cluster.bus as Endpoint
  for (const script of settings.scripts) await runScript(script, cluster, node.name)
  let capture: CaptureRun | undefined
  startControllee({
    cluster,
    timers: platform.timers,
    netStats: () => capture?.stats ?? { received: 0, dropped: 0, link: 0 },
    shutdown: settings.onShutdown,
  })
  joinCluster(cluster)
  // Nobody may send records before the logger knows what it has.
  await cluster.logging.ready
  const address = await listen(endpoint, node, settings)
  if (address !== undefined) cluster.log(`listening on ${formatAddress(address)}/tcp`)
  const webSocket =
    settings.webSocket === undefined ? undefined : await serveWebSocket(cluster, settings.webSocket, settings)
  cluster.on('stopping', () => void webSocket?.close())
  for (const target of dialTargets(layout, node.name))
    dial(endpoint, cluster, target, options.retryInterval, reporter)
  capture =
    settings.capture === undefined ? undefined : startCapture(cluster, platform, settings.capture, reporter)
  return {
    cluster,
    address,
    webSocketAddress: webSocket?.address,
    capture,
    async stop() {
      await webSocket?.close()
      await capture?.stop()
      await cluster.stop()
    },
  }
}

/** Records that wait belong to one process of a node. */
async function claimSpool(settings: NodeSettings, node: LayoutNode): Promise<() => Promise<void>> {
  if (node.name === '') return async () => {}
  try {
    return await settings.platform.claimFolder(spoolDirectoryOf(settings, node))
  } catch (error) {
    // What else may be wrong with the folder shows, and is reported, when there is something to keep.
    if (errorCode(error) !== 'folder-in-use') return async () => {}
    throw new StartError('folder-in-use', `${node.name}: ${errorMessage(error)}`, { node: node.name }, error)
  }
}

function spoolDirectoryOf({ spoolDirectory, logDirectory }: NodeSettings, { name }: LayoutNode): string {
  return spoolDirectory ?? join(logDirectory, '.spool', name)
}

function joinCluster(cluster: Cluster): void {
  try {
    cluster.join()
  } catch (error) {
    const { name } = cluster
    throw new StartError('invalid-pool', `${name}: ${errorMessage(error)}`, { node: name }, error)
  }
}

function createCluster(settings: NodeSettings, node: LayoutNode, releaseSpool: () => Promise<void>): Cluster {
  const { layout, options, redefs, dialect, platform, reporter, onScriptError } = settings
  const { clock, timers, disk } = platform
  const { logDirectory } = settings
  const spoolDirectory = spoolDirectoryOf(settings, node)
  const logging = nodeLogging({
    node,
    layout,
    options,
    platform,
    logDirectory,
    spoolDirectory,
    archiveDirectory: settings.archiveDirectory ?? join(logDirectory, 'archive'),
    keepPlainNames: settings.keepPlainNames === true,
    setAsideDirectory: settings.setAsideDirectory,
    reporter,
  })
  const security = peeringSecurity(options, node.name)
  const createBus = (handler: BusHandler): Bus =>
    new Endpoint({
      id: randomEndpointId(platform.random),
      network: platform.network,
      timers,
      security,
      forward: options.forwardMessages,
      outboxLimits: { ...DEFAULT_OUTBOX_LIMITS, policy: OVERFLOW_POLICIES[options.peerOverflowPolicy]! },
      handler,
    })
  return new Cluster({
    node,
    layout,
    options,
    redefs,
    dialect,
    clock,
    timers,
    createBus,
    ...logging,
    disk,
    spoolDirectory,
    releaseSpool,
    openBackend: platform.openBackend,
    storeDirectory: settings.storeDirectory ?? '.',
    reporter,
    onScriptError,
  })
}

/** `Broker::peer_overflow_policy` and its name here. */
const OVERFLOW_POLICIES: Readonly<Record<string, OverflowPolicy>> = {
  disconnect: 'disconnect',
  drop_oldest: 'drop-oldest',
  drop_newest: 'drop-newest',
}

/** How peerings are protected (`Broker::disable_ssl`, `Broker::ssl_*`). Throws a `StartError`. */
export function peeringSecurity(options: Options, node: string): Security {
  try {
    return readSecurity(options.disableSsl, {
      certificate: options.sslCertificate,
      key: options.sslKeyfile,
      passphrase: options.sslPassphrase,
      authorityFile: options.sslCafile,
      authorityFolder: options.sslCapath,
    })
  } catch (error) {
    throw new StartError('bad-certificate', `${node}: ${errorMessage(error)}`, { node }, error)
  }
}

async function runScript(script: NamedScript, cluster: Cluster, node: string): Promise<void> {
  try {
    await script.run(cluster)
  } catch (error) {
    const place = locateInScripts(error, [script]) ?? script.name
    throw new StartError('script-failed', `${node}: ${place}: ${errorMessage(error)}`, { node }, error)
  }
}

/** `Cluster::listen_websocket`. Loaded only when it is asked for: most nodes are smaller without. */
async function serveWebSocket(
  cluster: Cluster,
  { address, tls, version }: WebSocketSettings,
  { platform, reporter }: NodeSettings,
): Promise<WebSocketServer> {
  const { startWebSocketServer } = await import('../websocket/server.js')
  return startWebSocketServer({
    address,
    ...(tls === undefined ? {} : { tls }),
    version,
    bus: cluster.bus,
    nodeId: cluster.id,
    timers: platform.timers,
    reporter,
    onClientAdded: (client, subscriptions) => {
      const application =
        client.applicationName === undefined ? '' : ` application_name=${client.applicationName}`
      cluster.log(
        `WebSocket client '${client.id}' (${formatAddress(client.address)})${application} subscribed to [${subscriptions.join(', ')}]`,
      )
      cluster.emit('webSocketClientAdded', client, subscriptions)
    },
    onClientLost: (client, code, reason) => {
      const why = reason === '' ? '' : ` and reason '${reason}'`
      cluster.log(
        `WebSocket client '${client.id}' (${formatAddress(client.address)}) gone with code ${code}${why}`,
      )
      cluster.emit('webSocketClientLost', client, code, reason)
    },
  }).catch(async (error: unknown) => {
    await cluster.stop()
    throw new StartError(
      'cannot-listen',
      `${cluster.name}: ${errorMessage(error)}`,
      { node: cluster.name },
      error,
    )
  })
}

async function listen(
  endpoint: Endpoint,
  node: LayoutNode,
  settings: NodeSettings,
): Promise<NetworkAddress | undefined> {
  if (node.p === undefined || node.p.number === 0 || node.nodeType === 'NONE') return undefined
  const { options, platform, reporter } = settings
  const host = options.defaultListenAddress || addressText(node)
  const address = { host, port: node.p.number }
  const retryMs = options.defaultListenRetry * 1000
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await endpoint.listen(address)
    } catch (error) {
      const code = errorCode(error)
      const message = `${node.name} cannot listen on ${formatAddress(address)}: ${
        code === 'address-in-use' ? 'the port is in use by another process' : errorMessage(error)
      }`
      if (code !== 'address-in-use' || retryMs === 0 || attempt >= LISTEN_RETRIES) {
        throw new StartError('cannot-listen', message, { node: node.name }, error)
      }
      reporter({
        severity: 'warning',
        code: 'cannot-listen',
        message: `${message}; next try in ${retryMs / 1000} s`,
      })
      await new Promise<void>((resolve) => {
        platform.timers.after(retryMs, resolve)
      })
    }
  }
}

function dial(
  endpoint: Endpoint,
  cluster: Cluster,
  target: LayoutNode,
  retrySeconds: number,
  reporter: Reporter,
): void {
  if (target.p === undefined || target.p.number === 0) {
    const message = `${target.name} has no port in the layout: no connection to it`
    return reporter({ severity: 'error', code: 'no-port', message })
  }
  const address = { host: addressText(target), port: target.p.number }
  cluster.log(
    `initiate peering with ${address.host}:${target.p}, retry=${intervalText(retrySeconds)}, status=T`,
  )
  endpoint.dial(address, retrySeconds * 1000)
}

/** The address of a node as text, with its zone. */
export function addressText(node: LayoutNode): string {
  return node.zoneId === '' ? node.ip.toString() : `${node.ip}%${node.zoneId}`
}

function unknownNode(name: string, layout: Layout): StartError {
  const known = [...layout.nodes.keys()].join(', ')
  return new StartError('unknown-node', `'${name}' is not a node of the layout; it has: ${known}`, {
    node: name,
  })
}
