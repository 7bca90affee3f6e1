/**
 * Doubles as Zeek's JSON shows them: the digits of Grisu2 (F. Loitsch, "Printing Floating-Point Numbers Quickly and
 * Accurately with Integers", PLDI 2010), in the layout of RapidJSON. Grisu2 always gives digits that are read back as
 * the same number, and in all but about one of a thousand cases the fewest that do; JavaScript always gives the fewest.
 * So for Zeek's bytes it has to be Grisu2.
 *
 * Numbers of 64 bits are two words here, `bigint` being many times slower.
 */
import { OVERRUN_BYTES, putMicros, putThree, putWord } from './number-digits.js'

const TWO_32 = 0x1_0000_0000
const TWO_31 = 0x8000_0000
const TWO_30 = 0x4000_0000
const TWO_29 = 0x2000_0000
const PER_WORD = 1 / TWO_32
/** Bits by which a double is shifted to fill 64. */
const SPARE_BITS = 11
/** The way to the middle between a double and its neighbour, when it fills 64 bits. */
const HALF_WAY = 1 << (SPARE_BITS - 1)

const ZERO = 0x30
const DOT = 0x2e
const HYPHEN = 0x2d
const LETTER_E = 0x65

/** The most bytes that a double takes here, with those it may overwrite: `-2.2250738585072014e-308`. */
export const REAL_BYTES = 25 + OVERRUN_BYTES

/** Powers of ten from 10^-348 on, every eighth: the first 64 bits, and the power of two to multiply them with. */
const FIRST_POWER = -348
const POWER_STEP = 8
const POWERS = 87
const POWER_HIGH = new Float64Array(POWERS)
const POWER_LOW = new Float64Array(POWERS)
const POWER_EXPONENT = new Int16Array(POWERS)

for (let index = 0; index < POWERS; index += 1) {
  const power = FIRST_POWER + index * POWER_STEP
  // Enough bits that the first 64 of the quotient are exact.
  const scale = 1300n
  const value = power < 0 ? (1n << scale) / 10n ** BigInt(-power) : (10n ** BigInt(power)) << scale
  const surplus = value.toString(2).length - 64
  const rounded = ((value >> BigInt(surplus - 1)) + 1n) >> 1n
  POWER_HIGH[index] = Number(rounded >> 32n)
  POWER_LOW[index] = Number(rounded & 0xffffffffn)
  POWER_EXPONENT[index] = surplus - Number(scale)
}

/** Digits that were found, as text. */
const found = new DataView(new ArrayBuffer(40))
/** Where the decimal point is, counted from the first digit; set with the digits. */
const point = new Int32Array(1)

/** Writes a finite number at `offset`; returns where it ends. The caller has `REAL_BYTES` of room. */
export function putReal(view: DataView, offset: number, value: number): number {
  let to = offset
  let magnitude = value
  if (value < 0 || Object.is(value, -0)) {
    view.setUint8(to, HYPHEN)
    to += 1
    magnitude = -value
  }
  if (magnitude < TWO_32) {
    const whole = magnitude >>> 0
    if (whole === magnitude) return putPoint(view, putWord(view, to, whole))
    if (magnitude >= TWO_29) {
      const end = putTime(view, to, magnitude, whole)
      if (end >= 0) return end
    }
  }
  // Its own bits, read back: the quickest way to them.
  found.setFloat64(0, magnitude)
  return putDigits(view, to, findDigits(found.getUint32(0), found.getUint32(4)))
}

/** Writes `.0`. */
function putPoint(view: DataView, offset: number): number {
  view.setUint16(offset, (ZERO << 8) | DOT, true)
  return offset + 2
}

/**
 * Times of our century mostly have six decimals or fewer. Of such numbers there is at most one between a double and its
 * neighbours, so it has the fewest digits, and Grisu2 finds it unless it is almost at the end of that range. Returns -1
 * when there is none.
 */
function putTime(view: DataView, offset: number, value: number, whole: number): number {
  const scaled = (value - whole) * 1e6
  const micros = (scaled + 0.5) | 0
  const error = Math.abs(scaled - micros)
  // Half of the distance between neighbours, in microseconds, less two percent.
  const range = whole < TWO_30 ? 0.058 : whole < TWO_31 ? 0.116 : 0.233
  if (error > range || micros === 1_000_000) return -1
  const dot = putWord(view, offset, whole)
  if (micros === 0) return putPoint(view, dot)
  let end = putMicros(view, dot, micros)
  while (view.getUint8(end - 1) === ZERO) end -= 1
  return end
}

/**
 * Finds the digits of a finite number above zero, given by the two words of its bits; returns how many there are.
 *
 * The number, shifted to 64 bits, is multiplied by a power of ten such that 32 to 60 bits are behind the point. So are
 * the middles between it and its neighbours: any number between those is read back as this one. Digits are taken from
 * the upper middle until what is left of it is inside that room.
 */
function findDigits(highBits: number, lowBits: number): number {
  const biased = highBits >>> 20
  if (biased === 0) return findSubnormalDigits()
  const high = (((0x100000 | (highBits & 0xfffff)) << SPARE_BITS) | (lowBits >>> (32 - SPARE_BITS))) >>> 0
  const low = (lowBits << SPARE_BITS) >>> 0
  const exponent = biased - 1075 - SPARE_BITS
  const index = powerIndex(exponent)
  const powerHigh = POWER_HIGH[index]!
  const powerLow = POWER_LOW[index]!

  // A product of words has more bits than a double, but the lower ones are known, and the rest is near enough to round.
  const lowLow = Math.imul(low, powerLow) >>> 0
  const cross1 = Math.imul(low, powerHigh) >>> 0
  const cross2 = Math.imul(high, powerLow) >>> 0
  const highLow = Math.imul(high, powerHigh) >>> 0
  const product0 = lowLow
  const product1 = Math.round((low * powerLow - lowLow) * PER_WORD) + cross1 + cross2
  const product2 =
    Math.round((low * powerHigh - cross1) * PER_WORD) +
    Math.round((high * powerLow - cross2) * PER_WORD) +
    highLow
  const product3 = Math.round((high * powerHigh - highLow) * PER_WORD)

  // Of each of the three, the upper 64 bits, rounded. The neighbour below a power of two is nearer than the others.
  const up = HALF_WAY
  const down = lowBits === 0 && (highBits & 0xfffff) === 0 ? HALF_WAY / 2 : HALF_WAY
  const value = product2 + Math.floor((product1 + TWO_31) * PER_WORD)
  const upper =
    product2 +
    Math.floor(
      (product1 + powerHigh * up + Math.floor((product0 + powerLow * up) * PER_WORD) + TWO_31) * PER_WORD,
    )
  const lower =
    product2 +
    Math.floor(
      (product1 - powerHigh * down + Math.floor((product0 - powerLow * down) * PER_WORD) + TWO_31) * PER_WORD,
    )
  // One unit inwards on both sides, because the power is not exact.
  const top = upper - 1
  return generateDigits(
    product3 + Math.floor(top * PER_WORD),
    top >>> 0,
    upper - lower - 2,
    top - value,
    -(exponent + POWER_EXPONENT[index]! + 64),
    -(FIRST_POWER + index * POWER_STEP),
  )
}

/** Which power of ten brings a 64-bit number with this exponent into the range where digits are made. */
function powerIndex(exponent: number): number {
  const power = Math.ceil((-61 - exponent) * 0.30102999566398114 + 347)
  return (power >> 3) + 1
}

/**
 * Takes digits from the top, of whose 64 bits `fraction` are behind the point. `room` and `distance`, which say how far
 * below it the other end and the number are, have a dozen bits, so that they stay exact when they are scaled.
 */
function generateDigits(
  topHigh: number,
  topLow: number,
  room: number,
  distance: number,
  fraction: number,
  exponent: number,
): number {
  const one = 1 << (fraction - 32)
  const whole = Math.floor(topHigh / one)
  let restHigh = topHigh - whole * one
  let restLow = topLow
  if (restHigh === 0 && restLow <= room) return takeWhole(whole, exponent)
  let count = putWord(found, 0, whole)
  point[0] = count + exponent
  let scale = 1
  // By threes as long as all of them are needed.
  for (;;) {
    const low = restLow * 1000
    const high = restHigh * 1000 + Math.floor(low * PER_WORD)
    const three = Math.floor(high / one)
    const nextHigh = high - three * one
    const nextLow = low >>> 0
    if (isLess(nextHigh, nextLow, room * scale * 1000)) break
    putThree(found, count, three)
    count += 3
    scale *= 1000
    restHigh = nextHigh
    restLow = nextLow
  }
  do {
    const low = restLow * 10
    const high = restHigh * 10 + Math.floor(low * PER_WORD)
    const digit = Math.floor(high / one)
    restHigh = high - digit * one
    restLow = low >>> 0
    scale *= 10
    found.setUint8(count, ZERO + digit)
    count += 1
  } while (!isLess(restHigh, restLow, room * scale))
  roundLast(count - 1, restHigh, restLow, room * scale, distance * scale, one)
  return count
}

/** A whole number: its digits without the zeros at the end. */
function takeWhole(whole: number, exponent: number): number {
  let count = putWord(found, 0, whole)
  point[0] = count + exponent
  while (found.getUint8(count - 1) === ZERO) count -= 1
  return count
}

/** Lowers the last digit while that brings the digits nearer to the number. */
function roundLast(
  last: number,
  restHigh: number,
  restLow: number,
  room: number,
  distance: number,
  one: number,
): void {
  let high = restHigh
  while (isLess(high, restLow, distance) && !isMore(high + one, restLow, room)) {
    const isCloser =
      isLess(high + one, restLow, distance) || isLess(2 * high + one, 2 * restLow, 2 * distance)
    if (!isCloser) return
    found.setUint8(last, found.getUint8(last) - 1)
    high += one
  }
}

/** Whether a number of two words, the lower of which may be too large, is less than another one. */
function isLess(high: number, low: number, than: number): boolean {
  const thanHigh = Math.floor(than * PER_WORD)
  const difference = thanHigh - high
  return difference * TWO_32 + (than - thanHigh * TWO_32) > low
}

function isMore(high: number, low: number, than: number): boolean {
  const thanHigh = Math.floor(than * PER_WORD)
  const difference = thanHigh - high
  return difference * TWO_32 + (than - thanHigh * TWO_32) < low
}

/** Numbers below 2^-1022 have fewer bits. They are too rare to find out where Grisu2 gives other digits. */
function findSubnormalDigits(): number {
  const [digits = '', exponent] = found.getFloat64(0).toExponential().split('e')
  const text = digits.replace('.', '')
  for (let index = 0; index < text.length; index += 1) found.setUint8(index, text.charCodeAt(index))
  point[0] = Number(exponent) + 1
  return text.length
}

/** Writes the digits that were found: plain, or with an exponent where the plain number would be long. */
function putDigits(view: DataView, offset: number, count: number): number {
  const before = point[0]!
  if (before > 21 || before <= -6) return putScientific(view, offset, count)
  let to = offset
  if (before <= 0) {
    view.setUint16(to, (DOT << 8) | ZERO, true)
    to += 2
    for (let zeros = before; zeros < 0; zeros += 1) {
      view.setUint8(to, ZERO)
      to += 1
    }
    return putRange(view, to, 0, count)
  }
  if (count > before) {
    to = putRange(view, to, 0, before)
    view.setUint8(to, DOT)
    return putRange(view, to + 1, before, count)
  }
  to = putRange(view, to, 0, count)
  for (let zeros = count; zeros < before; zeros += 1) {
    view.setUint8(to, ZERO)
    to += 1
  }
  return putPoint(view, to)
}

function putScientific(view: DataView, offset: number, count: number): number {
  let to = putRange(view, offset, 0, 1)
  if (count > 1) {
    view.setUint8(to, DOT)
    to = putRange(view, to + 1, 1, count)
  }
  view.setUint8(to, LETTER_E)
  to += 1
  const exponent = point[0]! - 1
  if (exponent < 0) {
    view.setUint8(to, HYPHEN)
    to += 1
  }
  return putWord(view, to, Math.abs(exponent))
}

/** Copies the digits `[from, until)`, by words. */
function putRange(view: DataView, offset: number, from: number, until: number): number {
  const shift = offset - from
  for (let index = from; index < until; index += 4) view.setUint32(index + shift, found.getUint32(index))
  return until + shift
}
