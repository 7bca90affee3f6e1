/**
 * What the operations of a store make of a stored value, with Broker's rules (spec/broker-protocol.md 7.9). Numbers
 * wrap around as 64-bit integers do.
 */
import type { ByteString, Value } from '../data/value.js'
import { NONE, toByteArray } from '../data/value.js'
import { compareKeys, compareValues, equalValues } from '../data/value-order.js'

export type OperationError = 'no-such-key' | 'type-clash' | 'invalid-data'

export type OperationResult =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: OperationError }

/** What a missing key starts with, by the tag that the command names; undefined for a tag that has no start. */
const INITIAL: readonly (Value | undefined)[] = [
  undefined,
  { type: 'boolean', value: false },
  { type: 'count', value: 0n },
  { type: 'integer', value: 0n },
  { type: 'real', value: 0 },
  { type: 'string', value: '' },
  undefined,
  undefined,
  undefined,
  { type: 'timestamp', value: 0n },
  { type: 'timespan', value: 0n },
  undefined,
  { type: 'set', value: [] },
  { type: 'table', value: [] },
  { type: 'vector', value: [] },
]

export function initialValue(tag: number): Value | undefined {
  return INITIAL[tag]
}

const TYPE_CLASH: OperationResult = { ok: false, error: 'type-clash' }
const INVALID_DATA: OperationResult = { ok: false, error: 'invalid-data' }
const NO_SUCH_KEY: OperationResult = { ok: false, error: 'no-such-key' }

/** increment, append, insert_into and push: `stored` combined with `operand`. */
export function add(stored: Value, operand: Value): OperationResult {
  switch (stored.type) {
    case 'count':
      return operand.type === 'count'
        ? done({ type: 'count', value: BigInt.asUintN(64, stored.value + operand.value) })
        : TYPE_CLASH
    case 'integer':
    case 'timespan':
      return operand.type === stored.type ? shifted(stored, operand.value) : TYPE_CLASH
    case 'timestamp':
      return operand.type === 'timespan' ? shifted(stored, operand.value) : TYPE_CLASH
    case 'real':
      return operand.type === 'real'
        ? done({ type: 'real', value: stored.value + operand.value })
        : TYPE_CLASH
    case 'string':
      return operand.type === 'string'
        ? done({ type: 'string', value: joined(stored.value, operand.value) })
        : TYPE_CLASH
    case 'vector':
      return done({ type: 'vector', value: [...stored.value, operand] })
    case 'set':
      return stored.value.some((element) => equalValues(element, operand))
        ? done(stored)
        : done({ type: 'set', value: [...stored.value, operand].sort(compareValues) })
    case 'table': {
      if (operand.type !== 'vector') return TYPE_CLASH
      const [index, value] = operand.value
      if (index === undefined || value === undefined || operand.value.length !== 2) return INVALID_DATA
      const others = stored.value.filter(([other]) => !equalValues(other, index))
      // As in Broker, a key that is there stays as it is: of -0 and 0 the one that came first.
      const [key] = stored.value.find(([other]) => equalValues(other, index)) ?? [index]
      return done({ type: 'table', value: [...others, [key, value] as const].sort(compareKeys) })
    }
    case 'none':
    case 'boolean':
    case 'address':
    case 'subnet':
    case 'port':
    case 'enum-value':
      return TYPE_CLASH
  }
}

/** decrement, remove_from and pop: `operand` taken from `stored`. */
export function subtract(stored: Value, operand: Value): OperationResult {
  switch (stored.type) {
    case 'count':
      return operand.type === 'count'
        ? done({ type: 'count', value: BigInt.asUintN(64, stored.value - operand.value) })
        : TYPE_CLASH
    case 'integer':
    case 'timespan':
      return operand.type === stored.type ? shifted(stored, -operand.value) : TYPE_CLASH
    case 'timestamp':
      return operand.type === 'timespan' ? shifted(stored, -operand.value) : TYPE_CLASH
    case 'real':
      return operand.type === 'real'
        ? done({ type: 'real', value: stored.value - operand.value })
        : TYPE_CLASH
    case 'vector':
      return done({ type: 'vector', value: stored.value.slice(0, -1) })
    case 'set':
      return done({ type: 'set', value: stored.value.filter((element) => !equalValues(element, operand)) })
    case 'table':
      return done({ type: 'table', value: stored.value.filter(([key]) => !equalValues(key, operand)) })
    case 'none':
    case 'boolean':
    case 'string':
    case 'address':
    case 'subnet':
    case 'port':
    case 'enum-value':
      return TYPE_CLASH
  }
}

/** get_index: an element of a vector, membership in a set, a value of a table; of anything else the value itself. */
export function valueAt(stored: Value, index: Value): OperationResult {
  switch (stored.type) {
    case 'vector': {
      if ((index.type !== 'count' && index.type !== 'integer') || index.value < 0n) return TYPE_CLASH
      const element = stored.value[Number(index.value)]
      return element === undefined ? NO_SUCH_KEY : done(element)
    }
    case 'set':
      return done({ type: 'boolean', value: stored.value.some((element) => equalValues(element, index)) })
    case 'table': {
      const entry = stored.value.find(([key]) => equalValues(key, index))
      return entry === undefined ? NO_SUCH_KEY : done(entry[1])
    }
    default:
      return done(stored)
  }
}

/** The operand of insert_into a table. */
export function tableEntry(index: Value, value: Value = NONE): Value {
  return { type: 'vector', value: [index, value] }
}

function done(value: Value): OperationResult {
  return { ok: true, value }
}

function shifted(
  stored: Extract<Value, { type: 'integer' | 'timespan' | 'timestamp' }>,
  by: bigint,
): OperationResult {
  return done({ type: stored.type, value: BigInt.asIntN(64, stored.value + by) })
}

function joined(a: ByteString, b: ByteString): ByteString {
  if (typeof a === 'string' && typeof b === 'string') return a + b
  return Buffer.concat([toByteArray(a), toByteArray(b)])
}
