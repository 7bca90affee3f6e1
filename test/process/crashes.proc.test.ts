/** `kill -9` of one node after the other in a running cluster: who notices, what comes back, what is lost. */
import { afterEach, describe, expect, test } from 'vitest'
import {
  endAll,
  logFiles,
  logRecords,
  quickstartLayout,
  type Running,
  startUp,
  statusOf,
  temporaryDirectory,
  until,
  write,
} from './support.js'

afterEach(endAll)

const PEERS: Readonly<Record<string, readonly string[]>> = {
  'worker-1': ['manager', 'logger-1', 'logger-2', 'proxy-1'],
  'logger-1': ['manager', 'proxy-1', 'worker-1', 'worker-2'],
  manager: ['logger-1', 'logger-2', 'proxy-1', 'worker-1', 'worker-2'],
}

/** Every node writes a number every 10 ms, and says at its end how many it wrote. */
const BEATS = `import { type Cluster, count, string, time } from 'zeek-cluster'

export default (cluster: Cluster): void => {
  const columns = { ts: time, node: string, run: string, n: count }
  const stream = cluster.logs.createStream('Beat::LOG', { columns })
  let n = 0n
  const beat = (): void => {
    stream.write({ ts: cluster.clock.wallMs() / 1000, node: cluster.name, run: cluster.id, n })
    n += 1n
    cluster.timers.after(10, beat)
  }
  beat()
  const workers = (): void => cluster.report('info', 'workers', \`worker_count \${cluster.workerCount}\`)
  if (cluster.localNodeType() === 'MANAGER') {
    cluster.on('nodeUp', workers)
    cluster.on('nodeDown', workers)
  }
  cluster.on('stopping', () => cluster.report('info', 'beats', \`wrote \${n} as \${cluster.id}\`))
}
`
/** Of a node, to tell that none but those are missing that may be. */
const ENOUGH_BEATS = 300

describe('kill -9 of a node', () => {
  test('is noticed at once, mended, and costs no record that was on disk', {
    timeout: 90_000,
  }, async () => {
    const directory = temporaryDirectory()
    const layout = write(directory, 'cluster-layout.zeek', await quickstartLayout())
    const script = write(directory, 'beats.ts', BEATS)
    const up = await startUp([layout, '--script', script], { cwd: directory })

    const counts: number[] = []
    const watch = watchWorkerCount(directory, counts)
    const told = up.output.length
    await killAndComeBack(up, directory, 'worker-1')
    await until(() => counts.at(-1) === 2, 'worker_count 2 in the status')
    await watch.stop()
    expect(counts).toEqual([2, 1, 2])
    expect(workerCounts(up, told)).toEqual([1, 2])

    // Long enough for both loggers to have batches of everybody.
    await until(() => logRecords(directory, 'beat').length > 1000, '1000 beats')
    await killAndComeBack(up, directory, 'logger-1')
    await killAndComeBack(up, directory, 'manager')
    for (const name of ['worker-2', 'proxy-1']) {
      await until(
        () => logRecords(directory, 'beat').filter(({ node }) => node === name).length > ENOUGH_BEATS,
        `more than ${ENOUGH_BEATS} beats of ${name}`,
      )
    }
    expect(await up.end('SIGTERM')).toBe(0)
    expectBeats(up, directory)
  })
})

/** Kills a node and waits until all its peers have seen it down and up again. Checks how long each takes. */
async function killAndComeBack(up: Running, directory: string, name: string): Promise<void> {
  const pid = (await statusOf(directory)).get(name)!.pid!
  const from = up.output.length
  const killedMs = performance.now()
  process.kill(pid, 'SIGKILL')
  for (const peer of PEERS[name]!) {
    const { atMs } = await up.line(new RegExp(`^${peer}: ${name} is down$`), from)
    expect(atMs - killedMs, `${peer} notices the end of ${name}`).toBeLessThan(1000)
  }
  await up.line(new RegExp(`^${name}: restarting: SIGKILL; starts again in 200 ms$`), from)
  const started = await up.line(new RegExp(`^${name}: starting, pid `), from)
  for (const peer of PEERS[name]!) {
    for (const [a, b] of [
      [peer, name],
      [name, peer],
    ] as const) {
      const { atMs } = await up.line(new RegExp(`^${a}: ${b} is up$`), from)
      expect(atMs - started.atMs, `${a} sees ${b} again`).toBeLessThan(5000)
    }
  }
  await until(async () => {
    const nodes = [...(await statusOf(directory)).values()]
    return nodes.every((node) => node.state === 'up' && node.peers === node.peersExpected)
  }, 'all nodes up')
  expect((await statusOf(directory)).get(name)).toMatchObject({ restarts: 1, peers: PEERS[name]!.length })
}

/** Notes every change of the manager's `worker_count` in the status. */
function watchWorkerCount(directory: string, counts: number[]): { stop(): Promise<void> } {
  let state: 'watching' | 'stopped' = 'watching'
  const poll = async (): Promise<void> => {
    while (state === 'watching') {
      const count = (await statusOf(directory)).get('manager')!.workerCount
      if (count !== counts.at(-1)) counts.push(count)
      await new Promise((wake) => setTimeout(wake, 20))
    }
  }
  const ended = poll()
  // Told by `stop`.
  ended.catch(() => {})
  return {
    stop() {
      state = 'stopped'
      return ended
    },
  }
}

function workerCounts(up: Running, from: number): number[] {
  return up.output.slice(from).flatMap(({ line }) => {
    const match = /^manager: info: worker_count (\d+)$/.exec(line)
    return match === null ? [] : [Number(match[1])]
  })
}

/**
 * Every beat is there exactly once, whoever died meanwhile. Of a process that was killed the last ones may be missing:
 * those that were in its memory.
 */
function expectBeats(up: Running, directory: string): void {
  // One file of logger-2; two of logger-1, the first without a farewell.
  const loggers = logFiles(directory, 'beat').map(({ file }) => /logger-\d/.exec(file)?.[0])
  expect(loggers.sort()).toEqual(['logger-1', 'logger-1', 'logger-2'])
  const beats = new Map<string, number[]>()
  for (const { node, run, n } of logRecords(directory, 'beat')) {
    const key = `${node} ${run}`
    const own = beats.get(key) ?? []
    own.push(Number(n))
    beats.set(key, own)
  }
  for (const [key, numbers] of beats) {
    const expected = numbers.map((_, n) => n)
    expect(
      numbers.sort((a, b) => a - b),
      `${key}: each once, from the first on`,
    ).toEqual(expected)
  }
  // Nodes that lived from beginning to end, and the second lives of those that did not.
  for (const name of ['worker-1', 'worker-2', 'proxy-1', 'manager']) {
    const [, total, run] = /wrote (\d+) as (\S+)$/.exec(
      up.output.find(({ line }) => line.startsWith(`${name}: info: wrote `))?.line ?? '',
    )!
    expect(Number(total), `${name}: beats`).toBeGreaterThan(0)
    expect(beats.get(`${name} ${run}`)?.length, `${name}: none is missing`).toBeGreaterThanOrEqual(
      Number(total),
    )
  }
}
