/** One of the two processes of the memory benchmark: an endpoint that listens, or many that dial it. */
import {
  type BusHandler,
  Endpoint,
  randomEndpointId,
  systemRandom,
  systemTimers,
  tcpNetwork,
} from 'zeek-cluster/broker'

const [role, port, count] = process.argv.slice(2)
const address = { host: '127.0.0.1', port: Number(port) }
/** After the last peer is there, so that what the handshakes took can be given back. */
const SETTLE_MS = 2000

const noop = (): void => {}

function endpoint(onPeerAdded: BusHandler['onPeerAdded']): Endpoint {
  return new Endpoint({
    id: randomEndpointId(systemRandom),
    network: tcpNetwork,
    timers: systemTimers,
    security: 'anonymous-tls',
    handler: {
      onMessage: noop,
      onPeerAdded,
      onPeerLost: noop,
      onSubscriptionsChanged: noop,
      onDrain: noop,
      onStatus: noop,
      onReport: noop,
    },
  })
}

if (role === 'listen') {
  const hub = endpoint(() => {
    if (hub.peers().length < Number(count)) return
    setTimeout(() => process.send?.(process.memoryUsage.rss()), SETTLE_MS)
  })
  hub.subscribe('bench/')
  await hub.listen(address)
} else {
  for (let index = 0; index < Number(count); index += 1) {
    const peer = endpoint(noop)
    peer.subscribe(`bench/${index}`)
    peer.dial(address, 200)
  }
}
