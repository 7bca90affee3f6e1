/**
 * What differs between versions of Zeek, as one table (design: dialects). `reference` has the literal names and
 * defaults of the reference page; the others speak to exactly the release that they are named after. Every entry that
 * is an option of the framework can still be redefined by itself: the dialect only gives the default.
 */
export const DIALECT_NAMES = ['reference', 'zeek-7.0', 'zeek-8.0', 'zeek-9.0'] as const

export type DialectName = (typeof DIALECT_NAMES)[number]

/**
 * Which bytes go into the 32-bit FNV-1a digest of highest-random-weight pools (spec/cluster-framework.md 3.5), named
 * by the first release of each era: type tags were renumbered in 4.1, strings lost theirs in 7.1.
 */
export type HashEra = '3.0' | '4.1' | '7.1'

export interface Dialect {
  readonly name: DialectName
  /** First part of every topic, without a slash: `bro` or `zeek`. */
  readonly topicRoot: string
  /** What follows the name in node and node-id topics: nothing, or `/`. */
  readonly nodeTopicSuffix: string
  readonly hashEra: HashEra
  /** `Cluster::retry_interval`, in seconds. */
  readonly retryIntervalSeconds: number
  /** `Broker::default_listen_retry`, in seconds. */
  readonly listenRetrySeconds: number
  /** Fields of `Cluster::Node` and node types that this version no longer has. */
  readonly refusesTimeMachine: boolean
  /** The topic of a controllee's answer (spec/cluster-framework.md 4.2, 10). */
  readonly controlResponseTopic: (response: string, node: string) => string
  /** Template of the line that an accepted hello writes to cluster.log. */
  readonly helloMessage: (name: string, id: string) => string
  /** Template of the line that a lost node writes to cluster.log. */
  readonly downMessage: (name: string) => string
}

const TEXTS = {
  helloMessage: (name: string, id: string) => `got hello from ${name} (${id})`,
  downMessage: (name: string) => `node down: ${name}`,
}

/** Answers of Zeek name the node since topics have their own part for it. */
const answerWithNode = (response: string, node: string): string => `zeek/control/${response}/${node}`

export const DIALECTS: { readonly [Name in DialectName]: Dialect } = {
  reference: {
    name: 'reference',
    topicRoot: 'bro',
    nodeTopicSuffix: '',
    hashEra: '3.0',
    retryIntervalSeconds: 60,
    listenRetrySeconds: 30,
    refusesTimeMachine: false,
    controlResponseTopic: (response) => `zeek/control/${response}`,
    ...TEXTS,
  },
  'zeek-7.0': {
    name: 'zeek-7.0',
    topicRoot: 'zeek',
    nodeTopicSuffix: '/',
    hashEra: '4.1',
    retryIntervalSeconds: 60,
    listenRetrySeconds: 30,
    refusesTimeMachine: false,
    controlResponseTopic: (response) => `zeek/control/${response}`,
    ...TEXTS,
  },
  'zeek-8.0': {
    name: 'zeek-8.0',
    topicRoot: 'zeek',
    nodeTopicSuffix: '/',
    hashEra: '7.1',
    retryIntervalSeconds: 1,
    listenRetrySeconds: 1,
    refusesTimeMachine: true,
    controlResponseTopic: answerWithNode,
    ...TEXTS,
  },
  'zeek-9.0': {
    name: 'zeek-9.0',
    topicRoot: 'zeek',
    nodeTopicSuffix: '/',
    hashEra: '7.1',
    retryIntervalSeconds: 1,
    listenRetrySeconds: 1,
    refusesTimeMachine: true,
    controlResponseTopic: answerWithNode,
    ...TEXTS,
  },
}

export function isDialectName(text: string): text is DialectName {
  return (DIALECT_NAMES as readonly string[]).includes(text)
}
