/**
 * What differs between versions of Zeek, as one table (design: dialects). `reference` has the literal names and
 * defaults of the reference page; `zeek-9.0` speaks to that release. Every entry that is an option of the
 * framework can still be redefined by itself: the dialect only gives the default.
 */
export const DIALECT_NAMES = ['reference', 'zeek-9.0'] as const

export type DialectName = (typeof DIALECT_NAMES)[number]

/** Which bytes go into the 32-bit FNV-1a digest of highest-random-weight pools (spec/cluster-framework.md 3.5). */
export type HashEra = 'tagged-3.0' | 'bare-strings-7.1'

export interface Dialect {
  readonly name: DialectName
  /** First part of every topic, without a slash: `bro` or `zeek`. */
  readonly topicRoot: string
  /** What follows the name in node and node-id topics: nothing, or `/`. */
  readonly nodeTopicSuffix: string
  readonly hashEra: HashEra
  /** `Cluster::retry_interval`, in seconds. */
  readonly retryIntervalSeconds: number
  /** Fields of `Cluster::Node` and node types that this version no longer has. */
  readonly refusesTimeMachine: boolean
  /** Template of the line that an accepted hello writes to cluster.log. */
  readonly helloMessage: (name: string, id: string) => string
}

const helloMessage = (name: string, id: string): string => `got hello from ${name} (${id})`

export const DIALECTS: { readonly [Name in DialectName]: Dialect } = {
  reference: {
    name: 'reference',
    topicRoot: 'bro',
    nodeTopicSuffix: '',
    hashEra: 'tagged-3.0',
    retryIntervalSeconds: 60,
    refusesTimeMachine: false,
    helloMessage,
  },
  'zeek-9.0': {
    name: 'zeek-9.0',
    topicRoot: 'zeek',
    nodeTopicSuffix: '/',
    hashEra: 'bare-strings-7.1',
    retryIntervalSeconds: 1,
    refusesTimeMachine: true,
    helloMessage,
  },
}

export function isDialectName(text: string): text is DialectName {
  return (DIALECT_NAMES as readonly string[]).includes(text)
}
