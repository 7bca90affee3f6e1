/** Endpoints that pass messages on: to whom, how far, and what a cycle of them does. */
import { describe, expect, test } from 'vitest'
import { envelope, idOf, Lab, payload, type TestEndpoint } from '../../test/support/broker-peers.js'
import { NIL_ID } from './endpoint-id.js'
import { ENVELOPE } from './envelope.js'

/** Endpoints 1 to n on ports 1 to n, connected as given, all with the subscription `/t`. */
async function network(
  lab: Lab,
  count: number,
  edges: readonly (readonly [number, number])[],
  forward = true,
): Promise<TestEndpoint[]> {
  const endpoints = Array.from({ length: count }, (_, index) => lab.endpoint(idOf(index + 1), { forward }))
  for (const [index, endpoint] of endpoints.entries()) {
    endpoint.subscribe('/t')
    await endpoint.listen({ host: '127.0.0.1', port: index + 1 })
  }
  for (const [from, to] of edges) endpoints[from - 1]!.dial({ host: '127.0.0.1', port: to }, 1000)
  await lab.time.settle()
  for (const endpoint of endpoints) endpoint.takeLog()
  return endpoints
}

describe('a chain of three', () => {
  test('passes messages on, and not back', async () => {
    const lab = new Lab(7)
    const [first, middle, last] = await network(lab, 3, [
      [1, 2],
      [2, 3],
    ])
    first!.publish('/t/x', payload('hi'))
    await lab.time.settle()
    expect(first!.takeLog()).toEqual([])
    expect(middle!.takeLog()).toEqual(['message /t/x hi'])
    expect(last!.takeLog()).toEqual(['message /t/x hi'])
    expect(middle!.counters().forwardedOut).toBe(1)
  })

  test('passes nothing on without forwarding', async () => {
    const lab = new Lab()
    const [first, middle, last] = await network(
      lab,
      3,
      [
        [1, 2],
        [2, 3],
      ],
      false,
    )
    first!.publish('/t', payload('hi'))
    await lab.time.settle()
    expect([middle!.takeLog(), last!.takeLog()]).toEqual([['message /t hi'], []])
  })

  test('passes on what is not subscribed itself only to who subscribes it', async () => {
    const lab = new Lab()
    const [first, middle, last] = await network(lab, 3, [
      [1, 2],
      [2, 3],
    ])
    middle!.subscribe('/only')
    await lab.time.settle()
    first!.publish('/only', payload('hi'))
    await lab.time.settle()
    expect(middle!.takeLog()).toContain('message /only hi')
    expect(last!.takeLog()).not.toContain('message /only hi')
  })
})

describe('a frame that is passed on', () => {
  test('keeps everything but the last hop and one step of its life', async () => {
    const lab = new Lab()
    const relay = lab.endpoint(idOf(9), { forward: true })
    relay.subscribe('/t')
    await relay.listen({ host: '127.0.0.1', port: 9999 })
    const from = await lab.peerWith(idOf(1), [])
    const to = await lab.peerWith(idOf(2), ['/t'])
    from.send(envelope(ENVELOPE.data, idOf(1), NIL_ID, '/t/deep', '\x05\x02hi'))
    from.send(envelope(ENVELOPE.command, idOf(1), idOf(2), 'store/<$>/data/clone', 'anything'))
    await lab.time.settle()
    const ttl15 = (frame: Uint8Array): string => {
      const copy = Buffer.from(frame.subarray(4))
      copy[34] = 15
      return copy.toString('hex')
    }
    expect(to.takeFrames()).toEqual([
      ttl15(envelope(ENVELOPE.data, idOf(9), NIL_ID, '/t/deep', '\x05\x02hi')),
      ttl15(envelope(ENVELOPE.command, idOf(9), idOf(2), 'store/<$>/data/clone', 'anything')),
    ])
  })

  test('is delivered, but not passed on, when its life is over', async () => {
    const lab = new Lab()
    const relay = lab.endpoint(idOf(9), { forward: true })
    relay.subscribe('/t')
    await relay.listen({ host: '127.0.0.1', port: 9999 })
    const from = await lab.peerWith(idOf(1), [])
    const to = await lab.peerWith(idOf(2), ['/t'])
    relay.takeLog()
    for (const ttl of [0, 1]) {
      const frame = envelope(ENVELOPE.data, idOf(1), NIL_ID, '/t', `ttl ${ttl}`)
      frame[4 + 34] = ttl
      from.send(frame)
    }
    await lab.time.settle()
    expect(to.takeFrames()).toEqual([])
    expect(relay.takeLog()).toEqual([
      'message /t ttl 0',
      expect.stringMatching(/^report routing-loop .* on \/t from 127\.0\.0\.1:\d+ .* cycle \(1 such/),
      'message /t ttl 1',
    ])
  })
})

test('in a cycle a message dies after sixteen hops, and the cycle is named', async () => {
  const lab = new Lab()
  const ring = await network(lab, 3, [
    [1, 2],
    [2, 3],
    [3, 1],
  ])
  ring[0]!.publish('/t', payload('round'))
  await lab.time.settle()
  const logs = ring.map((endpoint) => endpoint.takeLog())
  const delivered = logs.flat().filter((line) => line === 'message /t round')
  // Two copies run round the ring, one each way; each is delivered once per hop.
  expect(delivered).toHaveLength(2 * 16)
  expect(logs.flat().filter((line) => line.startsWith('report routing-loop'))).not.toEqual([])
})

describe('many frames in one piece', () => {
  test.each([1, 7, 300, 65_536])('arrive whole and in order, in chunks of %i bytes', async (chunkBytes) => {
    const lab = new Lab(chunkBytes)
    const [first, middle, last] = await network(lab, 3, [
      [1, 2],
      [2, 3],
    ])
    const sent: string[] = []
    for (let n = 0; n < 500; n += 1) {
      const topic = n % 5 === 0 ? '/t/other' : '/t/x'
      sent.push(`message ${topic} ${n} ${'.'.repeat(n % 90)}`)
      first!.publish(topic, payload(`${n} ${'.'.repeat(n % 90)}`))
    }
    await lab.time.settle()
    expect(middle!.takeLog()).toEqual(sent)
    expect(last!.takeLog()).toEqual(sent)
    expect(middle!.counters()).toMatchObject({ forwardedOut: 500, messagesOut: 500, droppedOut: 0 })
  })

  test('what a node publishes about a message comes behind it', async () => {
    const lab = new Lab()
    const [first, middle, last] = await network(lab, 3, [
      [1, 2],
      [2, 3],
    ])
    middle!.handler.onMessage = (topic, bytes, start, end) => {
      if (topic === '/t/question') middle!.publish('/t/answer', payload(bytes.slice(start, end)))
    }
    first!.publish('/t/question', payload('a'))
    first!.publish('/t/question', payload('b'))
    await lab.time.settle()
    const log = last!.takeLog()
    for (const letter of ['a', 'b']) {
      expect(log.indexOf(`message /t/question ${letter}`)).toBeGreaterThanOrEqual(0)
    }
    expect(log.indexOf('message /t/answer b')).toBeGreaterThan(log.indexOf('message /t/question a'))
  })

  test('for a peer that does not read are dropped and counted one by one', async () => {
    const lab = new Lab()
    const relay = lab.endpoint(idOf(9), {
      forward: true,
      outboxLimits: { limitBytes: 20_000, highWaterBytes: 10_000, policy: 'drop-newest' },
    })
    relay.subscribe('/t')
    await relay.listen({ host: '127.0.0.1', port: 9999 })
    const from = await lab.peerWith(idOf(1), [])
    const to = await lab.peerWith(idOf(2), ['/t'])
    to.connection.pauseReading()
    const frames = Array.from({ length: 1000 }, (_, n) =>
      envelope(ENVELOPE.data, idOf(1), NIL_ID, '/t', `${n} ${'.'.repeat(100)}`),
    )
    for (let n = 0; n < 1000; n += 50) {
      from.send(Buffer.concat(frames.slice(n, n + 50)))
      await lab.time.settle()
    }
    const { droppedOut } = relay.counters()
    to.connection.resumeReading()
    await lab.time.settle()
    const kept = to.takeFrames().filter((frame) => frame.slice(64, 66) === '01').length
    expect(kept + droppedOut).toBe(1000)
    expect(droppedOut).toBeGreaterThan(500)
    expect(relay.counters().forwardedOut).toBe(kept)
  })
})
