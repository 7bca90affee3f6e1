/** Participants in the same process: what they see, and what others see of them. */
import { expect, test } from 'vitest'
import { ADDRESS, idOf, Lab, payload, type TestEndpoint } from '../../test/support/broker-peers.js'
import type { Participant } from '../bus/bus.js'

function attach(endpoint: TestEndpoint, name: string): { participant: Participant; seen: string[] } {
  const seen: string[] = []
  const participant = endpoint.attach(name, ADDRESS, (topic, bytes, start, end) => {
    seen.push(`${topic} ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`)
  })
  return { participant, seen }
}

test('who sees what', async () => {
  const lab = new Lab()
  const node = lab.endpoint(idOf(1))
  const peer = lab.endpoint(idOf(2))
  await node.listen(ADDRESS)
  node.subscribe('/node')
  peer.subscribe('/t')
  peer.dial(ADDRESS, 1000)
  const a = attach(node, 'a')
  const b = attach(node, 'b')
  a.participant.subscribe('/t')
  b.participant.subscribe('/t')
  await lab.time.settle()
  node.takeLog()
  peer.takeLog()

  expect(node.publish('/t', payload('from the node'))).toBe('accepted')
  expect(peer.publish('/t', payload('from the peer'))).toBe('accepted')
  expect(a.participant.publish('/t', payload('from a'))).toBe('accepted')
  expect(b.participant.publish('/node', payload('for the node'))).toBe('accepted')
  expect(b.participant.publish('/nobody', payload('for nobody'))).toBe('no-peer')
  await lab.time.settle()
  expect(a.seen).toEqual(['/t from the node', '/t from the peer'])
  expect(b.seen).toEqual(['/t from the node', '/t from a', '/t from the peer'])
  expect(peer.takeLog()).toEqual(['message /t from the node', 'message /t from a'])
  // The node itself does not subscribe /t: that its participants do is no reason to bother it.
  expect(node.takeLog()).toEqual(['message /node for the node'])

  a.participant.close()
  b.participant.unsubscribe('/t')
  await lab.time.settle()
  expect(node.publish('/t', payload('again'))).toBe('accepted')
  expect(a.participant.publish('/t', payload('too late'))).toBe('no-peer')
  expect(peer.publish('/t', payload('unheard'))).toBe('no-peer')
  await lab.time.settle()
  expect([a.seen.length, b.seen.length]).toEqual([2, 3])
})
