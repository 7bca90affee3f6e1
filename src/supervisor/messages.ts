/** What node processes and their supervisor tell each other, and what the control socket speaks. */
import type { Report } from '../base/report.js'
import type { NodeType } from '../layout/node-type.js'

/** State of a node's framework and its counters, which only grow. */
export interface NodeFigures {
  readonly health: 'waiting' | 'up' | 'degraded'
  /** Why it is not `up`; empty when it is. */
  readonly detail: string
  readonly nodesUp: readonly string[]
  readonly workerCount: number
  readonly messagesIn: number
  readonly messagesOut: number
  /** Messages dropped because a peer was too slow. */
  readonly droppedOut: number
  readonly queuedBytes: number
  /** Bytes of log records that wait: for loggers, or for the disk. */
  readonly logQueueBytes: number
  /** Bytes of log records that are kept on disk until a logger has them. */
  readonly logSpoolBytes: number
  /** What a logger writes. */
  readonly logs: readonly LogFigures[]
  /** Records written to files on this node, and records handed to loggers. */
  readonly logRecords: number
  readonly droppedRecords: number
  readonly rssBytes: number
  readonly capture: CaptureFigures | undefined
}

export interface LogFigures {
  readonly stream: string
  /** Name of the file without its ending. */
  readonly name: string
  readonly records: number
  /** Now minus the time of a record when it was written, milliseconds; undefined before the first. */
  readonly lagMs: number | undefined
}

export interface CaptureFigures {
  readonly state: 'waiting' | 'reading' | 'done' | 'failed' | 'stopped'
  readonly packets: number
  readonly connections: number
}

/** From a node to its supervisor. */
export type NodeMessage =
  | { readonly kind: 'listening'; readonly address: string }
  | { readonly kind: 'figures'; readonly figures: NodeFigures }
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'node-up' | 'node-down'; readonly name: string }
  | { readonly kind: 'capture-ended'; readonly capture: CaptureFigures }
  /** The node ends because a controller told it to: it is not to be started again. */
  | { readonly kind: 'leaving' }
  /** Answer to `flush`. */
  | { readonly kind: 'flushed' }

/** From the supervisor to a node. */
export type SupervisorMessage =
  /** Send and write everything, and answer when the peers have it. */
  { readonly kind: 'flush' }

export type ProcessState =
  | 'stopped'
  | 'starting'
  | 'waiting'
  | 'up'
  | 'degraded'
  | 'stopping'
  | 'restarting'
  | 'failed'

/** One node as the supervisor sees it; what `status` prints. */
export interface NodeStatus {
  readonly name: string
  readonly type: NodeType
  readonly state: ProcessState
  readonly detail: string
  readonly pid: number | undefined
  readonly address: string | undefined
  readonly peers: number
  readonly peersExpected: number
  readonly eventsInPerSecond: number
  readonly eventsOutPerSecond: number
  readonly logRecordsPerSecond: number
  readonly logRecords: number
  /** Bytes of log records that wait: for loggers, or for the disk. */
  readonly logQueueBytes: number
  /** Bytes of log records that are kept on disk until a logger has them. */
  readonly logSpoolBytes: number
  /** What a logger writes, and how late it is. */
  readonly logs: readonly LogFigures[]
  readonly dropped: number
  readonly rssBytes: number
  readonly restarts: number
  readonly workerCount: number
}

export type ControlRequest = { readonly command: 'status' } | { readonly command: 'down' }

export type ControlResponse =
  | {
      readonly ok: true
      readonly nodes: readonly NodeStatus[]
      readonly stateDir: string
      /** What the cluster was started with. */
      readonly layout: string
      readonly dialect: string
      readonly redefs: readonly string[]
    }
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string }
