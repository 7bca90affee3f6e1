/** Files of the ASCII writer: what is around the lines, compression, disks that are full. */
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  formatted,
  logField,
  logValue,
  unset,
  vectorOf,
  wireRecord,
} from '../../../test/support/log-records.js'
import { readJsonLines } from '../../../test/support/vectors.js'
import type { Disk, DiskFile } from '../../base/disk.js'
import { Address, Subnet } from '../../data/address.js'
import type { LogField } from '../../data/log-messages.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import type { LogValue } from '../log-values.js'
import { type AsciiOptions, DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { asciiWriter } from './ascii-writer.js'
import type { LogOutput, LogWriter } from './log-writer.js'
import { noneWriter } from './none-writer.js'

const OPENED = new Date(2026, 0, 2, 3, 4, 5).getTime()
const CLOSED = new Date(2026, 10, 12, 13, 14, 15).getTime()
const FIELDS = [logField('n', 'count'), logField('tags', 'set[string]')]

function recordOf(number: number): Uint8Array {
  return wireRecord(logValue('count', number), unset('set'))
}

async function opened(
  disk: Disk,
  config: Readonly<Record<string, string>> = {},
  path = 'test',
  options: AsciiOptions = DEFAULT_ASCII_OPTIONS,
): Promise<{ writer: LogWriter; output: LogOutput; config: ReadonlyMap<string, string> }> {
  const writer = asciiWriter(disk, options)
  const settings = new Map(Object.entries(config))
  const filePath = `logs/${writer.fileName(path, settings)}`
  const output = await writer.open({ filePath, path, fields: FIELDS, config: settings, openedMs: OPENED })
  return { writer, output, config: settings }
}

async function store(
  writer: LogWriter,
  output: LogOutput,
  numbers: readonly number[],
  config: ReadonlyMap<string, string>,
): Promise<void> {
  const chunk = formatted(writer, FIELDS, numbers.map(recordOf), config)
  const prepared = await output.prepare(chunk, numbers.length)
  expect(prepared.records).toBe(numbers.length)
  await output.store(prepared)
  expect(output.size).toBe(prepared.sizeAfter)
}

/** Writes two chunks and closes; the only file's content. */
async function written(config: Readonly<Record<string, string>>, options?: AsciiOptions): Promise<Buffer> {
  const disk = new MemoryDisk()
  const { writer, output, config: settings } = await opened(disk, config, 'test', options)
  await store(writer, output, [1, 2], settings)
  await store(writer, output, [3], settings)
  await output.close(CLOSED)
  const [path = ''] = disk.paths()
  const bytes = Buffer.from(await disk.read(path))
  expect(await writer.measure(path)).toBe(bytes.length)
  expect(output.size).toBe(bytes.length)
  return bytes
}

describe('a file', () => {
  test('has a header, lines and a trailer', async () => {
    expect((await written({})).toString()).toBe(
      [
        '#separator \\x09',
        '#set_separator\t,',
        '#empty_field\t(empty)',
        '#unset_field\t-',
        '#path\ttest',
        '#open\t2026-01-02-03-04-05',
        '#fields\tn\ttags',
        '#types\tcount\tset[string]',
        '1\t-',
        '2\t-',
        '3\t-',
        '#close\t2026-11-12-13-14-15',
        '',
      ].join('\n'),
    )
  })

  test('without meta lines has only lines', async () => {
    const options = { ...DEFAULT_ASCII_OPTIONS, includeMeta: false }
    expect((await written({}, options)).toString()).toBe('1\t-\n2\t-\n3\t-\n')
    expect((await written({ tsv: 'T' }, options)).toString()).toBe('1\t-\n2\t-\n3\t-\n')
  })

  test('of JSON has only lines', async () => {
    expect((await written({ use_json: 'T' })).toString()).toBe('{"n":1}\n{"n":2}\n{"n":3}\n')
  })

  test('is there with its header as soon as it is open', async () => {
    const disk = new MemoryDisk()
    const { output } = await opened(disk)
    expect(disk.text('logs/test.log')).toContain('#types\tcount\tset[string]\n')
    expect(output.size).toBe(disk.text('logs/test.log').length)
    expect(output.rotates).toBe(true)
  })
})

describe('what Zeek wrote with other options', () => {
  interface RecordedLog {
    readonly path: string
    readonly config: Readonly<Record<string, string>>
    readonly log: string
  }

  const fields: readonly LogField[] = [
    logField('s', 'string'),
    logField('c', 'count'),
    logField('v', 'vector[string]'),
    logField('vc', 'vector[count]'),
    logField('a', 'addr'),
    logField('b', 'bool'),
    logField('d', 'double'),
    logField('n', 'subnet'),
  ]
  const none: readonly LogValue[] = [
    unset('string'),
    unset('count'),
    unset('vector'),
    unset('vector'),
    unset('addr'),
    unset('bool'),
    unset('double'),
    unset('subnet'),
  ]
  const strings = (...texts: readonly (string | Uint8Array)[]): LogValue =>
    vectorOf(...texts.map((text) => logValue('string', text)))
  const counts = (...numbers: readonly number[]): LogValue =>
    vectorOf(...numbers.map((number) => logValue('count', number)))
  const records: readonly (readonly LogValue[])[] = [
    [
      logValue('string', 'plain;;a'),
      logValue('count', 121),
      strings('x|y', 'a1', '', 'a.b', 'NONE'),
      counts(1, 21, 3),
      logValue('addr', Address.parse('10.1.2.3')),
      logValue('bool', true),
      logValue('double', 1.5),
      logValue('subnet', Subnet.parse('10.0.0.0/8')),
    ],
    [logValue('string', 'EMPTY'), none[1]!, strings('EMPTY', '-', 'a\tb', 'ab'), counts(), ...none.slice(4)],
    [logValue('string', 'NONE'), ...none.slice(1)],
    [logValue('string', '#xäü\u0002xy'), none[1]!, strings('ü', 'a b\\c'), ...none.slice(3)],
    [logValue('string', '-'), ...none.slice(1)],
    [logValue('string', 'a\tb'), ...none.slice(1)],
    [none[0]!, logValue('count', 1), ...none.slice(2)],
  ]

  function timeOf(log: string, keyword: string): number {
    const found = new RegExp(`${keyword}\\D*?(\\d{4})-(\\d\\d)-(\\d\\d)-(\\d\\d)-(\\d\\d)-(\\d\\d)\n`).exec(
      // A separator may be a digit.
      log.replace(/^(#?(?:pl)?(?:open|close))1(?=2026)/gm, '$1 '),
    )
    const [year = 0, month = 0, ...rest] = (found ?? []).slice(1).map(Number)
    return new Date(year, month - 1, ...rest).getTime()
  }

  test.each(readJsonLines<RecordedLog>('log-writers/options.jsonl'))('$config', async (recorded) => {
    const { path, log } = recorded
    const config = new Map(Object.entries(recorded.config))
    const disk = new MemoryDisk()
    const writer = asciiWriter(disk, DEFAULT_ASCII_OPTIONS)
    const output = await writer.open({
      filePath: 'x.log',
      path,
      fields,
      config,
      openedMs: timeOf(log, 'open'),
    })
    const chunk = formatted(
      writer,
      fields,
      records.map((values) => wireRecord(...values)),
      config,
    )
    await output.store(await output.prepare(chunk, records.length))
    await output.close(timeOf(log, 'close'))
    expect(disk.text('x.log')).toBe(log)
  })
})

describe('compression', () => {
  const plain = '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\ttest\n'

  test('gives the same text', async () => {
    const bytes = await written({ gzip_level: '6' })
    expect(gunzipSync(bytes).toString()).toBe((await written({})).toString())
  })

  test('a file can be read up to every chunk', async () => {
    const disk = new MemoryDisk()
    const { writer, output, config } = await opened(disk, { gzip_level: '1' })
    const sizes = [output.size]
    for (const number of [1, 2, 3]) {
      await store(writer, output, [number], config)
      sizes.push(output.size)
    }
    const bytes = Buffer.from(await disk.read('logs/test.log.gz'))
    const texts = sizes.map((size) => gunzipSync(bytes.subarray(0, size)).toString())
    expect(texts[0]?.startsWith(plain)).toBe(true)
    expect(texts.map((text) => text.slice(texts[0]?.length))).toEqual([
      '',
      '1\t-\n',
      '1\t-\n2\t-\n',
      '1\t-\n2\t-\n3\t-\n',
    ])
  })

  test('of JSON, without a record, is still a compressed file', async () => {
    const disk = new MemoryDisk()
    const { output } = await opened(disk, { gzip_level: '9', use_json: 'T' })
    await output.close(CLOSED)
    expect(gunzipSync(await disk.read('logs/test.log.gz')).length).toBe(0)
  })

  test.each([
    [{}, 'conn.log'],
    [{ gzip_level: '1' }, 'conn.log.gz'],
    [{ gzip_level: '1', gzip_file_extension: 'gzip' }, 'conn.log.gzip'],
    [{ gzip_level: '1', gzip_file_extension: '' }, 'conn.log.gz'],
    [{ gzip_level: '0', gzip_file_extension: 'gzip' }, 'conn.log'],
    [{ use_json: 'T' }, 'conn.log'],
  ])('names with %o', (settings, name) => {
    const writer = asciiWriter(new MemoryDisk(), DEFAULT_ASCII_OPTIONS)
    expect(writer.fileName('conn', new Map(Object.entries(settings)))).toBe(name)
  })
})

describe('files of the system', () => {
  /** A disk whose files can only be appended to, as terminals and pipes. */
  class PipeDisk extends MemoryDisk {
    override createNow(path: string): DiskFile {
      const refuse = (): Promise<void> => Promise.reject(new Error('EINVAL'))
      return { ...super.createNow(path), cut: refuse, sync: refuse }
    }
  }

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['/dev/stdout', {}, '/dev/stdout'],
    ['/dev/stderr', {}, '/dev/stderr'],
    ['/dev/null', {}, '/dev/null'],
    ['conn', { output_to_stdout: 'T' }, '/dev/stdout'],
    ['conn', { output_to_stdout: 'T', gzip_level: '1' }, '/dev/stdout'],
  ])('%s with %o goes to %s', async (path, settings, target) => {
    const disk = new PipeDisk()
    const { writer, output, config } = await opened(disk, settings, path)
    expect(writer.fileName(path, config)).toBe(target)
    expect(output.rotates).toBe(false)
    await store(writer, output, [1], config)
    await output.sync()
    await output.cut()
    await output.close(CLOSED)
    expect(disk.paths()).toEqual([target])
    const bytes = await disk.read(target)
    const text = settings['gzip_level'] === undefined ? Buffer.from(bytes) : gunzipSync(bytes)
    expect(text.toString()).toContain(`#path\t${target}\n`)
    expect(text.toString()).toContain('\n1\t-\n#close\t')
  })

  test('other paths below /dev are files like any', () => {
    expect(asciiWriter(new MemoryDisk(), DEFAULT_ASCII_OPTIONS).fileName('/dev/sda', new Map())).toBe(
      '/dev/sda.log',
    )
  })
})

describe('faults', () => {
  test('a configuration that there is not', async () => {
    const disk = new MemoryDisk()
    const writer = asciiWriter(disk, DEFAULT_ASCII_OPTIONS)
    const config = new Map([['use_json', 'maybe']])
    const fault = expect.objectContaining({ code: 'bad-log-config' })
    expect(() => writer.fileName('x', config)).toThrow(fault)
    expect(() => writer.formatter(FIELDS, config)).toThrow(fault)
    const description = { filePath: 'x.log', path: 'x', fields: FIELDS, config, openedMs: OPENED }
    await expect(writer.open(description)).rejects.toThrow(fault)
    expect(disk.paths()).toEqual([])
  })

  test.each([{}, { gzip_level: '6' }])(
    'a full disk: the rest is cut off and the chunk stored again, %o',
    async (settings) => {
      const disk = new MemoryDisk()
      const { writer, output, config } = await opened(disk, settings)
      await store(writer, output, [1], config)
      const { size } = output
      const chunk = formatted(writer, FIELDS, [2, 3].map(recordOf), config)
      const prepared = await output.prepare(chunk, 2)
      disk.limitBytes = size + 3
      await expect(output.store(prepared)).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(output.size).toBe(size)
      const path = disk.paths()[0]!
      expect((await disk.info(path))?.sizeBytes).toBe(size + 3)
      await output.cut()
      expect((await disk.info(path))?.sizeBytes).toBe(size)
      disk.limitBytes = Number.POSITIVE_INFINITY
      await output.store(prepared)
      await output.sync()
      await output.close(CLOSED)
      const bytes = Buffer.from(await disk.read(path))
      const text = (settings.gzip_level === undefined ? bytes : gunzipSync(bytes)).toString()
      expect(text).toContain('\n1\t-\n2\t-\n3\t-\n#close')
    },
  )

  test('no room for the header', async () => {
    const disk = new MemoryDisk()
    disk.limitBytes = 10
    await expect(opened(disk)).rejects.toMatchObject({ code: 'ENOSPC' })
    disk.limitBytes = Number.POSITIVE_INFINITY
    const { output } = await opened(disk)
    await output.close(CLOSED)
    expect(disk.text('logs/test.log')).toMatch(/^#separator .*\n#close\t[-\d]+\n$/s)
  })

  test('no room for the trailer: the file is closed nonetheless', async () => {
    let isClosed = false
    class WatchedDisk extends MemoryDisk {
      override createNow(path: string): DiskFile {
        const file = super.createNow(path)
        return {
          ...file,
          close: async () => {
            isClosed = true
          },
        }
      }
    }
    const disk = new WatchedDisk()
    const { output } = await opened(disk)
    disk.limitBytes = output.size
    await expect(output.close(CLOSED)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(isClosed).toBe(true)
  })

  test('what a crash left of a closed file is measured and cut', async () => {
    const disk = new MemoryDisk()
    const { writer, output, config } = await opened(disk)
    await store(writer, output, [1], config)
    const { size } = output
    await store(writer, output, [2], config)
    expect(await writer.measure('logs/test.log')).toBe(output.size)
    await writer.cut('logs/test.log', size)
    expect(await writer.measure('logs/test.log')).toBe(size)
    expect(disk.text('logs/test.log').endsWith('\n1\t-\n')).toBe(true)
    expect(await writer.measure('logs/other.log')).toBeUndefined()
  })
})

test('the writer that stores nothing counts', async () => {
  const writer = noneWriter()
  expect(writer.name).toBe('Log::WRITER_NONE')
  expect(writer.fileName('conn', new Map())).toBe('conn')
  const output = await writer.open({
    filePath: 'logs/conn',
    path: 'conn',
    fields: FIELDS,
    config: new Map(),
    openedMs: OPENED,
  })
  expect(output.rotates).toBe(false)
  await store(writer, output, [1, 2], new Map())
  await store(writer, output, [3], new Map())
  expect(output.size).toBe(3)
  await output.cut()
  await output.sync()
  await output.close(CLOSED)
  expect(await writer.measure('logs/conn')).toBeUndefined()
})
