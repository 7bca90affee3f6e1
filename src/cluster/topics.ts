/** Topic names of the framework, by options and dialect (reference page: `…_topic`, `node_topic`, `nodeid_topic`). */

import type { NodeType } from '../layout/node-type.js'
import { DIALECTS, type Dialect, type DialectName } from '../options/dialect.js'
import type { Options } from '../options/registry.js'

export class Topics {
  readonly #options: Options
  readonly #suffix: string

  constructor(options: Options, dialect: Dialect) {
    this.#options = options
    this.#suffix = dialect.nodeTopicSuffix
  }

  /** `Cluster::node_topic`: reaches one node by its name. */
  node(name: string): string {
    return this.#options.nodeTopicPrefix + name + this.#suffix
  }

  /** `Cluster::nodeid_topic`: reaches one node by its bus id. */
  nodeid(id: string): string {
    return this.#options.nodeidTopicPrefix + id + this.#suffix
  }

  /** The topic that all nodes of a type subscribe; undefined for CONTROL and NONE. */
  ofType(nodeType: NodeType): string | undefined {
    switch (nodeType) {
      case 'LOGGER':
        return this.#options.loggerTopic
      case 'MANAGER':
        return this.#options.managerTopic
      case 'PROXY':
        return this.#options.proxyTopic
      case 'WORKER':
        return this.#options.workerTopic
      case 'TIME_MACHINE':
        return this.#options.timeMachineTopic
      case 'CONTROL':
      case 'NONE':
        return undefined
    }
  }

  /** Whether a topic is of one node by name or id; these are delivered on exact match only. */
  isNodeTopic(topic: string): boolean {
    return (
      topic.startsWith(this.#options.nodeTopicPrefix) || topic.startsWith(this.#options.nodeidTopicPrefix)
    )
  }

  /**
   * What a peer's subscriptions say about the names it uses: its node name and dialect when they are not ours.
   * Undefined for a peer that uses our names, or whose subscriptions do not tell.
   */
  mismatch(
    subscriptions: readonly string[],
  ): { readonly name: string; readonly dialect: DialectName } | undefined {
    const ownPrefix = this.#options.nodeTopicPrefix
    if (subscriptions.some((prefix) => prefix.startsWith(ownPrefix))) return undefined
    for (const dialect of Object.values(DIALECTS)) {
      const prefix = `${dialect.topicRoot}/cluster/node/`
      const found = subscriptions.find((subscription) => subscription.startsWith(prefix))
      if (found === undefined) continue
      const name = found.slice(prefix.length)
      return { name: name.endsWith('/') ? name.slice(0, -1) : name, dialect: dialect.name }
    }
    return undefined
  }
}
