/** What a clone is doing: looking for a master, following one, or closed. */
import type { Consumer } from './channel/consumer.js'
import type { Producer } from './channel/producer.js'
import type { Action } from './command.js'
import type { Entity } from './entity.js'
import type { IncomingSnapshot } from './incoming-snapshot.js'

export interface Attaching {
  readonly kind: 'attaching'
  readonly self: Entity
  readonly consumer: Consumer<Action>
  readonly snapshot: IncomingSnapshot
}

export interface Attached {
  readonly kind: 'attached'
  readonly self: Entity
  readonly master: Entity
  readonly consumer: Consumer<Action>
  readonly producer: Producer<Action>
  /** Whether the master understands our own commands. */
  readonly isOurs: boolean
  /** Whether the master's endpoint is a peer of ours, so that its loss is seen. */
  readonly isDirect: boolean
  isWriterKnown: boolean
  /** The master's last word on the own stream; settled when the next keepalive shows that nothing is missing. */
  acked: number
  isAway: boolean
}

export type CloneState = Attaching | Attached | { readonly kind: 'closed' }
