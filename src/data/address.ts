/**
 * IP addresses, subnets and ports as values. An address is 128 bits, IPv4 mapped into `::ffff:0:0/96`, as on
 * Broker's wire (spec/broker-protocol.md 1.3): there is no family marker, `::ffff:1.2.3.4` *is* `1.2.3.4`.
 */
import ipaddr from 'ipaddr.js'

export type Protocol = 'unknown' | 'tcp' | 'udp' | 'icmp'

/** Protocols in the order of their numbers on the wire: 0 unknown, 1 tcp, 2 udp, 3 icmp. */
export const PROTOCOLS: readonly Protocol[] = ['unknown', 'tcp', 'udp', 'icmp']

/** The number of a protocol, -1 for what is none. Faster than a search: every record of a connection has two. */
export function protocolNumber(protocol: Protocol): number {
  if (protocol === 'tcp') return 1
  if (protocol === 'udp') return 2
  if (protocol === 'icmp') return 3
  return protocol === 'unknown' ? 0 : -1
}

/** An IPv4 or IPv6 address: four 32-bit words, most significant first. Immutable. */
export class Address {
  readonly word0: number
  readonly word1: number
  readonly word2: number
  readonly word3: number
  #text: string | undefined

  /** Each word is an unsigned 32-bit integer. */
  constructor(word0: number, word1: number, word2: number, word3: number) {
    this.word0 = word0
    this.word1 = word1
    this.word2 = word2
    this.word3 = word3
  }

  static fromIPv4(word: number): Address {
    return new Address(0, 0, 0xffff, word >>> 0)
  }

  /** Reads 16 bytes at `offset`. */
  static fromBytes(bytes: Uint8Array, offset = 0): Address {
    return new Address(
      readWord(bytes, offset),
      readWord(bytes, offset + 4),
      readWord(bytes, offset + 8),
      readWord(bytes, offset + 12),
    )
  }

  /** Parses `10.0.0.1`, `2001:db8::1` or `[2001:db8::1]`; undefined when the text is no address. */
  static tryParse(text: string): Address | undefined {
    const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
    if (ipaddr.IPv4.isValidFourPartDecimal(bare)) {
      return Address.fromBytes(Uint8Array.from(ipaddr.IPv4.parse(bare).toIPv4MappedAddress().toByteArray()))
    }
    const groups = embeddedIPv4AsGroups(bare)
    if (groups === undefined || groups.includes('%') || !ipaddr.IPv6.isValid(groups)) return undefined
    return Address.fromBytes(Uint8Array.from(ipaddr.IPv6.parse(groups).toByteArray()))
  }

  /** As `tryParse`, but throws a `RangeError`. */
  static parse(text: string): Address {
    const address = Address.tryParse(text)
    if (address === undefined) throw new RangeError(`not an IP address: '${text}'`)
    return address
  }

  get isIPv4(): boolean {
    return this.word0 === 0 && this.word1 === 0 && this.word2 === 0xffff
  }

  equals(other: Address): boolean {
    return (
      this.word3 === other.word3 &&
      this.word2 === other.word2 &&
      this.word1 === other.word1 &&
      this.word0 === other.word0
    )
  }

  /** Order of the 16 bytes: negative, 0 or positive. */
  compare(other: Address): number {
    return (
      this.word0 - other.word0 ||
      this.word1 - other.word1 ||
      this.word2 - other.word2 ||
      this.word3 - other.word3
    )
  }

  /** This address with all bits after the first `length` (0 to 128) cleared. */
  masked(length: number): Address {
    return new Address(
      maskWord(this.word0, length),
      maskWord(this.word1, length - 32),
      maskWord(this.word2, length - 64),
      maskWord(this.word3, length - 96),
    )
  }

  /** The 16 bytes, most significant first. */
  toBytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(16))
    view.setUint32(0, this.word0)
    view.setUint32(4, this.word1)
    view.setUint32(8, this.word2)
    view.setUint32(12, this.word3)
    return new Uint8Array(view.buffer)
  }

  /** The text that Zeek prints: dotted quad for IPv4, RFC 5952 for IPv6. Also a good `Map` key. */
  toString(): string {
    this.#text ??= this.isIPv4 ? formatIPv4(this.word3) : formatIPv6(this)
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }
}

/** An address prefix. `length` counts from bit 0 of the 128: an IPv4 `/8` has length 104. */
export class Subnet {
  readonly address: Address
  readonly length: number

  /** Host bits of `address` are kept as they are: use `Subnet.of` to clear them. */
  constructor(address: Address, length: number) {
    this.address = address
    this.length = length
  }

  /** From an address and the length as people write it (0 to 32 for IPv4, 0 to 128 for IPv6). */
  static of(address: Address, prefixLength: number): Subnet {
    const length = address.isIPv4 ? prefixLength + 96 : prefixLength
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || length > 128) {
      throw new RangeError(`not a prefix length for ${address}: ${prefixLength}`)
    }
    return new Subnet(address.masked(length), length)
  }

  /** Parses `10.0.0.0/8` or `2001:db8::/32`. Throws a `RangeError`. */
  static parse(text: string): Subnet {
    const slash = text.lastIndexOf('/')
    const address = slash < 0 ? undefined : Address.tryParse(text.slice(0, slash))
    if (address === undefined || !/^\d{1,3}$/.test(text.slice(slash + 1))) {
      throw new RangeError(`not a subnet: '${text}'`)
    }
    return Subnet.of(address, Number(text.slice(slash + 1)))
  }

  contains(address: Address): boolean {
    return address.masked(this.length).equals(this.address.masked(this.length))
  }

  equals(other: Subnet): boolean {
    return this.length === other.length && this.address.equals(other.address)
  }

  compare(other: Subnet): number {
    return this.address.compare(other.address) || this.length - other.length
  }

  toString(): string {
    return `${this.address}/${this.address.isIPv4 ? this.length - 96 : this.length}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** A transport port: number 0 to 65535 and protocol. */
export class Port {
  readonly number: number
  readonly protocol: Protocol

  constructor(number: number, protocol: Protocol) {
    this.number = number
    this.protocol = protocol
  }

  /** Parses `80/tcp`; a bare number is unknown protocol. Throws a `RangeError`. */
  static parse(text: string): Port {
    const match = /^(\d{1,5})(?:\/(tcp|udp|icmp|unknown|\?))?$/.exec(text)
    if (match === null || Number(match[1]) > 65535) throw new RangeError(`not a port: '${text}'`)
    const protocol = match[2] === undefined || match[2] === '?' ? 'unknown' : (match[2] as Protocol)
    return new Port(Number(match[1]), protocol)
  }

  equals(other: Port): boolean {
    return this.number === other.number && this.protocol === other.protocol
  }

  compare(other: Port): number {
    return this.number - other.number || PROTOCOLS.indexOf(this.protocol) - PROTOCOLS.indexOf(other.protocol)
  }

  toString(): string {
    return `${this.number}/${this.protocol}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** `::1.2.3.4` as `::102:304`: the library takes the former for a mapped IPv4 address. */
function embeddedIPv4AsGroups(text: string): string | undefined {
  const start = text.lastIndexOf(':') + 1
  const tail = text.slice(start)
  if (start === 0 || !tail.includes('.')) return text
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined
  const [a, b, c, d] = ipaddr.IPv4.parse(tail).toByteArray() as [number, number, number, number]
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function readWord(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  )
}

function maskWord(word: number, length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? word : (word & (0xffffffff << (32 - length))) >>> 0
}

function formatIPv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIPv6(address: Address): string {
  const groups: number[] = []
  for (const word of [address.word0, address.word1, address.word2, address.word3]) {
    groups.push(word >>> 16, word & 0xffff)
  }
  let bestStart = -1
  let bestLength = 1
  for (let start = 0; start < 8; ) {
    if (groups[start] !== 0) {
      start += 1
      continue
    }
    let end = start
    while (end < 8 && groups[end] === 0) end += 1
    if (end - start > bestLength) {
      bestStart = start
      bestLength = end - start
    }
    start = end
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  // glibc's inet_ntop, which Zeek prints with, shows ::/96 addresses with an embedded IPv4 part.
  if (bestStart === 0 && bestLength === 6) {
    return `::${formatIPv4(address.word3)}`
  }
  return bestStart < 0 ? hex(0, 8) : `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`
}
