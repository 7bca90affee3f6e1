/**
 * JSON of log lines: one object whose values have no parts but for arrays of such. Not `JSON.parse`, because integers
 * have 64 bits and doubles need their digits.
 */
import { LogReadError } from './log-read-error.js'

export type JsonToken =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** Its digits. */
  | { readonly kind: 'number'; readonly text: string }
  /** `source`: as it stands there, with its quotes. */
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly source: Uint8Array }
  | { readonly kind: 'array'; readonly elements: readonly JsonToken[] }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20
/** What a number or word may consist of. */
const WORD = /^[-+.0-9a-zA-Z]$/
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/

export class JsonTokens {
  readonly #bytes: Buffer
  #offset = 0

  constructor(line: Uint8Array) {
    this.#bytes = Buffer.from(line.buffer, line.byteOffset, line.length)
  }

  /** The whole line. Throws `LogReadError`. */
  object(): ReadonlyMap<string, JsonToken> {
    const values = new Map<string, JsonToken>()
    this.#expect(OPEN_OBJECT)
    if (!this.#skip(CLOSE_OBJECT)) {
      do {
        const name = Buffer.from(this.#text().bytes).toString()
        this.#expect(COLON)
        values.set(name, this.#value(true))
      } while (this.#skip(COMMA))
      this.#expect(CLOSE_OBJECT)
    }
    this.#skipSpace()
    if (this.#offset !== this.#bytes.length) throw this.#fault('something behind the object')
    return values
  }

  #value(allowsArray: boolean): JsonToken {
    this.#skipSpace()
    const byte = this.#bytes[this.#offset]
    if (byte === QUOTE) return this.#text()
    if (byte === OPEN_ARRAY && allowsArray) return this.#array()
    const start = this.#offset
    while (WORD.test(String.fromCharCode(this.#bytes[this.#offset] ?? 0))) this.#offset += 1
    const word = this.#bytes.toString('latin1', start, this.#offset)
    if (word === 'null') return { kind: 'null' }
    if (word === 'true' || word === 'false') return { kind: 'bool', value: word === 'true' }
    if (!NUMBER.test(word)) throw this.#fault('no value')
    return { kind: 'number', text: word }
  }

  #array(): JsonToken {
    this.#expect(OPEN_ARRAY)
    const elements: JsonToken[] = []
    if (!this.#skip(CLOSE_ARRAY)) {
      do elements.push(this.#value(false))
      while (this.#skip(COMMA))
      this.#expect(CLOSE_ARRAY)
    }
    return { kind: 'array', elements }
  }

  #text(): JsonToken & { readonly kind: 'text' } {
    this.#skipSpace()
    const start = this.#offset
    this.#expect(QUOTE)
    let end = this.#offset
    while (end < this.#bytes.length && this.#bytes[end] !== QUOTE)
      end += this.#bytes[end] === BACKSLASH ? 2 : 1
    if (end >= this.#bytes.length) throw this.#fault('a text without an end')
    const source = this.#bytes.subarray(start, end + 1)
    this.#offset = end + 1
    // Zeek's texts are UTF-8; those of others may not be, and would be changed by being decoded.
    const hasEscapes = source.includes(BACKSLASH)
    return { kind: 'text', bytes: hasEscapes ? this.#decoded(source) : source.subarray(1, -1), source }
  }

  #decoded(source: Buffer): Uint8Array {
    try {
      return Buffer.from(JSON.parse(source.toString()) as string)
    } catch {
      throw this.#fault('a text with an escape that there is not')
    }
  }

  #expect(byte: number): void {
    if (!this.#skip(byte)) throw this.#fault(`no '${String.fromCharCode(byte)}'`)
  }

  #skip(byte: number): boolean {
    this.#skipSpace()
    if (this.#bytes[this.#offset] !== byte) return false
    this.#offset += 1
    return true
  }

  #skipSpace(): void {
    while (this.#bytes[this.#offset] === SPACE) this.#offset += 1
  }

  #fault(what: string): LogReadError {
    return new LogReadError('bad-log-line', `the line is no JSON: ${what} at byte ${this.#offset}`)
  }
}
