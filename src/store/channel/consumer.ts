/**
 * The receiving side of a channel: puts the events of one producer back in order, each exactly once, and asks for
 * those that are missing (spec/broker-protocol.md 7.5). Pure: calls and ticks in, effects out.
 */
import type { ChannelTiming } from './timing.js'

export interface ConsumerEffects<Event> {
  /** The next event of the stream. */
  consume(event: Event, seq: number): void
  /** The next event of the stream is not to be had any more; the stream goes on behind it. */
  lost(seq: number): void
  acknowledge(upTo: number): void
  /** Asks for events; `[0]` for the handshake. */
  nack(missing: readonly number[]): void
}

export interface ConsumerSettings<Event> {
  readonly timing: ChannelTiming
  readonly effects: ConsumerEffects<Event>
  /** Events that may wait for earlier ones; further ones are thrown away and asked for again. Default 65 536. */
  readonly reorderLimit?: number
}

/** Asked for at a time; the rest when these are here. */
const NACK_LIMIT = 1024
const LOST = Symbol('lost')

export class Consumer<Event> {
  readonly #settings: ConsumerSettings<Event>
  readonly #waiting = new Map<number, Event | typeof LOST>()
  /** The next event; 0 before the handshake. */
  #next = 0
  /** Behind the last event that is known to exist. */
  #end = 0
  #ticks = 0
  #idleTicks = 0
  #hasProgressed = false
  #heldBack = 0
  #isDelivering = false
  #isStopped = false

  constructor(settings: ConsumerSettings<Event>) {
    this.#settings = settings
  }

  get isInitialized(): boolean {
    return this.#next > 0
  }

  /** Position of the last event that was consumed; only after the handshake. */
  get position(): number {
    return this.#next - 1
  }

  /** Events that wait for earlier ones. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * How many of the events that were consumed last are not to be acknowledged yet: they are not safe. 0: none.
   */
  holdBack(events: number): void {
    this.#heldBack = events
  }

  /** Nothing more is consumed, also of what waits. */
  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
  }

  /** The stream starts behind `offset`. Only the first handshake counts: true for that one. */
  onHandshake(offset: number): boolean {
    if (this.isInitialized) return false
    this.#next = offset + 1
    this.#end = Math.max(this.#end, this.#next)
    for (const seq of this.#waiting.keys()) if (seq <= offset) this.#waiting.delete(seq)
    this.#hasProgressed = true
    this.#deliver()
    this.acknowledge()
    return true
  }

  onEvent(seq: number, event: Event): void {
    if (this.#isStopped) return
    if (seq === this.#next && !this.#isDelivering && this.isInitialized) {
      this.#next += 1
      if (this.#end < this.#next) this.#end = this.#next
      this.#hasProgressed = true
      this.#isDelivering = true
      this.#settings.effects.consume(event, seq)
      this.#isDelivering = false
      if (this.#waiting.size > 0) this.#deliver()
      return
    }
    this.#keep(seq, event)
  }

  /** The producer's last event is `seq`. */
  onKeepalive(seq: number): void {
    if (this.isInitialized && seq > 0) this.#end = Math.max(this.#end, seq + 1)
  }

  /** The producer does not have the event any more. */
  onRetransmitFailed(seq: number): void {
    if (!this.isInitialized || seq >= this.#end) return
    this.#keep(seq, LOST)
  }

  /** Says what was consumed. */
  acknowledge(): void {
    if (this.isInitialized) this.#settings.effects.acknowledge(this.#next - 1 - this.#heldBack)
  }

  tick(): void {
    if (this.#isStopped) return
    const { heartbeatTicks, nackTicks } = this.#settings.timing
    this.#ticks += 1
    if (!this.isInitialized) {
      if (this.#ticks % nackTicks === 0) this.#settings.effects.nack([0])
      return
    }
    if (this.#ticks % heartbeatTicks === 0) this.acknowledge()
    if (this.#hasProgressed || this.#next >= this.#end) {
      this.#hasProgressed = false
      this.#idleTicks = 0
      return
    }
    this.#idleTicks += 1
    if (this.#idleTicks < nackTicks) return
    this.#idleTicks = 0
    this.#settings.effects.nack(this.#missing())
  }

  #keep(seq: number, event: Event | typeof LOST): void {
    if (seq < this.#next || seq === 0) return
    if (event !== LOST) this.#end = Math.max(this.#end, seq + 1)
    const { reorderLimit = 65_536 } = this.#settings
    const isNext = seq === this.#next
    if (this.#waiting.size >= reorderLimit && !isNext) return
    // An event beats the news of its loss.
    const known = this.#waiting.get(seq)
    if (known === undefined || known === LOST) this.#waiting.set(seq, event)
    if (isNext && this.isInitialized) this.#deliver()
  }

  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    while (!this.#isStopped) {
      const seq = this.#next
      const event = this.#waiting.get(seq)
      if (event === undefined) break
      this.#waiting.delete(seq)
      this.#next += 1
      this.#hasProgressed = true
      if (event === LOST) this.#settings.effects.lost(seq)
      else this.#settings.effects.consume(event, seq)
    }
    this.#isDelivering = false
  }

  #missing(): readonly number[] {
    const missing: number[] = []
    for (let seq = this.#next; seq < this.#end && missing.length < NACK_LIMIT; seq += 1) {
      if (!this.#waiting.has(seq)) missing.push(seq)
    }
    return missing
  }
}
