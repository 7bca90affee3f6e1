import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasErrors } from '../layout/index.js'
import { DIALECTS } from '../options/dialect.js'
import { loadLayout, searchPath } from './load-layout.js'

const dialect = DIALECTS['zeek-9.0']

function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'load-layout-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}

describe('loadLayout', () => {
  test('reads the files that a layout loads, from its folder and from ZEEKPATH', async () => {
    const far = folder({ 'far.zeek': 'const base_port = 42900;' })
    const near = folder({
      'cluster-layout.zeek':
        '@load ./hosts\n@load far\nredef Cluster::nodes += { ["m"] = [$node_type=Cluster::MANAGER, $ip=hosts["m"], $p=count_to_port(base_port, tcp)] };',
      'hosts.zeek': 'const hosts: table[string] of addr = { ["m"] = to_addr(getenv("MANAGER")) };',
    })
    const { layout, diagnostics } = await loadLayout({
      file: join(near, 'cluster-layout.zeek'),
      dialect,
      environment: { ZEEKPATH: far, MANAGER: '192.0.2.1' },
    })
    expect(diagnostics).toEqual([])
    expect(String(layout.nodes.get('m')?.ip)).toBe('192.0.2.1')
    expect(String(layout.nodes.get('m')?.p)).toBe('42900/tcp')
  })

  test('asks for the addresses of hosts, one after the other when one depends on the other', async () => {
    const text = `const first = blocking_lookup_hostname("localhost");
@if ( |first| > 0 )
const second = (blocking_lookup_hostname(fmt("local%s", "host")) as vector of addr)[0];
redef Cluster::nodes += { ["m"] = [$node_type=Cluster::MANAGER, $ip=second] };
@endif`
    const file = join(folder({ 'a.zeek': text }), 'a.zeek')
    const { layout, diagnostics, pendingHosts } = await loadLayout({ file, dialect, environment: {} })
    expect(diagnostics).toEqual([])
    expect(pendingHosts).toEqual([])
    expect(['127.0.0.1', '::1']).toContain(String(layout.nodes.get('m')?.ip))
  })

  test('a folder and a missing file cannot be loaded', async () => {
    const path = folder({ 'a.zeek': '@load .\n@load ./missing' })
    const { diagnostics } = await loadLayout({ file: join(path, 'a.zeek'), dialect, environment: {} })
    expect(hasErrors(diagnostics)).toBe(true)
    expect(diagnostics.filter(({ code }) => code === 'cannot-load')).toHaveLength(2)
  })

  test('the local node is the one that is named, or that of the environment', async () => {
    const text = 'redef Cluster::worker_topic = Cluster::node;'
    const file = join(folder({ 'a.zeek': text }), 'a.zeek')
    const topic = async (options: { node?: string; environment: Record<string, string> }): Promise<unknown> =>
      (await loadLayout({ file, dialect, ...options })).layout.redefs[0]?.value.value
    expect(await topic({ environment: {} })).toBe('')
    expect(await topic({ environment: { CLUSTER_NODE: 'w' } })).toBe('w')
    expect(await topic({ node: 'm', environment: { CLUSTER_NODE: 'w' } })).toBe('m')
  })

  test('rejects when there is no such file', async () => {
    const loading = loadLayout({ file: '/nowhere/a.zeek', dialect, environment: {} })
    await expect(loading).rejects.toMatchObject({
      code: 'layout-unreadable',
      message: 'cannot read layout /nowhere/a.zeek: no such file',
    })
  })

  test('searchPath', () => {
    expect(searchPath({})).toEqual(['.'])
    expect(searchPath({ ZEEKPATH: '/a::b', BROPATH: '/c' })).toEqual(['/a', '.', 'b', '/c', '.'])
  })
})
