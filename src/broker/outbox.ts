/**
 * What waits to be sent to one peer: frames are encoded into large buffers, handed to the connection once per turn
 * of the event loop, and kept back when the connection is slow. Bounded in bytes; what happens at the bound is a
 * named policy.
 */
import type { Timers } from '../base/time.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Connection } from '../transport/transport.js'

/** What to do with a message that does not fit (`Broker::peer_overflow_policy`). */
export type OverflowPolicy = 'drop-newest' | 'drop-oldest' | 'disconnect'

export interface OutboxLimits {
  /** Most bytes that wait, socket buffer included. */
  readonly limitBytes: number
  /** From here on a publisher is told to wait. */
  readonly highWaterBytes: number
  readonly policy: OverflowPolicy
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = {
  limitBytes: 64 * 1024 * 1024,
  highWaterBytes: 4 * 1024 * 1024,
  policy: 'drop-oldest',
}

/** A buffer goes to the connection when it is this full, even within a turn. */
const BUFFER_BYTES = 256 * 1024
/** The connection itself holds at most about this much; the rest stays here, where it can still be dropped. */
const IN_FLIGHT_BYTES = 1024 * 1024
const POOLED_BUFFERS = 16

interface Batch {
  readonly bytes: Buffer
  readonly length: number
  readonly messages: number
}

export class Outbox {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #limits: OutboxLimits
  readonly #onDrain: () => void
  readonly #writer: ByteWriter
  #writerMessages = 0
  readonly #waiting: Batch[] = []
  #waitingBytes = 0
  #inFlightBytes = 0
  #flushScheduled = false
  #drainWanted = false
  #closed = false
  droppedMessages = 0
  sentMessages = 0
  sentBytes = 0

  constructor(connection: Connection, timers: Timers, limits: OutboxLimits, onDrain: () => void) {
    this.#connection = connection
    this.#timers = timers
    this.#limits = limits
    this.#onDrain = onDrain
    this.#writer = new ByteWriter(takeBuffer())
  }

  /** Bytes that have not left the process. */
  get queuedBytes(): number {
    return this.#writer.length + this.#waitingBytes + this.#inFlightBytes
  }

  /** Whether a publisher should wait for `onDrain`, which is then called once. */
  checkHighWater(): boolean {
    if (this.queuedBytes < this.#limits.highWaterBytes) return false
    this.#drainWanted = true
    return true
  }

  /**
   * Makes room for one more message: the writer to append a frame to, or what to do instead. Every append is
   * followed by `appended`.
   */
  open(): ByteWriter | 'drop' | 'disconnect' {
    if (this.queuedBytes < this.#limits.limitBytes) return this.#writer
    this.#drainWanted = true
    switch (this.#limits.policy) {
      case 'drop-newest':
        this.droppedMessages += 1
        return 'drop'
      case 'disconnect':
        return 'disconnect'
      case 'drop-oldest':
        return this.#dropOldest() ? this.#writer : 'drop'
    }
  }

  /** A frame was appended to the writer, behind `from`. */
  appended(from: number): void {
    this.#writerMessages += 1
    this.sentMessages += 1
    this.sentBytes += this.#writer.length - from
    if (this.#writer.length >= BUFFER_BYTES - 4096) {
      this.#flush()
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true
      this.#timers.soon(() => {
        this.#flushScheduled = false
        this.#flush()
      })
    }
  }

  /** Hands everything to the connection, whatever its state. */
  flushAll(): void {
    this.#flush()
    while (this.#waiting.length > 0) this.#sendNext()
  }

  close(): void {
    this.#closed = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
  }

  #flush(): void {
    const length = this.#writer.length
    if (length === 0 || this.#closed) return
    this.#waiting.push({ bytes: this.#writer.bytes, length, messages: this.#writerMessages })
    this.#waitingBytes += length
    this.#writer.replaceBuffer(takeBuffer())
    this.#writerMessages = 0
    this.#pump()
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#inFlightBytes < IN_FLIGHT_BYTES) this.#sendNext()
  }

  #sendNext(): void {
    const batch = this.#waiting.shift()
    if (batch === undefined) return
    this.#waitingBytes -= batch.length
    this.#inFlightBytes += batch.length
    this.#connection.send(batch.bytes.subarray(0, batch.length), () => this.#sent(batch))
  }

  #sent(batch: Batch): void {
    this.#inFlightBytes -= batch.length
    giveBuffer(batch.bytes)
    if (this.#closed) return
    this.#pump()
    if (this.#drainWanted && this.queuedBytes < this.#limits.highWaterBytes / 2) {
      this.#drainWanted = false
      this.#onDrain()
    }
  }

  /** Drops the batch that waits longest. False when everything is in flight or still being written. */
  #dropOldest(): boolean {
    const oldest = this.#waiting.shift()
    if (oldest === undefined) {
      this.droppedMessages += 1
      return false
    }
    this.#waitingBytes -= oldest.length
    this.droppedMessages += oldest.messages
    giveBuffer(oldest.bytes)
    return true
  }
}

const pool: Buffer[] = []

function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}

function giveBuffer(buffer: Buffer): void {
  if (buffer.length === BUFFER_BYTES && pool.length < POOLED_BUFFERS) pool.push(buffer)
}
