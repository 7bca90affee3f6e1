/** How values look in Zeek's ASCII logs: numbers against C's own output, texts against Zeek's rules. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Address, Port, Subnet } from '../data/address.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { LogField } from '../data/log-messages.js'
import { compileLogWriter } from '../data/record-codec.js'
import type { DataType } from '../data/types.js'
import * as types from '../data/types.js'
import { AsciiFormatter } from './ascii-format.js'
import { formatDouble, writeSeconds, writeSigned, writeUnsigned } from './ascii-number.js'

function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter()
  write(writer)
  return Buffer.from(writer.written()).toString()
}

/** One record with one column as its line, without the newline. */
function line(type: DataType<never>, value: unknown): string {
  const field: LogField = { name: 'x', tag: type.log!.tag, elementTag: type.log!.elementTag, optional: true }
  const record = new ByteWriter()
  compileLogWriter([['x', type as DataType<unknown>]])(record, { x: value })
  return written((writer) => {
    new AsciiFormatter().formatLine(writer, [field], record.bytes, 0, record.length)
  }).slice(0, -1)
}

describe('numbers', () => {
  // Left: the value. Right: what C's printf("%.6f") prints on a machine with IEEE 754 numbers.
  test.each([
    [0, '0.000000'],
    [-0, '0.000000'],
    [1, '1.000000'],
    [-2.25, '-2.250000'],
    [0.5, '0.500000'],
    [0.1 + 0.2, '0.300000'],
    [1e-7, '0.000000'],
    [5e-7, '0.000000'],
    [1.5e-6, '0.000002'],
    [2.5e-6, '0.000003'],
    [0.999999, '0.999999'],
    [0.9999995, '1.000000'],
    [0.0078125, '0.007812'],
    [0.0234375, '0.023438'],
    [1357328848.512314, '1357328848.512314'],
    [1362692526.869344, '1362692526.869344'],
    [1700000000.9999998, '1700000001.000000'],
    [2147483647, '2147483647.000000'],
    [2147483648, '2.147484e+09'],
    [-2147483648, '-2.147484e+09'],
    [1e300, '1.000000e+300'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NaN, 'nan'],
  ])('seconds %d are %s', (value, expected) => {
    expect(written((writer) => writeSeconds(writer, value))).toBe(expected)
  })

  test('seconds agree with exact decimal arithmetic', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2147483647, noNaN: true }), (value) => {
        const text = written((writer) => writeSeconds(writer, value))
        // The nearest multiple of a millionth, ties to even, by whole numbers only.
        const [mantissa, shift] = exactFraction(value)
        const scaled = mantissa * 1_000_000n
        const floor = scaled >> shift
        const rest = scaled - (floor << shift)
        const half = shift === 0n ? 1n : 1n << (shift - 1n)
        const up = rest > half || (rest === half && shift > 0n && floor % 2n === 1n)
        const micros = floor + (up && shift > 0n ? 1n : 0n)
        const digits = micros.toString().padStart(7, '0')
        expect(text).toBe(`${digits.slice(0, -6)}.${digits.slice(-6)}`)
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    [0, '0.0'],
    [1.5, '1.5'],
    [-1e-7, '-0'],
    [100, '100.0'],
    [3.14, '3.14'],
    // biome-ignore lint/correctness/noPrecisionLoss: the point is how such a number prints
    [123456789012345.671875, '123456789012345.671875'],
    [1e20, '100000000000000000000.0'],
    [0.000001, '0.000001'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('the double %d is %s', (value, expected) => {
    expect(formatDouble(value)).toBe(expected)
  })

  test.each([
    [0n, '0'],
    [9n, '9'],
    [10n, '10'],
    [4294967296n, '4294967296'],
    [9007199254740992n, '9007199254740992'],
    [18446744073709551615n, '18446744073709551615'],
  ])('the count %s', (value, expected) => {
    const [high, low] = [Number(value >> 32n), Number(value & 0xffffffffn)]
    expect(written((writer) => writeUnsigned(writer, high, low))).toBe(expected)
  })

  test.each([-1n, -9223372036854775808n, 9223372036854775807n, 0n])('the int %s', (value) => {
    const bits = BigInt.asUintN(64, value)
    const [high, low] = [Number(bits >> 32n), Number(bits & 0xffffffffn)]
    expect(written((writer) => writeSigned(writer, high, low))).toBe(value.toString())
  })
})

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

describe('texts', () => {
  test.each([
    ['plain', 'plain'],
    ['', '(empty)'],
    ['-', '\\x2d'],
    ['(empty)', '\\x28empty)'],
    ['-x', '-x'],
    ['tab\there', 'tab\\x09here'],
    ['a,b', 'a,b'],
    ['back\\slash', 'back\\\\slash'],
    ['#comment', '\\x23comment'],
    ['Straße', 'Straße'],
    ['\u007f', '\\x7f'],
  ])('%j', (text, expected) => {
    expect(line(types.string as never, text)).toBe(expected)
  })

  test('bytes that are not UTF-8 make every high byte of the text escaped', () => {
    expect(line(types.bytes as never, Buffer.from([0xff, 0xc3, 0x9f]))).toBe('\\xff\\xc3\\x9f')
  })
})

describe('other types', () => {
  const cases: readonly (readonly [DataType<never>, unknown, string])[] = [
    [types.bool as never, true, 'T'],
    [types.bool as never, false, 'F'],
    [types.addr as never, Address.parse('10.0.0.1'), '10.0.0.1'],
    [types.addr as never, Address.parse('2001:db8::1'), '2001:db8::1'],
    [types.subnet as never, Subnet.parse('10.0.0.0/8'), '10.0.0.0/8'],
    [types.subnet as never, Subnet.parse('2001:db8::/32'), '2001:db8::/32'],
    [types.port as never, new Port(443, 'tcp'), '443'],
    [types.enumeration as never, 'Notice::ACTION_LOG', 'Notice::ACTION_LOG'],
    [types.vector(types.string) as never, ['a', 'b,c', '-', ''], 'a,b\\x2cc,\\x2d,(empty)'],
    [types.set(types.count) as never, new Set([5n]), '5'],
    [types.set(types.string) as never, new Set(), '(empty)'],
    [types.optional(types.count) as never, undefined, '-'],
  ]
  test.each(cases)('%o', (type, value, expected) => {
    expect(line(type, value)).toBe(expected)
  })
})

describe('records that do not fit', () => {
  const field: LogField = { name: 'n', tag: types.count.log!.tag, elementTag: 0, optional: false }
  const record = new ByteWriter()
  compileLogWriter([['n', types.count as DataType<unknown>]])(record, { n: 7n })

  test.each([
    ['another number of columns', [field, field], 0],
    ['another type', [{ ...field, tag: types.string.log!.tag }], 0],
    ['cut off', [field], 1],
  ] as const)('%s: refused, and nothing of the line is left', (_name, fields, cut) => {
    const writer = new ByteWriter()
    writer.raw(Buffer.from('before\n'))
    expect(() => {
      new AsciiFormatter().formatLine(writer, fields, record.bytes, 0, record.length - cut)
    }).toThrow(expect.objectContaining({ name: 'DecodeError' }))
    expect(Buffer.from(writer.written()).toString()).toBe('before\n')
  })
})
