/**
 * What a peer was to get and did not: messages by topic. Told in portions, because a slow peer loses thousands at a
 * time.
 */
import type { Timer, Timers } from '../base/time.js'
import { ENVELOPE_HEADER_BYTES } from './envelope.js'

/** Topics that are counted one by one; the rest share one entry. */
const COUNTED_TOPICS = 1000
const OTHER_TOPICS = '(other topics)'
const TOLD_EVERY_MS = 1000

export class DropLedger {
  readonly #timers: Timers
  readonly #tell: (topics: ReadonlyMap<string, number>) => void
  readonly #total = new Map<string, number>()
  #untold = new Map<string, number>()
  #timer: Timer | undefined

  /** `tell` gets what was counted since it was last called, at most once a second. */
  constructor(timers: Timers, tell: (topics: ReadonlyMap<string, number>) => void) {
    this.#timers = timers
    this.#tell = tell
  }

  /** Messages by topic since the start. */
  get total(): ReadonlyMap<string, number> {
    return this.#total
  }

  count(topic: string, messages = 1): void {
    add(this.#total, topic, messages)
    add(this.#untold, topic, messages)
    this.#timer ??= this.#timers.after(TOLD_EVERY_MS, () => this.tellNow())
  }

  /** Every frame in `bytes[0, length)`; returns how many. */
  countFrames(bytes: Buffer, length: number): number {
    let frames = 0
    for (let offset = 0; offset + 4 + ENVELOPE_HEADER_BYTES <= length; ) {
      const topicStart = offset + 4 + ENVELOPE_HEADER_BYTES
      const topicLength = bytes.readUInt16BE(topicStart - 2)
      this.count(bytes.toString('utf8', topicStart, topicStart + topicLength))
      offset += 4 + bytes.readUInt32BE(offset)
      frames += 1
    }
    return frames
  }

  tellNow(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#untold.size === 0) return
    const untold = this.#untold
    this.#untold = new Map()
    this.#tell(untold)
  }
}

function add(counts: Map<string, number>, topic: string, messages: number): void {
  const key = counts.has(topic) || counts.size < COUNTED_TOPICS ? topic : OTHER_TOPICS
  counts.set(key, (counts.get(key) ?? 0) + messages)
}
