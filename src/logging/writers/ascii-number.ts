/**
 * Numbers as Zeek's ASCII writer prints them (spec/cluster-framework.md 6.6), whatever they are. What is usual is
 * printed by `number-digits.ts`, several times faster. Golden rule: byte-equal to Zeek 9, which unlike the versions
 * that the spec is about prints times after 2038 with all their digits.
 */
import type { ByteWriter } from '../../data/byte-writer.js'

const ZERO = 0x30
/** From here on, JavaScript's `toFixed` gives the exponent form. */
const FIXED_MAX = 1e21
/** How near to a whole number a double is that Zeek prints with `.0`. */
const WHOLE_TOLERANCE = 1e-9

export function writeText(writer: ByteWriter, text: string): void {
  const offset = writer.reserve(text.length)
  writer.bytes.latin1Write(text, offset, text.length)
}

/** An unsigned 64-bit integer from its two halves. */
export function formatUnsigned(high: number, low: number): string {
  return high < 0x200000
    ? String(high * 0x1_0000_0000 + low)
    : ((BigInt(high) << 32n) | BigInt(low)).toString()
}

/** A signed 64-bit integer from its two unsigned halves. */
export function formatSigned(high: number, low: number): string {
  if (high < 0x80000000) return formatUnsigned(high, low)
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString()
}

/** A time or interval: seconds with six decimals, as C's `%.6f`. */
export function formatSeconds(value: number): string {
  if (!Number.isFinite(value)) return nonFinite(value)
  return isNegative(value) ? `-${fixedSix(-value)}` : fixedSix(value)
}

/**
 * A double: up to six decimals, trailing zeros cut. A whole number gets `.0`, and so does what is almost one; what only
 * looks like one in six decimals does not.
 */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return nonFinite(value)
  const magnitude = Math.abs(value)
  const digits = fixedSix(magnitude).replace(/\.?0+$/, '')
  const isWhole = Math.abs(magnitude - Math.round(magnitude)) < WHOLE_TOLERANCE
  return `${value < 0 ? '-' : ''}${digits}${isWhole ? '.0' : ''}`
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0)
}

/** C's `%.6f` of what is not negative: exact ties go to the even digit, where `toFixed` goes up. */
function fixedSix(value: number): string {
  if (value >= FIXED_MAX) return `${BigInt(value)}.000000`
  const text = value.toFixed(6)
  // Only odd multiples of 1/128 are exact ties at six decimals.
  const parts = value * 128
  if (!Number.isInteger(parts) || parts % 2 === 0) return text
  const last = text.charCodeAt(text.length - 1) - ZERO
  return last % 2 === 0 ? text : text.slice(0, -1) + String(last - 1)
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  return value > 0 ? 'inf' : '-inf'
}
