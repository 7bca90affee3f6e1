/** What the delivery of records to loggers is made with, and what it counts. */
import type { Disk } from '../../base/disk.js'
import type { Clock, Timers } from '../../base/time.js'
import type { PublishOutcome } from '../../bus/bus.js'
import type { LogWriterDescription } from '../../data/log-messages.js'
import type { Encodable } from '../../data/messages.js'

/** Which records are shed first when the spool is full: `low` before `normal` before `high`. */
export type LogPriority = 'high' | 'normal' | 'low'

/** Records of one writer of this node (one stream, one path), which every logger gets in order. */
export interface Sequence {
  /** Unique within the run, from 1. */
  readonly id: number
  readonly description: LogWriterDescription
  readonly priority: LogPriority
}

export interface DeliverySettings {
  /** Name of this node. */
  readonly node: string
  /** Unique for the life of this process. */
  readonly run: string
  /** Folder of this node's spool; undefined: records wait in memory only. */
  readonly directory: string | undefined
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
  readonly limits: DeliveryLimits
  /**
   * Names of loggers that exist. What belonged to others when an earlier process ended is given up (`logger-gone`) once
   * it is found, unless one of that name is up by then. Undefined: all of it is kept.
   */
  readonly loggers?: ReadonlySet<string> | undefined
  /** Sends a message with records of a writer to a logger by its node name. */
  readonly send: (logger: string, description: LogWriterDescription, message: Encodable) => PublishOutcome
  /** Sends the description of a writer, which must be there before its records, to a logger. */
  readonly announce: (logger: string, description: LogWriterDescription) => void
  /** Asks a logger how far it has the records of these runs; it answers with `positions`. */
  readonly ask: (logger: string, runs: readonly string[]) => void
  readonly onProblem: (code: string, message: string) => void
}

export interface DeliveryLimits {
  /** Records in the memory of this process only, at most; then they are spooled. */
  readonly memoryRecords: number
  /** Longest time that a record is in the memory of this process only. */
  readonly memoryMs: number
  /** Records in one message at most (`Broker::log_batch_size`). */
  readonly batchRecords: number
  /** Bytes on disk; beyond, the oldest records of the lowest priority are dropped. */
  readonly spoolBytes: number
  /** Bytes kept in memory while the disk does not take them; beyond, as above. */
  readonly fallbackBytes: number
  /** Bytes of a segment file. */
  readonly segmentBytes: number
  /** Bytes on their way to one logger that it has not confirmed. */
  readonly windowBytes: number
}

export const DEFAULT_DELIVERY_LIMITS: DeliveryLimits = {
  memoryRecords: 1000,
  memoryMs: 10,
  batchRecords: 400,
  spoolBytes: 1024 ** 3,
  fallbackBytes: 64 * 1024 ** 2,
  segmentBytes: 8 * 1024 ** 2,
  windowBytes: 8 * 1024 ** 2,
}

/** How far a logger has the records of a sequence: all up to this number, counted from 1. */
export interface Position {
  readonly sequence: number
  readonly number: number
}

/** Why records were given up. */
export type DropReason =
  /** The spool was full. */
  | 'spool-full'
  /** The disk did not take them and memory was full. */
  | 'spool-unwritable'
  /** Bytes of the spool were not what had been written. */
  | 'spool-damaged'
  /** The queue to a logger without confirmation refused them, or was lost with it. */
  | 'queue-full'
  /** They were sent to a logger that is given up before it confirmed them: it may have them or not. */
  | 'logger-gone'

/**
 * A bound for records that were lost; `unknown` when the disk refused even to be overwritten, when the process
 * died while it made its folder, or when what it left cannot be read.
 */
export type LossLimit = number | 'unknown'

/**
 * Where the records of one stream are. Each term is counted where it happens; once no process has died,
 * `produced = inMemory + spooled + inFlight + stored + unconfirmed + dropped`.
 */
export interface LedgerRow {
  readonly run: string
  readonly stream: string
  readonly path: string
  /** Records whose `write` returned. After a crash: those that are known. */
  readonly produced: number
  /** In the memory of this process only. */
  readonly inMemory: number
  /** In the spool, not on their way. */
  readonly spooled: number
  /** On their way to a logger, which has not confirmed them; in the spool too. */
  readonly inFlight: number
  /** Confirmed by a logger to be on its disk. */
  readonly stored: number
  /** Sent to a logger that confirms nothing: a stock Zeek. */
  readonly unconfirmed: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
}

/** What one process of a node did, or all earlier ones together. */
export interface RunLedger {
  /** The run, or `earlier` for the sum of those that are done with. */
  readonly run: string
  readonly state: 'running' | 'ended' | 'crashed' | 'done'
  /**
   * Records that a crash took with it, at most: they are in no row. (What a logger confirmed while the disk was full may
   * be in no row either, but is not lost.)
   */
  readonly lostAtMost: LossLimit
  readonly rows: readonly LedgerRow[]
}
