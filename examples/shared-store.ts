/** Hosts that were seen anywhere in the cluster, each reported once, by whichever worker saw it first. */
import { type Address, addr, type Cluster, time } from 'zeek-cluster'

export default async (cluster: Cluster): Promise<void> => {
  const { ready } = await cluster.createStore('known-hosts', { key: addr, value: time, persistent: true })
  if (cluster.localNodeType() !== 'WORKER') return

  const seen = async (host: Address): Promise<void> => {
    const store = await ready
    if (await store.exists(host)) return
    const isFirst = await store.putUnique(host, cluster.clock.wallMs() / 1000, { expiryMs: 86_400_000 })
    if (isFirst) cluster.log(`new host ${host}`)
  }
  cluster.on('connection', (conn) => {
    seen(conn['id.resp_h']).catch((error: unknown) => cluster.report('warning', 'known-hosts', String(error)))
  })
}
