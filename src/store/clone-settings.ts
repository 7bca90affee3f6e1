/** What a clone is made with. */
import type { Clock } from '../base/time.js'
import type { ChannelTiming } from './channel/timing.js'
import type { Command } from './command.js'
import type { Entity } from './entity.js'
import type { ReplicaEffects } from './replica.js'

export interface CloneEffects extends ReplicaEffects {
  /** Sends to the master, or to whoever may be it. False when the way is full: writes wait for `onDrain`. */
  send(command: Command, endpoint: string | undefined): boolean
  /** Whether an endpoint understands our own commands. */
  isOurs(endpoint: string): boolean
  /** An object number that was never used before, as an entity. */
  newEntity(): Entity
  /** Reads can be answered, or not any more. */
  readinessChanged(): void
  report(severity: 'info' | 'warning', code: string, message: string): void
}

/** In milliseconds; the page has them in seconds (`Cluster::StoreInfo`). */
export interface CloneIntervals {
  /** Between attempts to find the master while no peer is known to have it. */
  readonly resyncMs: number
  /** Without the master until reads fail with `stale`; negative: never. */
  readonly staleMs: number
  /** Without the master until writes fail; 0 or less: at once. */
  readonly mutationBufferMs: number
}

export interface CloneSettings {
  readonly name: string
  readonly clock: Clock
  readonly timing: ChannelTiming
  readonly intervals: CloneIntervals
  /** Most bytes of writes that wait. Default 64 MiB. */
  readonly mutationBufferBytes?: number
  readonly effects: CloneEffects
}
