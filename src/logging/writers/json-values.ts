/** Single values as Zeek's JSON writer prints them, whatever they are. `JsonLines` prints the usual ones itself, faster. */
import type { ByteReader } from '../../data/byte-reader.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import { formatSigned, formatUnsigned, writeText } from './ascii-number.js'
import type { AsciiOptions, JsonTimestamps } from './ascii-options.js'
import { type JsonTextWriter, jsonTextWriter, writeHexText } from './json-text.js'
import { formatTime, type TimeWriter } from './json-time.js'
import { putReal, REAL_BYTES } from './shortest-real.js'
import {
  isContainer,
  readColumnStart,
  readElementCount,
  readElementStart,
  readNetworkText,
  skipProtocol,
  unknownType,
} from './wire-values.js'

const COMMA = 0x2c
const OPEN = 0x5b
const CLOSE = 0x5d
/** Enough for any time that a `TimeWriter` writes. */
const TIME_BYTES = 40

export class JsonValues {
  readonly #timestamps: JsonTimestamps
  readonly #putTime: TimeWriter
  readonly #writeString: JsonTextWriter

  constructor(options: AsciiOptions, putTime: TimeWriter) {
    this.#timestamps = options.jsonTimestamps
    this.#putTime = putTime
    this.#writeString = jsonTextWriter(options.jsonStringEscapePolicy)
  }

  /** Appends the value of the column at the reader. Throws `DecodeError` when it does not have the field's type. */
  writeColumn(writer: ByteWriter, reader: ByteReader, field: LogField): void {
    if (!readColumnStart(reader, field)) writeText(writer, 'null')
    else if (isContainer(field.tag)) this.#writeElements(writer, reader)
    else this.#writeScalar(writer, reader, field.tag)
  }

  #writeElements(writer: ByteWriter, reader: ByteReader): void {
    const size = readElementCount(reader)
    writer.u8(OPEN)
    for (let index = 0; index < size; index += 1) {
      if (index > 0) writer.u8(COMMA)
      const tag = readElementStart(reader)
      if (tag === undefined) writeText(writer, 'null')
      else this.#writeScalar(writer, reader, tag)
    }
    writer.u8(CLOSE)
  }

  #writeScalar(writer: ByteWriter, reader: ByteReader, tag: number): void {
    switch (tag) {
      case ZEEK_TAG.string:
      case ZEEK_TAG.enum:
      case ZEEK_TAG.func:
      case ZEEK_TAG.file: {
        const length = reader.u32()
        const start = reader.take(length)
        const write = tag === ZEEK_TAG.string ? this.#writeString : writeHexText
        return write(writer, reader.bytes, start, start + length)
      }
      case ZEEK_TAG.bool: {
        const high = reader.u32()
        return writeText(writer, (high | reader.u32()) === 0 ? 'false' : 'true')
      }
      case ZEEK_TAG.int: {
        const high = reader.u32()
        return writeText(writer, formatSigned(high, reader.u32()))
      }
      case ZEEK_TAG.count: {
        const high = reader.u32()
        return writeText(writer, formatUnsigned(high, reader.u32()))
      }
      case ZEEK_TAG.port: {
        const high = reader.u32()
        const low = reader.u32()
        skipProtocol(reader)
        return writeText(writer, formatUnsigned(high, low))
      }
      case ZEEK_TAG.double:
      case ZEEK_TAG.interval:
        return writeReal(writer, reader.f64())
      case ZEEK_TAG.time:
        return this.#writeTime(writer, reader.f64())
      case ZEEK_TAG.addr:
      case ZEEK_TAG.subnet:
        return writeText(writer, `"${readNetworkText(reader, tag)}"`)
      default:
        throw unknownType(reader, tag)
    }
  }

  #writeTime(writer: ByteWriter, seconds: number): void {
    writer.ensure(TIME_BYTES)
    const end = this.#putTime(writer.view, writer.length, seconds)
    if (end < 0) writeText(writer, formatTime(this.#timestamps, seconds))
    else writer.length = end
  }
}

/** Numbers that JSON does not have are `null`. */
function writeReal(writer: ByteWriter, value: number): void {
  if (!Number.isFinite(value)) return writeText(writer, 'null')
  writer.ensure(REAL_BYTES)
  writer.length = putReal(writer.view, writer.length, value)
}
