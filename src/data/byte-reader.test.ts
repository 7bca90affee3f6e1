import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'

function read(text: string): string {
  const writer = new ByteWriter()
  writer.str(text)
  return new ByteReader(writer.toBytes()).str()
}

describe('remembered texts', () => {
  test('texts that are told apart by few bytes do not take each other for the same', () => {
    // First, last, middle and quarter bytes are equal: only the comparison sees the difference.
    for (const text of ['abcdefgh', 'aBcdefgh', 'abcDefgh', 'abcdeFgh', 'abcdefgh'])
      expect(read(text)).toBe(text)
  })

  test('any text comes back, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 20 }), (texts) => {
        for (const text of [...texts, ...texts]) expect(read(text)).toBe(text)
      }),
    )
  })
})

describe('numbers of varying length', () => {
  test.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [200, 'c801'],
    [300, 'ac02'],
    [16_384, '808001'],
    [2 ** 32 - 1, 'ffffffff0f'],
  ])('%i is %s', (value, hex) => {
    const writer = new ByteWriter()
    writer.varbyte(value)
    expect(Buffer.from(writer.written()).toString('hex')).toBe(hex)
    expect(new ByteReader(writer.toBytes()).varbyte()).toBe(value)
  })

  test('more bytes than needed are accepted, as by Broker', () => {
    expect(new ByteReader(Uint8Array.of(0x82, 0x00)).varbyte()).toBe(2)
  })

  test('a length beyond 32 bits cannot be written', () => {
    expect(() => new ByteWriter().varbyte(2 ** 32)).toThrow(
      expect.objectContaining({ code: 'not-representable' }),
    )
  })
})
