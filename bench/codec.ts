/**
 * Encoding and decoding in one thread: the whole message of an event, from arguments to bytes and back. Best of
 * several rounds: what disturbs a round only makes it slower.
 */
import { ByteReader, ByteWriter, type EventMessage, type EventType } from 'zeek-cluster'
import type { BenchOptions } from './main.ts'
import { conn, connRecords, small, smallText } from './shapes.ts'

const ROUNDS = 12
const SAMPLES = 1000

export async function benchCodec({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const perRound = quick ? 2000 : 200_000
  const records = connRecords(SAMPLES)
  return {
    small: measure(perRound, small, (index) => small(BigInt(index), smallText(index))),
    conn: measure(perRound, conn, (index) => conn(BigInt(index), records[index % SAMPLES]!)),
  }
}

function measure(
  perRound: number,
  type: EventType,
  make: (index: number) => EventMessage,
): Record<string, unknown> {
  const writer = new ByteWriter(Buffer.allocUnsafeSlow(256 * 1024))
  const encoded = Array.from({ length: SAMPLES }, (_, index) => {
    writer.length = 0
    make(index).writeTo(writer)
    return writer.toBytes()
  })
  const bytes = Buffer.concat(encoded)
  const starts = encoded.map((_message, index) =>
    encoded.slice(0, index).reduce((sum, message) => sum + message.length, 0),
  )
  const argumentsStart = argumentsOffset(encoded[0]!, type)
  const reader = new ByteReader(bytes)
  let used = 0
  const encode = (): void => {
    for (let index = 0; index < perRound; index += 1) {
      if (writer.length > 200_000) writer.length = 0
      make(index).writeTo(writer)
    }
  }
  const decode = (): void => {
    for (let index = 0; index < perRound; index += 1) {
      reader.reset(bytes, starts[index % SAMPLES]! + argumentsStart, bytes.length)
      used += type.readArguments(reader, type.types.length).length
    }
  }
  const [encodeNs, decodeNs] = [best(encode, perRound), best(decode, perRound)]
  if (used === 0) throw new Error('nothing was decoded')
  return { bytes: Math.round(bytes.length / SAMPLES), encodeNs, decodeNs }
}

/** Where the arguments start: behind name, tag and number of arguments. */
function argumentsOffset(message: Uint8Array, type: EventType): number {
  return Buffer.from(message).indexOf(type.eventName) + type.eventName.length + 2
}

function best(run: () => void, perRound: number): number {
  let bestNs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) {
    const startNs = process.hrtime.bigint()
    run()
    bestNs = Math.min(bestNs, Number(process.hrtime.bigint() - startNs) / perRound)
  }
  return Math.round(bestNs)
}
