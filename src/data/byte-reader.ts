import { DecodeError } from './decode-error.js'
import { countAt } from './fast-form.js'

/** Names up to this length are remembered. */
const NAME_BYTES = 48
/** Other texts only up to this one: longer ones are seldom the same twice. */
const VALUE_TEXT_BYTES = 16
const CACHE_SLOTS = 4096

/**
 * A cursor over bytes with the primitive encodings of Broker's wire format. One reader is reused for many
 * messages (`reset`); nothing it returns refers to the input unless said so.
 */
export class ByteReader {
  bytes: Buffer = EMPTY
  offset = 0
  end = 0
  /** Over `bytes`. */
  view: DataView = EMPTY_VIEW
  #source: Uint8Array = EMPTY

  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined) this.reset(bytes, 0, bytes.length)
  }

  /** Starts over on `bytes[start, end)`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#source) {
      this.#source = bytes
      this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.offset = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  /** Moves over `count` bytes and returns where they start. Throws `DecodeError` when they are not there. */
  take(count: number): number {
    const offset = this.offset
    if (count > this.end - offset) throw new DecodeError('truncated', 'input ends inside a value', offset)
    this.offset = offset + count
    return offset
  }

  /** Moves over the next byte if it is `tag`; says whether it was. */
  skipTag(tag: number): boolean {
    if (this.offset >= this.end || this.bytes[this.offset] !== tag) return false
    this.offset += 1
    return true
  }

  u8(): number {
    return this.bytes[this.take(1)]!
  }

  u16(): number {
    return this.view.getUint16(this.take(2))
  }

  u32(): number {
    return this.view.getUint32(this.take(4))
  }

  /** The word at `offset`, which the caller knows to be inside the input. Moves nothing. */
  u32At(offset: number): number {
    return this.view.getUint32(offset)
  }

  i32(): number {
    return this.view.getInt32(this.take(4))
  }

  u64(): bigint {
    return countAt(this.view, this.take(8))
  }

  i64(): bigint {
    return this.view.getBigInt64(this.take(8))
  }

  f64(): number {
    return this.view.getFloat64(this.take(8))
  }

  /** Unsigned integer in groups of seven bits; wraps at 32 bits as Broker's reader does. */
  varbyte(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new DecodeError('too-large', 'a length has more than five bytes', this.offset)
  }

  /** A count of elements of at least `minimumBytes` each; more than can be there is an error at once. */
  elementCount(minimumBytes: number): number {
    const count = this.varbyte()
    if (count * minimumBytes > this.end - this.offset) {
      throw new DecodeError('truncated', `${count} elements announced, but the input is shorter`, this.offset)
    }
    return count
  }

  /** A copy of the bytes of a `str`. */
  strBytes(): Uint8Array {
    const length = this.varbyte()
    const start = this.take(length)
    return new Uint8Array(this.bytes.subarray(start, start + length))
  }

  /** A `str` as text; bytes that are not UTF-8 become U+FFFD. */
  str(): string {
    return this.text(this.varbyte())
  }

  /** The next `length` bytes as text; bytes that are not UTF-8 become U+FFFD. */
  text(length: number): string {
    const start = this.take(length)
    return textAt(this.bytes, start, length)
  }

  /** As `text`, for what is always the same few texts: topics and names. */
  name(length: number): string {
    const start = this.take(length)
    if (length <= NAME_BYTES) return cachedText(this.bytes, start, length)
    return this.bytes.utf8Slice(start, start + length)
  }

  skip(count: number): void {
    this.take(count)
  }

  /** Throws when anything is left. */
  expectEnd(): void {
    if (this.offset !== this.end) {
      throw new DecodeError('trailing-bytes', `${this.end - this.offset} bytes left over`, this.offset)
    }
  }
}

const EMPTY = Buffer.alloc(0)
const EMPTY_VIEW = new DataView(new ArrayBuffer(0))

/** Texts up to this length are made from their characters: faster than asking the runtime. */
const MADE_TEXT_BYTES = 32

type MakeText = (bytes: Buffer, start: number) => string

/** For each length a function with that many arguments in one call. */
const MAKE_TEXT: readonly MakeText[] = Array.from({ length: MADE_TEXT_BYTES + 1 }, (_, length) => {
  const names = Array.from({ length }, (_unused, index) => `c${index}`)
  const read = names.map((name, index) => `const ${name} = b[o + ${index}];`)
  const body = `${read.join('')} return (${['0', ...names].join('|')}) < 128 ? f(${names.join(',')}) : b.utf8Slice(o, o + ${length})`
  return new Function('f', `'use strict'; return (b, o) => { ${body} }`)(String.fromCharCode) as MakeText
})

/** The text in `bytes[start, start + length)`; bytes that are not UTF-8 become U+FFFD. */
export function textAt(bytes: Buffer, start: number, length: number): string {
  if (length <= VALUE_TEXT_BYTES) return cachedText(bytes, start, length)
  if (length <= MADE_TEXT_BYTES) return MAKE_TEXT[length]!(bytes, start)
  return bytes.utf8Slice(start, start + length)
}

/**
 * Short texts repeat (names of events, topics, protocols, states), and making a string from bytes costs more than
 * comparing bytes: one slot per hash keeps the last text and its bytes. Memory: at most 4096 short strings.
 */
const cacheTexts: (string | undefined)[] = new Array(CACHE_SLOTS)
const cacheLengths = new Uint8Array(CACHE_SLOTS)
const cacheBytes = new Uint8Array(CACHE_SLOTS * NAME_BYTES)

function cachedText(bytes: Buffer, start: number, length: number): string {
  if (length === 0) return ''
  // A few bytes are enough to tell most texts apart; whether it really is the text is compared below.
  const last = start + length - 1
  const middle = start + (length >> 1)
  const quarter = start + (length >> 2)
  const hash =
    Math.imul(
      bytes[start]! | (bytes[last]! << 8) | (bytes[middle]! << 16) | (bytes[quarter]! << 24),
      0x9e3779b1,
    ) ^ Math.imul(length | (bytes[last - (length >> 2)]! << 8), 0x85ebca6b)
  const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1)
  const cacheStart = slot * NAME_BYTES
  const known = cacheTexts[slot]
  if (known !== undefined && cacheLengths[slot] === length) {
    let index = 0
    while (index < length && cacheBytes[cacheStart + index] === bytes[start + index]) index += 1
    if (index === length) return known
  }
  const text = bytes.utf8Slice(start, start + length)
  cacheTexts[slot] = text
  cacheLengths[slot] = length
  for (let index = 0; index < length; index += 1) cacheBytes[cacheStart + index] = bytes[start + index]!
  return text
}
