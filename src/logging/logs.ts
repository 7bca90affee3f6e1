/**
 * A node's logging: streams with typed columns, whose records go to local files, to the loggers, or both. Records
 * for a logger travel in batches; while no logger is there they wait, up to a limit. Counterpart: `log-receiver.ts`.
 */

import { ClusterError } from '../base/errors.js'
import type { Clock, Timer, Timers } from '../base/time.js'
import type { Bus, Peer } from '../bus/bus.js'
import { ByteWriter } from '../data/byte-writer.js'
import { type DataType, locateFault, type Part } from '../data/data-type.js'
import { EncodeError, unexpected } from '../data/decode-error.js'
import {
  ASCII_WRITER,
  type LogField,
  type LogWriterDescription,
  writeBatchStart,
  writeLogCreate,
  writeLogWriteStart,
} from '../data/log-messages.js'
import type { Encodable } from '../data/messages.js'
import { compileLogWriter, type FieldsWriter } from '../data/record-codec.js'
import type { RecordOf } from '../data/types.js'
import type { LogStore, OpenWriter } from './log-store.js'

/** Column names and types, in order. */
// biome-ignore lint/suspicious/noExplicitAny: columns of any type; `never` would refuse every element
export type Columns = Readonly<Record<string, DataType<any>>>

export interface StreamOptions<C extends Columns> {
  /** Base name of the file; default: from the stream's name, `Conn::LOG` is `conn`. */
  readonly path?: string
  readonly columns: C
}

/** A log stream: `write` takes one record. */
export interface LogStream<C extends Columns = Columns> {
  readonly id: string
  readonly path: string
  /** Throws `EncodeError`, which names the column, for what cannot be written; nothing is written then. */
  write(record: RecordOf<C>): void
}

export interface LogsSettings {
  readonly clock: Clock
  readonly timers: Timers
  readonly bus: Bus
  /** Where records are written on this node; undefined when it does not log locally. */
  readonly local: LogStore | undefined
  /** Whether records go to the loggers. */
  readonly remote: boolean
  readonly batchSize: number
  readonly batchIntervalMs: number
  /** `Broker::default_log_topic_prefix`. */
  readonly topicPrefix: string
  /** Topic for the next record of a stream, or undefined when the record must wait for a logger. */
  readonly loggerTopic: (stream: string) => string | undefined
  readonly onProblem: (code: string, message: string) => void
}

export interface LogsCounters {
  /** Records written by this node. */
  written: number
  /** Records handed to the bus. */
  sent: number
  /** Records that wait for their batch or for a logger. */
  waiting: number
  /** Records given up because too many waited. */
  dropped: number
}

/** Records that wait for a logger; the oldest batch is dropped beyond. */
const WAITING_LIMIT_BYTES = 64 * 1024 * 1024
const BATCH_LIMIT_BYTES = 256 * 1024

/** LogWrite messages of one stream for one logger. */
class Batch implements Encodable {
  readonly stream: string
  /** Undefined while no logger is there. */
  readonly topic: string | undefined
  readonly writer: ByteWriter
  records = 0

  constructor(stream: string, topic: string | undefined, writer: ByteWriter) {
    this.stream = stream
    this.topic = topic
    this.writer = writer
  }

  writeTo(writer: ByteWriter): void {
    writeBatchStart(writer, this.records)
    writer.raw(this.writer.written())
  }
}

interface Stream {
  readonly description: LogWriterDescription
  readonly columns: readonly (readonly [string, DataType<unknown>])[]
  /** Appends a record as its wire bytes. */
  readonly writeRecord: FieldsWriter
  readonly local: OpenWriter | undefined
  /** Open batches by topic. */
  readonly batches: Map<string | undefined, Batch>
}

export class Logs {
  readonly #settings: LogsSettings
  readonly #streams = new Map<string, Stream>()
  /** Ids of the peers that know every writer. */
  readonly #announcedTo = new Set<string>()
  /** Batches that found no logger, oldest first. */
  #stranded: Batch[] = []
  #strandedBytes = 0
  readonly #scratch = new ByteWriter()
  readonly #spareWriters: ByteWriter[] = []
  #timer: Timer | undefined
  #state: 'open' | 'closed' = 'open'
  #written = 0
  #sent = 0
  #dropped = 0

  constructor(settings: LogsSettings) {
    this.#settings = settings
  }

  /**
   * Declares a stream. Throws `ClusterError` code `stream-exists` for a name that is taken and `not-loggable` for a
   * column type that logs do not have.
   */
  createStream<const C extends Columns>(id: string, options: StreamOptions<C>): LogStream<C> {
    if (this.#streams.has(id))
      throw new ClusterError('stream-exists', `log stream ${id} exists already`, { id })
    const path = options.path ?? defaultPath(id)
    const columns = Object.entries(options.columns) as [string, DataType<unknown>][]
    const description: LogWriterDescription = {
      stream: id,
      writer: ASCII_WRITER,
      path,
      config: new Map(),
      fields: columns.map(([name, type]) => toField(id, name, type)),
    }
    const stream: Stream = {
      description,
      columns,
      writeRecord: compileLogWriter(columns),
      local: this.#settings.local?.openWriter(description),
      batches: new Map(),
    }
    this.#streams.set(id, stream)
    for (const peerId of this.#announcedTo) {
      this.#settings.bus.send(peerId, this.#settings.topicPrefix + id, this.#announcement(stream))
    }
    return { id, path, write: (record) => this.#write(stream, record as Record<string, unknown>) }
  }

  /** A peer came, or its subscriptions changed: one that takes logs learns of every writer before its first record. */
  onPeerSubscriptions(peer: Peer): void {
    if (!this.#settings.remote || this.#announcedTo.has(peer.id)) return
    const { topicPrefix } = this.#settings
    if (
      !peer.subscriptions.some((prefix) => prefix.startsWith(topicPrefix) || topicPrefix.startsWith(prefix))
    )
      return
    this.#announcedTo.add(peer.id)
    for (const stream of this.#streams.values()) {
      this.#settings.bus.send(peer.id, topicPrefix + stream.description.stream, this.#announcement(stream))
    }
  }

  onPeerLost(peer: Peer): void {
    this.#announcedTo.delete(peer.id)
  }

  /** A logger is alive: what waited for one goes out. */
  onLoggerAvailable(): void {
    const stranded = this.#stranded
    this.#stranded = []
    this.#strandedBytes = 0
    for (const batch of stranded) this.#send(batch)
  }

  counters(): LogsCounters {
    let waiting = 0
    for (const stream of this.#streams.values()) {
      for (const batch of stream.batches.values()) waiting += batch.records
    }
    for (const batch of this.#stranded) waiting += batch.records
    return { written: this.#written, sent: this.#sent, waiting, dropped: this.#dropped }
  }

  /** Sends every open batch; local files are flushed by the log store. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const stream of this.#streams.values()) {
      for (const batch of stream.batches.values()) this.#send(batch)
      stream.batches.clear()
    }
  }

  /** Nothing leaves this node any more: records that are written from now on go nowhere but to local files. */
  close(): void {
    this.#state = 'closed'
    this.#timer?.cancel()
  }

  #write(stream: Stream, record: Record<string, unknown>): void {
    const writer = this.#scratch
    writer.length = 0
    if (typeof record !== 'object' || record === null) throw unexpected('record (an object)', record)
    try {
      stream.writeRecord(writer, record)
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      throw locateFault(error, columnParts(stream.columns, record))
    }
    this.#written += 1
    if (stream.local !== undefined) this.#settings.local?.write(stream.local, writer.bytes, 0, writer.length)
    if (this.#settings.remote && this.#state === 'open') this.#append(stream, writer)
  }

  #append(stream: Stream, record: ByteWriter): void {
    const topic = this.#settings.loggerTopic(stream.description.stream)
    let batch = stream.batches.get(topic)
    if (batch === undefined) {
      batch = new Batch(stream.description.stream, topic, this.#spareWriters.pop() ?? new ByteWriter())
      stream.batches.set(topic, batch)
    }
    writeLogWriteStart(batch.writer, stream.description, record.length)
    batch.writer.raw(record.written())
    batch.records += 1
    if (batch.records >= this.#settings.batchSize || batch.writer.length >= BATCH_LIMIT_BYTES) {
      stream.batches.delete(topic)
      this.#send(batch)
    } else {
      this.#timer ??= this.#settings.timers.after(this.#settings.batchIntervalMs, () => this.flush())
    }
  }

  #send(batch: Batch): void {
    const { bus, loggerTopic } = this.#settings
    let outcome = batch.topic === undefined ? 'no-peer' : bus.publish(batch.topic, batch)
    if (outcome === 'no-peer') {
      // The logger that it was meant for is gone, or there was none: another one may be there now.
      const topic = loggerTopic(batch.stream)
      if (topic !== undefined && topic !== batch.topic) outcome = bus.publish(topic, batch)
    }
    if (outcome === 'no-peer') return this.#strand(batch)
    this.#sent += batch.records
    batch.writer.length = 0
    if (this.#spareWriters.length < 16) this.#spareWriters.push(batch.writer)
  }

  #strand(batch: Batch): void {
    this.#stranded.push(batch)
    this.#strandedBytes += batch.writer.length
    while (this.#strandedBytes > WAITING_LIMIT_BYTES) {
      const oldest = this.#stranded.shift()
      if (oldest === undefined) return
      this.#strandedBytes -= oldest.writer.length
      if (this.#dropped === 0) {
        this.#settings.onProblem(
          'log-records-dropped',
          'no logger is reachable and too many records wait: the oldest are dropped',
        )
      }
      this.#dropped += oldest.records
    }
  }

  #announcement(stream: Stream): Encodable {
    const seconds = this.#settings.clock.wallMs() / 1000
    return { writeTo: (writer) => writeLogCreate(writer, stream.description, seconds) }
  }
}

/** The columns that are set. */
function* columnParts(
  columns: readonly (readonly [string, DataType<unknown>])[],
  record: Readonly<Record<string, unknown>>,
): Iterable<Part> {
  for (const [name, type] of columns) {
    if (record[name] !== undefined) yield [`column ${name}`, type, record[name]]
  }
}

function toField(id: string, name: string, type: DataType<unknown>): LogField {
  if (type.log === undefined) {
    const message = `column ${name} of log stream ${id}: type ${type.name} cannot be logged`
    throw new ClusterError('not-loggable', message, { id, name })
  }
  return { name, tag: type.log.tag, elementTag: type.log.elementTag, optional: type.optional }
}

/** Zeek's rule: `Foo::LOG` is `foo`, `HTTPThing::BAR_LOG` is `http_thing_bar` (spec/cluster-framework.md 6.2). */
export function defaultPath(id: string): string {
  const [module, rest] = id.includes('::') ? id.split('::', 2) : ['', id]
  if (module === '' || module === undefined || rest === undefined) return id.toLowerCase()
  const snake = module.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
  const suffix = rest === 'LOG' ? '' : `_${rest.replace(/_LOG$/, '')}`
  return (snake + suffix).toLowerCase()
}
