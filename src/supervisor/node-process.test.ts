import { describe, expect, test } from 'vitest'
import { FakeProcesses, figures, layoutOf } from '../../test/support/fake-processes.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { NodeProcess } from './node-process.js'

function setUp() {
  const time = new VirtualTime()
  const processes = new FakeProcesses()
  const states: string[] = []
  const node = layoutOf('manager', 'worker-1').nodes.get('worker-1')!
  const worker = new NodeProcess(node, 1, processes.spawn, time, time, {
    onMessage: () => {},
    onState: (state, detail) => states.push(detail === '' ? state : `${state}: ${detail}`),
  })
  const child = () => processes.child('worker-1')
  const takeStates = (): string[] => states.splice(0)
  return { time, processes, worker, child, takeStates }
}

describe('the life of a node process', () => {
  test('starts, listens, waits for peers, is up', () => {
    const { processes, worker, child, takeStates } = setUp()
    expect(worker.status()).toMatchObject({
      state: 'stopped',
      pid: undefined,
      address: undefined,
      peersExpected: 1,
    })
    worker.start()
    expect(worker.status()).toMatchObject({ state: 'starting', pid: 101 })
    processes.listen('worker-1')
    expect(worker.status()).toMatchObject({ state: 'waiting', address: '127.0.0.1:1' })
    child().onMessage({
      kind: 'figures',
      figures: figures({ health: 'waiting', detail: 'waits for manager' }),
    })
    child().onMessage({ kind: 'figures', figures: figures({ nodesUp: ['manager'], workerCount: 3 }) })
    expect(worker.status()).toMatchObject({ state: 'up', detail: '', peers: 1, workerCount: 3, restarts: 0 })
    expect(takeStates()).toEqual(['starting: pid 101', 'up'])
  })

  test('rates are what two reports differ by, per second', async () => {
    const { time, processes, worker, child } = setUp()
    worker.start()
    processes.listen('worker-1')
    child().onMessage({ kind: 'figures', figures: figures({ messagesIn: 100, logRecords: 7 }) })
    expect(worker.status()).toMatchObject({ eventsInPerSecond: 0, logRecordsPerSecond: 0 })
    await time.advance(500)
    child().onMessage({
      kind: 'figures',
      figures: figures({
        messagesIn: 400,
        logRecords: 8,
        logQueueBytes: 5,
        logSpoolBytes: 6,
        logs: [{ stream: 'Demo::LOG', name: 'demo', records: 8, lagMs: 90 }],
        droppedOut: 2,
        droppedRecords: 3,
      }),
    })
    expect(worker.status()).toMatchObject({
      eventsInPerSecond: 600,
      logRecordsPerSecond: 2,
      logRecords: 8,
      logQueueBytes: 5,
      logSpoolBytes: 6,
      logs: [{ stream: 'Demo::LOG', name: 'demo', records: 8, lagMs: 90 }],
      dropped: 5,
    })
  })

  test('a degraded node is announced once, and again when the reason changes', () => {
    const { processes, worker, child, takeStates } = setUp()
    worker.start()
    processes.listen('worker-1')
    for (const detail of ['one reason', 'one reason', 'another reason', '']) {
      child().onMessage({
        kind: 'figures',
        figures: figures({ health: detail === '' ? 'up' : 'degraded', detail }),
      })
    }
    expect(takeStates()).toEqual([
      'starting: pid 101',
      'degraded: one reason',
      'degraded: another reason',
      'up',
    ])
  })
})

describe('a crash', () => {
  test('is followed by a restart, later with each crash in a row, up to 30 s', async () => {
    const { time, processes, worker, takeStates } = setUp()
    worker.start()
    takeStates()
    const delays: (string | undefined)[] = []
    for (let crash = 0; crash < 10; crash += 1) {
      processes.listen('worker-1')
      processes.exit('worker-1', 'SIGKILL')
      expect(worker.status()).toMatchObject({ state: 'restarting', pid: undefined })
      const [state] = takeStates()
      const delay = /^restarting: SIGKILL; starts again in (\d+) ms$/.exec(state!)?.[1]
      delays.push(delay)
      await time.advance(Number(delay) - 1)
      expect(worker.status().state).toBe('restarting')
      await time.advance(1)
      expect(takeStates()).toEqual([`starting: pid ${102 + crash}`])
    }
    expect(delays.map(Number)).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    expect(worker.status().restarts).toBe(10)
  })

  test('after a long life counts as the first one', async () => {
    const { time, processes, worker, takeStates } = setUp()
    worker.start()
    for (let crash = 0; crash < 2; crash += 1) {
      processes.listen('worker-1')
      processes.exit('worker-1', 1)
      await time.advance(1000)
    }
    await time.advance(61_000)
    takeStates()
    processes.exit('worker-1', 1)
    expect(takeStates()).toEqual(['restarting: exit code 1; starts again in 200 ms'])
  })

  test('forgets the figures of the old process', async () => {
    const { time, processes, worker, child } = setUp()
    worker.start()
    processes.listen('worker-1')
    child().onMessage({ kind: 'figures', figures: figures({ nodesUp: ['manager'], messagesIn: 1000 }) })
    processes.exit('worker-1', 'SIGSEGV')
    await time.advance(200)
    expect(worker.status()).toMatchObject({
      state: 'starting',
      peers: 0,
      eventsInPerSecond: 0,
      address: undefined,
      restarts: 1,
    })
  })

  test('before it ever listened: it failed and is not started again', async () => {
    const { time, processes, worker, takeStates } = setUp()
    worker.start()
    processes.exit('worker-1', 2)
    expect(worker.hasFailed).toBe(true)
    expect(worker.status()).toMatchObject({ state: 'failed', detail: 'exit code 2' })
    await time.advance(60_000)
    expect(takeStates()).toEqual(['starting: pid 101', 'failed: exit code 2'])
    await worker.stop()
  })

  test('by a signal before it listened is a crash like any other', async () => {
    const { time, processes, worker } = setUp()
    worker.start()
    processes.exit('worker-1', 'SIGKILL')
    await time.advance(200)
    expect(worker.status()).toMatchObject({ state: 'starting', restarts: 1 })
  })
})

describe('stop', () => {
  test('asks, and resolves when the process is gone', async () => {
    const { processes, worker, takeStates } = setUp()
    worker.start()
    processes.listen('worker-1')
    const stopped = Promise.all([worker.stop(), worker.stop()])
    expect(worker.status().state).toBe('stopping')
    processes.exit('worker-1', 0)
    await stopped
    expect(processes.takeLog()).toEqual(['spawn worker-1', 'SIGTERM worker-1'])
    expect(takeStates()).toEqual(['starting: pid 101', 'stopping', 'stopped'])
  })

  test('kills what does not end within 10 s', async () => {
    const { time, processes, worker } = setUp()
    worker.start()
    const stopped = worker.stop()
    await time.advance(9999)
    expect(processes.takeLog()).toEqual(['spawn worker-1', 'SIGTERM worker-1'])
    await time.advance(1)
    expect(processes.takeLog()).toEqual(['SIGKILL worker-1'])
    processes.exit('worker-1', 'SIGKILL')
    await stopped
    expect(time.pendingTimers).toBe(0)
  })

  test('between crash and restart: there is no restart', async () => {
    const { time, processes, worker } = setUp()
    worker.start()
    processes.listen('worker-1')
    processes.exit('worker-1', 'SIGKILL')
    await worker.stop()
    await time.advance(60_000)
    expect(processes.takeLog()).toEqual(['spawn worker-1'])
    expect(worker.status().state).toBe('stopped')
  })
})

describe('flush', () => {
  test('resolves with the answer, or when the node is gone', async () => {
    const { processes, worker, child } = setUp()
    await worker.flush()
    worker.start()
    const answered = worker.flush()
    child().onMessage({ kind: 'flushed' })
    await answered
    const orphaned = worker.flush()
    processes.exit('worker-1', 'SIGKILL')
    await orphaned
    expect(processes.takeLog()).toEqual(['spawn worker-1', 'flush worker-1', 'flush worker-1'])
  })
})
