/**
 * Who is in the cluster now: names by bus id, from hello events and lost peerings (spec/cluster-framework.md 1.4,
 * 1.5). Pure bookkeeping: what follows from an event is returned, not done.
 *
 * Different from Zeek 3.0 on purpose: a node that comes back with a new id before its loss was noticed goes down
 * and up again (as Zeek 7.1 does), so that `worker_count` never counts a dead process.
 */
import type { Layout } from '../layout/layout.js'

export interface NodeId {
  readonly name: string
  readonly id: string
}

export type MembershipChange =
  | { readonly kind: 'up'; readonly node: NodeId }
  | { readonly kind: 'down'; readonly node: NodeId }
  /** A hello from a name that the layout does not have. */
  | { readonly kind: 'unknown'; readonly node: NodeId }
  /** A hello of a node that is up, with another id: `node` is the new one. */
  | { readonly kind: 'replaced'; readonly node: NodeId; readonly previousId: string }
  /** A hello of a node that is up, with the id it has. */
  | { readonly kind: 'repeated'; readonly node: NodeId }

export class Membership {
  readonly #layout: Layout
  readonly #idByName = new Map<string, string>()
  readonly #nameById = new Map<string, string>()

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** `Cluster::hello`. */
  hello(name: string, id: string): readonly MembershipChange[] {
    const node = { name, id }
    if (!this.#layout.nodes.has(name)) return [{ kind: 'unknown', node }]
    const previousId = this.#idByName.get(name)
    if (previousId === id) return [{ kind: 'repeated', node }]
    if (previousId !== undefined) this.#nameById.delete(previousId)
    this.#idByName.set(name, id)
    this.#nameById.set(id, name)
    if (previousId === undefined) return [{ kind: 'up', node }]
    return [
      { kind: 'replaced', node, previousId },
      { kind: 'down', node: { name, id: previousId } },
      { kind: 'up', node },
    ]
  }

  /** The peering with an endpoint ended, whoever ended it. */
  lost(id: string): readonly MembershipChange[] {
    const name = this.#nameById.get(id)
    if (name === undefined) return []
    this.#nameById.delete(id)
    this.#idByName.delete(name)
    return [{ kind: 'down', node: { name, id } }]
  }

  /** `Cluster::Node$id`: the bus id of a node while it is connected. */
  idOf(name: string): string | undefined {
    return this.#idByName.get(name)
  }

  nameOf(id: string): string | undefined {
    return this.#nameById.get(id)
  }

  /** Names of the nodes that are up, in no particular order. */
  get names(): readonly string[] {
    return [...this.#idByName.keys()]
  }

  /** `Cluster::worker_count`. */
  get workerCount(): number {
    return this.names.filter((name) => this.#layout.nodes.get(name)?.nodeType === 'WORKER').length
  }
}
