/**
 * Coverage-guided fuzzing: inputs are changed at random, and those that reach new blocks of the code under test are
 * changed further. With the same seed, corpus and number of runs it does the same again.
 */
import type { Coverage } from './coverage.ts'
import type { Dictionary } from './dictionary.ts'
import { type Fault, Guard, type Limits } from './guard.ts'
import { mutate } from './mutators.ts'
import { Random } from './random.ts'
import type { Target } from './target.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly dictionary: Dictionary
  /** Inputs kept from earlier. */
  readonly kept?: readonly Uint8Array[]
  /** Whether to go on after so many runs. */
  readonly goOn: (runs: number) => boolean
  readonly limits?: Limits
  readonly inputBytesMax?: number
}

export interface FuzzResult {
  readonly runs: number
  /** Blocks of the code under test that ran. */
  readonly blocks: number
  /** Inputs that reached something new, seeds first. */
  readonly corpus: readonly Uint8Array[]
  /** The first fault, its input minimised. */
  readonly fault: Fault | undefined
}

const INPUT_BYTES_MAX = 4096
const BATCH_RUNS = 1024
const SEEDS_MAX = 64
/** Tries to make the input of a fault smaller; of a hang each one takes its time. */
const MINIMISE_RUNS = 4000
const MINIMISE_HANG_RUNS = 16

export function fuzz(target: Target, coverage: Coverage, options: FuzzOptions): FuzzResult {
  return new Fuzzer(target, coverage, options).fuzz()
}

class Fuzzer {
  readonly #target: Target
  readonly #coverage: Coverage
  readonly #options: FuzzOptions
  readonly #guard: Guard
  readonly #random: Random
  readonly #corpus: Uint8Array[] = []
  readonly #inputBytesMax: number
  #runs = 0
  #fault: Fault | undefined

  constructor(target: Target, coverage: Coverage, options: FuzzOptions) {
    this.#target = target
    this.#coverage = coverage
    this.#options = options
    this.#guard = new Guard(options.limits)
    this.#random = new Random(options.seed)
    this.#inputBytesMax = options.inputBytesMax ?? INPUT_BYTES_MAX
  }

  fuzz(): FuzzResult {
    this.#coverage.watch(this.#target.sources)
    this.#start()
    while (this.#fault === undefined && this.#options.goOn(this.#runs)) this.#runBatch()
    return {
      runs: this.#runs,
      blocks: this.#coverage.blocks,
      corpus: this.#corpus,
      fault: this.#fault === undefined ? undefined : this.#minimise(this.#fault),
    }
  }

  /** Seeds are kept even when they reach nothing new: they are whole inputs. */
  #start(): void {
    const seeds = spread([...this.#target.seeds()], SEEDS_MAX)
    this.#corpus.push(new Uint8Array(0), ...seeds.map((seed) => seed.slice(0, this.#inputBytesMax)))
    for (const seed of this.#corpus) {
      this.#run([seed])
      this.#coverage.merge(this.#coverage.take())
    }
    for (const input of this.#options.kept ?? []) if (this.#fault === undefined) this.#keepIfNew(input)
  }

  #runBatch(): void {
    const material = { random: this.#random, dictionary: this.#options.dictionary, others: this.#corpus }
    const batch = Array.from({ length: this.#target.batchRuns ?? BATCH_RUNS }, () =>
      mutate(this.#choose(), material, this.#inputBytesMax),
    )
    this.#run(batch)
    if (this.#fault !== undefined) return
    const snapshot = this.#coverage.take()
    if (!this.#coverage.hasNew(snapshot)) return
    this.#search(batch)
    // What only ran because of the inputs before it would be searched for again and again.
    this.#coverage.merge(snapshot)
  }

  /** Half of the time one of the newest inputs: they are where the code was not looked at long. */
  #choose(): Uint8Array {
    const { length } = this.#corpus
    const recent = Math.min(length, 16)
    return this.#corpus[
      this.#random.oneIn(2) ? length - 1 - this.#random.below(recent) : this.#random.below(length)
    ]!
  }

  /** Looks for the inputs of a batch that reach something new, half by half. */
  #search(inputs: readonly Uint8Array[]): void {
    if (this.#fault !== undefined) return
    if (inputs.length === 1) return this.#keepIfNew(inputs[0]!)
    const middle = inputs.length >>> 1
    const [first, second] = [inputs.slice(0, middle), inputs.slice(middle)]
    const isInFirst = this.#reachesNew(first)
    if (isInFirst) this.#search(first)
    // When it is not in the first half, it must be in the second.
    if (!isInFirst || this.#reachesNew(second)) this.#search(second)
  }

  #reachesNew(inputs: readonly Uint8Array[]): boolean {
    this.#run(inputs)
    return this.#fault === undefined && this.#coverage.hasNew(this.#coverage.take())
  }

  #keepIfNew(input: Uint8Array): void {
    this.#run([input])
    const snapshot = this.#coverage.take()
    if (!this.#coverage.hasNew(snapshot)) return
    this.#coverage.merge(snapshot)
    this.#corpus.push(input)
  }

  #run(inputs: readonly Uint8Array[]): void {
    this.#fault ??= this.#guard.run((input) => this.#target.run(input), inputs)
    this.#runs += inputs.length
  }

  /** Leaves out and evens out what the fault does not need. */
  #minimise(fault: Fault): Fault {
    let smallest = fault
    let left = fault.kind === 'hang' ? MINIMISE_HANG_RUNS : MINIMISE_RUNS
    const tries = (candidate: Uint8Array): boolean => {
      left -= 1
      const found = this.#guard.run((input) => this.#target.run(input), [candidate])
      if (found?.signature !== fault.signature) return false
      smallest = found
      return true
    }
    for (let size = smallest.input.length; size >= 1 && left > 0; size >>>= 1) {
      for (let start = 0; start < smallest.input.length && left > 0; ) {
        const { input } = smallest
        if (!tries(without(input, start, start + size))) start += size
      }
    }
    for (let at = 0; at < smallest.input.length && left > 0; at += 1) {
      if (smallest.input[at] !== 0) tries(smallest.input.with(at, 0))
    }
    return smallest
  }
}

function without(input: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.from([...input.subarray(0, start), ...input.subarray(end)])
}

/** At most `count` of them, from the start to the end. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]!)
}

/** The inputs that together reach what all of them do and the seeds do not, small ones first. */
export function smallestCover(
  target: Target,
  coverage: Coverage,
  corpus: readonly Uint8Array[],
): Uint8Array[] {
  coverage.watch(target.sources)
  for (const seed of spread([...target.seeds()], SEEDS_MAX)) target.run(seed.slice(0, INPUT_BYTES_MAX))
  coverage.merge(coverage.take())
  return [...corpus]
    .sort((a, b) => a.length - b.length)
    .filter((input) => {
      target.run(input)
      const snapshot = coverage.take()
      const isNew = coverage.hasNew(snapshot)
      coverage.merge(snapshot)
      return isNew
    })
}
