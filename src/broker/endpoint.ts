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
  BusStatus,
  EndpointInfo,
  MessageSink,
  Participant,
  Peer,
  PeerCounters,
  PublishOutcome,
} from '../bus/bus.js'
import { emptyCounters, worseOutcome } from '../bus/outcome.js'
import { writeValue } from '../data/binary.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Encodable } from '../data/messages.js'
import type { Connection, Listener, Network, Security } from '../transport/transport.js'
import { Broadcast } from './broadcast.js'
import { Claims } from './claims.js'
import { Dialer } from './dialer.js'
import type { EndpointId } from './endpoint-id.js'
import { endpointIdFromText, NIL_ID } from './endpoint-id.js'
import { BroadcastHeaders, ENVELOPE, type Envelope } from './envelope.js'
import type { Claim } from './handshake.js'
import { Link } from './link.js'
import type { LinkEnd, LinkOwner, LinkSettings } from './link-owner.js'
import { LocalParticipant } from './local-participant.js'
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits } from './outbox.js'
import { pingPayload } from './pings.js'
import { Relay } from './relay.js'
import { Routes } from './routes.js'
import {
  cannotUnpeer,
  ERROR_TOPIC,
  STATUS_TOPIC,
  status,
  statusesOfEnd,
  statusValue,
  unavailable,
} from './status.js'

export interface EndpointSettings {
  readonly id: EndpointId
  readonly network: Network
  readonly timers: Timers
  readonly security: Security
  readonly handler: BusHandler
  readonly outboxLimits?: OutboxLimits
  /** Whether messages of one peer are passed on to others (`Broker::forward_messages`); default false. */
  readonly forward?: boolean
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
  readonly #claims = new Claims()
  readonly #routes = new Routes()
  readonly #relay: Relay
  readonly #broadcast: Broadcast
  #pingCount = 0n
  /** Messages that were not passed on because they had come too far. */
  #expired = 0
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
    this.#relay = new Relay(settings.id, this.#routes, (peer, topic) => this.#expire(peer, topic))
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
    this.#broadcast = new Broadcast(settings.id, this.#linkSettings.broadcastHeaders)
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
      if (this.#pendingAccepted() >= pendingLimit) {
        connection.destroy()
        return link
      }
      this.#links.add(link)
      link.onOpen(connection)
      if (this.#state === 'closing') this.#leave(link)
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
      linkTo: (remoteId) => this.#claims.holder(remoteId),
      onUnavailable: (reason, attempts) => {
        this.#tell(unavailable(address, retryMs / 1000))
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

  /**
   * Ends the peering with the endpoint at `address` and stops dialling it. False, and the error `peer_invalid`, when
   * there is none (spec/broker-protocol.md 3.9).
   */
  unpeer(address: NetworkAddress): boolean {
    const wanted = formatAddress(address)
    const dialers = this.#dialers.filter(
      (dialer) => dialer.isActive && formatAddress(dialer.address) === wanted,
    )
    const links = [...this.#links].filter(
      (link) =>
        dialers.some((dialer) => dialer.isWatching(link)) ||
        (link.remoteAddress !== undefined && formatAddress(link.remoteAddress) === wanted),
    )
    for (const dialer of dialers) dialer.giveUp()
    for (const link of links) this.#leave(link)
    if (dialers.length > 0 || links.length > 0) return true
    this.#tell(cannotUnpeer(address))
    return false
  }

  peers(): readonly Peer[] {
    return this.#routes.links.flatMap((link) => link.peer ?? [])
  }

  publish(topic: string, message: Encodable): PublishOutcome {
    const { links, participants } = this.#routes.of(topic)
    if (links.length === 1 && participants.length === 0) {
      this.#relay.flush()
      return this.#noted(links[0]!.send(ENVELOPE.data, NIL_ID, topic, message))
    }
    if (links.length === 0 && participants.length === 0) return 'no-peer'
    return this.#spread(topic, message, links, participants)
  }

  attach(id: string, address: NetworkAddress, onMessage: MessageSink): Participant {
    const participant: LocalParticipant = new LocalParticipant(onMessage, {
      publish: (topic, message) => this.#publishFor(participant, id, address, topic, message),
      onSubscriptions: () => this.#routes.participantChanged(),
      onClose: () => this.#routes.removeParticipant(participant),
    })
    this.#routes.addParticipant(participant)
    return participant
  }

  send(peerId: string, topic: string, message: Encodable): PublishOutcome {
    this.#relay.flush()
    const link = this.#claims.holder(peerId)
    if (link?.remoteId === undefined) return 'no-peer'
    return this.#noted(link.send(ENVELOPE.data, link.remoteId, topic, message))
  }

  sendCommand(topic: string, command: Encodable, endpoint?: string): PublishOutcome {
    this.#relay.flush()
    const link = endpoint === undefined ? undefined : this.#claims.holder(endpoint)
    // Who is no peer may be behind one that passes it on.
    const links = link?.remoteId === undefined ? this.#routes.of(topic).links : [link]
    const receiver = endpoint === undefined ? NIL_ID : endpointIdFromText(endpoint)
    return this.#noted(this.#broadcast.command(topic, command, links, receiver))
  }

  publishLocally(topic: string, message: Encodable): void {
    const { participants } = this.#routes.of(topic)
    if (participants.length === 0) return
    const writer = new ByteWriter()
    message.writeTo(writer)
    for (const participant of participants) this.#deliverSoon(participant, topic, writer.written())
  }

  isHeardLocally(topic: string): boolean {
    return this.#routes.hasParticipants && this.#routes.of(topic).participants.length > 0
  }

  subscribe(prefix: string): void {
    this.#routes.subscribe(prefix)
  }

  unsubscribe(prefix: string): void {
    this.#routes.unsubscribe(prefix)
  }

  counters(): PeerCounters {
    const counters = { ...this.#past }
    for (const link of this.#links) link.addCounters(counters)
    return counters
  }

  peerCounters(): ReadonlyMap<Peer, PeerCounters & { readonly droppedByTopic: ReadonlyMap<string, number> }> {
    const byPeer = new Map<Peer, PeerCounters & { readonly droppedByTopic: ReadonlyMap<string, number> }>()
    for (const link of this.#routes.links) {
      if (link.peer === undefined) continue
      const counters = { ...emptyCounters(), droppedByTopic: link.droppedByTopic }
      link.addCounters(counters)
      byPeer.set(link.peer, counters)
    }
    return byPeer
  }

  async barrier(timeoutMs: number): Promise<boolean> {
    const { links } = this.#routes
    if (links.length === 0) return true
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
    return unanswered === 0
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    for (const dialer of this.#dialers) dialer.stop()
    for (const link of [...this.#links]) this.#leave(link)
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
    return this.#routes.announced
  }

  claim(link: Link, remoteId: EndpointId): Claim {
    return this.#claims.claim(link, remoteId)
  }

  isKnown(remoteId: EndpointId): boolean {
    return this.#claims.holder(remoteId.text) !== undefined
  }

  onPeered(link: Link, peer: Peer): void {
    this.#routes.addLink(link)
    // Subscriptions may have changed since the handshake took its copy.
    link.sendFilterIfChanged(this.#routes.announced)
    this.#claims.peered(peer.id)
    this.#tell(status('endpoint_discovered', { id: peer.id }))
    this.#handler.onPeerAdded(peer)
    this.#tell(status('peer_added', this.#endpointInfo(link, peer)))
  }

  onEnded(link: Link, end: LinkEnd): void {
    const peer = link.lastPeer
    const endpoint = peer === undefined ? undefined : this.#endpointInfo(link, peer)
    link.addCounters(this.#past)
    this.#past.queuedBytes = 0
    this.#links.delete(link)
    this.#routes.removeLink(link)
    this.#claims.release(link)
    if (end.kind === 'lost' && peer !== undefined && endpoint !== undefined) {
      this.#handler.onPeerLost(peer, end.by !== 'peer')
      for (const told of statusesOfEnd(end, endpoint)) this.#tell(told)
    }
    for (const dialer of this.#dialers) dialer.linkEnded(link, end)
    this.onDrain()
    if (this.#state === 'closing') this.#checkIdle()
  }

  onEnvelope(link: Link, peer: Peer, envelope: Envelope): void {
    const { topic, receiver, bytes, payloadStart, end } = envelope
    const { forward } = this.#settings
    if (receiver === 'own' || (forward !== true && !this.#routes.hasParticipants && receiver === 'all')) {
      return this.#deliver(link, peer, envelope)
    }
    if (receiver === 'all') {
      const { participants, toNode } = this.#routes.of(topic)
      if (toNode) this.#deliver(link, peer, envelope)
      if (envelope.type === ENVELOPE.data)
        for (const participant of participants) participant.deliver(topic, bytes, payloadStart, end)
    }
    if (forward === true) return this.#relay.forward(link, peer, envelope)
    if (receiver === 'other') link.ignore('an envelope for another endpoint')
  }

  onChunkEnd(): void {
    this.#relay.flush()
  }

  onDropped(peer: Peer, topics: ReadonlyMap<string, number>, reason: 'queue-full' | 'peer-lost'): void {
    this.#tell({ kind: 'messages-dropped', peer, topics, reason })
  }

  onDroppedLate(messages: number): void {
    this.#past.droppedOut += messages
  }

  onSubscriptionsChanged(peer: Peer): void {
    this.#routes.changed()
    this.#handler.onSubscriptionsChanged(peer)
  }

  /** The queue of one peer is short again, or gone with it. */
  onDrain(): void {
    if (!this.#drainOwed || this.#routes.links.some((link) => link.isCongested)) return
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

  #spread(
    topic: string,
    message: Encodable,
    links: readonly Link[],
    participants: readonly LocalParticipant[],
  ): PublishOutcome {
    this.#relay.flush()
    const { outcome, payload } = this.#broadcast.data(topic, message, links)
    if (participants.length === 0) return this.#noted(outcome)
    const copy = Uint8Array.from(payload)
    for (const participant of participants) this.#deliverSoon(participant, topic, copy)
    return this.#noted(worseOutcome(outcome, 'accepted'))
  }

  /** To the node itself. */
  #deliver(link: Link, peer: Peer, { type, topic, bytes, payloadStart, end }: Envelope): void {
    if (type === ENVELOPE.data) this.#handler.onMessage(topic, bytes, payloadStart, end, peer)
    else if (this.#handler.onCommand === undefined) link.ignoredFrames += 1
    else this.#handler.onCommand(topic, bytes, payloadStart, end, peer)
  }

  /** A participant publishes: to peers, to the node and to the other participants. */
  #publishFor(
    from: LocalParticipant,
    id: string,
    address: NetworkAddress,
    topic: string,
    message: Encodable,
  ): PublishOutcome {
    const { links, participants, toNode } = this.#routes.of(topic)
    const others = participants.filter((participant) => participant !== from)
    const outcome = this.#spread(topic, message, links, others)
    if (!toNode) return outcome
    const writer = new ByteWriter()
    message.writeTo(writer)
    const peer: Peer = { id, address, direction: 'incoming', subscriptions: from.subscriptions }
    this.#settings.timers.soon(() => this.#handler.onMessage(topic, writer.bytes, 0, writer.length, peer))
    return worseOutcome(outcome, 'accepted')
  }

  #deliverSoon(participant: LocalParticipant, topic: string, bytes: Uint8Array): void {
    this.#settings.timers.soon(() => participant.deliver(topic, bytes, 0, bytes.length))
  }

  #expire(peer: Peer, topic: string): void {
    this.#expired += 1
    if (this.#expired % TOLD_FAULTS_EVERY !== 1) return
    this.report(
      'warning',
      'routing-loop',
      `a message on ${topic} from ${formatAddress(peer.address)} had come too far to be passed on: the peerings form a cycle (${this.#expired} such messages so far)`,
    )
  }

  /** The last word to a peer. */
  #leave(link: Link): void {
    this.#relay.flush()
    this.#pingCount += 1n
    link.leave(pingPayload('BYE', this.#pingCount), this.#state === 'closing')
    this.#routes.changed()
  }

  #tell(told: BusStatus): void {
    this.#handler.onStatus(told)
    if (told.kind === 'messages-dropped') return
    const topic = told.kind === 'status' ? STATUS_TOPIC : ERROR_TOPIC
    this.publishLocally(topic, { writeTo: (writer) => writeValue(writer, statusValue(told)) })
  }

  #endpointInfo(link: Link, peer: Peer): EndpointInfo & { readonly id: string } {
    const dialer = this.#dialers.find((candidate) => candidate.isWatching(link))
    return dialer === undefined
      ? { id: peer.id, address: peer.address, retrySeconds: 0 }
      : { id: peer.id, address: dialer.address, retrySeconds: dialer.retryMs / 1000 }
  }

  #checkIdle(): void {
    if (this.#links.size === 0) this.#onIdle?.()
  }
}
