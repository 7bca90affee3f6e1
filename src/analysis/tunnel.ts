/**
 * Packets inside packets: IP in IP (RFC 2003, 4213) and GRE (RFC 2784, 2890, and the PPTP form of RFC 2637). Zeek
 * logs what runs inside as connections of their own.
 */
import { LINK_TYPE } from './link-layer.js'

/** Zeek's `Tunnel::max_depth`. */
export const MAX_TUNNEL_DEPTH = 2

const IP_IN_IP = 4
const IPV6_IN_IP = 41
const ETHERTYPE_BRIDGED = 0x6558
const ETHERTYPE_ERSPAN = 0x88be
const ETHERTYPE_ERSPAN_3 = 0x22eb
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const GRE_PPTP = 0x880b
const PPP_IPV4 = 0x0021
const PPP_IPV6 = 0x0057
const ETHERNET_HEADER_BYTES = 14
const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40

const GRE_CHECKSUM = 0x8000
const GRE_ROUTING = 0x4000
const GRE_KEY = 0x2000
const GRE_SEQUENCE = 0x1000
const GRE_ACKNOWLEDGMENT = 0x0080
const GRE_RESERVED = 0x0078
const GRE_VERSION = 0x0007

/** The frame inside a tunnel packet. */
export interface InnerFrame {
  readonly linkType: number
  readonly bytes: Uint8Array
}

/** The frame in the payload of an IP packet of this tunnel protocol; undefined when there is none to be followed. */
export function innerFrame(protocol: number, payload: Uint8Array): InnerFrame | undefined {
  if (protocol === IP_IN_IP) return exactIp(payload, 4)
  if (protocol === IPV6_IN_IP) return exactIp(payload, 6)
  return greFrame(payload)
}

/** Zeek follows IP in IP only where the inner packet fills the outer one exactly. */
function exactIp(payload: Uint8Array, version: 4 | 6): InnerFrame | undefined {
  if (payload.length < (version === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES)) return undefined
  if (payload[0]! >>> 4 !== version) return undefined
  const length = version === 4 ? readUint16(payload, 2) : readUint16(payload, 4) + IPV6_HEADER_BYTES
  return length === payload.length ? { linkType: LINK_TYPE.raw, bytes: payload } : undefined
}

function greFrame(payload: Uint8Array): InnerFrame | undefined {
  if (payload.length < 4) return undefined
  const flags = readUint16(payload, 0)
  const type = readUint16(payload, 2)
  if ((flags & (GRE_ROUTING | GRE_RESERVED)) !== 0) return undefined
  let offset = 4
  if ((flags & GRE_CHECKSUM) !== 0) offset += 4
  if ((flags & GRE_KEY) !== 0) offset += 4
  if ((flags & GRE_SEQUENCE) !== 0) offset += 4
  if ((flags & GRE_VERSION) === 1) {
    if ((flags & GRE_ACKNOWLEDGMENT) !== 0) offset += 4
    return type === GRE_PPTP ? pppFrame(payload.subarray(offset)) : undefined
  }
  if ((flags & GRE_VERSION) !== 0) return undefined
  switch (type) {
    case ETHERTYPE_IPV4:
    case ETHERTYPE_IPV6:
      return { linkType: LINK_TYPE.raw, bytes: payload.subarray(offset) }
    case ETHERTYPE_BRIDGED:
      return ethernetFrame(payload, offset)
    case ETHERTYPE_ERSPAN:
      // Type II has a header of 8 bytes and says so by a sequence number; type I has none.
      return ethernetFrame(payload, offset + ((flags & GRE_SEQUENCE) !== 0 ? 8 : 0))
    case ETHERTYPE_ERSPAN_3: {
      const hasPlatformHeader = ((payload[offset + 11] ?? 0) & 1) !== 0
      return ethernetFrame(payload, offset + (hasPlatformHeader ? 20 : 12))
    }
    default:
      return undefined
  }
}

function ethernetFrame(payload: Uint8Array, offset: number): InnerFrame | undefined {
  if (payload.length <= offset + ETHERNET_HEADER_BYTES) return undefined
  return { linkType: LINK_TYPE.ethernet, bytes: payload.subarray(offset) }
}

/** PPP with the address and control bytes, as PPTP has it. */
function pppFrame(payload: Uint8Array): InnerFrame | undefined {
  if (payload.length < 4) return undefined
  const protocol = readUint16(payload, 2)
  if (protocol === PPP_IPV4) return exactIp(payload.subarray(4), 4)
  return protocol === PPP_IPV6 ? exactIp(payload.subarray(4), 6) : undefined
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
