/** What the framework of a node is made with, and what it counts. */
import type { Reporter } from '../base/report.js'
import type { Clock, Timers } from '../base/time.js'
import type { Bus, BusHandler } from '../bus/bus.js'
import type { Layout, LayoutNode } from '../layout/layout.js'
import type { LogStore, LogStoreCounters } from '../logging/log-store.js'
import type { LogsCounters } from '../logging/logs.js'
import type { Dialect } from '../options/dialect.js'
import type { Redef } from '../options/redef-value.js'
import type { Options } from '../options/registry.js'
import type { openBackend } from '../store/backends/open-backend.js'
import type { UpdateCounters } from './configuration.js'
import type { EventCounters } from './event-dispatch.js'

export interface ClusterSettings {
  /** `Cluster::node`: a node of the layout; one without a name outside of clusters. */
  readonly node: LayoutNode
  readonly layout: Layout
  readonly options: Options
  /** All redefs: those of options that scripts will declare are among them. */
  readonly redefs: readonly Redef[]
  readonly dialect: Dialect
  readonly clock: Clock
  readonly timers: Timers
  readonly createBus: (handler: BusHandler) => Bus
  /** Where this node writes logs; undefined when it only sends them. */
  readonly logStore: LogStore | undefined
  readonly openBackend: typeof openBackend
  /** Where the files of stores are that have no path. */
  readonly storeDirectory: string
  readonly reporter: Reporter
  /** A handler of a script threw. */
  readonly onScriptError: (error: unknown, where: string) => void
}

export interface ClusterCounters {
  readonly peers: ReturnType<Bus['counters']>
  readonly logs: LogsCounters
  readonly files: LogStoreCounters | undefined
  readonly events: EventCounters
  readonly invalidMessages: number
  /** New values of globals that peers sent. */
  readonly updates: Readonly<UpdateCounters>
}
