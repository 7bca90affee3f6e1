/**
 * A process with one endpoint, for tests of what happens to connections. Arguments: `listen HOST:PORT` or
 * `dial HOST:PORT`, then `idle` or `load` (publishes as fast as the other side takes it). Prints one JSON object a
 * line: what its peerings went through, and once a second what it received.
 */
import {
  Endpoint,
  randomEndpointId,
  systemRandom,
  systemTimers,
  tcpNetwork,
} from '../../dist/broker/index.js'

const [how, target, traffic] = process.argv.slice(2)
const split = target.lastIndexOf(':')
const address = { host: target.slice(0, split), port: Number(target.slice(split + 1)) }

const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`)
let received = 0
let publishing = false

const endpoint = new Endpoint({
  id: randomEndpointId(systemRandom),
  network: tcpNetwork,
  timers: systemTimers,
  security: 'plain',
  handler: {
    onMessage: () => {
      received += 1
    },
    onPeerAdded: () => publish(),
    onPeerLost: () => {},
    onSubscriptionsChanged: () => {},
    onDrain: () => publish(),
    onStatus: (told) => {
      if (told.kind === 'status') print({ status: told.code })
    },
    onReport: ({ code, message }) => print({ report: code, message }),
  },
})

const payload = Buffer.concat([Buffer.from([5, 0xc8, 0x01]), Buffer.alloc(200, 'x')])
const message = { writeTo: (writer) => writer.raw(payload) }

function publish() {
  if (traffic !== 'load' || publishing) return
  publishing = true
  setImmediate(() => {
    publishing = false
    for (let sent = 0; sent < 1000; sent += 1) {
      const outcome = endpoint.publish('/load', message)
      if (outcome !== 'accepted') return
    }
    publish()
  })
}

endpoint.subscribe('/load')
if (how === 'listen') print({ listening: (await endpoint.listen(address)).port })
else endpoint.dial(address, 1000)
setInterval(() => print({ received }), 1000)
process.on('SIGTERM', () => process.exit(0))
