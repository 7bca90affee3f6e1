/** What a store holds when no types are given: JavaScript values that tell by themselves what they are in Zeek. */
import { Address, Port, Subnet } from '../data/address.js'
import { readValue, writeValue } from '../data/binary.js'
import { ValueMap, ValueSet } from '../data/containers.js'
import type { DataType } from '../data/data-type.js'
import { EncodeError, unexpected } from '../data/decode-error.js'
import { NONE, VALUE_TYPES, type Value } from '../data/value.js'
import { MAX_DEPTH } from '../data/value-check.js'
import { isMap, isSet } from '../data/value-key.js'

/**
 * A `bigint` is a `count`, a `number` a `double`, null is nothing; a list is a vector, a set a set, a map a table.
 * Everything else that Broker has is given and returned as a `Value`: `{ type: 'timestamp', value: 0n }`. An `int`
 * is written as `{ type: 'integer', value: -1n }` and read as a `bigint`. Give `key` and `value` types when a store is
 * created to have it exact.
 */
export type StoreData =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Address
  | Subnet
  | Port
  | Value
  | readonly StoreData[]
  | ReadonlySet<StoreData>
  | ReadonlyMap<StoreData, StoreData>

export const storeData: DataType<StoreData> = {
  name: 'any',
  optional: false,
  tag: undefined,
  isObject: true,
  write: (writer, value) => writeValue(writer, toValue(value)),
  read: (reader) => fromValue(readValue(reader)),
  log: undefined,
}

/** Throws `EncodeError`. */
export function toValue(data: StoreData): Value {
  return valueAtDepth(data, 0)
}

function valueAtDepth(data: StoreData, depth: number): Value {
  switch (typeof data) {
    case 'boolean':
      return { type: 'boolean', value: data }
    case 'bigint':
      return { type: 'count', value: data }
    case 'number':
      return { type: 'real', value: data }
    case 'string':
      return { type: 'string', value: data }
    default:
      return objectValue(data, depth)
  }
}

function objectValue(data: StoreData, depth: number): Value {
  // A list may hold itself.
  if (depth > MAX_DEPTH) throw new EncodeError(`nested deeper than ${MAX_DEPTH}`)
  const part = (inner: StoreData): Value => valueAtDepth(inner, depth + 1)
  if (data === null) return NONE
  if (data instanceof Address) return { type: 'address', value: data }
  if (data instanceof Subnet) return { type: 'subnet', value: data }
  if (data instanceof Port) return { type: 'port', value: data }
  if (data instanceof Uint8Array) return { type: 'string', value: data }
  if (Array.isArray(data)) return { type: 'vector', value: data.map(part) }
  if (isMap(data)) {
    const entries = [...(data as ReadonlyMap<StoreData, StoreData>)]
    return { type: 'table', value: entries.map(([key, value]) => [part(key), part(value)]) }
  }
  if (isSet(data)) return { type: 'set', value: [...(data as ReadonlySet<StoreData>)].map(part) }
  if (typeof data === 'object' && VALUE_TYPES.includes((data as Value).type)) return data as Value
  throw unexpected('a value that a store can hold', data)
}

export function fromValue(value: Value): StoreData {
  switch (value.type) {
    case 'none':
      return null
    case 'boolean':
    case 'count':
    case 'integer':
    case 'real':
    case 'string':
    case 'address':
    case 'subnet':
    case 'port':
      return value.value
    case 'timestamp':
    case 'timespan':
    case 'enum-value':
      return value
    case 'vector':
      return value.value.map(fromValue)
    case 'set':
      return new ValueSet(value.value.map(fromValue))
    case 'table':
      return new ValueMap(value.value.map(([key, element]) => [fromValue(key), fromValue(element)] as const))
  }
}
