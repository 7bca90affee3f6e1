/** One of the two processes of the link benchmark: the manager receives, the worker sends. */
import { Cluster } from 'zeek-cluster'
import type { LinkResult, LinkTask } from './link.ts'
import { conn, connRecords, connSum, done, recordSum, small, smallSum, smallText, timed } from './shapes.ts'
import { percentiles, sleepUntil } from './timing.ts'

const [layout, directory, name, taskText] = process.argv.slice(2)
const task = JSON.parse(taskText!) as LinkTask
const cluster = await Cluster.start({ node: name!, layout: layout!, logDirectory: `${directory}/${name}` })

/** Events between two looks at the clock or the queue. */
const BURST = 64

if (name === 'manager') receive()
else cluster.on('nodeUp', (node) => node.name === 'manager' && void send())

function receive(): void {
  let received = 0
  let sum = 0
  let startNs = 0n
  const latenciesUs: number[] = []
  const cpu = process.cpuUsage()
  const first = (): void => {
    if (received === 0) startNs = process.hrtime.bigint()
    received += 1
  }
  cluster.on(small, (index, text) => {
    first()
    sum = smallSum(sum, index, text)
  })
  cluster.on(conn, (index, value) => {
    first()
    sum = connSum(sum, index, recordSum(value))
  })
  cluster.on(timed, (scheduledNs) => {
    first()
    latenciesUs.push(Number(process.hrtime.bigint() - scheduledNs) / 1000)
  })
  cluster.on(done, (_sent, checksum) => {
    const used = process.cpuUsage(cpu)
    report({
      received,
      checksumOk: BigInt(sum) === checksum,
      seconds: Number(process.hrtime.bigint() - startNs) / 1e9,
      receiverCpuSeconds: (used.user + used.system) / 1e6,
      receiverRssBytes: process.memoryUsage.rss(),
      ...(latenciesUs.length > 0 && { latenciesUs: percentiles(latenciesUs) }),
    })
  })
}

async function send(): Promise<void> {
  const topic = cluster.topicOf('MANAGER')
  const cpu = process.cpuUsage()
  const sum = task.kind === 'throughput' ? await sendAll(topic) : await sendOnSchedule(topic)
  cluster.publish(topic, done(BigInt(task.events), BigInt(sum)))
  const used = process.cpuUsage(cpu)
  report({
    sent: task.events,
    senderCpuSeconds: (used.user + used.system) / 1e6,
    senderRssBytes: process.memoryUsage.rss(),
  })
}

async function sendAll(topic: string): Promise<number> {
  const records = connRecords(1000)
  const recordSums = records.map(recordSum)
  const isSmall = task.kind === 'throughput' && task.shape === 'small'
  let sum = 0
  let drained: () => void = () => {}
  cluster.on('drain', () => drained())
  for (let index = 0; index < task.events; index += 1) {
    const number = BigInt(index)
    let outcome: string
    if (isSmall) {
      const text = smallText(index)
      sum = smallSum(sum, number, text)
      outcome = cluster.publish(topic, small(number, text))
    } else {
      const value = records[index % records.length]!
      sum = connSum(sum, number, recordSums[index % records.length]!)
      outcome = cluster.publish(topic, conn(number, value))
    }
    if (outcome === 'queued') {
      await new Promise<void>((resolve) => {
        drained = resolve
      })
    }
  }
  return sum
}

/** Each event at its time. */
async function sendOnSchedule(topic: string): Promise<number> {
  const perSecond = task.kind === 'latency' ? task.perSecond : 1
  const intervalNs = BigInt(Math.round(1e9 / perSecond))
  const startNs = process.hrtime.bigint() + 100_000_000n
  for (let index = 0; index < task.events; index += 1) {
    const scheduledNs = startNs + intervalNs * BigInt(index)
    await sleepUntil(scheduledNs)
    cluster.publish(topic, timed(scheduledNs))
    if (index % BURST === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return 0
}

function report(result: Partial<LinkResult>): void {
  process.send?.(result)
}
