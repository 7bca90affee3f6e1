/**
 * A reader of JSON that keeps what `JSON.parse` loses: all digits of numbers, where things stand and, when it is
 * tolerant, bytes that are no text. Time and memory grow with the length of the text, nesting is limited.
 */
import { isUtf8 } from 'node:buffer'
import { ByteWriter } from './byte-writer.js'
import { DecodeError, type DecodeErrorCode } from './decode-error.js'
import { MAX_DEPTH } from './value-check.js'

/** A parsed document. Strings that are not UTF-8 are bytes; only a tolerant reader lets them pass. */
export type Json = null | boolean | string | Uint8Array | JsonNumber | readonly Json[] | JsonObject

/** A number as it was written. Of a tolerant reader also `inf`, `-inf`, `nan`. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Names and values; of several members with the same name the last one. */
export class JsonObject {
  /** Where it starts in the text, in bytes. */
  readonly offset: number
  readonly members: ReadonlyMap<string, Json>

  constructor(offset: number, members: ReadonlyMap<string, Json>) {
    this.offset = offset
    this.members = members
  }

  get(name: string): Json | undefined {
    return this.members.get(name)
  }
}

export interface JsonOptions {
  /**
   * Also takes what Zeek writes but JSON does not have: control characters and bytes that are not UTF-8 in strings,
   * `\v`, and the numbers `inf`, `-inf` and `nan` (spec/broker-protocol.md 9.1).
   */
  readonly tolerant?: boolean
}

/** One level of nesting of a value is up to three of JSON: an entry of a table in its array in its object. */
const MAX_JSON_DEPTH = 3 * MAX_DEPTH + 3

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const ZEEK_NUMBER = /^-?(?:inf|nan)$/

/** What stands behind a backslash, and what it means. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning.charCodeAt(0)],
  ),
)
const VERTICAL_TAB = 0x0b
const LETTER_U = 0x75
const LETTER_V = 0x76

/** Reads one JSON document. Throws `DecodeError`; offsets count bytes. */
export function parseJson(text: string | Uint8Array, options: JsonOptions = {}): Json {
  if (typeof text === 'string' && !text.isWellFormed()) {
    throw new DecodeError('invalid-message', 'half of a surrogate pair', 0)
  }
  const reader = new JsonReader(Buffer.from(text as Uint8Array), options.tolerant === true)
  const document = reader.read(0)
  reader.expectEnd()
  return document
}

class JsonReader {
  readonly #bytes: Buffer
  readonly #tolerant: boolean
  #offset = 0

  constructor(bytes: Buffer, tolerant: boolean) {
    this.#bytes = bytes
    this.#tolerant = tolerant
  }

  expectEnd(): void {
    if (this.#next() !== undefined) throw this.#error('text behind the document', 'trailing-bytes')
  }

  read(depth: number): Json {
    if (depth > MAX_JSON_DEPTH) throw this.#error('nested too deep', 'too-deep')
    switch (this.#next()) {
      case 0x7b:
        return this.#readObject(depth)
      case 0x5b:
        return this.#readArray(depth)
      case QUOTE:
        return this.#readString()
      default:
        return this.#readWord()
    }
  }

  #readObject(depth: number): JsonObject {
    const start = this.#offset
    const members = new Map<string, Json>()
    this.#readList(0x7d, () => {
      if (this.#next() !== QUOTE) throw this.#unexpected('the name of a member')
      const name = this.#readString()
      if (this.#next() !== COLON) throw this.#unexpected('a colon')
      this.#offset += 1
      members.set(typeof name === 'string' ? name : Buffer.from(name).toString(), this.read(depth + 1))
    })
    return new JsonObject(start, members)
  }

  #readArray(depth: number): readonly Json[] {
    const elements: Json[] = []
    this.#readList(0x5d, () => elements.push(this.read(depth + 1)))
    return elements
  }

  #readList(end: number, readItem: () => void): void {
    this.#offset += 1
    if (this.#next() === end) {
      this.#offset += 1
      return
    }
    for (;;) {
      readItem()
      const separator = this.#next()
      if (separator !== end && separator !== COMMA) throw this.#unexpected('a comma or the end of the list')
      this.#offset += 1
      if (separator === end) return
    }
  }

  #readWord(): Json {
    const bytes = this.#bytes
    const start = this.#offset
    let end = start
    while (end < bytes.length && isWordByte(bytes[end]!)) end += 1
    const word = bytes.latin1Slice(start, end)
    if (word === 'true' || word === 'false' || word === 'null' || isNumber(word, this.#tolerant)) {
      this.#offset = end
      if (word === 'null') return null
      return word === 'true' || word === 'false' ? word === 'true' : new JsonNumber(word)
    }
    throw this.#unexpected('a value')
  }

  /** The text, or the bytes when they are none. */
  #readString(): string | Uint8Array {
    const bytes = this.#bytes
    const start = this.#offset + 1
    let end = start
    let isPlain = true
    for (; bytes[end] !== QUOTE; end += 1) {
      const byte = bytes[end]
      if (byte === BACKSLASH) {
        isPlain = false
        end += 1
      } else if (byte !== undefined && byte < 0x20 && !this.#tolerant) {
        throw this.#error('a control character in a string', 'invalid-message', end)
      }
      if (end >= bytes.length) throw this.#error('the text ends inside a string', 'truncated', bytes.length)
    }
    const content = isPlain ? bytes.subarray(start, end) : this.#unescape(start, end)
    this.#offset = end + 1
    if (isUtf8(content)) return content.utf8Slice(0, content.length)
    if (this.#tolerant) return Uint8Array.from(content)
    throw this.#error('a string that is not UTF-8', 'invalid-message', start)
  }

  #unescape(start: number, end: number): Buffer {
    const bytes = this.#bytes
    const writer = new ByteWriter(end - start)
    let offset = start
    while (offset < end) {
      const next = bytes.indexOf(BACKSLASH, offset)
      const plainEnd = next < 0 || next > end ? end : next
      writer.raw(bytes.subarray(offset, plainEnd))
      if (plainEnd === end) break
      offset = this.#unescapeOne(plainEnd, end, writer)
    }
    return writer.bytes.subarray(0, writer.length)
  }

  /** Handles the escape at `offset`; returns where it ends. */
  #unescapeOne(offset: number, end: number, writer: ByteWriter): number {
    const letter = this.#bytes[offset + 1]!
    const meaning = letter === LETTER_V && this.#tolerant ? VERTICAL_TAB : ESCAPES.get(letter)
    if (meaning !== undefined) {
      writer.u8(meaning)
      return offset + 2
    }
    if (letter !== LETTER_U) throw this.#error('an unknown escape', 'invalid-message', offset)
    const unit = this.#codeUnit(offset, end)
    if (unit < 0xd800 || unit > 0xdfff) {
      writer.raw(Buffer.from(String.fromCharCode(unit)))
      return offset + 6
    }
    const isPair =
      unit < 0xdc00 && this.#bytes[offset + 6] === BACKSLASH && this.#bytes[offset + 7] === LETTER_U
    const second = isPair ? this.#codeUnit(offset + 6, end) : 0
    if (second < 0xdc00 || second > 0xdfff) {
      throw this.#error('half of a surrogate pair', 'invalid-message', offset)
    }
    writer.raw(Buffer.from(String.fromCharCode(unit, second)))
    return offset + 12
  }

  #codeUnit(offset: number, end: number): number {
    const digits = this.#bytes.latin1Slice(offset + 2, Math.min(offset + 6, end))
    if (!/^[\da-fA-F]{4}$/.test(digits)) throw this.#error('not four hex digits', 'invalid-message', offset)
    return Number.parseInt(digits, 16)
  }

  /** Moves over blanks; the byte behind, or undefined at the end. */
  #next(): number | undefined {
    const bytes = this.#bytes
    for (;;) {
      const byte = bytes[this.#offset]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.#offset += 1
    }
  }

  #unexpected(expected: string): DecodeError {
    return this.#offset < this.#bytes.length
      ? this.#error(`not valid JSON: expected ${expected}`)
      : this.#error(`not valid JSON: the text ends where ${expected} should be`, 'truncated')
  }

  #error(
    message: string,
    code: DecodeErrorCode = 'invalid-message',
    offset: number = this.#offset,
  ): DecodeError {
    return new DecodeError(code, message, offset)
  }
}

function isNumber(word: string, tolerant: boolean): boolean {
  return NUMBER.test(word) || (tolerant && ZEEK_NUMBER.test(word))
}

/** Digits, ASCII letters, `+`, `-` and `.`: what numbers and names of constants consist of. */
function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}
