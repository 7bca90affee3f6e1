import { describe, expect, test } from 'vitest'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { LogBatch } from './log-batch.js'
import { ASCII_WRITER, writeBatchStart, writeLogCreate, writeLogWriteStart } from './log-messages.js'
import { emptyOpenedMessage, openMessage } from './messages.js'

function describeWriter(path: string) {
  return { stream: 'Demo::LOG', writer: ASCII_WRITER, path, config: new Map<string, string>(), fields: [] }
}

function read(batch: LogBatch, write: (writer: ByteWriter) => void, size: number): boolean {
  const writer = new ByteWriter()
  writeBatchStart(writer, size)
  write(writer)
  const reader = new ByteReader(writer.toBytes())
  const opened = emptyOpenedMessage()
  openMessage(reader, opened)
  return batch.read(reader, opened.contentSize)
}

function record(writer: ByteWriter, path: string, bytes: number): void {
  writeLogWriteStart(writer, describeWriter(path), bytes)
  writer.raw(new Uint8Array(bytes))
}

describe('a batch', () => {
  test('of records of one writer is read at once', () => {
    const batch = new LogBatch()
    const sizes = [3, 0, 200]
    const isRead = read(batch, (writer) => sizes.forEach((bytes) => void record(writer, 'demo', bytes)), 3)
    expect(isRead).toBe(true)
    expect(batch).toMatchObject({ stream: 'Demo::LOG', writer: ASCII_WRITER, path: 'demo', records: 3 })
    const lengths = [0, 1, 2].map((index) => batch.ranges[2 * index + 1]! - batch.ranges[2 * index]!)
    expect(lengths).toEqual(sizes)
  })

  test('with another writer in it, or another message, is not; the next one is again', () => {
    const batch = new LogBatch()
    const twoPaths = (writer: ByteWriter): void => {
      record(writer, 'demo', 3)
      record(writer, 'else', 3)
    }
    expect(read(batch, twoPaths, 2)).toBe(false)
    expect(read(batch, (writer) => writeLogCreate(writer, describeWriter('demo'), 0), 1)).toBe(false)
    expect(read(batch, (writer) => record(writer, 'else', 3), 1)).toBe(true)
    expect(batch.path).toBe('else')
    expect(read(batch, () => {}, 0)).toBe(false)
  })
})
