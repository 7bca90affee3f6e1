/**
 * Stores of several processes on one network in memory, whose messages are lost, doubled and reordered by a seed.
 * Connections can be cut and processes restarted.
 */

import type { Random } from '../../src/base/random.js'
import type { Clock, Timer, Timers } from '../../src/base/time.js'
import type { Peer, PublishOutcome } from '../../src/bus/bus.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import type { Encodable } from '../../src/data/messages.js'
import { LocalStores, type StoreBus } from '../../src/store/local-stores.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { VirtualTime } from '../../src/testing/virtual-time.js'

export interface Faults {
  /** Of 1. */
  readonly loss: number
  readonly duplication: number
  /** Longest delay; messages overtake each other. */
  readonly delayMs: number
}

export const NO_FAULTS: Faults = { loss: 0, duplication: 0, delayMs: 0 }

export class StoreNetwork {
  readonly time = new VirtualTime()
  readonly reports: string[] = []
  readonly #nodes = new Map<string, StoreNode>()
  readonly #random: Random
  readonly #cut = new Set<string>()
  readonly #mute = new Set<string>()
  #starts = 0
  faults: Faults
  /** Of all commands that were sent. */
  largestBytes = 0

  constructor(seed: number, faults: Faults = NO_FAULTS) {
    this.#random = seededRandom(seed)
    this.faults = faults
  }

  /** Starts a process, connected to all others; one of the same name is gone without a word. */
  start(name: string): StoreNode {
    this.#nodes.get(name)?.crash()
    this.#starts += 1
    const id = `00000000-0000-4000-8000-${String(this.#starts).padStart(12, '0')}`
    const node = new StoreNode(this, name, id)
    this.#nodes.set(name, node)
    return node
  }

  /** Cuts or mends the connections of a process to all others. */
  setConnected(name: string, isConnected: boolean): void {
    if (isConnected) this.#cut.delete(name)
    else this.#cut.add(name)
    this.changed()
  }

  /** What a process sends is lost, or not any more; what it is sent arrives. */
  setMute(name: string, isMute: boolean): void {
    if (isMute) this.#mute.add(name)
    else this.#mute.delete(name)
  }

  /** A number from 0 to 1. */
  chance(): number {
    const bytes = this.#random.fill(new Uint8Array(4))
    return new DataView(bytes.buffer).getUint32(0) / 0x1_0000_0000
  }

  peersOf(node: StoreNode): StoreNode[] {
    if (this.#cut.has(node.name) || node.isGone) return []
    return [...this.#nodes.values()].filter((other) => other !== node && !this.#cut.has(other.name))
  }

  changed(): void {
    for (const node of this.#nodes.values()) this.time.soon(() => node.peersChanged())
  }

  carry(from: StoreNode, to: StoreNode, topic: string, bytes: Uint8Array): void {
    this.largestBytes = Math.max(this.largestBytes, bytes.length)
    if (this.#mute.has(from.name)) return
    const { loss, duplication, delayMs } = this.faults
    for (const copy of [0, 1]) {
      if (copy === 1 && this.chance() >= duplication) return
      if (this.chance() < loss) continue
      const deliver = (): void => {
        if (this.peersOf(from).includes(to)) to.receive(topic, bytes)
      }
      if (delayMs === 0) this.time.soon(deliver)
      else this.time.after(this.chance() * delayMs, deliver)
    }
  }
}

export class StoreNode {
  readonly name: string
  readonly id: string
  readonly stores: LocalStores
  readonly #network: StoreNetwork
  readonly #subscriptions: string[] = []
  isGone = false
  /** What is sent back for every command: to play a full queue. */
  outcome: PublishOutcome = 'accepted'
  sent = 0

  constructor(network: StoreNetwork, name: string, id: string) {
    this.#network = network
    this.name = name
    this.id = id
    const { time } = network
    const clock: Clock = time
    const timers: Timers = {
      after: (delayMs, callback): Timer => time.after(delayMs, () => this.isGone || callback()),
      soon: (callback) => time.soon(() => this.isGone || callback()),
    }
    this.stores = new LocalStores({
      bus: this.#bus(),
      clock,
      timers,
      report: (severity, code) => network.reports.push(`${name}: ${severity}: ${code}`),
    })
  }

  get peer(): Peer {
    const address = { host: '127.0.0.1', port: 1 }
    return { id: this.id, address, direction: 'outgoing', subscriptions: [...this.#subscriptions] }
  }

  /** The process is gone, and says nothing. */
  crash(): void {
    this.isGone = true
    this.#network.changed()
  }

  subscribes(topic: string): boolean {
    return this.#subscriptions.some((prefix) => topic.startsWith(prefix))
  }

  receive(topic: string, bytes: Uint8Array): void {
    if (!this.isGone && this.subscribes(topic)) this.stores.receive(topic, bytes, 0, bytes.length)
  }

  peersChanged(): void {
    if (!this.isGone) this.stores.peersChanged()
  }

  #bus(): StoreBus {
    const network = this.#network
    return {
      id: this.id,
      peers: () => network.peersOf(this).map(({ peer }) => peer),
      subscribe: (prefix) => {
        this.#subscriptions.push(prefix)
        network.changed()
      },
      unsubscribe: (prefix) => {
        this.#subscriptions.splice(this.#subscriptions.indexOf(prefix), 1)
        network.changed()
      },
      sendCommand: (topic: string, command: Encodable, endpoint?: string): PublishOutcome => {
        const writer = new ByteWriter()
        command.writeTo(writer)
        const bytes = writer.toBytes()
        this.sent += 1
        if (this.isGone) return 'no-peer'
        for (const other of network.peersOf(this)) {
          if (endpoint === undefined ? other.subscribes(topic) : other.id === endpoint) {
            network.carry(this, other, topic, bytes)
          }
        }
        return this.outcome
      },
      publishLocally: () => {},
      isHeardLocally: () => false,
    }
  }
}
