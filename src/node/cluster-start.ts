/** The library's entrance: start a node of a cluster inside your own program. */
import { ClusterError, errorMessage } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import type { Report } from '../base/report.js'
import type { Cluster as ClusterNode } from '../cluster/cluster.js'
import { formatDiagnostic, hasErrors } from '../layout/index.js'
import { DIALECTS, type DialectName } from '../options/dialect.js'
import { type Redef, resolveOptions } from '../options/registry.js'
import { loadLayout } from './load-layout.js'
import { packageVersion } from './package-version.js'
import { systemPlatform } from './platform.js'
import { startNode, type WebSocketSettings } from './start-node.js'

export interface ClusterStartOptions {
  /** `Cluster::node`: a name of the layout. Default: the environment variable `CLUSTER_NODE`. */
  readonly node?: string
  /** Path of a `cluster-layout.zeek`. */
  readonly layout: string
  /** Default `reference`. */
  readonly dialect?: DialectName
  /** Options beside those of the layout, for example `Cluster::retry_interval`. */
  readonly redefs?: readonly Redef[]
  /** Folder of the log files of a logger; default `.`. */
  readonly logDirectory?: string
  /** Where to serve Zeek's WebSocket API; default: nowhere. */
  readonly listenWebSocket?: NetworkAddress
  /** Contents of PEM files, for TLS on the WebSocket. */
  readonly webSocketTls?: { readonly cert: string; readonly key: string }
  /** Ends the node when it aborts. */
  readonly signal?: AbortSignal
  /** Gets what an operator should know; default: nowhere. */
  readonly onReport?: (report: Report) => void
}

export type Cluster = ClusterNode

/** Starting points of a node. */
export const Cluster: { start(options: ClusterStartOptions): Promise<Cluster> } = {
  /**
   * Starts a node and returns its cluster. Rejects with a `ClusterError`: code `layout-unreadable`,
   * `invalid-layout`, `invalid-option`, or those of `StartError`.
   */
  async start(options) {
    const dialect = DIALECTS[options.dialect ?? 'reference']
    const { layout, diagnostics } = await loadLayout({
      file: options.layout,
      dialect,
      ...(options.node !== undefined && { node: options.node }),
      environment: process.env,
    })
    if (hasErrors(diagnostics)) {
      const errors = diagnostics.filter(({ severity }) => severity === 'error')
      throw new ClusterError('invalid-layout', errors.map(formatDiagnostic).join('\n'), {
        file: options.layout,
      })
    }
    const resolved = resolveOptions({
      dialect,
      redefs: [...layout.redefs, ...(options.redefs ?? [])],
      environment: process.env,
    })
    if (resolved.problems.length > 0) {
      const message = resolved.problems.map((problem) => problem.message).join('\n')
      throw new ClusterError('invalid-option', message, { problems: resolved.problems })
    }
    const report = options.onReport ?? ((): void => {})
    const running = await startNode({
      name: options.node ?? process.env['CLUSTER_NODE'] ?? resolved.options.node,
      layout,
      options: resolved.options,
      dialect,
      platform: systemPlatform,
      logDirectory: options.logDirectory ?? '.',
      scripts: [],
      capture: undefined,
      ...webSocketSettings(options),
      reporter: report,
      onScriptError: (error, where) =>
        report({ severity: 'error', code: 'script-error', message: `${where}: ${errorMessage(error)}` }),
    })
    const { cluster } = running
    if (options.signal?.aborted === true) await cluster.stop()
    options.signal?.addEventListener('abort', () => void cluster.stop(), { once: true })
    return cluster
  },
}

function webSocketSettings(options: ClusterStartOptions): { readonly webSocket?: WebSocketSettings } {
  const { listenWebSocket: address, webSocketTls: tls } = options
  if (address === undefined) return {}
  return { webSocket: { address, ...(tls === undefined ? {} : { tls }), version: packageVersion() } }
}
