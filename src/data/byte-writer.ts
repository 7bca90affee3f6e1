import { EncodeError } from './decode-error.js'

const INITIAL_BYTES = 1024

/** Texts up to this length are written here, character by character: faster than asking the runtime. */
export const SHORT_TEXT_LENGTH = 64

/** Writes ASCII text, by far the most common; false when there is another character in it. */
export function asciiInto(bytes: Uint8Array, offset: number, text: string): boolean {
  const length = text.length
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return false
    bytes[offset + index] = code
  }
  return true
}

/**
 * A growing byte buffer with the primitive encodings of Broker's wire format (spec/broker-protocol.md 0, 1.2).
 * Numbers are big endian. Encoders append; `length` can be set back to undo what was appended.
 */
export class ByteWriter {
  bytes: Buffer
  length = 0
  /** Over `bytes`. */
  view: DataView

  constructor(initial: number | Buffer = INITIAL_BYTES) {
    this.bytes = typeof initial === 'number' ? Buffer.allocUnsafeSlow(initial) : initial
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }

  /** The bytes written so far; a view, valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  /** A copy of the bytes written so far. */
  toBytes(): Uint8Array {
    return Uint8Array.from(this.written())
  }

  /** Goes on in another buffer, from its start. */
  replaceBuffer(bytes: Buffer): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.length = 0
  }

  /** Makes room for `count` more bytes and returns the offset where they go; `length` moves behind them. */
  reserve(count: number): number {
    const offset = this.length
    const end = offset + count
    if (end > this.bytes.length) this.#grow(end)
    this.length = end
    return offset
  }

  /** Makes sure that `count` more bytes have room, without moving. */
  ensure(count: number): void {
    const end = this.length + count
    if (end > this.bytes.length) this.#grow(end)
  }

  u8(value: number): void {
    const offset = this.reserve(1)
    this.bytes[offset] = value
  }

  u16(value: number): void {
    const offset = this.reserve(2)
    this.view.setUint16(offset, value)
  }

  u32(value: number): void {
    const offset = this.reserve(4)
    this.view.setUint32(offset, value)
  }

  /** Overwrites four bytes that were written before. */
  patchU32(offset: number, value: number): void {
    this.view.setUint32(offset, value)
  }

  u64(value: bigint): void {
    const offset = this.reserve(8)
    this.view.setBigUint64(offset, value)
  }

  /** An integer from 0 to 2^53 as 64 bits, without a `bigint`. */
  u64FromNumber(value: number): void {
    const offset = this.reserve(8)
    this.view.setUint32(offset, Math.floor(value / 0x1_0000_0000))
    this.view.setUint32(offset + 4, value)
  }

  /** Four 32-bit words. */
  words(word0: number, word1: number, word2: number, word3: number): void {
    const offset = this.reserve(16)
    const view = this.view
    view.setUint32(offset, word0)
    view.setUint32(offset + 4, word1)
    view.setUint32(offset + 8, word2)
    view.setUint32(offset + 12, word3)
  }

  i64(value: bigint): void {
    const offset = this.reserve(8)
    this.view.setBigInt64(offset, value)
  }

  f64(value: number): void {
    const offset = this.reserve(8)
    this.view.setFloat64(offset, value)
  }

  /** What stands before the body of a value in a log record: type tag, unused subtype, present flag. */
  logHeader(tag: number, present: boolean): void {
    const offset = this.reserve(9)
    this.view.setUint32(offset, tag)
    this.view.setUint32(offset + 4, 0)
    this.bytes[offset + 8] = present ? 1 : 0
  }

  raw(bytes: Uint8Array): void {
    const offset = this.reserve(bytes.length)
    this.bytes.set(bytes, offset)
  }

  /** Copies `bytes[start, end)`. */
  slice(bytes: Uint8Array, start: number, end: number): void {
    const offset = this.reserve(end - start)
    this.bytes.set(bytes.subarray(start, end), offset)
  }

  /** Unsigned integer up to 2^32-1 in groups of seven bits, least significant first. */
  varbyte(value: number): void {
    if (value < 0 || value > 0xffffffff) throw new EncodeError(`a length of ${value} does not fit the format`)
    let rest = value
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.u8(rest)
  }

  /**
   * Varbyte length, then the bytes; text is UTF-8. Throws `EncodeError` for half of a surrogate pair, which UTF-8 does
   * not have.
   */
  str(value: string | Uint8Array): void {
    if (typeof value !== 'string') {
      this.varbyte(value.length)
      this.raw(value)
      return
    }
    const length = value.length
    if (length <= SHORT_TEXT_LENGTH) {
      const start = this.reserve(length + 1)
      this.bytes[start] = length
      if (asciiInto(this.bytes, start + 1, value)) return
      this.length = start
    }
    checkWellFormed(value)
    const byteLength = Buffer.byteLength(value)
    this.varbyte(byteLength)
    const offset = this.reserve(byteLength)
    this.bytes.utf8Write(value, offset, byteLength)
  }

  #grow(atLeast: number): void {
    let capacity = Math.max(this.bytes.length * 2, INITIAL_BYTES)
    while (capacity < atLeast) capacity *= 2
    const bytes = Buffer.allocUnsafeSlow(capacity)
    this.bytes.copy(bytes, 0, 0, this.length)
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

/** Throws `EncodeError` for text with half of a surrogate pair. */
export function checkWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new EncodeError('text with half of a surrogate pair is no UTF-8')
}
