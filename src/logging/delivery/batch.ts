/** What a run consists of: sequences, the channels through which loggers get them, and batches of records. */
import type { LogWriterDescription } from '../../data/log-messages.js'
import type { DropReason, LogPriority, Sequence } from './delivery-settings.js'
import { Fifo } from './fifo.js'
import type { RecordBuffer } from './record-buffer.js'

/** A file with payloads of one priority. */
export class Segment {
  readonly number: number
  readonly priority: LogPriority
  sizeBytes = 0
  /** Batches with a piece in it that are not finished. */
  unfinished = 0
  /** Of these, batches that belong to no logger yet and can be shed. */
  waiting = 0

  constructor(number: number, priority: LogPriority) {
    this.number = number
    this.priority = priority
  }

  get fileName(): string {
    return `${this.priority}-${this.number}.segment`
  }
}

export function noneDropped(): Record<DropReason, number> {
  return { 'spool-full': 0, 'spool-unwritable': 0, 'spool-damaged': 0, 'queue-full': 0, 'logger-gone': 0 }
}

/** Where the records of a sequence are; each term is changed where it happens. */
export class Tally {
  produced = 0
  inMemory = 0
  spooled = 0
  inFlight = 0
  stored = 0
  unconfirmed = 0
  readonly dropped = noneDropped()
}

export class SequenceState implements Sequence {
  readonly id: number
  readonly description: LogWriterDescription
  readonly priority: LogPriority
  readonly tally = new Tally()
  /** The channel of each logger that new numbers come from. */
  readonly channels = new Map<string, Channel>()
  /** Whether its own id may have been used for numbers that are not known. */
  isRenewed = false
  /** Batches that belong to no logger yet. */
  waiting = 0
  /** The youngest batch that waits: it gets more records while it is small. */
  youngest: Batch | undefined
  /** Of a live run: what is not in the spool yet, by the logger whose turn it was. */
  readonly buffers = new Map<string | undefined, RecordBuffer>()
  lastBuffer: RecordBuffer | undefined

  constructor(id: number, description: LogWriterDescription, priority: LogPriority) {
    this.id = id
    this.description = description
    this.priority = priority
  }
}

/**
 * A sequence on its way to one logger, with numbers of its own. A new one is begun where it is not certain which
 * numbers were given: when the journal could not be written, and by each process that takes a run over.
 */
export class Channel {
  readonly sequence: SequenceState
  readonly logger: string
  /** The sequence as the logger knows it. */
  readonly wire: number
  /** Number of the last record that was given to it. */
  assigned = 0
  /** The logger has everything up to this number. */
  confirmed = 0
  /** Batches that are not confirmed, in order of their numbers. */
  readonly batches = new Fifo<Batch>()
  /** Where the last resend began, and when (monotonic): an echo of the same request is no new one. */
  resentFrom = -1
  resentAtMs = 0

  constructor(sequence: SequenceState, logger: string, wire: number) {
    this.sequence = sequence
    this.logger = logger
    this.wire = wire
  }
}

/** Where in the spool a payload is. */
export interface Place {
  readonly segment: Segment
  /** Offset and length of each piece. */
  readonly pieces: number[]
}

/**
 * `waiting`: for any logger; `claimed`: about to be given to a logger, or in nobody's list yet; `assigned`: belongs to
 * a logger for ever, which may have it; `finished`: stored, sent unconfirmed, or dropped.
 */
export type BatchState = 'waiting' | 'claimed' | 'assigned' | 'finished'

/** Records of one sequence that travel together. */
export class Batch {
  readonly id: number
  readonly sequence: SequenceState
  records: number
  bytes: number
  checksum: number
  /** Undefined while it is in memory only. */
  place: Place | undefined
  /** Only of a batch that is not in the spool. */
  payload: Uint8Array | undefined
  state: BatchState = 'claimed'
  channel: Channel | undefined
  /** Number of its first record in the channel. */
  first = 0
  /** On its way over the present connection. */
  sent = false
  readFailures = 0

  constructor(id: number, sequence: SequenceState, records: number, bytes: number, checksum: number) {
    this.id = id
    this.sequence = sequence
    this.records = records
    this.bytes = bytes
    this.checksum = checksum
  }

  /** Of a batch that belongs to a logger. */
  get unconfirmed(): number {
    return this.last - Math.max(this.channel?.confirmed ?? 0, this.first - 1)
  }

  get last(): number {
    return this.first + this.records - 1
  }
}
