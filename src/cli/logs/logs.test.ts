/** Logs are read as they lie on a disk: temporary folders with what loggers leave. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ByteWriter } from '../../data/byte-writer.js'
import { AsciiLineReader } from '../../logging/reading/ascii-reader.js'
import { fieldOfType } from '../../logging/reading/value-bytes.js'
import { JsonLines } from '../../logging/writers/json-lines.js'
import { findAllLogFiles } from '../log-files.js'
import { catLog, LineOutput } from './cat.js'
import { Follower } from './follow.js'
import { fileTable, listFiles, logTable } from './list.js'
import { checkColumns, closeFiles, findFilesOf, type KnownFile, openFiles } from './opened-files.js'
import { parseSelection, type SelectionFlags } from './selection.js'
import { lastLines, linesBackwards } from './tail.js'

const VECTOR = fileURLToPath(new URL('../../../test/vectors/logs/all_types-wikipedia.log', import.meta.url))
const NOW_MS = 1_700_000_000_000

let folder: string
const complaints: string[] = []
const complain = (message: string): void => void complaints.push(message.replaceAll(folder, ''))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zeek-cluster-logs-'))
  complaints.length = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, content: string | Uint8Array): string {
  const full = join(folder, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, content)
  return full
}

const HEADER = `#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#open\t2026-01-31-10-00-00
#fields\tts\tuid\ttags\tn
#types\ttime\tstring\tset[string]\tcount
`
const SHOWN_HEADER = HEADER.replace(/#open.*\n/, '')
const CLOSE = '#close\t2026-01-31-11-00-00\n'

const row = (ts: number, uid: string, tags = '-', n = '1'): string =>
  `${ts.toFixed(6)}\t${uid}\t${tags}\t${n}\n`

interface CatFlags extends SelectionFlags {
  readonly filters?: readonly string[]
  readonly json?: boolean
  readonly header?: boolean
  readonly window?: { readonly lines: number; readonly bytes: number }
}

async function withFiles<Result>(
  name: string,
  action: (files: KnownFile[]) => Promise<Result>,
): Promise<Result> {
  const files = await openFiles(() => findFilesOf(folder, name, folder), complain)
  try {
    return await action(files)
  } finally {
    await closeFiles(files)
  }
}

function cat(flags: CatFlags = {}, name = 'conn'): Promise<string> {
  return withFiles(name, async (files) => {
    const chunks: Uint8Array[] = []
    const output = new LineOutput(async (lines) => {
      for (const line of lines) chunks.push(line, Buffer.from('\n'))
    })
    const selection = parseSelection(flags.filters ?? [], flags, NOW_MS)
    await checkColumns(name, files, selection)
    const { window } = flags
    const options = { selection, isJson: flags.json === true, hasHeader: flags.header === true }
    await catLog(name, files, window === undefined ? options : { ...options, window }, output, complain)
    return Buffer.concat(chunks).toString()
  })
}

function tail(count: number, flags: CatFlags = {}): Promise<string[]> {
  return withFiles('conn', async (files) => {
    const selection = parseSelection(flags.filters ?? [], flags, NOW_MS)
    const form = { kind: flags.json === true ? 'json' : 'lines' } as const
    return (await lastLines(files, { count, selection, form, complain })).map(({ text }) => text)
  })
}

describe('cat', () => {
  test('merges archived, rotated and written files of all nodes by time, whatever compressed them', async () => {
    const members = [gzipSync(HEADER + row(1, 'a')), gzipSync(row(4, 'd')), gzipSync(CLOSE)]
    put('archive/2026-01-31/conn.10:00:00-11:00:00.logger-1.log.gz', Buffer.concat(members))
    put('archive/2026-01-31/conn.10:00:00-11:00:00.logger-2.log', HEADER + row(2, 'b') + CLOSE)
    put('archive/logs-2026-01-30-77/logger-1/conn.log', HEADER + row(0, 'of an earlier run'))
    put('logs/logger-1/conn.2026-01-31-11-00-00.log', HEADER + row(3, 'c') + CLOSE)
    put('logs/logger-1/conn.log', HEADER + row(6, 'f') + row(5, 'e') + row(7, 'g').slice(0, -1))
    put('logs/logger-1/conn-summary.log', HEADER + row(1, 'another log'))
    put('logs/logger-2/conn.log.gz', gzipSync(HEADER))
    const lines = ['a', 'b', 'c', 'd', 'e', 'f'].map((uid, index) => row(index + 1, uid))
    expect(await cat()).toBe(SHOWN_HEADER + lines.join(''))
    expect(complaints).toEqual([])
  })

  test('sorts as far as its window reaches, and loses nothing beyond', async () => {
    const times = Array.from({ length: 3000 }, (_, index) => index + ((index * 17) % 40))
    put('logs/logger-1/conn.log', HEADER + times.map((ts) => row(ts, 'x')).join(''))
    put('logs/logger-2/conn.log', HEADER + times.map((ts) => row(ts + 0.5, 'y')).join(''))
    const all = [...times, ...times.map((ts) => ts + 0.5)].sort((a, b) => a - b)
    const shown = async (lines: number): Promise<number[]> => {
      const text = await cat({ columns: 'ts', window: { lines, bytes: 1e9 } })
      return text.trimEnd().split('\n').map(Number)
    }
    expect(await shown(200)).toEqual(all)
    const nearly = await shown(10)
    expect(nearly).not.toEqual(all)
    expect(nearly.sort((a, b) => a - b)).toEqual(all)
  })

  test('files with other columns come one after the other, with a header of their own', async () => {
    put('logs/logger-1/conn.log', HEADER + row(1, 'a'))
    put('logs/logger-2/conn.log', `#path\tconn\n#fields\tts\tnew\n#types\ttime\tcount\n2.0\t7\n`)
    expect(await cat()).toBe(
      `${SHOWN_HEADER}${row(1, 'a')}${SHOWN_HEADER.replace(/#fields[\s\S]*/, '')}#fields\tts\tnew\n#types\ttime\tcount\n2.0\t7\n`,
    )
    // Objects and chosen columns need no header: they are merged.
    expect(await cat({ columns: 'ts,new' })).toBe('1.000000\t-\n2.0\t7\n')
    expect(await cat({ json: true })).toBe('{"ts":1.0,"uid":"a","n":1}\n{"ts":2.0,"new":7}\n')
  })

  test('prints chosen columns in their order, with a header when asked to', async () => {
    put('logs/logger-1/conn.log', HEADER + row(1, 'a', 'x,y'))
    expect(await cat({ columns: 'n,ts' })).toBe('1\t1.000000\n')
    expect(await cat({ columns: 'uid,tags', header: true })).toBe(
      SHOWN_HEADER.replace(/#fields[\s\S]*/, '#fields\tuid\ttags\n#types\tstring\tset[string]\na\tx,y\n'),
    )
    await expect(cat({ columns: 'ts,udi' })).rejects.toThrow(
      'conn has no column udi; it has: ts, uid, tags, n',
    )
    await expect(cat({ filters: ['udi=x'] })).rejects.toMatchObject({ data: { exitCode: 2 } })
  })

  test.each([
    { filters: ['uid=b'], uids: 'b' },
    { filters: ['uid!=b'], uids: 'acd' },
    { filters: ['tags=x'], uids: 'ab' },
    { filters: ['tags!=x'], uids: 'cd' },
    { filters: ['tags=-'], uids: 'd' },
    { filters: ['tags=x', 'n=2'], uids: 'b' },
    { filters: ['tags=x,y'], uids: 'a' },
    { filters: ['uid=Straße'], uids: '' },
    { filters: [], since: '2', until: '3', uids: 'bc' },
  ])('wants $filters since $since until $until: $uids', async ({ uids, ...flags }) => {
    const rows = [row(1, 'a', 'x,y'), row(2, 'b', 'x', '2'), row(3, 'c', '(empty)'), row(4, 'd')]
    put('logs/logger-1/conn.log', HEADER + rows.join(''))
    expect((await cat({ ...flags, columns: 'uid' })).replaceAll('\n', '')).toBe(uids)
    put('logs/logger-1/conn.log', await cat({ json: true }))
    const tagged = flags.filters[0] === 'tags=x,y' ? '' : uids
    expect((await cat({ ...flags, columns: 'uid' })).replaceAll('\n', '')).toBe(tagged)
  })

  test('a compressed file that is cut off or damaged gives what is there, and says so', async () => {
    const whole = gzipSync(HEADER + row(1, 'a'))
    const second = gzipSync(row(2, 'b') + row(3, 'c'))
    const path = 'logs/logger-1/conn.2026-01-31-10-00-00.log.gz'
    put(path, Buffer.concat([whole, second.subarray(0, -12)]))
    expect(await cat({ columns: 'uid' })).toMatch(/^a\n/)
    expect(complaints).toEqual([`/${path} is cut off: what comes before is read`])
    complaints.length = 0
    put(path, Buffer.concat([whole, Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 255, 255, 255])]))
    expect(await cat({ columns: 'uid' })).toBe('a\n')
    expect(complaints[0]).toMatch(/\.log\.gz is (damaged|cut off)/)
  })

  test('members that end anywhere are one file', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) => row(index, `C${index * 7919}`))
    const members = [HEADER, ...rows].map((text) => gzipSync(text))
    put('logs/logger-1/conn.log.gz', Buffer.concat(members))
    expect(await cat()).toBe(SHOWN_HEADER + rows.join(''))
    expect(complaints).toEqual([])
  })

  test('what Zeek wrote: unchanged as a table, and as JSON all its values', async () => {
    const original = readFileSync(VECTOR, 'utf8')
    put('logs/logger-1/all_types.log', original)
    const records = original.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const shown = (await cat({}, 'all_types')).trimEnd().split('\n').slice(7)
    expect([...shown].sort()).toEqual([...records].sort())
    const json = (await cat({ json: true }, 'all_types')).trimEnd().split('\n')
    expect(JSON.parse(json[0]!)).toMatchObject({ ts: 0, s: '-', 'sub.s': '', 'sub.n': 0, set_s: ['-', ''] })
    expect(JSON.parse(json[2]!)).toMatchObject({
      ts: 1600000001.125,
      b: true,
      i: -23,
      p: 53,
      set_s: ['one'],
      vec_b: [true, false],
      vec_s: ['a', 'b,c'],
    })
    expect(json[3]).toContain('"c":18446744073709551615')
    expect(complaints).toEqual([])
  })

  test.each([
    [
      'time',
      '-1.000000',
      '0.000000',
      '0.000100',
      '1.500000',
      '12.340000',
      '1700000000.120000',
      '99999999999.123456',
    ],
    ['interval', '0.000001', '86400.000000', '0.001000', '4294967296.500000', '-0.500000'],
    ['count', '0', '18446744073709551615', '7'],
    ['int', '-23', '0'],
    ['string', 'plain', 'a "quote"', 'tab\\x09', 'Straße', '(empty)', '\\x2d', '(emptyish', '\\xff'],
    ['set[string]', 'a', 'a,b', 'a\\x2cb', '(empty)', '-,a', '(empty),a', '"'],
    ['vector[interval]', '1.000000,0.000001', '2.500000'],
    ['set[addr]', '10.0.0.1,::1'],
    ['bool', 'T', 'F'],
    ['double', '1.5', '100.0', '0.000001'],
  ])('%s as JSON: the short way and that over the wire form agree', async (type, ...texts) => {
    const header = `#path\tconn\n#fields\tv\n#types\t${type}\n`
    put('logs/logger-1/conn.log', header + texts.map((text) => `${text}\n`).join(''))
    const field = fieldOfType('v', type)
    const reader = new AsciiLineReader([field])
    const json = new JsonLines([field])
    const output = new ByteWriter(256)
    for (const text of texts) {
      const record = new ByteWriter(256)
      reader.read(record, Buffer.from(text))
      json.write(output, record.bytes, 0, record.length)
    }
    expect(await cat({ json: true })).toBe(Buffer.from(output.written()).toString())
  })

  test('tables out of JSON: columns in order of appearance, escaped as Zeek does', async () => {
    const records = [
      { ts: 2.5, s: 'a\tb\\', v: ['x,y', ''], n: 18 },
      { ts: 1.5, s: '-', ok: true, v: [] },
      { ts: 3.5, s: '', n: null, é: 'Straße' },
    ]
    put('logs/logger-1/conn.log', records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    expect((await cat()).split('\n').slice(4)).toEqual([
      '#path\tconn',
      '#fields\tts\ts\tv\tn\tok\té',
      '1.5\t\\x2d\t(empty)\t-\tT\t-',
      '2.5\ta\\x09b\\\\\tx\\x2cy,(empty)\t18\t-\t-',
      '3.5\t(empty)\t-\t-\t-\tStraße',
      '',
    ])
    expect(await cat({ json: true, columns: 's,ts', filters: ['é=Straße'] })).toBe('{"s":"","ts":3.5}\n')
    expect(await cat({ columns: 'ts', filters: ['v=x,y'] })).toBe('2.5\n')
  })

  test.each(['"2001-09-09T01:46:40.500000Z"', '1000000000500', '1000000000.5'])(
    'JSON with times as %s is sorted and found by time',
    async (ts) => {
      put('logs/logger-1/conn.log', `{"ts":${ts},"uid":"b"}\n`)
      put('logs/logger-2/conn.log', HEADER + row(1_000_000_000.4, 'a') + row(1_000_000_000.6, 'c'))
      expect(await cat({ columns: 'uid' })).toBe('a\nb\nc\n')
      expect(await cat({ columns: 'uid', since: '1000000000.45', until: '1000000000.55' })).toBe('b\n')
    },
  )

  test('lines that are not what their header says are left out of JSON, and told', async () => {
    put('logs/logger-1/conn.log', `${HEADER + row(1, 'a')}2.0\ttorn\n`)
    expect(await cat({ json: true })).toBe('{"ts":1.0,"uid":"a","n":1}\n')
    expect(complaints).toEqual([
      '/logs/logger-1/conn.log has 1 lines that are no records of its columns: they are left out',
    ])
  })

  test('a file without a header is named and left out', async () => {
    put('logs/logger-1/conn.log', row(1, 'a'))
    put('logs/logger-2/conn.log', `ts\tuid\n1.0\tb\n`)
    expect(await cat({ columns: 'uid' })).toBe('b\n')
    expect(complaints).toEqual([
      '/logs/logger-1/conn.log has no header: its columns are not known, and it is left out',
    ])
  })

  test('no such log, and one in a database', async () => {
    put('logs/logger-1/conn.sqlite', '')
    await expect(cat({}, 'dns')).rejects.toThrow(`no log dns in ${folder}; there are: conn`)
    await expect(cat()).rejects.toThrow(`conn is kept in SQLite, which sqlite3 reads: `)
  })
})

describe('times and filters on the command line', () => {
  test.each([
    ['1700000000.5', 1_700_000_000.5],
    ['2023-11-14T22:13:20Z', 1_700_000_000],
    ['10min', 1_699_999_400],
    ['1.5 hrs ago', 1_699_994_600],
    ['10m', 1_699_999_400],
    ['1h ago', 1_699_996_400],
  ])('%s', (since, expected) => {
    expect(parseSelection([], { since }, NOW_MS).since).toBe(expected)
  })

  test.each([
    [['uid'], {}, "'uid' is not a filter"],
    [[], { since: 'yesterday' }, "'yesterday' is not a time"],
    [[], { columns: 'ts,,uid' }, "'ts,,uid' is not a list of columns"],
  ])('%j %j is refused', (filters, flags, message) => {
    expect(() => parseSelection(filters, flags, NOW_MS)).toThrow(message)
  })
})

describe('tail', () => {
  test('the last lines over all files, from their ends', async () => {
    put('archive/2026-01-31/conn.10:00:00-11:00:00.log.gz', gzipSync(HEADER + row(1, 'a') + row(2, 'b')))
    const many = Array.from({ length: 20_000 }, (_, index) => row(10 + index, `m${index}`))
    put('logs/logger-1/conn.log', HEADER + many.join('') + CLOSE)
    put('logs/logger-2/conn.log', HEADER + row(20_008.5, 'y') + row(20_008.25, 'x'))
    expect((await tail(4, { columns: 'uid' })).join(' ')).toBe('m19998 x y m19999')
    expect(await tail(2, { columns: 'uid', filters: ['n!=1'] })).toEqual([])
    expect(await tail(2, { columns: 'uid', until: '11' })).toEqual(['m0', 'm1'])
    expect(await tail(3, { columns: 'uid', until: '10' })).toEqual(['a', 'b', 'm0'])
    expect(await tail(1, { json: true })).toEqual(['{"ts":20009.0,"uid":"m19999","n":1}'])
    expect(await tail(0)).toEqual([])
  })

  test.each([1, 2, 3, 7, 64])('lines backwards in blocks of %i bytes', async (blockBytes) => {
    const lines = ['', 'a', 'bc', '', 'def', 'ghijklmnopq']
    const bytes = Buffer.from(`${lines.join('\n')}\nunfinished`)
    const handle = {
      read: async (buffer: Buffer, offset: number, length: number, position: number) => ({
        bytesRead: bytes.copy(buffer, offset, position, Math.min(position + length, bytes.length)),
        buffer,
      }),
    }
    const found: string[] = []
    for await (const block of linesBackwards(handle as never, bytes.length, blockBytes)) {
      found.unshift(...block.lines)
    }
    expect(found).toEqual(lines)
  })

  test('follows files that are written, rotated, compressed and new; no line twice, none left out', async () => {
    const selection = parseSelection(['uid!=no'], { columns: 'uid' }, NOW_MS)
    const follower = new Follower({
      stateDir: folder,
      name: 'conn',
      selection,
      form: { kind: 'lines' },
      complain,
    })
    try {
      expect(await follower.poll()).toEqual([])
      const path = put('logs/logger-1/conn.log', HEADER + row(1, 'a').slice(0, 5))
      expect(await follower.poll()).toEqual([])
      appendFileSync(path, row(1, 'a').slice(5) + row(2, 'no'))
      put('logs/logger-2/conn.log', HEADER + row(0.5, 'b'))
      expect(await follower.poll()).toEqual(['b', 'a'])
      appendFileSync(path, row(3, 'c') + CLOSE)
      renameSync(path, path.replace('.log', '.2026-01-31-10-00-00.log'))
      put('logs/logger-1/conn.log', HEADER + row(4, 'd'))
      expect(await follower.poll()).toEqual(['c', 'd'])
      // Its last line, archived before anybody looked.
      appendFileSync(path, row(5, 'e'))
      rmSync(path)
      const compressed = put('logs/logger-3/conn.log.gz', gzipSync(HEADER + row(6, 'f')))
      expect(await follower.poll()).toEqual(['e', 'f'])
      appendFileSync(compressed, gzipSync(row(7, 'g')))
      expect(await follower.poll()).toEqual(['g'])
      expect(await follower.poll()).toEqual([])
    } finally {
      await follower.close()
    }
  })
})

describe('ls', () => {
  test('counts records, and tells size and span', async () => {
    put(
      'archive/2026-01-31/conn.10:00:00-11:00:00.log.gz',
      gzipSync(HEADER + row(5, 'a') + row(2, 'b') + CLOSE),
    )
    put('logs/logger-1/conn.log', HEADER + row(7, 'c') + row(6, 'd'))
    put('logs/logger-1/conn.sqlite', '1234')
    put('logs/logger-1/dns.log', '{"ts":3.5}\n')
    const files = await findAllLogFiles(folder)
    const listed = await listFiles(files, false, complain)
    expect(listed.map(({ bytes, path, ...rest }) => rest)).toEqual([
      { log: 'conn', node: 'archive', place: 'archived', format: 'tsv', records: 2, first: 2, last: 5 },
      { log: 'conn', node: 'logger-1', place: 'written', format: 'tsv', records: 2, first: 6, last: 7 },
      { log: 'conn', node: 'logger-1', place: 'written', format: 'sqlite' },
      { log: 'dns', node: 'logger-1', place: 'written', format: 'json', records: 1, first: 3.5, last: 3.5 },
    ])
    const table = logTable(listed).map((line) => line.split(/ {2,}/).slice(0, 4).join(' '))
    expect(table).toEqual([
      'LOG NODE FILES RECORDS',
      'conn archive 1 2',
      'conn logger-1 2 2',
      'dns logger-1 1 1',
    ])
    expect(fileTable(listed)).toHaveLength(5)
    const fast = await listFiles(files, true, complain)
    expect(fast.map(({ records, first, last }) => [records, first, last])).toEqual([
      [undefined, 5, undefined],
      [undefined, 7, 6],
      [undefined, undefined, undefined],
      [undefined, 3.5, 3.5],
    ])
  })
})
