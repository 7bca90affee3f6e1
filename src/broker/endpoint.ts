/**
 * An endpoint of Broker's network: listens, dials, keeps one peering per remote endpoint, and routes messages by
 * topic prefix (spec/broker-protocol.md 3 and 5). It implements the bus port of the framework.
 */

import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import type { Report } from '../base/report.js'
import type { Timers } from '../base/time.js'
import type {
  Bus,
  BusHandler,
  MessageSink,
  Participant,
  Peer,
  PeerCounters,
  PublishOutcome,
} from '../bus/bus.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Encodable } from '../data/messages.js'
import type { Connection, Listener, Network, Security } from '../transport/transport.js'
import { Dialer } from './dialer.js'
import type { EndpointId } from './endpoint-id.js'
import { NIL_ID } from './endpoint-id.js'
import { BroadcastHeaders, ENVELOPE, endEnvelope } from './envelope.js'
import { FilterMatcher, LOCAL_TOPIC_PREFIX, minimalFilter } from './filter.js'
import type { Claim } from './handshake.js'
import { Link, type LinkEnd, type LinkOwner, type LinkSettings } from './link.js'
import { LocalParticipant } from './local-participant.js'
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits } from './outbox.js'

export interface EndpointSettings {
  readonly id: EndpointId
  readonly network: Network
  readonly timers: Timers
  readonly security: Security
  readonly handler: BusHandler
  readonly outboxLimits?: OutboxLimits
  /** Default 10 s. */
  readonly handshakeTimeoutMs?: number
  /** Longest message accepted from a peer; default 64 MiB. */
  readonly frameLimitBytes?: number
  /** Accepted connections whose handshake is not done; more are closed at once. Default 256. */
  readonly pendingLimit?: number
}

const CONNECT_TIMEOUT_MS = 1000
/** Faulty connections that are told one by one; of those behind, every so many. */
const TOLD_FAULTS = 20
const TOLD_FAULTS_EVERY = 1000
/** Of the failed attempts to one address in a row, every this many is reported. */
const REPORTED_ATTEMPTS = 60
const GOODBYE_TIMEOUT_MS = 3000
const HANDSHAKE_FRAME_LIMIT_BYTES = 1024 * 1024

export class Endpoint implements Bus, LinkOwner {
  readonly #settings: EndpointSettings
  readonly #linkSettings: LinkSettings
  readonly #handler: BusHandler
  readonly #listeners: Listener[] = []
  readonly #dialers: Dialer[] = []
  /** Every connection that is not closed. */
  readonly #links = new Set<Link>()
  /** The link that has a remote id: in its handshake, or peered. */
  readonly #claims = new Map<string, Link>()
  /** Links whose handshake waits for the link that has the id. */
  readonly #waiting = new Map<string, Link[]>()
  readonly #participants = new Set<LocalParticipant>()
  /** Peered links, for the loop of `publish`. */
  #peered: Link[] = []
  #subscriptions: readonly string[] = []
  /** What the node itself subscribes; `#filter` has the subscriptions of the participants too. */
  #ownFilter = new FilterMatcher([])
  #filter = new FilterMatcher([])
  readonly #frame = new ByteWriter()
  #pingCount = 0n
  /** Connections that ended in a fault. */
  #faults = 0
  /** A publisher was told to wait, and not yet to go on. */
  #drainOwed = false
  #closed: Promise<void> | undefined
  #state: 'open' | 'closing' = 'open'
  #onIdle: (() => void) | undefined
  readonly #past: PeerCounters = emptyCounters()

  constructor(settings: EndpointSettings) {
    this.#settings = settings
    this.#handler = settings.handler
    this.#linkSettings = {
      ownId: settings.id,
      broadcastHeaders: new BroadcastHeaders(settings.id),
      timers: settings.timers,
      outboxLimits: settings.outboxLimits ?? DEFAULT_OUTBOX_LIMITS,
      handshakeTimeoutMs: settings.handshakeTimeoutMs ?? 10_000,
      goodbyeTimeoutMs: GOODBYE_TIMEOUT_MS,
      handshakeFrameLimitBytes: HANDSHAKE_FRAME_LIMIT_BYTES,
      frameLimitBytes: settings.frameLimitBytes ?? 64 * 1024 * 1024,
    }
  }

  get id(): string {
    return this.#settings.id.text
  }

  /** Accepts peers. Rejects with a `TransportError`. */
  async listen(address: NetworkAddress): Promise<NetworkAddress> {
    const { network, security } = this.#settings
    const pendingLimit = this.#settings.pendingLimit ?? 256
    const accept = (connection: Connection): Link => {
      const link = new Link('incoming', this.#linkSettings, this)
      if (this.#state === 'closing' || this.#pendingAccepted() >= pendingLimit) {
        connection.destroy()
        return link
      }
      this.#links.add(link)
      link.onOpen(connection)
      return link
    }
    const listener = await network.listen(address, security, accept, (_remote, error) =>
      this.#reportFault(`connection refused: ${error.message}`),
    )
    this.#listeners.push(listener)
    // Closed in the meantime: `close` has not seen this one.
    if (this.#state === 'closing') await listener.close()
    return listener.address
  }

  /**
   * Keeps a peering with the endpoint at `address`: after a loss it is dialled again at once, after a failure when
   * `retryMs` have passed; 0 is never (spec/broker-protocol.md 3.10).
   */
  dial(address: NetworkAddress, retryMs: number): void {
    if (this.#state === 'closing') return
    const dialer = new Dialer(address, retryMs, this.#settings.timers, {
      connect: () => this.#connect(address),
      linkTo: (remoteId) => this.#claims.get(remoteId),
      onUnavailable: (reason, attempts) => {
        if (attempts % REPORTED_ATTEMPTS !== 1) return
        this.report(
          'info',
          'peer-unavailable',
          `no peering with ${formatAddress(address)} (try ${attempts}): ${reason}`,
        )
      },
    })
    this.#dialers.push(dialer)
    dialer.start()
  }

  peers(): readonly Peer[] {
    return this.#peered.flatMap((link) => link.peer ?? [])
  }

  publish(topic: string, message: Encodable): PublishOutcome {
    const outcome = this.#publishToPeers(topic, message)
    return this.#deliverLocally(topic, message, undefined) ? worseOutcome(outcome, 'accepted') : outcome
  }

  attach(id: string, address: NetworkAddress, onMessage: MessageSink): Participant {
    const participant: LocalParticipant = new LocalParticipant(onMessage, {
      publish: (topic, message) => {
        const peer: Peer = { id, address, direction: 'incoming', subscriptions: participant.subscriptions }
        const outcome = this.#publishToPeers(topic, message)
        const toNode = this.#ownFilter.matches(topic)
        if (toNode) {
          const bytes = encoded(message)
          this.#settings.timers.soon(() => this.#handler.onMessage(topic, bytes, 0, bytes.length, peer))
        }
        const delivered = this.#deliverLocally(topic, message, participant) || toNode
        return delivered ? worseOutcome(outcome, 'accepted') : outcome
      },
      onSubscriptions: () => this.#announce(),
      onClose: () => {
        this.#participants.delete(participant)
        this.#announce()
      },
    })
    this.#participants.add(participant)
    return participant
  }

  #deliverLocally(topic: string, message: Encodable, from: LocalParticipant | undefined): boolean {
    let delivered = false
    for (const participant of this.#participants) {
      if (participant === from || !participant.matches(topic)) continue
      delivered = true
      const bytes = encoded(message)
      this.#settings.timers.soon(() => participant.deliver(topic, bytes, 0, bytes.length))
    }
    return delivered
  }

  #publishToPeers(topic: string, message: Encodable): PublishOutcome {
    let worst: PublishOutcome = 'no-peer'
    let frame: Uint8Array | undefined
    const peered = this.#peered
    for (let index = 0; index < peered.length; index += 1) {
      const link = peered[index]!
      if (!link.subscribes(topic)) continue
      let outcome: PublishOutcome
      if (frame !== undefined) {
        outcome = link.sendFrame(frame)
      } else if (this.#hasMoreSubscribers(topic, index + 1)) {
        frame = this.#encode(topic, message)
        outcome = link.sendFrame(frame)
      } else {
        outcome = link.send(ENVELOPE.data, NIL_ID, topic, message)
      }
      worst = worseOutcome(worst, outcome)
    }
    return this.#noted(worst)
  }

  send(peerId: string, topic: string, message: Encodable): PublishOutcome {
    const link = this.#claims.get(peerId)
    const remoteId = link?.remoteId
    if (link === undefined || remoteId === undefined) return 'no-peer'
    return this.#noted(link.send(ENVELOPE.data, remoteId, topic, message))
  }

  subscribe(prefix: string): void {
    this.#setSubscriptions([...this.#subscriptions, prefix])
  }

  unsubscribe(prefix: string): void {
    this.#setSubscriptions(this.#subscriptions.filter((other) => other !== prefix))
  }

  counters(): PeerCounters {
    const counters = { ...this.#past }
    for (const link of this.#links) link.addCounters(counters)
    return counters
  }

  async barrier(timeoutMs: number): Promise<void> {
    const links = this.#peered
    if (links.length === 0) return
    this.#pingCount += 1n
    const payload = pingPayload('barrier', this.#pingCount)
    let unanswered = links.length
    await new Promise<void>((resolve) => {
      const timer = this.#settings.timers.after(timeoutMs, resolve)
      const done = (): void => {
        unanswered -= 1
        if (unanswered > 0) return
        timer.cancel()
        resolve()
      }
      for (const link of links) link.ping(payload, done)
    })
    for (const link of links) link.forgetPing(payload)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    for (const dialer of this.#dialers) dialer.stop()
    for (const link of [...this.#links]) {
      this.#pingCount += 1n
      link.leave(pingPayload('BYE', this.#pingCount))
    }
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#checkIdle()
    })
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  report(severity: Report['severity'], code: string, message: string): void {
    this.#handler.onReport({ severity, code, message })
  }

  // What the links ask and tell.

  filter(): readonly string[] {
    return this.#filter.prefixes
  }

  claim(link: Link, remoteId: EndpointId): Claim {
    const holder = this.#claims.get(remoteId.text)
    if (holder === undefined || holder === link) {
      this.#claims.set(remoteId.text, link)
      return 'proceed'
    }
    if (holder.state === 'peered') return 'redundant'
    const waiting = this.#waiting.get(remoteId.text) ?? []
    this.#waiting.set(remoteId.text, [...waiting, link])
    return 'wait'
  }

  isKnown(remoteId: EndpointId): boolean {
    return this.#claims.has(remoteId.text)
  }

  onPeered(link: Link, peer: Peer): void {
    this.#peered = [...this.#peered, link]
    // Subscriptions may have changed since the handshake took its copy.
    link.sendFilterIfChanged(this.#filter.prefixes)
    this.#endWaiting(peer.id, 'peered')
    this.#handler.onPeerAdded(peer)
  }

  onEnded(link: Link, end: LinkEnd): void {
    link.addCounters(this.#past)
    this.#past.queuedBytes = 0
    this.#links.delete(link)
    const wasPeered = this.#peered.includes(link)
    if (wasPeered) this.#peered = this.#peered.filter((other) => other !== link)
    for (const [id, holder] of this.#claims) {
      if (holder !== link) continue
      this.#claims.delete(id)
      this.#endWaiting(id, 'failed')
    }
    for (const [id, waiting] of this.#waiting) {
      if (waiting.includes(link))
        this.#waiting.set(
          id,
          waiting.filter((other) => other !== link),
        )
    }
    const peer = link.lastPeer
    if (end.kind === 'lost' && peer !== undefined) this.#handler.onPeerLost(peer, end.local)
    for (const dialer of this.#dialers) dialer.linkEnded(link, end)
    this.onDrain()
    if (this.#state === 'closing') this.#checkIdle()
  }

  onMessage(topic: string, bytes: Uint8Array, start: number, end: number, peer: Peer, direct: boolean): void {
    for (const participant of this.#participants) {
      if (participant.matches(topic)) participant.deliver(topic, bytes, start, end)
    }
    if (direct || this.#participants.size === 0 || this.#ownFilter.matches(topic))
      this.#handler.onMessage(topic, bytes, start, end, peer)
  }

  onSubscriptionsChanged(peer: Peer): void {
    this.#handler.onSubscriptionsChanged(peer)
  }

  /** The queue of one peer is short again, or gone with it. */
  onDrain(): void {
    if (!this.#drainOwed || this.#peered.some((link) => link.isCongested)) return
    this.#drainOwed = false
    this.#handler.onDrain()
  }

  onFault(link: Link, message: string): void {
    this.#reportFault(`from ${link.describe()}: ${message}`)
  }

  /** Everybody can provoke these: they must not fill a log. */
  #reportFault(message: string): void {
    this.#faults += 1
    if (this.#faults > TOLD_FAULTS && this.#faults % TOLD_FAULTS_EVERY !== 0) return
    const count = this.#faults > TOLD_FAULTS ? ` (${this.#faults} such connections so far)` : ''
    this.report('warning', 'peer-fault', message + count)
  }

  #connect(address: NetworkAddress): Link {
    const link = new Link('outgoing', this.#linkSettings, this)
    this.#links.add(link)
    link.connecting(
      this.#settings.network.connect(address, this.#settings.security, CONNECT_TIMEOUT_MS, link),
    )
    return link
  }

  #noted(outcome: PublishOutcome): PublishOutcome {
    if (outcome === 'queued' || outcome === 'dropped') this.#drainOwed = true
    return outcome
  }

  #pendingAccepted(): number {
    let count = 0
    for (const link of this.#links) if (link.direction === 'incoming' && link.state !== 'peered') count += 1
    return count
  }

  #hasMoreSubscribers(topic: string, from: number): boolean {
    for (let index = from; index < this.#peered.length; index += 1) {
      if (this.#peered[index]!.subscribes(topic)) return true
    }
    return false
  }

  /** One frame for several peers: sender and receiver are the same for all. */
  #encode(topic: string, message: Encodable): Uint8Array {
    const writer = this.#frame
    writer.length = 0
    const start = this.#linkSettings.broadcastHeaders.begin(writer, topic)
    message.writeTo(writer)
    endEnvelope(writer, start)
    return writer.written()
  }

  #setSubscriptions(prefixes: readonly string[]): void {
    this.#subscriptions = prefixes
    this.#ownFilter = new FilterMatcher(prefixes)
    this.#announce()
  }

  #announce(): void {
    const prefixes = [...this.#participants].flatMap((participant) => participant.subscriptions)
    const filter = minimalFilter(
      [...this.#subscriptions, ...prefixes].filter((prefix) => !prefix.startsWith(LOCAL_TOPIC_PREFIX)),
    )
    const current = this.#filter.prefixes
    if (filter.length === current.length && filter.every((prefix, index) => prefix === current[index])) return
    this.#filter = new FilterMatcher(filter)
    for (const link of this.#peered) link.sendFilterIfChanged(filter)
  }

  #endWaiting(id: string, outcome: 'peered' | 'failed'): void {
    const waiting = this.#waiting.get(id) ?? []
    this.#waiting.delete(id)
    for (const link of waiting) link.rivalEnded(outcome)
  }

  #checkIdle(): void {
    if (this.#links.size === 0) this.#onIdle?.()
  }
}

function encoded(message: Encodable): Uint8Array {
  const writer = new ByteWriter()
  message.writeTo(writer)
  return writer.toBytes()
}

const OUTCOMES: readonly PublishOutcome[] = ['no-peer', 'accepted', 'queued', 'dropped']

function worseOutcome(a: PublishOutcome, b: PublishOutcome): PublishOutcome {
  return OUTCOMES.indexOf(a) > OUTCOMES.indexOf(b) ? a : b
}

function emptyCounters(): PeerCounters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    droppedOut: 0,
    ignoredIn: 0,
    queuedBytes: 0,
  }
}

/** A word and a counter, which the peer only echoes. Broker's goodbye is `BYE`. */
function pingPayload(word: 'BYE' | 'barrier', count: bigint): Uint8Array {
  const payload = new Uint8Array(word.length + 8)
  payload.set(Buffer.from(word))
  new DataView(payload.buffer).setBigUint64(word.length, count, true)
  return payload
}
