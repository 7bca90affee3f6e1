/** Numbers and intervals as Zeek prints them (`print`, `cat`, `fmt("%s", …)`). */

const INT_MAX = 2_147_483_647
const PRECISION = 6

/** A double: at most six digits behind the point, and `.0` behind whole numbers. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const sign = value < 0 ? '-' : ''
  const text = magnitudeText(Math.abs(value))
  const isWhole = Math.abs(value - Math.round(value)) < 1e-9 && !text.includes('e')
  return sign + text + (isWhole ? '.0' : '')
}

function magnitudeText(value: number): string {
  if (value > INT_MAX) return longExponent(value.toExponential())
  if (value === 0) return '0'
  if (value < 10 ** -PRECISION) {
    const [digits = '', exponent = ''] = value.toExponential(PRECISION - 1).split('e')
    return longExponent(`${withoutZeros(digits)}e${exponent}`)
  }
  return withoutZeros(value.toFixed(PRECISION))
}

function withoutZeros(digits: string): string {
  return digits.replace(/\.?0+$/, '')
}

/** The exponent with at least two digits: `4e+09`. */
export function longExponent(text: string): string {
  return text.replace(/e([-+])(\d)$/, 'e$10$2')
}

export interface IntervalPart {
  readonly amount: number
  /** `min`, without an s. */
  readonly unit: string
  readonly isPlural: boolean
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['day', 86_400],
  ['hr', 3600],
  ['min', 60],
  ['sec', 1],
  ['msec', 0.001],
]
const MICROSECOND = 0.000001
const TINY = 0.000001

/** What an interval consists of, the largest unit first; nothing when it is shorter than a picosecond. */
export function intervalParts(seconds: number): readonly IntervalPart[] {
  const parts: IntervalPart[] = []
  let rest = seconds
  const add = (amount: number, unit: string): void => {
    parts.push({ amount, unit, isPlural: Math.abs(Math.abs(amount) - 1) >= TINY })
  }
  for (const [unit, length] of UNITS) {
    if (Math.abs(rest) < length) continue
    const amount = Math.trunc(rest / length)
    rest -= amount * length
    add(amount, unit)
  }
  const microseconds = rest / MICROSECOND
  if (Math.abs(microseconds) >= TINY) add(microseconds, 'usec')
  return parts
}

/** An interval of seconds: `1.0 min 30.0 secs`. */
export function intervalText(seconds: number): string {
  const texts = intervalParts(seconds).map(
    ({ amount, unit, isPlural }) => `${doubleText(amount)} ${unit}${isPlural ? 's' : ''}`,
  )
  return texts.length === 0 ? '0 secs' : texts.join(' ')
}
