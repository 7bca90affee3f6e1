/**
 * Pools: members of one type over which work is spread, round robin or by highest random weight
 * (spec/cluster-framework.md 3; `Cluster::worker_pool`, `proxy_pool`, `logger_pool` and own ones).
 */
import { ClusterError } from '../base/errors.js'
import type { Layout } from '../layout/layout.js'
import { nodesByName } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import type { HashEra } from '../options/dialect.js'
import type { PoolSpec } from '../options/pool-settings.js'
import { hashKey, type PoolKey, siteWeight } from './hash.js'

interface Member {
  readonly name: string
  readonly siteId: number
  /** Counts for round robin. The local node does from the start. */
  alive: boolean
  /** Counts for highest random weight. The local node never does, as in Zeek. */
  isSite: boolean
}

export class Pool {
  readonly spec: PoolSpec
  readonly #era: HashEra
  readonly #members: Member[] = []
  readonly #nextIndex = new Map<string, number>()

  constructor(spec: PoolSpec, era: HashEra) {
    this.spec = spec
    this.#era = era
  }

  /** Names of the members, in the order of round robin. */
  get members(): readonly string[] {
    return this.#members.map((member) => member.name)
  }

  get aliveCount(): number {
    return this.#members.filter((member) => member.alive).length
  }

  add(name: string, isLocal: boolean): void {
    if (this.#members.some((member) => member.name === name)) return
    const taken = new Set(this.#members.map((member) => member.siteId))
    let number = 0
    let siteId = hashKey(this.#era, `${name}.${number}`)
    while (taken.has(siteId)) {
      number += 1
      siteId = hashKey(this.#era, `${name}.${number}`)
    }
    this.#members.push({ name, siteId, alive: isLocal, isSite: false })
  }

  nodeUp(name: string): void {
    this.#setAlive(name, true)
  }

  nodeDown(name: string): void {
    this.#setAlive(name, false)
  }

  /** As `roundRobin` for one key, for those who ask very often. */
  turns(key: string): () => string | undefined {
    return () => {
      const members = this.#members
      const only = members.length === 1 ? members[0] : undefined
      if (only !== undefined) return only.alive ? only.name : undefined
      return this.roundRobin(key)
    }
  }

  /** The next living member; each `key` has its own sequence. Undefined when none is alive. */
  roundRobin(key = ''): string | undefined {
    const start = this.#nextIndex.get(key) ?? 0
    const size = this.#members.length
    for (let step = 0; step < size; step += 1) {
      const index = (start + step) % size
      const member = this.#members[index]!
      if (!member.alive) continue
      this.#nextIndex.set(key, (index + 1) % size)
      return member.name
    }
    return undefined
  }

  /** The member that owns `key`. Undefined when none is alive. */
  highestRandomWeight(key: PoolKey): string | undefined {
    const digest = hashKey(this.#era, key)
    let best: Member | undefined
    let bestWeight = -1
    for (const member of this.#members) {
      if (!member.isSite) continue
      const weight = siteWeight(member.siteId, digest)
      if (
        weight > bestWeight ||
        (weight === bestWeight && best !== undefined && member.siteId > best.siteId)
      ) {
        best = member
        bestWeight = weight
      }
    }
    return best?.name
  }

  #setAlive(name: string, alive: boolean): void {
    const member = this.#members.find((candidate) => candidate.name === name)
    if (member === undefined) return
    member.alive = alive
    member.isSite = alive
  }
}

/**
 * Fills the pools from the layout: exclusive ones first, then the others from a shared cursor, in order of their
 * topics (spec/cluster-framework.md 3.2). Throws `ClusterError` code `invalid-pool`.
 */
export function assignMembers(
  pools: readonly Pool[],
  layout: Layout,
  localName: string,
  managerIsLogger: boolean,
): void {
  const ordered = [...pools].sort((a, b) =>
    Buffer.compare(Buffer.from(a.spec.topic), Buffer.from(b.spec.topic)),
  )
  for (const nodeType of new Set(ordered.map((pool) => pool.spec.nodeType))) {
    assignType(ordered, nodeType, eligibleNodes(layout, nodeType, managerIsLogger), localName)
  }
}

/** Who can be in pools of a type, in the order in which they are taken. */
export function eligibleNodes(layout: Layout, nodeType: NodeType, managerIsLogger: boolean): string[] {
  if (nodeType !== 'WORKER' && nodeType !== 'PROXY' && nodeType !== 'LOGGER') {
    throw invalidPool(`pools of ${nodeType} nodes do not exist: WORKER, PROXY or LOGGER`)
  }
  const names = nodesByName(layout, nodeType).map((node) => node.name)
  const manager = nodesByName(layout, 'MANAGER')[0]
  if (nodeType === 'LOGGER' && managerIsLogger && manager !== undefined) names.push(manager.name)
  return names
}

function assignType(pools: readonly Pool[], nodeType: NodeType, nodes: string[], localName: string): void {
  const ofType = pools.filter((pool) => pool.spec.nodeType === nodeType)
  const exclusive = ofType.filter((pool) => pool.spec.exclusive === true)
  let taken = 0
  for (const pool of exclusive) {
    const { maxNodes, topic } = pool.spec
    if (maxNodes === undefined) throw invalidPool(`pool ${topic} is exclusive and needs maxNodes`)
    if (taken + maxNodes > nodes.length) {
      throw invalidPool(`exclusive pools need more ${nodeType} nodes than the ${nodes.length} of the layout`)
    }
    for (const name of nodes.slice(taken, taken + maxNodes)) pool.add(name, name === localName)
    taken += maxNodes
  }
  const rest = nodes.slice(taken)
  let cursor = 0
  for (const pool of ofType.filter((candidate) => candidate.spec.exclusive !== true)) {
    const size = Math.min(pool.spec.maxNodes ?? rest.length, rest.length)
    for (let step = 0; step < size; step += 1) {
      const name = rest[cursor % rest.length]!
      pool.add(name, name === localName)
      cursor += 1
    }
  }
}

function invalidPool(message: string): ClusterError<'invalid-pool', undefined> {
  return new ClusterError('invalid-pool', message, undefined)
}
