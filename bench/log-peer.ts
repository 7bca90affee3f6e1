/** One process of the benchmark of logs. */
import { Cluster, CONN_COLUMNS, count, event } from 'zeek-cluster'
import type { LogFigures, LogTask } from './log.ts'
import { connRecords } from './shapes.ts'
import { percentiles } from './timing.ts'

const [layout, directory, name, taskText] = process.argv.slice(2)
const task = JSON.parse(taskText!) as LogTask
const TOLD_EVERY_MS = 50
/** Records written in one turn of the event loop. */
const SLICE = 100
/** A worker that writes as fast as it can waits beyond this many that are not confirmed. */
const WAITING_LIMIT = 16_000
/** A worker looks at its counters each time it has written so many. */
const LOOK_EVERY = 1000
const EVENTS_PER_SECOND = 500

/** When it was sent, in nanoseconds of the system's monotonic clock. */
const timed = event('Bench::timed', [count])

const cluster = await Cluster.start({
  node: name!,
  layout: layout!,
  logDirectory: `${directory}/${name}`,
  options: { logUseJson: task.kind === 'logger' && task.json, defaultRotationInterval: 0 },
})
let kind: LogFigures['kind'] = 'figures'
let records = 0
let peakLagMs = 0
let peakRssBytes = 0
let startCpu = process.cpuUsage()
let startMs = performance.now()
let endMs: number | undefined
const latenciesUs: number[] = []

await run()

async function run(): Promise<void> {
  process.on('SIGINT', () => process.exit(0))
  const expected = task.kind === 'write' ? ['logger'] : task.kind === 'probe' ? [task.worker] : []
  while (!expected.every((peer) => cluster.nodesUp.includes(peer))) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  setInterval(tell, TOLD_EVERY_MS)
  if (task.kind === 'logger') {
    process.on('message', (message) => {
      if (message === 'stop') void stop()
    })
    kind = 'ready'
    return
  }
  if (task.kind === 'write') {
    cluster.on(timed, (sentNs) => {
      latenciesUs.push(Number(process.hrtime.bigint() - sentNs) / 1000)
    })
  }
  kind = 'ready'
  tell()
  await new Promise<void>((resolve) => process.once('message', () => resolve()))
  kind = 'figures'
  startCpu = process.cpuUsage()
  startMs = performance.now()
  if (task.kind === 'probe') return probe(task.worker)
  await write(task.records, task.perSecond)
  endMs = performance.now()
  kind = 'done'
}

async function stop(): Promise<void> {
  await cluster.stop()
  kind = 'done'
  tell()
}

function tell(): void {
  const { files, logs } = cluster.counters()
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss())
  const lagMs = files?.lagMs ?? 0
  peakLagMs = Math.max(peakLagMs, lagMs)
  const cpu = process.cpuUsage(startCpu)
  const figures: LogFigures = {
    kind,
    records: task.kind === 'logger' ? connRecordsStored() : records,
    waiting: logs.waiting,
    dropped: logs.dropped,
    lagMs,
    peakLagMs,
    peakRssBytes,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    seconds: ((endMs ?? performance.now()) - startMs) / 1000,
    ...(latenciesUs.length > 0 && { latencyUs: percentiles(latenciesUs) }),
  }
  process.send!(figures)
}

/** The framework's own records are not counted. */
function connRecordsStored(): number {
  return cluster.logging.openStore!.logs().find(({ name: log }) => log === 'conn')?.records ?? 0
}

async function write(total: number, perSecond: number | undefined): Promise<void> {
  const stream = cluster.logs.createStream('Conn::LOG', { path: 'conn', columns: CONN_COLUMNS })
  const samples = connRecords(1024)
  while (records < total) {
    const due =
      perSecond === undefined
        ? total
        : Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * perSecond))
    const end = Math.min(due, records + SLICE)
    const ts = Date.now() / 1000
    for (; records < end; records += 1) {
      const sample = samples[records & 1023]! as { ts: number }
      sample.ts = ts
      stream.write(sample as (typeof samples)[number])
    }
    if (perSecond === undefined && records % LOOK_EVERY === 0) await untilConfirmed()
    else if (records < due) await new Promise((resolve) => setImmediate(resolve))
    else await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Until not too much is on its way: the logger's speed is what is measured, not that of a growing spool. */
async function untilConfirmed(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  while (cluster.counters().logs.waiting >= WAITING_LIMIT) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

function probe(worker: string): void {
  const topic = cluster.nodeTopic(worker)
  setInterval(() => {
    cluster.publish(topic, timed(process.hrtime.bigint()))
  }, 1000 / EVENTS_PER_SECOND)
}
