/** What a link needs, asks and tells: its settings, its end and its owner. */
import type { Timers } from '../base/time.js'
import type { Peer } from '../bus/bus.js'
import type { EndpointId } from './endpoint-id.js'
import type { BroadcastHeaders, Envelope } from './envelope.js'
import type { Claim } from './handshake.js'
import type { Link } from './link.js'
import type { OutboxLimits } from './outbox.js'

export interface LinkSettings {
  readonly ownId: EndpointId
  readonly broadcastHeaders: BroadcastHeaders
  readonly timers: Timers
  readonly outboxLimits: OutboxLimits
  /** A connection whose handshake takes longer is closed. */
  readonly handshakeTimeoutMs: number
  /** How long a goodbye waits for its answer. */
  readonly goodbyeTimeoutMs: number
  /** Longest frame in the handshake, and after it. */
  readonly handshakeFrameLimitBytes: number
  readonly frameLimitBytes: number
}

/** Why a link ended. */
export type LinkEnd =
  /** It never became a peering. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another connection to the same endpoint is the peering. */
  | { readonly kind: 'redundant'; readonly remoteId: EndpointId }
  /** The peering is over: ended by the peer or the network, by this side, or because the peer's queue was full. */
  | { readonly kind: 'lost'; readonly by: 'peer' | 'self' | 'overflow'; readonly reason: string }

/** What a link asks of, and tells to, the endpoint that owns it. */
export interface LinkOwner {
  filter(): readonly string[]
  claim(link: Link, remoteId: EndpointId): Claim
  isKnown(remoteId: EndpointId): boolean
  onPeered(link: Link, peer: Peer): void
  onEnded(link: Link, end: LinkEnd): void
  /** A frame with data or a command, or one that is addressed to another endpoint. */
  onEnvelope(link: Link, peer: Peer, envelope: Envelope): void
  /** Every frame that came in one piece has been told. */
  onChunkEnd(): void
  onSubscriptionsChanged(peer: Peer): void
  onDrain(): void
  /** Messages that this peer will not get, by topic; told at most once a second. */
  onDropped(peer: Peer, topics: ReadonlyMap<string, number>, reason: 'queue-full' | 'peer-lost'): void
  /** Messages that were dropped after `onEnded`. */
  onDroppedLate(messages: number): void
  /** The first malformed or dropped input of this link, in words. */
  onFault(link: Link, message: string): void
}
