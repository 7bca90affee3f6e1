import { expect, test } from 'vitest'
import { CaptureError } from './capture-error.js'
import { CaptureReader } from './capture-reader.js'

interface Seen {
  readonly timestampSeconds: number
  readonly linkType: number
  readonly bytes: readonly number[]
  readonly originalLength: number
}

/** Reads `file` in chunks of `chunkBytes`; says what came out before it ended or failed. */
function read(
  file: Uint8Array,
  chunkBytes = file.length,
  maxPacketBytes?: number,
): { packets: Seen[]; error?: CaptureError } {
  const packets: Seen[] = []
  const reader = new CaptureReader({
    onPacket: (packet) => packets.push({ ...packet, bytes: [...packet.bytes] }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
  })
  try {
    for (let start = 0; start < file.length; start += Math.max(1, chunkBytes)) {
      // A buffer of its own that is wiped afterwards: the reader must not keep a view of a chunk.
      const chunk = file.slice(start, start + Math.max(1, chunkBytes))
      reader.push(chunk)
      chunk.fill(0xee)
    }
    reader.end()
  } catch (error) {
    if (error instanceof CaptureError) return { packets, error }
    throw error
  }
  return { packets }
}

/** Writes fields of 1, 2, 4 or 8 bytes, or bytes as they are. */
function bytesOf(
  littleEndian: boolean,
  ...fields: readonly (readonly [1 | 2 | 4 | 8, number] | Uint8Array)[]
) {
  const length = fields.reduce(
    (sum, field) => sum + (field instanceof Uint8Array ? field.length : field[0]),
    0,
  )
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const field of fields) {
    if (field instanceof Uint8Array) {
      bytes.set(field, offset)
      offset += field.length
      continue
    }
    const [size, value] = field
    if (size === 1) view.setUint8(offset, value)
    else if (size === 2) view.setUint16(offset, value, littleEndian)
    else if (size === 4) view.setUint32(offset, value, littleEndian)
    else view.setBigUint64(offset, BigInt(value), littleEndian)
    offset += size
  }
  return bytes
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return bytesOf(true, ...parts)
}

const PACKET_1 = Uint8Array.from([1, 2, 3, 4, 5])
const PACKET_2 = Uint8Array.from([9, 8, 7])

function pcap(littleEndian: boolean, nanoseconds: boolean): Uint8Array {
  const record = (seconds: number, microseconds: number, packet: Uint8Array, originalLength: number) =>
    bytesOf(
      littleEndian,
      [4, seconds],
      [4, nanoseconds ? microseconds * 1000 + 999 : microseconds],
      [4, packet.length],
      [4, originalLength],
      packet,
    )
  return concat(
    bytesOf(
      littleEndian,
      [4, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4],
      [2, 2],
      [2, 4],
      [4, 0],
      [4, 0],
      [4, 65535],
      [4, 113],
    ),
    record(1_700_000_000, 123456, PACKET_1, 60),
    record(1_700_000_001, 0, PACKET_2, 3),
  )
}

const PCAP_PACKETS: readonly Seen[] = [
  { timestampSeconds: 1_700_000_000 + 123456 / 1e6, linkType: 113, bytes: [...PACKET_1], originalLength: 60 },
  { timestampSeconds: 1_700_000_001, linkType: 113, bytes: [...PACKET_2], originalLength: 3 },
]

function padded(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array(-bytes.length & 3))
}

function block(littleEndian: boolean, type: number, body: Uint8Array): Uint8Array {
  const length = body.length + 12
  return bytesOf(littleEndian, [4, type], [4, length], body, [4, length])
}

function sectionHeader(littleEndian: boolean): Uint8Array {
  return block(littleEndian, 0x0a0d0d0a, bytesOf(littleEndian, [4, 0x1a2b3c4d], [2, 1], [2, 0], [8, 0]))
}

function interfaceBlock(littleEndian: boolean, linkType: number, snapLength: number, resolution?: number) {
  const options =
    resolution === undefined
      ? new Uint8Array(0)
      : bytesOf(littleEndian, [2, 9], [2, 1], [1, resolution], [1, 0], [2, 0], [4, 0])
  return block(littleEndian, 1, bytesOf(littleEndian, [2, linkType], [2, 0], [4, snapLength], options))
}

function enhanced(
  littleEndian: boolean,
  source: number,
  units: bigint,
  packet: Uint8Array,
  originalLength: number,
) {
  const high = Number(units >> 32n)
  const low = Number(units & 0xffffffffn)
  const fixed = bytesOf(
    littleEndian,
    [4, source],
    [4, high],
    [4, low],
    [4, packet.length],
    [4, originalLength],
  )
  return block(littleEndian, 6, concat(fixed, padded(packet)))
}

function pcapng(littleEndian: boolean): Uint8Array {
  return concat(
    sectionHeader(littleEndian),
    interfaceBlock(littleEndian, 1, 0),
    interfaceBlock(littleEndian, 101, 4, 9),
    block(littleEndian, 5, new Uint8Array(20)), // statistics: skipped
    enhanced(littleEndian, 0, 1_700_000_000_123_456n, PACKET_1, 60),
    enhanced(littleEndian, 1, 1_700_000_001_000_001_999n, PACKET_2, 3),
    block(littleEndian, 3, concat(bytesOf(littleEndian, [4, 5]), padded(PACKET_1))),
    // A new section with the other byte order and 2^-10 seconds as unit.
    sectionHeader(!littleEndian),
    interfaceBlock(!littleEndian, 276, 0, 0x8a),
    enhanced(!littleEndian, 0, 1536n, PACKET_2, 3),
  )
}

const PCAPNG_PACKETS: readonly Seen[] = [
  { timestampSeconds: 1_700_000_000 + 123456 / 1e6, linkType: 1, bytes: [...PACKET_1], originalLength: 60 },
  { timestampSeconds: 1_700_000_001 + 1 / 1e6, linkType: 101, bytes: [...PACKET_2], originalLength: 3 },
  { timestampSeconds: 0, linkType: 1, bytes: [...PACKET_1], originalLength: 5 },
  { timestampSeconds: 1.5, linkType: 276, bytes: [...PACKET_2], originalLength: 3 },
]

for (const littleEndian of [true, false]) {
  for (const chunkBytes of [1, 7, 1 << 20]) {
    const how = `${littleEndian ? 'little' : 'big'} endian, ${chunkBytes} bytes at a time`
    test(`pcap in microseconds and nanoseconds, ${how}`, () => {
      expect(read(pcap(littleEndian, false), chunkBytes)).toEqual({ packets: PCAP_PACKETS })
      expect(read(pcap(littleEndian, true), chunkBytes)).toEqual({ packets: PCAP_PACKETS })
    })

    test(`pcapng with several sections, interfaces and resolutions, ${how}`, () => {
      expect(read(pcapng(littleEndian), chunkBytes)).toEqual({ packets: PCAPNG_PACKETS })
    })
  }
}

test('a file that is cut says in which packet, after delivering those before', () => {
  const file = pcap(true, false)
  for (let length = 24; length <= file.length; length += 1) {
    const { packets, error } = read(file.subarray(0, length), 5)
    const complete = length < 45 ? 0 : length < 64 ? 1 : 2
    expect(packets).toEqual(PCAP_PACKETS.slice(0, complete))
    if (length === 24 || length === 45 || length === 64) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ code: 'capture-truncated', data: { packetNumber: complete + 1 } })
  }
})

test('a pcapng file that is cut in the middle of any block is reported', () => {
  const file = pcapng(true)
  const boundaries = [28, 48, 80, 112, 152, 188, 212, 240, 272, 308]
  for (let length = 12; length < file.length; length += 1) {
    if (boundaries.includes(length)) continue
    expect(read(file.subarray(0, length), 11).error?.code).toBe('capture-truncated')
  }
})

test('what is no capture is refused at once', () => {
  const notACapture = { code: 'not-a-capture' }
  expect(read(new Uint8Array(0)).error).toMatchObject(notACapture)
  expect(read(Uint8Array.from([0xd4, 0xc3])).error).toMatchObject(notACapture)
  expect(read(new TextEncoder().encode('#!/bin/sh\necho hello\n'), 1).error).toMatchObject(notACapture)
  // The first word of pcapng, and then no byte-order magic.
  expect(read(bytesOf(false, [4, 0x0a0d0d0a], [4, 28], [4, 0])).error).toMatchObject(notACapture)
})

test('a length over the limit is refused before any memory is taken for it', () => {
  const header = pcap(true, false).subarray(0, 24)
  const huge = concat(header, bytesOf(true, [4, 1], [4, 0], [4, 0xfffffff0], [4, 0xfffffff0]))
  expect(read(huge).error).toMatchObject({
    code: 'capture-packet-too-large',
    data: { packetNumber: 1, offsetBytes: 24 },
  })
  expect(read(pcap(true, false), 3, 4).error?.code).toBe('capture-packet-too-large')
  const hugeBlock = concat(
    sectionHeader(true),
    interfaceBlock(true, 1, 0),
    bytesOf(true, [4, 6], [4, 0xfffffff0]),
  )
  expect(read(hugeBlock).error?.code).toBe('capture-packet-too-large')
})

test('contradictions in pcapng are malformed, not crashes', () => {
  const start = concat(sectionHeader(true), interfaceBlock(true, 1, 0))
  const malformed = [
    bytesOf(true, [4, 6], [4, 8]),
    bytesOf(true, [4, 6], [4, 33]),
    enhanced(true, 7, 0n, PACKET_1, 5),
    // A captured length that runs past the block.
    block(true, 6, bytesOf(true, [4, 0], [4, 0], [4, 0], [4, 100], [4, 100], [4, 0])),
    interfaceBlock(true, 1, 0, 60),
  ]
  for (const bytes of malformed) {
    const { packets, error } = read(concat(start, bytes), 9)
    expect(packets).toEqual([])
    expect(error?.code).toBe('capture-malformed')
  }
})

test('after a failure the reader keeps failing with the same error', () => {
  const reader = new CaptureReader({ onPacket: () => {} })
  expect(() => reader.push(new Uint8Array(24))).toThrow(CaptureError)
  expect(() => reader.push(pcap(true, false))).toThrow(CaptureError)
  expect(() => reader.end()).toThrow(CaptureError)
})
