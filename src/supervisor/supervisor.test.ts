import { describe, expect, test } from 'vitest'
import { FakeProcesses, figures, layoutOf } from '../../test/support/fake-processes.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { Supervisor } from './supervisor.js'

const NAMES = ['worker-1', 'worker-2', 'proxy-1', 'manager', 'logger-1', 'logger-2']

function setUp(names: readonly string[] = NAMES, runs: (name: string) => boolean = () => true) {
  const time = new VirtualTime()
  const processes = new FakeProcesses()
  const supervisor = new Supervisor({
    layout: layoutOf(...names),
    runs: (node) => runs(node.name),
    spawn: processes.spawn,
    clock: time,
    timers: time,
    onError: (error) => {
      throw error
    },
  })
  return { time, processes, supervisor }
}

async function startAll({ time, processes, supervisor }: ReturnType<typeof setUp>): Promise<void> {
  const started = supervisor.start()
  for (const stage of [['logger-1', 'logger-2'], ['manager'], ['proxy-1'], ['worker-1', 'worker-2']]) {
    processes.listen(...stage)
    await time.settle()
  }
  await started
  processes.takeLog()
}

describe('start', () => {
  test('goes on to the next stage when all of the last one listen', async () => {
    const { time, processes, supervisor } = setUp()
    const started = supervisor.start()
    expect(processes.takeLog()).toEqual(['spawn logger-1', 'spawn logger-2'])
    processes.listen('logger-1')
    await time.settle()
    expect(processes.takeLog()).toEqual([])
    processes.listen('logger-2')
    await time.settle()
    expect(processes.takeLog()).toEqual(['spawn manager'])
    processes.listen('manager')
    await time.settle()
    expect(processes.takeLog()).toEqual(['spawn proxy-1'])
    processes.listen('proxy-1')
    await time.settle()
    expect(processes.takeLog()).toEqual(['spawn worker-1', 'spawn worker-2'])
    processes.listen('worker-1', 'worker-2')
    await started
    expect(supervisor.isUp).toBe(false)
    for (const name of NAMES) processes.child(name).onMessage({ kind: 'figures', figures: figures() })
    expect(supervisor.isUp).toBe(true)
    expect(supervisor.status().map(({ name }) => name)).toEqual([
      'logger-1',
      'logger-2',
      'manager',
      'proxy-1',
      'worker-1',
      'worker-2',
    ])
  })

  test('does not wait longer than 5 s for a stage', async () => {
    const { time, processes, supervisor } = setUp(['manager', 'worker-1'])
    const started = supervisor.start()
    await time.advance(4999)
    expect(processes.takeLog()).toEqual(['spawn manager'])
    await time.advance(1)
    expect(processes.takeLog()).toEqual(['spawn worker-1'])
    processes.listen('worker-1')
    await started
  })

  test('is given up when a node cannot start', async () => {
    const { processes, supervisor } = setUp()
    const started = supervisor.start()
    processes.listen('logger-1')
    processes.exit('logger-2', 1)
    await expect(started).rejects.toMatchObject({
      code: 'node-failed',
      message: 'logger-2 cannot start (exit code 1)',
      data: { name: 'logger-2' },
    })
    expect(processes.takeLog()).toEqual(['spawn logger-1', 'spawn logger-2'])
  })

  test('leaves out what runs elsewhere', async () => {
    const { processes, supervisor } = setUp(NAMES, (name) => name === 'manager')
    const started = supervisor.start()
    processes.listen('manager')
    await started
    expect(processes.takeLog()).toEqual(['spawn manager'])
  })
})

describe('stop', () => {
  test('workers, proxies, manager, loggers; each stage waits for the one before', async () => {
    const cluster = setUp()
    const { time, processes, supervisor } = cluster
    await startAll(cluster)
    const stopped = supervisor.stop()
    for (const stage of [['worker-1', 'worker-2'], ['proxy-1'], ['manager'], ['logger-1', 'logger-2']]) {
      await time.settle()
      expect(processes.takeLog()).toEqual(stage.map((name) => `SIGTERM ${name}`))
      for (const name of stage) processes.exit(name, 0)
    }
    await stopped
    expect(supervisor.status().map(({ state }) => state)).toEqual(NAMES.map(() => 'stopped'))
  })

  test('while it starts: no further stage begins', async () => {
    const { time, processes, supervisor } = setUp()
    const started = supervisor.start()
    processes.listen('logger-1')
    const stopped = supervisor.stop()
    await time.settle()
    processes.exit('logger-1', 0)
    processes.exit('logger-2', 'SIGTERM')
    await Promise.all([started, stopped])
    expect(processes.takeLog()).toEqual([
      'spawn logger-1',
      'spawn logger-2',
      'SIGTERM logger-1',
      'SIGTERM logger-2',
    ])
  })

  test('one that crashed in the meantime does not come back', async () => {
    const cluster = setUp()
    const { time, processes, supervisor } = cluster
    await startAll(cluster)
    processes.exit('logger-1', 'SIGKILL')
    const stopped = supervisor.stop()
    for (const name of ['worker-1', 'worker-2', 'proxy-1', 'manager']) {
      await time.settle()
      processes.exit(name, 0)
    }
    await time.settle()
    const log = processes.takeLog()
    expect(log.at(-1)).toBe('SIGTERM logger-2')
    expect(log).not.toContain('SIGTERM logger-1')
    processes.exit('logger-2', 0)
    await stopped
    await time.advance(60_000)
    expect(processes.takeLog()).toEqual([])
  })
})

test('flush: those who send first, those who write last', async () => {
  const cluster = setUp()
  const { time, processes, supervisor } = cluster
  await startAll(cluster)
  const flushed = supervisor.flush()
  for (const stage of [['worker-1', 'worker-2'], ['proxy-1'], ['manager'], ['logger-1', 'logger-2']]) {
    await time.settle()
    expect(processes.takeLog()).toEqual(stage.map((name) => `flush ${name}`))
    for (const name of stage) processes.child(name).onMessage({ kind: 'flushed' })
  }
  await flushed
})
