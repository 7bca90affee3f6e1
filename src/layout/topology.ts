/**
 * Who connects to whom (spec/cluster-framework.md 2.6). A target that is named by a field counts only when it exists
 * and has the type that the field is for; Zeek says nothing when it does not, the validation of layouts does.
 */
import { type Layout, type LayoutNode, nodesByName } from './layout.js'
import type { NodeType } from './node-type.js'

/** Types that connect to every node of a type, beside those that their fields name. */
const DIALS_ALL: { readonly [Type in NodeType]: readonly NodeType[] } = {
  NONE: [],
  CONTROL: [],
  LOGGER: [],
  MANAGER: ['LOGGER'],
  PROXY: ['LOGGER'],
  WORKER: ['LOGGER', 'PROXY'],
  TIME_MACHINE: [],
}

const DIALS_MANAGER: ReadonlySet<NodeType> = new Set(['PROXY', 'WORKER'])
const DIALS_TIME_MACHINE: ReadonlySet<NodeType> = new Set(['MANAGER', 'WORKER'])

/** The nodes that `name` connects to, in the order of spec/cluster-framework.md 2.6. Unknown names connect to none. */
export function dialTargets(layout: Layout, name: string): LayoutNode[] {
  const node = layout.nodes.get(name)
  if (node === undefined) return []
  return [
    ...DIALS_ALL[node.nodeType].flatMap((type) => nodesByName(layout, type)),
    ...namedTargets(layout, node),
  ]
}

/** The names of all nodes that `name` has a connection with, whoever opens it, in byte-wise order. */
export function expectedPeers(layout: Layout, name: string): string[] {
  const node = layout.nodes.get(name)
  if (node === undefined) return []
  return nodesByName(layout)
    .filter((other) => dials(layout, node, other) || dials(layout, other, node))
    .map((other) => other.name)
}

/** Every node that another one connects to, with the first node of the layout that does. */
export function firstDialers(layout: Layout): Map<LayoutNode, LayoutNode> {
  const firsts = new Map<LayoutNode, LayoutNode>()
  const ofType = new Map<NodeType, LayoutNode>()
  for (const node of layout.nodes.values()) {
    for (const type of DIALS_ALL[node.nodeType]) if (!ofType.has(type)) ofType.set(type, node)
    for (const target of namedTargets(layout, node)) if (!firsts.has(target)) firsts.set(target, node)
  }
  for (const node of layout.nodes.values()) {
    const dialer = ofType.get(node.nodeType)
    if (dialer !== undefined) firsts.set(node, dialer)
  }
  return firsts
}

function dials(layout: Layout, from: LayoutNode, to: LayoutNode): boolean {
  return DIALS_ALL[from.nodeType].includes(to.nodeType) || namedTargets(layout, from).includes(to)
}

function namedTargets(layout: Layout, node: LayoutNode): LayoutNode[] {
  const manager = DIALS_MANAGER.has(node.nodeType) ? named(layout, node.manager, 'MANAGER') : []
  const timeMachine = DIALS_TIME_MACHINE.has(node.nodeType)
    ? named(layout, node.timeMachine, 'TIME_MACHINE')
    : []
  return [...manager, ...timeMachine]
}

function named(layout: Layout, name: string | undefined, type: NodeType): LayoutNode[] {
  const target = name === undefined ? undefined : layout.nodes.get(name)
  return target?.nodeType === type ? [target] : []
}
