/** Lines of ASCII and JSON logs: what real Zeek wrote of the same values. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatted,
  logField,
  logValue,
  setOf,
  unset,
  vectorOf,
  wireRecord,
} from '../../../test/support/log-records.js'
import { readJsonLines } from '../../../test/support/vectors.js'
import { Address, Subnet } from '../../data/address.js'
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import type { LogValue } from '../log-values.js'
import { AsciiLines } from './ascii-lines.js'
import { DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { AsciiValues } from './ascii-values.js'
import { asciiWriter } from './ascii-writer.js'
import { JsonLines } from './json-lines.js'
import type { LogConfig } from './log-writer.js'

const WRITER = asciiWriter(new MemoryDisk(), DEFAULT_ASCII_OPTIONS)

function configOf(settings: Readonly<Record<string, string>>): LogConfig {
  return new Map(Object.entries(settings))
}

/** The line of a record, without its end. */
function line(
  fields: readonly LogField[],
  values: readonly LogValue[],
  config: LogConfig = new Map(),
): string {
  const text = Buffer.from(formatted(WRITER, fields, [wireRecord(...values)], config)).toString()
  expect(text.endsWith('\n')).toBe(true)
  return text.slice(0, -1)
}

/** The text of a single value, `null` or empty when it is left out. */
function jsonValue(type: string, value: LogValue, config: Readonly<Record<string, string>> = {}): string {
  const text = line([logField('x', type)], [value], configOf({ use_json: 'T', ...config }))
  return text.replace(/^\{"x":/, '').replace(/\}$/, '')
}

interface RecordedText {
  readonly hex: string
  readonly ascii: string
  readonly element: string
  readonly escaped: string
  readonly json: string
  readonly json_pua: string
  readonly json_tsv: string
}

const TEXTS = readJsonLines<RecordedText>('log-writers/texts.jsonl').map((recorded) => ({
  ...recorded,
  bytes: Uint8Array.from(Buffer.from(recorded.hex, 'hex')),
}))

describe('texts as Zeek wrote them', () => {
  const text = logField('s', 'string')
  const texts = logField('v', 'vector[string]')

  test.each([
    ['of their own', 'ascii', {}],
    ['without UTF-8', 'escaped', { enable_utf_8: 'F' }],
  ] as const)('%s', (_name, key, settings) => {
    for (const recorded of TEXTS) {
      expect(line([text], [logValue('string', recorded.bytes)], configOf(settings)), recorded.hex).toBe(
        recorded[key],
      )
    }
  })

  test('in a vector, which is not the first column', () => {
    for (const { hex, bytes, element } of TEXTS) {
      const values = [logValue('string', 'x'), vectorOf(logValue('string', bytes), logValue('string', 'z'))]
      expect(line([text, texts], values), hex).toBe(`x\t${element},z`)
    }
  })

  test.each([
    ['HEX', 'json'],
    ['PUA', 'json_pua'],
    ['TSV', 'json_tsv'],
  ] as const)('in JSON, escape policy %s', (policy, key) => {
    const settings = { json_string_escape_policy: `JSON::STRING_ESCAPE_POLICY_${policy}` }
    for (const recorded of TEXTS) {
      const value = logValue('string', recorded.bytes)
      expect(jsonValue('string', value, settings), recorded.hex).toBe(recorded[key])
      expect(jsonValue('vector[string]', vectorOf(value), settings), recorded.hex).toBe(`[${recorded[key]}]`)
    }
  })

  test('names of enums, functions and files do not follow the policy', () => {
    const settings = { json_string_escape_policy: 'JSON::STRING_ESCAPE_POLICY_PUA' }
    for (const type of ['enum', 'func', 'file'] as const) {
      expect(jsonValue(type, logValue(type, Uint8Array.of(0x61, 0xff)), settings)).toBe(String.raw`"a\\xff"`)
    }
  })
})

describe('addresses and subnets as Zeek wrote them', () => {
  interface RecordedNetwork {
    readonly type: 'addr' | 'subnet'
    readonly literal: string
    readonly text: string
  }

  test('in both formats', () => {
    for (const { type, literal, text } of readJsonLines<RecordedNetwork>('log-writers/networks.jsonl')) {
      const value = logValue(type, type === 'addr' ? Address.parse(literal) : Subnet.parse(literal))
      expect(line([logField('x', type)], [value]), literal).toBe(text)
      expect(jsonValue(type, value), literal).toBe(`"${text}"`)
    }
  })

  test('a mapped address that a peer sends as IPv6', () => {
    const record = new ByteWriter()
    record.u32(1)
    record.logHeader(11, true)
    record.u8(6)
    record.words(0, 0, 0xffff, 0x01020304)
    const written = formatted(WRITER, [logField('x', 'addr')], [record.toBytes()])
    expect(Buffer.from(written).toString()).toBe('::ffff:1.2.3.4\n')
  })
})

describe('other values', () => {
  const cases: readonly (readonly [type: string, value: LogValue, ascii: string, json: string])[] = [
    ['bool', logValue('bool', true), 'T', 'true'],
    ['bool', logValue('bool', false), 'F', 'false'],
    ['int', logValue('int', 7), '7', '7'],
    ['int', logValue('int', -7), '-7', '-7'],
    ['int', logValue('int', -(2n ** 63n)), '-9223372036854775808', '-9223372036854775808'],
    ['int', logValue('int', 2n ** 32n), '4294967296', '4294967296'],
    ['count', logValue('count', 2n ** 64n - 1n), '18446744073709551615', '18446744073709551615'],
    ['count', logValue('count', 2n ** 53n), '9007199254740992', '9007199254740992'],
    ['count', logValue('count', 2n ** 32n), '4294967296', '4294967296'],
    ['port', logValue('port', 443), '443', '443'],
    ['enum', logValue('enum', 'Notice::ACTION_LOG'), 'Notice::ACTION_LOG', '"Notice::ACTION_LOG"'],
    ['func', logValue('func', 'f\n{ }'), String.raw`f\x0a{ }`, String.raw`"f\n{ }"`],
    ['file', logValue('file', 'out.log'), 'out.log', '"out.log"'],
    ['time', logValue('time', Number.NaN), 'nan', 'null'],
    ['vector[string]', vectorOf(logValue('string', 'a'), unset('string')), 'a,-', '["a",null]'],
    ['vector[bool]', vectorOf(logValue('bool', true), logValue('bool', false)), 'T,F', '[true,false]'],
    [
      'vector[double]',
      vectorOf(logValue('double', 1e20), unset('double')),
      '100000000000000000000.0,-',
      '[100000000000000000000.0,null]',
    ],
    ['set[time]', setOf(logValue('time', 1.5)), '1.500000', '[1.5]'],
    ['set[port]', setOf(logValue('port', 22)), '22', '[22]'],
    ['set[int]', setOf(logValue('int', -5)), '-5', '[-5]'],
    ['set[count]', setOf(logValue('count', 5)), '5', '[5]'],
    ['set[subnet]', setOf(logValue('subnet', Subnet.parse('10.0.0.0/8'))), '10.0.0.0/8', '["10.0.0.0/8"]'],
    ['set[enum]', setOf(logValue('enum', 'A::B')), 'A::B', '["A::B"]'],
    ['set[string]', setOf(), '(empty)', '[]'],
    ['set[string]', unset('set'), '-', ''],
    ['count', unset('count'), '-', ''],
  ]

  test.each(cases)('%s: %o', (type, value, ascii, json) => {
    const field = logField('x', type)
    expect(line([field], [value])).toBe(ascii)
    expect(line([field], [value], configOf({ use_json: 'T' }))).toBe(json === '' ? '{}' : `{"x":${json}}`)
    const settings = { use_json: 'T', json_include_unset_fields: 'T' }
    expect(line([field], [value], configOf(settings))).toBe(`{"x":${json || 'null'}}`)
  })

  test('a NaN with a sign, which only times show', () => {
    const record = new ByteWriter()
    record.u32(2)
    for (const tag of [5, 4]) {
      record.logHeader(tag, true)
      record.u64(0xfff8_0000_0000_0000n)
    }
    const written = formatted(WRITER, [logField('t', 'time'), logField('d', 'double')], [record.toBytes()])
    expect(Buffer.from(written).toString()).toBe('-nan\tnan\n')
  })
})

describe('names of columns in JSON', () => {
  test.each([
    ['id.orig_h', '"id.orig_h"'],
    ['_node', '"_node"'],
    ['', '""'],
    ['quote"and\\slash', String.raw`"quote\"and\\slash"`],
    ['tab\tand\u0001', String.raw`"tab\tand\u0001"`],
    ['Straße', '"Straße"'],
    // Eight bytes that are no number as a double.
    ['12345\u007f😀😀', String.raw`"12345\u007f😀😀"`],
  ])('%j', (name, key) => {
    const fields = [logField('a', 'count'), logField(name, 'count')]
    const written = line(fields, [logValue('count', 1), logValue('count', 2)], configOf({ use_json: 'T' }))
    expect(written).toBe(`{"a":1,${key}:2}`)
    expect((JSON.parse(written) as Record<string, number>)[name]).toBe(2)
  })

  test('unset columns leave no comma behind, wherever they are', () => {
    const fields = ['a', 'b', 'c'].map((name) => logField(name, 'count'))
    const config = configOf({ use_json: 'T' })
    const one = logValue('count', 1)
    const none = unset('count')
    expect(line(fields, [none, one, none], config)).toBe('{"b":1}')
    expect(line(fields, [one, none, one], config)).toBe('{"a":1,"c":1}')
    expect(line(fields, [none, none, none], config)).toBe('{}')
  })
})

describe('the quick way and the other one', () => {
  const byte = fc.oneof(
    fc.constantFrom(...Buffer.from('-(,\t\\"#')),
    fc.nat(255),
    fc.integer({ min: 0x20, max: 0x7e }),
  )
  const anyText = fc.oneof(
    fc.array(byte, { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
  )
  const texts = fc.array(anyText, { minLength: 1, maxLength: 4 })

  test('write the same texts', () => {
    const values = new AsciiValues({
      columnSeparators: ['\t'],
      setSeparator: ',',
      emptyField: '(empty)',
      unsetField: '-',
      keepsUtf8: true,
    })
    const lines = new AsciiLines([logField('n', 'count'), logField('s', 'string')])
    fc.assert(
      fc.property(anyText, (text) => {
        const record = wireRecord(logValue('count', 1), logValue('string', text))
        const quick = new ByteWriter(8)
        lines.write(quick, record, 0, record.length)
        const slow = new ByteWriter()
        const reader = new ByteReader(wireRecord(logValue('string', text)))
        reader.skip(4)
        values.writeColumn(slow, reader, logField('s', 'string'))
        expect(Buffer.from(quick.written()).toString('latin1')).toBe(
          `1\t${Buffer.from(slow.written()).toString('latin1')}\n`,
        )
      }),
      { numRuns: 2000 },
    )
  })

  test('JSON texts are read back by anybody', () => {
    fc.assert(
      fc.property(texts, (all) => {
        const fields = all.map((_, index) => logField(`c${index}`, 'string'))
        const written = line(
          fields,
          all.map((text) => logValue('string', text)),
          configOf({ use_json: 'T' }),
        )
        const parsed = JSON.parse(written) as Record<string, string>
        for (const [index, text] of all.entries()) {
          const bytes = Buffer.from(text)
          if (bytes.every((each) => each >= 0x20 && each < 0x7f)) {
            expect(parsed[`c${index}`]).toBe(bytes.toString())
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('lines are independent of what is in the chunk before them', () => {
    const fields = [logField('t', 'time'), logField('s', 'string'), logField('a', 'addr')]
    const record = wireRecord(
      logValue('time', 1_700_000_000.25),
      logValue('string', 'Straße\t'),
      logValue('addr', Address.parse('10.0.0.1')),
    )
    for (const settings of [{}, { use_json: 'T' }]) {
      const config = configOf(settings)
      const single = Buffer.from(formatted(WRITER, fields, [record], config)).toString()
      const many = formatted(WRITER, fields, new Array<Uint8Array>(200).fill(record), config)
      expect(Buffer.from(many).toString()).toBe(single.repeat(200))
    }
  })
})

describe('records that do not fit', () => {
  const all: readonly (readonly [string, LogValue])[] = [
    ['bool', logValue('bool', true)],
    ['int', logValue('int', -7)],
    ['count', logValue('count', 7)],
    ['double', logValue('double', 1.5)],
    ['time', logValue('time', 1.5)],
    ['interval', logValue('interval', 1.5)],
    ['string', logValue('string', 'some text')],
    ['enum', logValue('enum', 'A::B')],
    ['port', logValue('port', 7)],
    ['addr', logValue('addr', Address.parse('10.0.0.1'))],
    ['addr', logValue('addr', Address.parse('::1'))],
    ['subnet', logValue('subnet', Subnet.parse('10.0.0.0/8'))],
    ['func', logValue('func', 'f')],
    ['file', logValue('file', 'f')],
    ['set[count]', setOf(logValue('count', 7))],
    ['vector[string]', vectorOf(logValue('string', 'x'))],
  ]
  const formats = [
    ['ASCII', (fields: readonly LogField[]) => new AsciiLines(fields)],
    [
      'JSON',
      (fields: readonly LogField[]) => new JsonLines(fields, { ...DEFAULT_ASCII_OPTIONS, useJson: true }),
    ],
  ] as const

  function expectRefused(
    lines: AsciiLines | JsonLines,
    record: Uint8Array,
    end: number,
    code = 'truncated',
  ): void {
    const writer = new ByteWriter()
    writer.raw(Buffer.from('before\n'))
    expect(() => lines.write(writer, record, 0, end)).toThrow(
      expect.objectContaining({ name: 'DecodeError', code }),
    )
    expect(Buffer.from(writer.written()).toString()).toBe('before\n')
  }

  describe.each(formats)('%s', (_name, make) => {
    test.each(all)('%s, cut off anywhere, although the bytes are still there', (type, value) => {
      const record = wireRecord(logValue('count', 1), value)
      const lines = make([logField('n', 'count'), logField('x', type)])
      for (let end = 0; end < record.length; end += 1) expectRefused(lines, record, end)
      for (let end = 0; end < record.length; end += 1) {
        expectRefused(lines, record.slice(0, end), end)
      }
    })

    test('another number of columns', () => {
      const field = logField('n', 'count')
      expectRefused(make([field, field]), wireRecord(logValue('count', 1)), 4 + 9 + 8, 'type-mismatch')
    })

    test.each(all)('%s, where something else should be', (type, value) => {
      const record = wireRecord(value)
      const other = type === 'bool' ? 'count' : 'bool'
      expectRefused(make([logField('x', other)]), record, record.length, 'type-mismatch')
    })

    test.each([
      ['a protocol that there is not', 'port', 10, [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 4]],
      ['an address of no family', 'addr', 11, [5, 1, 2, 3, 4]],
      ['a type that cannot be logged', 'pattern', 8, [0, 0, 0, 0]],
      [
        'an element of a type that cannot be logged',
        'set[count]',
        14,
        [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 1],
      ],
    ])('%s', (_what, type, tag, body) => {
      const record = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, tag, 0, 0, 0, 0, 1, ...body)
      const field = { ...logField('x', type), tag }
      expectRefused(make([field]), record, record.length, 'invalid-tag')
    })

    test('a type whose number is the low byte of the right one', () => {
      const record = wireRecord(logValue('string', 'x'))
      const field = { ...logField('x', 'string'), tag: 256 + 7 }
      expectRefused(make([field]), record, record.length, 'type-mismatch')
    })

    test('more elements than there is room for', () => {
      const record = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 14, 0, 0, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0, 0)
      expectRefused(make([logField('x', 'set[count]')]), record, record.length)
    })

    test('an unset column of another type is an unset column', () => {
      const record = wireRecord(unset('string'))
      const writer = new ByteWriter()
      make([logField('x', 'count')]).write(writer, record, 0, record.length)
      expect(Buffer.from(writer.written()).toString()).toMatch(/^(-|\{\})\n$/)
    })
  })
})
