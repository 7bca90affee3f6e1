/** A bounded window that sorts: what goes in comes out by time, as far as the window reaches. */

export interface TimedLine {
  readonly time: number
  readonly text: string
}

interface Entry extends TimedLine {
  /** Lines of the same time keep their order. */
  readonly order: number
}

export interface WindowLimits {
  readonly lines: number
  readonly bytes: number
}

/** Neighbours of a log are seldom further apart; lines of a busy logger for half a minute. */
export const WINDOW_LIMITS: WindowLimits = { lines: 200_000, bytes: 128 * 1024 * 1024 }

/** What a line takes besides its text. */
const LINE_OVERHEAD_BYTES = 100

export class MergeWindow {
  readonly #limits: WindowLimits
  /** The earliest at the root; the children of `index` are at `2 * index + 1` and the next. */
  readonly #heap: Entry[] = []
  #bytes = 0
  #order = 0

  constructor(limits: WindowLimits = WINDOW_LIMITS) {
    this.#limits = limits
  }

  /** Whether a line has to leave before another one comes. */
  get isFull(): boolean {
    return this.#heap.length >= this.#limits.lines || this.#bytes >= this.#limits.bytes
  }

  push(time: number, text: string): void {
    const heap = this.#heap
    const entry = { time, text, order: this.#order }
    this.#order += 1
    this.#bytes += text.length + LINE_OVERHEAD_BYTES
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  /** The earliest line; undefined when there is none. */
  pop(): TimedLine | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return undefined
    this.#bytes -= first.text.length + LINE_OVERHEAD_BYTES
    if (heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}
