import type { ByteReader } from './byte-reader.js'

/**
 * The bytes that a message started with. Messages of one kind come in long runs and start alike: comparing is much
 * cheaper than reading the same again.
 */
export class KnownStart {
  readonly length: number
  readonly #words: Int32Array
  /** Behind the last whole word. */
  readonly #tail: Uint8Array

  /** Remembers a copy of the reader's bytes from `start` to where it stands. */
  constructor(reader: ByteReader, start: number) {
    const { view, bytes, offset } = reader
    this.length = offset - start
    this.#words = new Int32Array(this.length >>> 2)
    for (let index = 0; index < this.#words.length; index += 1) {
      this.#words[index] = view.getInt32(start + index * 4)
    }
    this.#tail = Uint8Array.from(bytes.subarray(start + this.#words.length * 4, offset))
  }

  /** Whether the reader stands at the same bytes; moves nothing. */
  isAt(reader: ByteReader): boolean {
    if (reader.remaining < this.length) return false
    const { view, offset } = reader
    const words = this.#words
    let at = offset
    for (let index = 0; index < words.length; index += 1) {
      if (view.getInt32(at) !== words[index]) return false
      at += 4
    }
    const tail = this.#tail
    for (let index = 0; index < tail.length; index += 1) {
      if (view.getUint8(at + index) !== tail[index]) return false
    }
    return true
  }
}
