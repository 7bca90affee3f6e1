/**
 * Who is up, as this node sees it, and what follows from it: hellos and lost peerings become `nodeUp` and `nodeDown`,
 * the pools know the living, `Cluster::nodes` has the ids, and the node knows whether all are there.
 */
import type { Emitter } from '../base/emitter.js'
import type { Report } from '../base/report.js'
import type { Layout, LayoutNode } from '../layout/layout.js'
import { expectedPeers } from '../layout/topology.js'
import type { Dialect } from '../options/dialect.js'
import type { ClusterEvents, ClusterHealth } from './cluster-events.js'
import { loadBalancingFilters } from './load-balancing.js'
import { Membership, type MembershipChange } from './membership.js'
import type { Pool } from './pools.js'

/** A node of the layout as it is now (`Cluster::Node` of the reference page). */
export interface ClusterNode extends Omit<LayoutNode, 'span'> {
  /** `Cluster::Node$id`: the bus id while the node is connected to this one, else undefined. */
  readonly id: string | undefined
}

/** Handlers of the framework run at this priority; those of scripts have 0 if they do not say otherwise. */
export const FRAMEWORK_PRIORITY = 10

export interface RollCallSettings {
  readonly layout: Layout
  /** Name of this node. */
  readonly ownName: string
  readonly dialect: Dialect
  /** All pools, also those that are registered later. */
  readonly pools: readonly Pool[]
  readonly events: Emitter<ClusterEvents>
  /** Writes to cluster.log. */
  readonly log: (message: string) => void
  readonly report: (severity: Report['severity'], code: string, message: string) => void
}

export class RollCall {
  readonly #settings: RollCallSettings
  readonly #membership: Membership
  /** Events that were caused while another one was handled: they come after it. */
  readonly #queue: (() => void)[] = []
  readonly #mismatched = new Map<string, string>()
  #ready = false
  /** `Cluster::nodes`. */
  readonly nodes: ReadonlyMap<string, ClusterNode>

  constructor(settings: RollCallSettings) {
    const { layout, events, pools } = settings
    this.#settings = settings
    this.#membership = new Membership(layout)
    this.nodes = liveNodes(layout, this.#membership)
    events.on('hello', ({ name, id }) => this.#take(this.#membership.hello(name, id)), FRAMEWORK_PRIORITY)
    events.on('nodeUp', ({ name }) => pools.forEach((pool) => void pool.nodeUp(name)), FRAMEWORK_PRIORITY)
    events.on('nodeDown', ({ name }) => pools.forEach((pool) => void pool.nodeDown(name)), FRAMEWORK_PRIORITY)
  }

  get workerCount(): number {
    return this.#membership.workerCount
  }

  /** Names of the nodes that are up, sorted. */
  get names(): readonly string[] {
    return [...this.#membership.names].sort()
  }

  idOf(name: string): string | undefined {
    return this.#membership.idOf(name)
  }

  nameOf(id: string): string | undefined {
    return this.#membership.nameOf(id)
  }

  get health(): ClusterHealth {
    const mismatch = [...this.#mismatched.values()][0]
    if (mismatch !== undefined) return { state: 'degraded', reason: mismatch }
    const missing = this.#missing()
    return missing.length > 0 ? { state: 'waiting', missing } : { state: 'up' }
  }

  /** The peering with an endpoint ended, whoever ended it. */
  lost(id: string): void {
    this.#mismatched.delete(id)
    this.#take(this.#membership.lost(id))
  }

  /** A peer uses the names of another dialect. */
  mismatch(id: string, reason: string): void {
    if (this.#mismatched.has(id)) return
    this.#mismatched.set(id, reason)
    this.#settings.report('error', 'dialect-mismatch', reason)
  }

  /** Runs what handlers of events caused. */
  runQueue(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next()
  }

  #take(changes: readonly MembershipChange[]): void {
    const { events, dialect, log, report } = this.#settings
    for (const change of changes) {
      const { node } = change
      switch (change.kind) {
        case 'unknown':
          report('error', 'unknown-node', `hello from ${node.name}, which the layout does not have`)
          break
        case 'replaced':
          report(
            'warning',
            'duplicate-node',
            `${node.name} said hello again with another id: it replaces ${change.previousId}`,
          )
          break
        case 'repeated':
          log(dialect.helloMessage(node.name, node.id))
          break
        case 'up':
          log(dialect.helloMessage(node.name, node.id))
          this.#queue.push(() => {
            events.emit('nodeUp', node)
            this.#checkReady()
          })
          break
        case 'down':
          log(dialect.downMessage(node.name))
          this.#queue.push(() => events.emit('nodeDown', node))
      }
    }
  }

  #checkReady(): void {
    if (this.#ready || this.#missing().length > 0) return
    this.#ready = true
    this.#settings.events.emit('ready')
  }

  #missing(): string[] {
    const { layout, ownName } = this.#settings
    return expectedPeers(layout, ownName).filter((name) => this.#membership.idOf(name) === undefined)
  }
}

function liveNodes(layout: Layout, membership: Membership): ReadonlyMap<string, ClusterNode> {
  const filters = loadBalancingFilters(layout)
  return new Map(
    [...layout.nodes.values()].map(({ span: _, ...node }): [string, ClusterNode] => [
      node.name,
      {
        ...node,
        lbFilter: filters.get(node.name) ?? node.lbFilter,
        get id() {
          return membership.idOf(node.name)
        },
      },
    ]),
  )
}
