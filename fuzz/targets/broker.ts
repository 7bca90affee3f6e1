/** Broker's native protocol: frames, envelopes, handshake messages, subscriptions. */
import { endpointIdFromBytes } from '../../src/broker/endpoint-id.js'
import {
  beginEnvelope,
  emptyEnvelopeHeader,
  endEnvelope,
  readEnvelopeHeader,
} from '../../src/broker/envelope.js'
import { FilterMatcher, minimalFilter, readFilter, writeFilter } from '../../src/broker/filter.js'
import { FrameDecoder, FrameTooLargeError } from '../../src/broker/frame.js'
import { decodeHandshakeMessage, encodeHandshakeMessage } from '../../src/broker/handshake-messages.js'
import { ByteReader } from '../../src/data/byte-reader.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import { DecodeError } from '../../src/data/decode-error.js'
import { recordedFrames, streamStarts } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target, toHex } from '../target.ts'

const FRAME_LIMIT_BYTES = 1024
const FRAME_LENGTH_BYTES = 4
/** Where type and topic of an envelope stand. */
const TYPE_OFFSET = 32
const TTL_OFFSET = 33

/** Bytes in chunks of one size. */
export function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.slice(start, start + size))
  return chunks
}

/** The first byte says how the rest is cut. */
export function withChunkSize(bytes: Uint8Array): { readonly chunkBytes: number; readonly rest: Uint8Array } {
  return { chunkBytes: 1 + (bytes[0] ?? 0), rest: bytes.slice(1) }
}

function framesOf(chunks: readonly Uint8Array[]): string {
  const decoder = new FrameDecoder(FRAME_LIMIT_BYTES)
  const frames: string[] = []
  const { error } = attempt(() => {
    for (const chunk of chunks) {
      decoder.push(chunk, (bytes, start, end) => {
        frames.push(toHex(bytes.subarray(start, end)))
        return true
      })
    }
  }, FrameTooLargeError)
  return `${frames.join(' ')} ${error?.message ?? decoder.pendingBytes}`
}

const frames: Target = {
  name: 'frames',
  what: 'frames come out the same, however the bytes are cut',
  sources: ['src/broker/frame.ts'],
  seeds: () => streamStarts('c2l', 600).map((stream) => Uint8Array.of(6, ...stream)),
  run(input) {
    const { chunkBytes, rest } = withChunkSize(input)
    const whole = framesOf([rest])
    const cut = framesOf(chunksOf(rest, chunkBytes))
    ensure(cut === whole, `cut by ${chunkBytes}: ${cut}, whole: ${whole}`)
  },
}

const envelopes: Target = {
  name: 'envelopes',
  what: 'headers of envelopes; those with a topic that is text can be written again',
  sources: ['src/broker/envelope.ts'],
  seeds: () => recordedFrames((frame) => (frame[TYPE_OFFSET] ?? 0) > 0),
  run(input) {
    const reader = new ByteReader(input)
    const header = emptyEnvelopeHeader()
    if (attempt(() => readEnvelopeHeader(reader, header), DecodeError).error !== undefined) return
    ensure(header.payloadStart <= input.length, 'the payload starts behind the end')
    if (header.topic.includes('\ufffd')) return
    const writer = new ByteWriter()
    const sender = endpointIdFromBytes(input.slice(header.senderStart, header.senderStart + 16))
    const receiver = endpointIdFromBytes(input.slice(header.receiverStart, header.receiverStart + 16))
    const start = beginEnvelope(writer, header.type, sender, receiver, header.topic)
    endEnvelope(writer, start)
    const written = writer.toBytes().subarray(FRAME_LENGTH_BYTES)
    // The writer sets the time to live itself.
    written.set(input.subarray(TTL_OFFSET, TTL_OFFSET + 2), TTL_OFFSET)
    ensureSameBytes(written, input.subarray(0, header.payloadStart), 'header changes when written again')
  },
}

const handshakeMessages: Target = {
  name: 'handshake-messages',
  what: 'any bytes are a handshake message or a fault; messages can be written and read again',
  sources: ['src/broker/handshake-messages.ts', 'src/broker/filter.ts', 'src/broker/endpoint-id.ts'],
  seeds: () => recordedFrames((frame) => frame[0]! >= 6 && frame[0]! <= 12),
  run(input) {
    const message = decodeHandshakeMessage(input, 0, input.length)
    if (message.kind === 'fault') return
    const written = encodeHandshakeMessage(message)
    const again = decodeHandshakeMessage(written, FRAME_LENGTH_BYTES, written.length)
    ensure(again.kind === message.kind, `${message.kind} is ${again.kind} when written again`)
    if (again.kind === 'fault') return
    ensureSameBytes(encodeHandshakeMessage(again), written, 'changes when written again')
  },
}

/** The first text is the topic, what follows the subscriptions. */
const filters: Target = {
  name: 'filters',
  what: 'subscriptions match what one of their prefixes does, and can be written again',
  sources: ['src/broker/filter.ts'],
  seeds: () => [
    Buffer.from('\u0003/ab\u0003\u0002/a\u0002/b\u0003/ab'),
    ...recordedFrames((frame) => frame[0] === 10 || frame[0] === 11).map((frame) =>
      Uint8Array.of(1, 0x2f, ...frame.subarray(1)),
    ),
  ],
  run(input) {
    const reader = new ByteReader(input)
    const read = attempt(() => ({ topic: reader.str(), prefixes: readFilter(reader) }), DecodeError)
    if (read.error !== undefined) return
    const { topic, prefixes } = read.value
    const expected = prefixes.some((prefix) => topic.startsWith(prefix))
    ensure(new FilterMatcher(prefixes).matches(topic) === expected, `${topic} among ${prefixes.join(' ')}`)
    const minimal = new FilterMatcher(minimalFilter(prefixes))
    ensure(minimal.matches(topic) === expected, `${topic} among the fewest of ${prefixes.join(' ')}`)
    const writer = new ByteWriter()
    writeFilter(writer, prefixes)
    const again = readFilter(new ByteReader(writer.toBytes()))
    ensure(again.join('\0') === prefixes.join('\0'), 'changes when written again')
  },
}

export const BROKER_TARGETS: readonly Target[] = [frames, envelopes, handshakeMessages, filters]
