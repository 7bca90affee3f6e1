/** Endpoints with each other: routing, subscriptions, goodbye, loss and redial, on a virtual clock. */
import { describe, expect, test } from 'vitest'
import { ADDRESS, envelope, idOf, Lab, payload, type TestEndpoint } from '../../test/support/broker-peers.js'
import { NIL_ID } from './endpoint-id.js'
import { ENVELOPE } from './envelope.js'

const ELSEWHERE = { host: '127.0.0.1', port: 9998 }

/** A listening endpoint 1, and endpoints 2 and up that dial it. */
async function star(lab: Lab, filters: readonly (readonly string[])[]): Promise<TestEndpoint[]> {
  const endpoints = filters.map((filter, index) => {
    const endpoint = lab.endpoint(idOf(index + 1))
    for (const prefix of filter) endpoint.subscribe(prefix)
    return endpoint
  })
  await endpoints[0]!.listen(ADDRESS)
  for (const endpoint of endpoints.slice(1)) endpoint.dial(ADDRESS, 1000)
  await lab.time.settle()
  for (const endpoint of endpoints) endpoint.takeLog()
  return endpoints
}

describe('publish', () => {
  test('reaches the peers that subscribe a prefix, and never the own process', async () => {
    const lab = new Lab()
    const [hub, a, b, c] = await star(lab, [['/t'], ['/t/a'], ['/t'], []])
    expect(hub!.publish('/t/a/1', payload('one'))).toBe('accepted')
    expect(hub!.publish('/t', payload('two'))).toBe('accepted')
    expect(hub!.publish('/', payload('nobody'))).toBe('no-peer')
    await lab.time.settle()
    expect([hub, a, b, c].map((endpoint) => endpoint!.takeLog())).toEqual([
      [],
      ['message /t/a/1 one'],
      ['message /t/a/1 one', 'message /t two'],
      [],
    ])
  })

  test('encodes once, however many peers subscribe', async () => {
    const lab = new Lab()
    const [hub, ...others] = await star(lab, [[], ['/t'], ['/t'], ['/t'], ['/u']])
    let encoded = 0
    const message = {
      writeTo: (writer: Parameters<ReturnType<typeof payload>['writeTo']>[0]) => {
        encoded += 1
        payload('hi').writeTo(writer)
      },
    }
    hub!.publish('/t', message)
    expect(encoded).toBe(1)
    hub!.publish('/u', message)
    expect(encoded).toBe(2)
    hub!.publish('/nobody', message)
    expect(encoded).toBe(2)
    await lab.time.settle()
    expect(others.map((other) => other.takeLog())).toEqual([
      ['message /t hi'],
      ['message /t hi'],
      ['message /t hi'],
      ['message /u hi'],
    ])
  })

  test('send reaches one peer, whatever it subscribes', async () => {
    const lab = new Lab()
    const [hub, a, b] = await star(lab, [[], [], ['/t']])
    expect(hub!.send(a!.id, '/t', payload('for a'))).toBe('accepted')
    expect(hub!.send(idOf(77).text, '/t', payload('for nobody'))).toBe('no-peer')
    expect(hub!.send(hub!.id, '/t', payload('for myself'))).toBe('no-peer')
    await lab.time.settle()
    expect([a, b].map((endpoint) => endpoint!.takeLog())).toEqual([['message /t for a'], []])
  })

  test('a message that cannot be encoded is an error of the caller, and leaves nothing behind', async () => {
    const lab = new Lab()
    const [hub, a, b] = await star(lab, [[], ['/t'], ['/t/b']])
    for (const topic of ['/t', `/t/b/${'x'.repeat(70_000)}`]) {
      const broken = {
        writeTo: () => {
          throw new RangeError('no')
        },
      }
      expect(() => hub!.publish(topic, broken)).toThrow()
    }
    hub!.publish('/t/b', payload('fine'))
    await lab.time.settle()
    expect([a, b].map((endpoint) => endpoint!.takeLog())).toEqual([
      ['message /t/b fine'],
      ['message /t/b fine'],
    ])
  })

  test('messages larger than a buffer, and many small ones, arrive complete and in order', async () => {
    const lab = new Lab(10_007)
    const [hub, a] = await star(lab, [[], ['/t']])
    const sizes = [1, 300_000, 5, 262_144, 261_000, 2_000_000, 3]
    for (const size of sizes) hub!.publish('/t', payload('x'.repeat(size)))
    for (let n = 0; n < 5000; n += 1) hub!.publish('/t', payload(`${n}`))
    await lab.time.settle()
    const log = a!.takeLog().map((line) => line.slice('message /t '.length))
    expect(log.slice(0, sizes.length).map(({ length }) => length)).toEqual(sizes)
    expect(log.slice(sizes.length)).toEqual(Array.from({ length: 5000 }, (_, n) => `${n}`))
    expect(hub!.counters()).toMatchObject({ messagesOut: 5007, droppedOut: 0, queuedBytes: 0 })
    expect(a!.counters()).toMatchObject({ messagesIn: 5007 })
  })
})

describe('subscriptions', () => {
  test('changes are announced in both directions', async () => {
    const lab = new Lab()
    const [hub, a] = await star(lab, [['/h'], ['/a']])
    hub!.subscribe('/x')
    a!.subscribe('/y')
    await lab.time.settle()
    expect([hub, a].map((endpoint) => endpoint!.takeLog())).toEqual([
      ['filter 2 [/a /y]'],
      ['filter 1 [/h /x]'],
    ])
    a!.unsubscribe('/a')
    await lab.time.settle()
    expect(hub!.takeLog()).toEqual(['filter 2 [/y]'])
    expect(hub!.publish('/a', payload('gone'))).toBe('no-peer')
    expect(hub!.peers()[0]!.subscriptions).toEqual(['/y'])
  })

  test('are minimal and sorted, without the local ones; what changes nothing is not announced', async () => {
    const lab = new Lab()
    const [hub, a] = await star(lab, [[], ['/t/b', '/t/a', '<$>/local/data/errors']])
    expect(hub!.peers()[0]!.subscriptions).toEqual(['/t/a', '/t/b'])
    a!.subscribe('/t/a/deeper')
    a!.subscribe('<$>/local/x')
    await lab.time.settle()
    expect(hub!.takeLog()).toEqual([])
    a!.subscribe('/t')
    await lab.time.settle()
    a!.unsubscribe('/t')
    await lab.time.settle()
    expect(hub!.takeLog()).toEqual(['filter 2 [/t]', 'filter 2 [/t/a /t/b]'])
  })

  test.each([1, 9])('a change during the handshake is announced behind it (own id %i)', async (own) => {
    const lab = new Lab()
    const endpoint = lab.endpoint(idOf(5))
    endpoint.subscribe('/early')
    await endpoint.listen(ADDRESS)
    const other = lab.endpoint(idOf(own))
    other.dial(ADDRESS, 0)
    const late = endpoint.filter.bind(endpoint)
    // The filter has just been put into the handshake when it changes.
    endpoint.filter = () => {
      const filter = late()
      endpoint.filter = late
      lab.time.soon(() => endpoint.subscribe('/late'))
      return filter
    }
    await lab.time.settle()
    expect(other.peers()[0]!.subscriptions).toEqual(['/early', '/late'])
    expect(other.publish('/late', payload('hi'))).toBe('accepted')
    await lab.time.settle()
    expect(endpoint.takeLog()).toContain('message /late hi')
  })
})

describe('barrier', () => {
  test('resolves when every peer has taken in what was published before', async () => {
    const lab = new Lab(7)
    const [hub, a, b] = await star(lab, [[], ['/t'], ['/t']])
    for (let n = 0; n < 100; n += 1) hub!.publish('/t', payload(`${n}`))
    let seen: number[] = []
    await lab.finish(hub!.barrier(1000).then(() => (seen = [a!.log.length, b!.log.length])))
    expect(seen).toEqual([100, 100])
    expect(lab.time.monotonicMs()).toBe(0)
    expect(lab.time.pendingTimers).toBe(0)
  })

  test('does not wait for a peer that is gone, nor without peers', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.barrier(1000)
    await hub.listen(ADDRESS)
    const silent = await lab.peerWith(idOf(1), ['/t'])
    const barrier = hub.barrier(1000)
    await lab.time.settle()
    expect(silent.takeFrames()).toHaveLength(1)
    silent.connection.destroy()
    await lab.finish(barrier)
    expect(lab.time.monotonicMs()).toBe(0)
    expect(lab.time.pendingTimers).toBe(0)
  })

  test('waits for a silent peer as long as it was told, and takes no other pong for an answer', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.listen(ADDRESS)
    const silent = await lab.peerWith(idOf(1), [])
    const barrier = hub.barrier(1000)
    await lab.time.settle()
    const [ping] = silent.takeFrames()
    expect(Buffer.from(ping!.slice(2 * 40), 'hex').toString('latin1')).toMatch(/^barrier/)
    silent.send(envelope(ENVELOPE.pong, idOf(1), idOf(9), '<$>', 'something else'))
    await lab.finish(barrier)
    expect(lab.time.monotonicMs()).toBe(1000)
    // Its late answer is nothing special.
    silent.send(envelope(ENVELOPE.pong, idOf(1), idOf(9), '<$>', Buffer.from(ping!.slice(2 * 40), 'hex')))
    await lab.time.settle()
    expect(hub.peers()).toHaveLength(1)
  })
})

describe('ping', () => {
  test('is answered with the same bytes, addressed to this endpoint or to everyone', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.listen(ADDRESS)
    const peer = await lab.peerWith(idOf(1), [])
    peer.send(envelope(ENVELOPE.ping, idOf(1), idOf(9), '<$>', 'PING1'))
    peer.send(envelope(ENVELOPE.ping, idOf(1), NIL_ID, '', ''))
    peer.send(envelope(ENVELOPE.ping, idOf(1), idOf(3), '<$>', 'for another'))
    await lab.time.settle()
    const pongs = ['PING1', ''].map((content) => envelope(ENVELOPE.pong, idOf(9), idOf(1), '<$>', content))
    expect(peer.takeFrames()).toEqual(pongs.map((pong) => Buffer.from(pong.subarray(4)).toString('hex')))
  })
})

describe('the end of a peering', () => {
  test('in order: the peer answers the goodbye, and sees a loss', async () => {
    const lab = new Lab()
    const [hub, a] = await star(lab, [[], ['/t']])
    hub!.publish('/t', payload('last words'))
    await lab.finish(hub!.close())
    await lab.time.settle()
    expect(hub!.takeLog()).toEqual(['left 2'])
    expect(a!.takeLog().slice(0, 2)).toEqual(['message /t last words', 'lost 1'])
    expect(lab.time.monotonicMs()).toBe(0)
    await lab.finish(a!.close())
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([0, 0])
  })

  test('both at once', async () => {
    const lab = new Lab()
    const [hub, a, b] = await star(lab, [['/t'], ['/t'], ['/t']])
    await lab.finish(Promise.all([hub!.close(), a!.close(), b!.close()]))
    await lab.time.settle()
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([0, 0])
    expect(lab.time.monotonicMs()).toBe(0)
  })

  test('a peer that does not answer the goodbye has three seconds; the figures outlive it', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.listen(ADDRESS)
    const silent = await lab.peerWith(idOf(1), ['/t'])
    hub.publish('/t', payload('one'))
    const closed = hub.close()
    expect(hub.close()).toBe(closed)
    expect(hub.publish('/t', payload('after the goodbye'))).toBe('no-peer')
    await lab.time.advance(2999)
    expect(silent.state).toBe('open')
    await lab.finish(closed)
    expect(lab.time.monotonicMs()).toBe(3000)
    await lab.time.settle()
    expect(silent.state).toBe('closed')
    // The message and the goodbye.
    expect(hub.counters()).toMatchObject({ messagesOut: 2, queuedBytes: 0 })
  })

  test('close ends what is still being connected, in its handshake, or about to be dialled', async () => {
    const lab = new Lab()
    const accepted = await lab.listen()
    const endpoint = lab.endpoint(idOf(5))
    const address = await endpoint.listen(ELSEWHERE)
    endpoint.dial(ADDRESS, 1000)
    endpoint.dial({ host: '127.0.0.1', port: 1 }, 1000)
    await lab.connect(address.port)
    endpoint.dial(ADDRESS, 1000)
    expect(lab.time.pendingTimers).toBe(3)
    await lab.finish(endpoint.close())
    await lab.time.settle()
    expect(accepted.map(({ state }) => state)).toEqual(['closed'])
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([0, 0])
    endpoint.dial(ADDRESS, 1000)
    await lab.time.settle()
    expect(accepted).toHaveLength(1)
    expect(endpoint.takeLog().filter((line) => !line.startsWith('report peer-unavailable'))).toEqual([])
  })
})

test('a listener that was still starting when the endpoint was closed is closed, too', async () => {
  const lab = new Lab()
  const endpoint = lab.endpoint(idOf(1))
  const listening = endpoint.listen(ADDRESS)
  await Promise.all([endpoint.close(), listening])
  const again = lab.endpoint(idOf(2))
  await again.listen(ADDRESS)
  expect((await lab.connect()).state).toBe('open')
})

describe('redial', () => {
  /** Times at which a dialled listener was tried, while it treats every connection as `treat` says. */
  async function attempts(
    retryMs: number,
    treat: (attempt: number) => 'peer' | 'close' | 'absent',
  ): Promise<number[]> {
    const lab = new Lab()
    const times: number[] = []
    const { network } = lab
    const watched = {
      listen: network.listen.bind(network),
      connect: (...[address, ...rest]: Parameters<typeof network.connect>) => {
        times.push(lab.time.monotonicMs())
        const treatment = treat(times.length)
        return network.connect(treatment === 'absent' ? { ...address, port: 1 } : address, ...rest)
      },
    }
    const listener = lab.endpoint(idOf(1))
    await listener.listen(ADDRESS)
    const endpoint = lab.endpoint(idOf(2), { network: watched })
    endpoint.dial(ADDRESS, retryMs)
    for (let tick = 0; tick < 40; tick += 1) {
      await lab.time.settle()
      if (listener.peers().length > 0 && treat(times.length) === 'close') {
        lab.network.breakAll()
        await lab.time.settle()
      }
      await lab.time.advance(100)
    }
    return times
  }

  test('an attempt that failed is repeated at the interval', async () => {
    expect(await attempts(1000, () => 'absent')).toEqual([0, 1000, 2000, 3000, 4000])
  })

  test('a peering that was lost is dialled again at once, then at the interval', async () => {
    expect(await attempts(1000, (attempt) => (attempt === 1 ? 'close' : 'absent'))).toEqual([
      0, 0, 1000, 2000, 3000, 4000,
    ])
    expect(await attempts(1000, (attempt) => (attempt === 1 ? 'close' : 'peer'))).toEqual([0, 0])
  })

  test('an interval of 0 is one attempt and one peering', async () => {
    expect(await attempts(0, () => 'absent')).toEqual([0])
    expect(await attempts(0, () => 'close')).toEqual([0])
  })
})

describe('two endpoints that dial each other', () => {
  test.each([1, 3, 65_536])('end with one peering (chunks of %i bytes)', async (chunkBytes) => {
    const lab = new Lab(chunkBytes)
    const a = lab.endpoint(idOf(1))
    const b = lab.endpoint(idOf(2))
    await a.listen(ADDRESS)
    await b.listen(ELSEWHERE)
    a.dial(ELSEWHERE, 1000)
    b.dial(ADDRESS, 1000)
    await lab.time.settle()
    expect([a, b].map((endpoint) => endpoint.takeLog())).toEqual([['added 2'], ['added 1']])
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([2, 0])
    // Both watch the one peering: when it breaks, both dial, and again one remains.
    lab.network.breakAll()
    await lab.time.advance(5000)
    expect([a, b].map((endpoint) => endpoint.takeLog())).toEqual([
      ['lost 2', 'added 2'],
      ['lost 1', 'added 1'],
    ])
    expect(lab.network.openConnections).toBe(2)
    await lab.finish(Promise.all([a.close(), b.close()]))
    await lab.time.settle()
    expect([lab.network.openConnections, lab.time.pendingTimers]).toEqual([0, 0])
  })

  test('an endpoint that dials itself has no peer, and goes on trying', async () => {
    const lab = new Lab()
    const a = lab.endpoint(idOf(1))
    await a.listen(ADDRESS)
    a.dial(ADDRESS, 1000)
    await lab.time.advance(3000)
    expect(a.peers()).toEqual([])
    expect(lab.network.openConnections).toBe(0)
    expect(lab.time.pendingTimers).toBe(1)
    await lab.finish(a.close())
    expect(lab.time.pendingTimers).toBe(0)
  })
})
