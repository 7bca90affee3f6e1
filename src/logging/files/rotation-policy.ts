/** When files are closed and begun anew, and what becomes of them (spec/cluster-framework.md 6.8). */

/** A file that is closed. */
export interface ClosedFile {
  readonly filePath: string
  /** The log's name: `conn`. */
  readonly name: string
  /** `Log::WRITER_ASCII`. */
  readonly writer: string
  /** Begin and end of the time that the file is for, milliseconds since the epoch. */
  readonly openedMs: number
  readonly closedMs: number
  /** Whether the process ends. */
  readonly terminating: boolean
}

export interface RotationPolicy {
  /** When a file of this log is to be closed next, milliseconds since the epoch; undefined for never. */
  nextMs(name: string, writer: string, nowMs: number): number | undefined
  /** A file is closed when it has this size, in the unit of its writer; infinite for never. */
  readonly sizeLimit: number
  /**
   * Gives a closed file its final name; resolves when it has it. What the file is processed with runs on after that.
   * Rejects when the file cannot be moved.
   */
  finish(file: ClosedFile): Promise<void>
  /** Resolves when everything that runs on has ended. */
  settled(): Promise<void>
}
