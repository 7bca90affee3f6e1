/** What the framework of a node is made with, and what it counts. */
import type { Disk } from '../base/disk.js'
import type { Reporter } from '../base/report.js'
import type { Clock, Timers } from '../base/time.js'
import type { Bus, BusHandler } from '../bus/bus.js'
import type { Layout, LayoutNode } from '../layout/layout.js'
import type { LogStore, LogStoreCounters } from '../logging/files/log-store.js'
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
  /** Opens where this node writes logs: asked for at most once, and not on nodes that only send them. */
  readonly openLogStore: () => LogStore
  /** A log got its own interval between rotations, in seconds. */
  readonly onRotationInterval: (path: string, writer: string, seconds: number) => void
  readonly disk: Disk
  /** Where records are kept for loggers that are not there, and what a logger has to know after a crash. */
  readonly spoolDirectory: string
  /** Gives the folder of the spool back, when nothing is written there any more. */
  readonly releaseSpool: () => Promise<void>
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

export interface LogsCounters {
  /** Records written by this node. */
  readonly written: number
  /** Records that loggers have confirmed, or that were sent to loggers that confirm nothing. */
  readonly sent: number
  /** Records that wait here or are on their way. */
  readonly waiting: number
  /** Records given up. */
  readonly dropped: number
  /** Bytes that wait for a logger, or for it to confirm them. */
  readonly queuedBytes: number
  /** Bytes of the spool on disk. */
  readonly spoolBytes: number
}
