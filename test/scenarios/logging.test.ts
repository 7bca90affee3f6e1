/** Records on their way to loggers that come late, go away or were never there. */
import { describe, expect, test } from 'vitest'
import { count, string } from '../../src/data/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

const LAYOUT = `
redef Cluster::manager_is_logger = F;
redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp],
  ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27762/tcp],
  ["logger-2"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27763/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27765/tcp, $manager="manager"],
};
`

async function numbers(cluster: TestCluster): Promise<number[]> {
  return (await cluster.logLines('demo')).map((line) => Number(line['n'])).sort((a, b) => a - b)
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, n) => n)

describe('records without a logger', () => {
  test('wait for the first one that comes, and arrive once', async () => {
    const cluster = await startCluster({ layout: LAYOUT, start: ['manager', 'worker-1'] })
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns: { n: count } })
    for (let n = 0n; n < 1000n; n += 1n) stream.write({ n })
    await cluster.advance(5000)
    expect(cluster.node('worker-1').counters().logs).toMatchObject({ sent: 0, dropped: 0 })
    await cluster.startNode('logger-2')
    await cluster.startNode('logger-1')
    await cluster.advance(5000)
    expect(await numbers(cluster)).toEqual(upTo(1000))
    expect(cluster.node('worker-1').counters().logs.waiting).toBe(0)
    await cluster.stop()
  })

  test('wait again when all loggers are gone, and nothing of what comes later is lost', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns: { n: count } })
    for (let n = 0n; n < 100n; n += 1n) stream.write({ n })
    await cluster.stopNode('logger-1')
    await cluster.stopNode('logger-2')
    for (let n = 100n; n < 200n; n += 1n) stream.write({ n })
    await cluster.advance(3000)
    await cluster.startNode('logger-1')
    await cluster.advance(5000)
    expect(await numbers(cluster)).toEqual(upTo(200))
    await cluster.stop()
  })

  test('of a batch for a logger that died, nothing is lost that it had not got', async () => {
    const cluster = await startCluster({ layout: LAYOUT })
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns: { n: count } })
    // Both loggers have an open batch; neither is full, and the interval is not over.
    for (let n = 0n; n < 10n; n += 1n) stream.write({ n })
    await cluster.crashNode('logger-1')
    await cluster.advance(3000)
    expect(await numbers(cluster)).toEqual(upTo(10))
    await cluster.stop()
  })

  test('are dropped oldest first beyond the limit, counted and told once', async () => {
    const layout = `${LAYOUT}redef ZeekCluster::log_spool_bytes = 64000000;`
    const cluster = await startCluster({ layout, start: ['manager', 'worker-1'] })
    const columns = { n: count, text: string }
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns })
    const text = 'x'.repeat(100_000)
    for (let n = 0n; n < 800n; n += 1n) stream.write({ n, text })
    await cluster.advance(2000)
    const { logs } = cluster.node('worker-1').counters()
    expect(logs.dropped).toBeGreaterThan(100)
    // Its lines in cluster.log wait too.
    expect(logs.sent + logs.waiting + logs.dropped).toBe(logs.written)
    const told = cluster.reports.filter((report) => report.includes('log-records-dropped'))
    expect(told).toEqual([expect.stringContaining('worker-1: ')])
    await cluster.stop()
  })
})

describe('a manager that is the logger', () => {
  test('writes its own records and those of the others', async () => {
    const layout = LAYOUT.replace('manager_is_logger = F', 'manager_is_logger = T').replaceAll(
      /.*LOGGER.*\n/g,
      '',
    )
    const cluster = await startCluster({ layout })
    for (const name of ['manager', 'worker-1']) {
      const stream = cluster.node(name).logs.createStream('Demo::LOG', { columns: { n: count } })
      stream.write({ n: name === 'manager' ? 0n : 1n })
    }
    await cluster.advance(2000)
    expect(await numbers(cluster)).toEqual([0, 1])
    expect(cluster.disk.paths().filter((path) => path.endsWith('demo.log'))).toEqual([
      'logs/manager/demo.log',
    ])
    await cluster.stop()
  })
})

describe('several loggers', () => {
  const written = async (redefs: string): Promise<Record<string, number[]>> => {
    const cluster = await startCluster({ layout: LAYOUT + redefs })
    const stream = cluster.node('worker-1').logs.createStream('Demo::LOG', { columns: { n: count } })
    for (let n = 0n; n < 10n; n += 1n) stream.write({ n })
    await cluster.advance(3000)
    await cluster.logLines('demo')
    const entries = ['logger-1', 'logger-2'].map((logger): [string, number[]] => {
      const path = cluster.disk.paths().find((candidate) => candidate.endsWith(`${logger}/demo.log`))!
      const lines = cluster.disk.text(path).split('\n')
      return [logger, lines.filter((line) => /^\d+$/.test(line)).map(Number)]
    })
    await cluster.stop()
    return Object.fromEntries(entries)
  }

  test('enable_round_robin_logging: each gets every second record', async () => {
    const { 'logger-1': first, 'logger-2': second } = await written('')
    expect([first, second].sort((a, b) => a![0]! - b![0]!)).toEqual([
      [0, 2, 4, 6, 8],
      [1, 3, 5, 7, 9],
    ])
  })

  test('without it each gets all of them', async () => {
    const all = upTo(10)
    expect(await written('redef Cluster::enable_round_robin_logging = F;')).toEqual({
      'logger-1': all,
      'logger-2': all,
    })
  })
})

test("the framework's own logs have the columns of Zeek's", async () => {
  const cluster = await startCluster({ layout: LAYOUT })
  cluster.node('worker-1').report('warning', 'demo', 'something odd')
  await cluster.advance(2000)
  const texts = ['cluster', 'broker', 'reporter'].map((name) => {
    const paths = cluster.disk.paths().filter((path) => path.endsWith(`/${name}.log`))
    return paths.map((path) => cluster.disk.text(path)).join('')
  })
  const [clusterLog, brokerLog, reporterLog] = texts
  expect(clusterLog).toContain('#fields\tts\tnode\tmessage\n#types\ttime\tstring\tstring\n')
  expect(brokerLog).toContain(
    '#fields\tts\tty\tev\tpeer.address\tpeer.bound_port\tmessage\n#types\ttime\tenum\tstring\tstring\tport\tstring\n',
  )
  expect(brokerLog).toMatch(
    /^\d+\.\d{6}\tBroker::STATUS\tpeer-added\t127\.0\.0\.1\t\d+\thandshake successful$/m,
  )
  expect(reporterLog).toContain('#fields\tts\tlevel\tmessage\tlocation\n#types\ttime\tenum\tstring\tstring\n')
  expect(reporterLog).toMatch(/^\d+\.\d{6}\tReporter::WARNING\tsomething odd\t\(empty\)$/m)
  await cluster.stop()
})
