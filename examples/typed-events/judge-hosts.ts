import { type Address, type Cluster, ValueMap } from 'zeek-cluster'
import { judged, seen } from './demo.js'

/** Proxies count what workers see, and tell the manager about hosts that are seen often. */
export default (cluster: Cluster): void => {
  const counts = new ValueMap<Address, bigint>()

  cluster.on(seen, (host, n) => {
    const total = (counts.get(host.ip) ?? 0n) + n
    counts.set(host.ip, total)
    cluster.publish(cluster.topicOf('MANAGER'), judged(host.ip, total > 2n ? 'Demo::HIGH' : 'Demo::LOW'))
  })

  cluster.on(judged, (ip, severity) => cluster.log(`${ip} is ${severity}`))
}
