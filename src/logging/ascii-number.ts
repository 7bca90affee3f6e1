/**
 * Numbers as Zeek's ASCII writer prints them (spec/cluster-framework.md 6.6), straight into bytes. Golden rule:
 * byte-equal to Zeek, checked on its own log files.
 */
import type { ByteWriter } from '../data/byte-writer.js'

const ZERO = 0x30
const EXACT_MAX = 2 ** 53
/** Above this, Zeek's fixed-point helper prints times in exponent form. */
const FIXED_POINT_MAX = 0x7fffffff

export function writeText(writer: ByteWriter, text: string): void {
  const offset = writer.reserve(text.length)
  writer.bytes.latin1Write(text, offset, text.length)
}

/** A non-negative integer up to 2^53. */
export function writeInteger(writer: ByteWriter, value: number): void {
  let digits = 1
  for (let limit = 10; limit <= value; limit *= 10) digits += 1
  const offset = writer.reserve(digits)
  const bytes = writer.bytes
  let rest = value
  for (let index = offset + digits - 1; index >= offset; index -= 1) {
    const next = Math.floor(rest / 10)
    bytes[index] = ZERO + (rest - next * 10)
    rest = next
  }
}

/** An unsigned 64-bit integer from its two halves. */
export function writeUnsigned(writer: ByteWriter, high: number, low: number): void {
  if (high < 0x200000) writeInteger(writer, high * 0x1_0000_0000 + low)
  else writeText(writer, ((BigInt(high) << 32n) | BigInt(low)).toString())
}

/** A signed 64-bit integer from its two unsigned halves. */
export function writeSigned(writer: ByteWriter, high: number, low: number): void {
  if (high < 0x80000000) return writeUnsigned(writer, high, low)
  writeText(writer, BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString())
}

/** A time or interval: seconds with six decimals, as C's `%.6f`; exponent form beyond 2^31. */
export function writeSeconds(writer: ByteWriter, value: number): void {
  const magnitude = Math.abs(value)
  if (!(magnitude <= FIXED_POINT_MAX)) {
    return writeText(writer, Number.isFinite(value) ? exponentForm(value) : nonFinite(value))
  }
  const whole = Math.floor(magnitude)
  const scaled = (magnitude - whole) * 1e6
  const rounded = Math.round(scaled)
  // Near a tie the product itself may be rounded wrongly: print that one exactly.
  if (Math.abs(scaled - rounded) > 0.499999) return writeText(writer, fixedSix(value))
  if (value < 0) writer.u8(0x2d)
  const carry = rounded === 1e6
  writeInteger(writer, carry ? whole + 1 : whole)
  writeFraction(writer, carry ? 0 : rounded)
}

/** `.` and six digits. */
function writeFraction(writer: ByteWriter, micros: number): void {
  const offset = writer.reserve(7)
  const bytes = writer.bytes
  bytes[offset] = 0x2e
  let rest = micros
  for (let index = offset + 6; index > offset; index -= 1) {
    const next = Math.floor(rest / 10)
    bytes[index] = ZERO + (rest - next * 10)
    rest = next
  }
}

/** A double: up to six decimals, trailing zeros cut, an integral value keeps `.0`. */
export function writeDouble(writer: ByteWriter, value: number): void {
  writeText(writer, formatDouble(value))
}

export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return nonFinite(value)
  if (Number.isInteger(value)) {
    if (Object.is(value, -0)) return '-0.0'
    return `${Math.abs(value) < EXACT_MAX ? value : BigInt(value)}.0`
  }
  return fixedSix(value).replace(/\.?0+$/, '')
}

/** C's `%.6f`: exact ties go to the even digit, where JavaScript's `toFixed` goes away from zero. */
function fixedSix(value: number): string {
  const text = value.toFixed(6)
  // Only odd multiples of 1/128 are exact ties at six decimals.
  const parts = Math.abs(value) * 128
  if (!Number.isInteger(parts) || parts % 2 === 0) return text
  const last = text.charCodeAt(text.length - 1) - ZERO
  return last % 2 === 0 ? text : text.slice(0, -1) + String(last - 1)
}

function exponentForm(value: number): string {
  return value.toExponential(6).replace(/e([+-])(\d)$/, 'e$10$2')
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  return value > 0 ? 'inf' : '-inf'
}
