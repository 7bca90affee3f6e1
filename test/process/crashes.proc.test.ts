/** `kill -9` of one node after the other in a running cluster: who notices, what comes back, what is lost. */
import { afterEach, describe, expect, test } from 'vitest'
import { columnOf } from '../../src/logging/log-reader.js'
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
const BATCH_SECONDS = 0.2
/** Of a node, to tell that none but those are missing that may be. */
const ENOUGH_BEATS = 300

describe('kill -9 of a node', () => {
  test('is noticed at once, mended, and costs at most what the dead logger had', {
    timeout: 90_000,
  }, async () => {
    const directory = temporaryDirectory()
    const layout = write(directory, 'cluster-layout.zeek', await quickstartLayout())
    const script = write(directory, 'beats.ts', BEATS)
    const batches = `Broker::log_batch_interval=${BATCH_SECONDS * 1000}msec`
    const up = await startUp([layout, batches, '--script', script], { cwd: directory })

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
    const { killedSeconds, noticedSeconds } = await killAndComeBack(up, directory, 'logger-1')
    await killAndComeBack(up, directory, 'manager')
    for (const name of ['worker-2', 'proxy-1']) {
      await until(
        () => logRecords(directory, 'beat').filter(({ node }) => node === name).length > ENOUGH_BEATS,
        `more than ${ENOUGH_BEATS} beats of ${name}`,
      )
    }
    expect(await up.end('SIGTERM')).toBe(0)
    expectBeats(up, directory, killedSeconds, noticedSeconds)
  })
})

/** Kills a node and waits until all its peers have seen it down and up again. Checks how long each takes. */
async function killAndComeBack(
  up: Running,
  directory: string,
  name: string,
): Promise<{ killedSeconds: number; noticedSeconds: number }> {
  const pid = (await statusOf(directory)).get(name)!.pid!
  const from = up.output.length
  const killedMs = performance.now()
  const killedSeconds = Date.now() / 1000
  process.kill(pid, 'SIGKILL')
  let noticedSeconds = killedSeconds
  for (const peer of PEERS[name]!) {
    const { atMs } = await up.line(new RegExp(`^${peer}: ${name} is down$`), from)
    expect(atMs - killedMs, `${peer} notices the end of ${name}`).toBeLessThan(1000)
    noticedSeconds = Math.max(noticedSeconds, killedSeconds + (atMs - killedMs) / 1000)
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
  return { killedSeconds, noticedSeconds }
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

/** Consecutive numbers as the first of them and how many they are. */
function runsOf(numbers: readonly number[]): Map<number, number> {
  const runs = new Map<number, number>()
  let first = Number.NaN
  for (const [index, number] of numbers.entries()) {
    if (number !== numbers[index - 1]! + 1) first = number
    runs.set(first, (runs.get(first) ?? 0) + 1)
  }
  return runs
}

/**
 * Of everything that nodes wrote, only records may be missing that were on their way to logger-1 or in its memory
 * when it died. While two loggers live, records take turns: those of logger-2 are every second one, so that no two
 * neighbours are missing but around a record of another stream. Afterwards nothing is.
 */
function expectBeats(up: Running, directory: string, killedSeconds: number, noticedSeconds: number): void {
  const beats = logRecords(directory, 'beat').map((record) => ({
    key: `${record['node']} ${record['run']}`,
    n: Number(record['n']),
    seconds: Number(record['ts']),
  }))
  // One file of logger-2; two of logger-1, the first without a farewell.
  expect(
    logFiles(directory, 'beat')
      .map(({ node }) => node)
      .sort(),
  ).toEqual(['logger-1', 'logger-1', 'logger-2'])
  // A node that lived from beginning to end, and the manager's second life.
  for (const name of ['worker-2', 'proxy-1', 'manager']) {
    const [, total, run] = /wrote (\d+) as (\S+)$/.exec(
      up.output.find(({ line }) => line.startsWith(`${name}: info: wrote `))?.line ?? '',
    )!
    const own = beats.filter(({ key }) => key === `${name} ${run}`)
    const present = new Map(own.map(({ n, seconds }) => [n, seconds]))
    expect(present.size, `${name}: records that are there twice`).toBe(own.length)
    const missing = Array.from({ length: Number(total) }, (_, n) => n).filter((n) => !present.has(n))
    if (name === 'manager') {
      expect(missing, 'the manager came back when both loggers lived').toEqual([])
      continue
    }
    expect(Number(total), `${name}: enough records to tell`).toBeGreaterThan(ENOUGH_BEATS)
    const turns = logFiles(directory, 'cluster')
      .filter(({ node }) => node === 'logger-2')
      .flatMap(({ log }) => log.lines.filter((line) => columnOf(log, line, 'node') === name))
      .map((line) => Number(line.split('\t', 1)[0]))
    for (const [n, count] of runsOf(missing)) {
      const [before, after] = [present.get(n - 1)!, present.get(n + count)!]
      expect(after, `${name}: when ${n} was written`).toBeGreaterThan(killedSeconds - BATCH_SECONDS - 1)
      expect(after, `${name}: when ${n} was written`).toBeLessThan(noticedSeconds + 0.1)
      // Two neighbours had the same turn only where a record of another stream had the one between.
      const between = turns.filter((seconds) => seconds >= before && seconds <= after).length
      expect(count - 1, `${name}: ${n} and the next are missing`).toBeLessThanOrEqual(between)
    }
  }
}
