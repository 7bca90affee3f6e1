/** What can be asked of any value of a script: its type as words, its key in a table, its text. */
import type { Port } from '../data/address.js'
import { type RedefValue, setFields } from '../options/redef-value.js'
import type { ZeekType } from './zeek-type.js'

export type ValueOf<Type extends RedefValue['type']> = Extract<RedefValue, { readonly type: Type }>

/** The type of a value as far as the value shows it; an empty container holds `any`. */
export function typeOf(value: RedefValue): ZeekType {
  switch (value.type) {
    case 'record': {
      const fields = setFields(value.value).map(([name, field]) => ({
        name,
        type: typeOf(field),
        isOptional: true,
        isLogged: false,
        default: undefined,
        docs: [],
      }))
      return { kind: 'record', fields }
    }
    case 'table': {
      const [first] = value.value
      return first === undefined
        ? { kind: 'table', index: [{ kind: 'any' }], element: { kind: 'any' } }
        : { kind: 'table', index: indexTypes(first[0]), element: typeOf(first[1]) }
    }
    case 'set':
      return {
        kind: 'set',
        index: value.value[0] === undefined ? [{ kind: 'any' }] : indexTypes(value.value[0]),
      }
    case 'vector':
      return {
        kind: 'vector',
        element: value.value[0] === undefined ? { kind: 'any' } : typeOf(value.value[0]),
      }
    case 'enum':
      return { kind: 'any' }
    default:
      return { kind: value.type }
  }
}

function indexTypes(key: RedefValue): ZeekType[] {
  return key.type === 'vector' ? key.value.map(typeOf) : [typeOf(key)]
}

/** A text that is the same for equal values of one type and differs for others. */
export function keyOf(value: RedefValue): string {
  switch (value.type) {
    case 'record':
      return `{${setFields(value.value)
        .map(([name, field]) => `${name}=${keyOf(field)}`)
        .join(',')}}`
    case 'table':
      return `{${value.value
        .map(([key, element]) => `${keyOf(key)}=${keyOf(element)}`)
        .sort()
        .join(',')}}`
    case 'set':
      return `{${value.value.map(keyOf).sort().join(',')}}`
    case 'vector':
      return `[${value.value.map(keyOf).join(',')}]`
    case 'string':
      return JSON.stringify(value.value)
    case 'double':
    case 'interval':
      // Zero has one key, whatever its sign.
      return `${value.value + 0}`
    default:
      return `${value.value}`
  }
}

type Keyed = ValueOf<'set' | 'table'>

const indexes = new WeakMap<Keyed, ReadonlyMap<string, RedefValue>>()

/** The elements of a set or table by the keys of `keyOf`; made once for each value. */
export function elementsByKey(value: Keyed): ReadonlyMap<string, RedefValue> {
  let index = indexes.get(value)
  if (index === undefined) {
    index =
      value.type === 'set'
        ? new Map(value.value.map((element) => [keyOf(element), element]))
        : new Map(value.value.map(([key, element]) => [keyOf(key), element]))
    indexes.set(value, index)
  }
  return index
}

/** The first key of a set or table; undefined when it is empty. */
export function firstKey(value: Keyed): RedefValue | undefined {
  return value.type === 'set' ? value.value[0] : value.value[0]?.[0]
}

/** Its keys are networks, which have addresses as keys too. */
export function hasNetworks(value: Keyed): boolean {
  return firstKey(value)?.type === 'subnet'
}

/** The order of ports, and what `|port|` gives: the protocol counts first. */
export function portOrder({ number, protocol }: Port): number {
  return number + 65_536 * ['unknown', 'tcp', 'udp', 'icmp'].indexOf(protocol)
}

/** A type in a sentence. */
export function describeValue(value: RedefValue): string {
  return describeTypeName(value.type)
}

/** A type of values as a sentence says it. */
export function describeTypeName(type: RedefValue['type']): string {
  switch (type) {
    case 'addr':
      return 'an address'
    case 'int':
      return 'an int'
    case 'interval':
      return 'an interval'
    case 'enum':
      return 'a name'
    case 'vector':
      return 'a list'
    default:
      return `a ${type}`
  }
}
