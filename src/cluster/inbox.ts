/**
 * Where messages arrive: which topics this node takes, and who gets what is in them (events to handlers, log
 * messages to the logger).
 */
import type { Report } from '../base/report.js'
import type { Peer } from '../bus/bus.js'
import { readValue, skipValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { DecodeError } from '../data/decode-error.js'
import { LogBatch } from '../data/log-batch.js'
import { readBatchOrigin } from '../data/log-messages.js'
import { checkBatch } from '../data/message-check.js'
import {
  emptyOpenedMessage,
  expectContent,
  invalid,
  MESSAGE_TYPE,
  openMessage,
  readText,
  skipValues,
} from '../data/messages.js'
import type { Value } from '../data/value.js'
import type { LogReceiver } from '../logging/receiving/log-receiver.js'
import type { EventDispatch } from './event-dispatch.js'
import type { Topics } from './topics.js'

/** Topics whose acceptance is remembered. */
const REMEMBERED_TOPICS = 4096

export class Inbox {
  readonly #topics: Topics
  /** Topics of this node alone: its name and its id. */
  readonly #ownTopics: ReadonlySet<string>
  readonly #dispatch: EventDispatch
  /** Undefined on nodes that do not write the records of others. */
  readonly #receiver: LogReceiver | undefined
  /** A peer in words. */
  readonly #describe: (peer: Peer) => string
  readonly #onReport: (report: Report) => void
  readonly #onIdentifierUpdate: (name: string, value: Value, from: Peer) => void
  readonly #subscriptions = new Set<string>()
  readonly #accepted = new Map<string, boolean>()
  #lastAccepted: string | undefined
  readonly #reader = new ByteReader()
  readonly #opened = emptyOpenedMessage()
  readonly #logBatch = new LogBatch()
  /** Messages that were no valid Zeek messages. */
  invalidMessages = 0

  constructor(
    topics: Topics,
    ownTopics: ReadonlySet<string>,
    dispatch: EventDispatch,
    receiver: LogReceiver | undefined,
    describe: (peer: Peer) => string,
    onReport: (report: Report) => void,
    onIdentifierUpdate: (name: string, value: Value, from: Peer) => void,
  ) {
    this.#topics = topics
    this.#ownTopics = ownTopics
    this.#dispatch = dispatch
    this.#receiver = receiver
    this.#describe = describe
    this.#onReport = onReport
    this.#onIdentifierUpdate = onIdentifierUpdate
  }

  subscribe(prefix: string): void {
    this.#subscriptions.add(prefix)
    this.#accepted.clear()
    this.#lastAccepted = undefined
  }

  unsubscribe(prefix: string): void {
    this.#subscriptions.delete(prefix)
    this.#accepted.clear()
    this.#lastAccepted = undefined
  }

  /** One message of a peer: `bytes[start, end)`. */
  receive(topic: string, bytes: Uint8Array, start: number, end: number, from: Peer): void {
    if (!this.#accepts(topic)) return
    const reader = this.#reader
    try {
      reader.reset(bytes, start, end)
      if (!this.#dispatch.dispatchLike(reader, from)) this.#receiveMessage(bytes, start, end, from)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#invalid(topic, from, error)
    }
  }

  #receiveMessage(bytes: Uint8Array, start: number, end: number, from: Peer): void {
    const reader = this.#reader
    const opened = this.#opened
    reader.reset(bytes, start, end)
    openMessage(reader, opened)
    switch (opened.type) {
      case MESSAGE_TYPE.event:
        return this.#dispatch.dispatch(reader, start, opened, from)
      case MESSAGE_TYPE.batch:
        return this.#receiveBatch(bytes, start, end, from)
      case MESSAGE_TYPE.logCreate:
      case MESSAGE_TYPE.logWrite:
        if (this.#receiver === undefined) return
        this.#receiver.receive(from.id, reader, opened)
        return reader.expectEnd()
      case MESSAGE_TYPE.identifierUpdate: {
        expectContent(reader, opened, 2)
        const name = readText(reader)
        const value = readValue(reader)
        skipValues(reader, opened.contentSize - 2 + opened.surplus)
        reader.expectEnd()
        return this.#onIdentifierUpdate(name, value, from)
      }
      default:
        throw invalid(reader, `unknown type ${opened.type}`)
    }
  }

  /** All or nothing: what is wrong with the last message of a batch is found before the first is handled. */
  #receiveBatch(bytes: Uint8Array, start: number, end: number, from: Peer): void {
    const reader = this.#reader
    const opened = this.#opened
    if (this.#receiver !== undefined && this.#receiveLogBatch(this.#receiver, from)) return
    reader.reset(bytes, start, end)
    openMessage(reader, opened)
    const { hasOtherThanLogs, origin } = checkBatch(reader, opened)
    reader.expectEnd()
    if (!hasOtherThanLogs && this.#receiver === undefined) return
    reader.reset(bytes, start, end)
    openMessage(reader, opened)
    if (!hasOtherThanLogs) return this.#receiver?.receive(from.id, reader, opened, origin)
    const { contentSize } = opened
    for (let index = 0; index < contentSize; index += 1) {
      const innerStart = reader.offset
      skipValue(reader)
      const innerEnd = reader.offset
      this.#receiveMessage(bytes, innerStart, innerEnd, from)
      reader.reset(bytes, innerEnd, end)
    }
  }

  /** The usual batch of log records; false for another one. */
  #receiveLogBatch(receiver: LogReceiver, from: Peer): boolean {
    const reader = this.#reader
    const { contentSize, surplus } = this.#opened
    const batch = this.#logBatch
    if (!batch.read(reader, contentSize)) return false
    const origin = surplus > 0 ? readBatchOrigin(reader) : undefined
    skipValues(reader, Math.max(0, surplus - 1))
    reader.expectEnd()
    receiver.receiveBatch(from.id, batch, reader.bytes, origin)
    return true
  }

  /** Messages for one node are for exactly that node, whatever the prefix rule of the wire lets through. */
  #accepts(topic: string): boolean {
    if (topic === this.#lastAccepted) return true
    const known = this.#accepted.get(topic)
    if (known !== undefined) {
      if (known) this.#lastAccepted = topic
      return known
    }
    const answer =
      !this.#topics.isNodeTopic(topic) ||
      this.#ownTopics.has(topic) ||
      [...this.#subscriptions].some((prefix) => topic.startsWith(prefix))
    if (this.#accepted.size >= REMEMBERED_TOPICS) this.#accepted.clear()
    this.#accepted.set(topic, answer)
    if (answer) this.#lastAccepted = topic
    return answer
  }

  /** Only the first one is told: a hostile peer must not fill a log. */
  #invalid(topic: string, from: Peer, error: DecodeError): void {
    this.invalidMessages += 1
    if (this.invalidMessages > 1) return
    const message = `from ${this.#describe(from)} on ${topic}: ${error.message}`
    this.#onReport({ severity: 'warning', code: 'invalid-message', message })
  }
}
