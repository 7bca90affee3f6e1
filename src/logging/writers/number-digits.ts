/**
 * The numbers that logs are full of, as digits straight into bytes: small counts, sizes, times of our century. Digits
 * are stored four at a time, so up to three bytes behind what is printed are overwritten: the caller has room there,
 * and writes what comes next afterwards.
 */

/** Bytes that a `put…` function may overwrite behind its text. */
export const OVERRUN_BYTES = 7

/** The four digits of 0 to 9999, the first one in the lowest byte. */
const FOUR_DIGITS = Uint32Array.from({ length: 10_000 }, (_, value) => packed(String(value).padStart(4, '0')))
/** 0 to 999 without leading zeros, and how many digits that is. */
const FEW_DIGITS = Uint32Array.from({ length: 1000 }, (_, value) => packed(String(value)))
const FEW_LENGTHS = Uint8Array.from({ length: 1000 }, (_, value) => String(value).length)

const TWO_32 = 0x1_0000_0000
const DOT = 0x2e
/** Fractions nearer to a tie than this: whether they go up or down needs an exact calculation. */
const TIE_MICROS = 0.499999

function packed(digits: string): number {
  return Buffer.from(digits.padEnd(4, '\0')).readUInt32LE()
}

/** Writes 0 to 2^32-1 at `offset`; returns where the digits end. */
export function putWord(view: DataView, offset: number, value: number): number {
  if (value < 1000) {
    view.setUint32(offset, FEW_DIGITS[value]!, true)
    return offset + FEW_LENGTHS[value]!
  }
  return putLargeWord(view, offset, value)
}

function putLargeWord(view: DataView, offset: number, value: number): number {
  let end = offset
  let rest = value
  if (value >= 10_000) {
    const thousands = (value / 10_000) >>> 0
    rest = value - thousands * 10_000
    end = thousands < 1000 ? putWord(view, offset, thousands) : putLargeWord(view, offset, thousands)
  }
  view.setUint32(end, FOUR_DIGITS[rest]!, true)
  return end + 4
}

/** Writes an integer from 0 to 2^53 at `offset`; returns where the digits end. */
export function putInteger(view: DataView, offset: number, value: number): number {
  if (value < TWO_32) return putWord(view, offset, value)
  const high = Math.floor(value / 100_000_000)
  const low = value - high * 100_000_000
  const end = putWord(view, offset, high)
  const thousands = (low / 10_000) >>> 0
  view.setUint32(end, FOUR_DIGITS[thousands]!, true)
  view.setUint32(end + 4, FOUR_DIGITS[low - thousands * 10_000]!, true)
  return end + 8
}

/**
 * Writes seconds from 0 to 2^32 with six decimals at `offset`, as C's `%.6f`; returns where they end, or -1 for a value
 * that has to be printed exactly.
 */
export function putSeconds(view: DataView, offset: number, value: number): number {
  const whole = value >>> 0
  const scaled = (value - whole) * 1e6
  const micros = (scaled + 0.5) | 0
  const error = scaled - micros
  if (error > TIE_MICROS || error < -TIE_MICROS || micros === 1_000_000) return -1
  return putMicros(view, putWord(view, offset, whole), micros)
}

/** Writes `.` and six digits at `offset`; returns where they end. */
export function putMicros(view: DataView, offset: number, micros: number): number {
  const thousands = (micros / 1000) | 0
  // Both words begin with a zero: the first word is written over that of the second, the dot over its own.
  view.setUint32(offset + 3, FOUR_DIGITS[micros - thousands * 1000]!, true)
  view.setUint32(offset, FOUR_DIGITS[thousands]!, true)
  view.setUint8(offset, DOT)
  return offset + 7
}

/** Writes three digits at `offset`, leading zeros among them. */
export function putThree(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, FOUR_DIGITS[value]! >>> 8, true)
}

/** Writes `10.0.0.1` at `offset`; returns where it ends. */
export function putIPv4(view: DataView, offset: number, address: number): number {
  let end = putOctet(view, offset, address >>> 24)
  end = putOctet(view, end, (address >>> 16) & 255)
  end = putOctet(view, end, (address >>> 8) & 255)
  view.setUint32(end, FEW_DIGITS[address & 255]!, true)
  return end + FEW_LENGTHS[address & 255]!
}

/** One octet and a dot. */
function putOctet(view: DataView, offset: number, octet: number): number {
  view.setUint32(offset, FEW_DIGITS[octet]!, true)
  const end = offset + FEW_LENGTHS[octet]!
  view.setUint8(end, DOT)
  return end + 1
}
