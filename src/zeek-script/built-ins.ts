/** Zeek's built-in functions as far as scripts that configure a cluster need them. */
import { Address, Port, Subnet } from '../data/address.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import type { RedefValue } from '../options/registry.js'
import type { ScriptHost } from './host.js'
import { STRING_BYTES_MAX } from './limits.js'
import { countOf, intOf, isProblem, type Problem, type Result } from './operators.js'
import { formatText } from './printf.js'
import { decodeUtf8 } from './strings.js'

/** What a parameter takes. `any` and, at the end, `any...` take everything. */
export type ParameterType = RedefValue['type'] | 'any' | 'any...'

export interface BuiltIn {
  readonly parameters: readonly ParameterType[]
  /** `pending` when the host has to look something up first. */
  readonly run: (args: readonly RedefValue[], host: ScriptHost) => Result | { readonly pending: string }
}

type Arguments = readonly RedefValue[]

const text = (value: string): RedefValue => ({ type: 'string', value })
const bool = (value: boolean): RedefValue => ({ type: 'bool', value })
const fault = (problem: string): Problem => ({ code: 'bad-argument', problem })

/** A function of strings. */
function ofStrings(count: number, run: (...args: string[]) => Result): BuiltIn {
  return {
    parameters: Array.from({ length: count }, () => 'string' as const),
    run: (args) => run(...args.map(printAsZeek)),
  }
}

function ofAddress(run: (address: Address) => Result): BuiltIn {
  return {
    parameters: ['addr'],
    run: ([address]) => (address?.type === 'addr' ? run(address.value) : NO_ARGUMENT),
  }
}

/** For arguments that the check of the parameters has let through already. */
const NO_ARGUMENT = fault('an argument is missing')

function ofNumber(type: 'count' | 'int' | 'double', run: (value: number | bigint) => Result): BuiltIn {
  return {
    parameters: [type],
    run: ([number]) =>
      number !== undefined && (typeof number.value === 'number' || typeof number.value === 'bigint')
        ? run(number.value)
        : NO_ARGUMENT,
  }
}

export const BUILT_INS: ReadonlyMap<string, BuiltIn> = new Map<string, BuiltIn>([
  [
    'getenv',
    { parameters: ['string'], run: ([name], host) => text(host.environment[printAsZeek(name!)] ?? '') },
  ],
  ['gethostname', { parameters: [], run: (_, host) => text(host.hostName) }],
  [
    'blocking_lookup_hostname',
    { parameters: ['string'], run: ([name], host) => lookUp(printAsZeek(name!), host) },
  ],
  ['to_addr', ofStrings(1, toAddress)],
  ['to_subnet', ofStrings(1, toSubnet)],
  ['to_port', ofStrings(1, toPort)],
  ['to_count', ofStrings(1, (digits) => toCount(digits))],
  ['to_int', ofStrings(1, (digits) => toInt(digits))],
  ['to_double', ofStrings(1, toDouble)],
  ['count_to_port', { parameters: ['count', 'enum'], run: countToPort }],
  [
    'port_to_count',
    {
      parameters: ['port'],
      run: ([port]) => (port?.type === 'port' ? countOf(BigInt(port.value.number)) : NO_ARGUMENT),
    },
  ],
  ['double_to_interval', ofNumber('double', (value) => ({ type: 'interval', value: Number(value) }))],
  [
    'interval_to_double',
    {
      parameters: ['interval'],
      run: ([value]) => (value?.type === 'interval' ? { type: 'double', value: value.value } : NO_ARGUMENT),
    },
  ],
  ['count_to_double', ofNumber('count', (value) => ({ type: 'double', value: Number(value) }))],
  ['int_to_double', ofNumber('int', (value) => ({ type: 'double', value: Number(value) }))],
  ['int_to_count', ofNumber('int', (value) => countOf(BigInt(value)))],
  ['double_to_count', ofNumber('double', (value) => countOf(roundHalfEven(Number(value))))],
  ['double_to_int', ofNumber('double', (value) => intOf(roundHalfEven(Number(value))))],
  ['fmt', { parameters: ['any...'], run: format }],
  ['cat', { parameters: ['any...'], run: (args) => text(args.map(printAsZeek).join('')) }],
  ['cat_sep', { parameters: ['string', 'string', 'any...'], run: concatenate }],
  ['is_v4_addr', ofAddress((address) => bool(address.isIPv4))],
  ['is_v6_addr', ofAddress((address) => bool(!address.isIPv4))],
  ['addr_to_uri', ofAddress((address) => text(address.isIPv4 ? `${address}` : `[${address}]`))],
  ['is_valid_ip', ofStrings(1, (address) => bool(Address.tryParse(address) !== undefined))],
  ['to_lower', ofStrings(1, (value) => text(value.replace(/[A-Z]/g, (char) => char.toLowerCase())))],
  ['to_upper', ofStrings(1, (value) => text(value.replace(/[a-z]/g, (char) => char.toUpperCase())))],
  ['strip', ofStrings(1, (value) => text(strip(value)))],
  ['starts_with', ofStrings(2, (value, start) => bool(value.startsWith(start)))],
  ['ends_with', ofStrings(2, (value, end) => bool(value.endsWith(end)))],
  [
    'strcmp',
    ofStrings(2, (a, b) => ({ type: 'int', value: BigInt(Buffer.compare(Buffer.from(a), Buffer.from(b))) })),
  ],
  ['sub_bytes', { parameters: ['string', 'count', 'int'], run: subBytes }],
  ['join_string_vec', { parameters: ['vector', 'string'], run: joinStrings }],
  ['copy', { parameters: ['any'], run: ([value]) => value ?? NO_ARGUMENT }],
])

/** As C's rint. */
function roundHalfEven(value: number): bigint {
  const floor = Math.floor(value)
  const isUp = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0)
  return BigInt(isUp ? floor + 1 : floor)
}

function lookUp(name: string, host: ScriptHost): Result | { readonly pending: string } {
  const literal = Address.tryParse(name)
  const addresses = literal === undefined ? host.lookUp(name) : [literal]
  if (addresses === undefined) return { pending: name }
  if (addresses.length === 0) {
    return { code: 'unknown-host', problem: `the host name "${name}" has no address here` }
  }
  return { type: 'set', value: addresses.map((value) => ({ type: 'addr', value })) }
}

function toAddress(value: string): Result {
  // Zeek takes leading zeros for decimal.
  const decimal = /^(?:\d{1,9}\.){3}\d{1,9}$/.test(value) ? value.split('.').map(Number).join('.') : value
  const address = Address.tryParse(decimal)
  return address === undefined ? fault(`"${value}" is not an IP address`) : { type: 'addr', value: address }
}

function toSubnet(value: string): Result {
  try {
    return { type: 'subnet', value: Subnet.parse(value) }
  } catch {
    return fault(`"${value}" is not a subnet`)
  }
}

function toPort(value: string): Result {
  const [, digits = '', protocol = ''] = /^(\d{1,5})\/(tcp|udp|icmp)$/.exec(value) ?? []
  if (digits === '' || Number(digits) > 65_535) {
    return fault(`"${value}" is not a port: it looks like "80/tcp"`)
  }
  return { type: 'port', value: new Port(Number(digits), protocol as 'tcp') }
}

function toCount(value: string): Result {
  return /^\s*\+?\d{1,20}\s*$/.test(value)
    ? countOf(BigInt(value.replace('+', '')))
    : fault(`"${value}" is not a count`)
}

function toInt(value: string): Result {
  return /^\s*[-+]?\d{1,20}\s*$/.test(value)
    ? intOf(BigInt(value.replace('+', '')))
    : fault(`"${value}" is not an int`)
}

function toDouble(value: string): Result {
  const isNumber = /^\s*[-+]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][-+]?\d{1,5})?\s*$/.test(value)
  const number = isNumber ? Number(value) : Number.NaN
  return Number.isFinite(number) ? { type: 'double', value: number } : fault(`"${value}" is not a double`)
}

function countToPort([number, protocol]: Arguments): Result {
  const name = protocol?.type === 'enum' ? protocol.value.replace('_transport', '') : ''
  const isProtocol = name === 'tcp' || name === 'udp' || name === 'icmp' || name === 'unknown'
  if (number?.type !== 'count' || !isProtocol)
    return fault('the protocol is tcp, udp, icmp or unknown_transport')
  if (number.value > 65_535n) return fault(`there is no port ${number.value}: a port is from 0 to 65535`)
  return { type: 'port', value: new Port(Number(number.value), name) }
}

function format(args: Arguments): Result {
  const [first, ...rest] = args
  if (first === undefined) return text('')
  if (first.type !== 'string') return text(args.map(printAsZeek).join(''))
  const result = formatText(first.value, rest)
  return typeof result === 'string' ? text(result) : result
}

function concatenate([separator, empty, ...parts]: Arguments): Result {
  if (isTooLong(separator!, parts.length)) return TOO_LONG
  return text(parts.map((part) => printAsZeek(part) || printAsZeek(empty!)).join(printAsZeek(separator!)))
}

/** Zeek counts bytes from 1. */
function subBytes([string, start, length]: Arguments): Result {
  if (start?.type !== 'count' || (length?.type !== 'int' && length?.type !== 'count')) return NO_ARGUMENT
  const bytes = Buffer.from(printAsZeek(string!))
  const from = Math.max(0, Number(start.value) - 1)
  if (from >= bytes.length) return text('')
  const end = length.value < 0n ? bytes.length : from + Number(length.value)
  return stringOf(bytes.subarray(from, end))
}

/** Bytes as a string, or the problem that they are none. */
export function stringOf(bytes: Uint8Array): Result {
  const value = decodeUtf8(bytes)
  return value === undefined ? fault('this cuts a letter of several bytes') : text(value)
}

function joinStrings([parts, separator]: Arguments): Result {
  if (parts?.type !== 'vector') return NO_ARGUMENT
  const other = parts.value.find((part) => part.type !== 'string')
  if (other !== undefined) return fault(`the list holds ${other.type}, and strings are joined`)
  if (isTooLong(separator!, parts.value.length)) return TOO_LONG
  return text(parts.value.map(printAsZeek).join(printAsZeek(separator!)))
}

/** Blanks at both ends go. */
function strip(value: string): string {
  const isBlank = (char: string | undefined): boolean => char !== undefined && ' \t\n\v\f\r'.includes(char)
  let start = 0
  let end = value.length
  while (start < end && isBlank(value[start])) start += 1
  while (end > start && isBlank(value[end - 1])) end -= 1
  return value.slice(start, end)
}

const TOO_LONG: Problem = { code: 'value-too-large', problem: 'the computed string is too long' }

function isTooLong(separator: RedefValue, parts: number): boolean {
  return parts * printAsZeek(separator).length > STRING_BYTES_MAX
}

/** Whether a result is a value. */
export function isValue(result: Result | { readonly pending: string }): result is RedefValue {
  return !('pending' in result) && !isProblem(result)
}
