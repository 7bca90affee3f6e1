/**
 * Frames: a 32-bit length and that many bytes (spec/broker-protocol.md 2.1). The decoder takes chunks of any size
 * and hands out frames in place; only a frame that is split over chunks is copied.
 */
import { ClusterError } from '../base/errors.js'

/** A frame longer than the limit. The connection cannot go on: where the next frame starts is unknown. */
export class FrameTooLargeError extends ClusterError<
  'frame-too-large',
  { lengthBytes: number; limitBytes: number }
> {
  override readonly name = 'FrameTooLargeError'

  constructor(lengthBytes: number, limitBytes: number) {
    super('frame-too-large', `a frame of ${lengthBytes} bytes; the limit is ${limitBytes}`, {
      lengthBytes,
      limitBytes,
    })
  }

  /** Whether a record of TLS (alert, handshake) stands where a frame has its length. */
  get looksLikeTls(): boolean {
    const start = this.data.lengthBytes >>> 16
    return start === 0x1503 || start === 0x1603
  }
}

/** Called for each frame: the payload is `bytes[start, end)`, valid during the call. False stops the decoder. */
export type FrameSink = (bytes: Uint8Array, start: number, end: number) => boolean

const INITIAL_PARTIAL_BYTES = 64 * 1024
/** Memory of this size is kept for the next frame that comes in parts: batches of log records are that large. */
const KEPT_PARTIAL_BYTES = 512 * 1024

export class FrameDecoder {
  /** Longest payload accepted; may be changed between frames. */
  limitBytes: number
  /** Start of a frame whose end has not arrived: prefix included. */
  #partial = EMPTY
  #partialLength = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Bytes of an incomplete frame that wait for more. */
  get pendingBytes(): number {
    return this.#partialLength
  }

  /** Takes the next chunk. Throws `FrameTooLargeError`. After a stop the rest of the chunk is not looked at. */
  push(chunk: Uint8Array, sink: FrameSink): void {
    let offset = 0
    if (this.#partialLength > 0) {
      offset = this.#completePartial(chunk, sink)
      if (offset < 0) return
    }
    const end = chunk.length
    while (end - offset >= 4) {
      const length = readLength(chunk, offset)
      if (length > this.limitBytes) throw new FrameTooLargeError(length, this.limitBytes)
      const frameEnd = offset + 4 + length
      if (frameEnd > end) break
      if (!sink(chunk, offset + 4, frameEnd)) return
      offset = frameEnd
    }
    if (offset < end) this.#keep(chunk, offset, end)
  }

  /** Fills up the kept frame from the chunk; returns how much was used, or -1 after a stop. */
  #completePartial(chunk: Uint8Array, sink: FrameSink): number {
    let offset = 0
    if (this.#partialLength < 4) {
      offset = Math.min(4 - this.#partialLength, chunk.length)
      this.#keep(chunk, 0, offset)
      if (this.#partialLength < 4) return offset
    }
    const length = readLength(this.#partial, 0)
    if (length > this.limitBytes) throw new FrameTooLargeError(length, this.limitBytes)
    const missing = 4 + length - this.#partialLength
    const used = Math.min(missing, chunk.length - offset)
    this.#keep(chunk, offset, offset + used)
    if (used < missing) return offset + used
    const frame = this.#partial
    // A very large frame must not keep its memory.
    if (frame.length > KEPT_PARTIAL_BYTES) this.#partial = EMPTY
    this.#partialLength = 0
    return sink(frame, 4, 4 + length) ? offset + used : -1
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#partialLength + (end - start)
    if (needed > this.#partial.length) {
      const grown = new Uint8Array(Math.max(INITIAL_PARTIAL_BYTES, this.#partial.length * 2, needed))
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(chunk.subarray(start, end), this.#partialLength)
    this.#partialLength = needed
  }
}

const EMPTY = new Uint8Array(0)

function readLength(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  )
}
