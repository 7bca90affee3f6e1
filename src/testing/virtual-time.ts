/**
 * A clock that only moves when told: timers fire in order of their time, work of the same turn runs before time
 * goes on. The whole cluster runs on it in one process, and a test of an hour takes milliseconds.
 */
import { ClusterError } from '../base/errors.js'
import type { Clock, Timer, Timers } from '../base/time.js'

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly callback: () => void
}

const DEFAULT_START_MS = Date.UTC(2026, 0, 1)

/** More work in one instant than any healthy run has: two parts wake each other without end. */
const TURN_LIMIT = 100_000

export class VirtualTime implements Clock, Timers {
  readonly #startMs: number
  #elapsedMs = 0
  #order = 0
  #entries: Entry[] = []
  #soon: (() => void)[] = []

  /** `startMs`: wall-clock time at the beginning, in milliseconds since the epoch. */
  constructor(startMs: number = DEFAULT_START_MS) {
    this.#startMs = startMs
  }

  wallMs(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  /** Timers that have not fired and were not cancelled. */
  get pendingTimers(): number {
    return this.#entries.length
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry: Entry = { atMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order, callback }
    this.#order += 1
    const index = this.#entries.findIndex((other) => other.atMs > entry.atMs)
    this.#entries.splice(index < 0 ? this.#entries.length : index, 0, entry)
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry)
      },
    }
  }

  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  /** Runs everything that can run without time passing, promises included. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURN_LIMIT; turn += 1) {
      await realTurn()
      const work = this.#soon
      if (work.length === 0) return
      this.#soon = []
      for (const callback of work) callback()
    }
    throw new ClusterError(
      'never-idle',
      `still busy after ${TURN_LIMIT} turns without time passing`,
      undefined,
    )
  }

  /** Lets `durationMs` pass. */
  async advance(durationMs: number): Promise<void> {
    const targetMs = this.#elapsedMs + durationMs
    await this.settle()
    while (await this.#step(targetMs)) {
      // each step runs one timer and what it caused
    }
    this.#elapsedMs = targetMs
  }

  /** Lets time pass until the condition holds; throws when it does not within `limitMs`. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const limit = this.#elapsedMs + limitMs
    await this.settle()
    while (!condition()) {
      if (!(await this.#step(limit))) {
        throw new ClusterError(
          'condition-timeout',
          `the condition does not hold after ${limitMs} ms`,
          undefined,
        )
      }
    }
  }

  /** Runs the next timer that is due until `limitMs`; false when there is none. */
  async #step(limitMs: number): Promise<boolean> {
    const next = this.#entries[0]
    if (next === undefined || next.atMs > limitMs) return false
    this.#entries.shift()
    this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs)
    next.callback()
    await this.settle()
    return true
  }
}

/** One turn of the real event loop: every promise that can settle has settled behind it. */
function realTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
