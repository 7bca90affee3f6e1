/**
 * Single values as Zeek's ASCII writer prints them, with any options (spec/cluster-framework.md 6.6). `AsciiLines`
 * prints most values itself, faster; the SQLite writer has this for its sets and vectors.
 */
import type { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import { formatDouble, formatSeconds, formatSigned, formatUnsigned, writeText } from './ascii-number.js'
import { TextEscapes, writeHexEscape } from './text-escapes.js'
import {
  isContainer,
  readColumnStart,
  readElementCount,
  readElementStart,
  readNetworkText,
  skipProtocol,
  unknownType,
} from './wire-values.js'

export interface AsciiValueOptions {
  /** Separators between columns: they are escaped in values. */
  readonly columnSeparators: readonly string[]
  readonly setSeparator: string
  readonly emptyField: string
  readonly unsetField: string
  readonly keepsUtf8: boolean
}

/** What differs between a value of its own and one in a container. */
interface Place {
  readonly escapes: TextEscapes
  readonly unset: Buffer
  readonly empty: Buffer
  /** Whether a separator can stand in a number or address. */
  readonly escapesNumbers: boolean
}

/** Whether a text can be a part of a number, a truth value or an address. */
export function isNumberText(text: string): boolean {
  return /^[0-9a-fA-FinT.:/+-]*$/.test(text)
}

export class AsciiValues {
  readonly #setSeparator: Buffer
  readonly #markers: readonly Buffer[]
  readonly #column: Place
  readonly #element: Place

  constructor(options: AsciiValueOptions) {
    this.#setSeparator = Buffer.from(options.setSeparator)
    this.#markers = [Buffer.from(options.unsetField), Buffer.from(options.emptyField)]
    this.#column = placeOf(options, options.columnSeparators)
    this.#element = placeOf(options, [...options.columnSeparators, options.setSeparator])
  }

  /** Appends the column at the reader. Throws `DecodeError` when it does not have the field's type. */
  writeColumn(writer: ByteWriter, reader: ByteReader, field: LogField): void {
    if (!readColumnStart(reader, field)) writer.raw(this.#column.unset)
    else if (isContainer(field.tag)) this.writeElements(writer, reader)
    else this.#writeScalar(writer, reader, field.tag, this.#column)
  }

  /** Appends the elements of a set or vector; the reader stands behind its header. */
  writeElements(writer: ByteWriter, reader: ByteReader): void {
    const size = readElementCount(reader)
    if (size === 0) return writer.raw(this.#column.empty)
    const place = this.#element
    for (let index = 0; index < size; index += 1) {
      if (index > 0) writer.raw(this.#setSeparator)
      const tag = readElementStart(reader)
      if (tag === undefined) writer.raw(place.unset)
      else this.#writeScalar(writer, reader, tag, place)
    }
  }

  #writeScalar(writer: ByteWriter, reader: ByteReader, tag: number, place: Place): void {
    switch (tag) {
      case ZEEK_TAG.string:
      case ZEEK_TAG.enum:
      case ZEEK_TAG.func:
      case ZEEK_TAG.file: {
        const length = reader.u32()
        const start = reader.take(length)
        return this.#writeString(writer, reader.bytes, start, start + length, place)
      }
      default: {
        const text = numberText(reader, tag)
        if (place.escapesNumbers) place.escapes.write(writer, Buffer.from(text), 0, text.length)
        else writeText(writer, text)
      }
    }
  }

  #writeString(writer: ByteWriter, bytes: Buffer, start: number, end: number, place: Place): void {
    if (start === end) return writer.raw(place.empty)
    let from = start
    if (this.#isMarker(bytes, start, end)) {
      writeHexEscape(writer, bytes[start]!)
      from += 1
    }
    place.escapes.write(writer, bytes, from, end)
  }

  /** Whether a text looks like a marker, so that it has to look different. */
  #isMarker(bytes: Buffer, start: number, end: number): boolean {
    return this.#markers.some(
      (marker) =>
        marker.length === end - start && marker.every((byte, offset) => bytes[start + offset] === byte),
    )
  }
}

/** Text of a value that is neither a string nor a container. */
function numberText(reader: ByteReader, tag: number): string {
  switch (tag) {
    case ZEEK_TAG.bool: {
      const high = reader.u32()
      return (high | reader.u32()) === 0 ? 'F' : 'T'
    }
    case ZEEK_TAG.int: {
      const high = reader.u32()
      return formatSigned(high, reader.u32())
    }
    case ZEEK_TAG.count: {
      const high = reader.u32()
      return formatUnsigned(high, reader.u32())
    }
    case ZEEK_TAG.double:
      return formatDouble(reader.f64())
    case ZEEK_TAG.time:
    case ZEEK_TAG.interval: {
      const isNegative = reader.u32() >= 0x80000000
      reader.offset -= 4
      const seconds = reader.f64()
      // Zeek tells the two apart here.
      return Number.isNaN(seconds) && isNegative ? '-nan' : formatSeconds(seconds)
    }
    case ZEEK_TAG.port: {
      const high = reader.u32()
      const low = reader.u32()
      skipProtocol(reader)
      return formatUnsigned(high, low)
    }
    case ZEEK_TAG.addr:
    case ZEEK_TAG.subnet:
      return readNetworkText(reader, tag)
    default:
      throw unknownType(reader, tag)
  }
}

function placeOf(options: AsciiValueOptions, separators: readonly string[]): Place {
  const escapes = new TextEscapes(separators, options.keepsUtf8)
  const escaped = (text: string): Buffer => {
    const writer = new ByteWriter(64)
    const bytes = Buffer.from(text)
    escapes.write(writer, bytes, 0, bytes.length)
    return Buffer.from(writer.toBytes())
  }
  return {
    escapes,
    unset: escaped(options.unsetField),
    empty: escaped(options.emptyField),
    escapesNumbers: separators.some(isNumberText),
  }
}
