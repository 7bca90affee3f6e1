/** What the README shows is what stands in files, and it runs. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DIALECTS, parseLayout } from 'zeek-cluster/layout'
import { BROKER_TRANSCRIPTS, startCluster } from 'zeek-cluster/testing'
import { conformance } from './broker-conformance.js'
import logFilters from './log-filters.js'
import sharedStore from './shared-store.js'
import whoIsUp from './who-is-up.js'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

const samples = [
  ...`${read('README.md')}${read('docs/stores.md')}${read('docs/logging.md')}`.matchAll(
    /<!-- test: (\S+) -->\n```ts\n([\s\S]*?)```/g,
  ),
].map((match) => [match[1]!, match[2]!] as const)

test('the README and the pages on stores and logs have samples', () => {
  expect(samples.map(([file]) => file)).toEqual([
    'examples/who-is-up.ts',
    'examples/quickstart/scan-detector.test.ts',
    'examples/shared-store.ts',
    'examples/log-filters.ts',
  ])
})

test.each(samples)('the sample of %s is in that file', (file, sample) => {
  expect(read(file)).toContain(sample)
})

test('the sample script writes who is up and what proxies hear', async () => {
  const layout = read('examples/quickstart/cluster-layout.zeek')
  const capture = readFileSync(new URL('quickstart/traffic.pcap', import.meta.url))
  const cluster = await startCluster({ layout, scripts: [whoIsUp], capture })
  await cluster.until(() => cluster.running('worker-1').capture?.state === 'done')
  await cluster.until(() => cluster.running('worker-2').capture?.state === 'done')
  const messages = (await cluster.logLines('cluster')).map(({ message }) => message)
  expect(messages).toContain('worker-2 is up, 2 workers')
  expect(messages.filter((message) => / sent \d+ bytes$/.test(message ?? '')).length).toBe(164)
  await cluster.stop()
})

test('the sample of a store reports each host once, whichever worker saw it', async () => {
  const layout = read('examples/quickstart/cluster-layout.zeek')
  const capture = readFileSync(new URL('quickstart/traffic.pcap', import.meta.url))
  const cluster = await startCluster({ layout, scripts: [sharedStore], capture })
  await cluster.until(() => cluster.running('worker-1').capture?.state === 'done')
  await cluster.until(() => cluster.running('worker-2').capture?.state === 'done')
  await cluster.advance(5000)
  const lines = await cluster.logLines('cluster')
  const hosts = lines.flatMap(({ node, message }) =>
    message?.startsWith('new host') ? [[node, message]] : [],
  )
  const connections = await cluster.logLines('conn')
  expect(hosts.length).toBe(new Set(connections.map((connection) => connection['id.resp_h'])).size)
  expect(hosts.length).toBeGreaterThan(1)
  expect(new Set(hosts.map(([, message]) => message)).size).toBe(hosts.length)
  const store = cluster.node('manager').stores.get('known-hosts')?.store
  expect(await store?.size()).toBe(hosts.length)
  await cluster.stop()
})

test('the sample of filters writes two logs', async () => {
  const layout = read('examples/quickstart/cluster-layout.zeek')
  const capture = readFileSync(new URL('quickstart/traffic.pcap', import.meta.url))
  const cluster = await startCluster({ layout, scripts: [logFilters], capture })
  await cluster.until(() => cluster.running('worker-1').capture?.state === 'done')
  await cluster.until(() => cluster.running('worker-2').capture?.state === 'done')
  await cluster.advance(5000)
  const talkers = await cluster.logLines('talkers')
  expect(Object.keys(talkers[0]!)).toEqual(['ts', 'id.orig_h', 'id.resp_h', 'bytes'])
  expect(talkers.every(({ bytes }) => Number(bytes) >= 1000)).toBe(true)
  const large = cluster.disk.paths().filter((path) => path.endsWith('talkers_large.log'))
  const lines = large.flatMap((path) => cluster.disk.text(path).trimEnd().split('\n'))
  const ofTalkers = talkers.filter(({ bytes }) => Number(bytes) >= 10_000)
  expect(ofTalkers.length).toBeGreaterThan(0)
  expect(lines.map((line) => JSON.parse(line) as { bytes: number })).toHaveLength(ofTalkers.length)
  await cluster.stop()
})

test('the layout of the page on layouts is one', () => {
  const [, sample] = /<!-- test: layout -->\n```zeek\n([\s\S]*?)```/.exec(read('docs/layout.md')) ?? []
  const environment = { BASE_PORT: '30000', SENSOR: '192.0.2.7' }
  const host = {
    environment,
    hostName: 'here',
    searchPath: [],
    readFile: () => undefined,
    lookUp: () => [],
  }
  const dialect = DIALECTS.reference
  const { layout, diagnostics } = parseLayout(sample!, { file: 'docs/layout.md', dialect, host })
  expect(diagnostics).toEqual([])
  const ports = [...layout.nodes.values()].map(({ name, ip, p }) => `${name} ${ip} ${p}`)
  expect(ports).toEqual([
    'logger-1 127.0.0.1 30001/tcp',
    'manager 127.0.0.1 30002/tcp',
    'proxy-1 127.0.0.1 30003/tcp',
    'worker-1 192.0.2.7 30004/tcp',
  ])
})

test('the page on conformance has the example, and names every transcript', () => {
  const page = read('docs/conformance.md')
  expect(page).toContain(read('examples/broker-conformance.ts'))
  expect(BROKER_TRANSCRIPTS.filter(({ name }) => !page.includes(`\`${name.split('/')[1]}\``))).toEqual([])
})

test('the conformance suite runs against a program', async () => {
  const peer = fileURLToPath(new URL('broker-peer.mjs', import.meta.url))
  const names = /peering\/(connector|listener)-|version-min|forwarding-on/
  expect(await conformance(names, process.execPath, peer)).toEqual([
    'skipped peering/connector-smaller-id: the subject cannot publish',
    'skipped peering/connector-larger-id: the subject cannot publish',
    'skipped peering/listener-smaller-id: the subject cannot dial',
    'skipped peering/listener-larger-id: the subject cannot dial',
    'skipped peering/listener-without-probe: the subject cannot dial',
    'passed peering/connector-probes-too',
    'passed refusals/version-min-99',
    'skipped forwarding/forwarding-on: needs forwarding, hop-limit',
  ])
})
