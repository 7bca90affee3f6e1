/**
 * How new clones get what a master has. A stock Zeek's clone gets one message with everything, as its protocol wants
 * it. Ours get parts, one a turn, that wait while the way is full: a large store holds up nobody else, and no message
 * is larger than a shard.
 */
import type { Timers } from '../base/time.js'
import type { Body, SnapshotEntry } from './command.js'
import type { Entity } from './entity.js'
import type { Snapshot, Table } from './table.js'

export interface SnapshotEffects {
  /** Sends to one clone. False when the way is full: the rest waits for `resume`. */
  send(seq: number, body: Body, clone: Entity): boolean
}

interface Stream {
  /** Tells this snapshot from earlier ones. */
  readonly generation: number
  readonly offset: number
  readonly snapshot: Snapshot
  /** What did not fit the last part. */
  rest: readonly SnapshotEntry[]
  parts: number
}

/** A large snapshot is not sent again before it can have arrived. */
const BYTES_PER_TICK = 1024 * 1024
/** Of one message, unless a single entry has more. */
const PART_BYTES = 256 * 1024

export class SnapshotStreams {
  readonly #table: Table
  readonly #timers: Timers
  readonly #heartbeatTicks: number
  readonly #effects: SnapshotEffects
  readonly #streams = new Map<Entity, Stream>()
  /** Clones whose snapshot is on its way, and ticks until it is sent again when it is asked for. */
  readonly #sent = new Map<Entity, number>()
  #generation = 0
  #isWaiting = false
  #isScheduled = false

  constructor(table: Table, timers: Timers, heartbeatTicks: number, effects: SnapshotEffects) {
    this.#table = table
    this.#timers = timers
    this.#heartbeatTicks = heartbeatTicks
    this.#effects = effects
  }

  /** Starts to send, unless that is being done. `isOurs` says whether the clone takes parts. */
  start(clone: Entity, offset: number, isOurs: boolean): void {
    if (this.#streams.has(clone) || this.#sent.has(clone)) return
    if (!isOurs) {
      const { size } = this.#table
      const snapshot = this.#table.entries()
      this.#wait(clone, this.#table.bytes)
      const heartbeatTicks = this.#heartbeatTicks
      this.#effects.send(offset, { kind: 'ack-clone', offset, heartbeatTicks, snapshot, size }, clone)
      return
    }
    this.#generation += 1
    const generation = this.#generation
    this.#streams.set(clone, { generation, offset, snapshot: this.#table.snapshot(), rest: [], parts: 0 })
    this.#schedule()
  }

  /** The clone has its snapshot, or is given up. */
  stop(clone: Entity): void {
    this.#streams.get(clone)?.snapshot.close()
    this.#streams.delete(clone)
    this.#sent.delete(clone)
  }

  /** The way is free again. */
  resume(): void {
    this.#isWaiting = false
    if (this.#streams.size > 0) this.#schedule()
  }

  tick(): void {
    for (const [clone, ticks] of this.#sent) {
      if (ticks <= 1) this.#sent.delete(clone)
      else this.#sent.set(clone, ticks - 1)
    }
  }

  close(): void {
    for (const clone of this.#streams.keys()) this.stop(clone)
  }

  #wait(clone: Entity, bytes: number): void {
    this.#sent.set(clone, 1 + Math.ceil(bytes / BYTES_PER_TICK))
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWaiting) return
    this.#isScheduled = true
    this.#timers.soon(() => {
      this.#isScheduled = false
      this.#sendParts()
    })
  }

  /** The entries of a shard, or as many of them as a message may have; at least one. */
  #takePart(stream: Stream): readonly SnapshotEntry[] | undefined {
    const entries = stream.rest.length > 0 ? stream.rest : stream.snapshot.take()
    if (entries === undefined) return undefined
    let bytes = 0
    let count = 0
    for (const [key, value] of entries) {
      bytes += key.length + value.length
      if (bytes > PART_BYTES && count > 0) break
      count += 1
    }
    stream.rest = count < entries.length ? entries.slice(count) : []
    return count < entries.length ? entries.slice(0, count) : entries
  }

  /** One part for each clone that waits. */
  #sendParts(): void {
    for (const [clone, stream] of this.#streams) {
      const entries = this.#takePart(stream)
      const { generation, offset, parts } = stream
      if (entries === undefined) {
        this.#streams.delete(clone)
        this.#wait(clone, PART_BYTES * parts)
        this.#effects.send(generation, { kind: 'snapshot-end', offset, parts }, clone)
        continue
      }
      stream.parts += 1
      if (!this.#effects.send(generation, { kind: 'snapshot-part', part: stream.parts, entries }, clone)) {
        this.#isWaiting = true
      }
    }
    if (this.#streams.size > 0) this.#schedule()
  }
}
