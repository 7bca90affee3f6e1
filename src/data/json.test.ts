import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, vectorNames } from '../../test/support/vectors.js'
import { readValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { DecodeError } from './decode-error.js'
import { valueFromJson, valueToJson } from './json.js'
import type { Value } from './value.js'

interface Recorded {
  readonly name: string
  /** Missing where Zeek could not send the value. */
  readonly value_hex?: string
}

function decode(hex: string): Value {
  const bytes = fromHex(hex)
  const reader = new ByteReader()
  reader.reset(bytes, 0, bytes.length)
  return readValue(reader)
}

/** JSON has no bytes that are not UTF-8, and no NaN or infinity. */
function isRepresentable(value: Value): boolean {
  switch (value.type) {
    case 'string':
    case 'enum-value':
      return (
        typeof value.value === 'string' ||
        Buffer.from(value.value).toString('utf8').includes('\ufffd') === false
      )
    case 'real':
      return Number.isFinite(value.value)
    case 'set':
    case 'vector':
      return value.value.every(isRepresentable)
    case 'table':
      return value.value.every(([key, entry]) => isRepresentable(key) && isRepresentable(entry))
    default:
      return true
  }
}

describe('every value that Zeek was recorded with', () => {
  test.each(vectorNames('values').filter((name) => name.endsWith('.jsonl')))('%s', (file) => {
    for (const { name, value_hex } of readJsonLines<Recorded>(`values/${file}`)) {
      if (value_hex === undefined) continue
      const value = decode(value_hex)
      const json = valueToJson(value)
      expect(() => JSON.parse(json), name).not.toThrow()
      if (isRepresentable(value)) expect(valueFromJson(json), `${name}: ${json}`).toEqual(value)
    }
  })
})

describe('texts', () => {
  test.each<readonly [Value, string]>([
    [{ type: 'none' }, '{"@data-type":"none","data":{}}'],
    [
      { type: 'count', value: 18_446_744_073_709_551_615n },
      '{"@data-type":"count","data":18446744073709551615}',
    ],
    [
      { type: 'integer', value: -9_007_199_254_740_993n },
      '{"@data-type":"integer","data":-9007199254740993}',
    ],
    [{ type: 'real', value: 3 }, '{"@data-type":"real","data":3.0}'],
    [{ type: 'real', value: -0 }, '{"@data-type":"real","data":-0.0}'],
    [{ type: 'real', value: 1e300 }, '{"@data-type":"real","data":1e+300}'],
    [{ type: 'string', value: 'a"\\\n\u0000ü' }, '{"@data-type":"string","data":"a\\"\\\\\\n\\u0000ü"}'],
    [{ type: 'timestamp', value: 1n }, '{"@data-type":"timestamp","data":"1970-01-01T00:00:00.000000001"}'],
    [{ type: 'timestamp', value: -1n }, '{"@data-type":"timestamp","data":"1969-12-31T23:59:59.999999999"}'],
    [{ type: 'timespan', value: -1500n }, '{"@data-type":"timespan","data":"-1500ns"}'],
    [{ type: 'timespan', value: 0n }, '{"@data-type":"timespan","data":"0s"}'],
  ])('%o', (value, json) => {
    expect(valueToJson(value)).toBe(json)
    expect(valueFromJson(json)).toEqual(value)
  })

  test('blanks and the order of members do not matter', () => {
    expect(valueFromJson(' { "data" : [ ] , "@data-type" : "vector" } \n')).toEqual({
      type: 'vector',
      value: [],
    })
  })
})

describe('malformed input is a DecodeError', () => {
  test.each([
    '',
    '{',
    '{"@data-type":"count"',
    '{"@data-type":"count","data":5}}',
    '{"@data-type":"count","data":5} 6',
    '{"@data-type":"count","data":05x}',
    '{"@data-type":"count","data":1.5}',
    '{"@data-type":"count","data":1e3}',
    '{"@data-type":"count"}',
    '{"data":5}',
    '{"@data-type":5,"data":5}',
    '{"@data-type":"boolean","data":1}',
    '{"@data-type":"real","data":"1.0"}',
    '{"@data-type":"string","data":"a\nb"}',
    '{"@data-type":"string","data":"\\x41"}',
    '{"@data-type":"address","data":"10.0.0"}',
    '{"@data-type":"subnet","data":"10.0.0.0/33"}',
    '{"@data-type":"port","data":"65536/tcp"}',
    '{"@data-type":"timestamp","data":"2026-02-30T25:00:00"}',
    '{"@data-type":"timespan","data":"5"}',
    '{"@data-type":"vector","data":{}}',
    '{"@data-type":"vector","data":[5]}',
    '{"@data-type":"table","data":[{"key":{"@data-type":"none","data":{}}}]}',
    '{"@data-type":"table","data":[5]}',
    '[]',
    'null',
    '{,}',
    "{'@data-type':'none'}",
  ])('%s', (text) => {
    expect(() => valueFromJson(text)).toThrow(DecodeError)
  })

  test('nesting has a limit', () => {
    const deep = '{"@data-type":"vector","data":['.repeat(10_000)
    expect(() => valueFromJson(deep)).toThrow(expect.objectContaining({ code: 'too-deep' }))
  })
})
