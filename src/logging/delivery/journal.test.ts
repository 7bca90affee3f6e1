import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../data/byte-writer.js'
import { describeWriter } from '../../testing/log-delivery-world.js'
import { crc32, crc32ByTable } from './crc32.js'
import { Fifo } from './fifo.js'
import { type JournalEntry, readJournal, writeJournalEntry } from './journal.js'

const assignment = { logger: 'logger-1', wire: 2 ** 33 + 5, first: 4711 }
const ENTRIES: readonly JournalEntry[] = [
  { kind: 'start', life: 'running', generation: 3, startedMs: 1_767_225_600_000.25 },
  { kind: 'sequence', id: 1, priority: 'high', description: describeWriter('Conn::LOG') },
  {
    kind: 'sequence',
    id: 2,
    priority: 'low',
    description: {
      ...describeWriter('Ünïcode'),
      config: new Map([
        ['gzip', '6'],
        ['', ''],
      ]),
      fields: [
        { name: 'ts', tag: 7, elementTag: 0, optional: false },
        { name: 'tags', tag: 13, elementTag: 8, optional: true },
      ],
    },
  },
  {
    kind: 'totals',
    sequence: 1,
    produced: 2 ** 40,
    stored: 5,
    unconfirmed: 6,
    dropped: {
      'spool-full': 1,
      'spool-unwritable': 2,
      'spool-damaged': 3,
      'queue-full': 4,
      'logger-gone': 5,
    },
  },
  { kind: 'channel', sequence: 1, logger: 'logger-1', wire: 1, confirmed: 12 },
  { kind: 'complete' },
  {
    kind: 'spooled',
    batch: 7,
    sequence: 1,
    records: 400,
    place: { segment: 3, pieces: [0, 100, 4096, 2 ** 30], checksum: 0xffffffff },
    assignment: undefined,
  },
  {
    kind: 'spooled',
    batch: 8,
    sequence: 1,
    records: 1,
    place: { segment: 3, pieces: [0, 100], checksum: 0 },
    assignment,
  },
  { kind: 'extended', batch: 7, records: 3, offset: 2 ** 31, length: 70, checksum: 0x9d9d9d9d },
  { kind: 'assigned', batch: 7, assignment },
  { kind: 'confirmed', logger: 'logger-1', wire: 1, number: 2 ** 52 },
  { kind: 'unconfirmed', batch: 7 },
  { kind: 'dropped', batch: 8, reason: 'spool-damaged' },
  { kind: 'refused', sequence: 2, records: 9, reason: 'spool-full' },
  { kind: 'ended' },
]

function encode(entries: readonly JournalEntry[]): { bytes: Uint8Array; ends: number[] } {
  const writer = new ByteWriter()
  const ends = entries.map((entry) => {
    writeJournalEntry(writer, entry)
    return writer.length
  })
  return { bytes: writer.toBytes(), ends }
}

describe('a journal', () => {
  test('is read as it was written', () => {
    expect(readJournal(encode(ENTRIES).bytes)).toEqual({ entries: ENTRIES, end: 'whole', behind: [] })
    expect(readJournal(new Uint8Array(0))).toEqual({ entries: [], end: 'whole', behind: [] })
  })

  test('that was torn off at any byte is a beginning of it', () => {
    const { bytes, ends } = encode(ENTRIES)
    for (let length = 0; length < bytes.length; length += 1) {
      const { entries, end, behind } = readJournal(bytes.subarray(0, length))
      const whole = ends.filter((offset) => offset <= length).length
      expect(entries).toEqual(ENTRIES.slice(0, whole))
      expect(end).toBe(ends.includes(length) || length === 0 ? 'whole' : 'torn')
      expect(behind).toEqual([])
    }
  })

  test('with a damaged byte ends before it; what stands behind is told apart', () => {
    const { bytes, ends } = encode(ENTRIES)
    for (let offset = 0; offset < bytes.length; offset += 1) {
      const damaged = Uint8Array.from(bytes)
      damaged[offset]! ^= 0x55
      const { entries, end, behind } = readJournal(damaged)
      const index = ends.findIndex((entryEnd) => offset < entryEnd)
      expect(entries).toEqual(ENTRIES.slice(0, index))
      expect(end).toBe(index === ENTRIES.length - 1 ? 'torn' : 'damaged')
      expect(behind).toEqual(ENTRIES.slice(index + 1))
    }
  })

  test('of another version, or with numbers that it does not have, is not read', () => {
    const writer = new ByteWriter()
    for (const body of [[99], [0, 2, 0, 0, 0, 0, 0], [12, 7], [9, 0, 0, 0, 0, 0, 0, 0, 1, 77], [11, 0]]) {
      const bytes = Uint8Array.from(body)
      writer.length = 0
      writer.u8(0x9d)
      writer.u32(bytes.length)
      writer.u32(crc32(bytes))
      writer.raw(bytes)
      expect(readJournal(writer.written())).toEqual({ entries: [], end: 'torn', behind: [] })
    }
  })
})

test('checksums are the ones that everybody has, and go on behind others', () => {
  const text = Buffer.from('123456789')
  for (const sum of [crc32, crc32ByTable]) {
    expect(sum(text)).toBe(0xcbf43926)
    expect(sum(text.subarray(4), sum(text.subarray(0, 4)))).toBe(0xcbf43926)
    expect(sum(new Uint8Array(0))).toBe(0)
  }
})

test('a queue keeps its order at any length', () => {
  const queue = new Fifo<number>()
  const model: number[] = []
  for (let round = 0; round < 5000; round += 1) {
    queue.push(round)
    model.push(round)
    if (round % 3 !== 0) expect(queue.shift()).toBe(model.shift())
    if (round % 500 === 0) {
      expect(queue.take((item) => item % 7 === 0)).toEqual(model.filter((item) => item % 7 === 0))
      model.splice(0, model.length, ...model.filter((item) => item % 7 !== 0))
      queue.unshift([-1, -2])
      model.unshift(-1, -2)
      expect([...queue]).toEqual(model)
    }
    expect(queue.length).toBe(model.length)
    expect(queue.first).toBe(model[0])
  }
  for (let left = 0; left < 4000; left += 1) expect(queue.shift()).toBe(model.shift())
  expect(queue.shift()).toBeUndefined()
})
