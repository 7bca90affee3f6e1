/** The fields of a TCP segment. One object is filled for each packet, so that a packet costs no allocation. */
import { type DecodedPacket, TCP_FLAG } from './packet.js'

const MIN_HEADER_BYTES = 20

export class TcpSegment {
  hasSyn = false
  hasFin = false
  hasRst = false
  hasAck = false
  sequence = 0
  acknowledgment = 0
  window = 0
  /** Payload bytes by the headers. */
  payloadLength = 0
  /** The capture has all of the payload. */
  isComplete = false
  /** Sequence number after this segment. */
  nextSequence = 0
  /** Numbers in sequence space that this segment takes. */
  sequenceLength = 0
  /** Position relative to the start of its direction; set once the direction has a start. */
  position = 0

  /** Fills this from a decoded TCP packet; false when the TCP header is impossible or cut. */
  read(packet: DecodedPacket): boolean {
    const { bytes, transportOffset, capturedPayloadLength } = packet
    const headerLength = tcpHeaderLength(packet)
    // Segmentation offload leaves no length in the IP header.
    const length = packet.ipLength === 0 ? capturedPayloadLength : packet.statedPayloadLength
    if (headerLength < MIN_HEADER_BYTES || headerLength > length || headerLength > capturedPayloadLength)
      return false
    const flags = tcpFlags(packet)
    this.hasSyn = (flags & TCP_FLAG.syn) !== 0
    this.hasFin = (flags & TCP_FLAG.fin) !== 0
    this.hasRst = (flags & TCP_FLAG.rst) !== 0
    this.hasAck = (flags & TCP_FLAG.ack) !== 0
    this.sequence = tcpSequence(packet)
    this.acknowledgment = readUint32(bytes, transportOffset + 8)
    this.window = (bytes[transportOffset + 14]! << 8) | bytes[transportOffset + 15]!
    this.payloadLength = length - headerLength
    this.isComplete = capturedPayloadLength >= length
    // SYN and FIN take a number each; what a RST carries is not part of the stream.
    this.sequenceLength =
      (this.hasRst ? 0 : this.payloadLength) + (this.hasSyn ? 1 : 0) + (this.hasFin ? 1 : 0)
    this.nextSequence = (this.sequence + this.sequenceLength) >>> 0
    this.position = 0
    return true
  }
}

export function tcpFlags(packet: DecodedPacket): number {
  return packet.bytes[packet.transportOffset + 13]!
}

export function tcpSequence(packet: DecodedPacket): number {
  return readUint32(packet.bytes, packet.transportOffset + 4)
}

/** Length of the TCP header in bytes, as it says itself. */
export function tcpHeaderLength(packet: DecodedPacket): number {
  return (packet.bytes[packet.transportOffset + 12]! >>> 4) * 4
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  )
}
