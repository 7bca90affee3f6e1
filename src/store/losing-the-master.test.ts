/** Clones whose master is away, restarted, or gone for good. */
import { describe, expect, test } from 'vitest'
import { StoreNetwork } from '../../test/support/store-network.js'
import { clone, contents, Follower, master, outcome } from '../../test/support/stores.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { BROKER_TIMING } from './channel/timing.js'
import { Clone } from './clone.js'
import type { CloneIntervals } from './clone-settings.js'
import type { Action, Body, Command, SnapshotEntry } from './command.js'
import { encode } from './encoded.js'
import { type Entity, endpointOf, entityOf, NOBODY } from './entity.js'
import { storeData } from './store-data.js'

describe('losing the master', () => {
  async function pair(intervals: Partial<CloneIntervals> = {}, mutationBufferBytes?: number) {
    const network = new StoreNetwork(3)
    const first = await master(network.start('m'))
    await first.put('kept', 1n)
    const store = clone(network.start('c'), intervals, mutationBufferBytes)
    await network.time.advance(1000)
    return { network, first, store }
  }

  test('for a short time: reads go on, writes wait, and the streams go on where they stopped', async () => {
    const { network, first, store } = await pair()
    network.setConnected('m', false)
    await network.time.advance(100)
    await first.put('meanwhile', 2n)
    const write = outcome(store.increment('kept', 1n))
    await network.time.advance(20_000)
    expect(await store.get('kept')).toBe(1n)
    expect(write.state).toBe('open')
    network.setConnected('m', true)
    await network.time.advance(2000)
    expect(write.state).toBe('done')
    expect(await contents(store)).toEqual(
      new Map([
        ['kept', 2n],
        ['meanwhile', 2n],
      ]),
    )
    expect(store.counters().snapshots).toBe(1)
  })

  test('for longer than the master remembers: a new snapshot, and held writes are sent once', async () => {
    const { network, first, store } = await pair()
    network.setConnected('m', false)
    await network.time.advance(1000)
    const write = outcome(store.increment('kept', 1n))
    await first.put('meanwhile', 2n)
    await network.time.advance(60_000)
    network.setConnected('m', true)
    await network.time.advance(5000)
    expect(write.state).toBe('done')
    expect(await contents(store)).toEqual(
      new Map([
        ['kept', 2n],
        ['meanwhile', 2n],
      ]),
    )
    expect(store.counters().snapshots).toBe(2)
  })

  test('the master restarts: the clone takes its new contents, and says what changed', async () => {
    const { network, store } = await pair()
    const follower = new Follower(store, new Map([['kept', 1n]]))
    const again = await master(network.start('m'))
    await again.put('new', 3n)
    await network.time.advance(3000)
    expect(await contents(store)).toEqual(new Map([['new', 3n]]))
    expect(follower.entries).toEqual(new Map([['new', 3n]]))
    expect(follower.faults).toEqual([])
    const write = outcome(store.put('afterwards', 4n))
    await network.time.settle()
    expect(write.state).toBe('done')
  })

  test('with writes on their way: those that can be repeated are, of others the outcome is unknown', async () => {
    const { network, store } = await pair()
    network.faults = { loss: 1, duplication: 0, delayMs: 0 }
    const writes = [
      store.put('put', 1n),
      store.increment('kept', 1n),
      store.putUnique('unique', 1n),
      store.erase('kept'),
    ].map(outcome)
    await network.time.advance(300)
    network.faults = { loss: 0, duplication: 0, delayMs: 0 }
    const again = await master(network.start('m'))
    await network.time.advance(3000)
    expect(writes.map(({ state }) => state)).toEqual(['done', 'outcome-unknown', 'outcome-unknown', 'done'])
    expect(await contents(again)).toEqual(new Map([['put', 1n]]))
  })

  test('the master gives the clone up, which still hears what others are told: it is copied anew', async () => {
    const { network, first, store } = await pair()
    const other = clone(network.start('other'))
    await network.time.advance(1000)
    network.setMute('c', true)
    await network.time.advance(60_000)
    expect(first.counters().droppedClones).toBe(1)
    expect(network.reports).toContain('m: warning: clone-dropped')
    network.setMute('c', false)
    await first.put('meanwhile', 2n)
    await network.time.advance(20_000)
    expect(store.counters().snapshots).toBe(2)
    expect(await contents(store)).toEqual(await contents(other))
    const write = outcome(store.put('afterwards', 3n))
    await network.time.advance(1000)
    expect(write.state).toBe('done')
    expect(await contents(other)).toEqual(await contents(store))
  })

  test('a clone whose process is gone is forgotten, and that is nothing to report', async () => {
    const { network, first } = await pair()
    network.start('c')
    await network.time.advance(60_000)
    expect(first.counters()).toMatchObject({ channels: 0, droppedClones: 1 })
    expect(network.reports).toEqual([])
  })

  test('for longer than the stale interval: reads fail, until it is back', async () => {
    const { network, store } = await pair({ staleMs: 5000 })
    network.setConnected('m', false)
    await network.time.advance(4900)
    expect(await store.get('kept')).toBe(1n)
    await network.time.advance(300)
    await expect(store.get('kept')).rejects.toMatchObject({ code: 'stale' })
    network.setConnected('m', true)
    await network.time.advance(1000)
    expect(await store.get('kept')).toBe(1n)
  })

  test('a negative stale interval: old answers are good for ever', async () => {
    const { network, store } = await pair({ staleMs: -1000 })
    network.setConnected('m', false)
    await network.time.advance(24 * 3_600_000)
    expect(await store.get('kept')).toBe(1n)
  })

  test('for longer than the mutation buffer interval: writes that wait fail, later ones at once', async () => {
    const { network, store } = await pair({ mutationBufferMs: 10_000 })
    network.setConnected('m', false)
    await network.time.advance(5000)
    const early = outcome(store.put('early', 1n))
    await network.time.advance(4900)
    expect(early.state).toBe('open')
    await network.time.advance(300)
    expect(early.state).toBe('no-master')
    const late = outcome(store.put('late', 1n))
    await network.time.settle()
    expect(late.state).toBe('no-master')
    network.setConnected('m', true)
    await network.time.advance(2000)
    expect(await store.exists('early')).toBe(false)
    expect(store.counters().refused).toBe(2)
  })

  test('no mutation buffer: writes fail at once', async () => {
    const { network, store } = await pair({ mutationBufferMs: 0 })
    network.setConnected('m', false)
    await network.time.settle()
    const write = outcome(store.put('x', 1n))
    await network.time.settle()
    expect(write.state).toBe('no-master')
  })

  test('a full mutation buffer: the write that does not fit fails, those before are kept', async () => {
    const { network, first, store } = await pair({}, 500)
    network.setConnected('m', false)
    await network.time.settle()
    const writes = Array.from({ length: 6 }, (_, index) => outcome(store.put(`key ${index}`, 1n)))
    await network.time.settle()
    expect(writes.map(({ state }) => state)).toEqual([
      'open',
      'open',
      'open',
      'open',
      'buffer-full',
      'buffer-full',
    ])
    network.setConnected('m', true)
    await network.time.advance(2000)
    expect(writes.map(({ state }) => state)).toEqual([
      'done',
      'done',
      'done',
      'done',
      'buffer-full',
      'buffer-full',
    ])
    expect(await first.size()).toBe(5)
  })

  test('the resync interval: so often it is looked for where no peer says that it has it', async () => {
    const network = new StoreNetwork(1)
    const node = network.start('c')
    clone(node, { resyncMs: 7000 })
    await network.time.settle()
    expect(node.sent).toBe(1)
    await network.time.advance(6900)
    expect(node.sent).toBe(1)
    await network.time.advance(7000)
    expect(node.sent).toBe(2)
  })

  test('a write that its caller gives up is not sent when it had not been, and may be applied when it had', async () => {
    const { network, first, store } = await pair()
    const abort = new AbortController()
    network.faults = { loss: 1, duplication: 0, delayMs: 0 }
    const sent = outcome(store.put('sent', 1n, { timeoutMs: 50 }))
    await network.time.advance(100)
    network.setConnected('m', false)
    await network.time.settle()
    const held = outcome(store.put('held', 1n, { signal: abort.signal }))
    await network.time.settle()
    abort.abort()
    await network.time.settle()
    expect([sent.state, held.state]).toEqual(['timeout', 'aborted'])
    network.faults = { loss: 0, duplication: 0, delayMs: 0 }
    network.setConnected('m', true)
    await network.time.advance(3000)
    expect(await first.get('sent')).toBe(1n)
    expect(await first.exists('held')).toBe(false)
    const already = outcome(store.put('never', 1n, { signal: abort.signal }))
    await network.time.settle()
    expect(already.state).toBe('aborted')
  })

  test('closing a clone ends what waits', async () => {
    const network = new StoreNetwork(3)
    const node = network.start('c')
    const store = clone(node)
    const write = outcome(store.put('x', 1n))
    const read = outcome(store.get('x'))
    const change = outcome(store.watch().next())
    await network.time.settle()
    expect([write.state, read.state, change.state]).toEqual(['open', 'open', 'open'])
    await node.stores.close()
    await network.time.settle()
    expect([write.state, read.state, change.state]).toEqual([
      'closed',
      'closed',
      { done: true, value: undefined },
    ])
    await expect(store.get('x')).rejects.toMatchObject({ code: 'closed' })
  })
})

test('events that the master has no more: the clone is copied anew, as another participant', () => {
  const time = new VirtualTime()
  const sent: Command[] = []
  let objects = 0n
  const clone = new Clone({
    name: 's',
    clock: time,
    timing: BROKER_TIMING,
    intervals: { resyncMs: 10_000, staleMs: 300_000, mutationBufferMs: 120_000 },
    effects: {
      send: (command) => {
        sent.push(command)
        return true
      },
      isOurs: () => false,
      newEntity: () => {
        objects += 1n
        return entityOf('00000000-0000-4000-8000-000000000001', objects)
      },
      changed: () => {},
      isWatched: () => false,
      readinessChanged: () => {},
      report: () => {},
    },
  })
  const master = entityOf('00000000-0000-4000-8000-000000000002', 1n)
  const put = (key: string): Action => ({
    kind: 'put',
    key: encode(storeData, key),
    value: encode(storeData, 1n),
    expiry: undefined,
    publisher: master,
  })
  const say = (seq: number, body: Body, receiver: Entity = NOBODY): void =>
    clone.receive({ seq, sender: master, receiver, body })
  const snapshotFor = (receiver: Entity, offset: number, size: number): void => {
    const snapshot: SnapshotEntry[] = Array.from({ length: size }, (_, index) => [
      encode(storeData, `key ${index}`),
      encode(storeData, 1n),
    ])
    say(offset, { kind: 'ack-clone', offset, heartbeatTicks: 5, snapshot, size }, receiver)
  }
  clone.start([endpointOf(master)])
  const first = sent[0]!.sender
  snapshotFor(first, 1, 1)
  say(2, put('two'))
  say(4, put('four'))
  expect(clone.table.size).toBe(2)
  say(0, { kind: 'retransmit-failed', lost: 3 }, first)
  const again = sent.at(-1)!
  expect(again.body).toEqual({ kind: 'nack', missing: [0] })
  expect(again.sender).not.toBe(first)
  // What is still on its way to the first participant is not for this one.
  snapshotFor(first, 1, 1)
  expect(clone.position).toBe(0)
  say(5, put('five'))
  snapshotFor(again.sender, 4, 3)
  expect(clone.position).toBe(5)
  expect([...clone.table.keys()].length).toBe(4)
})
