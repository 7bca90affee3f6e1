/** One of the three processes of the relay benchmark. */
import { ByteWriter } from 'zeek-cluster'
import {
  type BusHandler,
  Endpoint,
  randomEndpointId,
  systemRandom,
  systemTimers,
  tcpNetwork,
} from 'zeek-cluster/broker'
import type { RelayResult, RelayTask } from './relay.ts'
import { conn, connRecords } from './shapes.ts'

const task = JSON.parse(process.argv[2]!) as RelayTask
const address = { host: '127.0.0.1', port: task.port }
const TOPIC = 'bench/relay'

const noop = (): void => {}
const cpu = process.cpuUsage()

function endpoint(handler: Partial<BusHandler>, forward: boolean): Endpoint {
  return new Endpoint({
    id: randomEndpointId(systemRandom),
    network: tcpNetwork,
    timers: systemTimers,
    security: 'plain',
    forward,
    handler: {
      onMessage: noop,
      onPeerAdded: noop,
      onPeerLost: noop,
      onSubscriptionsChanged: noop,
      onDrain: noop,
      onStatus: noop,
      onReport: noop,
      ...handler,
    },
  })
}

function report(result: Omit<RelayResult, 'cpuSeconds' | 'rssBytes'>): void {
  const used = process.cpuUsage(cpu)
  process.send?.({
    ...result,
    cpuSeconds: (used.user + used.system) / 1e6,
    rssBytes: process.memoryUsage.rss(),
  } satisfies RelayResult)
}

/** An event of the size of a line of conn.log, whose last eight bytes are its number. */
function payload(): Buffer {
  const writer = new ByteWriter()
  conn(0n, connRecords(1)[0]!).writeTo(writer)
  return Buffer.concat([writer.toBytes(), Buffer.alloc(8)])
}

switch (task.role) {
  case 'relay': {
    const relay = endpoint({}, true)
    // An endpoint announces its own subscriptions only: what it passes on it must subscribe itself.
    relay.subscribe(TOPIC)
    await relay.listen(address)
    process.on('message', () => report({ forwarded: relay.counters().forwardedOut }))
    report({})
    break
  }
  case 'receiver': {
    let received = 0
    let inOrder = true
    let startNs = 0n
    const receiver = endpoint(
      {
        onPeerAdded: () => report({}),
        onMessage(_topic, bytes, _start, end) {
          if (received === 0) startNs = process.hrtime.bigint()
          const number = (bytes[end - 3]! << 16) | (bytes[end - 2]! << 8) | bytes[end - 1]!
          if (number !== (received & 0xffffff)) inOrder = false
          received += 1
          if (received < task.events) return
          report({ received, inOrder, seconds: Number(process.hrtime.bigint() - startNs) / 1e9 })
        },
      },
      false,
    )
    receiver.subscribe(TOPIC)
    receiver.dial(address, 100)
    break
  }
  case 'publisher': {
    const bytes = payload()
    const message = { writeTo: (writer: ByteWriter): void => writer.raw(bytes) }
    let drained: () => void = noop
    const publisher = endpoint({ onDrain: () => drained(), onPeerAdded: () => void publish() }, false)
    const publish = async (): Promise<void> => {
      for (let index = 0; index < task.events; index += 1) {
        bytes.writeUInt32BE(index, bytes.length - 4)
        const outcome = publisher.publish(TOPIC, message)
        if (outcome !== 'queued') continue
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      }
    }
    publisher.dial(address, 100)
    break
  }
}
