/**
 * What the machine itself adds to a latency: two processes and a bare socket between them, with messages as long and as
 * often as in the benchmark of nodes. Started as a process of its own, this file is the sender.
 */
import { fork } from 'node:child_process'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { percentiles, sleepUntil } from './timing.ts'

const MESSAGE_BYTES = 100
const FILE = fileURLToPath(import.meta.url)

export function benchSocket(
  perSecond: number,
  events: number,
): Promise<{ readonly p50: number; readonly p99: number; readonly max: number }> {
  return new Promise((resolve) => {
    const latenciesUs: number[] = []
    const server = net.createServer((socket) => {
      let rest = Buffer.alloc(0)
      socket.on('data', (bytes: Buffer) => {
        const nowNs = process.hrtime.bigint()
        const all = Buffer.concat([rest, bytes])
        let offset = 0
        for (; offset + MESSAGE_BYTES <= all.length; offset += MESSAGE_BYTES) {
          latenciesUs.push(Number(nowNs - all.readBigUInt64BE(offset)) / 1000)
        }
        rest = all.subarray(offset)
      })
      socket.on('end', () => {
        server.close()
        resolve(percentiles(latenciesUs))
      })
    })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      fork(FILE, [String(port), String(perSecond), String(events)], {
        execArgv: ['--import', new URL('./typescript.js', import.meta.url).href],
      })
    })
  })
}

async function send(port: number, perSecond: number, events: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.setNoDelay(true)
  const startNs = process.hrtime.bigint() + 100_000_000n
  for (let index = 0; index < events; index += 1) {
    const scheduledNs = startNs + BigInt(Math.round((index * 1e9) / perSecond))
    await sleepUntil(scheduledNs)
    const message = Buffer.alloc(MESSAGE_BYTES)
    message.writeBigUInt64BE(scheduledNs)
    socket.write(message)
  }
  socket.end()
}

if (process.argv[1] === FILE) {
  const [port, perSecond, events] = process.argv.slice(2).map(Number)
  await send(port!, perSecond!, events!)
}
