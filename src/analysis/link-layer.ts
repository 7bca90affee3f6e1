/**
 * Finds the IP header in a captured frame. Link layers are those that captures of IP traffic use, with what may
 * stand between them and IP: 802.1Q and QinQ tags, VN-Tag, MPLS labels, PPPoE, SNAP, FabricPath, provider backbone
 * bridging.
 */

/** Why a packet could not be followed. Each is a counter of the decoder. */
export const UNDECODABLE_REASONS = [
  'link-type-unsupported',
  'link-header-truncated',
  'not-ip',
  'ip-header-truncated',
  'ip-header-invalid',
  'ip-length-zero',
  'ip-shorter-than-stated',
  'ip-checksum-bad',
  'ip-no-next-header',
  'fragment-incomplete',
  'transport-header-truncated',
  'encrypted-or-mobility',
  'tunnel',
] as const

export type Undecodable = (typeof UNDECODABLE_REASONS)[number]

/** Offset of the IP header in bytes, or why there is none. */
export type IpOffset = number | Undecodable

/** LINKTYPE_ values, tcpdump.org/linktypes.html. */
export const LINK_TYPE = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  raw: 101,
  rawBsd: 12,
  rawOpenBsd: 14,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const

const ETHERTYPE = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  vlan: 0x8100,
  serviceVlan: 0x88a8,
  oldServiceVlan: 0x9100,
  mplsUnicast: 0x8847,
  pppoeSession: 0x8864,
  backboneBridge: 0x88e7,
  fabricPath: 0x8903,
  vnTag: 0x8926,
} as const

/** Below this, the Ethernet type field is a length (IEEE 802.3). */
const MIN_ETHERTYPE = 1536
const MAX_FRAME_LENGTH_FIELD = 1500
/** Tags and labels that are followed; more is not traffic but an attempt to keep the decoder busy. */
const MAX_TAGS = 8
const PPP_IPV4 = 0x0021
const PPP_IPV6 = 0x0057
/** IPv6 has a different address family number on every BSD; IPv4 is 2 everywhere. */
const NULL_FAMILIES: readonly number[] = [2, 10, 24, 28, 30]

/** Where the IP header of a frame of `linkType` starts. */
export function findIp(linkType: number, bytes: Uint8Array): IpOffset {
  switch (linkType) {
    case LINK_TYPE.ethernet:
      return bytes.length <= 16 ? 'link-header-truncated' : afterEthertype(bytes, 12)
    case LINK_TYPE.raw:
    case LINK_TYPE.rawBsd:
    case LINK_TYPE.rawOpenBsd:
    case LINK_TYPE.ipv4:
    case LINK_TYPE.ipv6:
      return 0
    case LINK_TYPE.ppp:
      return bytes.length <= 4 ? 'link-header-truncated' : afterPpp(bytes)
    case LINK_TYPE.linuxCooked:
      return bytes.length <= 16 ? 'link-header-truncated' : afterEthertype(bytes, 14)
    case LINK_TYPE.linuxCooked2:
      return bytes.length <= 20 ? 'link-header-truncated' : cooked2(bytes)
    case LINK_TYPE.null:
    case LINK_TYPE.loop:
      return bytes.length <= 4 ? 'link-header-truncated' : afterFamily(bytes)
    default:
      return 'link-type-unsupported'
  }
}

/** The address family is in the byte order of the host that captured, which nothing else tells. */
function afterFamily(bytes: Uint8Array): IpOffset {
  const little = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)
  const big = bytes[3]! | (bytes[2]! << 8) | (bytes[1]! << 16) | (bytes[0]! << 24)
  return NULL_FAMILIES.includes(little) || NULL_FAMILIES.includes(big) ? 4 : 'not-ip'
}

/** PPP with or without HDLC-like framing, RFC 1662. */
function afterPpp(bytes: Uint8Array): IpOffset {
  const offset = bytes[0] === 0xff && bytes[1] === 0x03 ? 2 : 0
  return isPppIp(readUint16(bytes, offset)) ? offset + 2 : 'not-ip'
}

function isPppIp(protocol: number): boolean {
  return protocol === PPP_IPV4 || protocol === PPP_IPV6
}

/** LINKTYPE_LINUX_SLL2 has the protocol first and 18 more bytes before the payload. */
function cooked2(bytes: Uint8Array): IpOffset {
  return followEthertype(bytes, readUint16(bytes, 0), 20)
}

function afterEthertype(bytes: Uint8Array, offset: number): IpOffset {
  return followEthertype(bytes, readUint16(bytes, offset), offset + 2)
}

/** `offset` is that of the first byte after the type field. */
function followEthertype(bytes: Uint8Array, firstType: number, firstOffset: number): IpOffset {
  let type = firstType
  let offset = firstOffset
  for (let tags = 0; tags < MAX_TAGS; tags += 1) {
    switch (type) {
      case ETHERTYPE.ipv4:
      case ETHERTYPE.ipv6:
        return offset
      case ETHERTYPE.vlan:
      case ETHERTYPE.serviceVlan:
      case ETHERTYPE.oldServiceVlan:
        if (bytes.length <= offset + 4) return 'link-header-truncated'
        type = readUint16(bytes, offset + 2)
        offset += 4
        break
      case ETHERTYPE.mplsUnicast:
        return afterLabels(bytes, offset)
      case ETHERTYPE.pppoeSession:
        if (bytes.length <= offset + 8) return 'link-header-truncated'
        return isPppIp(readUint16(bytes, offset + 6)) ? offset + 8 : 'not-ip'
      case ETHERTYPE.vnTag:
        if (bytes.length <= offset + 6) return 'link-header-truncated'
        type = readUint16(bytes, offset + 4)
        offset += 6
        break
      case ETHERTYPE.backboneBridge:
      case ETHERTYPE.fabricPath: {
        // A whole Ethernet header follows: after the service tag of 4 bytes, or 2 bytes into the FabricPath tag.
        const header = offset + (type === ETHERTYPE.backboneBridge ? 4 : 2)
        if (bytes.length <= header + 14) return 'link-header-truncated'
        type = readUint16(bytes, header + 12)
        offset = header + 14
        break
      }
      default: {
        if (type >= MIN_ETHERTYPE || type > MAX_FRAME_LENGTH_FIELD) return 'not-ip'
        // LLC with SNAP: AA AA 03, three bytes of organisation (zero for Ethernet types), type.
        if (bytes.length <= offset + 8) return 'link-header-truncated'
        if (bytes[offset] !== 0xaa || bytes[offset + 1] !== 0xaa) return 'not-ip'
        type = readUint16(bytes, offset + 6)
        if (type < MIN_ETHERTYPE) return 'not-ip'
        offset += 8
      }
    }
  }
  return 'not-ip'
}

/** Skips MPLS labels up to the bottom of the stack. The IP version is then told by the header itself. */
function afterLabels(bytes: Uint8Array, firstLabel: number): IpOffset {
  for (let offset = firstLabel; offset + 4 < bytes.length; offset += 4) {
    if ((bytes[offset + 2]! & 1) === 0) continue
    const version = bytes[offset + 4]! >>> 4
    return version === 4 || version === 6 ? offset + 4 : 'not-ip'
  }
  return 'link-header-truncated'
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
