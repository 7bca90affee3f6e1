/**
 * Whether JavaScript values are what their types say: programs without types, and casts, hand over anything. What is
 * not is an `EncodeError` that names what was expected and what was found, before a byte is written.
 */
import { Address, Port, protocolNumber, Subnet } from './address.js'
import { checkWellFormed } from './byte-writer.js'
import { EncodeError, unexpected } from './decode-error.js'
import type { ByteString, Value } from './value.js'

/** Values nested deeper are refused in both directions. */
export const MAX_DEPTH = 256

const COUNT_MAX = 2n ** 64n - 1n
const INTEGER_MAX = 2n ** 63n - 1n
const INTEGER_MIN = -(2n ** 63n)

export function checkBoolean(value: boolean): void {
  if (typeof value !== 'boolean') throw unexpected('bool (true or false)', value)
}

/** Throws `EncodeError` for what is no `bigint` from 0 to 2^64-1. */
export function checkCount(value: bigint): void {
  if (typeof value !== 'bigint') throw unexpected('count (a bigint)', value)
  if (value < 0n || value > COUNT_MAX) throw new EncodeError(`${value} does not fit a count (0 to 2^64-1)`)
}

/** Throws `EncodeError` for what is no `bigint` from -2^63 to 2^63-1. */
export function checkSigned(value: bigint): void {
  if (typeof value !== 'bigint') throw unexpected('int (a bigint)', value)
  if (value < INTEGER_MIN || value > INTEGER_MAX) throw new EncodeError(`${value} does not fit 64 bits`)
}

/** Throws `EncodeError` for what is no number. */
export function checkNumber(value: number): void {
  if (typeof value !== 'number') throw unexpected('double, time or interval (a number)', value)
}

/** Throws `EncodeError` for what is no `Address`. */
export function checkAddress(value: Address): void {
  if (!(value instanceof Address)) throw unexpected('addr (an Address)', value)
}

/** Throws `EncodeError` for what is no `Subnet`. */
export function checkSubnet(value: Subnet): void {
  if (!(value instanceof Subnet)) throw unexpected('subnet (a Subnet)', value)
  checkAddress(value.address)
  if (!Number.isInteger(value.length) || value.length < 0 || value.length > 0xff) {
    throw new EncodeError(`${value.length} is not the length of a prefix`)
  }
}

/** Throws `EncodeError` for what is no `Port`, or one with a number or protocol that there is not. */
export function checkPort(value: Port): void {
  if (!(value instanceof Port)) throw unexpected('port (a Port)', value)
  const { number } = value
  if ((number & 0xffff) !== number) throw new EncodeError(`${number} is not a port number`)
  if (protocolNumber(value.protocol) < 0) {
    throw new EncodeError(`'${String(value.protocol)}' is not a protocol of ports`)
  }
}

/** Throws `EncodeError` for what is no text or bytes. */
export function checkByteString(value: ByteString): void {
  if (typeof value === 'string') checkWellFormed(value)
  else if (!(value instanceof Uint8Array)) throw unexpected('text or bytes', value)
}

/** Throws `EncodeError` for what is no array. */
export function checkArray(value: readonly unknown[]): void {
  if (!Array.isArray(value)) throw unexpected('an array', value)
}

/** Checks a value and everything in it. Throws `EncodeError`. */
export function checkValue(value: Value, depth = 0): void {
  if (depth > MAX_DEPTH) throw new EncodeError(`nested deeper than ${MAX_DEPTH}`)
  if (typeof value !== 'object' || value === null) throw unexpected('a value with its type', value)
  switch (value.type) {
    case 'none':
      return
    case 'boolean':
      return checkBoolean(value.value)
    case 'count':
      return checkCount(value.value)
    case 'integer':
    case 'timestamp':
    case 'timespan':
      return checkSigned(value.value)
    case 'real':
      return checkNumber(value.value)
    case 'string':
    case 'enum-value':
      return checkByteString(value.value)
    case 'address':
      return checkAddress(value.value)
    case 'subnet':
      return checkSubnet(value.value)
    case 'port':
      return checkPort(value.value)
    case 'set':
    case 'vector':
      checkArray(value.value)
      for (const element of value.value) checkValue(element, depth + 1)
      return
    case 'table':
      checkArray(value.value)
      for (const entry of value.value) {
        checkArray(entry)
        checkValue(entry[0], depth + 1)
        checkValue(entry[1], depth + 1)
      }
      return
    default:
      throw new EncodeError(`no type of data: '${String((value as { readonly type?: unknown }).type)}'`)
  }
}
