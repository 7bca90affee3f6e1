/**
 * Group commit: changes gather while a commit is on its way to the backend, and go together with the next one. What
 * was promised for a change happens when its commit has ended. When a commit fails, nothing since the last good one
 * holds: all of it is taken back, the youngest first.
 */
import type { Timers } from '../base/time.js'
import type { Backend, Change } from './backends/backend.js'
import { bytesOf, type Encoded } from './encoded.js'
import { StoreError } from './store-error.js'

/** What becomes of an item: something that was done in memory, or that waits for what was done before it. */
export interface JournalEffects<Item> {
  /** When a key ends, in milliseconds since 1970; asked when its commit starts. */
  expiryMsOf(key: Encoded): number | undefined
  /** It is safe. */
  committed(item: Item): void
  /** It is not, and never will be: takes it back. Called for the youngest first. */
  undo(item: Item): void
  /** It was taken back, and all younger ones too. Called for the oldest first. */
  failed(item: Item, error: StoreError): void
}

interface Batch<Item> {
  cleared: boolean
  /** The last value of each key that was changed; undefined: it is gone. */
  readonly written: Map<Encoded, Encoded | undefined>
  readonly items: Item[]
}

export class Journal<Item> {
  readonly #store: string
  readonly #backend: Backend
  readonly #timers: Timers
  readonly #effects: JournalEffects<Item>
  #next: Batch<Item> = emptyBatch()
  #current: Batch<Item> | undefined
  #scheduled = false
  #onIdle: (() => void) | undefined

  constructor(store: string, backend: Backend, timers: Timers, effects: JournalEffects<Item>) {
    this.#store = store
    this.#backend = backend
    this.#timers = timers
    this.#effects = effects
  }

  /** Items that are not safe yet. */
  get waiting(): number {
    return this.#next.items.length + (this.#current?.items.length ?? 0)
  }

  /** A key has a value, or none any more. */
  write(key: Encoded, value: Encoded | undefined): void {
    this.#next.written.set(key, value)
  }

  /** All entries were removed. */
  clear(): void {
    this.#next.cleared = true
    this.#next.written.clear()
  }

  /** Adds an item; the commit follows at the end of the turn or behind the one before. */
  add(item: Item): void {
    this.#next.items.push(item)
    if (this.#scheduled || this.#current !== undefined) return
    this.#scheduled = true
    this.#timers.soon(() => {
      this.#scheduled = false
      this.#commit()
    })
  }

  /** Resolves when everything that was added is safe or taken back, and closes the backend. */
  async close(): Promise<void> {
    if (this.waiting > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await this.#backend.close()
  }

  #commit(): void {
    if (this.#current !== undefined) return
    const batch = this.#next
    if (batch.items.length === 0) {
      this.#onIdle?.()
      return
    }
    this.#current = batch
    this.#next = emptyBatch()
    const changes = this.#changesOf(batch)
    const committed = changes.length === 0 ? Promise.resolve() : this.#backend.commit(changes)
    committed.then(
      () => {
        this.#current = undefined
        for (const item of batch.items) this.#effects.committed(item)
        this.#commit()
      },
      (error: unknown) => this.#fail(batch, error),
    )
  }

  #fail(batch: Batch<Item>, error: unknown): void {
    const store = this.#store
    const items = [...batch.items, ...this.#next.items]
    this.#current = undefined
    this.#next = emptyBatch()
    const reason =
      error instanceof StoreError
        ? error
        : new StoreError('backend-failure', `store ${store}: ${String(error)}`, { store }, error)
    for (const item of items.toReversed()) this.#effects.undo(item)
    for (const item of items) this.#effects.failed(item, reason)
    this.#commit()
  }

  #changesOf({ cleared, written }: Batch<Item>): Change[] {
    const changes: Change[] = cleared ? [{ kind: 'clear' }] : []
    for (const [text, value] of written) {
      const key = bytesOf(text)
      if (value === undefined) {
        changes.push({ kind: 'erase', key })
      } else {
        const expiryNs = nanoseconds(this.#effects.expiryMsOf(text))
        changes.push({ kind: 'put', entry: { key, value: bytesOf(value), expiryNs } })
      }
    }
    return changes
  }
}

function emptyBatch<Item>(): Batch<Item> {
  return { cleared: false, written: new Map(), items: [] }
}

/** Milliseconds with fractions as nanoseconds. */
export function nanoseconds(ms: number | undefined): bigint | undefined {
  if (ms === undefined) return undefined
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}

/** Nanoseconds as milliseconds with fractions. */
export function milliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6
}
