/** What reading a script may cost at most. */
import { type RedefValue, setFields } from '../options/redef-value.js'

/** Bytes of a computed string. */
export const STRING_BYTES_MAX = 1024 * 1024

/** Values inside a computed value, see `Measure`. A layout of 1000 nodes has about 10 000. */
export const VALUE_WEIGHT_MAX = 1_000_000

/** Values inside values. */
export const VALUE_DEPTH_MAX = 100

/** Operators inside operators that are evaluated. */
export const EVALUATION_DEPTH_MAX = 500

/** Values that are computed or copied, by their weight. */
const WORK_MAX = 10_000_000

/** Thrown when a script asks for more than it may. */
export class LimitReached extends Error {}

/** Counts what a script costs. */
export class Budget {
  #left = WORK_MAX

  /** Throws `LimitReached` when too much has been computed. */
  spend(amount: number): void {
    this.#left -= amount
    if (this.#left < 0) throw new LimitReached()
  }
}

/** How large a value is. */
export interface Measure {
  /** How many containers are inside each other, this one included; 0 for a value that is none. */
  readonly depth: number
  /** Of everything inside it: one for each value, and one for every 16 bytes of a string. */
  readonly weight: number
}

const SCALAR: Measure = { depth: 0, weight: 1 }

const measures = new WeakMap<RedefValue, Measure>()

/** Each container is measured once, so that values made of the same parts again and again cost nothing. */
export function measure(value: RedefValue): Measure {
  switch (value.type) {
    case 'record':
    case 'table':
    case 'set':
    case 'vector':
      return measureContainer(value)
    case 'string':
      return { depth: 0, weight: 1 + Math.ceil(value.value.length / 16) }
    default:
      return SCALAR
  }
}

function measureContainer(value: RedefValue): Measure {
  const known = measures.get(value)
  if (known !== undefined) return known
  let depth = 0
  let weight = 1
  for (const part of partsOf(value)) {
    const inner = measure(part)
    depth = Math.max(depth, inner.depth + 1)
    weight += inner.weight
  }
  const result = { depth, weight }
  measures.set(value, result)
  return result
}

function* partsOf(value: RedefValue): Iterable<RedefValue> {
  if (value.type === 'record') for (const [, field] of setFields(value.value)) yield field
  else if (value.type === 'table') for (const entry of value.value) yield* entry
  else if (value.type === 'set' || value.type === 'vector') yield* value.value
}
