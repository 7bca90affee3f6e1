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

const BUFFER_BYTES = 256 * 1024
/** A buffer goes to the connection when it is this full, even within a turn: most messages fit behind that. */
const FULL_BYTES = BUFFER_BYTES - 16 * 1024
/** The connection itself holds at most about this much; the rest stays here, where it can still be dropped. */
const IN_FLIGHT_BYTES = 1024 * 1024
/** A slow connection gets no more buffers than this: what follows gathers, so that small messages share one. */
const IN_FLIGHT_BATCHES = 4
const POOLED_BUFFERS = 16

interface Batch {
  readonly bytes: Buffer
  readonly length: number
  readonly messages: number
}

export interface OutboxEffects {
  /** The queue is short again after `checkHighWater` said that it is long. */
  onDrain(): void
  /** Frames in `bytes[0, length)` will never be sent. Valid during the call. */
  onDropped(bytes: Buffer, length: number): void
}

export class Outbox {
  readonly #connection: Connection
  readonly #timers: Timers
  readonly #limits: OutboxLimits
  readonly #effects: OutboxEffects
  /** Small limits have small batches, so that the oldest messages can be told from the newest. */
  readonly #fullBytes: number
  readonly #inFlightLimitBytes: number
  readonly #writer: ByteWriter
  #writerMessages = 0
  readonly #waiting: Batch[] = []
  #waitingBytes = 0
  #inFlightBytes = 0
  #inFlightBatches = 0
  #flushScheduled = false
  #drainWanted = false
  #closed = false
  droppedMessages = 0
  /** Handed to the connection; what was dropped, before or after, is not in here. */
  sentMessages = 0
  sentBytes = 0

  constructor(connection: Connection, timers: Timers, limits: OutboxLimits, effects: OutboxEffects) {
    this.#connection = connection
    this.#timers = timers
    this.#limits = limits
    this.#effects = effects
    this.#fullBytes = Math.min(FULL_BYTES, Math.ceil(limits.limitBytes / 8))
    this.#inFlightLimitBytes = Math.min(IN_FLIGHT_BYTES, Math.ceil(limits.limitBytes / 2))
    this.#writer = new ByteWriter(takeBuffer())
  }

  /** Bytes that have not left the process. */
  get queuedBytes(): number {
    return this.#writer.length + this.#waitingBytes + this.#inFlightBytes
  }

  /** Whether `onDrain` is still to come. */
  get isCongested(): boolean {
    return this.#drainWanted && !this.#closed
  }

  /** Whether a publisher should wait for `onDrain`, which is then called once. */
  checkHighWater(): boolean {
    if (this.queuedBytes < this.#limits.highWaterBytes) return false
    this.#drainWanted = true
    return true
  }

  /**
   * Makes room for more: the writer to append frames to, or what to do instead. Every append is followed by
   * `appended`. The limit may be passed by the last append; `disconnect` is said once.
   */
  open(messages = 1, bytes = 0): ByteWriter | 'drop' | 'disconnect' {
    if (this.#writer.length + bytes > BUFFER_BYTES) this.#flush()
    if (this.queuedBytes < this.#limits.limitBytes) return this.#writer
    this.#drainWanted = true
    switch (this.#limits.policy) {
      case 'drop-newest':
        this.droppedMessages += messages
        return 'drop'
      case 'disconnect': {
        const isFirst = this.droppedMessages === 0
        this.droppedMessages += messages
        return isFirst ? 'disconnect' : 'drop'
      }
      case 'drop-oldest':
        while (this.queuedBytes >= this.#limits.limitBytes) {
          if (this.#dropOldest()) continue
          this.droppedMessages += messages
          return 'drop'
        }
        return this.#writer
    }
  }

  /** Frames were appended to the writer. */
  appended(messages = 1): void {
    this.#writerMessages += messages
    if (this.#writer.length >= this.#fullBytes) {
      this.#flush()
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true
      this.#timers.soon(() => {
        this.#flushScheduled = false
        if (this.#hasRoomInFlight) this.#flush()
      })
    }
  }

  /** Hands everything to the connection, whatever its state. */
  flushAll(): void {
    this.#flush()
    while (this.#waiting.length > 0) this.#sendNext()
  }

  /** The connection is over: what waits is dropped, and counted. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    while (this.#dropOldest()) {}
    if (this.#writer.length > 0) {
      this.droppedMessages += this.#writerMessages
      this.#effects.onDropped(this.#writer.bytes, this.#writer.length)
      this.#writer.length = 0
    }
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
    while (this.#waiting.length > 0 && this.#hasRoomInFlight) this.#sendNext()
  }

  get #hasRoomInFlight(): boolean {
    return this.#inFlightBytes < this.#inFlightLimitBytes && this.#inFlightBatches < IN_FLIGHT_BATCHES
  }

  #sendNext(): void {
    const batch = this.#waiting.shift()
    if (batch === undefined) return
    this.#waitingBytes -= batch.length
    this.#inFlightBytes += batch.length
    this.#inFlightBatches += 1
    this.sentMessages += batch.messages
    this.sentBytes += batch.length
    this.#connection.send(batch.bytes.subarray(0, batch.length), (sent) => this.#flushed(batch, sent))
  }

  #flushed(batch: Batch, sent: boolean): void {
    this.#inFlightBytes -= batch.length
    this.#inFlightBatches -= 1
    if (!sent) {
      this.sentMessages -= batch.messages
      this.sentBytes -= batch.length
      this.droppedMessages += batch.messages
      this.#effects.onDropped(batch.bytes, batch.length)
    }
    giveBuffer(batch.bytes)
    if (this.#closed) return
    this.#pump()
    // Nothing else sends what gathered while the connection was busy.
    if (this.#hasRoomInFlight && !this.#flushScheduled) this.#flush()
    if (this.#drainWanted && this.queuedBytes < this.#limits.highWaterBytes / 2) {
      this.#drainWanted = false
      this.#effects.onDrain()
    }
  }

  /** Drops the batch that waits longest. False when everything is in flight or still being written. */
  #dropOldest(): boolean {
    const oldest = this.#waiting.shift()
    if (oldest === undefined) return false
    this.#effects.onDropped(oldest.bytes, oldest.length)
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
