import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Random } from '../base/random.js'
import { Address } from '../data/address.js'
import type { ConnRecord } from '../data/conn-record.js'
import { ConnectionTracker, type ConnectionTrackerOptions } from './connection-tracker.js'
import { isLocalAddress } from './local-networks.js'
import { TcpStream } from './tcp-stream.js'

const START = 1_700_000_000
const RAW_IP = 101
const FIN = 1
const SYN = 2
const RST = 4
const ACK = 16

/** The same numbers in every run. */
function repeatable(): Random {
  let state = 1
  return {
    fill(bytes) {
      for (let index = 0; index < bytes.length; index += 1) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        bytes[index] = state >>> 24
      }
      return bytes
    },
  }
}

function uint16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255]
}

function uint32(value: number): number[] {
  return [...uint16(value >>> 16), ...uint16(value)]
}

function ipv4(protocol: number, source: number, target: number, payload: readonly number[]): number[] {
  const header = [0x45, 0, ...uint16(20 + payload.length), 0, 1, 0, 0, 64, protocol, 0, 0]
  return [...header, 10, 0, 0, source, 10, 0, 0, target, ...payload]
}

interface Segment {
  readonly flags: number
  readonly sequence: number
  readonly acknowledgment?: number
  readonly length?: number
  readonly window?: number
}

function tcp(
  source: number,
  sourcePort: number,
  target: number,
  targetPort: number,
  segment: Segment,
): number[] {
  const { flags, sequence, acknowledgment = 0, length = 0, window = 1000 } = segment
  const ports = [...uint16(sourcePort), ...uint16(targetPort)]
  const header = [
    ...ports,
    ...uint32(sequence),
    ...uint32(acknowledgment),
    0x50,
    flags,
    ...uint16(window),
    0,
    0,
    0,
    0,
  ]
  return ipv4(6, source, target, [...header, ...Array.from({ length: length }, () => 0x61)])
}

/** A connection between host 1, port 40000, and host 2, port 9999: what each side sends, at which second. */
class Dialogue {
  readonly records: ConnRecord[] = []
  readonly tracker: ConnectionTracker

  constructor(options: Partial<ConnectionTrackerOptions> = {}) {
    this.tracker = new ConnectionTracker({
      random: repeatable(),
      onConnection: (record) => this.records.push(record),
      ...options,
    })
  }

  send(seconds: number, bytes: readonly number[]): void {
    this.tracker.packet(START + seconds, RAW_IP, Uint8Array.from(bytes), bytes.length)
  }

  client(seconds: number, segment: Segment, port = 40000): void {
    this.send(seconds, tcp(1, port, 2, 9999, segment))
  }

  server(seconds: number, segment: Segment, port = 40000): void {
    this.send(seconds, tcp(2, 9999, 1, port, segment))
  }

  handshake(clientSequence = 1000, serverSequence = 5000, seconds = 0): void {
    this.client(seconds, { flags: SYN, sequence: clientSequence })
    this.server(seconds + 0.125, {
      flags: SYN | ACK,
      sequence: serverSequence,
      acknowledgment: clientSequence + 1,
    })
    this.client(seconds + 0.25, {
      flags: ACK,
      sequence: clientSequence + 1,
      acknowledgment: serverSequence + 1,
    })
  }

  finish(): ConnRecord[] {
    this.tracker.finish()
    return this.records
  }

  /** History, state and payload of the only connection. */
  summary(): string {
    const records = this.finish()
    expect(records.length).toBe(1)
    const record = records[0]!
    return `${record.history} ${record.conn_state} ${record.orig_bytes} ${record.resp_bytes} ${record.missed_bytes}`
  }
}

test('a whole connection: every column', () => {
  const dialogue = new Dialogue()
  dialogue.handshake()
  dialogue.client(0.5, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 10 })
  dialogue.server(1, { flags: ACK, sequence: 5001, acknowledgment: 1011, length: 20 })
  dialogue.client(1.25, { flags: FIN | ACK, sequence: 1011, acknowledgment: 5021 })
  dialogue.server(1.5, { flags: FIN | ACK, sequence: 5021, acknowledgment: 1012 })
  dialogue.client(1.75, { flags: ACK, sequence: 1012, acknowledgment: 5022 })
  const [record, ...others] = dialogue.finish()
  expect(others).toEqual([])
  expect(record!.uid).toMatch(/^C[0-9A-Za-z]{12,18}$/)
  expect({
    ...record,
    uid: '',
    'id.orig_h': String(record!['id.orig_h']),
    'id.resp_h': String(record!['id.resp_h']),
  }).toEqual({
    ts: START,
    uid: '',
    'id.orig_h': '10.0.0.1',
    'id.orig_p': expect.objectContaining({ number: 40000, protocol: 'tcp' }),
    'id.resp_h': '10.0.0.2',
    'id.resp_p': expect.objectContaining({ number: 9999, protocol: 'tcp' }),
    proto: 'tcp',
    // The last ACK comes after both ends and does not count.
    duration: 1.5,
    orig_bytes: 10n,
    resp_bytes: 20n,
    conn_state: 'SF',
    local_orig: true,
    local_resp: true,
    missed_bytes: 0n,
    history: 'ShADdFf',
    orig_pkts: 5n,
    orig_ip_bytes: 210n,
    resp_pkts: 3n,
    resp_ip_bytes: 140n,
    ip_proto: 6n,
  })
})

const STATES: readonly (readonly [string, string, (dialogue: Dialogue) => void])[] = [
  ['a SYN without answer', 'S S0 undefined undefined 0', (d) => d.client(0, { flags: SYN, sequence: 1 })],
  [
    'a refused SYN',
    'Sr REJ 0 0 0',
    (d) => {
      d.client(0, { flags: SYN, sequence: 1 })
      d.server(0.5, { flags: RST | ACK, sequence: 0, acknowledgment: 2 })
    },
  ],
  ['a handshake alone', 'ShA S1 0 0 0', (d) => d.handshake()],
  [
    'closed by the originator only',
    'ShAFa S2 0 0 0',
    (d) => {
      d.handshake()
      d.client(1, { flags: FIN | ACK, sequence: 1001, acknowledgment: 5001 })
      d.server(2, { flags: ACK, sequence: 5001, acknowledgment: 1002 })
    },
  ],
  [
    'closed by the responder only',
    'ShAf S3 0 0 0',
    (d) => {
      d.handshake()
      d.server(1, { flags: FIN | ACK, sequence: 5001, acknowledgment: 1001 })
    },
  ],
  [
    'aborted by the originator',
    'ShAR RSTO 0 0 0',
    (d) => {
      d.handshake()
      d.client(1, { flags: RST, sequence: 1001 })
    },
  ],
  [
    'aborted by the responder',
    'ShADr RSTR 4 0 0',
    (d) => {
      d.handshake()
      d.client(1, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 4 })
      d.server(2, { flags: RST, sequence: 5001 })
    },
  ],
  [
    'a SYN, then a RST of its sender',
    'SR RSTOS0 0 0 0',
    (d) => {
      d.client(0, { flags: SYN, sequence: 1 })
      d.client(1, { flags: RST, sequence: 2 })
    },
  ],
  [
    'a SYN, then a FIN',
    'SF SH 0 0 0',
    (d) => {
      d.client(0, { flags: SYN, sequence: 1 })
      d.client(1, { flags: FIN, sequence: 2 })
    },
  ],
  [
    'only an answer to a SYN, then a RST: a scan from a borrowed address',
    'Hr REJ 0 0 0',
    (d) => {
      d.server(0, { flags: SYN | ACK, sequence: 5000, acknowledgment: 1001 })
      d.client(1, { flags: RST, sequence: 1001 })
    },
  ],
  [
    'an answer to a SYN that was missed, then traffic: flipped',
    '^hADd OTH 3 7 0',
    (d) => {
      d.server(0, { flags: SYN | ACK, sequence: 5000, acknowledgment: 1001 })
      d.client(1, { flags: ACK, sequence: 1001, acknowledgment: 5001 })
      d.client(2, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 3 })
      d.server(3, { flags: ACK, sequence: 5001, acknowledgment: 1004, length: 7 })
    },
  ],
  [
    'seen in the middle',
    'Da OTH 5 0 0',
    (d) => {
      d.client(0, { flags: ACK, sequence: 77, acknowledgment: 99, length: 5 })
      d.server(1, { flags: ACK, sequence: 99, acknowledgment: 82 })
    },
  ],
  [
    'bytes that were acknowledged but not captured',
    'ShADaG S1 30 0 20',
    (d) => {
      d.handshake()
      d.client(1, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 10 })
      d.server(2, { flags: ACK, sequence: 5001, acknowledgment: 1031 })
    },
  ],
  [
    'a FIN with RST',
    'ShAI RSTO 0 0 0',
    (d) => {
      d.handshake()
      d.client(1, { flags: FIN | RST, sequence: 1001 })
    },
  ],
]

for (const [name, expected, play] of STATES) {
  test(`TCP: ${name}`, () => {
    const dialogue = new Dialogue()
    play(dialogue)
    expect(dialogue.summary()).toBe(expected)
  })
}

test('sequence numbers that wrap around count on', () => {
  const dialogue = new Dialogue()
  dialogue.handshake(0xffffff00, 0xfffffffe)
  for (let part = 0; part < 3; part += 1) {
    const sequence = (0xffffff01 + part * 500) % 2 ** 32
    dialogue.client(1 + part, { flags: ACK, sequence, acknowledgment: 0xffffffff, length: 500 })
    const acknowledgment = (sequence + 500) % 2 ** 32
    dialogue.server(1.5 + part, { flags: ACK, sequence: 0xffffffff, acknowledgment })
  }
  expect(dialogue.summary()).toBe('ShADa S1 1500 0 0')
})

test('letters for masses come at the 1st, 10th and 100th time', () => {
  const dialogue = new Dialogue()
  dialogue.handshake()
  dialogue.client(0.5, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 4 })
  for (let repeat = 1; repeat <= 100; repeat += 1) {
    dialogue.client(0.5 + repeat / 100, { flags: ACK, sequence: 1001, acknowledgment: 5001, length: 4 })
  }
  for (let repeat = 1; repeat <= 10; repeat += 1) {
    dialogue.server(2 + repeat / 100, { flags: ACK, sequence: 5001, acknowledgment: 1005, window: 0 })
  }
  expect(dialogue.summary()).toBe('ShADTTTaww S1 4 0 0')
})

test('timers: an attempt after 5 s, an ended connection after 5 s, silence after 5 min', () => {
  const dialogue = new Dialogue()
  dialogue.client(0, { flags: SYN, sequence: 1 }, 1)
  dialogue.handshake()
  dialogue.client(4.9, { flags: SYN, sequence: 1 }, 2)
  expect(dialogue.records.length).toBe(0)
  dialogue.client(5, { flags: SYN, sequence: 1 }, 3)
  expect(dialogue.records.map((record) => record['id.orig_p'].number)).toEqual([1])
  dialogue.client(300.2, { flags: SYN, sequence: 1 }, 4)
  expect(dialogue.records.map((record) => record['id.orig_p'].number)).toEqual([1, 2, 3])
  dialogue.client(300.25, { flags: SYN, sequence: 1 }, 5)
  expect(dialogue.records.map((record) => record['id.orig_p'].number)).toEqual([1, 2, 3, 40000])
})

test('a SYN with another number on the same ports begins another connection', () => {
  const dialogue = new Dialogue()
  dialogue.handshake()
  dialogue.client(1, { flags: RST, sequence: 1001 })
  dialogue.client(2, { flags: SYN, sequence: 70000 })
  expect(dialogue.finish().map((record) => [record.ts - START, record.history])).toEqual([
    [0, 'ShAR'],
    [2, 'S'],
  ])
})

test('UDP: states, flip by port, silence after 60 s, after 10 s for DNS', () => {
  const datagram = (source: number, sourcePort: number, target: number, targetPort: number, length: number) =>
    ipv4(17, source, target, [
      ...uint16(sourcePort),
      ...uint16(targetPort),
      ...uint16(8 + length),
      0,
      0,
      ...Array.from({ length: length }, () => 1),
    ])
  const dialogue = new Dialogue()
  dialogue.send(0, datagram(1, 5000, 2, 6000, 10))
  dialogue.send(1, datagram(2, 6000, 1, 5000, 20))
  dialogue.send(2, datagram(3, 53, 1, 7000, 30))
  dialogue.send(11, datagram(3, 53, 1, 7000, 30))
  dialogue.send(60.9, datagram(4, 5001, 1, 6001, 0))
  const brief = (record: ConnRecord) => {
    const { history, conn_state, orig_bytes, resp_bytes } = record
    return `${record['id.orig_p'].number} ${history} ${conn_state} ${orig_bytes} ${resp_bytes}`
  }
  expect(dialogue.records.map(brief)).toEqual(['7000 ^d SHR 0 60'])
  dialogue.send(61, datagram(4, 5001, 1, 6001, 0))
  expect(dialogue.finish().map(brief)).toEqual(['7000 ^d SHR 0 60', '5000 Dd SF 10 20', '5001 D S0 0 0'])
})

test('ICMP: request and reply are one connection, an error message is its own', () => {
  const icmp = (source: number, target: number, type: number, code: number) =>
    ipv4(1, source, target, [type, code, 0, 0, 0, 1, 0, 1, 9, 9])
  const dialogue = new Dialogue()
  dialogue.send(0, icmp(1, 2, 8, 0))
  dialogue.send(1, icmp(2, 1, 0, 0))
  dialogue.send(2, icmp(2, 1, 3, 3))
  dialogue.send(3, icmp(1, 2, 3, 3))
  const brief = dialogue.finish().map((record) => {
    const { proto, duration, orig_bytes, resp_bytes, conn_state, history } = record
    const ports = `${record['id.orig_p'].number} ${record['id.resp_p'].number}`
    return [proto, ports, duration, orig_bytes, resp_bytes, conn_state, history]
  })
  expect(brief).toEqual([
    ['icmp', '8 0', 1, 2n, 2n, 'OTH', undefined],
    ['icmp', '3 3', undefined, undefined, undefined, 'OTH', undefined],
    ['icmp', '3 3', undefined, undefined, undefined, 'OTH', undefined],
  ])
})

test('at most maxConnections are tracked: the one silent for longest goes first', () => {
  const dialogue = new Dialogue({ maxConnections: 2 })
  dialogue.client(0, { flags: SYN, sequence: 1 }, 1)
  dialogue.client(0.25, { flags: SYN, sequence: 1 }, 2)
  dialogue.server(0.5, { flags: SYN | ACK, sequence: 9, acknowledgment: 2 }, 1)
  dialogue.client(0.75, { flags: SYN, sequence: 1 }, 3)
  expect(dialogue.records.map((record) => record['id.orig_p'].number)).toEqual([2])
  expect(dialogue.tracker.stats).toMatchObject({
    connections: 3,
    activeConnections: 2,
    evictedConnections: 1,
  })
  dialogue.finish()
  expect(dialogue.tracker.stats.activeConnections).toBe(0)
  expect(dialogue.records.length).toBe(3)
})

test('any packets in any order: every connection comes out once, and every packet is in one', () => {
  const step = fc.record({
    seconds: fc.double({ min: 0, max: 40, noNaN: true }),
    fromClient: fc.boolean(),
    port: fc.integer({ min: 1, max: 4 }),
    flags: fc.integer({ min: 0, max: 31 }),
    sequence: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constant(0xffffffff)),
    acknowledgment: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constant(0xffffffff)),
    length: fc.integer({ min: 0, max: 20 }),
    window: fc.integer({ min: 0, max: 1 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const dialogue = new Dialogue({ maxConnections: 3 })
      let now = 0
      for (const { seconds, fromClient, port, ...segment } of steps) {
        now += seconds ** 2 / 40
        if (fromClient) dialogue.client(now, segment, port)
        else dialogue.server(now, segment, port)
      }
      const records = dialogue.finish()
      expect(records.length).toBe(dialogue.tracker.stats.connections)
      expect(new Set(records.map((record) => record.uid)).size).toBe(records.length)
      const packets = records.reduce((sum, record) => sum + record.orig_pkts! + record.resp_pkts!, 0n)
      expect(packets).toBe(BigInt(steps.length))
    }),
    { numRuns: 300 },
  )
})

test('a stream finds the same gaps as a list of every byte does', () => {
  const operation = fc.record({
    start: fc.integer({ min: 1, max: 200 }),
    length: fc.integer({ min: 1, max: 40 }),
  })
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 40 }),
      fc.integer({ min: 1, max: 260 }),
      (operations, end) => {
        let missed = 0
        const owner = {
          isPartial: false,
          payloadSize: 0,
          hasNothingAcknowledged: false,
          gap: (length: number) => {
            missed += length
          },
        }
        const stream = new TcpStream()
        const seen = new Set<number>()
        for (const { start, length } of operations) {
          stream.add(start, start + length, 0, owner)
          for (let position = start; position < start + length; position += 1) seen.add(position)
        }
        stream.acknowledge(end, owner)
        let expected = 0
        for (let position = 1; position < end; position += 1) if (!seen.has(position)) expected += 1
        expect(missed).toBe(expected)
        let delivered = end
        while (seen.has(delivered)) delivered += 1
        expect(stream.delivered).toBe(delivered)
      },
    ),
    { numRuns: 300 },
  )
})

test('local addresses', () => {
  const isLocal = (text: string) => {
    const { word0, word1, word2, word3 } = Address.parse(text)
    return isLocalAddress(word0, word1, word2, word3)
  }
  const local = [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.1.1',
    '224.0.0.251',
  ]
  const localSix = ['::1', 'fe80::1', 'fd00::1', '2001:db8::1', '2002:a00::1', '2002:c0a8:101::']
  const remote = ['8.8.8.8', '172.32.0.1', '224.0.1.1', '2001:470::1', 'ff02::fb', '2002:808:808::', '::2']
  expect([...local, ...localSix].filter((text) => !isLocal(text))).toEqual([])
  expect(remote.filter(isLocal)).toEqual([])
})
