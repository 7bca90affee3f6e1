/** The suite can fail: implementations that are wrong in one point are caught, where the point is. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Timers } from '../base/time.js'
import type { Network } from '../transport/transport.js'
import { parseTranscript } from './broker-transcript.js'
import { runTranscriptInMemory } from './run-transcript.js'
import {
  endpointSubject,
  type SubjectFactory,
  type SubjectSetup,
  type SubjectUnderTest,
} from './subject-under-test.js'
import { BROKER_TRANSCRIPTS } from './transcripts/broker/index.js'

/** Changes the frames (lengths in front) that an endpoint sends; an empty list swallows them. */
type Tamper = (frame: Buffer) => readonly Uint8Array[]

/** A network on which everything that is sent was tampered with. */
function tampered(network: Network, tamper: Tamper): Network {
  const wrap = <T extends object>(connection: T): T =>
    new Proxy(connection, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        if (name !== 'send') return member.bind(target) as unknown
        return (bytes: Uint8Array, onFlushed: (sent: boolean) => void) => {
          Reflect.apply(member, target, [Buffer.concat(framesOf(bytes).flatMap(tamper)), onFlushed])
        }
      },
    })
  return {
    connect: (address, security, timeoutMs, handler) =>
      network.connect(address, security, timeoutMs, {
        onOpen: (connection) => handler.onOpen?.(wrap(connection)),
        onBytes: (bytes) => handler.onBytes(bytes),
        onClose: (error) => handler.onClose(error),
      }),
    listen: (address, security, accept) =>
      network.listen(address, security, (connection) => accept(wrap(connection))),
  }
}

function framesOf(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes)
  const frames: Buffer[] = []
  for (let offset = 0; offset < buffer.length; offset += 4 + buffer.readUInt32BE(offset)) {
    frames.push(buffer.subarray(offset, offset + 4 + buffer.readUInt32BE(offset)))
  }
  return frames
}

const isKind = (frame: Buffer, tag: number): boolean =>
  frame[4] === tag && frame.readUInt32BE(5) === 0x5a45454b
const isEnvelope = (frame: Buffer, type: number): boolean =>
  frame.length >= 41 && frame[36] === type && frame[4] === 0x7a
const [PROBE, HELLO, VERSION_SELECT, DROP_CONN] = [7, 6, 8, 9] as const
const [DATA, ROUTING_UPDATE, PING, PONG] = [1, 3, 4, 5] as const

const changed = (frame: Buffer, offset: number, value: number): Buffer => {
  const copy = Buffer.from(frame)
  copy[offset] = value
  return copy
}

const sending =
  (tamper: Tamper) =>
  (network: Network, timers: Timers): SubjectFactory =>
    endpointSubject({ network: tampered(network, tamper), timers })

/** An endpoint whose adapter does something else than it is told. */
const acting =
  (change: (subject: SubjectUnderTest, setup: SubjectSetup) => Partial<SubjectUnderTest>) =>
  (network: Network, timers: Timers): SubjectFactory =>
  async (setup) => {
    const subject = await endpointSubject({ network, timers })(setup)
    if (subject === undefined) return undefined
    const changes = change(subject, setup)
    return new Proxy(subject, {
      get(target, name) {
        const member = Reflect.get(name in changes ? changes : target, name) as unknown
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
  }

const BROKEN: readonly (readonly [
  what: string,
  transcript: string,
  line: number,
  expected: string,
  subject: (network: Network, timers: Timers) => SubjectFactory,
])[] = [
  [
    'sends no probe',
    'peering/connector-smaller-id',
    4,
    'expected probe, got the end of the connection',
    sending((frame) => (isKind(frame, PROBE) ? [] : [frame])),
  ],
  [
    'offers version 2',
    'peering/connector-smaller-id',
    6,
    'expected hello self min=1 max=1, got hello self min=1 max=2',
    sending((frame) => [isKind(frame, HELLO) ? changed(frame, 26, 2) : frame]),
  ],
  [
    'takes the lead with the larger id',
    'peering/connector-smaller-id',
    6,
    'expected hello self min=1 max=1, got version-select',
    sending((frame) => [isKind(frame, HELLO) ? versionSelect(frame) : frame]),
  ],
  [
    'does not take the lead with the smaller id',
    'peering/connector-larger-id',
    6,
    'expected version-select self version=1, got the end of the connection',
    sending((frame) => (isKind(frame, VERSION_SELECT) || frame[4] === 10 ? [] : [frame])),
  ],
  [
    'announces redundant prefixes',
    'messages/subscriptions-are-minimal',
    9,
    'expected routing-update ["/t"] from=self to=peer ttl=16, got routing-update ["/t","/t/a"]',
    sending((frame) => [isEnvelope(frame, ROUTING_UPDATE) ? withPrefix(frame, '/t/a') : frame]),
  ],
  [
    'announces no changes',
    'messages/subscriptions-grow',
    7,
    'got nothing within 15000 ms',
    sending((frame) => (isEnvelope(frame, ROUTING_UPDATE) ? [] : [frame])),
  ],
  [
    'answers pings with something else',
    'messages/pings',
    5,
    'expected pong "PING1" from=self to=peer ttl=16, got pong "PING0"',
    sending((frame) => [
      isEnvelope(frame, PONG) && frame.at(-1) === 0x31 ? changed(frame, frame.length - 1, 0x30) : frame,
    ]),
  ],
  [
    'answers no pings',
    'messages/pings',
    3,
    'expected pong "barrier 3"',
    sending((frame) => (isEnvelope(frame, PONG) ? [] : [frame])),
  ],
  [
    'does not rewrite the sender of what it passes on',
    'forwarding/forwarding-on',
    9,
    'got data "/in/x" "for all" from=00000000-0000-4000-8000-000000000001 to=nil ttl=15',
    sending((frame) => [isEnvelope(frame, DATA) ? fromLow(frame) : frame]),
  ],
  [
    'passes messages on although it should not',
    'forwarding/forwarding-off',
    8,
    'expected pong "barrier 8" from=self to=peer ttl=16, got data "/in/x" "for you"',
    (network, timers) => endpointSubject({ network, timers, forward: true }),
  ],
  [
    'does not count hops',
    'forwarding/forwarding-on',
    9,
    'got data "/in/x" "for all" from=self to=nil ttl=16',
    sending((frame) => [isEnvelope(frame, DATA) ? changed(frame, 38, 16) : frame]),
  ],
  [
    'addresses what is for everyone',
    'messages/order-is-kept',
    7,
    'expected data "/out/a" "1" from=self to=nil ttl=16, got data "/out/a" "1" from=self to=',
    sending((frame) => [isEnvelope(frame, DATA) ? changed(frame, 20, 1) : frame]),
  ],
  [
    'says nothing when it refuses',
    'refusals/version-min-99',
    5,
    'expected drop-conn self 2 "unsupported versions offered", got the end of the connection',
    sending((frame) => (isKind(frame, DROP_CONN) ? [] : [frame])),
  ],
  [
    'refuses with another code',
    'peering/redundant-for-originator',
    8,
    'expected drop-conn self 39 "redundant connection", got drop-conn self 40 "redundant connection"',
    sending((frame) => [isKind(frame, DROP_CONN) ? changed(frame, 25, 40) : frame]),
  ],
  [
    'leaves without a goodbye',
    'endings/unpeer-by-subject',
    7,
    'expected ping BYE…, got the end of the connection',
    sending((frame) => (isEnvelope(frame, PING) ? [] : [frame])),
  ],
  [
    'does not come back',
    'endings/loss-is-dialled-at-once',
    6,
    'expected a connection, got nothing within 15000 ms',
    acting((subject) => ({ dial: (address) => subject.dial?.(address, 0) })),
  ],
  [
    'comes back too early',
    'endings/failure-is-retried-at-the-interval',
    9,
    'expected a connection after 1900 ms, got a connection after 100 ms',
    acting((subject) => ({ dial: (address) => subject.dial?.(address, 100) })),
  ],
  [
    'forgets what was published',
    'messages/order-is-kept',
    7,
    'expected data "/out/a" "1"',
    acting(() => ({ publish: () => {} })),
  ],
  [
    'keeps half-done handshakes for ever',
    'refusals/silent-connector',
    5,
    'expected the end after 5000 ms, got nothing within 15000 ms',
    (network, timers) => endpointSubject({ network, timers, handshakeTimeoutMs: 3_600_000 }),
  ],
  [
    'delivers what is not for it',
    'messages/addressed-to-a-third',
    5,
    'expected nothing more, got the message "/in/x" "not for you"',
    acting((subject, setup) => ({
      subscribe: (prefix) => {
        subject.subscribe?.(prefix)
        setup.onEvent({ kind: 'message', topic: '/in/x', payload: Buffer.from('\x05\x0bnot for you') })
      },
    })),
  ],
]

function versionSelect(hello: Buffer): Buffer {
  const frame = changed(hello.subarray(0, hello.length - 1), 3, 22)
  frame[4] = VERSION_SELECT
  return frame
}

function fromLow(frame: Buffer): Buffer {
  return Buffer.concat([
    frame.subarray(0, 4),
    Buffer.from('00000000000040008000000000000001', 'hex'),
    frame.subarray(20),
  ])
}

/** Adds a prefix to a routing update: one more of the count, and the prefix at the end. */
function withPrefix(frame: Buffer, prefix: string): Buffer {
  const more = Buffer.concat([frame, Buffer.of(prefix.length), Buffer.from(prefix)])
  more.writeUInt32BE(more.length - 4, 0)
  more[44] = frame[44]! + 1
  return more
}

describe('a subject that', () => {
  test.each(BROKEN)('%s', async (_what, name, line, expected, subject) => {
    const transcript = BROKER_TRANSCRIPTS.find((candidate) => candidate.name === name)!
    const result = await runTranscriptInMemory(transcript, { subject })
    if (result.kind !== 'failed') throw new Error(`not caught: ${result.kind}`)
    expect(result.message).toContain(`${name}:${line}: `)
    expect(result.message).toContain(expected)
    expect(result.line).toBe(line)
  })
})

describe('a subject that cannot do something', () => {
  const transcript = parseTranscript('unpeer', 'connect\npeering low [] []\ndo unpeer\n> goodbye')

  test('skips what needs it', async () => {
    const result = await runTranscriptInMemory(transcript, {
      subject: acting(() => ({ unpeer: undefined as never })),
    })
    expect(result).toEqual({ kind: 'skipped', reason: 'the subject cannot unpeer' })
  })

  test('is not asked for what it does not tell', async () => {
    const silent = acting(() => ({ tells: [] }))
    const told = BROKER_TRANSCRIPTS.find(({ name }) => name === 'endings/huge-frame')!
    expect(await runTranscriptInMemory(told, { subject: silent })).toEqual({ kind: 'passed' })
  })
})

test('the transcript in the documentation is one', async () => {
  const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const sample = /( {4}# The script has the smaller id[\s\S]*?)\n\n/.exec(page)?.[1] ?? ''
  const transcript = parseTranscript('sample', sample)
  expect(transcript.steps).toHaveLength(23)
  expect(await runTranscriptInMemory(transcript)).toEqual({ kind: 'passed' })
})

describe('a transcript that makes no sense', () => {
  test.each([
    ['connect\njump', "t:2: unknown step 'jump'"],
    ['> nonsense', "t:1: unknown frame 'nonsense'"],
    ['\n\nneeds wings', "t:3: unknown feature 'wings'"],
    ['< originator-syn /a', 't:1: not a text or a list of texts: /a'],
    ['< originator-syn [1]', 't:1: not a list of texts: [1]'],
    ['< hex 123', 't:1: not an even number of hex digits: 123'],
    ['< hello', 't:1: the line ends too early'],
    ['peering low [] []', 't:1: a peering needs a connection: `connect` or `accept` before it'],
    ['do dance', "t:1: unknown action 'dance'"],
  ])('%j is refused', (text, message) => {
    expect(() => parseTranscript('t', text)).toThrow(
      expect.objectContaining({ code: 'invalid-transcript', message }),
    )
  })

  test.each([
    ['> probe', 'invalid-transcript', "t: no connection ''"],
    ['connect\n< hello self', 'unknown-id', "t: the id 'self' is not known here"],
  ])('%j is refused when it runs', async (text, code, message) => {
    await expect(runTranscriptInMemory(parseTranscript('t', text))).rejects.toMatchObject({ code, message })
  })
})
