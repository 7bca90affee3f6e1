/** Clusters with something wrong in them: a port in use, broken captures, user scripts that throw. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  alive,
  endAll,
  layoutOf,
  logRecords,
  QUICKSTART,
  type Running,
  run,
  start,
  startUp,
  statusOf,
  temporaryDirectory,
  write,
} from './support.js'

afterEach(endAll)

const FAILED = 'zeek-cluster: error: the cluster did not run as asked'

async function prepare(...names: readonly string[]): Promise<{ cwd: string; ports: number[] }> {
  const cwd = temporaryDirectory()
  const { text, ports } = await layoutOf(...names)
  write(cwd, 'cluster-layout.zeek', text)
  return { cwd, ports }
}

describe('a port in use', () => {
  test('is named with the node that wants it, tried again, and then ends the cluster', async () => {
    const { cwd, ports } = await prepare('manager', 'proxy-1')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(ports[1], '127.0.0.1', resolve))
    try {
      const up = await run(['up'], { cwd, env: { ZEEK_DEFAULT_LISTEN_RETRY: '0.2' } })
      const what = `proxy-1 cannot listen on 127.0.0.1:${ports[1]}: the port is in use by another process`
      expect(up.stdout.filter((line) => line.includes('the port is in use'))).toEqual([
        ...Array.from({ length: 3 }, () => `proxy-1: warning: ${what}; next try in 0.2 s`),
        `proxy-1: zeek-cluster: error: ${what}`,
      ])
      expect(up.stdout).toContain('proxy-1: failed: exit code 1')
      expect(up.stdout).toContain('proxy-1 cannot start (exit code 1)')
      expect([up.exit, up.stderr]).toEqual([1, [FAILED]])
      expect(alive(up.nodePids)).toEqual([])
    } finally {
      server.close()
    }
  })

  test('that becomes free in time is no failure', async () => {
    const { cwd, ports } = await prepare('manager', 'proxy-1')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(ports[1], '127.0.0.1', resolve))
    const up = start(['up'], { cwd, env: { ZEEK_DEFAULT_LISTEN_RETRY: '1' } })
    await up.line(/the port is in use by another process; next try in 1 s$/)
    server.close()
    await up.line(/^cluster is up: 2 nodes/)
    expect(await up.end('SIGTERM')).toBe(0)
  })
})

describe('a capture', () => {
  const traffic = readFileSync(join(QUICKSTART, 'traffic.pcap'))

  test.each<readonly [what: string, bytes: Uint8Array, message: RegExp, connections: number]>([
    ['cut off inside a packet', traffic.subarray(0, 60_000), /the capture ends inside packet 255 \(/, 29],
    ['that is none', Buffer.from('this is no capture\n'), /neither pcap nor pcapng \(/, 0],
    ['without a byte', Buffer.alloc(0), /the input is empty \(/, 0],
  ])('%s: says so, logs what came before, exit code 1', async (_, bytes, message, connections) => {
    const { cwd } = await prepare('manager', 'worker-1')
    const file = write(cwd, 'traffic.pcap', bytes)
    const up = await startUp(['--read', file], { cwd })
    const { line } = await up.line(/^worker-1: error: /)
    expect(line).toContain(`worker-1: error: ${file}: `)
    expect(line).toMatch(message)
    expect((await up.line(/^capture read: /)).line).toContain(
      ` ${connections} connections (worker-1 ${connections})`,
    )
    // Only the capture is broken: the cluster goes on until somebody ends it.
    expect((await statusOf(cwd)).get('worker-1')!.state).toBe('up')
    expect(await up.end('SIGTERM')).toBe(1)
    expect(up.stderr.at(-1)).toBe(FAILED)
    if (connections > 0) expect(logRecords(cwd, 'conn')).toHaveLength(connections)
  })
})

describe('a user script', () => {
  test.each([
    [
      'that throws while it is loaded',
      'script.ts',
      "import { count } from 'zeek-cluster'\n\nconst nothing: string | undefined = undefined\nnothing!.trim()\nexport default (): void => void count\n",
      /script\.ts:4: Cannot read properties of undefined \(reading 'trim'\)$/,
    ],
    [
      'whose default function throws',
      'script.ts',
      "interface Long { readonly typescript: 'only' }\n\nexport default (): void => {\n  throw new Error('not today')\n}\n",
      /script\.ts:4: not today$/,
    ],
    [
      'whose default function rejects',
      'script.ts',
      "export default async (): Promise<void> => {\n  await Promise.resolve()\n  throw new Error('not today')\n}\n",
      /script\.ts:3: not today$/,
    ],
    [
      'with a syntax error',
      'script.ts',
      'export default () => {\n  const x = = 3\n}\n',
      /\/script\.[jt]s:2:13: error: Unexpected "="$/,
    ],
    [
      'in JavaScript with a syntax error',
      'script.js',
      'export default () => {\n  const x = = 3\n}\n',
      /\/script\.[jt]s:2:13: error: Unexpected "="$/,
    ],
    [
      'without a default function',
      'script.ts',
      'export const x = 1\n',
      /script\.ts: the default export is not a function: /,
    ],
    [
      'that imports what is not there',
      'script.ts',
      "import './nothing.js'\nexport default () => {}\n",
      /script\.ts: Cannot find module /,
    ],
  ])('%s: one line with node, file and place; the node does not start', async (_, name, text, message) => {
    const { cwd } = await prepare('manager')
    write(cwd, name, text)
    const { exit, stdout, stderr } = await run(['node', 'manager', name], { cwd })
    expect([exit === 1 || exit === 2, stdout, stderr.length]).toEqual([true, [], 1])
    expect(stderr[0]).toMatch(/^zeek-cluster: error: manager: /)
    expect(stderr[0]).toMatch(message)
  })

  test('that does not load on one node ends the cluster', async () => {
    const { cwd } = await prepare('manager', 'worker-1')
    const text =
      "export default (cluster) => {\n  if (cluster.localNodeType() === 'WORKER') throw new Error('no')\n}\n"
    const file = write(cwd, 'script.js', text)
    const up = await run(['up', '--script', 'script.js'], { cwd })
    expect([up.exit, up.stderr.at(-1)]).toEqual([1, FAILED])
    expect(up.stdout.filter((line) => /error|failed|cannot|^ +at /.test(line))).toEqual([
      `worker-1: zeek-cluster: error: worker-1: ${file}:2: no`,
      'worker-1: failed: exit code 1',
      'worker-1 cannot start (exit code 1)',
    ])
    expect(alive(up.nodePids)).toEqual([])
  })

  test('that throws in a handler: named, and the node goes on', async () => {
    const { cwd } = await prepare('manager', 'proxy-1')
    const file = write(
      cwd,
      'script.ts',
      `import { type Cluster, count, event } from 'zeek-cluster'

const odd = event('Demo::odd', [count])

export default (cluster: Cluster): void => {
  cluster.subscribe('demo')
  cluster.on(odd, (n) => {
    throw new Error(\`cannot take \${n}\`)
  })
  cluster.on('nodeUp', ({ name }) => {
    throw new Error(\`do not like \${name}\`)
  })
}
`,
    )
    const up = await startUp(['--script', 'script.ts'], { cwd })
    for (const n of [1, 2]) {
      expect((await run(['publish', 'demo', 'Demo::odd', `count:${n}`], { cwd })).exit).toBe(0)
      for (const node of ['manager', 'proxy-1'])
        await expectLine(up, `${node}: error: ${file}:8: event Demo::odd: cannot take ${n}`)
    }
    await expectLine(up, `manager: error: ${file}:11: handler of nodeUp: do not like proxy-1`)
    expect([...(await statusOf(cwd)).values()].map((node) => [node.state, node.restarts])).toEqual([
      ['up', 0],
      ['up', 0],
    ])
    expect(await up.end('SIGTERM')).toBe(0)
  })
})

async function expectLine(up: Running, text: string): Promise<void> {
  const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  await up.line(new RegExp(`^${escaped}$`))
}
