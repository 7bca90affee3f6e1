import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines } from '../../test/support/vectors.js'
import { readValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { DecodeError } from './decode-error.js'
import type { Value } from './value.js'
import { valueFromZeekJson } from './zeek-json.js'

const utf8 = (text: string): Uint8Array => Buffer.from(text)
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** A value as a WebSocket client of Zeek gets it: six decimals, milliseconds. */
function asPrinted(value: Value): Value {
  switch (value.type) {
    case 'real':
      return { type: 'real', value: sixDecimals(value.value) }
    case 'timestamp':
      return { type: 'timestamp', value: printedTime(value.value) }
    case 'set':
    case 'vector':
      return { type: value.type, value: value.value.map(asPrinted) }
    case 'table':
      return { type: 'table', value: value.value.map(([key, entry]) => [asPrinted(key), asPrinted(entry)]) }
    default:
      return value
  }
}

function sixDecimals(value: number): number {
  return value !== 0 && Math.abs(value) < 1e20 ? Number(value.toFixed(6)) : value
}

/** Before 1970 Zeek cuts the seconds towards zero and has no fraction. */
function printedTime(nanoseconds: bigint): bigint {
  const unit = nanoseconds < 0n ? 1_000_000_000n : 1_000_000n
  return (nanoseconds / unit) * unit
}

interface Recorded {
  readonly name: string
  readonly value_hex: string
  readonly websocket_hex: string
}

describe('every value that a WebSocket client of Zeek got', () => {
  const recorded = readJsonLines<Recorded>('websocket/values.jsonl')

  test.each(recorded)('$name', ({ value_hex, websocket_hex }) => {
    const message = valueFromZeekJson(fromHex(websocket_hex))
    const content = message.type === 'vector' ? message.value[2] : undefined
    const args = content?.type === 'vector' ? content.value[1] : undefined
    const value = args?.type === 'vector' ? args.value[1] : undefined
    expect(value).toEqual(asPrinted(readValue(new ByteReader(fromHex(value_hex)))))
  })
})

describe('what Zeek writes and JSON does not have', () => {
  test.each([
    ['escape v', utf8('"a\\vb"'), 'a\vb'],
    ['control characters', utf8('"a\u0000\u0001\nb"'), 'a\u0000\u0001\nb'],
    ['escapes of JSON', utf8('"\\u00fc\\ud83d\\ude00\\/\\"\\\\"'), 'ü😀/"\\'],
    ['bytes that are not UTF-8', latin1('"\xff\xfe"'), Uint8Array.of(0xff, 0xfe)],
  ])('%s in a string', (_name, quoted, expected) => {
    const bytes = Buffer.concat([utf8('{"@data-type":"string","data":'), quoted, utf8('}')])
    expect(valueFromZeekJson(bytes)).toEqual({ type: 'string', value: expected })
  })

  test('a string that is UTF-8 stays text beside one that is not', () => {
    const element = (bytes: string): string => `{"@data-type":"string","data":"${bytes}"}`
    const text = `{"@data-type":"vector","data":[${element('\xc3\xbc\\u00fc')},${element('\xff\\v')}]}`
    expect(valueFromZeekJson(latin1(text))).toEqual({
      type: 'vector',
      value: [
        { type: 'string', value: 'üü' },
        { type: 'string', value: Uint8Array.of(0xff, 0x0b) },
      ],
    })
  })

  test.each([
    ['inf', Number.POSITIVE_INFINITY],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['nan', Number.NaN],
    ['-nan', Number.NaN],
    ['-0.000000', -0],
  ])('real %s', (text, expected) => {
    expect(valueFromZeekJson(utf8(`{"@data-type":"real","data":${text}}`))).toEqual({
      type: 'real',
      value: expected,
    })
  })

  test.each(['"\\x41"', '"a', '"a\\"', 'infinity', '"\\u12"'])('%s is malformed', (data) => {
    expect(() => valueFromZeekJson(utf8(`{"@data-type":"string","data":${data}}`))).toThrow(DecodeError)
  })

  test.each([
    ['count', '-1'],
    ['count', '18446744073709551616'],
    ['integer', '9223372036854775808'],
    ['integer', '-9223372036854775809'],
  ])('%s %s does not fit', (type, digits) => {
    expect(() => valueFromZeekJson(utf8(`{"@data-type":"${type}","data":${digits}}`))).toThrow(DecodeError)
  })

  test('a count cannot be inf', () => {
    expect(() => valueFromZeekJson(utf8('{"@data-type":"count","data":inf}'))).toThrow(DecodeError)
  })

  test('a string of many megabytes is no problem, a number of many digits is refused', () => {
    const text = 'a'.repeat(16 * 1024 * 1024)
    expect(valueFromZeekJson(utf8(`{"@data-type":"string","data":"${text}"}`))).toEqual({
      type: 'string',
      value: text,
    })
    const digits = '1'.repeat(16 * 1024 * 1024)
    expect(() => valueFromZeekJson(utf8(`{"@data-type":"count","data":${digits}}`))).toThrow(DecodeError)
  })
})
