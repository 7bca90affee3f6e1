/** The module is what the command writes, the script works with it, and the page shows both. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Address } from 'zeek-cluster'
import { startCluster } from 'zeek-cluster/testing'
import { typescriptModule } from '../../src/zeek-script/index.js'
import { seen } from './demo.js'
import judgeHosts from './judge-hosts.js'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

test('demo.ts is what `zeek-cluster types demo.zeek` writes', () => {
  const scripts = [{ file: 'demo.zeek', text: read('demo.zeek') }]
  const { text, diagnostics } = typescriptModule(scripts, { command: 'zeek-cluster types demo.zeek' })
  expect(diagnostics).toEqual([])
  expect(text).toBe(read('demo.ts'))
})

test('a host that is seen often is judged', async () => {
  const layout = read('../quickstart/cluster-layout.zeek')
  const cluster = await startCluster({ layout, scripts: [judgeHosts] })
  const worker = cluster.node('worker-1')
  const host = { ip: Address.parse('10.0.0.1'), first_seen: 1.5, ports: new Set<never>() }
  worker.publish(worker.topicOf('PROXY'), seen(host, 2n))
  worker.publish(worker.topicOf('PROXY'), seen({ ...host, name: 'a' }, 1n))
  await cluster.settle()
  await cluster.advance(2000)
  const messages = (await cluster.logLines('cluster')).map(({ message }) => message)
  expect(messages.filter((message) => message?.startsWith('10.0.0.1'))).toEqual([
    '10.0.0.1 is Demo::LOW',
    '10.0.0.1 is Demo::HIGH',
  ])
  expect(cluster.reports).toEqual([])
  await cluster.stop()
})

test('the page on Zeek shows the script', () => {
  expect(read('../../docs/with-zeek.md')).toContain(`\`\`\`ts\n${read('judge-hosts.ts')}\`\`\`\n`)
})
