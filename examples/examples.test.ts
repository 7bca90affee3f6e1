/** What the README shows is what stands in files, and it runs. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startCluster } from 'zeek-cluster/testing'
import whoIsUp from './who-is-up.js'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

const samples = [...read('README.md').matchAll(/<!-- test: (\S+) -->\n```ts\n([\s\S]*?)```/g)].map(
  (match) => [match[1]!, match[2]!] as const,
)

test('the README has samples', () => {
  expect(samples.map(([file]) => file)).toEqual([
    'examples/who-is-up.ts',
    'examples/quickstart/scan-detector.test.ts',
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
