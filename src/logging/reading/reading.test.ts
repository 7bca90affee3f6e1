/** Log files read back: what is read, written again, gives the same bytes. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../../test/support/golden.js'
import {
  formatted,
  logField,
  logValue,
  setOf,
  unset,
  vectorOf,
  wireRecord,
} from '../../../test/support/log-records.js'
import { readJsonLines, vectorNames, vectorPath } from '../../../test/support/vectors.js'
import { Address, Subnet } from '../../data/address.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import type { LogValue } from '../log-values.js'
import { type AsciiOptions, asciiOptionsFor, DEFAULT_ASCII_OPTIONS } from '../writers/ascii-options.js'
import { asciiWriter } from '../writers/ascii-writer.js'
import { AsciiLineReader, linesOf, readAsciiFile } from './ascii-reader.js'
import { type JsonFormat, JsonLineReader } from './json-reader.js'

/** The local time that a header tells. */
function wallMs(text = ''): number {
  const [year = 0, month = 0, ...rest] = text.split('-').map(Number)
  return new Date(year, month - 1, ...rest).getTime()
}

function recordsOf(reader: AsciiLineReader | JsonLineReader, lines: readonly Uint8Array[]): Uint8Array[] {
  return lines.map((line) => {
    const writer = new ByteWriter()
    reader.read(writer, line)
    return writer.toBytes()
  })
}

/** A file that is read, and written by our writer. */
async function rewritten(
  bytes: Uint8Array,
  options: AsciiOptions = DEFAULT_ASCII_OPTIONS,
  known?: Parameters<typeof readAsciiFile>[1],
): Promise<string> {
  const file = readAsciiFile(bytes, known)
  const { format, path, fields, opened, closed, lines } = file
  const disk = new MemoryDisk()
  const writer = asciiWriter(disk, { ...options, ...format })
  const openedMs = wallMs(opened)
  const output = await writer.open({ filePath: 'x', path, fields, config: new Map(), openedMs })
  const chunk = formatted(writer, fields, recordsOf(new AsciiLineReader(fields, format), lines))
  await output.store(await output.prepare(chunk, lines.length))
  if (closed !== undefined || options.tsv) await output.close(wallMs(closed))
  return disk.text('x')
}

function rewrittenJson(bytes: Uint8Array, fields: readonly LogField[], format: Partial<JsonFormat>): string {
  const options = { ...DEFAULT_ASCII_OPTIONS, ...format, useJson: true }
  const records = recordsOf(new JsonLineReader(fields, options), linesOf(bytes))
  return Buffer.from(formatted(asciiWriter(new MemoryDisk(), options), fields, records)).toString()
}

describe('logs with every type', () => {
  test.each(vectorNames('logs'))('%s', async (name) => {
    const bytes = readFileSync(vectorPath(`logs/${name}`))
    expect(readAsciiFile(bytes)).toMatchObject({ path: 'all_types', opened: expect.any(String) as string })
    expect(await rewritten(bytes)).toBe(bytes.toString())
  })

  test.each(vectorNames('logs'))('%s, as JSON', (name) => {
    const { fields } = readAsciiFile(readFileSync(vectorPath(`logs/${name}`)))
    const bytes = readFileSync(vectorPath(`log-writers/${name.replace('.log', '.json.log')}`))
    expect(rewrittenJson(bytes, fields, {})).toBe(bytes.toString())
  })
})

interface RecordedLog {
  readonly path: string
  readonly config: Readonly<Record<string, string>>
  readonly log: string
}

/** A backslash between elements cannot be told from that of an escape, nor can there be elements without a separator. */
const UNREADABLE = new Set(['c10', 'c14'])

describe('logs with other options', () => {
  const recorded = readJsonLines<RecordedLog>('log-writers/options.jsonl')
  const typed = readAsciiFile(Buffer.from(recorded.find(({ path }) => path === 'c3')?.log ?? '')).fields

  test.each(recorded.filter(({ path }) => !UNREADABLE.has(path)))(
    '$config',
    async ({ path, config, log }) => {
      const bytes = Buffer.from(log)
      if (config['use_json'] === 'T') return expect(rewrittenJson(bytes, typed, {})).toBe(log)
      const options = asciiOptionsFor(DEFAULT_ASCII_OPTIONS, new Map(Object.entries(config)))
      const known = config['tsv'] === 'T' ? { fields: typed } : undefined
      const file = readAsciiFile(bytes, known)
      expect(file.fields).toEqual(typed)
      expect(file.path).toBe(config['tsv'] === 'T' ? '' : path)
      expect(file.lines.length).toBe(7)
      expect(await rewritten(bytes, options, known)).toBe(log)
    },
  )
})

describe.skipIf(!hasGolden)(`logs of captures${goldenReason}`, () => {
  const root = goldenPath('') ?? ''
  const names = hasGolden
    ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /^(logs|logs-conn|broker-streams\/f-logging-[^/]*)\/.*\.log(\.gz)?$/.test(name),
      )
    : []

  /** Columns by the name of the log, from all files that tell them. */
  function knownFields(): ReadonlyMap<string, readonly LogField[]> {
    const fields = new Map<string, readonly LogField[]>()
    for (const name of names.filter((each) => !each.includes('json') && each.endsWith('.log'))) {
      const file = readAsciiFile(readFileSync(join(root, name)))
      fields.set(file.path, file.fields)
    }
    return fields
  }

  function formatOf(name: string): Partial<JsonFormat> {
    if (name.includes('json-iso8601')) return { jsonTimestamps: 'JSON::TS_ISO8601' }
    if (!name.includes('json-millis-unset')) return {}
    return { jsonTimestamps: 'JSON::TS_MILLIS', jsonIncludeUnsetFields: true }
  }

  test('there are many', () => {
    expect(names.length).toBeGreaterThan(80)
  })

  test('written again, they are the same', async () => {
    const fields = knownFields()
    for (const name of names) {
      const stored = readFileSync(join(root, name))
      const bytes = name.endsWith('.gz') ? gunzipSync(stored) : stored
      const known = fields.get(basename(name).replace(/\..*/, ''))
      const again = name.includes('json')
        ? rewrittenJson(bytes, known!, formatOf(name))
        : await rewritten(bytes)
      expect(again, name).toBe(bytes.toString())
    }
  })
})

describe('any records', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom('', '-', '(empty)', '#', 'a\tb', 'a,b', '\\', '\\x41', '\\xff', '"', 'ü\\x01'),
    fc.uint8Array({ maxLength: 6 }),
  )
  const scalar = (type: Exclude<LogValue['type'], 'set' | 'vector'>): fc.Arbitrary<LogValue> => {
    switch (type) {
      case 'bool':
        return fc.boolean().map((value) => logValue(type, value))
      case 'int':
        return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => logValue(type, value))
      case 'count':
        return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => logValue(type, value))
      case 'double':
        return fc.double().map((value) => logValue(type, value))
      case 'time':
        return fc
          .oneof(
            fc.double({ min: -1e12, max: 1e12 }),
            fc.integer({ min: 0, max: 2 ** 51 }).map((n) => n / 1e6),
          )
          .map((value) => logValue(type, value))
      case 'interval':
        return fc.double({ min: -1e9, max: 1e9 }).map((value) => logValue(type, value))
      case 'port':
        return fc.nat(0xffff).map((value) => logValue(type, value))
      case 'addr':
        return fc
          .tuple(fc.nat(0xffffffff), fc.constantFrom(0, 0xffff, 0xffff0000, 0x20010db8), fc.boolean())
          .map(([low, word, isIPv4]) =>
            logValue(
              type,
              isIPv4 ? Address.fromIPv4(low) : new Address(0, word >>> 16 === 0x2001 ? 1 : 0, word, low),
            ),
          )
      case 'subnet':
        return fc
          .tuple(fc.nat(0xffffffff), fc.nat(32))
          .map(([word, length]) => logValue(type, Subnet.of(Address.fromIPv4(word), length)))
      default:
        return text.map((value) => logValue(type, value))
    }
  }
  const types = [
    'bool',
    'int',
    'count',
    'double',
    'time',
    'interval',
    'string',
    'enum',
    'port',
    'addr',
    'subnet',
    'func',
    'file',
  ] as const
  const typeOrContainer = fc.tuple(fc.constantFrom(...types), fc.constantFrom('', 'set', 'vector'))
  const column = typeOrContainer.chain(([type, container]) => {
    const values: fc.Arbitrary<LogValue> =
      container === ''
        ? fc.oneof(scalar(type), fc.constant(unset(type)))
        : fc.oneof(
            fc
              .array(fc.oneof(scalar(type), fc.constant(unset(type))), { maxLength: 3 })
              .map((elements) => (container === 'set' ? setOf(...elements) : vectorOf(...elements))),
            fc.constant(unset(container as 'set')),
          )
    return fc.tuple(fc.constant(container === '' ? type : `${container}[${type}]`), values)
  })
  const record = fc.array(column, { minLength: 1, maxLength: 5 })

  function readBack(
    columns: readonly (readonly [string, LogValue])[],
    options: AsciiOptions,
  ): { first: string; second: string } {
    const fields = columns.map(([type], index) => logField(`c${index}`, type))
    const writer = asciiWriter(new MemoryDisk(), options)
    const reader = options.useJson
      ? new JsonLineReader(fields, options)
      : new AsciiLineReader(fields, options)
    const first = formatted(writer, fields, [wireRecord(...columns.map(([, value]) => value))])
    const second = formatted(writer, fields, recordsOf(reader, linesOf(first)))
    return { first: Buffer.from(first).toString('latin1'), second: Buffer.from(second).toString('latin1') }
  }

  test.each<[string, Partial<AsciiOptions>]>([
    ['ASCII', {}],
    ['ASCII without UTF-8', { enableUtf8: false }],
    [
      'ASCII with other separators',
      { separator: '<|>', setSeparator: '+', unsetField: 'NONE', emptyField: 'EMPTY' },
    ],
    ['JSON', { useJson: true }],
    [
      'JSON with milliseconds',
      { useJson: true, jsonTimestamps: 'JSON::TS_MILLIS', jsonIncludeUnsetFields: true },
    ],
    ['JSON with ISO 8601', { useJson: true, jsonTimestamps: 'JSON::TS_ISO8601' }],
    ['JSON with private use', { useJson: true, jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_PUA' }],
    [
      'JSON with texts as in ASCII',
      { useJson: true, jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_TSV' },
    ],
  ])('%s: written, read and written again', (_name, changes) => {
    fc.assert(
      fc.property(record, (columns) => {
        const { first, second } = readBack(columns, { ...DEFAULT_ASCII_OPTIONS, ...changes })
        expect(second).toBe(first)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('values that are given back', () => {
  test.each<[string, LogValue, string]>([
    ['count', logValue('count', 2n ** 64n - 1n), '18446744073709551615'],
    ['int', logValue('int', -5), '-5'],
    ['bool', logValue('bool', true), 'T'],
    ['double', logValue('double', 1.5), '1.5'],
    ['time', logValue('time', 1_700_000_000.125), '1700000000.125000'],
    ['string', logValue('string', ''), '(empty)'],
    ['string', logValue('string', '-'), String.raw`\x2d`],
    ['string', logValue('string', 'Straße\\'), 'Straße\\\\'],
    ['string', logValue('string', Uint8Array.of(0xff, 0x09)), String.raw`\xff\x09`],
    ['enum', logValue('enum', 'A::B'), 'A::B'],
    ['addr', logValue('addr', Address.parse('2001:db8::1')), '2001:db8::1'],
    ['subnet', logValue('subnet', Subnet.parse('10.0.0.0/8')), '10.0.0.0/8'],
    ['set[count]', setOf(logValue('count', 1), logValue('count', 2)), '1,2'],
    ['vector[string]', vectorOf(logValue('string', 'a,b'), unset('string')), String.raw`a\x2cb,-`],
    ['set[string]', setOf(), '(empty)'],
    ['set[string]', unset('set'), '-'],
  ])('%s: %o', (type, value, ascii) => {
    const field = logField('x', type)
    const expected = Buffer.from(wireRecord(value)).toString('hex')
    const [fromAscii] = recordsOf(new AsciiLineReader([field]), [Buffer.from(ascii)])
    expect(Buffer.from(fromAscii ?? []).toString('hex')).toBe(expected)
    const json = formatted(
      asciiWriter(new MemoryDisk(), { ...DEFAULT_ASCII_OPTIONS, useJson: true }),
      [field],
      [wireRecord(value)],
    )
    const [fromJson] = recordsOf(new JsonLineReader([field]), linesOf(json))
    expect(Buffer.from(fromJson ?? []).toString('hex')).toBe(expected)
  })

  test('a port has no protocol in a log', () => {
    const [record] = recordsOf(new AsciiLineReader([logField('p', 'port')]), [Buffer.from('53')])
    expect(Buffer.from(record ?? []).toString('hex')).toBe(
      '000000010000000a00000000010000000000000035' + '00000000',
    )
  })
})

describe('what is no log', () => {
  const header = '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tx\n'

  test.each([
    ['nothing', '', 'has no header'],
    ['columns missing', header, 'does not say which columns'],
    ['types missing', `${header}#fields\ta\n`, 'does not say which columns'],
    ['another number of types', `${header}#fields\ta\tb\n#types\tcount\n`, 'does not say which columns'],
    ['an unknown type', `${header}#fields\ta\n#types\tpattern\n`, "'pattern' is no type"],
    ['a container in a container', `${header}#fields\ta\n#types\tset[set]\n`, "'set' is no type"],
    ['a name of JavaScript', `${header}#fields\ta\n#types\ttoString\n`, "'toString' is no type"],
  ])('a header with %s', (_what, text, message) => {
    expect(() => readAsciiFile(Buffer.from(text))).toThrow(
      expect.objectContaining({
        code: 'bad-log-header',
        message: expect.stringContaining(message) as string,
      }),
    )
  })

  const fields = [logField('a', 'count'), logField('b', 'bool'), logField('c', 'set[addr]')]

  test.each([
    '1\tT',
    '1\tT\t-\t-',
    'x\tT\t-',
    '-1\tT\t-',
    '18446744073709551616\tT\t-',
    '1\ttrue\t-',
    '1\tT\t1.2.3',
    '1\tT\t1.2.3.4,',
    '',
  ])('the ASCII line %j', (line) => {
    const writer = new ByteWriter()
    const reader = new AsciiLineReader(fields)
    expect(() => reader.read(writer, Buffer.from(line))).toThrow(
      expect.objectContaining({ name: 'LogReadError', code: 'bad-log-line' }),
    )
    expect(writer.length).toBe(0)
  })

  test.each([
    '',
    '{',
    '[]',
    '{"a":1}x',
    '{"a":1,}',
    '{"a":"1"}',
    '{"a":1.5}',
    '{"a":[1]}',
    '{"b":1}',
    '{"b":"T"}',
    '{"c":"1.2.3.4"}',
    '{"c":["1.2.3"]}',
    '{"c":[["1.2.3.4"]]}',
    '{"c":[1]}',
    '{"d":1}',
    '{"a":01x}',
    '{"a":nul}',
    '{"a',
    '{"\\q":1}',
  ])('the JSON line %j', (line) => {
    const writer = new ByteWriter()
    expect(() => new JsonLineReader(fields).read(writer, Buffer.from(line))).toThrow(
      expect.objectContaining({ name: 'LogReadError', code: 'bad-log-line' }),
    )
    expect(writer.length).toBe(0)
  })

  test('a line that is still being written is left out', () => {
    const text = `${header}#fields\ta\n#types\tcount\n1\n2`
    const { lines, closed } = readAsciiFile(Buffer.from(text))
    expect(lines.map((line) => Buffer.from(line).toString())).toEqual(['1'])
    expect(closed).toBeUndefined()
  })
})
