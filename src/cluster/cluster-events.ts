/** What a node tells its scripts, beside the events that nodes send each other. */
import type { NetworkAddress } from '../base/network-address.js'
import type { BusStatus } from '../bus/bus.js'
import type { ConnRecord } from '../data/conn-record.js'
import type { Value } from '../data/value.js'
import type { NodeId } from './membership.js'

export interface ClusterEvents {
  /**
   * `Cluster::hello`: a peer told its name and id, for the first time or again. The framework handles it at priority
   * 10, so the id is set in handlers of lower priority; `nodeUp` comes after all of them.
   */
  hello: [node: NodeId]
  /**
   * `Cluster::node_up`: a node of the layout connected. Its id and `workerCount` are up to date, the pools are so for
   * handlers of a priority below 10.
   */
  nodeUp: [node: NodeId]
  /** `Cluster::node_down`: a connected node is gone; `id` is the one that it had. */
  nodeDown: [node: NodeId]
  /** Every node that this one has a connection with by the layout is up, for the first time. */
  ready: []
  /** A worker saw a connection end. */
  connection: [record: ConnRecord]
  /** A worker read its capture to the end. */
  captureDone: []
  /** What happens to peerings: `Broker::peer_added` and the other status events, errors, dropped messages. */
  busStatus: [told: BusStatus]
  /** A peer sent a new value of a global (spec/cluster-framework.md 4.4); `outcome` says what became of it. */
  identifierUpdate: [update: IdentifierUpdate]
  /** `Control::configuration_update`: a controller sent all values that it wanted to send. */
  configurationUpdate: []
  /** `Cluster::websocket_client_added`: with its subscriptions, sorted and unique. */
  webSocketClientAdded: [client: WebSocketClientInfo, subscriptions: readonly string[]]
  /** `Cluster::websocket_client_lost`: with the code and reason of the close frame. */
  webSocketClientLost: [client: WebSocketClientInfo, code: number, reason: string]
  /** The queues to slow peers are short again after `publish` returned `queued` or `dropped`. */
  drain: []
  /** The node is about to leave: last words can still be published. */
  stopping: []
}

/**
 * `accepted`: the option has the value; `not-allowed`: the peer is no CONTROL node of the layout; `not-changeable`: an
 * option that is fixed after the start; `unknown`: no option of that name; `wrong-type`: not a value of its type.
 */
export type UpdateOutcome = 'accepted' | 'not-allowed' | 'not-changeable' | 'unknown' | 'wrong-type'

export interface IdentifierUpdate {
  /** Full name, for example `Demo::threshold`. */
  readonly name: string
  readonly value: Value
  /** Name of the node that sent it, else its id. */
  readonly from: string
  readonly outcome: UpdateOutcome
}

/** A client of the WebSocket server of this node (`Cluster::EndpointInfo`). */
export interface WebSocketClientInfo {
  readonly id: string
  readonly address: NetworkAddress
  readonly applicationName: string | undefined
}

/** Health of a node as others see it. */
export type ClusterHealth =
  | { readonly state: 'waiting'; readonly missing: readonly string[] }
  | { readonly state: 'up' }
  | { readonly state: 'degraded'; readonly reason: string }
