/** A peer that does not read: the queue is bounded, every policy does what it says, and nothing waits for ever. */
import { describe, expect, test } from 'vitest'
import {
  ADDRESS,
  idOf,
  Lab,
  payload,
  type RawPeer,
  type TestEndpoint,
} from '../../test/support/broker-peers.js'
import type { Encodable } from '../data/messages.js'
import { VirtualTime } from '../testing/virtual-time.js'
import type { Connection } from '../transport/transport.js'
import { Outbox, type OverflowPolicy } from './outbox.js'

const LIMIT_BYTES = 10_000
const MESSAGE_BYTES = 100
const ENVELOPE_BYTES = 4 + 37 + 2
const FRAME_BYTES = MESSAGE_BYTES + ENVELOPE_BYTES

/** A message that starts with its number. */
function numbered(n: number): Encodable {
  return payload(String(n).padEnd(MESSAGE_BYTES, '.'))
}

function numbersOf(frames: readonly string[]): number[] {
  return frames
    .map((frame) => Buffer.from(frame, 'hex'))
    .filter((frame) => frame[32] === 1)
    .map((frame) => Number.parseInt(frame.toString('latin1', ENVELOPE_BYTES - 4), 10))
}

async function slowPeer(
  policy: OverflowPolicy,
  lab = new Lab(),
): Promise<{ lab: Lab; hub: TestEndpoint; peer: RawPeer }> {
  const hub = lab.endpoint(idOf(9), {
    outboxLimits: { limitBytes: LIMIT_BYTES, highWaterBytes: LIMIT_BYTES / 2, policy },
  })
  await hub.listen(ADDRESS)
  const peer = await lab.peerWith(idOf(1), ['/t'])
  peer.connection.pauseReading()
  hub.takeLog()
  return { lab, hub, peer }
}

/** Publishes one message per turn of the event loop; returns runs of outcomes, and the longest queue. */
async function flood(
  lab: Lab,
  hub: TestEndpoint,
  messages: number,
): Promise<{ outcomes: string[]; queuedBytes: number }> {
  const outcomes: string[] = []
  let queuedBytes = 0
  for (let n = 0; n < messages; n += 1) {
    const outcome = hub.publish('/t', numbered(n))
    if (outcomes.at(-1) !== outcome) outcomes.push(outcome)
    if (n % 7 === 0) await lab.time.settle()
    queuedBytes = Math.max(queuedBytes, hub.counters().queuedBytes)
  }
  await lab.time.settle()
  return { outcomes, queuedBytes }
}

describe('the queue of a peer that never reads', () => {
  test('drop-newest: what came first is kept', async () => {
    const { lab, hub, peer } = await slowPeer('drop-newest')
    const { outcomes, queuedBytes } = await flood(lab, hub, 1000)
    expect(outcomes).toEqual(['accepted', 'queued', 'dropped'])
    expect(queuedBytes).toBeLessThan(LIMIT_BYTES + FRAME_BYTES)
    const { droppedOut } = hub.counters()
    peer.connection.resumeReading()
    await lab.time.settle()
    const kept = numbersOf(peer.takeFrames())
    expect(kept).toEqual(Array.from({ length: 1000 - droppedOut }, (_, n) => n))
    expect(kept.length).toBe(Math.ceil(LIMIT_BYTES / FRAME_BYTES))
    expect(hub.counters()).toMatchObject({ droppedOut, queuedBytes: 0 })
  })

  test('drop-oldest: what came last is kept, and each message arrived or was counted', async () => {
    const { lab, hub, peer } = await slowPeer('drop-oldest')
    const { outcomes, queuedBytes } = await flood(lab, hub, 1000)
    expect(outcomes).toEqual(['accepted', 'queued'])
    expect(queuedBytes).toBeLessThan(LIMIT_BYTES + FRAME_BYTES)
    peer.connection.resumeReading()
    await lab.time.settle()
    const kept = numbersOf(peer.takeFrames())
    const { droppedOut, messagesOut } = hub.counters()
    expect(kept.length + droppedOut).toBe(1000)
    expect(kept).toEqual([...kept].sort((a, b) => a - b))
    expect(kept.at(-1)).toBe(999)
    expect(kept[0]).toBe(0)
    // The gap is one: behind what was in flight, before what is newest.
    expect(kept.filter((n, index) => index > 0 && n !== kept[index - 1]! + 1)).toHaveLength(1)
    // And the routing update that follows, because one may have been dropped.
    expect(messagesOut).toBe(kept.length + 1)
  })

  test('disconnect: the peering ends, is not dialled again, and others go on', async () => {
    const lab = new Lab()
    const accepted = await lab.listen(1234)
    const { hub, peer } = await slowPeer('disconnect', lab)
    const other = lab.endpoint(idOf(2))
    other.subscribe('/t')
    other.dial(ADDRESS, 1000)
    await lab.time.settle()
    hub.takeLog()
    await flood(lab, hub, 500)
    expect(peer.state).toBe('closed')
    expect(hub.takeLog()).toEqual([
      expect.stringMatching(/^report peer-fault from 127\.0\.0\.1:\d+: the peer reads too slowly/),
      'left 1',
      'drain',
    ])
    expect(other.takeLog().filter((line) => line.startsWith('message'))).toHaveLength(500)
    expect(accepted).toEqual([])
    expect(hub.counters().droppedOut).toBeGreaterThan(0)
  })

  test('disconnect: what the owner publishes about the loss does not get into another message', async () => {
    const lab = new Lab()
    const { hub } = await slowPeer('disconnect', lab)
    const [a, b] = [lab.endpoint(idOf(2)), lab.endpoint(idOf(3))]
    for (const endpoint of [a, b]) {
      endpoint.subscribe('/')
      endpoint.dial(ADDRESS, 0)
    }
    await lab.time.settle()
    hub.handler.onPeerLost = () => hub.publish('/lost', payload('lost'))
    await flood(lab, hub, 200)
    for (const endpoint of [a, b]) {
      const messages = endpoint.takeLog().filter((line) => line.startsWith('message'))
      expect(messages.filter((line) => line === 'message /lost lost')).toHaveLength(1)
      const numbers = messages.flatMap((line) => /^message \/t (\d+)/.exec(line)?.[1] ?? [])
      expect(numbers.map(Number)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    }
  })

  test('drop-oldest drops the new message when all others are on their way already', async () => {
    const { lab, hub, peer } = await slowPeer('drop-oldest')
    hub.publish('/t', payload('x'.repeat(LIMIT_BYTES)))
    await lab.time.settle()
    expect(hub.publish('/t', numbered(1))).toBe('dropped')
    expect(hub.counters()).toMatchObject({ droppedOut: 1 })
    peer.connection.resumeReading()
    await lab.time.settle()
    expect(hub.publish('/t', numbered(2))).toBe('accepted')
    await lab.time.settle()
    expect(numbersOf(peer.takeFrames()).slice(1)).toEqual([2])
  })

  test('disconnect is said once, however much is published before the end', () => {
    const unread: Pick<Connection, 'send'> = { send: () => {} }
    const limits = { limitBytes: 1, highWaterBytes: 1, policy: 'disconnect' } as const
    const outbox = new Outbox(unread as Connection, new VirtualTime(), limits, {
      onDrain: () => {},
      onDropped: () => {},
    })
    const first = outbox.open()
    if (typeof first === 'string') throw new Error('an empty queue has room')
    first.u32(1)
    outbox.appended()
    expect([outbox.open(), outbox.open(), outbox.open()]).toEqual(['disconnect', 'drop', 'drop'])
    expect(outbox.droppedMessages).toBe(3)
  })

  test('many turns with one small message each share buffers', async () => {
    const lab = new Lab()
    const hub = lab.endpoint(idOf(9))
    await hub.listen(ADDRESS)
    const peer = await lab.peerWith(idOf(1), ['/t'])
    peer.connection.pauseReading()
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 2000; n += 1) {
      hub.publish('/t', numbered(n))
      await lab.time.settle()
    }
    const grown = process.memoryUsage().arrayBuffers - before
    expect(hub.counters().queuedBytes).toBe(2000 * FRAME_BYTES)
    // 2000 buffers of their own would be 500 MiB.
    expect(grown).toBeLessThan(32 * 1024 * 1024)
    peer.connection.resumeReading()
    await lab.time.settle()
    expect(numbersOf(peer.takeFrames())).toEqual(Array.from({ length: 2000 }, (_, n) => n))
  })

  test('a peer that asks and never reads is bounded like any other', async () => {
    const { lab, hub, peer } = await slowPeer('drop-newest')
    const ping = Buffer.concat(Array.from({ length: 500 }, () => pingFrom(1, 9)))
    peer.send(ping)
    await lab.time.settle()
    expect(hub.counters().queuedBytes).toBeLessThan(LIMIT_BYTES + FRAME_BYTES)
    expect(hub.counters().droppedOut).toBeGreaterThan(0)
    expect(hub.peers()).toHaveLength(1)
  })

  test('a routing update that did not fit is sent when there is room again', async () => {
    for (const policy of ['drop-newest', 'drop-oldest'] as const) {
      const { lab, hub, peer } = await slowPeer(policy)
      await flood(lab, hub, 100)
      hub.subscribe('/new')
      await flood(lab, hub, 1000)
      peer.connection.resumeReading()
      await lab.time.settle()
      const last = Buffer.from(peer.takeFrames().at(-1)!, 'hex')
      expect(last[32]).toBe(3)
      expect(last.toString('latin1', 40)).toBe('\x01\x04/new')
    }
  })
})

function pingFrom(from: number, to: number): Uint8Array {
  const frame = new Uint8Array(4 + 37 + 3 + 60)
  frame[3] = frame.length - 4
  frame.set(idOf(from).bytes, 4)
  frame.set(idOf(to).bytes, 20)
  frame.set([4, 0, 16, 0, 3, 0x3c, 0x24, 0x3e], 36)
  return frame
}

describe('drain', () => {
  test('comes once, when the last of several slow peers has caught up', async () => {
    const { lab, hub, peer } = await slowPeer('drop-newest')
    const second = await lab.peerWith(idOf(2), ['/t'])
    second.connection.pauseReading()
    hub.takeLog()
    await flood(lab, hub, 60)
    expect(hub.takeLog()).toEqual([])
    peer.connection.resumeReading()
    await lab.time.settle()
    expect(hub.takeLog()).toEqual([])
    second.connection.resumeReading()
    await lab.time.settle()
    expect(hub.takeLog()).toEqual(['drain'])
    await flood(lab, hub, 10)
    expect(hub.takeLog()).toEqual([])
  })

  test('comes also when the slow peer is lost instead', async () => {
    const { lab, hub, peer } = await slowPeer('drop-newest')
    await flood(lab, hub, 60)
    peer.connection.destroy()
    await lab.time.settle()
    expect(hub.takeLog()).toEqual(['lost 1', 'drain'])
    expect(hub.counters().queuedBytes).toBe(0)
  })

  test('does not come when nobody was told to wait', async () => {
    const { lab, hub, peer } = await slowPeer('drop-newest')
    await flood(lab, hub, 5)
    peer.connection.resumeReading()
    await lab.time.settle()
    expect(hub.takeLog()).toEqual([])
  })
})
