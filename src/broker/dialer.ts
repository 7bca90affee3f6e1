/**
 * Keeps one outgoing peering: dials, waits, dials again (spec/broker-protocol.md 3.10). A peering that was lost is
 * dialled again at once; an attempt that failed, when the interval has passed.
 */

import type { NetworkAddress } from '../base/network-address.js'
import type { Timer, Timers } from '../base/time.js'
import type { Link } from './link.js'
import type { LinkEnd } from './link-owner.js'

export interface DialerEffects {
  connect(): Link
  /** The link that holds a remote id now. */
  linkTo(remoteId: string): Link | undefined
  onUnavailable(reason: string, attempts: number): void
}

type DialerState =
  | { readonly kind: 'idle' }
  /** Connecting or peered: watching this link. */
  | { readonly kind: 'watching'; readonly link: Link }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  /** This peering is the last one. */
  | { readonly kind: 'leaving'; readonly link: Link }
  | { readonly kind: 'stopped' }

export class Dialer {
  readonly address: NetworkAddress
  readonly retryMs: number
  readonly #timers: Timers
  readonly #effects: DialerEffects
  #state: DialerState = { kind: 'idle' }
  #failures = 0

  constructor(address: NetworkAddress, retryMs: number, timers: Timers, effects: DialerEffects) {
    this.address = address
    this.retryMs = retryMs
    this.#timers = timers
    this.#effects = effects
  }

  start(): void {
    this.#state = { kind: 'watching', link: this.#effects.connect() }
  }

  stop(): void {
    if (this.#state.kind === 'waiting') this.#state.timer.cancel()
    this.#state = { kind: 'stopped' }
  }

  /** Makes no further attempt; a peering that exists is left to its owner to end. */
  giveUp(): void {
    if (this.#state.kind === 'watching') this.#state = { kind: 'leaving', link: this.#state.link }
    else if (this.#state.kind === 'waiting') this.stop()
  }

  /** Whether it still wants a peering. */
  get isActive(): boolean {
    return this.#state.kind !== 'stopped' && this.#state.kind !== 'leaving'
  }

  /** Whether this link is the peering that the dialer keeps, or its attempt at one. */
  isWatching(link: Link): boolean {
    return (this.#state.kind === 'watching' || this.#state.kind === 'leaving') && this.#state.link === link
  }

  linkEnded(link: Link, end: LinkEnd): void {
    if (this.#state.kind === 'leaving' && this.#state.link === link) return this.stop()
    if (this.#state.kind !== 'watching' || this.#state.link !== link) return
    switch (end.kind) {
      case 'lost':
        this.#failures = 0
        if (end.by === 'self') return this.stop()
        // A peer that was too slow gets time to recover.
        return this.#redial(end.by === 'overflow' ? this.retryMs : 0)
      case 'redundant': {
        // The other connection is the peering: its loss is what to look for from now on.
        const existing = this.#effects.linkTo(end.remoteId.text)
        if (existing === undefined) return this.#redial(0)
        this.#state = { kind: 'watching', link: existing }
        return
      }
      case 'failed':
        this.#failures += 1
        this.#effects.onUnavailable(end.reason, this.#failures)
        return this.#redial(this.retryMs)
    }
  }

  /** A retry interval of 0 means one attempt and one peering, no more. */
  #redial(delayMs: number): void {
    if (this.retryMs === 0) return this.stop()
    this.#state = { kind: 'waiting', timer: this.#timers.after(delayMs, () => this.start()) }
  }
}
