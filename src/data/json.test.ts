/** Values as JSON, both ways: everything that Zeek was recorded with, random values, and input that is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue } from '../../test/support/arbitrary-values.js'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { Address, Port, Subnet } from './address.js'
import { readValue, writeValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { DecodeError } from './decode-error.js'
import { valueFromJson, valueFromParsedJson, valueToExactJson, valueToJson } from './json.js'
import { JsonObject, parseJson } from './json-document.js'
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

function encode(value: Value): string {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return toHex(writer.written())
}

describe('every value that Zeek was recorded with', () => {
  test.each(vectorNames('values').filter((name) => name.endsWith('.jsonl')))('%s', (file) => {
    for (const { name, value_hex } of readJsonLines<Recorded>(`values/${file}`)) {
      if (value_hex === undefined) continue
      const value = decode(value_hex)
      expect(() => JSON.parse(valueToJson(value)), name).not.toThrow()
      const exact = valueToExactJson(value)
      expect(() => JSON.parse(exact), name).not.toThrow()
      expect(encode(valueFromJson(exact)), `${name}: ${exact}`).toBe(value_hex)
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

  test('blanks, the order of members and unknown members do not matter', () => {
    expect(valueFromJson(' { "data" : [ ] , "x": [{"y": null}], "@data-type" : "vector" } \r\n\t')).toEqual({
      type: 'vector',
      value: [],
    })
  })

  test.each<readonly [string, Value]>([
    ['{"@data-type":"none"}', { type: 'none' }],
    ['{"@data-type":"real","data":1e3}', { type: 'real', value: 1000 }],
    ['{"@data-type":"real","data":-0.0}', { type: 'real', value: -0 }],
    ['{"@data-type":"string","data":"\\u00fc\\ud83d\\ude00\\/\\b"}', { type: 'string', value: 'ü😀/\b' }],
    ['{"@data-type":"port","data":"80"}', { type: 'port', value: new Port(80, 'tcp') }],
    ['{"@data-type":"port","data":"80/sctp"}', { type: 'port', value: new Port(80, 'unknown') }],
    ['{"@data-type":"port","data":"0/?"}', { type: 'port', value: new Port(0, 'unknown') }],
    [
      '{"@data-type":"timestamp","data":"1970-01-01T02:00:01+02:00"}',
      { type: 'timestamp', value: 1_000_000_000n },
    ],
    ['{"@data-type":"timestamp","data":"1969-12-31T22:30:00-0130"}', { type: 'timestamp', value: 0n }],
    [
      '{"@data-type":"timestamp","data":"1970-01-01T00:00:00.5Z"}',
      { type: 'timestamp', value: 500_000_000n },
    ],
    ['{"@data-type":"timespan","data":"1.5s"}', { type: 'timespan', value: 1_500_000_000n }],
    ['{"@data-type":"timespan","data":"-0.25us"}', { type: 'timespan', value: -250n }],
    ['{"@data-type":"timespan","data":"2h"}', { type: 'timespan', value: 7_200_000_000_000n }],
    ['{"@data-type":"timespan","data":"9223372036.854775807s"}', { type: 'timespan', value: 2n ** 63n - 1n }],
    [
      '{"@data-type":"set","data":[{"@data-type":"count","data":2},{"@data-type":"count","data":1}]}',
      {
        type: 'set',
        value: [
          { type: 'count', value: 1n },
          { type: 'count', value: 2n },
        ],
      },
    ],
  ])('%s is read as by Zeek', (json, value) => {
    expect(valueFromJson(json)).toEqual(value)
  })
})

describe('the exact form', () => {
  test.each<readonly [Value, string]>([
    [{ type: 'real', value: 1e21 }, '1.0e+21'],
    [{ type: 'real', value: 1.5e-9 }, '1.5e-9'],
    [{ type: 'real', value: -0 }, '-0.0'],
    [{ type: 'real', value: Number.NaN }, '"nan"'],
    [{ type: 'real', value: Number.NEGATIVE_INFINITY }, '"-inf"'],
    [{ type: 'timestamp', value: 0n }, '"1970-01-01T00:00:00.000000000"'],
    [{ type: 'timestamp', value: 2n ** 63n - 1n }, '"2262-04-11T23:47:16.854775807"'],
    [{ type: 'timestamp', value: -(2n ** 63n) }, '"1677-09-21T00:12:43.145224192"'],
    [{ type: 'string', value: Uint8Array.of(0x68, 0xff, 0x69) }, '"h\ufffdi","hex":"68ff69"'],
    [{ type: 'enum-value', value: Uint8Array.of(0xff) }, '"\ufffd","hex":"ff"'],
    [
      { type: 'subnet', value: new Subnet(Address.parse('10.0.0.1'), 104) },
      '"10.0.0.1/8","hex":"00000000000000000000ffff0a00000168"',
    ],
    [
      { type: 'subnet', value: new Subnet(Address.parse('::'), 200) },
      '"::/200","hex":"00000000000000000000000000000000c8"',
    ],
  ])('%o', (value, data) => {
    expect(valueToExactJson(value)).toBe(`{"@data-type":"${value.type}","data":${data}}`)
    expect(valueFromJson(valueToExactJson(value))).toEqual(value)
  })

  test('every value comes back, to the byte, and the text is JSON', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const json = valueToExactJson(value)
        expect(() => JSON.parse(json)).not.toThrow()
        expect(valueFromJson(json)).toEqual(value)
        expect(encode(valueFromJson(json))).toBe(encode(value))
      }),
      { numRuns: 2000 },
    )
  })

  test('nesting up to the limit of the binary format', () => {
    let value: Value = { type: 'none' }
    for (let depth = 0; depth < 256; depth += 1) value = { type: 'table', value: [[{ type: 'none' }, value]] }
    expect(encode(valueFromJson(valueToExactJson(value)))).toBe(encode(value))
    expect(() => valueFromJson(valueToExactJson({ type: 'vector', value: [value] }))).toThrow(
      expect.objectContaining({ code: 'too-deep' }),
    )
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
    '{"@data-type":"count","data":-1}',
    '{"@data-type":"count","data":18446744073709551616}',
    '{"@data-type":"count","data":"5"}',
    '{"@data-type":"integer","data":9223372036854775808}',
    '{"@data-type":"integer","data":-9223372036854775809}',
    '{"@data-type":"integer","data":1.0}',
    `{"@data-type":"integer","data":1${'0'.repeat(100)}}`,
    '{"@data-type":"real","data":1}',
    '{"@data-type":"real","data":1.}',
    '{"@data-type":"real","data":.5}',
    '{"@data-type":"real","data":+1.0}',
    '{"@data-type":"real","data":01.0}',
    '{"@data-type":"real","data":1e999}',
    '{"@data-type":"real","data":inf}',
    '{"@data-type":"real","data":"Infinity"}',
    '{"@data-type":"boolean","data":1}',
    '{"@data-type":"boolean","data":trueish}',
    '{"@data-type":"boolean","data":"true"}',
    '{"@data-type":"real","data":"1.0"}',
    '{"@data-type":"string","data":"a\nb"}',
    '{"@data-type":"string","data":"\\x41"}',
    '{"@data-type":"string","data":"\\v"}',
    '{"@data-type":"string","data":"\\u12"}',
    '{"@data-type":"string","data":"\\ud800"}',
    '{"@data-type":"string","data":"\\ud800\\u0041"}',
    '{"@data-type":"string","data":"\\udc00\\ud800"}',
    '{"@data-type":"string","data":"\ud800"}',
    '{"@data-type":"string","data":"a\\',
    '{"@data-type":"string","data":"a\\"',
    '{"@data-type":"string","hex":"6"}',
    '{"@data-type":"string","hex":"6g"}',
    '{"@data-type":"string","hex":66}',
    '{"@data-type":"subnet","hex":"00"}',
    '{"@data-type":"subnet","data":5}',
    '{"@data-type":"address","data":"10.0.0"}',
    '{"@data-type":"subnet","data":"10.0.0.0/33"}',
    '{"@data-type":"port","data":"65536/tcp"}',
    '{"@data-type":"timestamp","data":"2026-02-30T25:00:00"}',
    '{"@data-type":"port","data":"-1/tcp"}',
    '{"@data-type":"port","data":80}',
    '{"@data-type":"timestamp","data":"2026-02-30T00:00:00"}',
    '{"@data-type":"timestamp","data":"2026-01-01T00:00:60"}',
    '{"@data-type":"timestamp","data":"2026-01-01 00:00:00"}',
    '{"@data-type":"timestamp","data":"2262-04-11T23:47:16.854775808"}',
    '{"@data-type":"timestamp","data":"1677-09-21T00:12:43.145224191"}',
    '{"@data-type":"timespan","data":"5"}',
    '{"@data-type":"timespan","data":"1d"}',
    '{"@data-type":"timespan","data":"9223372037s"}',
    '{"@data-type":"timespan","data":5}',
    '{"@data-type":"set","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1}]}',
    `{"@data-type":"table","data":[${Array(2).fill('{"key":{"@data-type":"none"},"value":{"@data-type":"none"}}').join(',')}]}`,
    '{"@data-type":"no-type","data":5}',
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

  test.each([
    ['{"@data-type":"vector","data":[{"@data-type":"count","data":-1}]}', 'type-mismatch', 31],
    ['{"a":1,}', 'invalid-message', 7],
    ['["ü",x]', 'invalid-message', 6],
    ['["a', 'truncated', 3],
    ['[] []', 'trailing-bytes', 3],
  ])('%s: the code and the place in bytes', (text, code, offset) => {
    expect(() => valueFromJson(text)).toThrow(expect.objectContaining({ code, data: { offset } }))
  })

  test('a long text is read in time that grows with its length', () => {
    const started = performance.now()
    const elements = Array.from({ length: 100_000 }, (_, index) => `{"@data-type":"count","data":${index}}`)
    valueFromJson(`{"@data-type":"set","data":[${elements.reverse().join(' , ')}]}`)
    valueFromJson(`{"@data-type":"string","data":"${'\\n\\u00fc'.repeat(200_000)}"}`)
    expect(() => valueFromJson(`{"@data-type":"count","data":${'9'.repeat(3_000_000)}}`)).toThrow(DecodeError)
    expect(() => valueFromJson('"'.padEnd(3_000_000, '\\"'))).toThrow(DecodeError)
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('anything is a value or a DecodeError', () => {
    const token = fc.constantFrom(
      ...'{}[],:"\\ x1e.-'.split(''),
      '"@data-type":',
      '"data":',
      '"hex":"ff"',
      '"set"',
      '"vector"',
      '"count"',
      '{"@data-type":"none"}',
    )
    const text = fc.oneof(
      fc.array(token).map((tokens) => tokens.join('')),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(text, fc.boolean(), (json, tolerant) => {
        try {
          valueFromJson(json, { tolerant })
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('nesting has a limit', () => {
    const deep = '{"@data-type":"vector","data":['.repeat(10_000)
    expect(() => valueFromJson(deep)).toThrow(expect.objectContaining({ code: 'too-deep' }))
  })
})

describe('what Zeek writes', () => {
  const tolerant = (text: Uint8Array): Value => valueFromJson(text, { tolerant: true })

  test('bytes, control characters, vertical tabs and odd reals are only read tolerantly', () => {
    const wrap = (type: string, data: string): Buffer =>
      Buffer.from(`{"@data-type":"${type}","data":${data}}`, 'latin1')
    const cases: readonly (readonly [Buffer, Value['type'], unknown])[] = [
      [wrap('string', '"a\u00ff\u0001"'), 'string', Uint8Array.of(0x61, 0xff, 1)],
      [wrap('enum-value', '"\u00fe\\n"'), 'enum-value', Uint8Array.of(0xfe, 10)],
      [wrap('string', '"\u0000\\v\u001f"'), 'string', '\0\v\u001f'],
      [wrap('real', 'inf'), 'real', Number.POSITIVE_INFINITY],
      [wrap('real', '-inf'), 'real', Number.NEGATIVE_INFINITY],
      [wrap('real', 'nan'), 'real', Number.NaN],
    ]
    for (const [text, type, value] of cases) {
      expect(tolerant(text)).toEqual({ type, value })
      expect(() => valueFromJson(text)).toThrow(DecodeError)
    }
  })

  test('a document is parsed once for its members and its value', () => {
    const text = '{"type":"data-message","topic":"/t","@data-type":"count","data":7}'
    const document = parseJson(text)
    expect(document).toBeInstanceOf(JsonObject)
    expect((document as JsonObject).get('topic')).toBe('/t')
    expect(valueFromParsedJson(document)).toEqual({ type: 'count', value: 7n })
  })
})
