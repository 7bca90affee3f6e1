/**
 * From the texts of values in a log file back to the wire form (spec/broker-protocol.md 6.6). Where a text says less than
 * the value that it was made of, a value is taken that has the same text.
 */
import { Address } from '../../data/address.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import { LogReadError } from './log-read-error.js'

const TAGS: Readonly<Record<string, number>> = ZEEK_TAG

/** A column by its name and the name of its type as it stands in `#types`: `count`, `set[addr]`. Throws `LogReadError`. */
export function fieldOfType(name: string, type: string): LogField {
  const container = /^(set|vector)\[(\w+)\]$/.exec(type)
  if (container === null) return { name, tag: tagOf(type), elementTag: 0, optional: true }
  const tag = container[1] === 'set' ? ZEEK_TAG.table : ZEEK_TAG.vector
  return { name, tag, elementTag: tagOf(container[2] ?? ''), optional: true }
}

function tagOf(type: string): number {
  const tag = Object.hasOwn(TAGS, type) ? TAGS[type] : undefined
  if (tag === undefined || tag === ZEEK_TAG.table || tag === ZEEK_TAG.vector) {
    throw new LogReadError('bad-log-header', `'${type}' is no type of a column`)
  }
  return tag
}

export function isText(tag: number): boolean {
  return tag === ZEEK_TAG.string || tag === ZEEK_TAG.enum || tag === ZEEK_TAG.func || tag === ZEEK_TAG.file
}

/** Appends a string, an enum, or the name of a function or file. */
export function writeText(writer: ByteWriter, tag: number, bytes: Uint8Array): void {
  writer.logHeader(tag, true)
  writer.u32(bytes.length)
  writer.raw(bytes)
}

/** Appends a value that is no text, from how it looks in an ASCII log. Throws `LogReadError` when it is none. */
export function writeValue(writer: ByteWriter, tag: number, text: string): void {
  writer.logHeader(tag, true)
  switch (tag) {
    case ZEEK_TAG.bool:
      if (text !== 'T' && text !== 'F') throw invalid(text, 'bool')
      return writer.i64(text === 'T' ? 1n : 0n)
    case ZEEK_TAG.int:
      return writer.i64(integer(text, /^-?\d+$/, 'int', (value) => BigInt.asIntN(64, value)))
    case ZEEK_TAG.count:
      return writer.u64(integer(text, /^\d+$/, 'count', (value) => BigInt.asUintN(64, value)))
    case ZEEK_TAG.port:
      writer.u64(integer(text, /^\d+$/, 'port', (value) => BigInt.asUintN(16, value)))
      // Logs do not tell the protocol.
      return writer.u32(0)
    case ZEEK_TAG.double:
      return writer.f64(doubleOf(text))
    case ZEEK_TAG.time:
    case ZEEK_TAG.interval:
      // Whether it has a sign is lost in a number.
      if (text === '-nan') return writer.u64(NEGATIVE_NAN)
      return writer.f64(numberOf(text))
    case ZEEK_TAG.addr:
      return writeAddress(writer, text)
    case ZEEK_TAG.subnet:
      return writeSubnet(writer, text)
    default:
      throw new LogReadError('bad-log-header', `type ${tag} cannot be logged`)
  }
}

const NEGATIVE_NAN = 0xfff8_0000_0000_0000n

function integer(text: string, form: RegExp, type: string, wrap: (value: bigint) => bigint): bigint {
  const value = form.test(text) ? BigInt(text) : undefined
  if (value === undefined || wrap(value) !== value) throw invalid(text, type)
  return value
}

/** Any number, also one that is infinite or none. Throws `LogReadError`. */
export function numberOf(text: string): number {
  switch (text) {
    case 'inf':
      return Number.POSITIVE_INFINITY
    case '-inf':
      return Number.NEGATIVE_INFINITY
    case 'nan':
    case '-nan':
      return Number.NaN
  }
  if (!/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) throw invalid(text, 'number')
  return Number(text)
}

/** A double of an ASCII log, which has at most six decimals there, and a whole number `.0` when it really is one. */
function doubleOf(text: string): number {
  const value = numberOf(text)
  if (text === '-0.0') return -1e-10
  if (!Number.isInteger(value) || text.endsWith('.0')) return value
  // Not whole, but nearer to a whole number than six decimals show.
  const magnitude = Math.abs(value)
  const distance = Math.max(1e-8, magnitude * Number.EPSILON)
  return text.startsWith('-') ? -(magnitude + distance) : magnitude + distance
}

function writeAddress(writer: ByteWriter, text: string): void {
  const address = Address.tryParse(text)
  if (address === undefined) throw invalid(text, 'addr')
  if (text.includes(':')) {
    writer.u8(6)
    writer.words(address.word0, address.word1, address.word2, address.word3)
  } else {
    writer.u8(4)
    writer.u32(address.word3)
  }
}

function writeSubnet(writer: ByteWriter, text: string): void {
  const [address = '', length = ''] = text.split('/')
  const isIPv6 = address.includes(':')
  if (!/^\d{1,3}$/.test(length) || Number(length) > (isIPv6 ? 128 : 32)) throw invalid(text, 'subnet')
  writer.u8(Number(length) + (isIPv6 ? 0 : 96))
  writeAddress(writer, address)
}

export function invalid(text: string, type: string): LogReadError {
  return new LogReadError('bad-log-line', `'${text}' is no ${type}`)
}
