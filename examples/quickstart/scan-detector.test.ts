/** How to test a script: the whole cluster in this process, on a virtual clock. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Address, type ConnRecord, Port } from 'zeek-cluster'
import { startCluster } from 'zeek-cluster/testing'
import scanDetector, { DEFAULT_SETTINGS, detectScans, isFailedAttempt } from './scan-detector.js'

const layout = readFileSync(new URL('cluster-layout.zeek', import.meta.url), 'utf8')
const SCANNER = '10.77.0.66'

test('a scan that no worker sees in full gives one notice', async () => {
  const cluster = await startCluster({ layout, scripts: [scanDetector] })
  for (let number = 1; number <= 40; number += 1) {
    const worker = number % 2 === 0 ? 'worker-1' : 'worker-2'
    cluster.node(worker).emit('connection', rejected(SCANNER, `10.77.0.1 ${number}/tcp`, number))
  }
  await cluster.settle()
  await cluster.advance(2000)
  const [notice, ...others] = await cluster.logLines('notice')
  expect(notice).toMatchObject({ note: 'Scan::Port_Scan', src: SCANNER, dst: '10.77.0.1', n: '26' })
  expect(others).toEqual([])
  await cluster.stop()
})

test('the same few targets again and again, or many over a long time, are no scan', async () => {
  const cluster = await startCluster({ layout, scripts: [scanDetector] })
  for (let number = 0; number < 200; number += 1) {
    cluster
      .node('worker-1')
      .emit('connection', rejected('10.77.0.11', `10.77.0.1 ${number % 25}/tcp`, number))
    cluster
      .node('worker-2')
      .emit('connection', rejected('10.77.0.12', `10.77.0.1 ${number}/tcp`, number * 12.5))
  }
  await cluster.advance(2000)
  expect(await cluster.logLines('notice')).toEqual([])
  await cluster.stop()
})

test('many addresses on one port are an address scan, and settings decide what is many', async () => {
  const settings = { ...DEFAULT_SETTINGS, allowedTargets: 3 }
  const cluster = await startCluster({ layout, scripts: [(node) => detectScans(node, settings)] })
  for (let number = 1; number <= 4; number += 1) {
    cluster.node('worker-1').emit('connection', rejected(SCANNER, `10.77.0.${number} 22/tcp`, number))
  }
  await cluster.advance(2000)
  expect(await cluster.logLines('notice')).toMatchObject([
    {
      note: 'Scan::Address_Scan',
      msg: '10.77.0.66 scanned at least 4 unique targets on port 22/tcp of 4 hosts in 0m3s',
      p: '22',
      n: '4',
      peer_descr: 'proxy-1',
      actions: 'Notice::ACTION_LOG',
      suppress_for: '3600.000000',
    },
  ])
  await cluster.stop()
})

test('without a living proxy the manager counts, and it does not repeat itself in every window', async () => {
  const cluster = await startCluster({ layout, scripts: [scanDetector] })
  await cluster.stopNode('proxy-1')
  for (const start of [0, 600]) {
    for (let number = 1; number <= 40; number += 1) {
      cluster
        .node('worker-1')
        .emit('connection', rejected(SCANNER, `10.77.0.1 ${number}/tcp`, start + number))
    }
  }
  await cluster.advance(2000)
  const notices = await cluster.logLines('notice')
  expect(notices.map(({ src, peer_descr }) => `${peer_descr}: ${src}`)).toEqual([`manager: ${SCANNER}`])
  await cluster.stop()
})

test.each([
  ['S0', 'S', true],
  ['REJ', 'Sr', true],
  ['RSTO', 'ShR', true],
  ['RSTO', 'ShADdR', false],
  ['RSTRH', '^hr', false],
  ['SF', 'ShAFaf', false],
])('%s %s is a failed attempt: %s', (conn_state, history, expected) => {
  const conn = { ...rejected(SCANNER, '10.77.0.1 22/tcp', 0), conn_state, history }
  expect(isFailedAttempt(conn)).toBe(expected)
  expect(isFailedAttempt({ ...conn, proto: 'udp' })).toBe(false)
})

/** A connection to a closed port; `target` is an address and a port. */
function rejected(source: string, target: string, seconds: number): ConnRecord {
  const [address, port] = target.split(' ') as [string, string]
  return {
    ts: 1_700_000_000 + seconds,
    uid: 'CHhAvVGS1DHFjwGM9',
    'id.orig_h': Address.parse(source),
    'id.orig_p': Port.parse('40000/tcp'),
    'id.resp_h': Address.parse(address),
    'id.resp_p': Port.parse(port),
    proto: 'tcp',
    conn_state: 'REJ',
    history: 'Sr',
  }
}
