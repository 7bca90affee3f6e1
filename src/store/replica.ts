/** The entries of a clone: what the master tells is applied here, and what is different is told to whoever watches. */
import type { Action } from './command.js'
import type { Encoded } from './encoded.js'
import type { StoredChange } from './engine.js'
import type { Entity } from './entity.js'
import { Table } from './table.js'

export interface ReplicaEffects {
  changed(change: StoredChange): void
  /** Whether anybody wants to know changes; they cost. */
  isWatched(): boolean
}

export class Replica {
  readonly #effects: ReplicaEffects
  #table = new Table()

  constructor(effects: ReplicaEffects) {
    this.#effects = effects
  }

  get table(): Table {
    return this.#table
  }

  /** Applies what a master tells. False for an action that changes nothing. */
  apply(action: Action): boolean {
    const { publisher } = action
    switch (action.kind) {
      case 'put': {
        const { key, value, expiry } = action
        const old = this.#table.set(key, value)
        this.#changed(old === undefined ? 'insert' : 'update', key, old, value, expiry, publisher)
        return true
      }
      case 'erase':
      case 'expire': {
        const old = this.#table.delete(action.key)
        if (old !== undefined) this.#changed(action.kind, action.key, old, undefined, undefined, publisher)
        return true
      }
      case 'clear': {
        const entries = this.#effects.isWatched() ? [...this.#table.entries()] : []
        this.#table.clear()
        for (const [key, old] of entries) this.#changed('erase', key, old, undefined, undefined, publisher)
        return true
      }
      case 'put-unique':
      case 'put-unique-result':
      case 'add':
      case 'subtract':
        return false
    }
  }

  /** Takes over a snapshot; who watches sees what is different. */
  replace(table: Table, master: Entity): void {
    const old = this.#table
    this.#table = table
    if (!this.#effects.isWatched()) return
    for (const [key, value] of old.entries()) {
      if (!table.has(key)) this.#changed('erase', key, value, undefined, undefined, master)
    }
    for (const [key, value] of table.entries()) {
      const before = old.get(key)
      if (before === value) continue
      this.#changed(before === undefined ? 'insert' : 'update', key, before, value, undefined, master)
    }
  }

  #changed(
    kind: StoredChange['kind'],
    key: Encoded,
    old: Encoded | undefined,
    value: Encoded | undefined,
    expiry: bigint | undefined,
    publisher: Entity,
  ): void {
    if (this.#effects.isWatched()) this.#effects.changed({ kind, key, old, value, expiry, publisher })
  }
}
