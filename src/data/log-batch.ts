import { TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import { KnownStart } from './known-start.js'
import { emptyOpenedMessage, MESSAGE_TYPE, openMessage, readLabel, readText } from './messages.js'

/**
 * A Batch whose messages are all records of one writer, as nodes send them: the messages start alike, so that only the
 * first has to be read, and the others are compared with it.
 */
export class LogBatch {
  stream = ''
  writer = ''
  path = ''
  /** Number of records. */
  records = 0
  /** Start and end of each record in the reader's bytes, in turns. */
  ranges = new Int32Array(1024)
  #start: KnownStart | undefined
  readonly #opened = emptyOpenedMessage()

  /**
   * Reads the content of a Batch of `size` messages; the reader stands behind `openMessage`. False when it is not such
   * a batch, or not valid: it has to be read in another way then. Throws `DecodeError` for one that is cut off.
   */
  read(reader: ByteReader, size: number): boolean {
    if (size === 0 || !this.#startsLikeThis(reader)) return false
    const start = this.#start!
    if (this.ranges.length < 2 * size) this.ranges = new Int32Array(4 * size)
    const { ranges } = this
    for (let index = 0; index < size; index += 1) {
      if (index > 0) {
        if (!start.isAt(reader)) return false
        reader.offset += start.length
      }
      const length = reader.varbyte()
      const offset = reader.take(length)
      ranges[2 * index] = offset
      ranges[2 * index + 1] = offset + length
    }
    this.records = size
    return true
  }

  /** Moves to the length of the first record. */
  #startsLikeThis(reader: ByteReader): boolean {
    if (this.#start?.isAt(reader) === true) {
      reader.offset += this.#start.length
      return true
    }
    const begin = reader.offset
    const opened = this.#opened
    openMessage(reader, opened)
    if (opened.type !== MESSAGE_TYPE.logWrite || opened.contentSize !== 4 || opened.surplus !== 0)
      return false
    this.stream = readLabel(reader)
    this.writer = readLabel(reader)
    this.path = readText(reader)
    if (reader.u8() !== TAG.string) return false
    this.#start = new KnownStart(reader, begin)
    return true
  }
}
