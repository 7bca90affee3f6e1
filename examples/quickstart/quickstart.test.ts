/** The quickstart in one process: the six nodes, the recorded traffic and the script, on a virtual clock. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startCluster } from 'zeek-cluster/testing'
import scanDetector from './scan-detector.js'

const file = (name: string): URL => new URL(name, import.meta.url)

/** From the programs that made the traffic, not from this software: see `traffic.md`. */
const expected = JSON.parse(readFileSync(file('expected.json'), 'utf8')) as {
  readonly connections: Readonly<Record<'tcp' | 'udp' | 'icmp', number>>
  readonly scanner: string
  readonly scanTargets: number
}

test.each([65_536, 1460])(
  'finds the scanner, on a network that delivers chunks of %i bytes',
  async (chunkBytes) => {
    const cluster = await startCluster({
      layout: readFileSync(file('cluster-layout.zeek'), 'utf8'),
      capture: readFileSync(file('traffic.pcap')),
      scripts: [scanDetector],
      chunkBytes,
    })
    for (const worker of ['worker-1', 'worker-2']) {
      await cluster.until(() => cluster.running(worker).capture?.state === 'done')
    }
    const connections = await cluster.logLines('conn')
    const count = (proto: string): number => connections.filter((conn) => conn['proto'] === proto).length
    expect({ tcp: count('tcp'), udp: count('udp'), icmp: count('icmp') }).toEqual(expected.connections)
    const targets = connections
      .filter((conn) => conn['id.orig_h'] === expected.scanner)
      .map((conn) => `${conn['id.resp_h']} ${conn['id.resp_p']}`)
    expect(new Set(targets).size).toBe(expected.scanTargets)
    const notices = await cluster.logLines('notice')
    expect(notices.map(({ note, src }) => [note, src])).toEqual([['Scan::Port_Scan', expected.scanner]])
    expect(cluster.reports).toEqual([])
    await cluster.stop()
  },
)
