/** Zeek's messages: events and logs. */
import type { Peer } from '../../src/bus/bus.js'
import { EventDispatch } from '../../src/cluster/event-dispatch.js'
import { ByteReader } from '../../src/data/byte-reader.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import { DecodeError } from '../../src/data/decode-error.js'
import { event } from '../../src/data/event.js'
import { type LogField, type LogWriterDescription, readLogMessages } from '../../src/data/log-messages.js'
import { checkMessage } from '../../src/data/message-check.js'
import { emptyOpenedMessage, MESSAGE_TYPE, openMessage } from '../../src/data/messages.js'
import { addr, any, count, optional, record, set, string, time, ZEEK_TAG } from '../../src/data/types.js'
import { type LogValue, readLogRecord, writeLogRecord } from '../../src/logging/log-values.js'
import { AsciiLines } from '../../src/logging/writers/ascii-lines.js'
import { JsonLines } from '../../src/logging/writers/json-lines.js'
import { recordedMessages, recordedValues } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target } from '../target.ts'

const PEER: Peer = {
  id: 'peer',
  address: { host: '127.0.0.1', port: 1 },
  direction: 'incoming',
  subscriptions: [],
}
const NEWLINE = 0x0a
/** Where the last byte of the type of a message stands: behind vector, version and tag. */
const TYPE_OFFSET = 2 + 9 + 8

const seen = event('Demo::seen', [addr, count])
const EVENTS = [
  seen,
  event('Vals::ev_5', [string, any]),
  event('Demo::found', [record({ host: addr, note: optional(string), at: time }), set(count)]),
]

/** Seeds that name the events which are handled. */
function* eventSeeds(): Iterable<Uint8Array> {
  const encoded = recordedValues('broker_binary_hex')
  const host = addr.read(new ByteReader(Buffer.from('0600000000000000000000ffff7f000001', 'hex')))
  const writer = new ByteWriter()
  seen(host, 3n).at(1.5).writeTo(writer)
  yield writer.toBytes()
  yield* encoded
}

const messages: Target = {
  name: 'messages',
  what: 'a message that passes the check is dispatched without an error, each time in the same way',
  sources: [
    'src/data/messages.ts',
    'src/data/message-check.ts',
    'src/data/known-start.ts',
    'src/data/event.ts',
    'src/cluster/event-dispatch.ts',
  ],
  seeds: eventSeeds,
  run(input) {
    const reader = new ByteReader(input)
    const opened = emptyOpenedMessage()
    const checked = attempt(() => {
      openMessage(reader, opened)
      const isEvent = opened.type === MESSAGE_TYPE.event
      checkMessage(reader, opened)
      reader.expectEnd()
      return isEvent
    }, DecodeError)
    const problems: string[] = []
    const dispatch = new EventDispatch(
      () => 'peer',
      ({ message }) => problems.push(message),
      (error) => {
        throw error
      },
    )
    for (const type of EVENTS) dispatch.on(type as never, () => {})
    const outcomes = [1, 2, 3].map(() => {
      const before = { ...dispatch.counters }
      const error = dispatchOne(dispatch, input)?.message
      const { handled, ignored, malformed } = dispatch.counters
      return `${error} ${handled - before.handled} ${ignored - before.ignored} ${malformed - before.malformed}`
    })
    ensure(new Set(outcomes).size === 1, `dispatched differently: ${outcomes.join(', ')}`)
    if (checked.value === true) ensure(outcomes[0]!.startsWith('undefined'), `checked, but ${outcomes[0]}`)
  },
}

function dispatchOne(dispatch: EventDispatch, input: Uint8Array): DecodeError | undefined {
  const reader = new ByteReader(input)
  return attempt(() => {
    if (dispatch.dispatchLike(reader, PEER)) return
    const opened = emptyOpenedMessage()
    openMessage(reader, opened)
    if (opened.type === MESSAGE_TYPE.event) dispatch.dispatch(reader, 0, opened, PEER)
  }, DecodeError).error
}

/** Formats one record; says whether it could be. */
function formatLine(fields: readonly LogField[], bytes: Uint8Array, start: number, end: number): boolean {
  const isAscii = formatAs(new AsciiLines(fields), bytes, start, end) !== undefined
  const json = formatAs(new JsonLines(fields), bytes, start, end)
  ensure(isAscii === (json !== undefined), 'a record that is a line of one format is one of the other')
  if (json !== undefined) JSON.parse(json)
  return isAscii
}

function formatAs(
  lines: AsciiLines | JsonLines,
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  const writer = new ByteWriter()
  const { error } = attempt(() => lines.write(writer, bytes, start, end), DecodeError)
  const line = writer.toBytes()
  if (error === undefined) ensure(line.indexOf(NEWLINE) === line.length - 1, 'a record is one line')
  else ensure(line.length === 0, 'a refused record leaves nothing behind')
  return error === undefined ? Buffer.from(line).toString() : undefined
}

/** What lines are made with. */
const LINE_SOURCES = [
  'src/logging/writers/ascii-lines.ts',
  'src/logging/writers/ascii-values.ts',
  'src/logging/writers/json-lines.ts',
  'src/logging/writers/json-values.ts',
  'src/logging/writers/text-escapes.ts',
  'src/logging/writers/wire-values.ts',
]

const logMessages: Target = {
  name: 'log-messages',
  what: 'batches of log messages, their records formatted by the columns that were announced',
  sources: ['src/data/log-messages.ts', 'src/data/messages.ts', ...LINE_SOURCES],
  seeds: () => recordedMessages((message) => message[TYPE_OFFSET] !== MESSAGE_TYPE.event),
  run(input) {
    const reader = new ByteReader(input)
    const opened = emptyOpenedMessage()
    let last: LogWriterDescription | undefined
    attempt(() => {
      openMessage(reader, opened)
      readLogMessages(reader, opened, {
        create: (description) => {
          last = description
        },
        write: (_stream, _writer, _path, bytes, start, end) => {
          formatLine(last?.fields ?? [], bytes, start, end)
        },
      })
      reader.expectEnd()
    }, DecodeError)
  },
}

/** The columns that a record has by its own account. */
function fieldsOf(values: readonly LogValue[]): LogField[] {
  const tags = { ...ZEEK_TAG, set: ZEEK_TAG.table }
  return values.map(({ type }) => ({ name: 'column', tag: tags[type], elementTag: 0, optional: true }))
}

function isFlat(value: LogValue): boolean {
  return !('elements' in value) || (value.elements ?? []).every((element) => !('elements' in element))
}

const logRecords: Target = {
  name: 'log-records',
  what: 'records as values and as lines: both readers agree, and what was read can be written',
  sources: ['src/logging/log-values.ts', ...LINE_SOURCES],
  seeds: function* seeds() {
    const found: Uint8Array[] = []
    for (const message of logMessages.seeds()) {
      const reader = new ByteReader(message)
      const opened = emptyOpenedMessage()
      openMessage(reader, opened)
      readLogMessages(reader, opened, {
        create: () => {},
        write: (_stream, _writer, _path, bytes, start, end) => found.push(bytes.slice(start, end)),
      })
    }
    yield* found
  },
  run(input) {
    const reader = new ByteReader(input)
    const read = attempt(() => readLogRecord(reader), DecodeError)
    if (read.error !== undefined) return
    const fields = fieldsOf(read.value)
    const isLine = formatLine(fields, input, 0, reader.offset)
    ensure(isLine || !read.value.every(isFlat), 'read as values, but not as a line')
    const written = encodeRecord(read.value)
    ensureSameBytes(
      encodeRecord(readLogRecord(new ByteReader(written))),
      written,
      'changes when written again',
    )
  },
}

function encodeRecord(values: readonly LogValue[]): Uint8Array {
  const writer = new ByteWriter()
  writeLogRecord(writer, values)
  return writer.toBytes()
}

export const MESSAGE_TARGETS: readonly Target[] = [messages, logMessages, logRecords]
