/** Laws of the binary format, for random values and random bytes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue, reversed } from '../../test/support/arbitrary-values.js'
import { fromHex, toHex } from '../../test/support/vectors.js'
import { readValue, skipValue, writeValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import type { Value } from './value.js'

function encode(value: Value): Uint8Array {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return writer.toBytes()
}

const RUNS = { numRuns: 500 }

describe('for all values', () => {
  test('what is decoded is what was encoded', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const reader = new ByteReader(encode(value))
        expect(readValue(reader)).toEqual(value)
        expect(reader.remaining).toBe(0)
      }),
      RUNS,
    )
  })

  test('the order in which sets and tables are given makes no difference', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(toHex(encode(reversed(value)))).toBe(toHex(encode(value)))
      }),
      RUNS,
    )
  })

  test('skipping consumes what reading does, with anything behind', () => {
    fc.assert(
      fc.property(anyValue, fc.uint8Array({ maxLength: 5 }), (value, rest) => {
        const bytes = encode(value)
        const reader = new ByteReader(Uint8Array.of(...bytes, ...rest))
        skipValue(reader)
        expect(reader.offset).toBe(bytes.length)
      }),
      RUNS,
    )
  })

  test('every beginning of an encoding is truncated, and nothing else', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value)
        for (let length = 0; length < bytes.length; length += 1) {
          const part = bytes.subarray(0, length)
          const truncated = expect.objectContaining({ code: 'truncated' })
          expect(() => readValue(new ByteReader(part))).toThrow(truncated)
          expect(() => skipValue(new ByteReader(part))).toThrow(truncated)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('for any bytes', () => {
  const tagged = fc
    .tuple(fc.array(fc.tuple(fc.nat(15), fc.nat(3)), { maxLength: 6 }), fc.uint8Array({ maxLength: 40 }))
    .map(([starts, rest]) => Uint8Array.of(...starts.flat(), ...rest))

  test('reading and skipping throw DecodeError or nothing, and re-encoding is stable', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), tagged), (bytes) => {
        try {
          skipValue(new ByteReader(bytes))
          const value = readValue(new ByteReader(bytes))
          const again = encode(value)
          expect(toHex(encode(readValue(new ByteReader(again))))).toBe(toHex(again))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 5000 },
    )
  })

  test.each(['0cffffffff0f', '0dffffffff0f', '0effffffff0f', '05ffffffff0f', '0bffffffff0f'])(
    '%s: what is announced is not allocated',
    (hex) => {
      const started = performance.now()
      for (const read of [readValue, skipValue]) {
        expect(() => read(new ByteReader(fromHex(hex)))).toThrow(
          expect.objectContaining({ code: 'truncated' }),
        )
      }
      expect(performance.now() - started).toBeLessThan(1000)
    },
  )
})

describe('sets with odd reals', () => {
  test('NaN is kept, and the same from any order', () => {
    const [one, nan, two]: Value[] = [1, Number.NaN, 2].map((value) => ({ type: 'real', value }))
    const hex = toHex(encode({ type: 'set', value: [one!, nan!, two!] }))
    expect(toHex(encode({ type: 'set', value: [nan!, two!, one!] }))).toBe(hex)
    expect(readValue(new ByteReader(fromHex(hex)))).toEqual({ type: 'set', value: [one, two, nan] })
  })

  test('NaN twice, and both zeros, are duplicates', () => {
    for (const hex of [
      '0c0204ffffffffffffffff04ffffffffffffffff',
      '0c0204000000000000000004' + '8000000000000000',
    ]) {
      expect(() => readValue(new ByteReader(fromHex(hex)))).toThrow(
        expect.objectContaining({ code: 'duplicate-element' }),
      )
    }
  })
})
