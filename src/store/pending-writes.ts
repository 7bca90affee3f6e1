/**
 * The writes of a clone between their call and the master's word on them. First they are held, while there is no way
 * to the master or it is full; then they are in flight, at a position of the clone's stream of actions.
 *
 * What became of a write is seen in the master's stream: a put is echoed, a unique put answered, an increment comes
 * back as a put of the new value. The master works in order, so an echo also tells about every write before it
 * (spec/broker-protocol.md 7.9).
 */
import type { Action } from './command.js'
import type { Write } from './engine.js'

/** What is said about a write that the master passed over without a word. */
export type Verdict = (write: Write) => void

export class PendingWrites {
  #held: (Write | undefined)[] = []
  #heldHead = 0
  #bytes = 0
  #flight: (Write | undefined)[] = []
  #flightHead = 0
  /** Of those that are held: they were on their way once. */
  readonly #sentBefore = new WeakSet<Write>()
  readonly #unique = new Map<number, Write>()
  readonly #sizeOf: (action: Action) => number

  constructor(sizeOf: (action: Action) => number) {
    this.#sizeOf = sizeOf
  }

  /** What they take in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** Writes that nothing is known of yet. */
  get size(): number {
    return this.#held.length - this.#heldHead + (this.#flight.length - this.#flightHead)
  }

  get hasHeld(): boolean {
    return this.#heldHead < this.#held.length
  }

  hold(write: Write): void {
    this.#held.push(write)
    this.#bytes += this.#sizeOf(write.action)
  }

  /** Holds writes that were in flight, before all others. */
  holdAgain(writes: readonly Write[]): void {
    if (writes.length === 0) return
    const others: Write[] = []
    for (let write = this.takeHeld(); write !== undefined; write = this.takeHeld()) others.push(write)
    for (const write of writes) this.#sentBefore.add(write)
    for (const write of [...writes, ...others]) this.hold(write)
  }

  /** Whether a write was on its way to a master before. */
  wasSent(write: Write): boolean {
    return this.#sentBefore.has(write)
  }

  /** The write that is held longest. */
  takeHeld(): Write | undefined {
    while (this.#heldHead < this.#held.length) {
      const write = this.#held[this.#heldHead]
      this.#held[this.#heldHead] = undefined
      this.#heldHead += 1
      if (this.#heldHead > 1024 && this.#heldHead * 2 > this.#held.length) {
        this.#held = this.#held.slice(this.#heldHead)
        this.#heldHead = 0
      }
      if (write === undefined) continue
      this.#bytes -= this.#sizeOf(write.action)
      return write
    }
    return undefined
  }

  /** Takes a write out that is held. False when it is not. */
  cancel(write: Write): boolean {
    const index = this.#held.indexOf(write, this.#heldHead)
    if (index < 0) return false
    this.#held[index] = undefined
    this.#bytes -= this.#sizeOf(write.action)
    return true
  }

  sent(write: Write, seq: number): void {
    write.seq = seq
    write.isSettled = false
    this.#flight.push(write)
    this.#bytes += this.#sizeOf(write.action)
    if (write.action.kind === 'put-unique') this.#unique.set(write.action.requestId, write)
  }

  /** The master applied an own action and says so: `told` is what it says. */
  echoed(told: Action, passedOver: Verdict): void {
    const match = this.#find(told)
    if (match === undefined) return
    this.#passUntil(match, passedOver)
    // The answer to a unique put comes behind its echo.
    if (match.action.kind !== 'put-unique') this.#settle(match, (write) => write.resolve())
  }

  /** The answer to a unique put. */
  answered(requestId: number, inserted: boolean, passedOver: Verdict): void {
    const match = this.#unique.get(requestId)
    if (match === undefined || match.isSettled) return
    this.#passUntil(match, passedOver)
    this.#settle(match, (write) => write.resolve(inserted))
  }

  /** What became of the write at one position. */
  outcome(seq: number, verdict: Verdict): void {
    const match = this.#at(seq)
    if (match !== undefined && !match.isSettled) this.#settle(match, verdict)
  }

  /** The master has passed every position up to `seq`, and said all that it says about them. */
  passed(seq: number, passedOver: Verdict): void {
    for (;;) {
      const entry = this.#first()
      if (entry === undefined || entry.seq > seq) return
      this.#settle(entry, passedOver)
    }
  }

  /** Takes all that are in flight, in order. */
  takeFlight(): Write[] {
    const writes: Write[] = []
    for (let entry = this.#first(); entry !== undefined; entry = this.#first()) {
      this.#settle(entry, (write) => writes.push(write))
    }
    return writes
  }

  #first(): Write | undefined {
    while (this.#flightHead < this.#flight.length) {
      const entry = this.#flight[this.#flightHead]
      if (entry !== undefined && !entry.isSettled) return entry
      this.#flight[this.#flightHead] = undefined
      this.#flightHead += 1
    }
    if (this.#flightHead > 0) {
      this.#flight = []
      this.#flightHead = 0
    }
    return undefined
  }

  #at(seq: number): Write | undefined {
    const first = this.#first()
    if (first === undefined) return undefined
    // Positions are consecutive, settled ones included.
    return this.#flight[this.#flightHead + (seq - first.seq)]
  }

  #find(told: Action): Write | undefined {
    if (this.#first() === undefined) return undefined
    for (let index = this.#flightHead; index < this.#flight.length; index += 1) {
      const entry = this.#flight[index]
      if (entry !== undefined && !entry.isSettled && isEchoOf(told, entry.action)) return entry
    }
    return undefined
  }

  #passUntil(match: Write, passedOver: Verdict): void {
    for (let entry = this.#first(); entry !== undefined && entry !== match; entry = this.#first()) {
      this.#settle(entry, passedOver)
    }
  }

  #settle(entry: Write, verdict: Verdict): void {
    entry.isSettled = true
    this.#bytes -= this.#sizeOf(entry.action)
    if (entry.action.kind === 'put-unique') this.#unique.delete(entry.action.requestId)
    verdict(entry)
    this.#first()
    if (this.#flightHead > 1024 && this.#flightHead * 2 > this.#flight.length) {
      this.#flight = this.#flight.slice(this.#flightHead)
      this.#flightHead = 0
    }
  }
}

/** Whether a master that applied `action` says `told`. */
function isEchoOf(told: Action, action: Action): boolean {
  switch (action.kind) {
    case 'put':
    case 'put-unique':
      return told.kind === 'put' && told.key === action.key && told.value === action.value
    case 'add':
    case 'subtract':
      return told.kind === 'put' && told.key === action.key
    case 'erase':
      return told.kind === 'erase' && told.key === action.key
    case 'clear':
      return told.kind === 'clear'
    case 'expire':
    case 'put-unique-result':
      return false
  }
}

/** Whether a write can be sent again without knowing whether it was applied. */
export function isRepeatable(action: Action): boolean {
  return action.kind === 'put' || action.kind === 'erase' || action.kind === 'clear'
}
