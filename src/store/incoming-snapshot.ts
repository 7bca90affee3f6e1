/**
 * What a clone gathers of a snapshot: all in one message, or part by part in any order. Whoever answers first is the
 * master; others that say they are it are not heard.
 */
import type { Body, SnapshotEntry } from './command.js'
import type { Entity } from './entity.js'
import { Table } from './table.js'

export class IncomingSnapshot {
  readonly table = new Table()
  readonly #parts = new Set<number>()
  #generation = 0
  #from: Entity | undefined

  /** Whether a command may be from the master. */
  isFrom(sender: Entity): boolean {
    return this.#from === undefined || this.#from === sender
  }

  /** Takes a command that is for this clone. Returns where the master's stream goes on, when the snapshot is complete. */
  receive(sender: Entity, generation: number, body: Body): number | undefined {
    switch (body.kind) {
      case 'ack-clone':
        this.#from = sender
        this.table.clear()
        this.#fill(body.snapshot)
        return body.offset
      case 'snapshot-part':
        this.#from = sender
        if (this.#isCurrent(generation) && !this.#parts.has(body.part)) {
          this.#parts.add(body.part)
          this.#fill(body.entries)
        }
        return undefined
      case 'snapshot-end':
        // Parts that are missing may only be late; if not, the next snapshot has them.
        return this.#isCurrent(generation) && this.#parts.size === body.parts ? body.offset : undefined
      default:
        return undefined
    }
  }

  /** Whether it belongs to the snapshot that is gathered; the first of a newer one starts that. */
  #isCurrent(generation: number): boolean {
    if (generation > this.#generation) {
      this.#generation = generation
      this.#parts.clear()
      this.table.clear()
    }
    return generation === this.#generation
  }

  #fill(entries: Iterable<SnapshotEntry>): void {
    for (const [key, value] of entries) this.table.set(key, value)
  }
}
