/**
 * One connection of an endpoint, from open to close: first the handshake, then envelopes both ways, at the end the
 * orderly goodbye (spec/broker-protocol.md 3.9: a ping with the text BYE, answered by a pong).
 */
import { errorMessage } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import type { Timer } from '../base/time.js'
import type { Peer, PeerCounters, PublishOutcome } from '../bus/bus.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import { KnownStart } from '../data/known-start.js'
import type { Encodable } from '../data/messages.js'
import type { Connection, ConnectionHandler, TransportError } from '../transport/transport.js'
import { EC } from './codes.js'
import { DropLedger } from './drop-ledger.js'
import type { EndpointId } from './endpoint-id.js'
import { NIL_ID } from './endpoint-id.js'
import {
  beginEnvelope,
  CONTROL_TOPIC,
  ENVELOPE,
  emptyEnvelope,
  endEnvelope,
  isIdAt,
  readEnvelopeHeader,
  receiverOf,
} from './envelope.js'
import { FilterMatcher, LOCAL_TOPIC_PREFIX, readFilter, writeFilter } from './filter.js'
import { FrameDecoder, FrameTooLargeError } from './frame.js'
import { Handshake } from './handshake.js'
import { decodeHandshakeMessage } from './handshake-messages.js'
import type { LinkEnd, LinkOwner, LinkSettings } from './link-owner.js'
import type { LinkState, Peered } from './link-state.js'
import { Outbox } from './outbox.js'
import { PendingPings } from './pings.js'

const NOTHING = (): void => {}

export class Link implements ConnectionHandler {
  readonly direction: 'incoming' | 'outgoing'
  readonly #settings: LinkSettings
  readonly #owner: LinkOwner
  #state: LinkState = { kind: 'connecting' }
  #connection: Connection | undefined
  readonly #decoder: FrameDecoder
  readonly #reader = new ByteReader()
  readonly #envelope = emptyEnvelope()
  /** Header of the last data frame: what `#envelope` says of type, ttl, topic and receiver still holds behind it. */
  #lastHeader: KnownStart | undefined
  #lastTopic: string | undefined
  readonly #drops: DropLedger
  /** Kept when the peering is over, for its counters. */
  #outbox: Outbox | undefined
  readonly #pings = new PendingPings()
  #faultReported = false
  #lastPeer: Peer | undefined
  /** The subscriptions that the peer knows of us. */
  #announced: readonly string[] = []
  /** Dropped messages of the outbox when the subscriptions were announced. */
  #droppedBefore = 0
  /** What is being read. */
  #chunk: Uint8Array | undefined
  #messagesIn = 0
  #forwarded = 0
  #bytesIn = 0
  /** Frames that were malformed, not meant for this endpoint or of a kind it does not handle. */
  ignoredFrames = 0

  constructor(direction: 'incoming' | 'outgoing', settings: LinkSettings, owner: LinkOwner) {
    this.direction = direction
    this.#settings = settings
    this.#owner = owner
    this.#decoder = new FrameDecoder(settings.handshakeFrameLimitBytes)
    this.#drops = new DropLedger(settings.timers, (topics) => {
      if (this.#lastPeer === undefined) return
      const reason = this.#state.kind === 'peered' ? 'queue-full' : 'peer-lost'
      owner.onDropped(this.#lastPeer, topics, reason)
    })
  }

  get state(): LinkState['kind'] {
    return this.#state.kind
  }

  get peer(): Peer | undefined {
    return this.#state.kind === 'peered' ? this.#state.peer : undefined
  }

  /** The peer of this link, also when the peering is over. */
  get lastPeer(): Peer | undefined {
    return this.#lastPeer
  }

  get remoteId(): EndpointId | undefined {
    return this.#state.kind === 'peered' ? this.#state.remoteId : undefined
  }

  /** Whether the peer is so slow that a publisher was told to wait. */
  get isCongested(): boolean {
    return this.#state.kind === 'peered' && this.#state.outbox.isCongested
  }

  /** Where the other end is; undefined before the connection exists. */
  get remoteAddress(): NetworkAddress | undefined {
    return this.#connection?.remote
  }

  /** The connection that is being made for an outgoing link. */
  connecting(connection: Connection): void {
    this.#connection = connection
  }

  /** The connection is established: the handshake starts. */
  onOpen(connection: Connection): void {
    if (this.#state.kind !== 'connecting') return connection.destroy()
    this.#connection = connection
    const machine = new Handshake(this.direction === 'outgoing' ? 'connector' : 'listener', {
      ownId: this.#settings.ownId,
      filter: () => {
        this.#announced = this.#owner.filter()
        return this.#announced
      },
      claim: (remoteId) => this.#owner.claim(this, remoteId),
      isKnown: (remoteId) => this.#owner.isKnown(remoteId),
    })
    const { handshakeTimeoutMs } = this.#settings
    const timer = this.#settings.timers.after(handshakeTimeoutMs, () => {
      const reason = `no handshake within ${handshakeTimeoutMs} ms`
      // A failed dial is told by its dialer.
      if (this.direction === 'incoming') this.#fault(reason)
      this.#fail(reason)
    })
    this.#state = { kind: 'handshake', machine, timer }
    this.#advanceHandshake(machine, timer)
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return
    this.#bytesIn += bytes.length
    this.#chunk = bytes
    try {
      this.#decoder.push(bytes, this.#onFrame)
    } catch (error) {
      if (!(error instanceof FrameTooLargeError)) throw error
      const reason =
        this.#state.kind === 'handshake' && error.looksLikeTls
          ? 'the peer speaks TLS, and this side has Broker::disable_ssl = T'
          : errorMessage(error)
      this.#fault(reason)
      this.#fail(reason)
    }
    this.#owner.onChunkEnd()
  }

  onClose(error: TransportError | undefined): void {
    const state = this.#state
    const reason = error?.message ?? 'connection closed'
    switch (state.kind) {
      case 'connecting':
      case 'handshake':
        this.#finish({ kind: 'failed', reason })
        break
      case 'peered':
        this.#finish({ kind: 'lost', by: state.goodbye === undefined ? 'peer' : 'self', reason })
        break
      case 'closing':
      case 'closed':
        break
    }
    this.#state = { kind: 'closed' }
  }

  /** What this link waited for in its handshake is decided. */
  rivalEnded(outcome: 'peered' | 'failed'): void {
    if (this.#state.kind !== 'handshake') return
    this.#state.machine.rivalEnded(outcome)
    this.#advanceHandshake(this.#state.machine, this.#state.timer)
  }

  subscribes(topic: string): boolean {
    const state = this.#state
    return state.kind === 'peered' && state.goodbye === undefined && state.matcher.matches(topic)
  }

  /** Encodes a message into the outbox; `receiver` nil is everyone. Throws `EncodeError`. */
  send(type: number, receiver: EndpointId, topic: string, message: Encodable): PublishOutcome {
    if (this.#state.kind !== 'peered') return 'no-peer'
    const { outbox } = this.#state
    const writer = outbox.open()
    if (!(writer instanceof ByteWriter)) return this.#overflow(writer, topic, 1)
    const from = writer.length
    try {
      const { ownId, broadcastHeaders } = this.#settings
      const frameStart =
        (type === ENVELOPE.data || type === ENVELOPE.command) && receiver === NIL_ID
          ? broadcastHeaders.begin(writer, type, topic)
          : beginEnvelope(writer, type, ownId, receiver, topic)
      message.writeTo(writer)
      endEnvelope(writer, frameStart)
    } catch (error) {
      writer.length = from
      throw error
    }
    outbox.appended()
    return outbox.checkHighWater() ? 'queued' : 'accepted'
  }

  /** Sends frames that were encoded before, `bytes[start, end)`. */
  sendFrames(topic: string, bytes: Uint8Array, start: number, end: number, messages = 1): PublishOutcome {
    if (this.#state.kind !== 'peered') return 'no-peer'
    const { outbox } = this.#state
    const writer = outbox.open(messages, end - start)
    if (!(writer instanceof ByteWriter)) return this.#overflow(writer, topic, messages)
    writer.slice(bytes, start, end)
    outbox.appended(messages)
    return outbox.checkHighWater() ? 'queued' : 'accepted'
  }

  /** Tells the peer the own subscriptions, unless it knows exactly these. */
  sendFilterIfChanged(prefixes: readonly string[]): void {
    if (this.#state.kind !== 'peered' || prefixes === this.#announced) return
    this.#announced = prefixes
    this.#droppedBefore = this.#state.outbox.droppedMessages
    this.send(ENVELOPE.routingUpdate, this.#state.remoteId, CONTROL_TOPIC, {
      writeTo: (writer) => writeFilter(writer, prefixes),
    })
  }

  /** Asks for a sign of life. `done` is called when it comes, or when the peering ends. */
  ping(payload: Uint8Array, done: () => void): void {
    if (this.#state.kind !== 'peered') return done()
    this.#pings.add(payload, done)
    this.#sendControl(ENVELOPE.ping, payload)
  }

  /** Stops waiting for the answer to a ping. */
  forgetPing(payload: Uint8Array): void {
    this.#pings.forget(payload)
  }

  /** Ends the peering in order; anything else at once. Who is in a handshake is told of a shutdown. */
  leave(payload: Uint8Array, isShutdown: boolean): void {
    const state = this.#state
    if (isShutdown && state.kind === 'handshake') {
      state.machine.shutDown()
      return this.#advanceHandshake(state.machine, state.timer)
    }
    if (state.kind !== 'peered') return this.#fail('closed by this endpoint')
    if (state.goodbye !== undefined) return
    this.#sendControl(ENVELOPE.ping, payload)
    state.outbox.flushAll()
    const timer = this.#settings.timers.after(this.#settings.goodbyeTimeoutMs, () => {
      this.#connection?.destroy()
    })
    this.#state = { ...state, goodbye: { timer, payload } }
  }

  /** Passes on frames of another peer, `bytes[start, end)`, whose senders and ttls are set already. */
  forward(topic: string, bytes: Uint8Array, start: number, end: number, messages: number): void {
    if (this.sendFrames(topic, bytes, start, end, messages) !== 'dropped') this.#forwarded += messages
  }

  addCounters(counters: PeerCounters): void {
    counters.messagesIn += this.#messagesIn
    counters.bytesIn += this.#bytesIn
    counters.ignoredIn += this.ignoredFrames
    counters.forwardedOut += this.#forwarded
    const outbox = this.#outbox
    if (outbox === undefined) return
    counters.messagesOut += outbox.sentMessages
    counters.bytesOut += outbox.sentBytes
    counters.droppedOut += outbox.droppedMessages
    counters.queuedBytes += outbox.queuedBytes
  }

  /** Dropped messages by topic. */
  get droppedByTopic(): ReadonlyMap<string, number> {
    return this.#drops.total
  }

  readonly #onFrame = (bytes: Uint8Array, start: number, end: number): boolean => {
    switch (this.#state.kind) {
      case 'handshake': {
        const { machine, timer } = this.#state
        if (start === end) {
          this.#fail('an empty frame in the handshake')
          return false
        }
        machine.receive(decodeHandshakeMessage(bytes, start, end))
        this.#advanceHandshake(machine, timer)
        return this.#isReading()
      }
      case 'peered':
        if (start !== end) this.#receiveEnvelope(this.#state, bytes, start, end)
        return this.#isReading()
      case 'connecting':
      case 'closing':
      case 'closed':
        return false
    }
  }

  /** After the end nothing of what came with it is looked at. */
  #isReading(): boolean {
    return this.#state.kind === 'handshake' || this.#state.kind === 'peered'
  }

  #advanceHandshake(machine: Handshake, timer: Timer): void {
    for (const frame of machine.takeOutput()) this.#connection?.send(frame, NOTHING)
    const state = machine.state
    switch (state.kind) {
      case 'peered':
        timer.cancel()
        return this.#becomePeered(state.remoteId, state.remoteFilter)
      case 'redundant':
        timer.cancel()
        this.#state = { kind: 'closing' }
        this.#owner.onEnded(this, { kind: 'redundant', remoteId: state.remoteId })
        return this.#connection?.end()
      case 'failed':
        timer.cancel()
        if (state.code === EC.invalidMessage || state.code === EC.wrongMagicNumber) this.#fault(state.reason)
        return this.#fail(state.reason)
      default:
        return
    }
  }

  #becomePeered(remoteId: EndpointId, remoteFilter: readonly string[]): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#decoder.limitBytes = this.#settings.frameLimitBytes
    const { timers, outboxLimits } = this.#settings
    const outbox = new Outbox(connection, timers, outboxLimits, {
      onDrain: () => this.#drained(outbox),
      onDropped: (bytes, length) => {
        const messages = this.#drops.countFrames(bytes, length)
        if (this.#state.kind === 'closed') this.#owner.onDroppedLate(messages)
      },
    })
    this.#outbox = outbox
    const peer: Peer = {
      id: remoteId.text,
      address: connection.remote,
      direction: this.direction,
      subscriptions: remoteFilter,
    }
    this.#lastPeer = peer
    this.#state = {
      kind: 'peered',
      remoteId,
      peer,
      outbox,
      matcher: new FilterMatcher(remoteFilter),
      goodbye: undefined,
    }
    this.#owner.onPeered(this, peer)
  }

  #receiveEnvelope(state: Peered, bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader
    const envelope = this.#envelope
    try {
      reader.reset(bytes, start, end)
      envelope.bytes = bytes
      envelope.end = end
      envelope.isInChunk = bytes === this.#chunk
      if (this.#lastHeader?.isAt(reader) === true) {
        envelope.senderStart = start
        envelope.receiverStart = start + 16
        envelope.payloadStart = start + this.#lastHeader.length
        this.#messagesIn += 1
        return this.#owner.onEnvelope(this, state.peer, envelope)
      }
      this.#lastHeader = undefined
      readEnvelopeHeader(reader, envelope)
      if (!isIdAt(reader, envelope.senderStart, state.remoteId))
        return this.ignore('an envelope in the name of another endpoint')
      envelope.receiver = receiverOf(reader, envelope.receiverStart, this.#settings.ownId)
      if (envelope.receiver === 'other') return this.#owner.onEnvelope(this, state.peer, envelope)
      switch (envelope.type) {
        case ENVELOPE.data:
        case ENVELOPE.command:
          if (envelope.topic.startsWith(LOCAL_TOPIC_PREFIX))
            return this.ignore(`a message on ${envelope.topic}`)
          // Worth it only for runs: the second of two alike.
          if (envelope.topic === this.#lastTopic) this.#lastHeader = new KnownStart(reader, start)
          this.#lastTopic = envelope.topic
          this.#messagesIn += 1
          return this.#owner.onEnvelope(this, state.peer, envelope)
        case ENVELOPE.routingUpdate:
          return this.#updateFilter(state, readFilter(reader))
        case ENVELOPE.ping:
          return this.#sendControl(ENVELOPE.pong, bytes.subarray(envelope.payloadStart, end))
        case ENVELOPE.pong:
          return this.#receivePong(state, bytes.subarray(envelope.payloadStart, end))
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.ignore(errorMessage(error))
    }
  }

  #updateFilter(state: Peered, prefixes: string[]): void {
    const peer = { ...state.peer, subscriptions: prefixes }
    this.#lastPeer = peer
    this.#state = { ...state, peer, matcher: new FilterMatcher(prefixes) }
    this.#owner.onSubscriptionsChanged(peer)
  }

  #sendControl(type: number, payload: Uint8Array): void {
    if (this.#state.kind !== 'peered') return
    this.send(type, this.#state.remoteId, CONTROL_TOPIC, { writeTo: (writer) => writer.raw(payload) })
  }

  #receivePong(state: Peered, payload: Uint8Array): void {
    this.#pings.answered(payload)
    // The timer stays: a peer that no longer reads would keep the connection open.
    if (state.goodbye !== undefined && Buffer.compare(payload, state.goodbye.payload) === 0)
      this.#connection?.end()
  }

  #overflow(verdict: 'drop' | 'disconnect', topic: string, messages: number): PublishOutcome {
    this.#drops.count(topic, messages)
    if (verdict === 'disconnect') {
      // Not now: the endpoint is in the middle of a publish, and its owner may answer the loss with another.
      this.#settings.timers.soon(() => {
        this.#fault('the peer reads too slowly: its queue is full')
        this.#fail('queue full', 'overflow')
      })
    }
    return 'dropped'
  }

  #drained(outbox: Outbox): void {
    // What was dropped may have been the last word on the own subscriptions.
    if (outbox.droppedMessages > this.#droppedBefore) {
      // Not known to the peer, whatever it is: another list than the owner's.
      this.#announced = []
      this.sendFilterIfChanged(this.#owner.filter())
    }
    this.#owner.onDrain()
  }

  ignore(message: string): void {
    this.ignoredFrames += 1
    this.#fault(message)
  }

  /** Only the first fault of a connection is told, so that a hostile peer cannot fill a log. */
  #fault(message: string): void {
    if (this.#faultReported) return
    this.#faultReported = true
    this.#owner.onFault(this, message)
  }

  #fail(reason: string, by: 'peer' | 'self' | 'overflow' = 'peer'): void {
    switch (this.#state.kind) {
      case 'connecting':
        this.#finish({ kind: 'failed', reason })
        return this.#connection?.destroy()
      case 'handshake':
        this.#finish({ kind: 'failed', reason })
        // What was sent last says why: let it leave.
        return this.#connection?.end()
      case 'peered':
        this.#finish({ kind: 'lost', by, reason })
        return this.#connection?.destroy()
      case 'closing':
      case 'closed':
        return
    }
  }

  #finish(end: LinkEnd): void {
    const state = this.#state
    this.#state = { kind: 'closing' }
    if (state.kind === 'handshake') state.timer.cancel()
    if (state.kind === 'peered') {
      state.goodbye?.timer.cancel()
      this.#drops.tellNow()
      state.outbox.close()
    }
    this.#pings.end()
    this.#owner.onEnded(this, end)
  }

  /** In words, for messages. */
  describe(): string {
    return this.remoteAddress === undefined ? 'a peer' : formatAddress(this.remoteAddress)
  }
}
