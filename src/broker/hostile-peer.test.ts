/** Peers that misbehave: their connection ends with at most one report, and nobody else notices. */
import { describe, expect, test } from 'vitest'
import {
  ADDRESS,
  envelope,
  idOf,
  Lab,
  payload,
  type RawPeer,
  type TestEndpoint,
} from '../../test/support/broker-peers.js'
import { fromHex, toHex } from '../../test/support/vectors.js'
import { EC } from './codes.js'
import { NIL_ID } from './endpoint-id.js'
import { ENVELOPE } from './envelope.js'
import { MAX_PREFIXES } from './filter.js'
import { encodeHandshakeMessage, type HandshakeMessage } from './handshake-messages.js'

const HUB = idOf(9)
const EVIL = idOf(1)

/** An endpoint with one good peer. */
async function hubWithPeer(lab: Lab, pendingLimit = 256): Promise<{ hub: TestEndpoint; good: TestEndpoint }> {
  const hub = lab.endpoint(HUB, { pendingLimit, frameLimitBytes: 200_000 })
  const good = lab.endpoint(idOf(5))
  good.subscribe('/t')
  hub.subscribe('/h')
  await hub.listen(ADDRESS)
  good.dial(ADDRESS, 1000)
  await lab.time.settle()
  hub.takeLog()
  good.takeLog()
  return { hub, good }
}

async function expectUnaffected(lab: Lab, hub: TestEndpoint, good: TestEndpoint): Promise<void> {
  hub.takeLog()
  good.takeLog()
  expect(hub.publish('/t', payload('still here'))).toBe('accepted')
  expect(good.publish('/h', payload('me too'))).toBe('accepted')
  await lab.time.settle()
  expect(good.takeLog()).toEqual(['message /t still here'])
  expect(hub.takeLog()).toEqual(['message /h me too'])
}

const hello = encodeHandshakeMessage({ kind: 'hello', sender: EVIL, minVersion: 1, maxVersion: 1 })
const select = encodeHandshakeMessage({ kind: 'version-select', sender: EVIL, version: 1 })

test('what comes in one piece with the end of the handshake is not looked at', async () => {
  const lab = new Lab()
  const { hub } = await hubWithPeer(lab)
  const peer = await lab.connect()
  const dropConn = encodeHandshakeMessage({ kind: 'drop-conn', sender: EVIL, code: 1, description: 'no' })
  peer.send(Buffer.concat([dropConn, fromHex('7fffffff')]))
  await lab.time.settle()
  expect(peer.state).toBe('closed')
  expect(hub.takeLog()).toEqual([])
})

test('who is in its handshake, or comes, while the endpoint leaves is told so', async () => {
  const lab = new Lab()
  const { hub } = await hubWithPeer(lab)
  const early = await lab.connect()
  // Does not answer the goodbye, so that the endpoint is leaving for a while.
  await lab.peerWith(EVIL, [])
  const closed = hub.close()
  await lab.time.settle()
  const late = await lab.connect()
  const refusal = toHex(
    encodeHandshakeMessage({
      kind: 'drop-conn',
      sender: HUB,
      code: EC.shuttingDown,
      description: 'shutting down',
    }),
  ).slice(8)
  for (const peer of [early, late]) {
    expect(peer.takeFrames()).toEqual(['075a45454b', refusal])
    expect(peer.state).toBe('closed')
  }
  await lab.finish(closed)
})

describe('before a peering', () => {
  test.each([
    ['garbage', fromHex('ffffffffdeadbeef'), 1],
    ['a frame of 2 GiB', fromHex('7fffffff0a'), 1],
    ['a frame just above a megabyte', fromHex('001000010a'), 1],
    ['an unknown message', fromHex('000000012a'), 1],
    ['another magic number', fromHex('00000005075a45454c'), 1],
    ['a truncated hello', fromHex('00000003065a45'), 1],
    ['an empty frame', fromHex('00000000'), 0],
    ['a message out of turn', fromHex('000000010c'), 1],
    ['the own id of the endpoint', encodeHandshakeMessage({ ...decoded(HUB), kind: 'hello' }), 0],
    ['the nil id', encodeHandshakeMessage({ ...decoded(NIL_ID), kind: 'hello' }), 0],
    ['a filter that ends early', Buffer.concat([hello, select, fromHex('000000050a05036162')]), 1],
    ['more prefixes than anybody has', Buffer.concat([hello, select, manyPrefixes(MAX_PREFIXES + 1)]), 1],
  ])('%s: closed at once, at most one report', async (_name, bytes, reports) => {
    const lab = new Lab()
    const { hub, good } = await hubWithPeer(lab)
    const evil = await lab.connect()
    evil.send(bytes)
    // More of the same, in case the decoder lost its place.
    evil.send(fromHex('ffffffffffffffff'))
    await lab.time.settle()
    expect(evil.state).toBe('closed')
    expect(hub.takeLog().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(
      Array.from({ length: reports }, () => 'report peer-fault'),
    )
    await expectUnaffected(lab, hub, good)
    expect(lab.time.pendingTimers).toBe(0)
  })

  test('silence, and a byte a second: closed after ten seconds', async () => {
    const lab = new Lab()
    const { hub, good } = await hubWithPeer(lab)
    const silent = await lab.connect()
    const slow = await lab.connect()
    for (const byte of hello.subarray(0, 9)) {
      slow.send(Uint8Array.of(byte))
      await lab.time.advance(1000)
    }
    await lab.time.advance(999)
    expect([silent.state, slow.state]).toEqual(['open', 'open'])
    await lab.time.advance(1)
    expect([silent.state, slow.state]).toEqual(['closed', 'closed'])
    expect(lab.time.monotonicMs()).toBe(10_000)
    await expectUnaffected(lab, hub, good)
    expect(lab.time.pendingTimers).toBe(0)
  })

  test.each([
    ['hello', []],
    ['version-select', [hello]],
    ['syn', [hello, select]],
    ['ack', [hello, select, encodeHandshakeMessage({ kind: 'originator-syn', filter: [] })]],
  ] as const)(
    'silence where the %s should come frees the id for the next connection',
    async (_where, sent) => {
      for (const ending of ['timeout', 'lost'] as const) {
        const lab = new Lab()
        const { hub } = await hubWithPeer(lab)
        const first = await lab.connect()
        for (const frame of sent) first.send(frame)
        await lab.time.settle()
        if (ending === 'lost') first.connection.destroy()
        else await lab.time.advance(10_000)
        await lab.time.settle()
        expect(first.state).toBe('closed')
        await lab.peerWith(EVIL, [])
        const told = ending === 'timeout' ? [expect.stringContaining('no handshake within 10000 ms')] : []
        expect(hub.takeLog()).toEqual([...told, 'added 1'])
      }
    },
  )

  test('connections beyond the limit are closed at once; peers and dials do not count', async () => {
    const lab = new Lab()
    const { hub, good } = await hubWithPeer(lab, 3)
    for (let n = 0; n < 5; n += 1) hub.dial({ host: '127.0.0.1', port: 1 }, 1000)
    const clients: RawPeer[] = []
    for (let n = 0; n < 5; n += 1) clients.push(await lab.connect())
    expect(clients.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'closed', 'closed'])
    clients[0]!.connection.destroy()
    await lab.time.settle()
    expect((await lab.connect()).state).toBe('open')
    expect((await lab.connect()).state).toBe('closed')
    await expectUnaffected(lab, hub, good)
  })
})

function decoded(sender: typeof HUB): Omit<Extract<HandshakeMessage, { kind: 'hello' }>, 'kind'> {
  return { sender, minVersion: 1, maxVersion: 1 }
}

function manyPrefixes(count: number): Uint8Array {
  return encodeHandshakeMessage({ kind: 'originator-syn', filter: Array.from({ length: count }, () => '') })
}

describe('two connections with one id', () => {
  /** Two clients with the id; the endpoint is the originator of both. */
  async function rivals(lab: Lab): Promise<{ hub: TestEndpoint; first: RawPeer; second: RawPeer }> {
    const hub = lab.endpoint(idOf(1))
    await hub.listen(ADDRESS)
    const clients = [await lab.connect(), await lab.connect()]
    for (const client of clients) {
      client.send(encodeHandshakeMessage({ ...decoded(HUB), kind: 'hello' }))
      await lab.time.settle()
    }
    const [first, second] = clients
    expect(first!.takeFrames().map((frame) => frame.slice(0, 2))).toEqual(['07', '08', '0a'])
    expect(second!.takeFrames().map((frame) => frame.slice(0, 2))).toEqual(['07'])
    return { hub, first: first!, second: second! }
  }

  const synAck = encodeHandshakeMessage({ kind: 'responder-syn-ack', filter: [] })

  test('the second waits, and is refused when the first is peered', async () => {
    const lab = new Lab()
    const { hub, first, second } = await rivals(lab)
    first.send(synAck)
    await lab.time.settle()
    expect(second.takeFrames()).toEqual([expect.stringMatching(/^095a45454b.{32}27/)])
    expect([first.state, second.state]).toEqual(['open', 'closed'])
    expect(hub.takeLog()).toEqual(['added 9'])
    expect(lab.time.pendingTimers).toBe(0)
  })

  test('the second waits, and goes on when the first fails', async () => {
    const lab = new Lab()
    const { hub, first, second } = await rivals(lab)
    first.connection.destroy()
    await lab.time.settle()
    expect(second.takeFrames().map((frame) => frame.slice(0, 2))).toEqual(['08', '0a'])
    second.send(synAck)
    await lab.time.settle()
    expect(hub.takeLog()).toEqual(['added 9'])
    expect(lab.time.pendingTimers).toBe(0)
  })

  test.each(['closes', 'speaks out of turn'])(
    'the one that waits %s: the first is not disturbed',
    async (what) => {
      const lab = new Lab()
      const { hub, first, second } = await rivals(lab)
      if (what === 'closes') second.connection.destroy()
      else second.send(synAck)
      await lab.time.settle()
      expect(second.state).toBe('closed')
      first.send(synAck)
      await lab.time.settle()
      expect(hub.takeLog().filter((line) => !line.startsWith('report'))).toEqual(['added 9'])
      expect(hub.peers()).toHaveLength(1)
    },
  )

  test('the one that waits is timed out, too', async () => {
    const lab = new Lab()
    const { hub, first, second } = await rivals(lab)
    await lab.time.advance(10_000)
    expect([first.state, second.state]).toEqual(['closed', 'closed'])
    await lab.finish(hub.close())
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([0, 0])
  })
})

describe('after the handshake', () => {
  test.each([
    ['shorter than its header', fromHex('0000000400000000'), true],
    ['of an unknown type', envelope(9, EVIL, NIL_ID, '/h', 'x'), true],
    ['of a handshake type', envelope(6, EVIL, NIL_ID, '/h', 'x'), true],
    ['with a topic longer than itself', withTopicLength(envelope(1, EVIL, NIL_ID, '/h', 'x'), 500), true],
    ['in the name of another endpoint', envelope(ENVELOPE.data, idOf(5), NIL_ID, '/h', 'x'), true],
    ['in the name of nobody', envelope(ENVELOPE.data, NIL_ID, NIL_ID, '/h', 'x'), true],
    ['in the name of the receiver', envelope(ENVELOPE.data, HUB, NIL_ID, '/h', 'x'), true],
    ['for another endpoint', envelope(ENVELOPE.data, EVIL, idOf(5), '/h', 'x'), true],
    ['on a local topic', envelope(ENVELOPE.data, EVIL, NIL_ID, '<$>/local/data/errors', 'x'), true],
    ['with a broken filter', envelope(ENVELOPE.routingUpdate, EVIL, HUB, '<$>', '\x05\x01a'), true],
    [
      'with as many prefixes as are allowed',
      envelope(ENVELOPE.routingUpdate, EVIL, HUB, '<$>', manyPrefixes(MAX_PREFIXES).subarray(5)),
      false,
    ],
    [
      'with more prefixes than anybody has',
      envelope(ENVELOPE.routingUpdate, EVIL, HUB, '<$>', manyPrefixes(MAX_PREFIXES + 1).subarray(5)),
      true,
    ],
    [
      'with a huge number of prefixes',
      envelope(ENVELOPE.routingUpdate, EVIL, HUB, '<$>', Buffer.from('ffffffff0f', 'hex')),
      true,
    ],
  ])('an envelope %s is ignored and counted, the connection stays', async (_name, frame, ignored) => {
    const lab = new Lab()
    const { hub, good } = await hubWithPeer(lab)
    const evil = await lab.peerWith(EVIL, [])
    hub.takeLog()
    for (let n = 0; n < 3; n += 1) evil.send(frame)
    evil.send(envelope(ENVELOPE.data, EVIL, NIL_ID, '/h', 'a good one'))
    await lab.time.settle()
    const log = hub.takeLog().map((line) => line.replace(/:.*/, '').replace(/ \[.*/, ''))
    expect(log).toEqual(
      ignored
        ? ['report peer-fault from 127.0.0.1', 'message /h a good one']
        : ['filter 1', 'filter 1', 'filter 1', 'message /h a good one'],
    )
    expect(hub.counters()).toMatchObject({ ignoredIn: ignored ? 3 : 0, messagesIn: 1 })
    expect(evil.state).toBe('open')
    await expectUnaffected(lab, hub, good)
  })

  test('an empty frame is nothing at all', async () => {
    const lab = new Lab()
    const { hub } = await hubWithPeer(lab)
    const evil = await lab.peerWith(EVIL, [])
    evil.send(fromHex('0000000000000000'))
    evil.send(envelope(ENVELOPE.data, EVIL, HUB, '/h', 'hi'))
    await lab.time.settle()
    expect(hub.takeLog()).toEqual(['added 1', 'message /h hi'])
    expect(hub.counters().ignoredIn).toBe(0)
  })

  test('a frame above the limit ends the peering; whoever dialled dials again', async () => {
    const lab = new Lab()
    const { hub, good } = await hubWithPeer(lab)
    good.publish('/h', payload('x'.repeat(200_001)))
    await lab.time.advance(0)
    expect(hub.takeLog().map((line) => line.replace(/127.*/, '').trim())).toEqual([
      'report peer-fault from',
      'lost 5',
      'added 5',
    ])
    await expectUnaffected(lab, hub, good)
  })

  test('whoever sends such a frame is dialled again by its victim', async () => {
    const lab = new Lab()
    const victim = lab.endpoint(idOf(5), { frameLimitBytes: 200_000 })
    const sender = lab.endpoint(idOf(1))
    victim.subscribe('/h')
    await sender.listen(ADDRESS)
    victim.dial(ADDRESS, 1000)
    await lab.time.settle()
    sender.publish('/h', payload('x'.repeat(200_001)))
    await lab.time.advance(0)
    expect(victim.takeLog().filter((line) => !line.startsWith('report'))).toEqual([
      'added 1',
      'lost 1',
      'added 1',
    ])
  })

  test('a frame split at every offset is the same frame', async () => {
    const frame = Buffer.concat([
      envelope(ENVELOPE.data, EVIL, NIL_ID, '/h/some/topic', 'split'),
      envelope(ENVELOPE.ping, EVIL, HUB, '<$>', 'p'),
    ])
    const lab = new Lab()
    const { hub } = await hubWithPeer(lab)
    const evil = await lab.peerWith(EVIL, [])
    hub.takeLog()
    for (let offset = 1; offset < frame.length; offset += 1) {
      evil.send(frame.subarray(0, offset))
      evil.send(frame.subarray(offset))
      await lab.time.settle()
      expect(hub.takeLog()).toEqual(['message /h/some/topic split'])
      expect(evil.takeFrames()).toHaveLength(1)
    }
  })
})

function withTopicLength(frame: Uint8Array, length: number): Uint8Array {
  frame[4 + 35] = length >>> 8
  frame[4 + 36] = length
  return frame
}
