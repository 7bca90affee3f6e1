/** What stands in a table, list or string at an index. */
import type { RedefValue } from '../options/registry.js'
import { stringOf } from './built-ins.js'
import { isSameType, type Result } from './operators.js'
import { elementsByKey, firstKey, keyOf, type ValueOf } from './values.js'

/** Undefined when there is nothing at the index. */
export function indexValue(target: RedefValue, indexes: readonly RedefValue[]): Result | undefined {
  const [first] = indexes
  const key: RedefValue | undefined = indexes.length === 1 ? first : { type: 'vector', value: indexes }
  if (key === undefined) return { code: 'syntax', problem: 'the index is missing' }
  switch (target.type) {
    case 'table':
      return inTable(target, key)
    case 'vector':
      if (key.type !== 'count')
        return { code: 'wrong-type', problem: `the index of a list is a count, not ${key.type}` }
      return key.value < BigInt(target.value.length) ? target.value[Number(key.value)] : undefined
    case 'string': {
      if (key.type !== 'count' && key.type !== 'int') {
        return { code: 'wrong-type', problem: `the index of a string is a count or int, not ${key.type}` }
      }
      const bytes = Buffer.from(target.value)
      const at = Number(key.value) + (key.value < 0n ? bytes.length : 0)
      return stringOf(bytes.subarray(Math.max(0, at), Math.max(0, at + 1)))
    }
    default:
      return { code: 'wrong-type', problem: `${target.type} has no index: tables, lists and strings have` }
  }
}

function inTable(table: ValueOf<'table'>, key: RedefValue): Result | undefined {
  const first = firstKey(table)
  if (first === undefined) return undefined
  if (first.type === 'subnet' && key.type === 'addr') return inNetworks(table.value, key)
  if (!isSameType(first, key)) {
    return { code: 'wrong-type', problem: `the index of this table is ${first.type}, not ${key.type}` }
  }
  return elementsByKey(table).get(keyOf(key))
}

/** Of the networks that an address is in, the narrowest counts. */
function inNetworks(
  entries: readonly (readonly [key: RedefValue, value: RedefValue])[],
  address: RedefValue & { readonly type: 'addr' },
): RedefValue | undefined {
  let best: { readonly length: number; readonly value: RedefValue } | undefined
  for (const [network, value] of entries) {
    if (network.type !== 'subnet' || !network.value.contains(address.value)) continue
    if (best === undefined || network.value.length > best.length)
      best = { length: network.value.length, value }
  }
  return best?.value
}
