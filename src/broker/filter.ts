/** Subscriptions of an endpoint: a list of topic prefixes, sorted and without redundant entries. */
import type { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'

/** Prefixes starting with this stay inside an endpoint (spec/broker-protocol.md 5.1). */
export const LOCAL_TOPIC_PREFIX = '<$>/local/'

/** More prefixes than any cluster has; a peer that announces more is refused. */
export const MAX_PREFIXES = 100_000

/** Sorted by bytes, with every prefix removed that a shorter one covers. */
export function minimalFilter(prefixes: Iterable<string>): string[] {
  const sorted = [...new Set(prefixes)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const minimal: string[] = []
  for (const prefix of sorted) {
    const last = minimal.at(-1)
    if (last === undefined || !prefix.startsWith(last)) minimal.push(prefix)
  }
  return minimal
}

export function writeFilter(writer: ByteWriter, prefixes: readonly string[]): void {
  writer.varbyte(prefixes.length)
  for (const prefix of prefixes) writer.str(prefix)
}

/** Reads `list<str>`. Throws `DecodeError`. */
export function readFilter(reader: ByteReader): string[] {
  const size = reader.elementCount(1)
  if (size > MAX_PREFIXES) {
    throw new DecodeError('too-large', `more than ${MAX_PREFIXES} subscriptions`, reader.offset)
  }
  const prefixes: string[] = []
  for (let index = 0; index < size; index += 1) prefixes.push(reader.str())
  return prefixes
}

/**
 * Answers which topics a list of prefixes matches, in a time that hardly grows with their number: among prefixes
 * of which none covers another, only the last one at or before the topic can match it.
 */
export class FilterMatcher {
  /** As announced. */
  readonly prefixes: readonly string[]
  readonly #sorted: readonly string[]

  constructor(prefixes: readonly string[]) {
    this.prefixes = prefixes
    const sorted: string[] = []
    for (const prefix of [...prefixes].sort()) {
      const last = sorted.at(-1)
      if (last === undefined || !prefix.startsWith(last)) sorted.push(prefix)
    }
    this.#sorted = sorted
  }

  matches(topic: string): boolean {
    const sorted = this.#sorted
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]! <= topic) low = middle + 1
      else high = middle
    }
    return low > 0 && topic.startsWith(sorted[low - 1]!)
  }
}
