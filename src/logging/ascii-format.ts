/**
 * From the wire bytes of a log record (spec/broker-protocol.md 6.6) to one line of Zeek's ASCII log, without
 * building values in between. Escaping and markers: spec/cluster-framework.md 6.6.
 */
import { isUtf8 } from 'node:buffer'
import { Address } from '../data/address.js'
import { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import type { LogField } from '../data/log-messages.js'
import { ZEEK_TAG } from '../data/types.js'
import { writeDouble, writeSeconds, writeSigned, writeText, writeUnsigned } from './ascii-number.js'

const TAB = 0x09
const COMMA = 0x2c
const BACKSLASH = 0x5c
const UNSET = '-'
const EMPTY = '(empty)'
const META_PREFIX = 0x23
const NEWLINE = 0x0a
const HEX = Buffer.from('0123456789abcdef')

/** Appends lines of text to a writer. One formatter serves all files of a logger. */
export class AsciiFormatter {
  readonly #reader = new ByteReader()

  /**
   * Appends the record `bytes[start, end)` as one line. Throws `DecodeError` when it does not have these fields;
   * nothing is appended then.
   */
  formatLine(
    writer: ByteWriter,
    fields: readonly LogField[],
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const lineStart = writer.length
    const reader = this.#reader
    reader.reset(bytes, start, end)
    try {
      const count = reader.u32()
      if (count !== fields.length) {
        throw new DecodeError(
          'type-mismatch',
          `a record of ${count} values for ${fields.length} columns`,
          start,
        )
      }
      for (let index = 0; index < count; index += 1) {
        if (index > 0) writer.u8(TAB)
        this.#formatField(writer, fields[index]!)
      }
    } catch (error) {
      writer.length = lineStart
      throw error
    }
    // A data line must not look like a comment.
    if (writer.bytes[lineStart] === META_PREFIX) {
      const line = Buffer.from(writer.bytes.subarray(lineStart + 1, writer.length))
      writer.length = lineStart
      writeEscaped(writer, META_PREFIX)
      writer.raw(line)
    }
    writer.u8(NEWLINE)
  }

  #formatField(writer: ByteWriter, field: LogField): void {
    const reader = this.#reader
    const tag = reader.u32()
    reader.skip(4)
    if (reader.u8() === 0) return writeText(writer, UNSET)
    if (tag !== field.tag) {
      throw new DecodeError(
        'type-mismatch',
        `column ${field.name} has type ${field.tag}, not ${tag}`,
        reader.offset,
      )
    }
    if (tag === ZEEK_TAG.table || tag === ZEEK_TAG.vector) return this.#formatContainer(writer)
    this.#formatScalar(writer, tag, false)
  }

  #formatContainer(writer: ByteWriter): void {
    const reader = this.#reader
    const size = Number(reader.i64())
    if (size === 0) return writeText(writer, EMPTY)
    // An element takes at least nine bytes: header and present flag.
    if (size < 0 || size * 9 > reader.remaining) {
      throw new DecodeError(
        'truncated',
        `${size} elements announced, but the record is shorter`,
        reader.offset,
      )
    }
    for (let index = 0; index < size; index += 1) {
      if (index > 0) writer.u8(COMMA)
      const tag = reader.u32()
      reader.skip(4)
      if (reader.u8() === 0) writeText(writer, UNSET)
      else this.#formatScalar(writer, tag, true)
    }
  }

  #formatScalar(writer: ByteWriter, tag: number, inContainer: boolean): void {
    const reader = this.#reader
    switch (tag) {
      case ZEEK_TAG.bool: {
        reader.skip(4)
        return writer.u8(reader.u32() === 0 ? 0x46 : 0x54)
      }
      case ZEEK_TAG.int: {
        const high = reader.u32()
        return writeSigned(writer, high, reader.u32())
      }
      case ZEEK_TAG.count: {
        const high = reader.u32()
        return writeUnsigned(writer, high, reader.u32())
      }
      case ZEEK_TAG.double:
        return writeDouble(writer, reader.f64())
      case ZEEK_TAG.time:
      case ZEEK_TAG.interval:
        return writeSeconds(writer, reader.f64())
      case ZEEK_TAG.string:
      case ZEEK_TAG.enum:
      case ZEEK_TAG.func:
      case ZEEK_TAG.file: {
        const length = reader.u32()
        const start = reader.take(length)
        return this.#formatText(writer, reader.bytes, start, start + length, inContainer)
      }
      case ZEEK_TAG.port: {
        const high = reader.u32()
        const low = reader.u32()
        if (reader.u32() > 3) throw new DecodeError('invalid-tag', 'unknown port protocol', reader.offset - 4)
        return writeUnsigned(writer, high, low)
      }
      case ZEEK_TAG.addr:
        this.#formatAddress(writer)
        return
      case ZEEK_TAG.subnet: {
        const length = reader.u8()
        const isIPv4 = this.#formatAddress(writer)
        writer.u8(0x2f)
        return writeUnsigned(writer, 0, isIPv4 ? length - 96 : length)
      }
      default:
        throw new DecodeError('invalid-tag', `type ${tag} cannot be logged`, reader.offset)
    }
  }

  /** Returns whether it was an IPv4 address. */
  #formatAddress(writer: ByteWriter): boolean {
    const reader = this.#reader
    const family = reader.u8()
    if (family === 4) {
      const offset = reader.take(4)
      for (let index = 0; index < 4; index += 1) {
        if (index > 0) writer.u8(0x2e)
        writeUnsigned(writer, 0, reader.bytes[offset + index]!)
      }
      return true
    }
    if (family !== 6)
      throw new DecodeError('invalid-tag', `unknown address family ${family}`, reader.offset - 1)
    writeText(writer, Address.fromBytes(reader.bytes, reader.take(16)).toString())
    return false
  }

  #formatText(writer: ByteWriter, bytes: Buffer, start: number, end: number, inContainer: boolean): void {
    if (start === end) return writeText(writer, EMPTY)
    let plain = true
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!
      if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH || byte === COMMA) {
        plain = false
        break
      }
    }
    if (isReserved(bytes, start, end)) {
      writeEscaped(writer, bytes[start]!)
      return writer.raw(bytes.subarray(start + 1, end))
    }
    if (plain) return writer.raw(bytes.subarray(start, end))
    // A text keeps its multi-byte characters only when all of it is valid UTF-8.
    const keepHighBytes = isUtf8(bytes.subarray(start, end))
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!
      if (byte === BACKSLASH) writeText(writer, '\\\\')
      else if (
        byte >= 0x80 ? !keepHighBytes : byte < 0x20 || byte === 0x7f || (inContainer && byte === COMMA)
      ) {
        writeEscaped(writer, byte)
      } else writer.u8(byte)
    }
  }
}

/** A text that equals a marker gets its first byte escaped. */
function isReserved(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start]
  if (first === 0x2d) return end - start === 1
  return first === 0x28 && end - start === EMPTY.length && bytes.latin1Slice(start, end) === EMPTY
}

function writeEscaped(writer: ByteWriter, byte: number): void {
  const offset = writer.reserve(4)
  writer.bytes[offset] = BACKSLASH
  writer.bytes[offset + 1] = 0x78
  writer.bytes[offset + 2] = HEX[byte >>> 4]!
  writer.bytes[offset + 3] = HEX[byte & 15]!
}
