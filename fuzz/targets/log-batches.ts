/** Batches of log records, and the journals of those who send and store them. */
import { ByteReader } from '../../src/data/byte-reader.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import { DecodeError } from '../../src/data/decode-error.js'
import { LogBatch } from '../../src/data/log-batch.js'
import { ASCII_WRITER, readBatchOrigin, readLogMessages } from '../../src/data/log-messages.js'
import { checkBatch } from '../../src/data/message-check.js'
import { emptyOpenedMessage, MESSAGE_TYPE, openMessage } from '../../src/data/messages.js'
import { crc32 } from '../../src/logging/delivery/crc32.js'
import { readJournal, writeJournalEntry } from '../../src/logging/delivery/journal.js'
import { parseJournal } from '../../src/logging/files/store-journal.js'
import { readLogRecord } from '../../src/logging/log-values.js'
import { readZeekBinBatch } from '../../src/logging/receiving/zeek-bin-batch.js'
import { recordedMessages } from '../seeds.ts'
import { attempt, ensure, type Target } from '../target.ts'

/** Where the last byte of the type of a message stands: behind vector, version and tag. */
const TYPE_OFFSET = 2 + 9 + 8

/** Start and end of each record, read message by message. */
function rangesOf(input: Uint8Array): number[] {
  const reader = new ByteReader(input)
  const opened = emptyOpenedMessage()
  openMessage(reader, opened)
  const ranges: number[] = []
  readLogMessages(reader, opened, {
    create: () => {},
    write: (_stream, _writer, _path, _bytes, start, end) => ranges.push(start, end),
  })
  return ranges
}

const batches: Target = {
  name: 'log-batch',
  what: 'batches of records of one writer, read at once, against the same read message by message',
  sources: ['src/data/log-batch.ts', 'src/data/message-check.ts', 'src/data/known-start.ts'],
  seeds: () => recordedMessages((message) => message[TYPE_OFFSET] === MESSAGE_TYPE.batch),
  run(input) {
    const reader = new ByteReader(input)
    const opened = emptyOpenedMessage()
    const batch = new LogBatch()
    const { value: isUniform } = attempt(() => {
      openMessage(reader, opened)
      if (opened.type !== MESSAGE_TYPE.batch || !batch.read(reader, opened.contentSize)) return false
      if (opened.surplus > 0) readBatchOrigin(reader)
      return true
    }, DecodeError)
    if (isUniform !== true) return
    const { value: checked } = attempt(() => {
      const again = new ByteReader(input)
      openMessage(again, opened)
      return checkBatch(again, opened)
    }, DecodeError)
    // Only what stands behind the content may be wrong now.
    if (checked === undefined) return
    ensure(!checked.hasOtherThanLogs, 'a batch of records has nothing else')
    const { value: ranges } = attempt(() => rangesOf(input), DecodeError)
    ensure(
      ranges === undefined || ranges.join() === batch.ranges.subarray(0, 2 * batch.records).join(),
      'both ways find the same records',
    )
  },
}

/** The batch of the specification's example, and one with a column of each usual kind. */
const ZEEK_BIN_SEEDS = [
  '0000000c4c6f673a3a554e4b4e4f574e000000104c6f673a3a5752495445525f4e4f4e450000000764656661756c74000000076d792d706174680000000100000000027473000000050000001600000000020000000500000016013ff0000000000000000000050000001601' +
    '4000000000000000',
  `00000001410000000142000000014300000001440000000700${'0000000161'}0000000b0000000000${'0000000162'}0000000a0000000000${'0000000163'}000000090000000000${'0000000164'}000000060000000001${'0000000165'}0000000e0000000701${'0000000166'}000000130000000c01${'0000000167'}00000001000000000000000001` +
    '0000000b0000000001040a0000010000000a000000000100000000000000500000000100000009000000000100000003746370000000060000000000' +
    '0000000e000000000100000000000000010000000700000000010000000161000000130000000001000000000000000100' +
    '00000c000000000168040a00000000000001000000000100000000000000' +
    '01',
]

const zeekBin: Target = {
  name: 'zeek-bin-batch',
  what: "batches of records in Zeek's serialization for ZeroMQ",
  sources: ['src/logging/receiving/zeek-bin-batch.ts'],
  seeds: () => ZEEK_BIN_SEEDS.map((hex) => Buffer.from(hex, 'hex')),
  run(input) {
    let announced = 0
    let records = 0
    const { error } = attempt(
      () =>
        readZeekBinBatch(
          new ByteReader(input),
          (batch) => {
            announced = batch.records
          },
          (bytes, start, end) => {
            records += 1
            const reader = new ByteReader(bytes)
            reader.reset(bytes, start, end)
            // What the values are is looked at later: a port may have no protocol that there is.
            attempt(() => readLogRecord(reader), DecodeError)
          },
        ),
      DecodeError,
    )
    ensure(records === announced, 'a batch is taken whole or not at all')
    ensure(error === undefined || records === 0, 'a refused batch has no records')
  },
}

const SEQUENCE = {
  stream: 'Demo::LOG',
  writer: ASCII_WRITER,
  path: 'demo',
  config: new Map([['use_json', 'T']]),
  fields: [{ name: 'n', tag: 3, elementTag: 0, optional: false }],
}

function senderJournal(): Uint8Array {
  const writer = new ByteWriter()
  const place = { segment: 1, pieces: [0, 100], checksum: 7 }
  const assignment = { logger: 'logger-1', wire: 1, first: 1 }
  writeJournalEntry(writer, { kind: 'start', life: 'running', generation: 1, startedMs: 1 })
  writeJournalEntry(writer, { kind: 'sequence', id: 1, priority: 'normal', description: SEQUENCE })
  writeJournalEntry(writer, { kind: 'complete' })
  writeJournalEntry(writer, { kind: 'spooled', batch: 1, sequence: 1, records: 4, place, assignment })
  writeJournalEntry(writer, { kind: 'confirmed', logger: 'logger-1', wire: 1, number: 4 })
  writeJournalEntry(writer, { kind: 'ended' })
  return writer.toBytes()
}

const STORED =
  `["sequence",{"index":1,"node":"worker-1","run":"r","id":1,"stream":"Demo::LOG","path":"demo","received":4,"stored":4,"invalid":0,"changedMs":1}]
["file",1,"logs/demo.log","demo","Log::WRITER_ASCII",1]
["complete"]
["chunk",1,100,200,[[1,8,0]]]
["chunk",1,200,300,[[1,9,0]]]
["closed",1,300]`.split('\n')

function journalLine(json: string): string {
  return `${crc32(Buffer.from(json)).toString(16).padStart(8, '0')} ${json}\n`
}

const journals: Target = {
  name: 'log-journals',
  what: 'the journals of senders and of loggers, which a crash may have torn',
  sources: ['src/logging/delivery/journal.ts', 'src/logging/files/store-journal.ts'],
  seeds: () => [senderJournal(), Buffer.from(STORED.map(journalLine).join(''))],
  run(input) {
    const { entries } = readJournal(input)
    const again = new ByteWriter()
    for (const entry of entries) writeJournalEntry(again, entry)
    ensure(readJournal(again.toBytes()).entries.length === entries.length, 'what was read can be written')
    parseJournal(Buffer.from(input).toString('utf8'))
  },
}

export const LOG_BATCH_TARGETS: readonly Target[] = [batches, zeekBin, journals]
