/**
 * From the wire bytes of log records to lines of Zeek's ASCII logs, without building values in between. This is what a
 * busy logger spends its time with: columns of the usual types are printed here with stores of whole words; what is
 * unusual in a column (an escape, a huge number, a container) is left to `AsciiValues`.
 */
import { ByteReader } from '../../data/byte-reader.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { type AsciiOptions, DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { AsciiValues, isNumberText } from './ascii-values.js'
import { OVERRUN_BYTES, putInteger, putIPv4, putSeconds, putWord } from './number-digits.js'
import { forbiddenByte, putPlainText } from './plain-text.js'
import { writeHexEscape } from './text-escapes.js'
import { readRecordStart, usualTags, VALUE_HEADER_BYTES } from './wire-values.js'

const NEWLINE = 0x0a
const LETTER_T = 0x54
const LETTER_F = 0x46
const BACKSLASHES = forbiddenByte('\\')

/**
 * No column that is printed here needs more text than twice its bytes on the wire and this. The longest by comparison
 * are numbers: 17 bytes, 20 digits.
 */
const COLUMN_ROOM = 32
const TWO_32 = 0x1_0000_0000
/** High words of integers that a double holds exactly. */
const EXACT_HIGH_MAX = 0x200000

export class AsciiLines {
  readonly #fields: readonly LogField[]
  readonly #tags: Uint8Array
  readonly #values: AsciiValues
  readonly #metaPrefix: Buffer
  readonly #separator: Buffer
  /** Whether columns may be printed here: not with every separator. */
  readonly #isUsual: boolean
  readonly #separatorByte: number
  /** What texts must not contain besides backslashes, for `putPlainText`. */
  readonly #forbidden: number
  /** The marker of columns without a value as a word, and its length; -1 when it is left to `AsciiValues`. */
  readonly #unsetWord: number
  readonly #unsetLength: number
  /** First bytes of the markers, which texts must not look like; -1 for none. */
  readonly #marker1: number
  readonly #marker2: number
  readonly #reader = new ByteReader()

  constructor(fields: readonly LogField[], options: AsciiOptions = DEFAULT_ASCII_OPTIONS) {
    this.#fields = fields
    this.#tags = usualTags(fields)
    this.#values = new AsciiValues({
      columnSeparators: [options.separator],
      setSeparator: options.setSeparator,
      emptyField: options.emptyField,
      unsetField: options.unsetField,
      keepsUtf8: options.enableUtf8,
    })
    this.#metaPrefix = Buffer.from(options.metaPrefix)
    this.#separator = Buffer.from(options.separator)
    this.#isUsual = isUsualSeparator(options.separator)
    this.#separatorByte = this.#separator[0] ?? 0
    this.#forbidden = this.#isUsual ? forbiddenByte(options.separator) : 0
    const unset = Buffer.from(options.unsetField)
    const isShort = isPlain(unset, this.#separatorByte) && unset.length <= 4
    this.#unsetLength = isShort ? unset.length : -1
    this.#unsetWord = isShort ? Buffer.concat([unset, Buffer.alloc(4)]).readInt32LE() : 0
    this.#marker1 = Buffer.from(options.unsetField)[0] ?? -1
    this.#marker2 = Buffer.from(options.emptyField)[0] ?? -1
  }

  /**
   * Appends the record `bytes[start, end)` as one line. Throws `DecodeError` when it does not have the columns; nothing
   * is appended then.
   */
  write(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
    const lineStart = writer.length
    const reader = this.#reader
    reader.reset(bytes, start, end)
    try {
      readRecordStart(reader, this.#fields)
      if (this.#isUsual) this.#writeColumns(writer, reader)
      else this.#writeColumnsSlowly(writer, reader)
    } catch (error) {
      writer.length = lineStart
      throw error
    }
    this.#guardStart(writer, lineStart)
  }

  #writeColumnsSlowly(writer: ByteWriter, reader: ByteReader): void {
    for (const [index, field] of this.#fields.entries()) {
      if (index > 0) writer.raw(this.#separator)
      this.#values.writeColumn(writer, reader, field)
    }
    writer.u8(NEWLINE)
  }

  /** Every column with a separator behind it, the last of which becomes the end of the line. */
  #writeColumns(writer: ByteWriter, reader: ByteReader): void {
    const { view: source, end } = reader
    const tags = this.#tags
    const separator = this.#separatorByte
    const forbidden = this.#forbidden
    const unsetWord = this.#unsetWord
    const unsetLength = this.#unsetLength
    const marker1 = this.#marker1
    const marker2 = this.#marker2
    const room = 2 * (end - reader.offset) + tags.length * COLUMN_ROOM + OVERRUN_BYTES
    writer.ensure(room)
    let view = writer.view
    let to = writer.length
    let from = reader.offset
    for (let index = 0; index < tags.length; index += 1) {
      const body = from + VALUE_HEADER_BYTES
      let columnEnd = -1
      if (body <= end) {
        const tag = tags[index]!
        if (source.getUint8(body - 1) === 0) {
          if (unsetLength >= 0) {
            view.setInt32(to, unsetWord, true)
            columnEnd = to + unsetLength
            from = body
          }
        } else if (source.getUint32(from) === tag) {
          // The tags of `ZEEK_TAG` as plain numbers: only so is this a table of jumps. In this order: texts (string,
          // enum, func, file), count, int, port, seconds (time, interval), addr, bool.
          switch (tag) {
            case 7:
            case 9:
            case 17:
            case 18: {
              const text = body + 4
              if (text > end) break
              const textEnd = text + source.getUint32(body)
              if (textEnd > end || text === textEnd) break
              const first = source.getUint8(text)
              if (first === marker1 || first === marker2) break
              columnEnd = putPlainText(view, to, source, text, textEnd, BACKSLASHES, forbidden)
              if (columnEnd >= 0) from = textEnd
              break
            }
            case 3: {
              if (body + 8 > end) break
              const high = source.getUint32(body)
              const low = source.getUint32(body + 4)
              if (high === 0) columnEnd = putWord(view, to, low)
              else if (high < EXACT_HIGH_MAX) columnEnd = putInteger(view, to, high * TWO_32 + low)
              else break
              from = body + 8
              break
            }
            case 2: {
              if (body + 8 > end || source.getUint32(body) !== 0) break
              columnEnd = putWord(view, to, source.getUint32(body + 4))
              from = body + 8
              break
            }
            case 10: {
              if (body + 12 > end || source.getUint32(body) !== 0 || source.getUint32(body + 8) > 3) break
              columnEnd = putWord(view, to, source.getUint32(body + 4))
              from = body + 12
              break
            }
            case 5:
            case 6: {
              if (body + 8 > end) break
              const seconds = source.getFloat64(body)
              // Zero may be a negative one, which has a sign.
              if (!(seconds > 0 && seconds < TWO_32)) break
              columnEnd = putSeconds(view, to, seconds)
              if (columnEnd >= 0) from = body + 8
              break
            }
            case 11: {
              if (body + 5 > end || source.getUint8(body) !== 4) break
              columnEnd = putIPv4(view, to, source.getUint32(body + 1))
              from = body + 5
              break
            }
            case 1: {
              if (body + 8 > end) break
              const isFalse = (source.getUint32(body) | source.getUint32(body + 4)) === 0
              view.setUint8(to, isFalse ? LETTER_F : LETTER_T)
              columnEnd = to + 1
              from = body + 8
            }
          }
        }
      }
      if (columnEnd < 0) {
        writer.length = to
        reader.offset = from
        this.#values.writeColumn(writer, reader, this.#fields[index]!)
        columnEnd = writer.length
        from = reader.offset
        writer.ensure(room)
        view = writer.view
      }
      view.setUint8(columnEnd, separator)
      to = columnEnd + 1
    }
    writer.length = to
    if (tags.length === 0) writer.u8(NEWLINE)
    else view.setUint8(to - 1, NEWLINE)
  }

  /** Gives a line that looks like one of the header another first byte. */
  #guardStart(writer: ByteWriter, lineStart: number): void {
    const { bytes } = writer
    const prefix = this.#metaPrefix
    for (let index = 0; index < prefix.length; index += 1) {
      if (bytes[lineStart + index] !== prefix[index]) return
    }
    const line = Buffer.from(bytes.subarray(lineStart + 1, writer.length))
    const first = bytes[lineStart]!
    writer.length = lineStart
    writeHexEscape(writer, first)
    writer.raw(line)
  }
}

/** Whether a separator is one byte that only texts can contain. */
function isUsualSeparator(separator: string): boolean {
  return Buffer.byteLength(separator) === 1 && separator !== '\\' && !isNumberText(separator)
}

function isPlain(text: Uint8Array, separator: number): boolean {
  return text.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x5c && byte !== separator)
}
