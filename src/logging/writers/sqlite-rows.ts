/**
 * From the wire bytes of log records to the values of a row, as Zeek's SQLite writer has them. Sets and vectors are one
 * text, as in an ASCII log without UTF-8. Two things are better than in Zeek, which keeps the lowest 32 bits of
 * integers only: they are stored as they are, but for counts above 2^63, which become reals.
 */
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import type { SqliteValue } from '../../sqlite/sqlite-connection.js'
import { AsciiValues } from './ascii-values.js'
import {
  isContainer,
  readColumnStart,
  readNetworkText,
  readRecordStart,
  skipProtocol,
  unknownType,
} from './wire-values.js'

/** Zeek's options `LogSQLite::…`: how sets and vectors look. */
export interface SqliteLogOptions {
  readonly setSeparator: string
  readonly emptyField: string
  readonly unsetField: string
}

/** Zeek's defaults. */
export const DEFAULT_SQLITE_LOG_OPTIONS: SqliteLogOptions = {
  setSeparator: ',',
  emptyField: '(empty)',
  unsetField: '-',
}

const INT_MAX = 2n ** 63n - 1n

/** Type of a column in the table. */
export function columnType(field: LogField): string {
  switch (field.tag) {
    case ZEEK_TAG.bool:
      return 'boolean'
    case ZEEK_TAG.int:
    case ZEEK_TAG.count:
    case ZEEK_TAG.port:
      return 'integer'
    case ZEEK_TAG.double:
    case ZEEK_TAG.time:
    case ZEEK_TAG.interval:
      return 'double precision'
    default:
      return 'text'
  }
}

export class SqliteRows {
  readonly #fields: readonly LogField[]
  readonly #values: AsciiValues
  readonly #text = new ByteWriter()
  readonly #reader = new ByteReader()

  constructor(fields: readonly LogField[], options: SqliteLogOptions) {
    this.#fields = fields
    this.#values = new AsciiValues({ ...options, columnSeparators: [], keepsUtf8: false })
  }

  /**
   * The values of the record `bytes[start, end)`; texts are bytes, which need not be UTF-8. Throws `DecodeError` when it
   * does not have the columns.
   */
  rowOf(bytes: Uint8Array, start: number, end: number): SqliteValue[] {
    const reader = this.#reader
    reader.reset(bytes, start, end)
    readRecordStart(reader, this.#fields)
    return this.#fields.map((field) => {
      if (!readColumnStart(reader, field)) return null
      return isContainer(field.tag) ? this.#elements() : readScalar(reader, field.tag)
    })
  }

  #elements(): Uint8Array {
    this.#text.length = 0
    this.#values.writeElements(this.#text, this.#reader)
    return this.#text.toBytes()
  }
}

function readScalar(reader: ByteReader, tag: number): SqliteValue {
  switch (tag) {
    case ZEEK_TAG.bool:
      return reader.i64() === 0n ? 0n : 1n
    case ZEEK_TAG.int:
      return reader.i64()
    case ZEEK_TAG.count:
      return fitting(reader.u64())
    case ZEEK_TAG.port: {
      const number = reader.u64()
      skipProtocol(reader)
      return fitting(number)
    }
    case ZEEK_TAG.double:
    case ZEEK_TAG.time:
    case ZEEK_TAG.interval: {
      const value = reader.f64()
      return Number.isNaN(value) ? null : value
    }
    case ZEEK_TAG.string:
    case ZEEK_TAG.enum:
    case ZEEK_TAG.func:
    case ZEEK_TAG.file: {
      const length = reader.u32()
      const start = reader.take(length)
      // As in Zeek, an empty string is nothing.
      return length === 0 ? null : reader.bytes.subarray(start, start + length)
    }
    case ZEEK_TAG.addr:
    case ZEEK_TAG.subnet:
      return Buffer.from(readNetworkText(reader, tag))
    default:
      throw unknownType(reader, tag)
  }
}

function fitting(value: bigint): SqliteValue {
  return value > INT_MAX ? Number(value) : value
}
