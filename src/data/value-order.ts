/**
 * Order, equality and hash of values (spec/broker-protocol.md 1.3.1). All three take sets and tables in any order of
 * their elements and look at what would be sent.
 *
 * Broker compares reals with `<`. So `-0` and `0` are the same here too: a set cannot have both, nor zero and a
 * subnormal, which is sent as zero. NaN, which Broker has no place for, stands behind all other reals and equals
 * itself: sorting is total and sets keep their elements.
 */
import { protocolNumber } from './address.js'
import { type ByteString, toByteArray, VALUE_TYPES, type Value } from './value.js'

export type TableEntry = readonly [Value, Value]

/** Broker's total order: negative, 0 or positive. */
export function compareValues(a: Value, b: Value): number {
  if (a.type !== b.type) return VALUE_TYPES.indexOf(a.type) - VALUE_TYPES.indexOf(b.type)
  switch (a.type) {
    case 'none':
      return 0
    case 'boolean':
      return Number(a.value) - Number((b as typeof a).value)
    case 'count':
    case 'integer':
    case 'timestamp':
    case 'timespan': {
      const other = (b as typeof a).value
      return a.value < other ? -1 : a.value > other ? 1 : 0
    }
    case 'real':
      return compareReals(a.value, (b as typeof a).value)
    case 'string':
    case 'enum-value':
      return compareByteStrings(a.value, (b as typeof a).value)
    case 'address':
      return a.value.compare((b as typeof a).value)
    case 'subnet':
      return a.value.compare((b as typeof a).value)
    case 'port':
      return a.value.compare((b as typeof a).value)
    case 'set':
      return compareSequences(
        rememberedAscending(a.value, compareValues),
        rememberedAscending((b as typeof a).value, compareValues),
        compareValues,
      )
    case 'table':
      return compareSequences(
        rememberedAscending(a.value, compareKeys),
        rememberedAscending((b as typeof a).value, compareKeys),
        ([keyA, valueA], [keyB, valueB]) => compareValues(keyA, keyB) || compareValues(valueA, valueB),
      )
    case 'vector':
      return compareSequences(a.value, (b as typeof a).value, compareValues)
  }
}

/** Whether two values are the same to Broker: `compareValues` is 0. */
export function equalValues(a: Value, b: Value): boolean {
  return compareValues(a, b) === 0
}

/** A 32-bit number that is the same for equal values. For tables in memory: not stable between releases. */
export function hashValue(value: Value): number {
  const seed = Math.imul(VALUE_TYPES.indexOf(value.type) + 1, 0x9e3779b1)
  switch (value.type) {
    case 'none':
      return seed >>> 0
    case 'boolean':
      return mix(seed, Number(value.value)) >>> 0
    case 'count':
    case 'integer':
    case 'timestamp':
    case 'timespan':
      return (
        mix(
          mix(seed, Number(BigInt.asUintN(32, value.value))),
          Number(BigInt.asUintN(32, value.value >> 32n)),
        ) >>> 0
      )
    case 'real':
      return hashReal(seed, value.value) >>> 0
    case 'string':
    case 'enum-value':
      return hashByteString(seed, value.value) >>> 0
    case 'address':
      return hashWords(seed, value.value) >>> 0
    case 'subnet':
      return mix(hashWords(seed, value.value.address), value.value.length) >>> 0
    case 'port':
      return mix(mix(seed, value.value.number), protocolNumber(value.value.protocol)) >>> 0
    case 'set':
      return hashAll(seed, rememberedAscending(value.value, compareValues)) >>> 0
    case 'table':
      return hashAll(seed, rememberedAscending(value.value, compareKeys).flat()) >>> 0
    case 'vector':
      return hashAll(seed, value.value) >>> 0
  }
}

/** Order of table entries: that of their keys. */
export function compareKeys(a: TableEntry, b: TableEntry): number {
  return compareValues(a[0], b[0])
}

/** Byte-wise; text counts as its UTF-8 bytes. */
export function compareByteStrings(a: ByteString, b: ByteString): number {
  return a === b ? 0 : Buffer.compare(toByteArray(a), toByteArray(b))
}

/** The elements in ascending order, of equal ones only the first; the same array when it is so already. */
export function ascending<T>(elements: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  if (isAscending(elements, compare)) return elements
  const sorted = [...elements].sort(compare)
  return sorted.filter((element, index) => index === 0 || compare(sorted[index - 1]!, element) !== 0)
}

/** Whether each element is greater than the one before. */
export function isAscending<T>(elements: readonly T[], compare: (a: T, b: T) => number): boolean {
  for (let index = 1; index < elements.length; index += 1) {
    if (compare(elements[index - 1]!, elements[index]!) >= 0) return false
  }
  return true
}

/**
 * Sets inside sets are compared many times, and putting each in order every time would take quadratic time: that of
 * hostile input.
 */
const remembered = new WeakMap<readonly unknown[], readonly unknown[]>()

function rememberedAscending<T>(elements: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  if (elements.length < 2) return elements
  const known = remembered.get(elements) as readonly T[] | undefined
  if (known !== undefined) return known
  const result = ascending(elements, compare)
  remembered.set(elements, result)
  return result
}

const SMALLEST_NORMAL = 2 ** -1022

/** The real as it is sent: a subnormal becomes zero of its sign (spec/broker-protocol.md 1.4). */
export function realAsSent(value: number): number {
  if (value >= SMALLEST_NORMAL || value <= -SMALLEST_NORMAL || Number.isNaN(value)) return value
  return value < 0 ? -0 : value === 0 ? value : 0
}

function compareReals(a: number, b: number): number {
  const sentA = realAsSent(a)
  const sentB = realAsSent(b)
  if (sentA < sentB) return -1
  if (sentA > sentB) return 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

function compareSequences<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    const order = compare(a[index]!, b[index]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

const realBytes = new DataView(new ArrayBuffer(8))

function hashReal(seed: number, value: number): number {
  // Adding 0 makes -0 to 0.
  realBytes.setFloat64(0, Number.isNaN(value) ? Number.NaN : realAsSent(value) + 0)
  return mix(mix(seed, realBytes.getUint32(0)), realBytes.getUint32(4))
}

function hashByteString(seed: number, value: ByteString): number {
  let hash = seed
  for (const byte of toByteArray(value)) hash = mix(hash, byte)
  return hash
}

function hashWords(
  seed: number,
  words: { readonly word0: number; readonly word1: number; readonly word2: number; readonly word3: number },
): number {
  return mix(mix(mix(mix(seed, words.word0), words.word1), words.word2), words.word3)
}

function hashAll(seed: number, values: readonly Value[]): number {
  return values.reduce((hash, value) => mix(hash, hashValue(value)), seed)
}
