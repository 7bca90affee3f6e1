/**
 * Reads capture files: classic pcap (microseconds and nanoseconds, both byte orders) and pcapng. The usual way is
 * a reader that owns the file, or libpcap behind a native module; here the caller feeds bytes as they come, in
 * pieces of any size, and gets packets. So the same machine reads files, pipes and sockets, and a test can feed
 * it byte by byte. A record that lies inside one piece is handed out in place; only one that spans pieces is copied.
 */
import { CaptureError, type CaptureErrorCode } from './capture-error.js'
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_RECORD_HEADER_BYTES,
  type PcapLayout,
  pcapLayoutOf,
  pcapLinkType,
  pcapTimestampSeconds,
} from './pcap.js'
import { BLOCK_TYPE, PcapngSection, sectionIsLittleEndian } from './pcapng.js'

/** One captured packet. The reader reuses this object: it and `bytes` are valid only during the callback. */
export interface CapturePacket {
  /** Seconds since the Unix epoch, cut to microseconds as libpcap does it for Zeek. */
  readonly timestampSeconds: number
  /** LINKTYPE_ value of the interface, as registered at tcpdump.org. */
  readonly linkType: number
  /** The captured bytes: a view into the caller's chunk or the reader's buffer. */
  readonly bytes: Uint8Array
  /** Bytes that the packet had on the wire; larger than `bytes.length` when the capture cut it. */
  readonly originalLength: number
}

export interface CaptureReaderOptions {
  readonly onPacket: (packet: CapturePacket) => void
  /** Largest captured packet that is accepted, in bytes. Default 262144, the largest that tcpdump writes. */
  readonly maxPacketBytes?: number
}

export const DEFAULT_MAX_PACKET_BYTES = 262_144

/** Options that a packet block may carry besides its packet, and the size of a block that only describes. */
const MAX_OPTIONS_BYTES = 1_048_576
const BLOCK_HEADER_BYTES = 8
const MIN_BLOCK_BYTES = 12
const SECTION_HEADER_FIXED_BYTES = 12

type ReaderState =
  | { readonly kind: 'start' }
  | { readonly kind: 'pcap'; readonly layout: PcapLayout; readonly linkType: number }
  | { readonly kind: 'pcapng'; readonly section: PcapngSection }
  | { readonly kind: 'failed'; readonly error: CaptureError }

/** A pcap or pcapng file as a machine: `push` chunks, then `end`. Both throw a `CaptureError`. */
export class CaptureReader {
  readonly #onPacket: (packet: CapturePacket) => void
  readonly #maxPacketBytes: number
  readonly #packet = { timestampSeconds: 0, linkType: 0, bytes: new Uint8Array(0), originalLength: 0 }
  #state: ReaderState = { kind: 'start' }
  #pending = new Uint8Array(4096)
  #pendingLength = 0
  /** Bytes of the record at hand that must be there before it can be parsed further. */
  #neededBytes = 4
  #skipBytes = 0
  #offsetBytes = 0
  #packets = 0

  constructor(options: CaptureReaderOptions) {
    this.#onPacket = options.onPacket
    this.#maxPacketBytes = options.maxPacketBytes ?? DEFAULT_MAX_PACKET_BYTES
  }

  /** Packets delivered so far. */
  get packets(): number {
    return this.#packets
  }

  /** Takes the next bytes of the file. The reader keeps no view of `chunk`. */
  push(chunk: Uint8Array): void {
    let start = this.#skip(chunk.length, 0)
    while (this.#pendingLength > 0 && start < chunk.length) {
      const taken = Math.min(this.#neededBytes - this.#pendingLength, chunk.length - start)
      this.#keep(chunk, start, start + taken)
      start += taken
      if (this.#pendingLength < this.#neededBytes) return
      // All or nothing: exactly the needed bytes are pending, so parsing takes them or asks for more.
      if (this.#parse(this.#pending, 0, this.#pendingLength) > 0) this.#pendingLength = 0
      start = this.#skip(chunk.length, start)
    }
    if (start >= chunk.length) return
    const consumed = this.#parse(chunk, start, chunk.length)
    this.#keep(chunk, consumed, chunk.length)
  }

  /** Says that the input is complete; throws when it ends in the middle of something. */
  end(): void {
    if (this.#state.kind === 'failed') throw this.#state.error
    if (this.#state.kind === 'start' && this.#pendingLength < 4) {
      this.#fail(
        'not-a-capture',
        this.#pendingLength === 0 ? 'the input is empty' : 'neither pcap nor pcapng',
      )
    }
    if (this.#pendingLength > 0 || this.#skipBytes > 0) {
      this.#fail('capture-truncated', `the capture ends inside packet ${this.#packets + 1}`)
    }
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#pendingLength + end - start
    if (length > this.#pending.length) {
      const larger = new Uint8Array(Math.max(length, this.#neededBytes))
      larger.set(this.#pending.subarray(0, this.#pendingLength))
      this.#pending = larger
    }
    this.#pending.set(bytes.subarray(start, end), this.#pendingLength)
    this.#pendingLength = length
  }

  /** Passes over what is left of a skipped block in `[start, end)`; returns where the next one starts. */
  #skip(end: number, start: number): number {
    const skipped = Math.min(this.#skipBytes, end - start)
    this.#skipBytes -= skipped
    this.#offsetBytes += skipped
    return start + skipped
  }

  /** Parses whole records from `bytes[start, end)` and returns where the first incomplete one starts. */
  #parse(bytes: Uint8Array, start: number, end: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, end)
    let offset = start
    while (offset < end) {
      const length = this.#parseOne(view, bytes, offset, end)
      if (length === 0) return offset
      this.#offsetBytes += length
      offset += length
      if (this.#skipBytes > 0) offset = this.#skip(end, offset)
    }
    return offset
  }

  /** Handles one header, record or block; 0 when more bytes are needed, whose number is then in `#neededBytes`. */
  #parseOne(view: DataView, bytes: Uint8Array, offset: number, end: number): number {
    const state = this.#state
    switch (state.kind) {
      case 'start':
        return this.#parseStart(view, offset, end)
      case 'pcap':
        return this.#parseRecord(state.layout, state.linkType, view, bytes, offset, end)
      case 'pcapng':
        return this.#parseBlock(state.section, view, bytes, offset, end)
      case 'failed':
        throw state.error
      default:
        return state satisfies never
    }
  }

  #has(offset: number, end: number, length: number): boolean {
    this.#neededBytes = length
    return end - offset >= length
  }

  #parseStart(view: DataView, offset: number, end: number): number {
    if (!this.#has(offset, end, 4)) return 0
    const magic = view.getUint32(offset)
    const layout = pcapLayoutOf(magic)
    if (layout !== undefined) {
      if (!this.#has(offset, end, PCAP_FILE_HEADER_BYTES)) return 0
      this.#state = { kind: 'pcap', layout, linkType: pcapLinkType(view, offset, layout) }
      return PCAP_FILE_HEADER_BYTES
    }
    if (magic !== BLOCK_TYPE.sectionHeader) this.#fail('not-a-capture', 'neither pcap nor pcapng')
    if (!this.#has(offset, end, SECTION_HEADER_FIXED_BYTES)) return 0
    if (sectionIsLittleEndian(view, offset) === undefined)
      this.#fail('not-a-capture', 'neither pcap nor pcapng')
    return this.#parseSectionHeader(view, offset, end)
  }

  #parseRecord(
    layout: PcapLayout,
    linkType: number,
    view: DataView,
    bytes: Uint8Array,
    offset: number,
    end: number,
  ): number {
    if (!this.#has(offset, end, PCAP_RECORD_HEADER_BYTES)) return 0
    const capturedLength = view.getUint32(offset + 8, layout.littleEndian)
    this.#checkPacketLength(capturedLength)
    const length = PCAP_RECORD_HEADER_BYTES + capturedLength
    if (!this.#has(offset, end, length)) return 0
    this.#deliver(
      pcapTimestampSeconds(view, offset, layout),
      linkType,
      bytes.subarray(offset + PCAP_RECORD_HEADER_BYTES, offset + length),
      view.getUint32(offset + 12, layout.littleEndian),
    )
    return length
  }

  #parseBlock(
    section: PcapngSection,
    view: DataView,
    bytes: Uint8Array,
    offset: number,
    end: number,
  ): number {
    if (!this.#has(offset, end, BLOCK_HEADER_BYTES)) return 0
    const type = view.getUint32(offset, section.littleEndian)
    switch (type) {
      case BLOCK_TYPE.sectionHeader:
        if (!this.#has(offset, end, SECTION_HEADER_FIXED_BYTES)) return 0
        return this.#parseSectionHeader(view, offset, end)
      case BLOCK_TYPE.interfaceDescription: {
        const length = this.#blockLength(view, offset, section.littleEndian, MAX_OPTIONS_BYTES)
        if (!this.#has(offset, end, length)) return 0
        const fault = section.addInterface(view, offset, length)
        if (fault !== undefined) this.#fail('capture-malformed', fault)
        return length
      }
      case BLOCK_TYPE.packet:
      case BLOCK_TYPE.simplePacket:
      case BLOCK_TYPE.enhancedPacket:
        return this.#parsePacketBlock(section, type, view, bytes, offset, end)
      default:
        this.#skipBytes = this.#blockLength(view, offset, section.littleEndian, Infinity) - BLOCK_HEADER_BYTES
        return BLOCK_HEADER_BYTES
    }
  }

  /** A section header starts over: its own byte order, no interfaces. */
  #parseSectionHeader(view: DataView, offset: number, end: number): number {
    const littleEndian = sectionIsLittleEndian(view, offset)
    if (littleEndian === undefined) this.#fail('capture-malformed', 'a section without byte-order magic')
    const length = this.#blockLength(view, offset, littleEndian, MAX_OPTIONS_BYTES)
    if (!this.#has(offset, end, length)) return 0
    this.#state = { kind: 'pcapng', section: new PcapngSection(littleEndian) }
    return length
  }

  #parsePacketBlock(
    section: PcapngSection,
    type: number,
    view: DataView,
    bytes: Uint8Array,
    offset: number,
    end: number,
  ): number {
    const length = this.#blockLength(
      view,
      offset,
      section.littleEndian,
      this.#maxPacketBytes + MAX_OPTIONS_BYTES,
    )
    const fixedLength = PcapngSection.fixedLength(type)
    if (length < fixedLength + 4) this.#fail('capture-malformed', 'a packet block is too short')
    if (!this.#has(offset, end, fixedLength)) return 0
    const block = section.packetBlock(type, view, offset, length)
    if (block.fault !== undefined) this.#fail('capture-malformed', block.fault)
    this.#checkPacketLength(block.capturedLength)
    if (!this.#has(offset, end, length)) return 0
    const start = offset + block.dataOffset
    const data = bytes.subarray(start, start + block.capturedLength)
    this.#deliver(block.timestampSeconds, block.linkType, data, block.originalLength)
    return length
  }

  #blockLength(view: DataView, offset: number, littleEndian: boolean, maxBytes: number): number {
    const length = view.getUint32(offset + 4, littleEndian)
    if (length < MIN_BLOCK_BYTES || length % 4 !== 0) {
      this.#fail('capture-malformed', `a block claims a length of ${length}`)
    }
    if (length > maxBytes) {
      this.#fail('capture-packet-too-large', `a block claims ${length} bytes; the limit is ${maxBytes}`)
    }
    return length
  }

  #deliver(timestampSeconds: number, linkType: number, bytes: Uint8Array, originalLength: number): void {
    const packet = this.#packet
    packet.timestampSeconds = timestampSeconds
    packet.linkType = linkType
    packet.bytes = bytes as Uint8Array<ArrayBuffer>
    packet.originalLength = originalLength
    this.#packets += 1
    this.#onPacket(packet)
  }

  #checkPacketLength(capturedLength: number): void {
    if (capturedLength <= this.#maxPacketBytes) return
    const limit = this.#maxPacketBytes
    this.#fail(
      'capture-packet-too-large',
      `packet ${this.#packets + 1} claims ${capturedLength} captured bytes; the limit is ${limit}`,
    )
  }

  #fail(code: CaptureErrorCode, what: string): never {
    const where = { packetNumber: this.#packets + 1, offsetBytes: this.#offsetBytes }
    const error = new CaptureError(code, `${what} (byte ${where.offsetBytes} of the input)`, where)
    this.#state = { kind: 'failed', error }
    throw error
  }
}
