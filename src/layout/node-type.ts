/** Node types in the order of the reference page (`Cluster::NodeType`); the order is the enum's ordinal. */
export const NODE_TYPES = ['NONE', 'CONTROL', 'LOGGER', 'MANAGER', 'PROXY', 'WORKER', 'TIME_MACHINE'] as const

/** What a node does in the cluster, in the short form of Zeek's enum: `MANAGER` is `Cluster::MANAGER`. */
export type NodeType = (typeof NODE_TYPES)[number]

export function isNodeType(text: string): text is NodeType {
  return (NODE_TYPES as readonly string[]).includes(text)
}
