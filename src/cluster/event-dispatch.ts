/**
 * From received messages to event handlers. An event that nobody handles is never decoded; arguments are read once
 * for all handlers of an event.
 */
import { insertByPriority, type Prioritized } from '../base/emitter.js'
import type { Report } from '../base/report.js'
import type { Peer } from '../bus/bus.js'
import type { ByteReader } from '../data/byte-reader.js'
import { DecodeError } from '../data/decode-error.js'
import type { EventType } from '../data/event.js'
import { KnownStart } from '../data/known-start.js'
import { readTimestamp } from '../data/message-check.js'
import { expectContent, type OpenedMessage, readText, readVectorStart, skipValues } from '../data/messages.js'

type Handler = (...args: unknown[]) => void

interface Binding {
  readonly type: EventType
  readonly handlers: readonly Prioritized<Handler>[]
  reported: boolean
}

/** What stands in front of the arguments. */
interface EventStart {
  readonly binding: Binding
  /** Number of arguments. */
  readonly size: number
  /** Values of the content behind name and arguments: the metadata, and whatever else. */
  readonly behind: number
  /** Elements of the message behind its content. */
  readonly surplus: number
}

export interface EventCounters {
  /** Events given to a handler. */
  handled: number
  /** Events that no handler asks for. */
  ignored: number
  /** Events with arguments that do not fit. */
  malformed: number
}

export class EventDispatch {
  readonly #bindings = new Map<string, Binding>()
  #lastBinding: Binding | undefined
  /** How the last event began, when the one before was of the same type. */
  #last: { readonly start: KnownStart; readonly event: EventStart } | undefined
  /** A peer in words. */
  readonly #describe: (peer: Peer) => string
  readonly #onReport: (report: Report) => void
  readonly #onHandlerError: (error: unknown, eventName: string) => void
  /** While a handler runs: the network time, in seconds, that came with the event. */
  timestamp: number | undefined
  /** While a handler runs: who sent the event. */
  sender: Peer | undefined
  readonly counters: EventCounters = { handled: 0, ignored: 0, malformed: 0 }

  constructor(
    describe: (peer: Peer) => string,
    onReport: (report: Report) => void,
    onHandlerError: (error: unknown, eventName: string) => void,
  ) {
    this.#describe = describe
    this.#onReport = onReport
    this.#onHandlerError = onHandlerError
  }

  /** Registers a handler and returns the function that removes it. */
  on(type: EventType, handler: Handler, priority = 0): () => void {
    const others = this.#bindings.get(type.eventName)?.handlers ?? []
    const registration = { handler, priority }
    const handlers = insertByPriority(others, registration)
    this.#bindings.set(type.eventName, { type, handlers, reported: false })
    this.#last = undefined
    return () => {
      const binding = this.#bindings.get(type.eventName)
      if (binding === undefined) return
      this.#last = undefined
      const rest = binding.handlers.filter((other) => other !== registration)
      if (rest.length === 0) this.#bindings.delete(type.eventName)
      else this.#bindings.set(type.eventName, { ...binding, handlers: rest })
    }
  }

  /**
   * Handles the message at the reader if it starts like the last event; says whether it did. Throws `DecodeError` as
   * `dispatch` does.
   */
  dispatchLike(reader: ByteReader, from: Peer): boolean {
    const last = this.#last
    if (last === undefined) return false
    if (!last.start.isAt(reader)) {
      this.#last = undefined
      return false
    }
    reader.skip(last.start.length)
    this.#handle(last.event, reader, from)
    return true
  }

  /**
   * One event that began at `start`; the reader stands behind `openMessage`. Throws `DecodeError` for what is no event
   * at all.
   */
  dispatch(reader: ByteReader, start: number, opened: OpenedMessage, from: Peer): void {
    expectContent(reader, opened, 2)
    const binding = this.#bindings.get(readText(reader))
    if (binding === undefined) {
      this.counters.ignored += 1
      return
    }
    const { contentSize, surplus } = opened
    const event = { binding, size: readVectorStart(reader), behind: contentSize - 2, surplus }
    // Worth it only for runs: the second of two alike.
    if (binding === this.#lastBinding) this.#last = { start: new KnownStart(reader, start), event }
    this.#lastBinding = binding
    this.#handle(event, reader, from)
  }

  #handle({ binding, size, behind, surplus }: EventStart, reader: ByteReader, from: Peer): void {
    let args: readonly unknown[]
    try {
      args = binding.type.readArguments(reader, size) as readonly unknown[]
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#malformed(binding, error, from)
    }
    const timestamp = behind > 0 ? readTimestamp(reader) : undefined
    skipValues(reader, Math.max(0, behind - 1) + surplus)
    reader.expectEnd()
    this.timestamp = timestamp === undefined ? undefined : Number(timestamp) / 1e9
    this.sender = from
    this.counters.handled += 1
    for (const { handler } of binding.handlers) {
      try {
        handler(...args)
      } catch (error) {
        this.#onHandlerError(error, binding.type.eventName)
      }
    }
    this.timestamp = undefined
    this.sender = undefined
  }

  #malformed(binding: Binding, error: DecodeError, from: Peer): void {
    this.counters.malformed += 1
    if (binding.reported) return
    binding.reported = true
    this.#onReport({
      severity: 'warning',
      code: 'event-mismatch',
      message: `event ${binding.type.eventName} from ${this.#describe(from)} is ignored: ${error.message}`,
    })
  }
}
