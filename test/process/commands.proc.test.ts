/** Commands that end at once: `check`, `layout`, `--help`, and what is said about bad usage and bad layouts. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  endAll,
  layoutOf,
  QUICKSTART,
  ROOT,
  type Running,
  run,
  start,
  startUp,
  temporaryDirectory,
  write,
} from './support.js'

afterAll(endAll)

const cwd = temporaryDirectory()
const zeekCluster = (...args: string[]): Promise<Running> => run(args, { cwd })
const LAYOUT = join(QUICKSTART, 'cluster-layout.zeek')

write(
  cwd,
  'broken.zeek',
  `redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANGER, $ip=127.0.0.1, $p=27761/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.300, $p=99999/tcp],
};
`,
)
write(
  cwd,
  'one.zeek',
  'redef Cluster::nodes = { ["a"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp] };\n',
)
write(cwd, 'empty.zeek', '\n')
mkdirSync(join(cwd, 'folder.zeek'))

describe('layouts of other programs', () => {
  const nodeCfg = `[manager]
type=manager
host=127.0.0.1

[logger-1]
type=logger
host=127.0.0.1

[proxy-1]
type=proxy
host=127.0.0.1

[worker]
type=worker
host=127.0.0.1
interface=eth0
lb_method=af_packet
lb_procs=2
`

  test("zeekctl's node.cfg is read, and written as a layout that reads the same", async () => {
    write(cwd, 'node.cfg', nodeCfg)
    const { exit, stdout } = await zeekCluster('layout', 'node.cfg')
    expect(exit).toBe(0)
    expect(stdout).toContain(
      '    ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=47765/tcp, $interface="af_packet::eth0", $manager="manager"],',
    )
    expect(stdout).toContain('redef Cluster::manager_is_logger = F;')
    write(cwd, 'from-node-cfg.zeek', stdout.join('\n'))
    expect((await zeekCluster('layout', 'from-node-cfg.zeek')).stdout).toEqual(stdout)
    expect((await zeekCluster('check', 'from-node-cfg.zeek')).stdout).toEqual([
      'from-node-cfg.zeek: ok, 6 nodes',
    ])
  })

  test('zeek.conf, and a folder with one for each host', async () => {
    write(cwd, 'zeek.conf', 'interface = eth0\nmanager = 1\nloggers = 1\nproxies = 1\nworkers = 2\n')
    const one = await zeekCluster('layout', 'zeek.conf', '--dialect', 'zeek-9.0', '--json')
    const { nodes } = JSON.parse(one.stdout.join('')) as { nodes: Record<string, { p: { port: number } }> }
    expect(Object.keys(nodes)).toEqual(['manager', 'logger-1', 'proxy-1', 'worker-1', 'worker-2'])
    expect(nodes['logger-1']?.p.port).toBe(27761)

    mkdirSync(join(cwd, 'hosts'))
    write(cwd, 'hosts/a.zeek.conf', 'manager = 1\nloggers = 1\naddress = 192.0.2.1\n')
    write(cwd, 'hosts/b.zeek.conf', 'interface = eth0\nproxies = 1\nworkers = 1\naddress = 192.0.2.2\n')
    const several = await zeekCluster('layout', 'hosts', '--dialect', 'zeek-9.0')
    expect([several.exit, several.text]).toEqual([0, expect.stringContaining('["b-worker-1"]')])
  })

  test('their mistakes have a place', async () => {
    write(cwd, 'bad.cfg', nodeCfg.replace('type=proxy', 'type=proxxy'))
    const { exit, text } = await zeekCluster('check', 'bad.cfg')
    expect([exit, text]).toEqual([2, expect.stringMatching(/^bad\.cfg:10:6: error: /m)])
  })
})

describe("a script in Zeek's language", () => {
  test('is read behind the layout', async () => {
    const { text } = await layoutOf('manager')
    write(cwd, 'free.zeek', text)
    write(cwd, 'site.zeek', 'redef Cluster::worker_topic = "from/site";\n')
    const node = start(['node', 'manager', 'site.zeek', '--layout', 'free.zeek'], { cwd })
    await node.line(/^manager: listening on /)
    const { stdout } = await zeekCluster(
      ...['control', 'manager', 'id_value', 'Cluster::worker_topic', '--layout', 'free.zeek'],
    )
    expect(stdout).toEqual(['from/site'])
    expect(await node.end('SIGTERM')).toBe(0)
  })
})

describe('check', () => {
  test('a good layout', async () => {
    const { exit, stdout, stderr } = await zeekCluster('check', LAYOUT)
    expect([exit, stdout, stderr]).toEqual([0, [`${LAYOUT}: ok, 6 nodes`], []])
    const json = await zeekCluster('check', LAYOUT, '--json')
    const expected = { file: LAYOUT, ok: true, nodes: 6, problems: [] }
    expect([json.exit, json.stdout]).toEqual([0, [JSON.stringify(expected)]])
  })

  test('--json names the problems of a layout with errors', async () => {
    const { exit, stdout } = await zeekCluster('check', 'broken.zeek', '--json')
    expect(exit).toBe(2)
    const { ok, problems } = JSON.parse(stdout.join('')) as {
      readonly ok: boolean
      readonly problems: readonly {
        readonly severity: string
        readonly line: number
        readonly column: number
      }[]
    }
    const errors = problems.filter(({ severity }) => severity === 'error')
    expect([ok, errors.map(({ line, column }) => [line, column])]).toEqual([
      false,
      [
        [2, 29],
        [3, 51],
        [3, 67],
      ],
    ])
  })

  test.concurrent.each([['check'], ['layout'], ['up'], ['node', 'manager', '--layout']])(
    '%s: all errors of a layout at once, with their places',
    async (...command) => {
      const { exit, stdout, stderr } = await zeekCluster(...command, 'broken.zeek')
      expect([exit, stdout]).toEqual([2, []])
      const errors = stderr.filter((line) => line.includes('error: '))
      expect(errors).toHaveLength(4)
      expect(errors[0]).toMatch(
        /^broken\.zeek:2:29: error: `Cluster::MANGER` is not a node type; did you mean `Cluster::MANAGER`\?/,
      )
      expect(errors[1]).toMatch(/^broken\.zeek:3:51: error: `127\.0\.0\.300` is not an IP address/)
      expect(errors[2]).toMatch(/^broken\.zeek:3:67: error: there is no port 99999\/tcp/)
      expect(errors[3]).toBe('zeek-cluster: error: broken.zeek: 3 errors')
    },
  )
})

describe('layout', () => {
  test('prints what it reads back as the same', async () => {
    const first = await zeekCluster('layout', LAYOUT)
    expect(first.exit).toBe(0)
    write(cwd, 'again.zeek', first.stdout.join('\n'))
    expect((await zeekCluster('layout', 'again.zeek')).stdout).toEqual(first.stdout)
    expect((await zeekCluster('layout', LAYOUT, '--zeek')).stdout).toEqual(first.stdout)
  })

  test('as JSON', async () => {
    const { exit, stdout } = await zeekCluster('layout', LAYOUT, '--json')
    expect(exit).toBe(0)
    const { nodes } = JSON.parse(stdout.join('\n')) as { nodes: Record<string, object> }
    expect(Object.keys(nodes)).toEqual(['manager', 'logger-1', 'logger-2', 'proxy-1', 'worker-1', 'worker-2'])
    expect(nodes['worker-1']).toMatchObject({
      node_type: 'Cluster::WORKER',
      p: { port: 27765, proto: 'tcp' },
    })
  })
})

describe('types', () => {
  const DEMO = join(ROOT, 'examples/typed-events')

  test('prints the module of a script, or its declarations as JSON', async () => {
    const { exit, stdout, stderr } = await run(['types', 'demo.zeek'], { cwd: DEMO })
    expect([exit, stderr]).toEqual([0, []])
    expect(`${stdout.join('\n')}\n`).toBe(readFileSync(join(DEMO, 'demo.ts'), 'utf8'))
    const json = await run(['types', 'demo.zeek', '--json'], { cwd: DEMO })
    const { types, events } = JSON.parse(json.stdout.join('\n')) as Record<'types' | 'events', object[]>
    expect(types).toMatchObject([
      { kind: 'enum', name: 'Demo::Severity', names: [{ name: 'Demo::LOW', docs: ['Good to know.'] }, {}] },
      { kind: 'record', exportName: 'Host', fields: [{}, {}, { name: 'ports', type: 'set[port]' }, {}] },
    ])
    expect(events).toMatchObject([
      { name: 'Demo::seen', parameters: [{ type: 'Demo::Host' }, { type: 'count' }] },
      { name: 'Demo::judged', handledOnly: false, docs: ['A proxy has made up its mind.'] },
    ])
  })

  test('says where a type is not known, and takes it from another script', async () => {
    write(cwd, 'uses.zeek', 'global Demo::found: event(id: conn_id);\n')
    write(cwd, 'declares.zeek', 'type conn_id: record { orig_h: addr; };\nglobal other: event();\n')
    const alone = await zeekCluster('types', 'uses.zeek')
    expect([alone.exit, alone.stdout.at(-1)]).toEqual([0, "export const found = event('Demo::found', [any])"])
    expect(alone.stderr[0]).toMatch(/^uses\.zeek:1:31: warning: the type `conn_id` is not declared here/)
    const both = await zeekCluster('types', 'uses.zeek', '--with', 'declares.zeek')
    expect([both.exit, both.stderr]).toEqual([0, []])
    expect(both.stdout[0]).toContain('`zeek-cluster types uses.zeek --with declares.zeek`')
    expect(both.stdout.at(-1)).toBe("export const found = event('Demo::found', [conn_id])")
  })

  test('an empty module with a warning when there is nothing; none when there is an error', async () => {
    const empty = await zeekCluster('types', 'empty.zeek')
    expect([empty.exit, empty.stdout.at(-1)]).toEqual([0, 'export {}'])
    expect(empty.stderr).toEqual(['empty.zeek:1:1: warning: no events, records or enums are declared here'])
    write(cwd, 'wrong.zeek', 'type A: record { x count; };\nglobal e: event();\n')
    const wrong = await zeekCluster('types', 'wrong.zeek')
    expect([wrong.exit, wrong.stdout]).toEqual([2, []])
    expect(wrong.stderr[0]).toBe('wrong.zeek:1:20: error: expected `:` behind `x`, found `count`')
    expect(wrong.stderr.at(-1)).toBe('zeek-cluster: error: wrong.zeek: 1 error')
  })

  test('a script that imports the module runs on a node', async () => {
    const { stdout } = await run(['types', 'demo.zeek'], { cwd: DEMO })
    write(cwd, 'demo.ts', stdout.join('\n'))
    write(
      cwd,
      'uses-demo.ts',
      `import { type Cluster } from 'zeek-cluster'
import { judged, Severity } from './demo.js'
export default (cluster: Cluster): void => {
  cluster.report('info', 'demo', [judged.eventName, ...Severity.values].join(' '))
}
`,
    )
    const { text } = await layoutOf('manager')
    write(cwd, 'manager.zeek', text)
    const up = await startUp(['manager.zeek', '--script', 'uses-demo.ts'], { cwd })
    await up.line(/Demo::judged Demo::LOW Demo::HIGH/)
    expect(await up.end('SIGINT')).toBe(0)
  })
})

describe.concurrent('bad usage and bad input: exit code 2 and one clear line', () => {
  test.each<readonly [args: string, message: string]>([
    ['frob', "unknown command 'frob'"],
    ['up --frob', "unknown option '--frob'"],
    ['up --detach', "unknown option '--detach'"],
    ['check one.zeek more', "unexpected argument 'more'"],
    ['layout one.zeek more', "unexpected argument 'more'"],
    ['up one.zeek more.ts', "unexpected argument 'more.ts'; scripts are given with --script"],
    ['status more', "too many arguments for 'status'. Expected 0 arguments but got 1."],
    ['subscribe', "missing required argument 'prefix'"],
    ['check missing.zeek', 'cannot read layout missing.zeek: no such file'],
    ['up missing.zeek', 'cannot read layout missing.zeek: no such file'],
    ['check folder.zeek', 'folder.zeek is a folder without HOST.zeek.conf files'],
    ['check', 'no cluster-layout.zeek on ZEEKPATH, BROPATH or in the working directory; name one'],
    ['up empty.zeek', 'empty.zeek has no nodes: nothing to start'],
    ['up one.zeek --for soon', "'soon' is not a number of seconds"],
    ['up one.zeek --dialect latin', "unknown dialect 'latin': "],
    ['up one.zeek --read missing.pcap', 'cannot read capture missing.pcap: '],
    ['up one.zeek --script missing.ts', 'cannot read script missing.ts: '],
    [
      'check one.zeek Cluster::retry_interval=often',
      "'often' is not a value for Cluster::retry_interval, which is of type interval",
    ],
    ['check one.zeek Cluster::no_such=1', 'unknown option Cluster::no_such'],
    ['node --layout one.zeek', 'which node? Give its name, or set CLUSTER_NODE'],
    ['node b --layout one.zeek', "'b' is not a node of one.zeek; it has: a"],
    ['node a missing.ts --layout one.zeek', 'a: missing.ts: '],
    ['node a --read missing.pcap --layout missing.zeek', 'cannot read layout missing.zeek: no such file'],
    ['types', "missing required argument 'file'"],
    ['types missing.zeek', 'cannot read script missing.zeek: no such file'],
    ['types empty.zeek --with folder.zeek', 'cannot read script folder.zeek: '],
    ['logs tail conn -n many', "'many' is not a number of lines"],
  ])('%s', async (args, message) => {
    const { exit, stdout, stderr } = await zeekCluster(...args.split(' '))
    expect([exit, stdout]).toEqual([2, []])
    const errors = stderr.filter((line) => line.includes('error: '))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain(`zeek-cluster: error: ${message}`)
    // Never a stack trace.
    expect(stderr.filter((line) => /^\s+at /.test(line))).toEqual([])
  })

  test('an unknown CLUSTER_NODE, and a bad environment variable', async () => {
    const ghost = await run(['node', '--layout', 'one.zeek'], { cwd, env: { CLUSTER_NODE: 'ghost' } })
    expect([ghost.exit, ghost.stderr]).toEqual([
      2,
      ["zeek-cluster: error: 'ghost' is not a node of one.zeek; it has: a"],
    ])
    const bad = await run(['check', 'one.zeek'], { cwd, env: { ZEEK_DEFAULT_CONNECT_RETRY: 'often' } })
    expect(bad.exit).toBe(2)
    expect(bad.stderr).toEqual([
      "zeek-cluster: error: environment variable ZEEK_DEFAULT_CONNECT_RETRY is not valid: 'often'",
    ])
  })
})

describe('--help', () => {
  test('lists the commands that there are, and each explains itself', async () => {
    const { exit, stdout } = await zeekCluster('--help')
    expect(exit).toBe(0)
    const commands = stdout.flatMap((line) => /^ {2}([a-z]+) /.exec(line)?.[1] ?? [])
    expect(commands).toEqual([
      'up',
      'node',
      'check',
      'layout',
      'types',
      'status',
      'down',
      'control',
      'publish',
      'subscribe',
      'store',
      'bench',
      'decode',
      'encode',
      'logs',
      'help',
    ])
    const explained = commands.slice(0, -1)
    const helps = await Promise.all(explained.map((command) => zeekCluster(command, '--help')))
    for (const [index, help] of helps.entries()) {
      const command = explained[index]!
      expect([help.exit, help.stderr], command).toEqual([0, []])
      expect(help.stdout[0], command).toMatch(new RegExp(`^Usage: zeek-cluster ${command} `))
    }
  })

  test('without a command: the same on stderr, exit code 2', async () => {
    const { exit, stdout, stderr } = await zeekCluster()
    expect([exit, stdout]).toEqual([2, []])
    expect(stderr[0]).toBe('Usage: zeek-cluster [options] [command]')
    expect((await zeekCluster('--version')).stdout[0]).toMatch(/^\d+\.\d+\.\d+$/)
  })
})
