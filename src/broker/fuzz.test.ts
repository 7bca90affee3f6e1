/** Random input: split anywhere, changed anywhere. Nothing throws, nothing is left behind, others go on. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ADDRESS, idOf, Lab, payload } from '../../test/support/broker-peers.js'
import { recordedStreams, toHex } from '../../test/support/vectors.js'
import { FrameDecoder, FrameTooLargeError } from './frame.js'
import { decodeHandshakeMessage } from './handshake-messages.js'

const LIMIT_BYTES = 1000

function framed(payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((bytes) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}

/** Cuts bytes at the given places, taken modulo their length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const offsets = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...offsets].map((offset, index) => bytes.subarray(offset, offsets[index] ?? bytes.length))
}

describe('frames', () => {
  test('come out as they went in, however they are cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: LIMIT_BYTES, size: 'max' }), { maxLength: 8 })
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 30 }), (expected, places) => {
        const decoder = new FrameDecoder(LIMIT_BYTES)
        const actual: string[] = []
        for (const chunk of cut(framed(expected), places)) {
          // The decoder may not keep the chunk.
          const lent = Uint8Array.from(chunk)
          decoder.push(lent, (bytes, start, end) => {
            actual.push(toHex(bytes.subarray(start, end)))
            return true
          })
          lent.fill(0xee)
        }
        expect(actual).toEqual(expected.map(toHex))
        expect(decoder.pendingBytes).toBe(0)
      }),
    )
  })

  test('above the limit are refused at their length, and what is kept never exceeds what came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 50 }), (chunks) => {
        const decoder = new FrameDecoder(LIMIT_BYTES)
        let received = 0
        try {
          for (const chunk of chunks) {
            received += chunk.length
            decoder.push(chunk, (_bytes, start, end) => {
              expect(end - start).toBeLessThanOrEqual(LIMIT_BYTES)
              return true
            })
            expect(decoder.pendingBytes).toBeLessThanOrEqual(Math.min(received, LIMIT_BYTES + 4))
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FrameTooLargeError)
        }
      }),
    )
  })
})

test('any bytes are a handshake message or a fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 6, max: 12 }), (bytes, tag) => {
      const tagged = Uint8Array.of(tag, ...bytes)
      expect(decodeHandshakeMessage(tagged, 0, tagged.length).kind).toBeTypeOf('string')
      expect(decodeHandshakeMessage(bytes, 0, bytes.length).kind).toBeTypeOf('string')
    }),
  )
})

describe('an endpoint', () => {
  const recordings = recordedStreams()
    .filter(({ direction }) => direction === 'c2l')
    .map(({ chunks }) => Buffer.concat(chunks).subarray(0, 20_000))

  const mutations = fc.array(
    fc.record({
      at: fc.nat(20_000),
      kind: fc.constantFrom('set' as const, 'insert' as const, 'remove' as const, 'repeat' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    }),
    { maxLength: 5 },
  )

  test('survives recorded streams in which something was changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...recordings),
        mutations,
        fc.array(fc.nat(20_000), { maxLength: 20 }),
        async (recording, changes, places) => {
          const lab = new Lab()
          const hub = lab.endpoint(idOf(9), { frameLimitBytes: 1_000_000 })
          const good = lab.endpoint(idOf(5))
          good.subscribe('/good')
          await hub.listen(ADDRESS)
          good.dial(ADDRESS, 0)
          await lab.time.settle()
          hub.takeLog()
          const evil = await lab.connect()
          for (const chunk of cut(changes.reduce(mutate, recording), places)) evil.send(chunk)
          await lab.time.settle()
          expect(hub.takeLog().filter((line) => line.startsWith('report')).length).toBeLessThanOrEqual(1)
          evil.connection.destroy()
          await lab.time.settle()
          expect(hub.peers().map(({ id }) => id)).toEqual([good.id])
          expect(hub.publish('/good', payload('hi'))).toBe('accepted')
          await lab.time.settle()
          expect(good.takeLog()).toContain('message /good hi')
          expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([2, 0])
        },
      ),
      { numRuns: 300 },
    )
  })

  test('keeps no more memory for a peer than it was sent', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.listen(ADDRESS)
    const before = process.memoryUsage().arrayBuffers
    // A hundred times the start of the longest frame that is allowed in a handshake.
    for (let n = 0; n < 100; n += 1) {
      const evil = await lab.connect()
      evil.send(Uint8Array.of(0, 0x0f, 0xff, 0xff, 6))
    }
    await lab.time.settle()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 100 * 1024)
    await lab.time.advance(10_000)
    expect(lab.network.openConnections).toBe(0)
  })
})

function mutate(
  bytes: Buffer,
  change: {
    readonly at: number
    readonly kind: 'set' | 'insert' | 'remove' | 'repeat'
    readonly bytes: Uint8Array
  },
): Buffer {
  const at = change.at % (bytes.length + 1)
  const head = bytes.subarray(0, at)
  const rest = bytes.subarray(at)
  switch (change.kind) {
    case 'set':
      return Buffer.concat([head, change.bytes, rest.subarray(change.bytes.length)])
    case 'insert':
      return Buffer.concat([head, change.bytes, rest])
    case 'remove':
      return Buffer.concat([head, rest.subarray(change.bytes.length)])
    case 'repeat':
      return Buffer.concat([head, head.subarray(-100), rest])
  }
}
