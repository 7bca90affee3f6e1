import { expect, test } from 'vitest'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import {
  type BatchOrigin,
  readBatchOrigin,
  readLogMessages,
  writeBatchOrigin,
  writeBatchStart,
} from './log-messages.js'
import { checkMessage } from './message-check.js'
import { emptyOpenedMessage, openMessage } from './messages.js'

const origin: BatchOrigin = {
  node: 'worker-1',
  run: 'a-run',
  sequence: 3,
  first: 2 ** 40,
  confirmed: 2 ** 40 - 1,
}

function batch(): ByteReader {
  const writer = new ByteWriter()
  writeBatchStart(writer, 0, true)
  writeBatchOrigin(writer, origin)
  return new ByteReader(writer.toBytes())
}

test('stands behind the content of a batch', () => {
  const reader = batch()
  const opened = emptyOpenedMessage()
  openMessage(reader, opened)
  expect(opened).toMatchObject({ contentSize: 0, surplus: 1 })
  expect(readBatchOrigin(reader)).toEqual(origin)
  reader.expectEnd()
})

test('readers that do not know it pass over it', () => {
  for (const read of [checkMessage, readLogMessages] as const) {
    const reader = batch()
    const opened = emptyOpenedMessage()
    openMessage(reader, opened)
    const handler = { create: () => expect.fail(), write: () => expect.fail() }
    if (read === checkMessage) checkMessage(reader, opened)
    else readLogMessages(reader, opened, handler)
    reader.expectEnd()
  }
})

test('what others put there is not taken for it', () => {
  const writer = new ByteWriter()
  writer.raw([0x0e, 2, 0x05, 1, 0x78, 0x00] as unknown as Uint8Array)
  const reader = new ByteReader(writer.toBytes())
  expect(readBatchOrigin(reader)).toBeUndefined()
  reader.expectEnd()
})
