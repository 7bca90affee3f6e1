/** What scripts say about a stream and its filters (`Log::Stream`, `Log::Filter`; spec/cluster-framework.md 6.1, 6.2). */
import type { RecordOf } from '../../data/types.js'
import type { LogPriority } from '../delivery/delivery-settings.js'
import type { Columns } from './columns.js'

export interface StreamOptions<C extends Columns> {
  /** Base name of the file; default: from the stream's name, `Conn::LOG` is `conn`. */
  readonly path?: string
  readonly columns: C
  /** Called with every record that is written, before any filter (`Log::Stream$ev`). */
  readonly onWrite?: (record: RecordOf<C>) => void
  /** A record is kept from a filter by the answer false (`Log::Stream$policy`). */
  readonly policy?: LogPolicy<C>
  /** What is given up last, or first, when records cannot be delivered for so long that their spool is full. Default `normal`. */
  readonly priority?: LogPriority
}

/** Whether a filter gets a record (`Log::PolicyHook`). */
export type LogPolicy<C extends Columns = Columns> = (record: RecordOf<C>, filter: LogFilter<C>) => boolean

/** One way that records of a stream take: into which log, with which columns, here or at the loggers. */
export interface LogFilter<C extends Columns = Columns> {
  /** Unique within the stream; another filter of this name is replaced. */
  readonly name: string
  /** Base name of the file; default: that of the stream. */
  readonly path?: string
  /** The path of one record; `suggestion` is the last answer, at first the path (`Log::Filter$path_func`). */
  readonly pathFunction?: (id: string, suggestion: string, record: RecordOf<C>) => string
  /** Only these columns, by their flattened names. */
  readonly include?: readonly string[]
  /** Not these columns. */
  readonly exclude?: readonly string[]
  /** Records for which it says false are left out (`Log::Filter$pred`). */
  readonly predicate?: (record: RecordOf<C>) => boolean
  /** As `predicate`, asked before that of the stream (`Log::Filter$policy`). */
  readonly policy?: LogPolicy<C>
  /** Default `Log::WRITER_ASCII`. */
  readonly writer?: string
  /** Whether this node writes the records; default `Log::enable_local_logging`. */
  readonly logLocal?: boolean
  /** Whether they go to the loggers; default `Log::enable_remote_logging`. */
  readonly logRemote?: boolean
  /** Seconds between rotations of the file, where this node writes it; default `Log::default_rotation_interval`. */
  readonly rotationInterval?: number
  /** For the writer: `use_json`, `separator` and so on. */
  readonly config?: Readonly<Record<string, string>>
  /** Other names for columns, by their flattened names (`Log::Filter$field_name_map`). */
  readonly fieldNameMap?: Readonly<Record<string, string>>
  /** Between the names of nested records; default `.`. */
  readonly scopeSeparator?: string
  /** Columns in front of those of the record (`Log::Filter$ext_func`). */
  readonly extension?: LogExtension
  /** In front of the names of the extension's columns; default `_`. */
  readonly extensionPrefix?: string
}

export interface LogExtension {
  readonly columns: Columns
  /** The values for one record. */
  readonly values: (path: string) => Readonly<Record<string, unknown>>
}

/** A log stream: `write` takes one record. */
export interface LogStream<C extends Columns = Columns> {
  readonly id: string
  readonly path: string
  /**
   * `Log::write`. Throws `EncodeError`, which names the column, for what cannot be written; nothing is written then.
   * A stream that is disabled or removed takes records and drops them.
   */
  write(record: RecordOf<C>): void
  /** `Log::add_filter`. Throws `ClusterError` codes `not-loggable`, `bad-log-filter`, `bad-log-config`. */
  addFilter(filter: LogFilter<C>): void
  /** `Log::remove_filter`: whether there was one. */
  removeFilter(name: string): boolean
  /** `Log::get_filter`. */
  filter(name: string): LogFilter<C> | undefined
  /** `Log::get_filter_names`. */
  filterNames(): readonly string[]
  /** `Log::add_default_filter`, `Log::remove_default_filter`: the one of every new stream, `default`. */
  addDefaultFilter(): void
  removeDefaultFilter(): boolean
  /** `Log::enable_stream`, `Log::disable_stream`. */
  enable(): void
  disable(): void
}
