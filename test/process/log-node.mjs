/**
 * A node of a cluster for tests of logs over real processes: a logger, or a worker that writes numbered records until
 * it is ended. Arguments: layout, name, folder; for a worker also its run and, optionally, records a second. The worker
 * keeps the number of records whose `write` returned in `written-RUN`, also when it is killed.
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster, count, string } from '../../dist/index.js'

const [layout, name, folder, run, perSecond = '20000'] = process.argv.slice(2)
const print = (text) => process.stdout.write(`${text}\n`)
const cluster = await Cluster.start({
  node: name,
  layout,
  logDirectory: join(folder, 'logs', name),
  spoolDirectory: join(folder, 'spool', name),
  options: { defaultRotationInterval: 0 },
  onReport: ({ code, message }) => print(`report ${code}: ${message}`),
})
let isEnding = false
process.on('SIGTERM', async () => {
  isEnding = true
  await cluster.stop()
  print('stopped')
  process.exit(0)
})
cluster.on('nodeUp', (node) => print(`up ${node.name}`))
let lastHealth = ''
setInterval(() => {
  const { health } = cluster
  const text = health.state === 'degraded' ? `degraded: ${health.reason}` : health.state
  if (text !== lastHealth) print(`health ${text}`)
  lastHealth = text
}, 50)
print(`started ${name}`)

if (run !== undefined) {
  const stream = cluster.logs.createStream('Kill::LOG', { columns: { run: string, n: count } })
  const file = openSync(join(folder, `written-${run}`), 'w')
  const written = Buffer.alloc(8)
  const startMs = performance.now()
  let n = 0n
  const write = () => {
    const due = BigInt(Math.floor(((performance.now() - startMs) / 1000) * Number(perSecond)))
    for (let slice = 0; slice < 100 && n < due && !isEnding; slice += 1) {
      n += 1n
      stream.write({ run, n })
      written.writeBigUInt64BE(n)
      writeSync(file, written, 0, 8, 0)
    }
    if (!isEnding) setTimeout(write, 1)
  }
  write()
}
