import { addr, type Cluster, count, record, time } from 'zeek-cluster'

export default (cluster: Cluster): void => {
  const stream = cluster.logs.createStream('Talkers::LOG', {
    columns: { ts: time, id: record({ orig_h: addr, resp_h: addr }), bytes: count },
    priority: 'low',
  })
  // talkers.log, without the small ones.
  stream.addFilter({ name: 'default', predicate: ({ bytes }) => bytes >= 1000n })
  // talkers_large.log: JSON, two columns.
  stream.addFilter({
    name: 'large',
    path: 'talkers_large',
    predicate: ({ bytes }) => bytes >= 10_000n,
    include: ['id.orig_h', 'bytes'],
    config: { use_json: 'T' },
  })
  cluster.on('connection', (conn) => {
    const id = { orig_h: conn['id.orig_h'], resp_h: conn['id.resp_h'] }
    stream.write({ ts: conn.ts, id, bytes: (conn.orig_bytes ?? 0n) + (conn.resp_bytes ?? 0n) })
  })
}
