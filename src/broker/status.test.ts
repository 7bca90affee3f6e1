/** What endpoints tell about their peerings: statuses, errors, and what was dropped. */
import { expect, test } from 'vitest'
import { ADDRESS, idOf, Lab, payload, type TestEndpoint } from '../../test/support/broker-peers.js'
import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { valueToJson } from '../data/json.js'

function told(endpoint: TestEndpoint): string[] {
  return endpoint.statuses.splice(0).map((status) => {
    if (status.kind === 'messages-dropped') {
      const topics = [...status.topics].map(([topic, messages]) => `${topic}=${messages}`)
      return `dropped ${status.reason} ${topics.join(' ')}`
    }
    const { address, retrySeconds } = status.endpoint
    const network = address === undefined ? '' : ` ${address.host} retry=${retrySeconds}`
    return `${status.code}${network}: ${status.message}`
  })
}

test('the life of a peering, on both sides', async () => {
  const lab = new Lab()
  const listener = lab.endpoint(idOf(1))
  const dialer = lab.endpoint(idOf(2))
  dialer.dial(ADDRESS, 5000)
  await lab.time.settle()
  expect(told(dialer)).toEqual(['peer_unavailable 127.0.0.1 retry=5: unable to connect to remote peer'])
  await listener.listen(ADDRESS)
  await lab.time.advance(5000)
  expect(told(dialer)).toEqual([
    'endpoint_discovered: found a new peer in the network',
    'peer_added 127.0.0.1 retry=5: handshake successful',
  ])
  expect(told(listener)).toEqual([
    'endpoint_discovered: found a new peer in the network',
    'peer_added 127.0.0.1 retry=0: handshake successful',
  ])
  expect(dialer.unpeer(ADDRESS)).toBe(true)
  await lab.time.settle()
  expect(told(dialer)).toEqual([
    'peer_removed 127.0.0.1 retry=5: removed connection to remote peer',
    'endpoint_unreachable: lost the last path',
  ])
  expect(told(listener)).toEqual([
    'peer_lost 127.0.0.1 retry=0: lost connection to remote peer',
    'endpoint_unreachable: lost the last path',
  ])
  await lab.time.advance(60_000)
  expect(listener.peers()).toEqual([])
})

test('unpeering stops a dialer that has not reached anybody; an unknown address is an error', async () => {
  const lab = new Lab()
  const endpoint = lab.endpoint(idOf(2))
  endpoint.dial(ADDRESS, 1000)
  await lab.time.settle()
  told(endpoint)
  expect(endpoint.unpeer(ADDRESS)).toBe(true)
  await lab.time.advance(10_000)
  expect(told(endpoint)).toEqual([])
  for (const address of [ADDRESS, { host: '127.0.0.1', port: 1 }]) {
    expect(endpoint.unpeer(address)).toBe(false)
    expect(told(endpoint)).toEqual([
      'peer_invalid 127.0.0.1 retry=undefined: cannot unpeer from unknown peer',
    ])
  }
})

test('participants get statuses and errors as Broker data, peers never do', async () => {
  const lab = new Lab()
  const listener = lab.endpoint(idOf(1))
  await listener.listen(ADDRESS)
  const seen: string[] = []
  const participant = listener.attach('client', ADDRESS, (topic, bytes, start, end) => {
    seen.push(`${topic} ${valueToJson(readValue(new ByteReader(bytes.subarray(start, end))))}`)
  })
  participant.subscribe('<$>/local/')
  const peer = await lab.peerWith(idOf(0), ['<$>/local/', ''])
  await lab.time.settle()
  expect(seen).toHaveLength(2)
  expect(seen[0]).toContain(
    '<$>/local/data/statuses {"@data-type":"vector","data":[{"@data-type":"string","data":"status"},{"@data-type":"enum-value","data":"endpoint_discovered"},{"@data-type":"vector","data":[{"@data-type":"string","data":"00000000-0000-4000-8000-000000000000"},{"@data-type":"none","data":{}}',
  )
  expect(seen[1]).toMatch(/"peer_added".*"127\.0\.0\.1".*\/tcp.*"count","data":0.*handshake successful/)
  expect(peer.takeFrames()).toEqual([])
})

test('messages for a slow peer are counted by topic, as are those that are lost with it', async () => {
  const lab = new Lab()
  const hub = lab.endpoint(idOf(9), {
    outboxLimits: { limitBytes: 10_000, highWaterBytes: 5000, policy: 'drop-oldest' },
  })
  await hub.listen(ADDRESS)
  const peer = await lab.peerWith(idOf(1), ['/t', '/u'])
  peer.connection.pauseReading()
  told(hub)
  const flood = async (): Promise<void> => {
    for (let n = 0; n < 300; n += 1) {
      hub.publish(n % 3 === 0 ? '/u' : '/t', payload('x'.repeat(100)))
      if (n % 7 === 0) await lab.time.settle()
    }
  }
  await flood()
  await lab.time.advance(1000)
  const [first] = hub.statuses.splice(0)
  if (first?.kind !== 'messages-dropped') throw new Error('nothing was told')
  expect(first.reason).toBe('queue-full')
  const { droppedOut } = hub.counters()
  expect([...first.topics.values()].reduce((sum, count) => sum + count, 0)).toBe(droppedOut)
  expect(first.topics.get('/t')! / first.topics.get('/u')!).toBeCloseTo(2, 0)
  const [counters] = hub.peerCounters().values()
  expect(counters?.droppedByTopic).toEqual(first.topics)

  const waiting = 300 - droppedOut
  peer.connection.destroy()
  await lab.time.settle()
  await lab.time.advance(1000)
  const lost = hub.statuses.filter((status) => status.kind === 'messages-dropped')
  const messages = lost
    .flatMap((status) => [...status.topics.values()])
    .reduce((sum, count) => sum + count, 0)
  expect(lost.every((status) => status.reason === 'peer-lost')).toBe(true)
  expect(messages).toBe(waiting)
  expect(hub.counters().droppedOut).toBe(300)
})

test('a peer that was cut off because it was too slow is dialled again after the retry interval', async () => {
  const lab = new Lab()
  const accepted = await lab.listen()
  const hub = lab.endpoint(idOf(9), {
    outboxLimits: { limitBytes: 1000, highWaterBytes: 500, policy: 'disconnect' },
  })
  hub.dial(ADDRESS, 3000)
  await lab.time.settle()
  await lab.becomePeer(accepted[0]!, idOf(1), ['/t'])
  accepted[0]!.connection.pauseReading()
  told(hub)
  for (let n = 0; n < 30; n += 1) hub.publish('/t', payload('x'.repeat(100)))
  await lab.time.settle()
  expect(told(hub).filter((line) => !line.startsWith('dropped'))).toEqual([
    'peer_removed 127.0.0.1 retry=3: removed connection to remote peer (caf::sec::backpressure_overflow)',
    'endpoint_unreachable: lost the last path',
  ])
  expect(accepted).toHaveLength(1)
  await lab.time.advance(3000)
  expect(accepted).toHaveLength(2)
})
