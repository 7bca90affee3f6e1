/** The library's entrance: start a node of a cluster inside your own program. */
import { ClusterError, errorMessage } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import type { Report } from '../base/report.js'
import type { Cluster as ClusterNode } from '../cluster/cluster.js'
import { formatDiagnostic, hasErrors, type ParsedLayout } from '../layout/index.js'
import { DIALECTS, type DialectName } from '../options/dialect.js'
import { type Options, type Redef, resolveOptions } from '../options/registry.js'
import { findLayout, loadLayout } from './load-layout.js'
import { packageVersion } from './package-version.js'
import { systemPlatform } from './platform.js'
import { startNode, type WebSocketSettings } from './start-node.js'

export interface ClusterStartOptions {
  /** `Cluster::node`: a name of the layout. Default: the environment variable `CLUSTER_NODE`. */
  readonly node?: string
  /**
   * Path of a layout: Zeek's language, `node.cfg` or `zeek.conf`. Default: `cluster-layout.zeek` on `ZEEKPATH`,
   * `BROPATH` or in the working directory. Without a node name none is read: the program is not part of a cluster.
   */
  readonly layout?: string
  /** Default `reference`. */
  readonly dialect?: DialectName
  /** Options of the framework by their names in this library: `{ retryInterval: 5 }`. They beat the layout. */
  readonly options?: Partial<Options>
  /** Options by their Zeek names, also those that scripts declare. */
  readonly redefs?: readonly Redef[]
  /** Folder of the log files of a logger; default `.`. */
  readonly logDirectory?: string
  /**
   * Folder of log records that wait for loggers, and of what a logger has to know after a crash; each node needs its own.
   * Default `.spool/NAME` in `logDirectory`.
   */
  readonly spoolDirectory?: string
  /** Folder of rotated logs, with a folder for each day; default `archive` in `logDirectory`. */
  readonly archiveDirectory?: string
  /** Where the files of stores are that have no path; default `.`. */
  readonly storeDirectory?: string
  /** Where to serve Zeek's WebSocket API; default: nowhere. */
  readonly listenWebSocket?: NetworkAddress
  /** Contents of PEM files, for TLS on the WebSocket. */
  readonly webSocketTls?: { readonly cert: string; readonly key: string }
  /** Ends the node when it aborts. */
  readonly signal?: AbortSignal
  /** Gets what an operator should know; default: nowhere. */
  readonly onReport?: (report: Report) => void
}

/** One node of a cluster, and everything that a script can do with it. */
export interface Cluster extends ClusterNode {}

/** Starting points of a node. */
export const Cluster: { start(options: ClusterStartOptions): Promise<Cluster> } = {
  /**
   * Starts a node and returns its cluster. Rejects with a `ClusterError`: code `layout-unreadable`,
   * `invalid-layout`, `invalid-option`, or those of `StartError`.
   */
  async start(options) {
    const dialect = DIALECTS[options.dialect ?? 'reference']
    const environment = process.env
    const node = nodeName(options, environment)
    const file = options.layout ?? (node === '' ? undefined : await findLayout(environment))
    const { layout, diagnostics } =
      file === undefined ? NO_LAYOUT : await loadLayout({ file, dialect, node, environment })
    if (hasErrors(diagnostics)) {
      const errors = diagnostics.filter(({ severity }) => severity === 'error')
      throw new ClusterError('invalid-layout', errors.map(formatDiagnostic).join('\n'), { file })
    }
    const redefs = [...layout.redefs, ...(options.redefs ?? [])]
    const given = { ...options.options, ...(options.node !== undefined && { node: options.node }) }
    const resolved = resolveOptions({ dialect, redefs, given, environment })
    if (resolved.problems.length > 0) {
      const message = resolved.problems.map((problem) => problem.message).join('\n')
      throw new ClusterError('invalid-option', message, { problems: resolved.problems })
    }
    let stop = (): void => {}
    const report = options.onReport ?? ((): void => {})
    const running = await startNode({
      name: resolved.options.node,
      layout,
      options: resolved.options,
      redefs,
      dialect,
      platform: systemPlatform,
      logDirectory: options.logDirectory ?? '.',
      ...(options.spoolDirectory !== undefined && { spoolDirectory: options.spoolDirectory }),
      ...(options.archiveDirectory !== undefined && { archiveDirectory: options.archiveDirectory }),
      storeDirectory: options.storeDirectory ?? '.',
      scripts: [],
      capture: undefined,
      ...webSocketSettings(options),
      reporter: report,
      onShutdown: () => stop(),
      onScriptError: (error, where) =>
        report({ severity: 'error', code: 'script-error', message: `${where}: ${errorMessage(error)}` }),
    })
    const { cluster } = running
    stop = () => void cluster.stop()
    if (options.signal?.aborted === true) await cluster.stop()
    options.signal?.addEventListener('abort', () => void cluster.stop(), { once: true })
    return cluster
  },
}

const NO_LAYOUT: Pick<ParsedLayout, 'layout' | 'diagnostics'> = {
  layout: { nodes: new Map(), redefs: [] },
  diagnostics: [],
}

/** `Cluster::node`, as far as it is known before the layout is read. */
function nodeName(
  { node, options, redefs = [] }: ClusterStartOptions,
  environment: NodeJS.ProcessEnv,
): string {
  const redef = redefs.findLast(({ name }) => name === 'Cluster::node')?.value
  const redefined = redef?.type === 'string' ? redef.value : undefined
  return node ?? options?.node ?? redefined ?? environment['CLUSTER_NODE'] ?? ''
}

function webSocketSettings(options: ClusterStartOptions): { readonly webSocket?: WebSocketSettings } {
  const { listenWebSocket: address, webSocketTls: tls } = options
  if (address === undefined) return {}
  return { webSocket: { address, ...(tls === undefined ? {} : { tls }), version: packageVersion() } }
}
