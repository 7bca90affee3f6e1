/**
 * A node's logging: streams with typed columns, whose records go through filters to local files, to the loggers, or
 * both. What becomes of those for loggers: `delivery/`; what loggers do with them: `receiving/`, `files/`.
 */
import { ClusterError } from '../base/errors.js'
import { ByteWriter } from '../data/byte-writer.js'
import { type DataType, locateFault, type Part } from '../data/data-type.js'
import { EncodeError, unexpected } from '../data/decode-error.js'
import type { LogWriterDescription } from '../data/log-messages.js'
import type { LogDelivery } from './delivery/delivery.js'
import type { LogPriority } from './delivery/delivery-settings.js'
import type { LogStore } from './files/log-store.js'
import { type Columns, defaultPath } from './streams/columns.js'
import { FilterOutput, type LogOfFilter } from './streams/filter-output.js'
import type { LogFilter, LogStream, StreamOptions } from './streams/log-filter.js'
import type { LogWriter } from './writers/log-writer.js'

export interface LogsSettings {
  /** Name of this node. */
  readonly node: string
  /** Where records are written on this node. */
  readonly localStore: () => LogStore
  /** How they get to the loggers; undefined on nodes that never send any. */
  readonly delivery: LogDelivery | undefined
  /** `Log::enable_local_logging`. */
  readonly logLocal: boolean
  /** `Log::enable_remote_logging`. */
  readonly logRemote: boolean
  /** Makes what names the logger for each next record of a stream (`Broker::log_topic`); undefined: there is none now. */
  readonly loggersOf: (stream: string) => () => string | undefined
  /** A log got its own interval between rotations. */
  readonly onRotationInterval: (path: string, writer: string, seconds: number) => void
  readonly onProblem: (code: string, message: string) => void
}

type AnyRecord = Readonly<Record<string, unknown>>

/** The name of the filter that every new stream has. */
const DEFAULT_FILTER = 'default'

export class Logs {
  readonly #settings: LogsSettings
  readonly #streams = new Map<string, Stream>()
  /** Who writes a log on this node, by writer and path. */
  readonly #owners = new Map<string, LogFilter>()
  readonly #spare: ByteWriter[] = []
  /** Records written: those whose `write` returned. */
  written = 0

  constructor(settings: LogsSettings) {
    this.#settings = settings
  }

  /**
   * `Log::create_stream`. Throws `ClusterError` code `stream-exists` for a name that is taken and `not-loggable` for a
   * column type that logs do not have.
   */
  createStream<const C extends Columns>(id: string, options: StreamOptions<C>): LogStream<C> {
    if (this.#streams.has(id)) {
      throw new ClusterError('stream-exists', `log stream ${id} exists already`, { id })
    }
    const stream = new Stream(id, options as unknown as StreamOptions<never>, this)
    stream.addDefaultFilter()
    this.#streams.set(id, stream)
    return stream as unknown as LogStream<C>
  }

  /** `Log::remove_stream`: whether there was one. */
  removeStream(id: string): boolean {
    const stream = this.#streams.get(id)
    stream?.disable()
    for (const name of stream?.filterNames() ?? []) stream?.removeFilter(name)
    return this.#streams.delete(id)
  }

  /** A stream by its name. */
  stream(id: string): LogStream | undefined {
    return this.#streams.get(id) as unknown as LogStream | undefined
  }

  /**
   * A writer of your own, for filters that name it (`Log::Filter$writer`). It has to be there on the nodes that write:
   * the loggers. Throws `ClusterError` code `writer-exists` for a name that is taken.
   */
  addWriter(writer: LogWriter): void {
    this.#settings.localStore().addWriter(writer)
  }

  /** `Log::active_streams`: those that are enabled. */
  activeStreams(): readonly string[] {
    return [...this.#streams.values()].filter((stream) => stream.isEnabled).map(({ id }) => id)
  }

  /** @internal */
  write(stream: Stream, record: AnyRecord): void {
    if (typeof record !== 'object' || record === null) throw unexpected('record (an object)', record)
    const outputs = stream.outputs
    // With one filter a fault shows before anything is written.
    if (outputs.length !== 1) this.#check(stream, record)
    stream.options.onWrite?.(record as never)
    for (const output of outputs) {
      const log = output.logFor(record)
      if (log !== undefined) this.#writeTo(log, output, stream, record)
    }
    this.written += 1
  }

  /** @internal */
  openLog(
    described: LogWriterDescription,
    filter: LogFilter,
    priority: LogPriority,
    isLocal: boolean,
  ): LogOfFilter {
    const { node, localStore, delivery, logRemote, onRotationInterval } = this.#settings
    const description = this.#ownPath(described, filter)
    const { stream, path, writer } = description
    if (filter.rotationInterval !== undefined) onRotationInterval(path, writer, filter.rotationInterval)
    let local: LogOfFilter['local']
    if (isLocal) {
      const store = localStore()
      if (!store.hasWriter(writer)) {
        const message = `filter ${filter.name} of log stream ${stream}: there is no writer ${writer}`
        throw new ClusterError('bad-log-filter', message, { id: stream, filter: filter.name })
      }
      local = {
        writer: store.openWriter(description),
        sequence: store.sequences.unnumbered(node, stream, path),
      }
    }
    const isRemote = (filter.logRemote ?? logRemote) && delivery !== undefined
    return { description, local, remote: isRemote ? delivery.declare(description, priority) : undefined }
  }

  /** @internal */
  loggersOf(stream: string): () => string | undefined {
    return this.#settings.loggersOf(stream)
  }

  /** @internal `Log::enable_local_logging`. */
  get logLocal(): boolean {
    return this.#settings.logLocal
  }

  #writeTo(log: LogOfFilter, output: FilterOutput, stream: Stream, record: AnyRecord): void {
    const { local, remote } = log
    const { delivery } = this.#settings
    if (remote !== undefined && local === undefined) {
      const writer = delivery!.begin(remote, stream.nextLogger())
      try {
        output.encode(writer, record, log)
      } catch (error) {
        delivery!.rollback()
        throw located(error, stream, record)
      }
      return delivery!.commit()
    }
    if (local === undefined) return
    // Code of a user may run meanwhile, and write another record.
    const writer = this.#spare.pop() ?? new ByteWriter()
    writer.length = 0
    try {
      output.encode(writer, record, log)
      this.#settings.localStore().write(local.writer, local.sequence, writer.bytes, 0, writer.length)
      if (remote !== undefined) delivery!.append(remote, stream.nextLogger(), writer)
    } catch (error) {
      throw located(error, stream, record)
    } finally {
      this.#spare.push(writer)
    }
  }

  /** Throws `EncodeError` when the record does not have the columns of the stream. */
  #check(stream: Stream, record: AnyRecord): void {
    try {
      stream.checkRecord(new ByteWriter(), record)
    } catch (error) {
      throw located(error, stream, record)
    }
  }

  /** Two filters never write the same log: the second one gets another name, as in Zeek. */
  #ownPath(description: LogWriterDescription, filter: LogFilter): LogWriterDescription {
    for (let number = 1; ; number += 1) {
      const path = number === 1 ? description.path : `${description.path}-${number}`
      const key = `${description.writer}\0${path}`
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== filter) continue
      this.#owners.set(key, filter)
      if (number === 1) return description
      this.#settings.onProblem(
        'log-path-taken',
        `filter ${filter.name} of ${description.stream} writes ${path}: another filter writes ${description.path}`,
      )
      return { ...description, path }
    }
  }

  /** @internal A filter is gone: its logs may be written by others. */
  release(filter: LogFilter): void {
    for (const [key, owner] of this.#owners) if (owner === filter) this.#owners.delete(key)
  }
}

class Stream implements LogStream<never> {
  readonly id: string
  readonly path: string
  readonly options: StreamOptions<never>
  readonly #logs: Logs
  /** The logger for the next record. */
  readonly nextLogger: () => string | undefined
  #outputs: readonly FilterOutput[] = []
  isEnabled = true
  /** All columns, to check a record that no filter or several may write. */
  #all: FilterOutput | undefined

  constructor(id: string, options: StreamOptions<never>, logs: Logs) {
    this.id = id
    this.options = options
    this.path = options.path ?? defaultPath(id)
    this.#logs = logs
    this.nextLogger = logs.loggersOf(id)
  }

  get outputs(): readonly FilterOutput[] {
    return this.#outputs
  }

  write(record: AnyRecord): void {
    if (this.isEnabled) this.#logs.write(this, record)
  }

  addFilter(filter: LogFilter<never>): void {
    const added = { ...filter } as unknown as LogFilter
    const before = this.#outputs.find((output) => output.filter.name === filter.name)
    if (before !== undefined) this.#logs.release(before.filter)
    const isLocal = added.logLocal ?? this.#logs.logLocal
    const output = new FilterOutput(this.id, this.options, this.path, added, (description, _of, priority) =>
      this.#logs.openLog(description, added, priority, isLocal),
    )
    this.#outputs = [...this.#outputs.filter((known) => known !== before), output]
  }

  removeFilter(name: string): boolean {
    const removed = this.#outputs.find((output) => output.filter.name === name)
    if (removed === undefined) return false
    this.#logs.release(removed.filter)
    this.#outputs = this.#outputs.filter((output) => output !== removed)
    return true
  }

  filter(name: string): LogFilter<never> | undefined {
    const found = this.#outputs.find((output) => output.filter.name === name)
    return found?.filter as unknown as LogFilter<never> | undefined
  }

  filterNames(): readonly string[] {
    return this.#outputs.map((output) => output.filter.name)
  }

  addDefaultFilter(): void {
    this.addFilter({ name: DEFAULT_FILTER })
  }

  removeDefaultFilter(): boolean {
    return this.removeFilter(DEFAULT_FILTER)
  }

  enable(): void {
    this.isEnabled = true
  }

  disable(): void {
    this.isEnabled = false
  }

  checkRecord(writer: ByteWriter, record: AnyRecord): void {
    const nothing: LogOfFilter = {
      description: { stream: this.id, writer: '', path: this.path, config: new Map(), fields: [] },
      remote: undefined,
      local: undefined,
    }
    this.#all ??= new FilterOutput(this.id, this.options, this.path, { name: '' }, () => nothing)
    this.#all.encode(writer, record, nothing)
  }
}

/** A fault of encoding with the column where it is. */
function located(error: unknown, stream: Stream, record: AnyRecord): unknown {
  return error instanceof EncodeError
    ? locateFault(error, columnParts(stream.options.columns, record))
    : error
}

/** The columns that are set. */
function* columnParts(columns: Columns, record: AnyRecord): Iterable<Part> {
  for (const [name, type] of Object.entries(columns) as [string, DataType<unknown>][]) {
    if (record[name] !== undefined) yield [`column ${name}`, type, record[name]]
  }
}
