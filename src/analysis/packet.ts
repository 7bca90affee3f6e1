/**
 * Decodes a captured frame down to its transport header. One `DecodedPacket` is filled again for every frame, so
 * that a packet costs no allocation; addresses are four signed 32-bit words, which the engine keeps unboxed.
 *
 * Nothing here throws: a frame that cannot be followed yields a reason, and is counted under it. The checks and
 * their order follow Zeek, so that the same frames are left out.
 *
 * Fragments are put together (`fragments.ts`); the frame that completes a datagram yields it, the others yield
 * `'fragment'`. A first fragment whose bytes were cut by the capture is decoded for what it has; cut later ones
 * are counted as `fragment-incomplete`.
 */
import { checksumHolds, pseudoHeaderSum } from './checksum.js'
import { FragmentReassembler } from './fragments.js'
import { icmpCounterpart } from './icmp.js'
import { findIp, UNDECODABLE_REASONS, type Undecodable } from './link-layer.js'
import { innerFrame, MAX_TUNNEL_DEPTH } from './tunnel.js'

export type Transport = 'tcp' | 'udp' | 'icmp' | 'unknown'

export type DecodeResult = 'decoded' | 'fragment' | Undecodable

export const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const

export const IP_PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  ipInIp: 4,
  tcp: 6,
  udp: 17,
  ipv6InIp: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  authentication: 51,
  icmpv6: 58,
  noNext: 59,
  destinationOptions: 60,
  mobility: 135,
} as const

const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40
const TCP_HEADER_BYTES = 20
const UDP_HEADER_BYTES = 8
const ICMP_HEADER_BYTES = 8

/** A decoded packet. Valid until the decoder gets the next frame. */
export class DecodedPacket {
  transport: Transport = 'unknown'
  /** Protocol number in the IP header (IPv6: after the extension headers). */
  ipProtocol = 0
  /** The source address as four signed 32-bit words; IPv4 is mapped (0, 0, 0xffff, address). */
  source0 = 0
  source1 = 0
  source2 = 0
  source3 = 0
  target0 = 0
  target1 = 0
  target2 = 0
  target3 = 0
  /** TCP and UDP: the port. ICMP: the message type. Otherwise 0. */
  sourcePort = 0
  /** TCP and UDP: the port. ICMP: the type that answers this one, or the code if none does. Otherwise 0. */
  targetPort = 0
  /** ICMP messages without an answer form a connection per direction. */
  isOneWay = false
  /** Length of the IP packet as its header states it, in bytes. */
  ipLength = 0
  /** Bytes after the IP headers, as the IP header states it; 0 when segmentation offload left the length empty. */
  statedPayloadLength = 0
  /** Bytes after the IP headers that were captured and belong to the packet. */
  capturedPayloadLength = 0
  /** The buffer that holds the transport header, and where in it. */
  bytes: Uint8Array = new Uint8Array(0)
  transportOffset = 0
  /** The pair of addresses between which the innermost tunnel runs, as text; empty outside of tunnels. */
  tunnel = ''
  /** A transport checksum that does not add up. Only set when checksums are verified. */
  hasBadChecksum = false
}

export interface PacketDecoderOptions {
  /** Accept packets whatever their checksums are, as `zeek -C` does. */
  readonly ignoreChecksums: boolean
}

export class PacketDecoder {
  /** The packet of the last call that returned `'decoded'`. */
  readonly packet = new DecodedPacket()
  /** Frames per reason that could not be followed. */
  readonly undecodable: Readonly<Record<Undecodable, number>>
  readonly #counters: Record<Undecodable, number>
  readonly #ignoreChecksums: boolean
  readonly #fragments = new FragmentReassembler()
  #tunnelDepth = 0

  constructor(options: PacketDecoderOptions) {
    this.#ignoreChecksums = options.ignoreChecksums
    this.#counters = Object.fromEntries(UNDECODABLE_REASONS.map((reason) => [reason, 0])) as Record<
      Undecodable,
      number
    >
    this.undecodable = this.#counters
  }

  /** Fragmented datagrams that were given up incomplete. */
  get droppedDatagrams(): number {
    return this.#fragments.droppedDatagrams
  }

  /** Decodes one frame. `originalLength` is its length on the wire in bytes. */
  decode(
    timestampSeconds: number,
    linkType: number,
    bytes: Uint8Array,
    originalLength: number,
  ): DecodeResult {
    this.packet.tunnel = ''
    this.#tunnelDepth = 0
    const result = this.#decodeFrame(timestampSeconds, linkType, bytes, originalLength)
    if (result !== 'decoded' && result !== 'fragment') this.#counters[result] += 1
    return result
  }

  #decodeFrame(
    timestampSeconds: number,
    linkType: number,
    bytes: Uint8Array,
    wireLength: number,
  ): DecodeResult {
    const offset = findIp(linkType, bytes)
    return typeof offset === 'number' ? this.#decodeIp(timestampSeconds, bytes, offset, wireLength) : offset
  }

  #decodeIp(timestampSeconds: number, bytes: Uint8Array, offset: number, wireLength: number): DecodeResult {
    if (bytes.length - offset < IPV4_HEADER_BYTES) return 'ip-header-truncated'
    const version = bytes[offset]! >>> 4
    if (version === 4) return this.#decodeIPv4(timestampSeconds, bytes, offset, wireLength)
    if (version !== 6) return 'ip-header-invalid'
    if (bytes.length - offset < IPV6_HEADER_BYTES) return 'ip-header-truncated'
    return this.#decodeIPv6(timestampSeconds, bytes, offset, wireLength)
  }

  #decodeIPv4(timestampSeconds: number, bytes: Uint8Array, offset: number, wireLength: number): DecodeResult {
    const packet = this.packet
    const captured = bytes.length - offset
    const headerLength = (bytes[offset]! & 15) * 4
    const statedLength = readUint16(bytes, offset + 2)
    // Segmentation offload leaves the length empty, and with it the checksum wrong.
    if (statedLength === 0 && !this.#ignoreChecksums) return 'ip-length-zero'
    const length = statedLength === 0 ? captured : statedLength
    if (wireLength < offset + length) return 'ip-shorter-than-stated'
    if (headerLength < IPV4_HEADER_BYTES || headerLength > length) return 'ip-header-invalid'
    if (headerLength > captured) return 'ip-header-truncated'
    if (!this.#ignoreChecksums && !checksumHolds(bytes, offset, offset + headerLength))
      return 'ip-checksum-bad'

    packet.source0 = packet.source1 = packet.target0 = packet.target1 = 0
    packet.source2 = packet.target2 = 0xffff
    packet.source3 = readWord(bytes, offset + 12)
    packet.target3 = readWord(bytes, offset + 16)

    const fragmentField = readUint16(bytes, offset + 6)
    if ((fragmentField & 0x3fff) !== 0) {
      const fragmentOffset = (fragmentField & 0x1fff) * 8
      if (captured >= length) {
        const datagram = this.#fragments.add({
          key: this.#fragmentKey(readUint16(bytes, offset + 4)),
          timestampSeconds,
          header: bytes.subarray(offset, offset + headerLength),
          payload: bytes.subarray(offset + headerLength, offset + length),
          offset: fragmentOffset,
          isLast: (fragmentField & 0x2000) === 0,
          nextProtocol: bytes[offset + 9]!,
        })
        if (datagram === undefined) return 'fragment'
        packet.ipLength = datagram.bytes.length
        return this.#decodeTransport(
          timestampSeconds,
          datagram.nextProtocol,
          datagram.bytes,
          headerLength,
          datagram.bytes.length,
        )
      }
      if (fragmentOffset !== 0) return 'fragment-incomplete'
    }
    packet.ipLength = statedLength
    return this.#decodeTransport(
      timestampSeconds,
      bytes[offset + 9]!,
      bytes,
      offset + headerLength,
      offset + statedLength,
    )
  }

  #decodeIPv6(timestampSeconds: number, bytes: Uint8Array, offset: number, wireLength: number): DecodeResult {
    const packet = this.packet
    const length = readUint16(bytes, offset + 4) + IPV6_HEADER_BYTES
    if (wireLength < offset + length) return 'ip-shorter-than-stated'
    packet.ipLength = length
    packet.source0 = readWord(bytes, offset + 8)
    packet.source1 = readWord(bytes, offset + 12)
    packet.source2 = readWord(bytes, offset + 16)
    packet.source3 = readWord(bytes, offset + 20)
    packet.target0 = readWord(bytes, offset + 24)
    packet.target1 = readWord(bytes, offset + 28)
    packet.target2 = readWord(bytes, offset + 32)
    packet.target3 = readWord(bytes, offset + 36)
    const firstHeader = offset + IPV6_HEADER_BYTES
    return this.#decodeExtensions(timestampSeconds, bytes, offset, offset + 6, firstHeader, length, true)
  }

  /**
   * Walks the extension headers of an IPv6 packet. `typeOffset` is where the type of the header at `start` stands;
   * `length` is that of the whole packet from `ipOffset`. A datagram put together from fragments cannot itself be
   * a fragment: without that rule, one packet full of fragment headers would nest as deep as it is long.
   */
  #decodeExtensions(
    timestampSeconds: number,
    bytes: Uint8Array,
    ipOffset: number,
    typeOffset: number,
    start: number,
    length: number,
    mayBeFragment: boolean,
  ): DecodeResult {
    let typeAt = typeOffset
    let header = start
    for (;;) {
      const type = bytes[typeAt]!
      switch (type) {
        case IP_PROTOCOL.esp:
        case IP_PROTOCOL.mobility:
          return 'encrypted-or-mobility'
        case IP_PROTOCOL.fragment:
          if (!mayBeFragment) return 'ip-header-invalid'
          if (header + 8 > bytes.length) return 'ip-header-truncated'
          return this.#decodeIPv6Fragment(timestampSeconds, bytes, ipOffset, typeAt, header, length)
        case IP_PROTOCOL.hopByHop:
        case IP_PROTOCOL.routing:
        case IP_PROTOCOL.destinationOptions:
        case IP_PROTOCOL.authentication: {
          if (header + 8 > bytes.length) return 'ip-header-truncated'
          const unit = type === IP_PROTOCOL.authentication ? 4 : 8
          const headerLength = 8 + bytes[header + 1]! * unit
          if (header + headerLength > bytes.length) return 'ip-header-truncated'
          if (header + headerLength > ipOffset + length) return 'ip-header-invalid'
          if (type === IP_PROTOCOL.routing) this.#followRouting(bytes, header, headerLength)
          typeAt = header
          header += headerLength
          break
        }
        default:
          return this.#decodeTransport(timestampSeconds, type, bytes, header, ipOffset + length)
      }
    }
  }

  /** With segments left, the packet is for the last address of a routing header (type 0), not for the next hop. */
  #followRouting(bytes: Uint8Array, header: number, headerLength: number): void {
    const isSourceRoute = bytes[header + 2] === 0 || bytes[header + 2] === 2
    if (!isSourceRoute || bytes[header + 3] === 0 || headerLength % 16 !== 8 || headerLength < 24) return
    const last = header + headerLength - 16
    this.packet.target0 = readWord(bytes, last)
    this.packet.target1 = readWord(bytes, last + 4)
    this.packet.target2 = readWord(bytes, last + 8)
    this.packet.target3 = readWord(bytes, last + 12)
  }

  #decodeIPv6Fragment(
    timestampSeconds: number,
    bytes: Uint8Array,
    ipOffset: number,
    typeAt: number,
    header: number,
    length: number,
  ): DecodeResult {
    const field = readUint16(bytes, header + 2)
    const nextProtocol = bytes[header]!
    if (bytes.length - ipOffset < length) {
      if ((field & 0xfff8) !== 0) return 'fragment-incomplete'
      return this.#decodeTransport(timestampSeconds, nextProtocol, bytes, header + 8, ipOffset + length)
    }
    if (header + 8 > ipOffset + length) return 'ip-header-invalid'
    const datagram = this.#fragments.add({
      key: this.#fragmentKey(readWord(bytes, header + 4) >>> 0),
      timestampSeconds,
      header: bytes.subarray(ipOffset, header),
      payload: bytes.subarray(header + 8, ipOffset + length),
      offset: field & 0xfff8,
      isLast: (field & 1) === 0,
      nextProtocol,
    })
    if (datagram === undefined) return 'fragment'
    const whole = datagram.bytes
    this.packet.ipLength = whole.length
    whole[typeAt - ipOffset] = datagram.nextProtocol
    const { headerLength } = datagram
    return this.#decodeExtensions(
      timestampSeconds,
      whole,
      0,
      typeAt - ipOffset,
      headerLength,
      whole.length,
      false,
    )
  }

  #fragmentKey(identification: number): string {
    const { source0, source1, source2, source3, target0, target1, target2, target3 } = this.packet
    const sourceText = `${source0},${source1},${source2},${source3}`
    return `${sourceText},${target0},${target1},${target2},${target3},${identification}`
  }

  /** `end` is where the packet ends by its IP header; not after `offset` when the header states no length. */
  #decodeTransport(
    timestampSeconds: number,
    protocol: number,
    bytes: Uint8Array,
    offset: number,
    end: number,
  ): DecodeResult {
    const packet = this.packet
    const stated = Math.max(0, end - offset)
    const available = Math.max(0, bytes.length - offset)
    packet.ipProtocol = protocol
    packet.statedPayloadLength = stated
    packet.capturedPayloadLength = stated === 0 ? available : Math.min(available, stated)
    packet.bytes = bytes
    packet.transportOffset = offset
    packet.isOneWay = false
    packet.hasBadChecksum = false
    switch (protocol) {
      case IP_PROTOCOL.tcp:
        packet.transport = 'tcp'
        return this.#decodePorts(TCP_HEADER_BYTES)
      case IP_PROTOCOL.udp:
        packet.transport = 'udp'
        return this.#decodePorts(UDP_HEADER_BYTES)
      case IP_PROTOCOL.icmp:
      case IP_PROTOCOL.icmpv6:
        return this.#decodeIcmp(protocol)
      case IP_PROTOCOL.noNext:
        return 'ip-no-next-header'
      case IP_PROTOCOL.ipInIp:
      case IP_PROTOCOL.ipv6InIp:
      case IP_PROTOCOL.gre:
        return this.#decodeTunnel(timestampSeconds)
      default:
        packet.transport = 'unknown'
        packet.sourcePort = packet.targetPort = 0
        return 'decoded'
    }
  }

  /** Goes on with the packet inside: that one is tracked, the outer one only tells where it ran. */
  #decodeTunnel(timestampSeconds: number): DecodeResult {
    const packet = this.packet
    const { bytes, transportOffset, capturedPayloadLength } = packet
    if (this.#tunnelDepth >= MAX_TUNNEL_DEPTH) return 'tunnel'
    const payload = bytes.subarray(transportOffset, transportOffset + capturedPayloadLength)
    const inner = innerFrame(packet.ipProtocol, payload)
    if (inner === undefined) return 'tunnel'
    const source = `${packet.source0},${packet.source1},${packet.source2},${packet.source3}`
    const target = `${packet.target0},${packet.target1},${packet.target2},${packet.target3}`
    packet.tunnel = source < target ? `${source} ${target}` : `${target} ${source}`
    this.#tunnelDepth += 1
    return this.#decodeFrame(timestampSeconds, inner.linkType, inner.bytes, inner.bytes.length)
  }

  #hasHeader(length: number): boolean {
    const { statedPayloadLength, capturedPayloadLength } = this.packet
    return (statedPayloadLength === 0 || statedPayloadLength >= length) && capturedPayloadLength >= length
  }

  #decodePorts(headerLength: number): DecodeResult {
    if (!this.#hasHeader(headerLength)) return 'transport-header-truncated'
    const packet = this.packet
    packet.sourcePort = readUint16(packet.bytes, packet.transportOffset)
    packet.targetPort = readUint16(packet.bytes, packet.transportOffset + 2)
    if (this.#ignoreChecksums) return 'decoded'
    // UDP over IPv4 may go without a checksum.
    const isOptional = packet.transport === 'udp' && isIPv4(packet)
    if (isOptional && readUint16(packet.bytes, packet.transportOffset + 6) === 0) return 'decoded'
    packet.hasBadChecksum = !transportChecksumHolds(packet, true)
    return 'decoded'
  }

  #decodeIcmp(protocol: number): DecodeResult {
    if (!this.#hasHeader(ICMP_HEADER_BYTES)) return 'transport-header-truncated'
    const packet = this.packet
    const type = packet.bytes[packet.transportOffset]!
    const counterpart = icmpCounterpart(protocol, type)
    packet.transport = 'icmp'
    packet.sourcePort = type
    packet.targetPort = counterpart ?? packet.bytes[packet.transportOffset + 1]!
    packet.isOneWay = counterpart === undefined
    packet.hasBadChecksum =
      !this.#ignoreChecksums && !transportChecksumHolds(packet, protocol === IP_PROTOCOL.icmpv6)
    return 'decoded'
  }
}

function isIPv4(packet: DecodedPacket): boolean {
  return packet.source0 === 0 && packet.source1 === 0 && packet.source2 === 0xffff
}

/** A packet that the capture cut cannot be verified and counts as intact, as in Zeek. */
function transportChecksumHolds(packet: DecodedPacket, hasPseudoHeader: boolean): boolean {
  const length = packet.statedPayloadLength === 0 ? packet.capturedPayloadLength : packet.statedPayloadLength
  if (packet.capturedPayloadLength < length) return true
  const sum = hasPseudoHeader
    ? pseudoHeaderSum(
        isIPv4(packet)
          ? [packet.source3, packet.target3]
          : [
              packet.source0,
              packet.source1,
              packet.source2,
              packet.source3,
              packet.target0,
              packet.target1,
              packet.target2,
              packet.target3,
            ],
        packet.ipProtocol,
        length,
      )
    : 0
  return checksumHolds(packet.bytes, packet.transportOffset, packet.transportOffset + length, sum)
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

/** A signed 32-bit word in network byte order. */
function readWord(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
