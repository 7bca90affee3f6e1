/** Numbers of log files: what real Zeek printed for them, and exact arithmetic. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readJsonLines } from '../../../test/support/vectors.js'
import { formatDouble, formatSeconds, formatSigned, formatUnsigned } from './ascii-number.js'
import { formatTime, timeWriter } from './json-time.js'
import { OVERRUN_BYTES, putInteger, putIPv4, putSeconds, putWord } from './number-digits.js'
import { putReal, REAL_BYTES } from './shortest-real.js'

interface RecordedNumber {
  /** The double, as hexadecimal digits. */
  readonly bits: string
  readonly double: string
  readonly time: string
  readonly json: string
  readonly epoch: string
  readonly iso8601: string
  readonly millis: string
  readonly millis_unsigned: string
}

const RECORDED = readJsonLines<RecordedNumber>('log-writers/numbers.jsonl').map((recorded) => ({
  ...recorded,
  value: Buffer.from(recorded.bits, 'hex').readDoubleBE(),
}))

/** What a `put…` function writes; it may overwrite no more than it says. */
function put(write: (view: DataView, offset: number) => number, room = 64): string {
  const bytes = Buffer.alloc(4 + room + OVERRUN_BYTES, '#')
  const end = write(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 4)
  if (end < 0) return ''
  expect(bytes.toString('latin1', 0, 4)).toBe('####')
  expect(bytes.toString('latin1', end + OVERRUN_BYTES)).toMatch(/^#*$/)
  return bytes.toString('latin1', 4, end)
}

/** A non-negative double as `mantissa / 2^shift`. */
function exactFraction(value: number): [bigint, bigint] {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const raw = bits.getBigUint64(0)
  const exponent = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & 0xfffffffffffffn
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  const shift = (exponent === 0 ? 1 : exponent) - 1075
  return shift >= 0 ? [mantissa << BigInt(shift), 0n] : [mantissa, BigInt(-shift)]
}

/** The nearest multiple of a millionth, ties to even, by whole numbers only. */
function exactSeconds(value: number): string {
  const [mantissa, shift] = exactFraction(value)
  const scaled = mantissa * 1_000_000n
  const floor = scaled >> shift
  const rest = scaled - (floor << shift)
  const half = shift === 0n ? 1n : 1n << (shift - 1n)
  const isUp = shift > 0n && (rest > half || (rest === half && floor % 2n === 1n))
  const digits = (floor + (isUp ? 1n : 0n)).toString().padStart(7, '0')
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`
}

const usualTime = fc.oneof(
  fc.double({ min: 0, max: 4294967295, noNaN: true }),
  fc.integer({ min: 0, max: 2 ** 51 }).map((micros) => micros / 1e6),
  // Exact ties, and their neighbours.
  fc.integer({ min: 0, max: 2 ** 38 }).map((parts) => parts / 128),
)

describe('as Zeek printed them', () => {
  test('in logs that are not JSON', () => {
    for (const { bits, value, double, time } of RECORDED) {
      expect(formatDouble(value), bits).toBe(double)
      // The sign of what is not a number is known to the caller only.
      expect(formatSeconds(value), bits).toBe(time.replace('-nan', 'nan'))
    }
  })

  test('in JSON', () => {
    for (const { bits, value, json } of RECORDED) {
      if (Number.isFinite(value))
        expect(
          put((view, offset) => putReal(view, offset, value)),
          bits,
        ).toBe(json)
    }
  })

  test.each([
    ['JSON::TS_EPOCH', 'epoch'],
    ['JSON::TS_ISO8601', 'iso8601'],
    ['JSON::TS_MILLIS', 'millis'],
    ['JSON::TS_MILLIS_UNSIGNED', 'millis_unsigned'],
  ] as const)('times as %s', (form, key) => {
    const putTime = timeWriter(form)
    for (const recorded of RECORDED) {
      const usual = put((view, offset) => putTime(view, offset, recorded.value))
      const text = usual === '' ? formatTime(form, recorded.value) : usual
      expect(text, recorded.bits).toBe(recorded[key])
    }
  })
})

describe('seconds', () => {
  test('agree with exact decimal arithmetic', () => {
    fc.assert(
      fc.property(fc.oneof(usualTime, fc.double({ min: 0, max: 1e30, noNaN: true })), (value) => {
        expect(formatSeconds(value)).toBe(exactSeconds(value))
        expect(formatSeconds(-value)).toBe(`-${exactSeconds(value)}`)
      }),
      { numRuns: 5000 },
    )
  })

  test('are the same when they are written the quick way', () => {
    fc.assert(
      fc.property(usualTime, (value) => {
        const quick = put((view, offset) => putSeconds(view, offset, value))
        if (quick !== '') expect(quick).toBe(formatSeconds(value))
      }),
      { numRuns: 5000 },
    )
  })

  test('most are written the quick way', () => {
    for (const value of [1_700_000_000.123456, 0.000001, 1.5, 4_294_967_295.999999]) {
      expect(put((view, offset) => putSeconds(view, offset, value))).toBe(formatSeconds(value))
    }
  })
})

describe('integers', () => {
  const interesting = fc.oneof(
    fc.integer({ min: 0, max: 20_000 }),
    fc.nat(0xffffffff),
    fc.integer({ min: 0, max: 16 }).map((power) => 10 ** power - 1),
    fc.integer({ min: 0, max: 15 }).map((power) => 10 ** power),
  )

  test('of one word', () => {
    fc.assert(
      fc.property(interesting, (value) => {
        const word = value % 2 ** 32
        expect(put((view, offset) => putWord(view, offset, word))).toBe(String(word))
      }),
      { numRuns: 2000 },
    )
  })

  test('up to 2^53', () => {
    fc.assert(
      fc.property(fc.oneof(interesting, fc.maxSafeNat()), (value) => {
        expect(put((view, offset) => putInteger(view, offset, value))).toBe(String(value))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([0n, 9n, 4294967296n, 9007199254740992n, 18446744073709551615n])('the count %s', (value) => {
    expect(formatUnsigned(Number(value >> 32n), Number(value & 0xffffffffn))).toBe(value.toString())
  })

  test.each([-1n, -9223372036854775808n, 9223372036854775807n, 0n])('the int %s', (value) => {
    const bits = BigInt.asUintN(64, value)
    expect(formatSigned(Number(bits >> 32n), Number(bits & 0xffffffffn))).toBe(value.toString())
  })

  test('as an address', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (word) => {
        const octets = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]
        expect(put((view, offset) => putIPv4(view, offset, word))).toBe(octets.join('.'))
      }),
    )
  })
})

describe('doubles of JSON', () => {
  const anyReal = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), usualTime)

  test('are read back as they were, in no more room than announced', () => {
    fc.assert(
      fc.property(anyReal, (value) => {
        const text = put((view, offset) => putReal(view, offset, value), REAL_BYTES)
        expect(Object.is(Number(text), value)).toBe(true)
        expect(text.length).toBeLessThanOrEqual(REAL_BYTES - OVERRUN_BYTES)
      }),
      { numRuns: 5000 },
    )
  })

  test('are laid out as JavaScript does it, but for the point of whole numbers and the plus of exponents', () => {
    fc.assert(
      fc.property(anyReal, (value) => {
        const text = put((view, offset) => putReal(view, offset, value))
        const expected = Object.is(value, -0) ? '-0' : String(value).replace('e+', 'e')
        const withPoint = /[.e]/.test(expected) ? expected : `${expected}.0`
        // Grisu2 may have other digits, or more of them.
        const shape = (digits: string): string => digits.replaceAll(/\d/g, '9')
        if (text.length === withPoint.length) expect(shape(text)).toBe(shape(withPoint))
        else expect(text.length).toBeGreaterThan(withPoint.length)
      }),
      { numRuns: 5000 },
    )
  })
})
