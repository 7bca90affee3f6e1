/**
 * Sets and tables as Zeek has them: elements and keys are compared by value. JavaScript's own `Set` and `Map`
 * compare objects by identity, so that an address that was parsed twice is there twice. What they find by:
 * `value-key.ts`. Elements must not be changed while they are in. Iteration is in the order of insertion.
 */
import { keyOf, type ValueKey } from './value-key.js'

/** What the operations on two sets need of the other one. */
export interface SetLike<T> {
  readonly size: number
  has(element: T): boolean
  keys(): Iterator<T>
}

/** A set of Zeek values: `hosts.has(Address.parse('10.0.0.1'))`. */
export class ValueSet<T> implements Set<T> {
  readonly [Symbol.toStringTag] = 'ValueSet'
  readonly #elements = new Map<ValueKey, T>()

  constructor(elements: Iterable<T> = []) {
    for (const element of elements) this.add(element)
  }

  get size(): number {
    return this.#elements.size
  }

  has(element: T): boolean {
    return this.#elements.has(keyOf(element))
  }

  /** Adds an element; an equal one that is there already stays. */
  add(element: T): this {
    const key = keyOf(element)
    if (!this.#elements.has(key)) this.#elements.set(key, element)
    return this
  }

  /** Removes an element; says whether it was there. */
  delete(element: T): boolean {
    return this.#elements.delete(keyOf(element))
  }

  clear(): void {
    this.#elements.clear()
  }

  forEach(visit: (element: T, again: T, set: Set<T>) => void, thisArgument?: unknown): void {
    for (const element of this) visit.call(thisArgument, element, element, this)
  }

  values(): MapIterator<T> {
    return this.#elements.values()
  }

  keys(): MapIterator<T> {
    return this.#elements.values()
  }

  *entries(): MapIterator<[T, T]> {
    for (const element of this.#elements.values()) yield [element, element]
  }

  [Symbol.iterator](): MapIterator<T> {
    return this.#elements.values()
  }

  /** What is in one of the two. */
  union<U>(other: SetLike<U>): ValueSet<T | U> {
    return new ValueSet<T | U>([...this, ...elementsOf(other)])
  }

  /** What is in both. */
  intersection<U>(other: SetLike<U>): ValueSet<T & U> {
    return new ValueSet([...this].filter((element) => hasUnknown(other, element)) as (T & U)[])
  }

  /** What is in this one only. */
  difference<U>(other: SetLike<U>): ValueSet<T> {
    return new ValueSet([...this].filter((element) => !hasUnknown(other, element)))
  }

  /** What is in exactly one of the two. */
  symmetricDifference<U>(other: SetLike<U>): ValueSet<T | U> {
    return new ValueSet<T | U>([
      ...this.difference(other),
      ...elementsOf(other).filter((element) => !hasUnknown(this, element)),
    ])
  }

  isSubsetOf(other: SetLike<unknown>): boolean {
    return [...this].every((element) => other.has(element))
  }

  isSupersetOf(other: SetLike<unknown>): boolean {
    return elementsOf(other).every((element) => hasUnknown(this, element))
  }

  isDisjointFrom(other: SetLike<unknown>): boolean {
    return ![...this].some((element) => other.has(element))
  }
}

/** A table of Zeek values, found by keys that are equal. */
export class ValueMap<K, V> implements Map<K, V> {
  readonly [Symbol.toStringTag] = 'ValueMap'
  readonly #entries = new Map<ValueKey, [K, V]>()

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }

  get size(): number {
    return this.#entries.size
  }

  has(key: K): boolean {
    return this.#entries.has(keyOf(key))
  }

  get(key: K): V | undefined {
    return this.#entries.get(keyOf(key))?.[1]
  }

  /** Sets the value of a key; the place and the first object of an equal key stay. */
  set(key: K, value: V): this {
    const found = keyOf(key)
    const entry = this.#entries.get(found)
    if (entry === undefined) this.#entries.set(found, [key, value])
    else entry[1] = value
    return this
  }

  /** The value of a key; when it has none, it gets this one. */
  getOrInsert(key: K, value: V): V {
    return this.getOrInsertComputed(key, () => value)
  }

  /** As `getOrInsert`; the value is only made when it is needed. */
  getOrInsertComputed(key: K, make: (key: K) => V): V {
    const entry = this.#entries.get(keyOf(key))
    if (entry !== undefined) return entry[1]
    const value = make(key)
    this.set(key, value)
    return value
  }

  /** Removes a key; says whether it was there. */
  delete(key: K): boolean {
    return this.#entries.delete(keyOf(key))
  }

  clear(): void {
    this.#entries.clear()
  }

  forEach(visit: (value: V, key: K, map: Map<K, V>) => void, thisArgument?: unknown): void {
    for (const [key, value] of this) visit.call(thisArgument, value, key, this)
  }

  *keys(): MapIterator<K> {
    for (const [key] of this.#entries.values()) yield key
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.#entries.values()) yield value
  }

  *entries(): MapIterator<[K, V]> {
    for (const [key, value] of this.#entries.values()) yield [key, value]
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }
}

function elementsOf<T>(other: SetLike<T>): T[] {
  const elements: T[] = []
  const iterator = other.keys()
  for (let step = iterator.next(); step.done !== true; step = iterator.next()) elements.push(step.value)
  return elements
}

function hasUnknown<T>(set: Pick<SetLike<T>, 'has'>, element: unknown): boolean {
  return set.has(element as T)
}
