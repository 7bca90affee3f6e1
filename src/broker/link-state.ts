/** How far the life of a connection has come. */
import type { Timer } from '../base/time.js'
import type { Peer } from '../bus/bus.js'
import type { EndpointId } from './endpoint-id.js'
import type { FilterMatcher } from './filter.js'
import type { Handshake } from './handshake.js'
import type { Outbox } from './outbox.js'

export interface Peered {
  readonly kind: 'peered'
  readonly remoteId: EndpointId
  readonly peer: Peer
  readonly outbox: Outbox
  readonly matcher: FilterMatcher
  /** Set while the goodbye is under way. */
  readonly goodbye: { readonly timer: Timer; readonly payload: Uint8Array } | undefined
}

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'handshake'; readonly machine: Handshake; readonly timer: Timer }
  | Peered
  /** The end is decided and told; waits for the socket to close. */
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' }
