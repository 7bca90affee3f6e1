/** Changes of inputs: bytes, ranges, numbers, constants of the code under test, pieces of other inputs. */
import type { Dictionary } from './dictionary.ts'
import type { Random } from './random.ts'

/** What a mutation works with. */
interface Material {
  readonly random: Random
  readonly dictionary: Dictionary
  readonly others: readonly Uint8Array[]
}

type Mutator = (input: Buffer, material: Material) => Buffer

const ODD_BYTES: readonly number[] = [0, 1, 2, 4, 8, 16, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff]
const ODD_WORDS: readonly number[] = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
]
const CHUNK_BYTES_MAX = 64
/** Of most inputs only this many places are changed. */
const CHANGES_MAX = 6

function replaced(input: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, start), by, input.subarray(end)])
}

function range(input: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length + 1)
  return [start, Math.min(input.length, start + 1 + random.below(random.oneIn(4) ? CHUNK_BYTES_MAX : 4))]
}

/** Changes the byte at a random place. */
function withByte(input: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(input)
  if (changed.length === 0) return Buffer.of(change(0))
  const at = random.below(changed.length)
  changed[at] = change(changed[at]!)
  return changed
}

/** Anywhere, but often at the ends. */
function place(input: Buffer, random: Random): number {
  return random.pick([0, input.length, random.below(input.length + 1)])
}

/** One or more texts of the code, with what may stand between them. */
function insertTexts(input: Buffer, { random, dictionary }: Material): Buffer {
  const { texts, separators } = dictionary
  if (texts.length === 0) return input
  const pieces: Uint8Array[] = []
  do {
    if (separators.length > 0 && random.oneIn(2)) pieces.push(random.pick(separators))
    pieces.push(random.pick(texts))
  } while (random.oneIn(3))
  const at = place(input, random)
  return replaced(input, at, at, Buffer.concat(pieces))
}

/** An odd number, or how many bytes follow: what a length would be. */
function someNumber(input: Buffer, end: number, random: Random): number {
  return random.oneIn(2) ? random.pick(ODD_WORDS) : Math.max(0, input.length - end)
}

const MUTATORS: readonly Mutator[] = [
  (input, { random }) => withByte(input, random, (byte) => byte ^ (1 << random.below(8))),
  (input, { random }) => withByte(input, random, () => random.pick(ODD_BYTES)),
  (input, { random }) => withByte(input, random, () => random.below(256)),
  (input, { random, dictionary: { bytes } }) =>
    withByte(input, random, (byte) => (bytes.length === 0 ? byte : random.pick(bytes))),
  (input, { random }) => withByte(input, random, (byte) => byte + random.below(17) - 8),
  function numberInPlace(input, { random }) {
    const size = random.pick([1, 2, 4])
    const start = random.below(Math.max(1, input.length - size + 1))
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(someNumber(input, start + size, random))
    const chosen = bytes.subarray(4 - size)
    return replaced(input, start, start + size, random.oneIn(3) ? chosen.reverse() : chosen)
  },
  function remove(input, { random }) {
    const [start, end] = range(input, random)
    return replaced(input, start, end, Buffer.alloc(0))
  },
  function insertRandom(input, { random }) {
    const bytes = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)))
    const at = random.below(input.length + 1)
    return replaced(input, at, at, bytes)
  },
  function repeat(input, { random }) {
    const [start, end] = range(input, random)
    const times = random.oneIn(16) ? 1 + random.below(512) : 1 + random.below(3)
    const chunk = input.subarray(start, end)
    return replaced(input, end, end, Buffer.concat(Array.from({ length: times }, () => chunk)))
  },
  function copyElsewhere(input, { random }) {
    const [start, end] = range(input, random)
    const at = random.below(input.length + 1)
    return replaced(input, at, at + (random.oneIn(2) ? end - start : 0), input.subarray(start, end))
  },
  function insertNumber(input, { random, dictionary }) {
    const at = place(input, random)
    return dictionary.numbers.length === 0 ? input : replaced(input, at, at, random.pick(dictionary.numbers))
  },
  function constantInPlace(input, { random, dictionary }) {
    const constants = random.oneIn(2) ? dictionary.texts : dictionary.numbers
    if (constants.length === 0) return input
    const constant = random.pick(constants)
    const at = random.below(input.length + 1)
    return replaced(input, at, at + constant.length, constant)
  },
  insertTexts,
  insertTexts,
  function cut(input, { random }) {
    return input.subarray(0, random.below(input.length + 1))
  },
  function insertOther(input, { random, others }) {
    const other = Buffer.from(random.pick(others))
    const [start, end] = random.oneIn(2) ? [0, other.length] : range(other, random)
    const at = random.below(input.length + 1)
    return replaced(input, at, random.oneIn(2) ? input.length : at, other.subarray(start, end))
  },
]

/** A changed copy, at most `limitBytes` long. */
export function mutate(input: Uint8Array, material: Material, limitBytes: number): Uint8Array {
  const { random } = material
  let changed = Buffer.from(input)
  let changes = 1
  while (changes < CHANGES_MAX && random.oneIn(2)) changes += 1
  for (let change = 0; change < changes; change += 1)
    changed = Buffer.from(random.pick(MUTATORS)(changed, material))
  return Uint8Array.from(changed.subarray(0, limitBytes))
}
