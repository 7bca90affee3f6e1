/** A master store in the memory of one process. */
import type { Timer, Timers } from '../base/time.js'
import { ValueMap } from '../data/containers.js'
import type { Store, StoreKey, WriteOptions } from './store.js'

interface Entry {
  readonly value: unknown
  readonly expiry: Timer | undefined
}

export class MemoryStore implements Store {
  readonly name: string
  readonly #timers: Timers
  readonly #entries = new ValueMap<StoreKey, Entry>()

  constructor(name: string, timers: Timers) {
    this.name = name
    this.#timers = timers
  }

  async get(key: StoreKey): Promise<unknown> {
    return this.#entries.get(key)?.value
  }

  async exists(key: StoreKey): Promise<boolean> {
    return this.#entries.has(key)
  }

  async keys(): Promise<readonly StoreKey[]> {
    return [...this.#entries.keys()]
  }

  async size(): Promise<number> {
    return this.#entries.size
  }

  async put(key: StoreKey, value: unknown, options: WriteOptions = {}): Promise<void> {
    this.#entries.get(key)?.expiry?.cancel()
    const { expiryMs } = options
    const expiry =
      expiryMs === undefined ? undefined : this.#timers.after(expiryMs, () => this.#entries.delete(key))
    this.#entries.set(key, { value, expiry })
  }

  async putUnique(key: StoreKey, value: unknown, options: WriteOptions = {}): Promise<boolean> {
    if (this.#entries.has(key)) return false
    await this.put(key, value, options)
    return true
  }

  async erase(key: StoreKey): Promise<void> {
    this.#entries.get(key)?.expiry?.cancel()
    this.#entries.delete(key)
  }

  async clear(): Promise<void> {
    for (const { expiry } of this.#entries.values()) expiry?.cancel()
    this.#entries.clear()
  }

  /** Ends the timers. */
  close(): void {
    for (const { expiry } of this.#entries.values()) expiry?.cancel()
  }
}
