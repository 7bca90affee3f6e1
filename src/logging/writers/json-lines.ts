/**
 * From the wire bytes of log records to lines of Zeek's JSON logs (spec/cluster-framework.md 6.7), without building
 * values in between. As in `ascii-lines.ts`, what is usual is printed here with stores of whole words, and the rest is
 * left to `JsonValues`.
 */
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { type AsciiOptions, DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { writeJsonString } from './json-text.js'
import { type TimeWriter, timeWriter } from './json-time.js'
import { JsonValues } from './json-values.js'
import { OVERRUN_BYTES, putInteger, putIPv4, putWord } from './number-digits.js'
import { forbiddenByte, putPlainText } from './plain-text.js'
import { putReal, REAL_BYTES } from './shortest-real.js'
import { readRecordStart, usualTags, VALUE_HEADER_BYTES } from './wire-values.js'

const NEWLINE = 0x0a
const QUOTE = 0x22
const OPEN = 0x7b
const CLOSE = 0x7d
/** `null`, `true` and `fals` as words. */
const WORD_NULL = 0x6e756c6c
const WORD_TRUE = 0x74727565
const WORD_FALS = 0x66616c73
const LETTER_E = 0x65
const QUOTES = forbiddenByte('"')
const BACKSLASHES = forbiddenByte('\\')

/** Besides its key, no column that is printed here needs more text than twice its bytes on the wire and this. */
const COLUMN_ROOM = REAL_BYTES
const TWO_32 = 0x1_0000_0000
/** High words of integers that a double holds exactly. */
const EXACT_HIGH_MAX = 0x200000
/** Keys are copied in doubles, eight bytes at a time. */
const KEY_WORD = 8

export class JsonLines {
  readonly #fields: readonly LogField[]
  readonly #tags: Uint8Array
  readonly #values: JsonValues
  readonly #putTime: TimeWriter
  readonly #includesUnset: boolean
  /** All keys one after the other, each with the comma before it and the colon behind it, filled up to whole words. */
  readonly #keys: Float64Array
  /** For each key its first word, with an end; and its length. */
  readonly #keyWords: Uint32Array
  readonly #keyLengths: Uint32Array
  readonly #keyRoom: number
  readonly #reader = new ByteReader()

  constructor(fields: readonly LogField[], options: AsciiOptions = DEFAULT_ASCII_OPTIONS) {
    this.#fields = fields
    this.#tags = usualTags(fields)
    this.#putTime = timeWriter(options.jsonTimestamps)
    this.#values = new JsonValues(options, this.#putTime)
    this.#includesUnset = options.jsonIncludeUnsetFields
    const keys = fields.map(({ name }) => keyOf(name))
    this.#keyLengths = Uint32Array.from(keys, (key) => key.length)
    const words = keys.map((key) => Math.ceil(key.length / KEY_WORD))
    this.#keyWords = new Uint32Array(keys.length + 1)
    for (const [index, count] of words.entries()) this.#keyWords[index + 1] = this.#keyWords[index]! + count
    const bytes = new Uint8Array(this.#keyWords[keys.length]! * KEY_WORD)
    for (const [index, key] of keys.entries()) bytes.set(key, this.#keyWords[index]! * KEY_WORD)
    this.#keyRoom = bytes.length
    const view = new DataView(bytes.buffer)
    this.#keys = Float64Array.from({ length: bytes.length / KEY_WORD }, (_, index) =>
      view.getFloat64(index * KEY_WORD),
    )
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
      this.#writeColumns(writer, reader)
    } catch (error) {
      writer.length = lineStart
      throw error
    }
    // Every column begins with a comma; the first one becomes the start of the object.
    if (writer.length === lineStart) writer.u8(OPEN)
    else writer.bytes[lineStart] = OPEN
    writer.u8(CLOSE)
    writer.u8(NEWLINE)
  }

  #writeColumns(writer: ByteWriter, reader: ByteReader): void {
    const { view: source, end } = reader
    const tags = this.#tags
    const keys = this.#keys
    const keyWords = this.#keyWords
    const keyLengths = this.#keyLengths
    const includesUnset = this.#includesUnset
    const putTime = this.#putTime
    const room = this.#keyRoom + 2 * (end - reader.offset) + tags.length * COLUMN_ROOM + OVERRUN_BYTES
    writer.ensure(room)
    let view = writer.view
    let to = writer.length
    let from = reader.offset
    for (let index = 0; index < tags.length; index += 1) {
      const body = from + VALUE_HEADER_BYTES
      const isSet = body > end || source.getUint8(body - 1) !== 0
      if (!isSet && !includesUnset) {
        from = body
        continue
      }
      let keyTo = to
      for (let word = keyWords[index]!; word < keyWords[index + 1]!; word += 1) {
        view.setFloat64(keyTo, keys[word]!)
        keyTo += KEY_WORD
      }
      to += keyLengths[index]!
      let columnEnd = -1
      if (!isSet) {
        view.setUint32(to, WORD_NULL)
        columnEnd = to + 4
        from = body
      } else if (body <= end && source.getUint32(from) === tags[index]!) {
        // The tags of `ZEEK_TAG` as plain numbers: only so is this a table of jumps. In this order: texts (string, enum,
        // func, file), count, int, port, reals (double, interval), time, addr, bool.
        switch (tags[index]!) {
          case 7:
          case 9:
          case 17:
          case 18: {
            const text = body + 4
            if (text > end) break
            const textEnd = text + source.getUint32(body)
            if (textEnd > end || text === textEnd) break
            view.setUint8(to, QUOTE)
            columnEnd = putPlainText(view, to + 1, source, text, textEnd, BACKSLASHES, QUOTES)
            if (columnEnd < 0) break
            view.setUint8(columnEnd, QUOTE)
            columnEnd += 1
            from = textEnd
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
          case 2:
            if (body + 8 > end || source.getUint32(body) !== 0) break
            columnEnd = putWord(view, to, source.getUint32(body + 4))
            from = body + 8
            break
          case 10:
            if (body + 12 > end || source.getUint32(body) !== 0 || source.getUint32(body + 8) > 3) break
            columnEnd = putWord(view, to, source.getUint32(body + 4))
            from = body + 12
            break
          case 4:
          case 6: {
            if (body + 8 > end) break
            const value = source.getFloat64(body)
            if (!Number.isFinite(value)) break
            columnEnd = putReal(view, to, value)
            from = body + 8
            break
          }
          case 5:
            if (body + 8 > end) break
            columnEnd = putTime(view, to, source.getFloat64(body))
            if (columnEnd >= 0) from = body + 8
            break
          case 11:
            if (body + 5 > end || source.getUint8(body) !== 4) break
            view.setUint8(to, QUOTE)
            columnEnd = putIPv4(view, to + 1, source.getUint32(body + 1))
            view.setUint8(columnEnd, QUOTE)
            columnEnd += 1
            from = body + 5
            break
          case 1:
            if (body + 8 > end) break
            if ((source.getUint32(body) | source.getUint32(body + 4)) === 0) {
              view.setUint32(to, WORD_FALS)
              view.setUint8(to + 4, LETTER_E)
              columnEnd = to + 5
            } else {
              view.setUint32(to, WORD_TRUE)
              columnEnd = to + 4
            }
            from = body + 8
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
      to = columnEnd
    }
    writer.length = to
  }
}

/**
 * `,"name":`. A delete character becomes an escape, other than in Zeek: nothing else could make a word of it, read as a
 * double, a NaN, which need not stay as it is.
 */
function keyOf(name: string): Uint8Array {
  const writer = new ByteWriter(64)
  writeJsonString(writer, Buffer.from(name))
  const text = Buffer.from(writer.written()).toString().replaceAll('\x7f', '\\u007f')
  return Buffer.from(`,${text}:`)
}
