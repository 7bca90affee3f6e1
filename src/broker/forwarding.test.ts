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
