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

const CACHED_TOPICS = 1024

/** Answers which topics a filter matches; remembers answers, because topics repeat. */
export class FilterMatcher {
  readonly prefixes: readonly string[]
  readonly #answers = new Map<string, boolean>()

  constructor(prefixes: readonly string[]) {
    this.prefixes = prefixes
  }

  matches(topic: string): boolean {
    const known = this.#answers.get(topic)
    if (known !== undefined) return known
    const answer = this.prefixes.some((prefix) => topic.startsWith(prefix))
    if (this.#answers.size >= CACHED_TOPICS) this.#answers.clear()
    this.#answers.set(topic, answer)
    return answer
  }
}
