/** What can be asked of any value of a script: its type as words, its key in a table, its text. */
import type { Port } from '../data/address.js'
import type { RedefValue } from '../options/registry.js'
import type { ZeekType } from './zeek-type.js'

export type ValueOf<Type extends RedefValue['type']> = Extract<RedefValue, { readonly type: Type }>

/** The type of a value as far as the value shows it; an empty container holds `any`. */
export function typeOf(value: RedefValue): ZeekType {
  switch (value.type) {
    case 'record': {
      const fields = [...value.value].map(([name, field]) => ({
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
      return `{${[...value.value].map(([name, field]) => `${name}=${keyOf(field)}`).join(',')}}`
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

/** The text that `cat` and `%s` give. Elements of sets and tables are in the order in which they were given. */
export function textOf(value: RedefValue, level = 0): string {
  const inner = (part: RedefValue): string => textOf(part, level)
  switch (value.type) {
    case 'bool':
      return value.value ? 'T' : 'F'
    case 'double':
      return doubleText(value.value)
    case 'interval':
      return intervalText(value.value)
    case 'record':
      return `[${[...value.value].map(([name, field]) => `${name}=${inner(field)}`).join(', ')}]`
    case 'vector':
      return `[${value.value.map(inner).join(', ')}]`
    case 'set':
      return braces(
        value.value.map((element) => setElement(element, level + 1)),
        level,
      )
    case 'table':
      return braces(
        value.value.map(
          ([key, element]) => `${tabs(level + 1)}[${bareIndex(key)}] = ${textOf(element, level + 1)}`,
        ),
        level,
      )
    default:
      return `${value.value}`
  }
}

function braces(lines: readonly string[], level: number): string {
  return `{\n${lines.join(',\n')}\n${tabs(level)}}`
}

function tabs(level: number): string {
  return '\t'.repeat(level)
}

/** Strings are not indented. */
function setElement(key: RedefValue, level: number): string {
  if (key.type === 'string') return key.value
  return tabs(level) + (key.type === 'vector' ? `[${bareIndex(key)}]` : textOf(key, level))
}

function bareIndex(key: RedefValue): string {
  return key.type === 'vector' ? key.value.map((part) => textOf(part)).join(', ') : textOf(key)
}

const INT32_MAX = 2 ** 31 - 1

/** Six digits behind the point, or an exponent for what is very large or small. */
function doubleText(value: number): string {
  const size = Math.abs(value)
  const sign = value < 0 ? '-' : ''
  if (!Number.isFinite(size)) return Number.isNaN(size) ? 'nan' : `${sign}inf`
  if (size > INT32_MAX) return sign + exponent(size.toExponential())
  if (size !== 0 && size < 1e-6) return sign + exponent(Number(size.toPrecision(6)).toExponential())
  const digits = size.toFixed(6).replace(/\.?0+$/, '')
  const isWhole = Math.abs(size - Math.round(size)) < 1e-9
  return `${sign}${digits}${isWhole ? '.0' : ''}`
}

/** An exponent has two digits at least. */
export function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['day', 86_400],
  ['hr', 3600],
  ['min', 60],
  ['sec', 1],
  ['msec', 1e-3],
  ['usec', 1e-6],
]

function intervalText(seconds: number): string {
  if (seconds === 0) return '0 secs'
  const parts: string[] = []
  let rest = seconds
  for (const [name, size] of UNITS) {
    const isLast = name === 'usec'
    if (!isLast && Math.abs(rest) < size) continue
    const number = isLast ? rest / size : Math.trunc(rest / size)
    if (isLast && Math.abs(number) < 1e-6) break
    rest -= number * size
    parts.push(`${doubleText(number)} ${name}${Math.abs(Math.abs(number) - 1) < 1e-6 ? '' : 's'}`)
  }
  return parts.length === 0 ? '0 secs' : parts.join(' ')
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
