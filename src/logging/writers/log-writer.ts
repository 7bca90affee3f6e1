/**
 * The port between a logger and what keeps records: text files, databases, or something of a user's own. Records stay
 * in their wire form (spec/broker-protocol.md 6.6) until a writer turns them into what it stores.
 *
 * A file is written in chunks. The logger notes what a chunk will make of the file before it is stored, so that after
 * a crash it knows whether the chunk is there: a chunk that is there in part is cut off, and its records come again.
 */
import type { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'

/** One kind of writer, for example `Log::WRITER_ASCII`. */
export interface LogWriter {
  /** Zeek's name. */
  readonly name: string
  /** Whether a file that is there already is added to; else it is moved out of the way. */
  readonly continuesFiles: boolean
  /** What a file is called in its folder: for `conn`, `conn.log` or `conn.log.gz`; or the path of a device. */
  fileName(name: string, config: LogConfig): string
  /**
   * Makes the function that turns records into what a file of these columns stores; it serves all files of a log, one
   * after the other. Throws `LogConfigError` for a configuration that there is not.
   */
  formatter(fields: readonly LogField[], config: LogConfig): LogFormatter
  /** Creates the file. Throws `LogConfigError` for a configuration that there is not; rejects with what the disk says. */
  open(file: LogFileDescription): Promise<LogOutput>
  /** Size of a closed file in the unit of `LogOutput.size`; undefined when there is none. */
  measure(filePath: string): Promise<number | undefined>
  /** Drops what a closed file has behind `size`. */
  cut(filePath: string, size: number): Promise<void>
}

/** Settings of a filter for its writer (`Log::Filter$config`). */
export type LogConfig = ReadonlyMap<string, string>

export interface LogFileDescription {
  readonly filePath: string
  /** The log's name as it stands in `#path`, for example `conn`. */
  readonly path: string
  readonly fields: readonly LogField[]
  readonly config: LogConfig
  /** When the file is opened, milliseconds since the epoch. */
  readonly openedMs: number
}

/**
 * Appends the record `bytes[start, end)` to a chunk. Throws `DecodeError` when it does not have the columns; the chunk
 * is as before then.
 */
export type LogFormatter = (chunk: ByteWriter, bytes: Uint8Array, start: number, end: number) => void

/** One file that is being written. */
export interface LogOutput {
  /** How much is stored: bytes of a file, rows of a table. */
  readonly size: number
  /** Whether the file can be renamed and begun anew; `/dev/stdout` cannot. */
  readonly rotates: boolean
  /** Makes a chunk of `records` records ready to be stored. `chunk` stays unchanged until it is stored. */
  prepare(chunk: Uint8Array, records: number): Promise<PreparedChunk>
  /** Stores what was prepared last; `size` is `sizeAfter` then. When it rejects, a part may be there: see `cut`. */
  store(chunk: PreparedChunk): Promise<void>
  /** Drops what a failed `store` left: back to `size`. */
  cut(): Promise<void>
  /** Resolves when a loss of power would not lose what is stored. */
  sync(): Promise<void>
  /** Ends the file. `closedMs`: milliseconds since the epoch. */
  close(closedMs: number): Promise<void>
}

export interface PreparedChunk {
  readonly bytes: Uint8Array
  readonly records: number
  readonly sizeAfter: number
}
