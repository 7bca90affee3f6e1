import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Address } from '../data/address.js'
import { FlowSplit, flowHash } from './flow-hash.js'
import { type DecodedPacket, type DecodeResult, PacketDecoder } from './packet.js'

const TIME = 1_700_000_000

function words(text: string): number[] {
  const bytes = new Uint8Array(16)
  bytes.set(Address.parse(text).toBytes())
  return text.includes(':') ? [...bytes] : [...bytes.subarray(12)]
}

function uint16(value: number): number[] {
  return [value >>> 8, value & 255]
}

interface IpFields {
  readonly source?: string
  readonly target?: string
  readonly protocol?: number
  readonly identification?: number
  /** More-fragments flag (0x2000) and offset in units of 8 bytes. */
  readonly fragment?: number
  readonly options?: readonly number[]
}

function ipv4(payload: readonly number[], fields: IpFields = {}): number[] {
  const options = fields.options ?? []
  const headerLength = 20 + options.length
  return [
    0x40 | (headerLength / 4),
    0,
    ...uint16(headerLength + payload.length),
    ...uint16(fields.identification ?? 1),
    ...uint16(fields.fragment ?? 0),
    64,
    fields.protocol ?? 17,
    0,
    0,
    ...words(fields.source ?? '10.0.0.1'),
    ...words(fields.target ?? '192.0.2.9'),
    ...options,
    ...payload,
  ]
}

function ipv6(
  payload: readonly number[],
  nextHeader = 17,
  source = '2001:db8::1',
  target = 'fe80::2',
): number[] {
  return [
    0x60,
    0,
    0,
    0,
    ...uint16(payload.length),
    nextHeader,
    64,
    ...words(source),
    ...words(target),
    ...payload,
  ]
}

function udp(data: readonly number[] = [1, 2, 3], source = 4000, target = 53): number[] {
  return [...uint16(source), ...uint16(target), ...uint16(8 + data.length), 0, 0, ...data]
}

function decode(
  linkType: number,
  bytes: readonly number[],
  ignoreChecksums = true,
): [DecodeResult, DecodedPacket] {
  const decoder = new PacketDecoder({ ignoreChecksums })
  const result = decoder.decode(TIME, linkType, Uint8Array.from(bytes), bytes.length)
  return [result, decoder.packet]
}

function ports(packet: DecodedPacket): string {
  return `${packet.transport} ${packet.sourcePort} ${packet.targetPort}`
}

const MACS = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]

const FRAMES: readonly (readonly [string, number, readonly number[]])[] = [
  ['Ethernet', 1, [...MACS, 8, 0, ...ipv4(udp())]],
  ['Ethernet with IPv6', 1, [...MACS, 0x86, 0xdd, ...ipv6(udp())]],
  ['802.1Q', 1, [...MACS, 0x81, 0, 0, 7, 8, 0, ...ipv4(udp())]],
  ['QinQ', 1, [...MACS, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd, ...ipv6(udp())]],
  ['MPLS', 1, [...MACS, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64, ...ipv4(udp())]],
  ['PPPoE', 1, [...MACS, 0x88, 0x64, 0x11, 0, 0, 1, 0, 40, 0, 0x21, ...ipv4(udp())]],
  ['SNAP', 1, [...MACS, 0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, ...ipv4(udp())]],
  ['VN-Tag', 1, [...MACS, 0x89, 0x26, 0, 0, 0, 0, 0x81, 0, 0, 7, 8, 0, ...ipv4(udp())]],
  ['FabricPath', 1, [...MACS, 0x89, 3, 0, 64, ...MACS, 8, 0, ...ipv4(udp())]],
  ['backbone bridging', 1, [...MACS, 0x88, 0xe7, 0, 0, 0, 1, ...MACS, 8, 0, ...ipv4(udp())]],
  ['PPP', 9, [0xff, 3, 0, 0x21, ...ipv4(udp())]],
  ['PPP without framing', 9, [0, 0x57, ...ipv6(udp())]],
  ['raw IP', 101, ipv4(udp())],
  ['raw IP with IPv6', 101, ipv6(udp())],
  ['raw IP of BSD', 12, ipv4(udp())],
  ['raw IP of OpenBSD', 14, ipv4(udp())],
  ['raw IPv4', 228, ipv4(udp())],
  ['raw IPv6', 229, ipv6(udp())],
  ['Linux cooked', 113, [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, ...ipv4(udp())]],
  [
    'Linux cooked with VLAN',
    113,
    [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 7, 8, 0, ...ipv4(udp())],
  ],
  ['Linux cooked 2', 276, [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, ...ipv6(udp())]],
  ['null, little endian', 0, [2, 0, 0, 0, ...ipv4(udp())]],
  ['null, big endian', 0, [0, 0, 0, 30, ...ipv6(udp())]],
  ['loop', 108, [0, 0, 0, 24, ...ipv6(udp())]],
]

for (const [name, linkType, bytes] of FRAMES) {
  test(`link layer: ${name}`, () => {
    const [result, packet] = decode(linkType, bytes)
    expect(result).toBe('decoded')
    expect(ports(packet)).toBe('udp 4000 53')
    expect(packet.statedPayloadLength).toBe(11)
  })

  test(`link layer: ${name}, cut anywhere, gives a reason`, () => {
    for (let length = 0; length < bytes.length - 3; length += 1) {
      const [result] = decode(linkType, bytes.slice(0, length))
      expect(result).not.toBe('decoded')
    }
  })
}

test('what is not IP is counted by reason', () => {
  const decoder = new PacketDecoder({ ignoreChecksums: true })
  const count = (linkType: number, bytes: readonly number[]) =>
    decoder.decode(TIME, linkType, Uint8Array.from(bytes), bytes.length)
  expect(count(1, [...MACS, 8, 6, ...Array.from({ length: 28 }, () => 0)])).toBe('not-ip')
  expect(
    count(
      105,
      Array.from({ length: 60 }, () => 0),
    ),
  ).toBe('link-type-unsupported')
  expect(count(1, [1, 2, 3])).toBe('link-header-truncated')
  expect(
    count(
      101,
      Array.from({ length: 40 }, () => 0x50),
    ),
  ).toBe('ip-header-invalid')
  expect(count(101, ipv6([], 59))).toBe('ip-no-next-header')
  expect(count(101, [...ipv4(udp())].fill(0xff, 2, 4))).toBe('ip-shorter-than-stated')
  expect(decoder.undecodable).toMatchObject({
    'not-ip': 1,
    'link-type-unsupported': 1,
    'ip-no-next-header': 1,
  })
})

test('IP options and Ethernet padding are left out of the payload', () => {
  const [result, packet] = decode(1, [
    ...MACS,
    8,
    0,
    ...ipv4(udp(), { options: [1, 1, 1, 0] }),
    0,
    0,
    0,
    0,
    0,
  ])
  expect(result).toBe('decoded')
  expect([packet.ipLength, packet.statedPayloadLength, packet.capturedPayloadLength]).toEqual([35, 11, 11])
})

test('IPv6 extension headers are followed, and a routing header names the target', () => {
  const hopByHop = [60, 0, 1, 4, 0, 0, 0, 0]
  const destinationOptions = [43, 0, 1, 4, 0, 0, 0, 0]
  const routing = [17, 2, 0, 1, 0, 0, 0, 0, ...words('2001:db8::77')]
  const [result, packet] = decode(101, ipv6([...hopByHop, ...destinationOptions, ...routing, ...udp()], 0))
  expect(result).toBe('decoded')
  expect(ports(packet)).toBe('udp 4000 53')
  expect(packet.target3).toBe(0x77)
})

test('an ICMP request and its reply have each other’s type as ports; other messages have type and code', () => {
  const icmp = (type: number, code: number) => [type, code, 0, 0, 0, 1, 0, 1]
  expect(ports(decode(101, ipv4(icmp(8, 0), { protocol: 1 }))[1])).toBe('icmp 8 0')
  expect(ports(decode(101, ipv4(icmp(0, 0), { protocol: 1 }))[1])).toBe('icmp 0 8')
  expect(ports(decode(101, ipv4(icmp(3, 13), { protocol: 1 }))[1])).toBe('icmp 3 13')
  expect(ports(decode(101, ipv6(icmp(135, 0), 58))[1])).toBe('icmp 135 136')
})

test('fragments are put together, whatever their order', () => {
  const whole = udp(Array.from({ length: 40 }, () => 7))
  const pieces = [
    ipv4(whole.slice(0, 16), { fragment: 0x2000 }),
    ipv4(whole.slice(16, 32), { fragment: 0x2002 }),
    ipv4(whole.slice(32), { fragment: 4 }),
  ]
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 0, 2],
  ]) {
    const decoder = new PacketDecoder({ ignoreChecksums: true })
    const results = order.map((index) => {
      const bytes = Uint8Array.from(pieces[index]!)
      return decoder.decode(TIME, 101, bytes, bytes.length)
    })
    expect(results).toEqual([...Array.from({ length: order.length - 1 }, () => 'fragment'), 'decoded'])
    expect(ports(decoder.packet)).toBe('udp 4000 53')
    expect([decoder.packet.ipLength, decoder.packet.capturedPayloadLength]).toEqual([68, 48])
  }
})

test('IPv6 fragments are put together; nested fragment headers are refused', () => {
  const whole = udp(Array.from({ length: 40 }, () => 7))
  const fragment = (offset: number, more: number, next: number) => [
    next,
    0,
    ...uint16(offset | more),
    0,
    0,
    0,
    9,
  ]
  const decoder = new PacketDecoder({ ignoreChecksums: true })
  const feed = (payload: readonly number[]) => {
    const bytes = Uint8Array.from(ipv6(payload, 44))
    return decoder.decode(TIME, 101, bytes, bytes.length)
  }
  expect(feed([...fragment(24, 0, 17), ...whole.slice(24)])).toBe('fragment')
  expect(feed([...fragment(0, 1, 17), ...whole.slice(0, 24)])).toBe('decoded')
  expect(decoder.packet.ipLength).toBe(40 + 48)
  expect(feed([...fragment(0, 0, 44), ...fragment(0, 0, 44), ...fragment(0, 0, 17), ...whole])).toBe(
    'ip-header-invalid',
  )
})

test('incomplete datagrams are given up, oldest first', () => {
  const decoder = new PacketDecoder({ ignoreChecksums: true })
  for (let identification = 0; identification < 600; identification += 1) {
    const bytes = Uint8Array.from(ipv4(udp().slice(0, 8), { fragment: 0x2000, identification }))
    expect(decoder.decode(TIME, 101, bytes, bytes.length)).toBe('fragment')
  }
  expect(decoder.droppedDatagrams).toBe(600 - 512)
})

test('tunnels: the packet inside counts, the outer addresses are remembered', () => {
  const inner = ipv4(udp())
  const outer = { source: '198.51.100.1', target: '198.51.100.2' }
  const tunnels = [
    ipv4(inner, { ...outer, protocol: 4 }),
    ipv4(ipv6(udp()), { ...outer, protocol: 41 }),
    ipv4([0, 0, 8, 0, ...inner], { ...outer, protocol: 47 }),
    ipv4([0x20, 0, 0x65, 0x58, 0, 0, 0, 1, ...MACS, 8, 0, ...inner], { ...outer, protocol: 47 }),
  ]
  for (const bytes of tunnels) {
    const [result, packet] = decode(101, bytes)
    expect(result).toBe('decoded')
    expect(ports(packet)).toBe('udp 4000 53')
    expect(packet.tunnel).not.toBe('')
  }
  const threeDeep = ipv4(ipv4(ipv4(inner, { protocol: 4 }), { protocol: 4 }), { protocol: 4 })
  expect(decode(101, threeDeep)[0]).toBe('tunnel')
})

test('checksums are verified where asked', () => {
  // A DNS query as sent: all checksums are right.
  const packet = [
    0x45, 0, 0, 0x1d, 0, 1, 0, 0, 0x40, 0x11, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x0f, 0xa0, 0, 0x35, 0, 9, 0, 0,
    0x41,
  ]
  const sum = (bytes: readonly number[]) => {
    let total = 0
    for (let index = 0; index < bytes.length; index += 2)
      total += (bytes[index]! << 8) | (bytes[index + 1] ?? 0)
    return ~((total & 0xffff) + (total >>> 16)) & 0xffff
  }
  packet.splice(10, 2, ...uint16(sum(packet.slice(0, 20))))
  packet.splice(26, 2, ...uint16(sum([...packet.slice(12, 20), 0, 17, 0, 9, ...packet.slice(20)])))
  expect(decode(101, packet, false)[1].hasBadChecksum).toBe(false)
  const badPayload = packet.with(28, 0x42)
  expect(decode(101, badPayload, false)[1].hasBadChecksum).toBe(true)
  expect(decode(101, badPayload, true)[1].hasBadChecksum).toBe(false)
  expect(decode(101, packet.with(8, 63), false)[0]).toBe('ip-checksum-bad')
})

test('no bytes make the decoder throw', () => {
  const linkTypes = fc.constantFrom(0, 1, 9, 12, 14, 101, 108, 113, 228, 229, 276, 77)
  const starts = fc.constantFrom(...FRAMES.map(([, , bytes]) => bytes), [])
  fc.assert(
    fc.property(
      linkTypes,
      starts,
      fc.uint8Array({ maxLength: 120 }),
      fc.nat(40),
      (linkType, start, noise, at) => {
        const bytes = Uint8Array.from([...start.slice(0, at), ...noise])
        const decoder = new PacketDecoder({ ignoreChecksums: noise.length % 2 === 0 })
        expect(typeof decoder.decode(TIME, linkType, bytes, bytes.length + (noise[0] ?? 0))).toBe('string')
      },
    ),
    { numRuns: 500 },
  )
})

test('both directions of a flow have the same hash', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  const port = fc.integer({ min: 0, max: 65535 })
  fc.assert(
    fc.property(address, fc.ipV4(), fc.ipV6(), port, port, (any, four, six, portA, portB) => {
      const isSix = any.includes(':')
      const other = isSix ? six : four
      const packet = (source: string, target: string, a: number, b: number) =>
        isSix ? ipv6(udp([], a, b), 17, source, target) : ipv4(udp([], a, b), { source, target })
      const there = flowHash(decode(101, packet(any, other, portA, portB))[1])
      const back = flowHash(decode(101, packet(other, any, portB, portA))[1])
      expect(there).toBe(back)
      expect(Number.isInteger(there) && there >= 0 && there < 2 ** 32).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('an ICMP request and its reply have the same hash', () => {
  const echo = (type: number, source: string, target: string) =>
    flowHash(decode(101, ipv4([type, 0, 0, 0, 0, 1, 0, 1], { protocol: 1, source, target }))[1])
  expect(echo(8, '10.0.0.1', '10.0.0.2')).toBe(echo(0, '10.0.0.2', '10.0.0.1'))
})

test('every flow is in exactly one part, and the parts are about equal', () => {
  const parts = [0, 1, 2].map((part) => new FlowSplit(part, 3))
  const sizes = [0, 0, 0]
  for (let port = 1024; port < 4024; port += 1) {
    const hash = flowHash(decode(101, ipv4(udp([], port, 443)))[1])
    const owners = parts.filter((part) => part.owns(hash))
    expect(owners.length).toBe(1)
    sizes[owners[0]!.part]! += 1
  }
  for (const size of sizes) expect(Math.abs(size - 1000)).toBeLessThan(150)
  expect(() => new FlowSplit(3, 3)).toThrow(RangeError)
})
