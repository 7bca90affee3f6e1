/** Topic names of the framework, by options and dialect (reference page: `…_topic`, `node_topic`, `nodeid_topic`). */

import type { NodeType } from '../layout/node-type.js'
import { DIALECTS, type Dialect, isDialectName } from '../options/dialect.js'
import type { Options } from '../options/registry.js'

export class Topics {
  readonly #options: Options
  readonly #dialect: Dialect

  constructor(options: Options, dialect: Dialect) {
    this.#options = options
    this.#dialect = dialect
  }

  /** `Cluster::node_topic`: reaches one node by its name. */
  node(name: string): string {
    return this.#options.nodeTopicPrefix + name + this.#dialect.nodeTopicSuffix
  }

  /** `Cluster::nodeid_topic`: reaches one node by its bus id. */
  nodeid(id: string): string {
    return this.#options.nodeidTopicPrefix + id + this.#dialect.nodeTopicSuffix
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

  /** A topic that only nodes of this library subscribe: it tells the others which dialect they use. */
  get dialectTopic(): string {
    return DIALECT_TOPIC_PREFIX + this.#dialect.name
  }

  /**
   * What is wrong with the names and rules that a peer uses, as its subscriptions show them; undefined when nothing is,
   * or when they do not tell.
   */
  mismatch(subscriptions: readonly string[]): string | undefined {
    for (const prefix of new Set([
      this.#options.nodeTopicPrefix,
      'bro/cluster/node/',
      'zeek/cluster/node/',
    ])) {
      const found = subscriptions.find((subscription) => subscription.startsWith(prefix))
      if (found === undefined) continue
      const spoken = spokenBy(subscriptions)
      if (spoken.length === 0 || spoken.some((dialect) => this.#agreesWith(dialect))) return undefined
      const node = found.slice(prefix.length).replace(/\/$/, '')
      const names = spoken.map(({ name }) => name).join(' or ')
      return `${node} speaks ${names}, start with --dialect ${names}`
    }
    return undefined
  }

  /** Same names of topics, same owners of keys. */
  #agreesWith(other: Dialect): boolean {
    const own = this.#dialect
    const keys = ['topicRoot', 'nodeTopicSuffix', 'hashEra'] as const
    return keys.every((key) => own[key] === other[key])
  }
}

const DIALECT_TOPIC_PREFIX = 'zeek-cluster/dialect/'

/** The dialects that a peer with these subscriptions may speak: nodes of this library say it, others show it. */
function spokenBy(subscriptions: readonly string[]): readonly Dialect[] {
  const own = subscriptions.find((subscription) => subscription.startsWith(DIALECT_TOPIC_PREFIX))
  const name = own?.slice(DIALECT_TOPIC_PREFIX.length) ?? ''
  if (isDialectName(name)) return [DIALECTS[name]]
  const roots = Object.values(DIALECTS).filter(({ topicRoot }) =>
    subscriptions.some((subscription) => subscription.startsWith(`${topicRoot}/cluster/node/`)),
  )
  // Tables that are published on change exist since 8.2.
  const isRecent = subscriptions.some((subscription) => subscription.startsWith('zeek/table'))
  return roots.filter(({ name: root }) => root === 'reference' || (root === 'zeek-9.0') === isRecent)
}
