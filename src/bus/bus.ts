/**
 * The port between the framework and what carries its messages. A message is published to a topic; peers and
 * the local node receive what their subscriptions match. Implementations: `src/broker`.
 */

import type { NetworkAddress } from '../base/network-address.js'
import type { Report } from '../base/report.js'
import type { Encodable } from '../data/messages.js'

/**
 * What became of a published message, the worst outcome over the matching peers: `accepted` is on its way,
 * `queued` waits for a slow peer (publish less until `onDrain`), `dropped` did not fit the queue of a peer,
 * `no-peer` matched nobody.
 */
export type PublishOutcome = 'accepted' | 'queued' | 'dropped' | 'no-peer'

/** A node that this one exchanges messages with. */
export interface Peer {
  /** Unique for the life of that process: a UUID as text. */
  readonly id: string
  readonly address: NetworkAddress
  /** Who opened the connection. */
  readonly direction: 'incoming' | 'outgoing'
  /** Topic prefixes the peer subscribes. */
  readonly subscriptions: readonly string[]
}

/** Where an endpoint is, as Broker describes it (`Broker::EndpointInfo`). */
export interface EndpointInfo {
  /** Unknown before the first contact. */
  readonly id?: string
  readonly address?: NetworkAddress
  /** Seconds between attempts to connect, when this side connects. */
  readonly retrySeconds?: number
}

/** Broker's names of what happens to peerings (`Broker::peer_added` and so on; spec/broker-protocol.md 3.12). */
export type StatusCode =
  | 'peer_added'
  /** This side ended the peering. */
  | 'peer_removed'
  | 'peer_lost'
  | 'endpoint_discovered'
  | 'endpoint_unreachable'

/** What happens on the bus, for scripts and operators. */
export type BusStatus =
  | {
      readonly kind: 'status'
      readonly code: StatusCode
      readonly endpoint: EndpointInfo
      readonly message: string
    }
  | {
      readonly kind: 'error'
      readonly code: 'peer_invalid' | 'peer_unavailable'
      readonly endpoint: EndpointInfo
      readonly message: string
    }
  /** Messages that a peer was to get after `publish` had said `accepted` or `queued`, or that its queue refused. */
  | {
      readonly kind: 'messages-dropped'
      readonly peer: Peer
      /** Number of messages by topic. */
      readonly topics: ReadonlyMap<string, number>
      readonly reason: 'queue-full' | 'peer-lost'
    }

export interface PeerCounters {
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
  /** Messages dropped because the peer's queue was full, or lost with the peer. */
  droppedOut: number
  /** Messages of others passed on to this peer. */
  forwardedOut: number
  /** Frames that were malformed or not meant for this endpoint. */
  ignoredIn: number
  /** Bytes waiting for the peer now. */
  queuedBytes: number
}

export interface BusHandler {
  /**
   * A store command: what masters and clones say to each other. The payload is `bytes[start, end)`, valid during the
   * call (spec/broker-protocol.md 7). Without it commands are ignored.
   */
  onCommand?(topic: string, bytes: Uint8Array, start: number, end: number, from: Peer): void
  /**
   * A message that a subscription matches. The payload is `bytes[start, end)`, one encoded value, valid during
   * the call.
   */
  onMessage(topic: string, bytes: Uint8Array, start: number, end: number, from: Peer): void
  onPeerAdded(peer: Peer): void
  /** `local` is true when this side ended the peering. */
  onPeerLost(peer: Peer, local: boolean): void
  /** The peer's subscriptions changed. */
  onSubscriptionsChanged(peer: Peer): void
  /** The queues of all peers are short again after a `queued` or `dropped` outcome. */
  onDrain(): void
  onStatus(status: BusStatus): void
  /** Something an operator should know; for example a peer that sends garbage. */
  onReport(report: Report): void
}

/**
 * A further participant on the bus in this process, for example a WebSocket client. It receives what peers, the node
 * itself and the other participants publish, never its own messages (a "hub" of Broker, spec/broker-protocol.md 5.3).
 */
export interface Participant {
  subscribe(prefix: string): void
  unsubscribe(prefix: string): void
  /** Sends to peers, to the node itself and to the other participants. */
  publish(topic: string, message: Encodable): PublishOutcome
  /** Leaves the bus; its subscriptions end. */
  close(): void
}

/** How a participant gets its messages: `bytes[start, end)` is one encoded value, valid during the call. */
export type MessageSink = (topic: string, bytes: Uint8Array, start: number, end: number) => void

export interface Bus {
  /** Own identity on the bus: a UUID as text. */
  readonly id: string
  /** Peers whose handshake is done. */
  peers(): readonly Peer[]
  /** Encodes once and sends to every peer that subscribes a prefix of `topic`. Never to the own process. */
  publish(topic: string, message: Encodable): PublishOutcome
  /** Sends to one peer, whatever it subscribes. */
  send(peerId: string, topic: string, message: Encodable): PublishOutcome
  /**
   * Sends a store command to every peer that subscribes a prefix of `topic`, or to one endpoint only. Commands are
   * seen by masters and clones, never by handlers of messages.
   */
  sendCommand(topic: string, command: Encodable, endpoint?: string): PublishOutcome
  /** Hands data to the participants in this process that subscribe `topic`, and to nobody else. */
  publishLocally(topic: string, message: Encodable): void
  /** Whether a participant in this process subscribes a prefix of `topic`. */
  isHeardLocally(topic: string): boolean
  /** Receives every topic that starts with `prefix`. */
  subscribe(prefix: string): void
  unsubscribe(prefix: string): void
  /** Adds a participant. `id` and `address` are what handlers of the node see as the sender of its messages. */
  attach(id: string, address: NetworkAddress, onMessage: MessageSink): Participant
  /** Sums over all peers, past ones included. */
  counters(): PeerCounters
  /** Of each peer that is connected (`Broker::peering_stats`). */
  peerCounters(): ReadonlyMap<Peer, PeerCounters & { readonly droppedByTopic: ReadonlyMap<string, number> }>
  /**
   * Resolves when every peer has taken in what was published to it before, or is gone; false when `timeoutMs` have
   * passed before. What the peer's scripts make of it may take longer.
   */
  barrier(timeoutMs: number): Promise<boolean>
  /** Ends all peerings in order and stops listening; resolves when every connection is closed. */
  close(): Promise<void>
}
