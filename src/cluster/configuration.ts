/**
 * New values of options that peers send, and which commands a peer may give at all (spec/cluster-framework.md 4.4).
 * Zeek lets any peer overwrite any global; here a peer changes only what a script has declared changeable.
 */
import type { Emitter } from '../base/emitter.js'
import type { Peer } from '../bus/bus.js'
import type { Value } from '../data/value.js'
import type { Layout } from '../layout/layout.js'
import { findOption, type Options } from '../options/registry.js'
import type { ClusterEvents, UpdateOutcome } from './cluster-events.js'
import type { ScriptOptions } from './script-options.js'

export interface ConfigurationSettings {
  readonly options: Options
  readonly layout: Layout
  readonly scriptOptions: ScriptOptions
  /** Name of the node that a peer is; undefined for strangers. */
  readonly nameOf: (peerId: string) => string | undefined
  readonly events: Emitter<ClusterEvents>
}

export interface UpdateCounters {
  accepted: number
  refused: number
  /** Commands of peers that may not give them. */
  refusedCommands: number
}

export class Configuration {
  readonly #settings: ConfigurationSettings
  readonly scriptOptions: ScriptOptions
  readonly counters: UpdateCounters = { accepted: 0, refused: 0, refusedCommands: 0 }

  constructor(settings: ConfigurationSettings) {
    this.#settings = settings
    this.scriptOptions = settings.scriptOptions
  }

  /** Whether a peer may give a command (`Control::commands`): CONTROL nodes of the layout may give all. */
  mayCommand(peer: Peer | undefined, command: string): boolean {
    const { layout, options, nameOf } = this.#settings
    const name = peer === undefined ? undefined : nameOf(peer.id)
    const node = name === undefined ? undefined : layout.nodes.get(name)
    return node?.nodeType === 'CONTROL' || options.strangerCommands.has(command)
  }

  /** Takes or refuses a value; what became of it is told as `identifierUpdate`. */
  update(name: string, value: Value, peer: Peer): void {
    const { events, nameOf } = this.#settings
    const outcome = this.#outcome(name, value, peer)
    if (outcome === 'accepted') this.counters.accepted += 1
    else this.counters.refused += 1
    events.emit('identifierUpdate', { name, value, from: nameOf(peer.id) ?? peer.id, outcome })
  }

  #outcome(name: string, value: Value, peer: Peer): UpdateOutcome {
    if (!this.mayCommand(peer, 'configuration_update')) return 'not-allowed'
    return findOption(name) === undefined ? this.scriptOptions.update(name, value) : 'not-changeable'
  }
}
