/** Records of one writer of one process, in order, as a logger has them. */
export interface ReceivedSequence {
  /** Unique within the logger. */
  readonly index: number
  /** Node that wrote the records. */
  readonly node: string
  /** Process that wrote them; empty when it does not number its records: the logger does then. */
  readonly run: string
  /** As the sender calls it; 0 when it does not number its records. */
  readonly id: number
  readonly stream: string
  readonly path: string
  /** Number of the last record that was taken in. */
  received: number
  /** Number of the last record that is on disk, or was given up for a reason of its own. */
  stored: number
  /** Records given up: they did not have the columns, or the log was refused. */
  invalid: number
  /** Time of the last change, milliseconds since the epoch. */
  changedMs: number
}

/** What a logger has of one stream of one node, over all of its processes. */
export interface StoredRow {
  readonly node: string
  readonly stream: string
  readonly path: string
  /** On disk. */
  readonly stored: number
  /** In the logger's memory. */
  readonly waiting: number
  readonly invalid: number
  /** Whether the sender numbers its records, so that none is there twice. */
  readonly numbered: boolean
}
