/**
 * Group commit: changes gather while a commit is on its way to the backend, and go together with the next one. What
 * was promised for a change happens when its commit has ended. When a commit fails, nothing since the last good one
 * holds: all of it is taken back, the youngest first.
 */
import type { Timers } from '../base/time.js'
import type { Backend, Change } from './backends/backend.js'
import { bytesOf, type Encoded } from './encoded.js'
import { StoreError } from './store-error.js'

/** Something that was done in memory and is to be made safe, or that waits for what was done before it. */
export interface Entry {
  /** It is safe. */
  committed(): void
  /** It is not, and never will be: takes it back. Called for the youngest first. */
  undo(): void
  /** It was taken back, and all younger ones too. Called for the oldest first. */
  failed(error: StoreError): void
}

/** What is to be written of a key: its value and end, or undefined when it is gone. */
export type Written = { readonly value: Encoded; readonly expiryMs: number | undefined } | undefined

interface Batch {
  cleared: boolean
  readonly written: Map<Encoded, Written>
  readonly entries: Entry[]
}

export class Journal {
  readonly #store: string
  readonly #backend: Backend
  readonly #timers: Timers
  #next: Batch = emptyBatch()
  #current: Batch | undefined
  #scheduled = false
  #onIdle: (() => void) | undefined

  constructor(store: string, backend: Backend, timers: Timers) {
    this.#store = store
    this.#backend = backend
    this.#timers = timers
  }

  /** Entries that are not safe yet. */
  get waiting(): number {
    return this.#next.entries.length + (this.#current?.entries.length ?? 0)
  }

  write(key: Encoded, written: Written): void {
    this.#next.written.set(key, written)
  }

  clear(): void {
    this.#next.cleared = true
    this.#next.written.clear()
  }

  /** Ends what was written last; the commit follows at the end of the turn or behind the one before. */
  add(entry: Entry): void {
    this.#next.entries.push(entry)
    if (this.#scheduled || this.#current !== undefined) return
    this.#scheduled = true
    this.#timers.soon(() => {
      this.#scheduled = false
      this.#commit()
    })
  }

  /** Resolves when everything that was added is safe or undone, and closes the backend. */
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
    if (this.#next.entries.length === 0) {
      this.#onIdle?.()
      return
    }
    const batch = this.#next
    this.#current = batch
    this.#next = emptyBatch()
    const changes = changesOf(batch)
    const committed = changes.length === 0 ? Promise.resolve() : this.#backend.commit(changes)
    committed.then(
      () => {
        this.#current = undefined
        for (const entry of batch.entries) entry.committed()
        this.#commit()
      },
      (error: unknown) => {
        const failed = [...batch.entries, ...this.#next.entries]
        this.#current = undefined
        this.#next = emptyBatch()
        const reason =
          error instanceof StoreError
            ? error
            : new StoreError(
                'backend-failure',
                `store ${this.#store}: ${String(error)}`,
                { store: this.#store },
                error,
              )
        for (const entry of failed.toReversed()) entry.undo()
        for (const entry of failed) entry.failed(reason)
        this.#commit()
      },
    )
  }
}

function emptyBatch(): Batch {
  return { cleared: false, written: new Map(), entries: [] }
}

function changesOf({ cleared, written }: Batch): Change[] {
  const changes: Change[] = cleared ? [{ kind: 'clear' }] : []
  for (const [key, entry] of written) {
    const bytes = bytesOf(key)
    if (entry === undefined) {
      changes.push({ kind: 'erase', key: bytes })
      continue
    }
    const { value, expiryMs } = entry
    changes.push({
      kind: 'put',
      entry: { key: bytes, value: bytesOf(value), expiryNs: nanoseconds(expiryMs) },
    })
  }
  return changes
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
