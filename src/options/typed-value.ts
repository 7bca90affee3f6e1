/**
 * Between values of Zeek's language and native ones, by type: what a `redef` gives an option that a script declared,
 * and what such an option has.
 */
import type { Address, Port, Subnet } from '../data/address.js'
import { ValueMap, ValueSet } from '../data/containers.js'
import type { DataType } from '../data/data-type.js'
import type { EnumType } from '../data/enum-type.js'
import type { RedefValue } from './redef-value.js'

/** The native value; undefined when it does not fit the type. Numbers widen as in Zeek: a count is a double too. */
export function toNative<T>(type: DataType<T>, value: RedefValue): T | undefined {
  return nativeOf(type as DataType<unknown>, value) as T | undefined
}

/** The value in Zeek's language; undefined for types that the language has no literals for (`any`, `opaque`). */
export function fromNative<T>(type: DataType<T>, native: T): RedefValue | undefined {
  return redefValueOf(type as DataType<unknown>, native)
}

function nativeOf(type: DataType<unknown>, value: RedefValue): unknown {
  if (type.structure !== undefined) return containerOf(type, value)
  switch (type.name) {
    case 'int':
      return value.type === 'int' || value.type === 'count' ? value.value : undefined
    case 'double':
    case 'time':
      if (value.type === 'count' || value.type === 'int') return Number(value.value)
      return value.type === 'double' ? value.value : undefined
    case 'enum':
      return value.type === 'enum' ? value.value : undefined
    default: {
      const { values } = type as Partial<EnumType<string>>
      if (values !== undefined) {
        return value.type === 'enum' && values.includes(value.value) ? value.value : undefined
      }
      return value.type === type.name ? value.value : undefined
    }
  }
}

function containerOf({ structure }: DataType<unknown>, value: RedefValue): unknown {
  switch (structure?.kind) {
    case 'record':
      return value.type === 'record' ? recordOf(structure.fields, value.value) : undefined
    case 'vector':
      return value.type === 'vector'
        ? allOf(value.value, (item) => nativeOf(structure.element, item))
        : undefined
    case 'set': {
      // The parser takes an empty `{}` as a table.
      const items =
        value.type === 'set' || (value.type === 'table' && value.value.length === 0) ? value.value : []
      if (value.type !== 'set' && items !== value.value) return undefined
      const elements = allOf(items as readonly RedefValue[], (item) => nativeOf(structure.element, item))
      return elements && (structure.element.isObject ? new ValueSet(elements) : new Set(elements))
    }
    case 'table': {
      if (value.type !== 'table') return undefined
      const entries = allOf(value.value, ([key, element]) => {
        const entry = [nativeOf(structure.key, key), nativeOf(structure.value, element)] as const
        return entry.includes(undefined) ? undefined : entry
      })
      return entries && (structure.key.isObject ? new ValueMap(entries) : new Map(entries))
    }
    case 'tuple':
      return value.type === 'vector' && value.value.length === structure.members.length
        ? allOf(value.value, (item, index) => nativeOf(structure.members[index]!, item))
        : undefined
    case undefined:
      return undefined
  }
}

function recordOf(
  fields: readonly (readonly [string, DataType<unknown>])[],
  given: ReadonlyMap<string, RedefValue | undefined>,
): Record<string, unknown> | undefined {
  const record: Record<string, unknown> = {}
  for (const name of given.keys()) if (!fields.some(([field]) => field === name)) return undefined
  for (const [name, type] of fields) {
    const value = given.get(name)
    if (value === undefined && type.optional) continue
    const native = value === undefined ? undefined : nativeOf(type.unwrapped ?? type, value)
    if (native === undefined) return undefined
    record[name] = native
  }
  return record
}

/** All converted, or undefined when one of them is not. */
function allOf<Item, Result>(
  items: readonly Item[],
  convert: (item: Item, index: number) => Result | undefined,
): Result[] | undefined {
  const results: Result[] = []
  for (const [index, item] of items.entries()) {
    const result = convert(item, index)
    if (result === undefined) return undefined
    results.push(result)
  }
  return results
}

function redefValueOf(type: DataType<unknown>, native: unknown): RedefValue | undefined {
  const { structure } = type
  switch (structure?.kind) {
    case 'record': {
      const fields = new Map<string, RedefValue | undefined>()
      for (const [name, fieldType] of structure.fields) {
        const field = (native as Record<string, unknown>)[name]
        const value = field === undefined ? undefined : redefValueOf(fieldType.unwrapped ?? fieldType, field)
        if (value === undefined && field !== undefined) return undefined
        fields.set(name, value)
      }
      return { type: 'record', value: fields }
    }
    case 'vector':
    case 'set': {
      const items = allOf([...(native as Iterable<unknown>)], (item) => redefValueOf(structure.element, item))
      return items && { type: structure.kind, value: items }
    }
    case 'table': {
      const entries = allOf([...(native as Iterable<readonly [unknown, unknown]>)], ([key, value]) => {
        const [left, right] = [redefValueOf(structure.key, key), redefValueOf(structure.value, value)]
        return left && right && ([left, right] as const)
      })
      return entries && { type: 'table', value: entries }
    }
    case 'tuple': {
      const items = allOf(native as readonly unknown[], (item, index) =>
        redefValueOf(structure.members[index]!, item),
      )
      return items && { type: 'vector', value: items }
    }
    case undefined:
      return scalarOf(type, native)
  }
}

function scalarOf(type: DataType<unknown>, native: unknown): RedefValue | undefined {
  switch (type.name) {
    case 'bool':
      return { type: 'bool', value: native as boolean }
    case 'count':
    case 'int':
      return { type: type.name, value: native as bigint }
    case 'double':
    case 'time':
      return { type: 'double', value: native as number }
    case 'interval':
      return { type: 'interval', value: native as number }
    case 'string':
      return {
        type: 'string',
        value: typeof native === 'string' ? native : Buffer.from(native as Uint8Array).toString(),
      }
    case 'addr':
      return { type: 'addr', value: native as Address }
    case 'subnet':
      return { type: 'subnet', value: native as Subnet }
    case 'port':
      return { type: 'port', value: native as Port }
    case 'enum':
      return { type: 'enum', value: native as string }
    default:
      return (type as Partial<EnumType<string>>).enumName === undefined
        ? undefined
        : { type: 'enum', value: native as string }
  }
}
