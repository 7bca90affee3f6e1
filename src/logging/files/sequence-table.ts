/** All sequences of a logger, by process and by what they are. */
import type { Clock } from '../../base/time.js'
import type { ReceivedSequence, StoredRow } from './received-sequence.js'

/** Processes that sent nothing for so long are remembered as sums only. */
const FORGET_AFTER_MS = 30 * 86_400_000

export class SequenceTable {
  readonly #clock: Clock
  readonly #numbered = new Map<string, Map<number, ReceivedSequence>>()
  /** By node, stream and path. */
  readonly #unnumbered = new Map<string, ReceivedSequence>()
  /** Sums of what earlier processes of this logger had of those that do not number their records. */
  readonly #earlier = new Map<string, ReceivedSequence>()
  #nextIndex = 1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A sequence of a process that numbers its records; undefined when it is not known. */
  find(run: string, id: number): ReceivedSequence | undefined {
    return this.#numbered.get(run)?.get(id)
  }

  /** A sequence that is not known yet; the logger has everything up to `confirmed`. */
  add(
    node: string,
    run: string,
    id: number,
    stream: string,
    path: string,
    confirmed: number,
  ): ReceivedSequence {
    const sequence = this.#create(node, run, id, stream, path, confirmed)
    this.#ofRun(run).set(id, sequence)
    return sequence
  }

  /** The sequence that counts the records of a node which does not number them. */
  unnumbered(node: string, stream: string, path: string): ReceivedSequence {
    const key = keyOf(node, stream, path)
    const known = this.#unnumbered.get(key)
    if (known !== undefined) return known
    const sequence = this.#create(node, '', 0, stream, path, 0)
    this.#unnumbered.set(key, sequence)
    return sequence
  }

  /** The sequences of a process. */
  ofRun(run: string): Iterable<ReceivedSequence> {
    return this.#numbered.get(run)?.values() ?? []
  }

  *all(): Iterable<ReceivedSequence> {
    for (const ids of this.#numbered.values()) yield* ids.values()
    yield* this.#unnumbered.values()
    yield* this.#earlier.values()
  }

  /** Takes over what an earlier process of this logger knew. */
  restore(sequences: readonly ReceivedSequence[]): void {
    const nowMs = this.#clock.wallMs()
    for (const { node, run, id, stream, path, stored, invalid, changedMs } of sequences) {
      if (run !== '' && nowMs - changedMs <= FORGET_AFTER_MS) {
        const sequence = this.add(node, run, id, stream, path, stored)
        sequence.invalid = invalid
        sequence.changedMs = changedMs
        continue
      }
      const key = keyOf(node, stream, path)
      const sum = this.#earlier.get(key) ?? this.#create(node, '', 0, stream, path, 0)
      this.#earlier.set(key, sum)
      sum.received += stored
      sum.stored += stored
      sum.invalid += invalid
    }
  }

  rows(): readonly StoredRow[] {
    return ledgerRows(this.all())
  }

  #create(
    node: string,
    run: string,
    id: number,
    stream: string,
    path: string,
    number: number,
  ): ReceivedSequence {
    const index = this.#nextIndex
    this.#nextIndex += 1
    const changedMs = this.#clock.wallMs()
    return { index, node, run, id, stream, path, received: number, stored: number, invalid: 0, changedMs }
  }

  #ofRun(run: string): Map<number, ReceivedSequence> {
    const known = this.#numbered.get(run)
    if (known !== undefined) return known
    const ids = new Map<number, ReceivedSequence>()
    this.#numbered.set(run, ids)
    return ids
  }
}

function keyOf(node: string, stream: string, path: string): string {
  return `${node}\0${stream}\0${path}`
}

/** Sums over the processes of a node. */
export function ledgerRows(sequences: Iterable<ReceivedSequence>): readonly StoredRow[] {
  const rows = new Map<string, StoredRow>()
  for (const { node, run, stream, path, received, stored, invalid } of sequences) {
    const numbered = run !== ''
    const key = `${numbered}\0${keyOf(node, stream, path)}`
    const sum = rows.get(key)
    rows.set(key, {
      node,
      stream,
      path,
      stored: (sum?.stored ?? 0) + stored - invalid,
      waiting: (sum?.waiting ?? 0) + received - stored,
      invalid: (sum?.invalid ?? 0) + invalid,
      numbered,
    })
  }
  return [...rows.values()]
}
