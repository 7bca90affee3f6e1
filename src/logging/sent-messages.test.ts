/** What we send about logs is what Zeek sends: recorded messages, read and written again by our own encoders. */
import { describe, expect, test } from 'vitest'
import { recordedStreams, toHex } from '../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { event } from '../data/event.js'
import {
  type LogWriterDescription,
  readLogCreate,
  readLogMessages,
  writeBatchStart,
  writeLogCreate,
  writeLogWriteStart,
} from '../data/log-messages.js'
import { MESSAGE_TYPE, type OpenedMessage, openMessage } from '../data/messages.js'
import { string } from '../data/types.js'

interface Payload {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly opened: OpenedMessage
}

/** Payloads of all Zeek messages that were recorded on peerings between Zeek nodes. */
function payloads(): Payload[] {
  const result: Payload[] = []
  for (const { chunks } of recordedStreams().filter(({ name }) => name.startsWith('f-'))) {
    const decoder = new FrameDecoder(2 ** 20)
    let frames = 0
    for (const chunk of chunks) {
      decoder.push(chunk, (bytes, start, end) => {
        frames += 1
        // The handshake: short, and with tags that no envelope starts with.
        if (frames <= 4 && bytes[start]! >= 6 && bytes[start]! <= 12) return true
        const reader = new ByteReader()
        reader.reset(bytes, start, end)
        const header = emptyEnvelopeHeader()
        readEnvelopeHeader(reader, header)
        if (header.type !== ENVELOPE.data) return true
        const payload = bytes.slice(header.payloadStart, end)
        const opened: OpenedMessage = { type: 0, contentSize: 0, surplus: 0 }
        openMessage(new ByteReader(payload), opened)
        result.push({ topic: header.topic, bytes: payload, opened })
        return true
      })
    }
  }
  return result
}

const all = payloads()
const ofType = (type: number): Payload[] => all.filter(({ opened }) => opened.type === type)

function reopen(bytes: Uint8Array): { reader: ByteReader; opened: OpenedMessage } {
  const reader = new ByteReader(bytes)
  const opened: OpenedMessage = { type: 0, contentSize: 0, surplus: 0 }
  openMessage(reader, opened)
  return { reader, opened }
}

/** The sender's clock, which stands in a LogCreate. */
function networkTime(bytes: Uint8Array): number {
  const message = readValue(new ByteReader(bytes))
  if (message.type !== 'vector') return Number.NaN
  const content = message.value[2]
  const info = content?.type === 'vector' ? content.value[2] : undefined
  const time = info?.type === 'vector' ? info.value[3] : undefined
  return time?.type === 'real' ? time.value : Number.NaN
}

describe('log messages', () => {
  test('descriptions of writers', () => {
    const creates = ofType(MESSAGE_TYPE.logCreate)
    expect(creates.length).toBeGreaterThan(20)
    for (const { bytes } of creates) {
      const { reader, opened } = reopen(bytes)
      const description = readLogCreate(reader, opened)
      const writer = new ByteWriter()
      writeLogCreate(writer, description, networkTime(bytes))
      expect(toHex(writer.written()), description.path).toBe(toHex(bytes))
    }
  })

  test('batches of records', () => {
    const batches = ofType(MESSAGE_TYPE.batch)
    expect(batches.length).toBeGreaterThan(20)
    for (const { bytes } of batches) {
      const { reader, opened } = reopen(bytes)
      const records = new ByteWriter()
      let count = 0
      readLogMessages(reader, opened, {
        create: () => expect.unreachable(),
        write(stream, writer, path, source, start, end) {
          const description: LogWriterDescription = { stream, writer, path, config: new Map(), fields: [] }
          writeLogWriteStart(records, description, end - start)
          records.raw(source.subarray(start, end))
          count += 1
        },
      })
      const batch = new ByteWriter()
      writeBatchStart(batch, count)
      batch.raw(records.written())
      expect(toHex(batch.written())).toBe(toHex(bytes))
    }
  })

  test('hello', () => {
    const hello = event('Cluster::hello', [string, string])
    const recorded = ofType(MESSAGE_TYPE.event).filter(({ topic }) => topic.includes('/nodeid/'))
    expect(recorded.length).toBeGreaterThan(10)
    for (const { bytes } of recorded) {
      const value = readValue(new ByteReader(bytes))
      const content = value.type === 'vector' ? value.value[2] : undefined
      const [name, args] = content?.type === 'vector' ? content.value : []
      if (name?.type !== 'string' || name.value !== 'Cluster::hello' || args?.type !== 'vector') continue
      const [node, id] = args.value.map((arg) => (arg.type === 'string' ? String(arg.value) : ''))
      const writer = new ByteWriter()
      hello(node!, id!).writeTo(writer)
      // Zeek may append metadata: ours has none.
      const ours = toHex(writer.written())
      const theirs = toHex(bytes)
      expect(
        [ours, ours.replace('0e0205', '0e0305')].some((hex) => theirs.startsWith(hex)),
        theirs,
      ).toBe(true)
    }
  })
})
