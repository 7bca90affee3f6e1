import { addr, type Cluster, count, event } from 'zeek-cluster'

const seen = event('Demo::seen', [addr, count])

export default (cluster: Cluster): void => {
  cluster.on('nodeUp', ({ name }) => cluster.log(`${name} is up, ${cluster.workerCount} workers`))

  if (cluster.localNodeType() === 'WORKER') {
    cluster.on('connection', (conn) => {
      const bytes = conn.orig_bytes ?? 0n
      cluster.publishHrw(cluster.proxyPool, conn['id.orig_h'], seen(conn['id.orig_h'], bytes))
    })
  }

  if (cluster.localNodeType() === 'PROXY') {
    cluster.on(seen, (host, bytes) => cluster.log(`${host} sent ${bytes} bytes`))
  }
}
