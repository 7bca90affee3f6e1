/** A queue whose ends are cheap at any length: a backlog has tens of thousands of batches. */
export class Fifo<T> {
  #items: T[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#head += 1
    // Moving what is left is paid for by as many items that were taken.
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    } else if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    }
    return item
  }

  /** Puts items before the first. */
  unshift(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
  }

  /** Takes out what fits, in order. */
  take(fits: (item: T) => boolean): T[] {
    const taken: T[] = []
    const kept: T[] = []
    for (const item of this) (fits(item) ? taken : kept).push(item)
    if (taken.length > 0) {
      this.#items = kept
      this.#head = 0
    }
    return taken
  }

  /** Takes one out, wherever it is; the first one at no cost. */
  remove(item: T): void {
    if (this.first === item) this.shift()
    else this.take((other) => other === item)
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = this.#head; index < this.#items.length; index += 1) yield this.#items[index]!
  }
}
