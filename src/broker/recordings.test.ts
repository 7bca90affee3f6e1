/** Everything that real endpoints said to each other decodes, and encodes to the same bytes again. */
import { describe, expect, test } from 'vitest'
import { recordedStreams, toHex } from '../../test/support/vectors.js'
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { endpointIdFromBytes } from './endpoint-id.js'
import { beginEnvelope, ENVELOPE, emptyEnvelopeHeader, endEnvelope, readEnvelopeHeader } from './envelope.js'
import { readFilter, writeFilter } from './filter.js'
import { FrameDecoder } from './frame.js'
import { decodeHandshakeMessage, encodeHandshakeMessage } from './handshake-messages.js'

const LIMIT_BYTES = 1024 * 1024

function frames(chunks: readonly Uint8Array[]): Uint8Array[] {
  const decoder = new FrameDecoder(LIMIT_BYTES)
  const result: Uint8Array[] = []
  for (const chunk of chunks) {
    decoder.push(chunk, (bytes, start, end) => {
      result.push(bytes.slice(start, end))
      return true
    })
  }
  expect(decoder.pendingBytes).toBe(0)
  return result
}

/** Handshake messages start with a tag of 6 to 12; an envelope of these peers never does so before byte 16. */
function isHandshake(frame: Uint8Array, index: number, seenAck: boolean): boolean {
  return !seenAck && index < 6 && frame[0]! >= 6 && frame[0]! <= 12
}

function reencodeEnvelope(frame: Uint8Array): Uint8Array {
  const reader = new ByteReader(frame)
  const header = emptyEnvelopeHeader()
  readEnvelopeHeader(reader, header)
  const writer = new ByteWriter()
  const sender = endpointIdFromBytes(frame.slice(0, 16))
  const receiver = endpointIdFromBytes(frame.slice(16, 32))
  const start = beginEnvelope(writer, header.type, sender, receiver, header.topic)
  if (header.type === ENVELOPE.data) writeValue(writer, readValue(reader))
  else if (header.type === ENVELOPE.routingUpdate) writeFilter(writer, readFilter(reader))
  else writer.raw(frame.subarray(reader.take(reader.remaining)))
  reader.expectEnd()
  endEnvelope(writer, start)
  return writer.toBytes().subarray(4)
}

// The hand-made peers of the h-* recordings also send what no endpoint would.
const streams = recordedStreams().filter(({ name }) => !name.startsWith('h-'))

describe('recorded peerings', () => {
  test('are all here', () => {
    expect(streams.length).toBeGreaterThan(50)
  })

  test.each(streams)('$name', ({ chunks, direction }) => {
    const kinds = new Map<string, number>()
    let seenAck = false
    for (const [index, frame] of frames(chunks).entries()) {
      let kind: string
      let encoded: Uint8Array
      if (isHandshake(frame, index, seenAck)) {
        const message = decodeHandshakeMessage(frame, 0, frame.length)
        if (message.kind === 'fault') throw new Error(`${direction} frame ${index}: ${message.description}`)
        kind = message.kind
        encoded = encodeHandshakeMessage(message).subarray(4)
        seenAck ||= kind === 'originator-ack' || kind === 'responder-syn-ack'
      } else {
        kind = 'envelope'
        encoded = reencodeEnvelope(frame)
      }
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      expect(toHex(encoded)).toBe(toHex(frame))
    }
    expect(kinds.size).toBeGreaterThan(0)
  })

  test.each(streams)('$name, byte by byte', ({ chunks }) => {
    const whole = frames(chunks)
    const bytes = chunks.flatMap((chunk) => [...chunk])
    const single = frames(bytes.map((byte) => Uint8Array.of(byte)))
    expect(single.map(toHex)).toEqual(whole.map(toHex))
  })
})

describe('frames', () => {
  test('a length over the limit is refused before anything is kept', () => {
    const decoder = new FrameDecoder(100)
    expect(() => decoder.push(Uint8Array.of(0, 0, 0, 101), () => true)).toThrow(
      expect.objectContaining({ code: 'frame-too-large', data: { lengthBytes: 101, limitBytes: 100 } }),
    )
    const slow = new FrameDecoder(100)
    slow.push(Uint8Array.of(0xff), () => true)
    slow.push(Uint8Array.of(0xff, 0xff), () => true)
    expect(() => slow.push(Uint8Array.of(0xff), () => true)).toThrow('the limit is 100')
  })

  test('empty frames are frames', () => {
    const decoder = new FrameDecoder(100)
    const lengths: number[] = []
    decoder.push(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0), (_bytes, start, end) => {
      lengths.push(end - start)
      return true
    })
    expect(lengths).toEqual([0, 1])
    expect(decoder.pendingBytes).toBe(2)
  })
})
