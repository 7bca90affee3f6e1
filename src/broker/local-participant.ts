/** A participant of the bus in this process: what it subscribes, and the way to it. */
import type { MessageSink, Participant, PublishOutcome } from '../bus/bus.js'
import type { Encodable } from '../data/messages.js'
import { FilterMatcher } from './filter.js'

export interface ParticipantEffects {
  publish(topic: string, message: Encodable): PublishOutcome
  onSubscriptions(): void
  onClose(): void
}

export class LocalParticipant implements Participant {
  readonly #sink: MessageSink
  readonly #effects: ParticipantEffects
  #filter = new FilterMatcher([])
  #closed = false

  constructor(sink: MessageSink, effects: ParticipantEffects) {
    this.#sink = sink
    this.#effects = effects
  }

  get subscriptions(): readonly string[] {
    return this.#filter.prefixes
  }

  matches(topic: string): boolean {
    return this.#filter.matches(topic)
  }

  deliver(topic: string, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#closed) this.#sink(topic, bytes, start, end)
  }

  subscribe(prefix: string): void {
    this.#filter = new FilterMatcher([...this.#filter.prefixes, prefix])
    this.#effects.onSubscriptions()
  }

  unsubscribe(prefix: string): void {
    this.#filter = new FilterMatcher(this.#filter.prefixes.filter((other) => other !== prefix))
    this.#effects.onSubscriptions()
  }

  publish(topic: string, message: Encodable): PublishOutcome {
    return this.#closed ? 'no-peer' : this.#effects.publish(topic, message)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#filter = new FilterMatcher([])
    this.#effects.onClose()
  }
}
