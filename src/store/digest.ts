/**
 * What masters and clones hold, said in so few bytes that it can be compared over the network: 32 bits for each shard
 * of a table, and for each key of the shards that differ. Only ours take part; a stock Zeek does not know the
 * question.
 */
import type { Timers } from '../base/time.js'
import type { Command, Digest, ShardDigest, SnapshotEntry } from './command.js'
import type { Encoded } from './encoded.js'
import type { Engine } from './engine.js'
import { type Entity, endpointOf, NOBODY } from './entity.js'
import { SHARDS, type Snapshot, shardOf } from './table.js'
import { ownCloneTopic, ownMasterTopic } from './topics.js'

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** FNV-1a of a key and its value, unsigned. */
export function entryDigest(key: Encoded, value: Encoded): number {
  return mix(mix(FNV_OFFSET, key), value) >>> 0
}

/** The same for the same entries in any order: the sum of their digests. */
export function shardDigest(entries: Iterable<SnapshotEntry>): number {
  let sum = 0
  for (const [key, value] of entries) sum = (sum + entryDigest(key, value)) >>> 0
  return sum
}

function mix(start: number, text: Encoded): number {
  let hash = start
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME)
  return hash
}

/** Shards in which two participants differ. */
export function differingShards({ byShard }: Digest, other: Digest): number[] {
  return Array.from(byShard.keys()).filter((shard) => byShard[shard] !== other.byShard[shard])
}

export type Difference = 'missing' | 'extra' | 'other-value'

/**
 * Where a participant differs from the master for good. Both were asked twice, with time between: the second answer
 * of the participant has everything that the first one of the master had, so what stayed the same at the master has
 * to be the same there.
 */
export function lastingDifferences(
  master: readonly [ShardDigest, ShardDigest],
  participant: readonly [ShardDigest, ShardDigest],
): Map<Encoded, Difference> {
  const differences = new Map<Encoded, Difference>()
  if (participant[1].at < master[0].at) return differences
  const expected = master.map(({ byKey }) => new Map(byKey))
  const found = participant.map(({ byKey }) => new Map(byKey))
  for (const key of new Set([...expected[1]!.keys(), ...found[1]!.keys()])) {
    const digest = expected[1]!.get(key)
    const isSettled = expected[0]!.get(key) === digest
    if (!isSettled || found.some((digests) => digests.get(key) === digest)) continue
    differences.set(key, digest === undefined ? 'extra' : found[1]!.has(key) ? 'other-value' : 'missing')
  }
  return differences
}

export type DigestAnswer = Digest | ShardDigest

export interface DigestsSettings {
  readonly timers: Timers
  send(topic: string, command: Command, endpoint: string | undefined): void
}

/** Whole tables that wait to be looked through; who asks when so many wait is not answered. */
const WAITING_LIMIT = 64

/** Asks for digests, and answers who asks. */
export class Digests {
  readonly #settings: DigestsSettings
  readonly #asked = new Map<number, (from: Entity, answer: DigestAnswer) => void>()
  #requests = 0
  /** Looked through one after the other. */
  #waiting: {
    readonly engine: Engine
    readonly tell: (answer: DigestAnswer) => void
    readonly requestId: number
  }[] = []
  #isBusy = false

  constructor(settings: DigestsSettings) {
    this.#settings = settings
  }

  /**
   * Asks all masters and clones of ours, and the own one, for the digests of all shards, or of the keys of one.
   * `onAnswer` is called for each that answers, until the function that is returned is called.
   */
  ask(
    engine: Engine,
    shard: number | undefined,
    onAnswer: (from: Entity, answer: DigestAnswer) => void,
  ): () => void {
    this.#requests += 1
    const requestId = this.#requests
    this.#asked.set(requestId, onAnswer)
    const request: Command = {
      seq: 0,
      sender: engine.identity,
      receiver: NOBODY,
      body: { kind: 'digest-request', requestId, shard },
    }
    for (const topic of [ownMasterTopic(engine.name), ownCloneTopic(engine.name)]) {
      this.#settings.send(topic, request, undefined)
    }
    this.#answer(engine, requestId, shard, (answer) => this.#asked.get(requestId)?.(engine.identity, answer))
    return () => this.#asked.delete(requestId)
  }

  /** Takes a command that is about digests; false for all others. */
  receive(engine: Engine, { sender, body }: Command): boolean {
    switch (body.kind) {
      case 'digest-request':
        this.#answer(engine, body.requestId, body.shard, (answer) =>
          this.#settings.send(
            ownCloneTopic(engine.name),
            { seq: 0, sender: engine.identity, receiver: sender, body: answer },
            endpointOf(sender),
          ),
        )
        return true
      case 'digest':
      case 'shard-digest':
        this.#asked.get(body.requestId)?.(sender, body)
        return true
      default:
        return false
    }
  }

  #answer(
    engine: Engine,
    requestId: number,
    shard: number | undefined,
    tell: (answer: DigestAnswer) => void,
  ): void {
    if (shard === undefined) {
      if (this.#waiting.length >= WAITING_LIMIT) return
      this.#waiting.push({ engine, tell, requestId })
      if (!this.#isBusy) this.#next()
      return
    }
    const { isMaster, position, table } = engine
    const byKey = Array.from(
      table.entriesOf(shard),
      ([key, value]) => [key, entryDigest(key, value)] as const,
    )
    this.#settings.timers.soon(() =>
      tell({ kind: 'shard-digest', requestId, isMaster, at: position, size: table.size, shard, byKey }),
    )
  }

  /** A shard a turn: whoever reads and writes goes on meanwhile. */
  #next(): void {
    const job = this.#waiting.shift()
    this.#isBusy = job !== undefined
    if (job === undefined) return
    const { engine, tell, requestId } = job
    const { isMaster, position, table } = engine
    const { size } = table
    const snapshot: Snapshot = table.snapshot()
    const byShard = new Array<number>(SHARDS).fill(0)
    const step = (): void => {
      const entries = snapshot.take()
      const [first] = entries ?? []
      if (entries === undefined || first === undefined) {
        tell({ kind: 'digest', requestId, isMaster, at: position, size, byShard })
        return this.#next()
      }
      byShard[shardOf(first[0])] = shardDigest(entries)
      this.#settings.timers.soon(step)
    }
    this.#settings.timers.soon(step)
  }
}
