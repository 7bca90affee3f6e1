/**
 * Tells a slow peer from a cut cable, as a pure machine. A connection whose data is not acknowledged for a while is
 * either: the peer's process may be stopped or busy (its kernel acknowledges nothing beyond a full window), or
 * nothing gets there any more. So after `STANDSTILL_MS` the peer's machine is asked with a new connection, which its
 * kernel answers or refuses; silence means that the way is cut.
 */
import type { TcpProgress } from './kernel.js'

/** How often a connection is looked at. Looks are counted, not time: a process that was stopped itself has not looked. */
export const LOOK_EVERY_MS = 250
export const STANDSTILL_MS = 3000
/** A machine that is there answers within this time. */
export const PROBE_TIMEOUT_MS = 1000

type StandstillState =
  | { readonly kind: 'moving'; readonly acknowledgedBytes: number }
  | { readonly kind: 'standing'; readonly acknowledgedBytes: number; readonly looks: number }
  | { readonly kind: 'probing' }

export class StandstillWatch {
  #state: StandstillState = { kind: 'moving', acknowledgedBytes: 0 }

  /** One look at the connection; `probe` is said once, and answered with `probeEnded`. */
  look(progress: TcpProgress): 'fine' | 'probe' {
    const { acknowledgedBytes, waiting } = progress
    const state = this.#state
    if (state.kind === 'probing') return 'fine'
    if (!waiting || acknowledgedBytes !== state.acknowledgedBytes) {
      this.#state = { kind: 'moving', acknowledgedBytes }
      return 'fine'
    }
    const looks = state.kind === 'standing' ? state.looks + 1 : 1
    if (looks * LOOK_EVERY_MS < STANDSTILL_MS) {
      this.#state = { kind: 'standing', acknowledgedBytes, looks }
      return 'fine'
    }
    this.#state = { kind: 'probing' }
    return 'probe'
  }

  /** The peer's machine is there: it is only slow. Watching starts anew. */
  probeAnswered(): void {
    this.#state = { kind: 'moving', acknowledgedBytes: -1 }
  }
}
