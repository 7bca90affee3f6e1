/**
 * When the entries of a master end. A heap by time beside a map by key: setting, removing and finding what is due
 * cost no scan. A key that gets another time leaves its old place in the heap; such places are skipped, and cleared
 * away when they are the greater part.
 */
import type { Encoded } from './encoded.js'

const SMALL = 64

export class ExpiryQueue {
  /** Milliseconds since 1970 by key. */
  readonly #times = new Map<Encoded, number>()
  #heapTimes: number[] = []
  #heapKeys: Encoded[] = []

  /** Number of keys that end at some time. */
  get size(): number {
    return this.#times.size
  }

  /** Places in the heap, those that are skipped included. */
  get places(): number {
    return this.#heapKeys.length
  }

  timeOf(key: Encoded): number | undefined {
    return this.#times.get(key)
  }

  /** The entry ends at `atMs`; undefined: never. */
  set(key: Encoded, atMs: number | undefined): void {
    if (atMs === undefined) return this.delete(key)
    this.#times.set(key, atMs)
    if (this.#clearAway()) return
    this.#heapTimes.push(atMs)
    this.#heapKeys.push(key)
    this.#up(this.#heapKeys.length - 1)
  }

  delete(key: Encoded): void {
    if (this.#times.delete(key)) this.#clearAway()
  }

  clear(): void {
    this.#times.clear()
    this.#heapTimes = []
    this.#heapKeys = []
  }

  /** The key that ends first; undefined when none does. */
  first(): Encoded | undefined {
    while (this.#heapKeys.length > 0) {
      const key = this.#heapKeys[0]!
      if (this.#times.get(key) === this.#heapTimes[0]) return key
      this.#pop()
    }
    return undefined
  }

  /** A key whose time is before `nowMs`, which is removed; undefined when there is none. */
  takeDue(nowMs: number): Encoded | undefined {
    const key = this.first()
    if (key === undefined || this.#heapTimes[0]! >= nowMs) return undefined
    this.#pop()
    this.#times.delete(key)
    return key
  }

  /** Whether the heap was made anew, of the keys that are there. */
  #clearAway(): boolean {
    if (this.#heapKeys.length <= 2 * this.#times.size + SMALL) return false
    const entries = [...this.#times].sort(([, a], [, b]) => a - b)
    // A sorted list is a heap.
    this.#heapKeys = entries.map(([key]) => key)
    this.#heapTimes = entries.map(([, time]) => time)
    return true
  }

  #pop(): void {
    const lastKey = this.#heapKeys.pop()!
    const lastTime = this.#heapTimes.pop()!
    if (this.#heapKeys.length === 0) return
    this.#heapKeys[0] = lastKey
    this.#heapTimes[0] = lastTime
    this.#down(0)
  }

  #up(from: number): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#heapTimes[parent]! <= this.#heapTimes[index]!) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #down(from: number): void {
    const { length } = this.#heapKeys
    let index = from
    for (;;) {
      let smallest = index
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < length && this.#heapTimes[child]! < this.#heapTimes[smallest]!) smallest = child
      }
      if (smallest === index) return
      this.#swap(index, smallest)
      index = smallest
    }
  }

  #swap(a: number, b: number): void {
    const key = this.#heapKeys[a]!
    const time = this.#heapTimes[a]!
    this.#heapKeys[a] = this.#heapKeys[b]!
    this.#heapTimes[a] = this.#heapTimes[b]!
    this.#heapKeys[b] = key
    this.#heapTimes[b] = time
  }
}
