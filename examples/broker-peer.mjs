/** A program that speaks Broker's protocol, as yours may: it listens, says where, and subscribes `/in`. */
import { Endpoint, randomEndpointId, systemRandom, systemTimers, tcpNetwork } from 'zeek-cluster/broker'

const ignore = () => {}
const endpoint = new Endpoint({
  id: randomEndpointId(systemRandom),
  network: tcpNetwork,
  timers: systemTimers,
  security: 'plain',
  handler: {
    onMessage: ignore,
    onPeerAdded: ignore,
    onPeerLost: ignore,
    onSubscriptionsChanged: ignore,
    onDrain: ignore,
    onStatus: ignore,
    onReport: ignore,
  },
})
endpoint.subscribe('/in')
const { port } = await endpoint.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${port}\n`)
