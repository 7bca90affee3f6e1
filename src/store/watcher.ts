/** A bounded queue that is read as an async iterator. A slow reader misses the oldest, and is told how many. */

export interface WatcherSettings<Item> {
  readonly limit: number | undefined
  readonly signal: AbortSignal | undefined
  /** What stands for items that were left out. */
  missed(count: number): Item
  onEnd(): void
}

const DEFAULT_LIMIT = 65_536

export class Watcher<Item> implements AsyncIterableIterator<Item> {
  readonly #settings: WatcherSettings<Item>
  readonly #limit: number
  #items: Item[] = []
  #head = 0
  #missed = 0
  #readers: ((result: IteratorResult<Item>) => void)[] = []
  #isEnded = false
  readonly #onAbort = (): void => this.end()

  constructor(settings: WatcherSettings<Item>) {
    this.#settings = settings
    this.#limit = Math.max(1, settings.limit ?? DEFAULT_LIMIT)
    if (settings.signal?.aborted === true) this.#isEnded = true
    else settings.signal?.addEventListener('abort', this.#onAbort)
  }

  push(item: Item): void {
    if (this.#isEnded) return
    const reader = this.#readers.shift()
    if (reader !== undefined) return reader({ done: false, value: item })
    if (this.#items.length - this.#head >= this.#limit) {
      this.#head += 1
      this.#missed += 1
      if (this.#head > this.#limit) {
        this.#items = this.#items.slice(this.#head)
        this.#head = 0
      }
    }
    this.#items.push(item)
  }

  /** What is queued can still be read. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    for (const reader of this.#readers) reader({ done: true, value: undefined })
    this.#readers = []
    this.#settings.onEnd()
  }

  next(): Promise<IteratorResult<Item>> {
    if (this.#missed > 0) {
      const value = this.#settings.missed(this.#missed)
      this.#missed = 0
      return Promise.resolve({ done: false, value })
    }
    if (this.#head < this.#items.length) {
      const value = this.#items[this.#head]!
      this.#head += 1
      if (this.#head === this.#items.length) {
        this.#items = []
        this.#head = 0
      }
      return Promise.resolve({ done: false, value })
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  return(): Promise<IteratorResult<Item>> {
    this.end()
    this.#items = []
    this.#head = 0
    this.#missed = 0
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
