/** Functions of the cluster framework that a layout may call (spec/cluster-framework.md 1.3). */
import type { Dialect } from '../options/dialect.js'
import type { RedefValue } from '../options/registry.js'
import type { BuiltIn } from '../zeek-script/index.js'
import type { LayoutNode } from './layout.js'
import { NO_PORT } from './node-fields.js'

/** What the functions look at. */
export interface ClusterState {
  /** `Cluster::node`. */
  localName(): string
  /** The text of an option. */
  option(name: string): string
  node(name: string): LayoutNode | undefined
}

export function clusterFunctions(dialect: Dialect, state: ClusterState): ReadonlyMap<string, BuiltIn> {
  const topic = (prefix: string): BuiltIn => ({
    parameters: ['string'],
    run: ([name]) => {
      const text = name?.type === 'string' ? name.value : ''
      return { type: 'string', value: state.option(prefix) + text + dialect.nodeTopicSuffix }
    },
  })
  const noPort: RedefValue = { type: 'port', value: NO_PORT }
  return new Map<string, BuiltIn>([
    [
      'Cluster::is_enabled',
      { parameters: [], run: () => ({ type: 'bool', value: state.localName() !== '' }) },
    ],
    [
      'Cluster::local_node_type',
      {
        parameters: [],
        run() {
          const name = state.localName()
          if (name === '') return { type: 'enum', value: 'Cluster::NONE' }
          const node = state.node(name)
          if (node !== undefined) return { type: 'enum', value: `Cluster::${node.nodeType}` }
          return {
            code: 'no-such-index',
            problem: `the local node ${JSON.stringify(name)} is not in the layout`,
          }
        },
      },
    ],
    [
      'Cluster::local_node_metrics_port',
      {
        parameters: [],
        run() {
          const port = state.node(state.localName())?.metricsPort
          return port === undefined ? noPort : { type: 'port', value: port }
        },
      },
    ],
    ['Cluster::node_topic', topic('Cluster::node_topic_prefix')],
    ['Cluster::nodeid_topic', topic('Cluster::nodeid_topic_prefix')],
  ])
}
