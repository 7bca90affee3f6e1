/** What a filter does with records: which columns, into which logs, here and at the loggers. */
import { ClusterError } from '../../base/errors.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import { compileLogWriter, type LogColumnSource } from '../../data/log-codec.js'
import { ASCII_WRITER, type LogField, type LogWriterDescription } from '../../data/log-messages.js'
import type { FieldsWriter } from '../../data/record-codec.js'
import type { LogPriority, Sequence } from '../delivery/delivery-settings.js'
import type { OpenWriter } from '../files/log-store.js'
import type { ReceivedSequence } from '../files/received-sequence.js'
import { flattenColumns, type LogColumn } from './columns.js'
import type { LogFilter, StreamOptions } from './log-filter.js'

/** One log that a filter writes: a path. */
export interface LogOfFilter {
  readonly description: LogWriterDescription
  /** For the loggers; undefined when the filter does not log remotely. */
  readonly remote: Sequence | undefined
  /** On this node; undefined when the filter does not log locally. */
  readonly local: { readonly writer: OpenWriter; readonly sequence: ReceivedSequence } | undefined
}

/** Makes the logs of a filter: where its records go. */
export type OpenLog = (
  description: LogWriterDescription,
  filter: LogFilter,
  priority: LogPriority,
) => LogOfFilter

type AnyRecord = Readonly<Record<string, unknown>>

/** Paths that the path function of one filter may name: more is a mistake, and each is a file. */
const PATHS_PER_FILTER = 1024

export class FilterOutput {
  readonly filter: LogFilter
  readonly #id: string
  readonly #stream: StreamOptions<never>
  readonly #fields: readonly LogField[]
  readonly #writeValues: FieldsWriter
  readonly #writeExtension: FieldsWriter | undefined
  readonly #openLog: OpenLog
  readonly #logs = new Map<string, LogOfFilter>()
  /** Of the record before. */
  #path: string
  #log: LogOfFilter | undefined

  /** Throws `ClusterError` codes `not-loggable` and `bad-log-filter`. */
  constructor(
    id: string,
    stream: StreamOptions<never>,
    streamPath: string,
    filter: LogFilter,
    openLog: OpenLog,
  ) {
    this.#id = id
    this.#stream = stream
    this.filter = filter
    this.#openLog = openLog
    this.#path = filter.path ?? streamPath
    const columns = selectColumns(id, stream.columns, filter)
    const extension = extensionColumns(id, filter)
    this.#fields = [...extension, ...columns].map(({ field }) => field)
    this.#writeValues = compileLogWriter(columns.map(source))
    this.#writeExtension = extension.length === 0 ? undefined : compileLogWriter(extension.map(source))
    // Faults of the filter show now, not with the first record.
    if (filter.pathFunction === undefined) this.#log = this.#logFor(this.#path)
  }

  /** The log that a record goes to, or undefined when the filter leaves it out. */
  logFor(record: AnyRecord): LogOfFilter | undefined {
    const { policy, predicate, pathFunction } = this.filter
    if (policy?.(record, this.filter) === false) return undefined
    if (this.#stream.policy?.(record as never, this.filter as never) === false) return undefined
    if (predicate?.(record) === false) return undefined
    if (pathFunction === undefined) return this.#log
    const path = pathFunction(this.#id, this.#path, record)
    if (path !== this.#path || this.#log === undefined) {
      this.#log = this.#logFor(path)
      this.#path = path
    }
    return this.#log
  }

  /** Appends a record's wire bytes. Throws `EncodeError`. */
  encode(writer: ByteWriter, record: AnyRecord, log: LogOfFilter): void {
    writer.u32(this.#fields.length)
    this.#writeExtension?.(writer, this.filter.extension!.values(log.description.path))
    this.#writeValues(writer, record)
  }

  #logFor(path: string): LogOfFilter {
    const known = this.#logs.get(path)
    if (known !== undefined) return known
    if (typeof path !== 'string' || path === '') {
      throw badFilter(this.#id, this.filter, 'its path function did not answer with a path')
    }
    if (this.#logs.size >= PATHS_PER_FILTER) {
      throw badFilter(this.#id, this.filter, `its path function named more than ${PATHS_PER_FILTER} paths`)
    }
    const { writer = ASCII_WRITER, config = {} } = this.filter
    const description: LogWriterDescription = {
      stream: this.#id,
      writer,
      path,
      config: new Map(Object.entries(config)),
      fields: this.#fields,
    }
    const log = this.#openLog(description, this.filter, this.#stream.priority ?? 'normal')
    this.#logs.set(path, log)
    return log
  }
}

function source({ access, type }: LogColumn): LogColumnSource {
  return [access, type]
}

function selectColumns(
  id: string,
  declared: StreamOptions<never>['columns'],
  filter: LogFilter,
): LogColumn[] {
  const { include, exclude = [], fieldNameMap = {}, scopeSeparator = '.' } = filter
  const columns = flattenColumns(id, declared, scopeSeparator)
  const names = new Set(columns.map(({ field }) => field.name))
  for (const name of [...(include ?? []), ...exclude]) {
    if (!names.has(name)) throw badFilter(id, filter, `there is no column ${name}`)
  }
  return columns
    .filter(({ field: { name } }) => include?.includes(name) !== false && !exclude.includes(name))
    .map((column) => {
      const name = fieldNameMap[column.field.name]
      return name === undefined ? column : { ...column, field: { ...column.field, name } }
    })
}

function extensionColumns(id: string, filter: LogFilter): LogColumn[] {
  const { extension, extensionPrefix = '_', scopeSeparator = '.' } = filter
  if (extension === undefined) return []
  return flattenColumns(id, extension.columns, scopeSeparator).map((column) => ({
    ...column,
    field: { ...column.field, name: extensionPrefix + column.field.name },
  }))
}

function badFilter(id: string, filter: LogFilter, reason: string): ClusterError {
  const message = `filter ${filter.name} of log stream ${id}: ${reason}`
  return new ClusterError('bad-log-filter', message, { id, filter: filter.name })
}
