/** A cluster layout as data: what `cluster-layout.zeek` says, without its text. */
import { Address, type Port } from '../data/address.js'
import type { Redef } from '../options/registry.js'
import type { SourceSpan } from '../zeek-script/index.js'
import type { NodeType } from './node-type.js'

/** One entry of `Cluster::nodes` (`Cluster::Node` of the reference page). */
export interface LayoutNode {
  readonly name: string
  readonly nodeType: NodeType
  readonly ip: Address
  /** Zone of a non-global IPv6 address, or empty. */
  readonly zoneId: string
  /** Port where the node listens; undefined when it does not. */
  readonly p: Port | undefined
  readonly interface: string | undefined
  readonly manager: string | undefined
  readonly timeMachine: string | undefined
  readonly lbFilter: string | undefined
  readonly metricsPort: Port | undefined
  /** Where the entry stands; undefined for a layout made in code. */
  readonly span: SourceSpan | undefined
}

export interface Layout {
  /** In the order of the file; a later entry of the same name replaces an earlier one. */
  readonly nodes: ReadonlyMap<string, LayoutNode>
  /** Every redef of something that the layout has not declared itself, in order, of known and of unknown options. */
  readonly redefs: readonly Redef[]
}

/** Nodes ordered by the bytes of their names: `worker-10` before `worker-2`, as Zeek orders them. */
export function nodesByName(layout: Layout, nodeType?: NodeType): LayoutNode[] {
  return [...layout.nodes.values()]
    .filter((node) => nodeType === undefined || node.nodeType === nodeType)
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

/** What must be said of a node, and what may be. */
export type GivenNode = Pick<LayoutNode, 'name' | 'nodeType' | 'ip' | 'span'> & Partial<LayoutNode>

export function layoutNode(given: GivenNode): LayoutNode {
  return {
    zoneId: '',
    p: undefined,
    interface: undefined,
    manager: undefined,
    timeMachine: undefined,
    lbFilter: undefined,
    metricsPort: undefined,
    ...given,
  }
}

/** The node of a program that is not part of a cluster (`Cluster::NONE`). */
export const OUTSIDE_OF_CLUSTERS: LayoutNode = layoutNode({
  name: '',
  nodeType: 'NONE',
  ip: Address.parse('127.0.0.1'),
  span: undefined,
})
