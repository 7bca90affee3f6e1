/** `Cluster::PoolSpec`: what a pool is made of (spec/cluster-framework.md 3.1). */

/** Types that pools can be made of. */
export const POOL_NODE_TYPES = ['PROXY', 'WORKER', 'LOGGER'] as const

export type PoolNodeType = (typeof POOL_NODE_TYPES)[number]

export interface PoolSpec {
  /** Topic that every member subscribes. */
  readonly topic: string
  readonly nodeType: PoolNodeType
  /** Members at most; default: all nodes of the type. */
  readonly maxNodes?: number
  /** Members belong to no other pool; needs `maxNodes`. */
  readonly exclusive?: boolean
}
