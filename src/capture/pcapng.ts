/**
 * What a pcapng section says about its blocks: byte order and interfaces. The blocks themselves are cut out by
 * the reader; here their fields are read. draft-ietf-opsawg-pcapng, "Section Header Block" and following.
 */

/** Block types that carry meaning here; all others are skipped. */
export const BLOCK_TYPE = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  /** Obsolete, still written by old tools. */
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const

const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const OPTION_END = 0
const OPTION_TIMESTAMP_RESOLUTION = 9
const OPTION_TIMESTAMP_OFFSET = 14
/** Timestamps finer than a picosecond say nothing, and their divisor would no longer be exact. */
const MAX_DECIMAL_RESOLUTION = 12
const MAX_BINARY_RESOLUTION = 40

/** An interface description block. */
interface CaptureInterface {
  readonly linkType: number
  /** Captured bytes per packet at most; 0 means no limit. */
  readonly snapLength: number
  /** Timestamp units in a second. */
  readonly unitsPerSecond: number
  /** Added to every timestamp, in seconds. */
  readonly offsetSeconds: number
}

/** Where the packet lies in its block, and what is known about it. `fault` says why it cannot be read. */
export interface PacketBlock {
  timestampSeconds: number
  linkType: number
  /** Position of the captured bytes, relative to the start of the block. */
  dataOffset: number
  capturedLength: number
  originalLength: number
  fault: string | undefined
}

/** The byte order that a section header's byte-order magic (at `offset + 8`) shows, or undefined if it is none. */
export function sectionIsLittleEndian(view: DataView, offset: number): boolean | undefined {
  if (view.getUint32(offset + 8, true) === BYTE_ORDER_MAGIC) return true
  return view.getUint32(offset + 8, false) === BYTE_ORDER_MAGIC ? false : undefined
}

/** One section: interfaces are numbered from 0 in each. `offset` arguments point at the block's type field. */
export class PcapngSection {
  readonly littleEndian: boolean
  readonly #interfaces: CaptureInterface[] = []
  readonly #block: PacketBlock = {
    timestampSeconds: 0,
    linkType: 0,
    dataOffset: 0,
    capturedLength: 0,
    originalLength: 0,
    fault: undefined,
  }

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian
  }

  /** Takes an interface description block; returns what is wrong with it, or undefined. */
  addInterface(view: DataView, offset: number, length: number): string | undefined {
    if (length < 20) return 'interface description is too short'
    let unitsPerSecond = 1e6
    let offsetSeconds = 0
    for (let option = offset + 16; option + 4 <= offset + length - 4; ) {
      const code = view.getUint16(option, this.littleEndian)
      const size = view.getUint16(option + 2, this.littleEndian)
      if (code === OPTION_END) break
      if (option + 4 + size > offset + length - 4) return 'interface option runs past its block'
      if (code === OPTION_TIMESTAMP_RESOLUTION && size >= 1) {
        const resolution = view.getUint8(option + 4)
        const exponent = resolution & 0x7f
        const binary = resolution >= 0x80
        if (exponent > (binary ? MAX_BINARY_RESOLUTION : MAX_DECIMAL_RESOLUTION)) {
          return `timestamp resolution ${binary ? 2 : 10}^-${exponent} is too fine`
        }
        unitsPerSecond = binary ? 2 ** exponent : 10 ** exponent
      }
      if (code === OPTION_TIMESTAMP_OFFSET && size >= 8) {
        offsetSeconds = Number(view.getBigInt64(option + 4, this.littleEndian))
      }
      option += 4 + size + (-size & 3)
    }
    this.#interfaces.push({
      linkType: view.getUint16(offset + 8, this.littleEndian),
      snapLength: view.getUint32(offset + 12, this.littleEndian),
      unitsPerSecond,
      offsetSeconds,
    })
    return undefined
  }

  /** Bytes of a packet block that must be there before its captured length can be read. */
  static fixedLength(type: number): number {
    return type === BLOCK_TYPE.simplePacket ? 12 : 28
  }

  /** Reads the fixed fields of a packet block, whose total length is `length`. The result is reused. */
  packetBlock(type: number, view: DataView, offset: number, length: number): PacketBlock {
    const block = this.#block
    const simple = type === BLOCK_TYPE.simplePacket
    const number = simple
      ? 0
      : type === BLOCK_TYPE.packet
        ? view.getUint16(offset + 8, this.littleEndian)
        : view.getUint32(offset + 8, this.littleEndian)
    const source = this.#interfaces[number]
    if (source === undefined) {
      block.fault = `a packet names interface ${number}, which is not described`
      return block
    }
    block.linkType = source.linkType
    block.dataOffset = simple ? 12 : 28
    if (simple) {
      block.originalLength = view.getUint32(offset + 8, this.littleEndian)
      block.capturedLength =
        source.snapLength === 0 ? block.originalLength : Math.min(source.snapLength, block.originalLength)
      // A simple packet block has no time; libpcap gives 0 too.
      block.timestampSeconds = 0
    } else {
      block.capturedLength = view.getUint32(offset + 20, this.littleEndian)
      block.originalLength = view.getUint32(offset + 24, this.littleEndian)
      const high = view.getUint32(offset + 12, this.littleEndian)
      const low = view.getUint32(offset + 16, this.littleEndian)
      block.timestampSeconds = toSeconds(high, low, source.unitsPerSecond) + source.offsetSeconds
    }
    const room = length - 4 - block.dataOffset
    block.fault = block.capturedLength > room ? 'captured length runs past its block' : undefined
    return block
  }
}

/** A timestamp of two 32-bit halves as seconds, cut to microseconds as libpcap does it for Zeek. */
function toSeconds(high: number, low: number, unitsPerSecond: number): number {
  const units = high * 2 ** 32 + low
  if (units <= Number.MAX_SAFE_INTEGER) {
    const seconds = Math.floor(units / unitsPerSecond)
    return seconds + Math.floor(((units - seconds * unitsPerSecond) * 1e6) / unitsPerSecond) / 1e6
  }
  const exactUnits = (BigInt(high) << 32n) | BigInt(low)
  const perSecond = BigInt(unitsPerSecond)
  const seconds = exactUnits / perSecond
  return Number(seconds) + Number(((exactUnits - seconds * perSecond) * 1_000_000n) / perSecond) / 1e6
}
