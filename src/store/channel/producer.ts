/**
 * The sending side of a channel: one ordered stream of events to many consumers, over a network that loses,
 * duplicates and reorders (spec/broker-protocol.md 7.5). Pure: calls and ticks in, effects out.
 *
 * An event is kept until every consumer has acknowledged it. What is kept is bounded in bytes: beyond the limit the
 * consumer that is furthest behind is given up, and has to attach anew.
 */
import type { ChannelTiming } from './timing.js'

export type DropReason = 'timeout' | 'invalid-message' | 'too-far-behind'

export interface ProducerEffects<Event> {
  /** To every consumer. */
  broadcast(seq: number, event: Event): void
  /** Once more, to one consumer. */
  resend(consumer: string, seq: number, event: Event): void
  /** The first message to a consumer: its stream starts behind `offset`. */
  handshake(consumer: string, offset: number): void
  /** To every consumer: the last event is `seq`. */
  keepalive(seq: number): void
  /** The event is not there any more. */
  retransmitFailed(consumer: string, seq: number): void
  /** The consumer has everything up to `seq`, and had not before. */
  acknowledged(consumer: string, seq: number): void
  /** The consumer is no longer served. */
  dropped(consumer: string, reason: DropReason): void
}

interface Path {
  readonly offset: number
  /** 0 until the first acknowledgement, which completes the handshake. */
  acked: number
  lastSeenTick: number
}

export interface ProducerSettings<Event> {
  readonly timing: ChannelTiming
  readonly effects: ProducerEffects<Event>
  /** What an event takes in memory. */
  readonly sizeOf: (event: Event) => number
  readonly limitBytes: number
  /** Most consumers; further ones are not added. Default 4096. */
  readonly consumerLimit?: number
}

const CONSUMER_LIMIT = 4096

export class Producer<Event> {
  readonly #settings: ProducerSettings<Event>
  readonly #paths = new Map<string, Path>()
  /** Events `#seq - (length - head) + 1` to `#seq`; those before `#head` are acknowledged. */
  #events: (Event | undefined)[] = []
  #head = 0
  #bytes = 0
  #seq = 1
  #ticks = 0
  #lastBroadcastTick = 0

  constructor(settings: ProducerSettings<Event>) {
    this.#settings = settings
  }

  /** Position of the last event; 1 before the first. */
  get seq(): number {
    return this.#seq
  }

  get consumers(): IterableIterator<string> {
    return this.#paths.keys()
  }

  /** Events that wait for an acknowledgement. */
  get unacknowledged(): number {
    return this.#events.length - this.#head
  }

  has(consumer: string): boolean {
    return this.#paths.has(consumer)
  }

  /** Sends an event and returns its position; without consumers there is nobody to tell, and nothing happens. */
  produce(event: Event): number {
    if (this.#paths.size === 0) return this.#seq
    const seq = this.append(event)
    this.#settings.effects.broadcast(seq, event)
    return seq
  }

  /** As `produce` with a consumer there, for a caller that sends the event itself. */
  append(event: Event): number {
    const { sizeOf, limitBytes } = this.#settings
    this.#seq += 1
    this.#events.push(event)
    this.#bytes += sizeOf(event)
    this.#lastBroadcastTick = this.#ticks
    while (this.#bytes > limitBytes && this.#paths.size > 0) this.#dropFurthestBehind()
    return this.#seq
  }

  /** Adds a consumer, if there is room for one; one that is known gets its handshake again. */
  add(consumer: string): void {
    let path = this.#paths.get(consumer)
    if (path === undefined) {
      if (this.#paths.size >= (this.#settings.consumerLimit ?? CONSUMER_LIMIT)) return
      path = { offset: this.#seq, acked: 0, lastSeenTick: this.#ticks }
      this.#paths.set(consumer, path)
    }
    this.#settings.effects.handshake(consumer, path.offset)
  }

  remove(consumer: string): void {
    if (this.#paths.delete(consumer)) this.#release()
  }

  /** The consumer has every event up to `seq`. */
  onAck(consumer: string, seq: number): void {
    const path = this.#paths.get(consumer)
    if (path === undefined) return
    path.lastSeenTick = this.#ticks
    if (seq <= path.acked || seq < path.offset || seq > this.#seq) return
    path.acked = seq
    this.#settings.effects.acknowledged(consumer, seq)
    this.#release()
  }

  /** The consumer misses events, in ascending order; `[0]` asks to be added. */
  onNack(consumer: string, missing: readonly number[]): void {
    const path = this.#paths.get(consumer)
    if (path === undefined) {
      if (missing.length === 1 && missing[0] === 0) this.add(consumer)
      return
    }
    path.lastSeenTick = this.#ticks
    const [first] = missing
    if (first === undefined) return
    if (first === 0) return this.#settings.effects.handshake(consumer, path.offset)
    if (missing.some((seq, index) => index > 0 && seq <= missing[index - 1]!)) {
      return this.#drop(consumer, 'invalid-message')
    }
    this.onAck(consumer, first - 1)
    for (const seq of missing) {
      const event = this.#eventAt(seq)
      if (event === undefined) this.#settings.effects.retransmitFailed(consumer, seq)
      else this.#settings.effects.resend(consumer, seq, event)
    }
  }

  tick(): void {
    this.#ticks += 1
    const { heartbeatTicks, connectionTimeoutTicks } = this.#settings.timing
    if (this.#ticks - this.#lastBroadcastTick >= heartbeatTicks) {
      this.#lastBroadcastTick = this.#ticks
      this.#settings.effects.keepalive(this.#seq)
    }
    for (const [consumer, path] of this.#paths) {
      if (this.#ticks - path.lastSeenTick >= connectionTimeoutTicks) this.#drop(consumer, 'timeout')
    }
  }

  #eventAt(seq: number): Event | undefined {
    const index = this.#events.length - 1 - (this.#seq - seq)
    return index < this.#head ? undefined : this.#events[index]
  }

  /** Events that everybody has are let go. */
  #release(): void {
    let acked = this.#seq
    for (const path of this.#paths.values()) if (path.acked < acked) acked = path.acked
    const end = this.#events.length - (this.#seq - acked)
    while (this.#head < end) {
      this.#bytes -= this.#settings.sizeOf(this.#events[this.#head]!)
      this.#events[this.#head] = undefined
      this.#head += 1
    }
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head)
      this.#head = 0
    }
  }

  #dropFurthestBehind(): void {
    let furthest: string | undefined
    let acked = Number.POSITIVE_INFINITY
    for (const [consumer, path] of this.#paths) {
      const at = Math.max(path.acked, path.offset)
      if (at < acked) {
        acked = at
        furthest = consumer
      }
    }
    if (furthest !== undefined) this.#drop(furthest, 'too-far-behind')
  }

  #drop(consumer: string, reason: DropReason): void {
    this.#paths.delete(consumer)
    this.#release()
    this.#settings.effects.dropped(consumer, reason)
  }
}
