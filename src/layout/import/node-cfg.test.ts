import { describe, expect, test } from 'vitest'
import { Address } from '../../data/address.js'
import { DIALECTS } from '../../options/dialect.js'
import {
  formatDiagnostic,
  type ImportedLayout,
  type NodeCfgOptions,
  parseLayout,
  printLayout,
  readNodeCfg,
} from '../index.js'

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  localhost: ['::1', '127.0.0.1'],
  mgr: ['2001:db8::1', '192.0.2.1'],
  sensor: ['2001:db8::2'],
  gone: [],
}

type Settings = Omit<NodeCfgOptions, 'dialect' | 'lookUp'>

function read(
  text: string,
  dialect: keyof typeof DIALECTS = 'zeek-9.0',
  settings: Settings = {},
): ImportedLayout {
  const lookUp = (name: string): Address[] | undefined =>
    HOSTS[name]?.map((address) => Address.parse(address))
  return readNodeCfg({ path: 'node.cfg', text }, { dialect: DIALECTS[dialect], lookUp, ...settings })
}

function problems(text: string): string[] {
  return read(text).diagnostics.map(
    ({ span, severity, code }) => `${span.line}:${span.column} ${severity} ${code}`,
  )
}

function messages(text: string): string[] {
  return read(text).diagnostics.map(({ message }) => message)
}

const MANAGER = '[manager]\ntype=manager\nhost=192.0.2.1\n'
const PROXY = '[proxy-1]\ntype=proxy\nhost=192.0.2.1\n'
/** Six lines, to which a test adds a section. */
const BASE = MANAGER + PROXY

function worker(...keys: string[]): string {
  return `${BASE}[worker]\ntype=worker\nhost=192.0.2.2\n${keys.map((key) => `${key}\n`).join('')}`
}

function interfaces(text: string, settings: Settings = {}): (string | undefined)[] {
  return [...read(text, 'reference', settings).layout.nodes.values()]
    .filter(({ nodeType }) => nodeType === 'WORKER')
    .map((node) => `${node.name} ${node.interface}`)
}

/** Its nodes stand in another order than those of the layout. */
const EXAMPLE = [
  '# Example of a cluster',
  '[worker-1]',
  'type=worker',
  'host=localhost',
  'interface=eth0',
  '',
  '[proxy-1]',
  'type=proxy',
  'host=localhost',
  '',
  '[manager]',
  'type = manager',
  'host : localhost',
  '',
  '; The loggers',
  '[logger-1]',
  'TYPE=logger',
  'Host=localhost',
].join('\n')

describe('the layout of zeekctl', () => {
  test('for Zeek 9', () => {
    const { layout, diagnostics, pendingHosts } = read(EXAMPLE)
    expect([diagnostics, pendingHosts]).toEqual([[], []])
    expect(`\n${printLayout(layout)}`).toBe(`
redef Cluster::nodes = {
    ["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=27760/tcp],
    ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp, $metrics_port=9991/tcp],
    ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=27762/tcp, $metrics_port=9992/tcp],
    ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=27763/tcp, $manager="manager", $metrics_port=9993/tcp],
    ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=27764/tcp, $manager="manager", $metrics_port=9994/tcp],
};

redef Cluster::manager_is_logger = F;
`)
  })

  test('for Zeek 9 with ZeroMQ, whose hub has the first two ports', () => {
    const { layout } = read(EXAMPLE, 'zeek-9.0', { backend: 'zeromq' })
    const ports = [...layout.nodes.values()].map(({ name, p }) => `${name} ${p?.number}`)
    expect(ports).toEqual([
      'control 27762',
      'manager 27763',
      'logger-1 27764',
      'proxy-1 27765',
      'worker-1 27766',
    ])
  })

  test('for Zeek 3', () => {
    expect(`\n${printLayout(read(EXAMPLE, 'reference').layout)}`).toBe(`
redef Cluster::nodes = {
    ["control"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=47760/tcp],
    ["logger-1"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=47761/tcp],
    ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=47762/tcp],
    ["proxy-1"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=47763/tcp, $manager="manager"],
    ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=47764/tcp, $interface="eth0", $manager="manager"],
};

redef Cluster::manager_is_logger = F;
`)
  })

  test.each(['zeek-9.0', 'reference'] as const)('is one that the dialect %s accepts', (dialect) => {
    const text = printLayout(read(EXAMPLE, dialect).layout)
    const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS[dialect] })
    expect(diagnostics).toEqual([])
  })

  test('without loggers has the manager log', () => {
    expect(printLayout(read(BASE).layout)).toContain('redef Cluster::manager_is_logger = T;')
  })

  test('begins with the ports of zeekctl.cfg', () => {
    const { layout } = read(BASE, 'zeek-9.0', { zeekPort: 2000, metricsPort: 0 })
    expect([...layout.nodes.values()].map(({ p, metricsPort }) => `${p} ${metricsPort}`)).toEqual([
      '2000/tcp undefined',
      '2001/tcp undefined',
      '2002/tcp undefined',
    ])
    expect(read(BASE, 'reference', { metricsPort: 9000 }).layout.nodes.get('manager')?.metricsPort).toBe(
      undefined,
    )
    for (const settings of [{ zeekPort: 0 }, { zeekPort: 65_536 }, { zeekPort: 1.5 }, { metricsPort: -1 }]) {
      expect(() => read(BASE, 'zeek-9.0', settings)).toThrow(RangeError)
    }
  })

  test('takes names and the order within a type from the file', () => {
    const loggers = ['b', 'a'].map((name) => `[${name}]\ntype=logger\nhost=192.0.2.1\n`).join('')
    const text = `${loggers}${BASE.replace('[manager]', '[boss]')}`
    const { layout } = read(text)
    expect([...layout.nodes.keys()]).toEqual(['control', 'boss', 'b', 'a', 'proxy-1'])
    expect(layout.nodes.get('proxy-1')?.manager).toBe('boss')
  })

  test('has the zone of an address that is not global', () => {
    const text = `${MANAGER}[proxy-1]\ntype=proxy\nhost=fe80::1%%eth0\nzone_id=lab\n`
    expect(read(text).diagnostics).toEqual([])
    expect(read(text).layout.nodes.get('proxy-1')).toMatchObject({
      ip: Address.parse('fe80::1'),
      zoneId: 'lab',
    })
  })
})

describe('workers that share a load', () => {
  test.each([
    ['lb_method=af_packet', 'interface=eth0', ['af_packet::eth0', 'af_packet::eth0']],
    ['lb_method=custom', 'interface=eth0', ['netmap::eth0/x', 'netmap::eth0/x']],
    ['lb_method=myricom', 'interface=eth0', ['eth0', 'eth0']],
    ['lb_method=pf_ring', 'interface=eth0', ['eth0', 'eth0']],
    ['lb_method=pf_ring', 'interface=zc:eth0', ['zc:eth0@0', 'zc:eth0@1']],
    ['lb_method=pf_ring', 'interface=pf_ring::zc:99', ['pf_ring::zc:99@0', 'pf_ring::zc:99@1']],
    ['lb_method=pf_ring', 'interface=dnacl:1', ['dnacl:1@0', 'dnacl:1@1']],
    // From the end of the list.
    ['lb_method=interfaces', 'lb_interfaces=eth0, eth1', ['eth1', 'eth0']],
  ])('%s with %s', (method, source, [first, second]) => {
    const text = worker('lb_procs=2', method, source)
    const settings = { customInterface: { prefix: 'netmap::', suffix: '/x' } }
    expect(read(text).diagnostics).toEqual([])
    expect(interfaces(text, settings)).toEqual([`worker-1 ${first}`, `worker-2 ${second}`])
  })

  test('one process gets a number, too', () => {
    expect(interfaces(worker('lb_procs=1', 'lb_method=custom', 'interface=eth0'))).toEqual(['worker-1 eth0'])
  })

  test('PF_RING counts the processes of an interface over all sections of the host', () => {
    const keys = 'type=worker\ninterface=zc:eth0\nlb_method=pf_ring\nlb_procs=1\n'
    const text = `${BASE}[a]\nhost=mgr\n${keys}[b]\nhost=mgr\n${keys}[c]\nhost=sensor\n${keys}`
    expect(interfaces(text)).toEqual(['a-1 zc:eth0@0', 'b-1 zc:eth0@1', 'c-1 zc:eth0@0'])
  })

  test.each([
    [['lb_procs=2'], '10:10 error bad-load-balancing'],
    [['lb_method=custom'], '10:11 error bad-load-balancing'],
    [['lb_method=custm', 'lb_procs=2'], '10:11 error bad-load-balancing'],
    [['lb_method=custom', 'lb_procs=0'], '11:10 error bad-count'],
    [['lb_method=custom', 'lb_procs=two'], '11:10 error bad-count'],
    [['lb_method=custom', 'lb_procs=10001'], '11:10 error bad-count'],
    [['lb_method=af_packet', 'lb_procs=2', 'interface=af_packet::eth1'], '12:11 error bad-interface'],
    [['lb_method=interfaces', 'lb_procs=2'], '10:11 error bad-load-balancing'],
    [['lb_method=interfaces', 'lb_procs=2', 'lb_interfaces=eth0'], '12:15 error bad-load-balancing'],
    [['lb_method=custom', 'lb_procs=2', 'lb_interfaces=a,b'], '12:15 warning ignored-key'],
    [[`lb_procs=1`, 'lb_method=custom', `interface=${'e'.repeat(256)}`], '12:11 error bad-interface'],
    [['pin_cpus=0,-1,2'], '10:12 error bad-cpu-list'],
    [['env_vars=A=1,=2,B=3'], '10:14 error bad-variable'],
    [['env_vars=A=1,B'], '10:14 error bad-variable'],
  ])('with %j are refused', (keys, problem) => {
    const hasInterface = keys.some((key) => /^interface|=interfaces/.test(key))
    const found = problems(worker(...keys, ...(hasInterface ? [] : ['interface=eth0'])))
    expect(found.filter((line) => !line.endsWith('note ignored-key'))).toEqual([problem])
  })

  test('are workers', () => {
    expect(problems(`${BASE}lb_procs=2\nlb_method=custom\n`)).toEqual(['7:10 error bad-load-balancing'])
    expect(problems(`${BASE}lb_method=custom\n`)).toEqual(['7:11 error bad-load-balancing'])
  })
})

describe('the rules of zeekctl', () => {
  test('are all checked at once', () => {
    const text = [
      'mailto = root',
      '[manager]',
      'type=manager',
      'host=127.0.0.1',
      '[manager-2]',
      'type=manager # a spare one',
      'host=localhost',
      '[logger-1]',
      'type=loger',
      'host=localhost',
      '[Worker-1]',
      'type=worker',
      '  host=localhost',
      'interface=eth0',
      '[worker]',
      'type=worker',
      'host=mgr # the machine of the manager',
      'interface=eth0',
      'lb_procs=2',
      'env_vars=PATH=100%',
      '[worker-3]',
      'type=worker',
      'host=[192.0.2.3]',
      'interfaces=eth0',
      'host=192.0.2.3',
      'broken',
      '[sensor]',
      'host=sensor',
      'type=proxy',
      '[elsewhere]',
      'type=proxy',
      'host=gone',
    ].join('\n')
    const { diagnostics } = read(text)
    expect(`\n${diagnostics.map(formatDiagnostic).join('\n')}`).toMatchInlineSnapshot(`
      "
      node.cfg:1:1: error: \`mailto\` is in no section: \`node.cfg\` has a \`[name]\` for every node, and the keys of the node below it
      mailto = root
      ^^^^^^
      node.cfg:6:6: error: there is no node type "manager # a spare one" (a comment needs a line of its own): the types are logger, manager, proxy, worker
      type=manager # a spare one
           ^^^^^^^^^^^^^^^^^^^^^
      node.cfg:9:6: error: there is no node type "loger": the types are logger, manager, proxy, worker; did you mean \`logger\`?
      type=loger
           ^^^^^
      node.cfg:11:1: error: the node has no host: add \`host = NAME\`, or an address
      [Worker-1]
      ^^^^^^^^^^
      node.cfg:13:3: error: this line has more blanks in front than \`type\` and so continues its value: give both the same
        host=localhost
        ^^^^^^^^^^^^^^
      node.cfg:17:6: error: "mgr # the machine of the manager" is neither an address nor a host name (a comment needs a line of its own)
      host=mgr # the machine of the manager
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      node.cfg:19:10: error: \`lb_procs\` needs a method too: add \`lb_method = \` and one of af_packet, pf_ring, myricom, custom, interfaces
      lb_procs=2
               ^
      node.cfg:20:10: error: zeekctl takes \`%\` for a reference to a key, as in \`%(host)s\`: write \`%%\` for a percent sign
      env_vars=PATH=100%
               ^^^^^^^^^
      node.cfg:21:1: warning: the worker has no interface, so it sees no traffic
      [worker-3]
      ^^^^^^^^^^
      node.cfg:23:6: error: an address of \`node.cfg\` has no brackets: leave them out
      host=[192.0.2.3]
           ^^^^^^^^^^^
      node.cfg:24:1: warning: \`interfaces\` is not a key of \`node.cfg\`, and zeekctl ignores it; did you mean \`interface\`?
      interfaces=eth0
      ^^^^^^^^^^
      node.cfg:25:1: error: \`host\` is given before, on line 23: remove one of the two
      host=192.0.2.3
      ^^^^
      node.cfg:26:1: error: a line is a comment, a \`[section]\` or a key with its value: \`=\` is missing
      broken
      ^^^^^^
      node.cfg:28:6: error: the manager is at 127.0.0.1, where only nodes of the same machine reach it: give it the address of its machine, or all nodes \`localhost\`
      host=sensor
           ^^^^^^
      node.cfg:32:6: error: host "gone" has no address: is the name right?
      host=gone
           ^^^^"
    `)
  })

  test.each([
    ['', '1:1 error no-nodes'],
    ['# nothing\n', '1:1 error no-nodes'],
    [PROXY, '1:1 error no-manager'],
    [MANAGER, '1:1 error no-proxy'],
    [`${BASE}[m2]\ntype=manager\nhost=192.0.2.1\n`, '8:6 error too-many-managers'],
    ['[zeek]\ntype=standalone\nhost=localhost\ninterface=eth0\n', '2:6 error standalone'],
    [`${BASE}[zeek]\ntype=standalone\nhost=192.0.2.1\n`, '8:6 error standalone'],
    [`${BASE}[a]\nhost=192.0.2.1\n`, '7:1 error missing-type'],
    [`${BASE}[a]\ntype=logger\n`, '7:1 error missing-host'],
    [`${BASE}[a]\ntype=logger\nhost=\n`, '7:1 error missing-host'],
    [`${BASE}[a]\ntype=logger\nhost=a b\n`, '9:6 error bad-host'],
    [`${BASE}[a]\ntype=logger\nhost=gone\n`, '9:6 error unknown-host'],
    [
      `${BASE}[Log]\ntype=logger\nhost=192.0.2.1\n[log]\ntype=logger\nhost=192.0.2.1\n`,
      '10:1 error duplicate-node',
    ],
    [`${BASE}[Manager]\ntype=logger\nhost=192.0.2.1\n`, '7:1 error duplicate-node'],
    [`${BASE}[control]\ntype=logger\nhost=192.0.2.1\n`, '7:1 error duplicate-node'],
    [`${BASE}[manager]\ntype=logger\nhost=192.0.2.1\n`, '7:1 error duplicate-section'],
    [`${BASE}[${'a'.repeat(256)}]\ntype=logger\nhost=192.0.2.1\n`, '7:1 error bad-name'],
    [worker(), '7:1 warning no-interface'],
    ['ZeekPort = 27760\n', '1:1 error no-section'],
  ])('%#: %j', (text, problem) => {
    expect(problems(text)).toEqual([problem])
  })

  test('a node has no name that another gets by its number', () => {
    const text = `${worker('lb_procs=2', 'lb_method=custom', 'interface=a')}[WORKER-2]\ntype=worker\nhost=192.0.2.2\ninterface=b\n`
    expect(messages(text)).toEqual([
      'node "WORKER-2" cannot be called so, because line 7 has "worker-2": small and capital letters make no difference',
    ])
  })

  test('a manager at localhost has all nodes there', () => {
    const text = (manager: string): string =>
      `[manager]\ntype=manager\nhost=${manager}\n[p]\ntype=proxy\nhost=127.0.0.1\n[l]\ntype=logger\nhost=mgr\n`
    expect(problems(text('localhost'))).toEqual(['9:6 error loopback-manager'])
    expect(problems(text('::1'))).toEqual(['9:6 error loopback-manager'])
    expect(problems(text('192.0.2.1'))).toEqual([])
  })

  test('ports end at 65535', () => {
    const { diagnostics } = read(worker('interface=a'), 'zeek-9.0', { zeekPort: 65_533 })
    expect(diagnostics.map(({ code, span }) => `${span.line} ${code}`)).toEqual(['7 bad-port'])
  })

  test('10000 nodes in all', () => {
    const two = (count: number): string =>
      `${worker('lb_procs=5000', 'lb_method=custom', 'interface=a')}[b]\ntype=worker\nhost=192.0.2.2\nlb_procs=${count}\nlb_method=custom\ninterface=a\n`
    expect(problems(two(4999))).toEqual(['1:1 error too-many-nodes'])
    expect(read(two(4998)).layout.nodes.size).toBe(10_001)
  })
})

describe('host names', () => {
  const text = `[manager]\ntype=manager\nhost=far\n[p]\ntype=proxy\nhost=away\n[l]\ntype=logger\nhost=far\n`

  test('are pending, each once, until their addresses are known', () => {
    const { layout, diagnostics, pendingHosts } = read(text)
    expect(pendingHosts).toEqual(['far', 'away'])
    expect(diagnostics).toEqual([])
    expect(layout.nodes.size).toBe(0)
  })

  test('have the address of IPv4 when there is one', () => {
    const { layout } = read(text.replaceAll('far', 'mgr').replace('away', 'sensor'))
    const addresses = [...layout.nodes.values()].map(({ name, ip }) => `${name} ${ip}`)
    expect(addresses).toEqual(['control 192.0.2.1', 'manager 192.0.2.1', 'l 192.0.2.1', 'p 2001:db8::2'])
  })
})

describe('keys', () => {
  test('that only say how a node is started are noted once', () => {
    const keys =
      'env_vars=A=1,B=2\npin_cpus=0,1\naux_scripts=a.zeek b.zeek\naf_packet.fanout_id=22\nether=x\n'
    const text = `${BASE}${keys}[b]\ntype=logger\nhost=192.0.2.1\npin_cpus=3\n`
    expect(problems(text)).toEqual([7, 8, 9, 10, 11].map((line) => `${line}:1 note ignored-key`))
    expect(messages(text)).toContain(
      '`pin_cpus` (in 2 sections) says how zeekctl starts a node: the layout does not have it',
    )
  })

  test('that are unknown are ignored with a near name, those of plugins without', () => {
    expect(messages(`${BASE}interfce=eth0\nmyplugin.key=1\naf_packet.fanout=1\n`)).toEqual([
      '`interfce` is not a key of `node.cfg`, and zeekctl ignores it; did you mean `interface`?',
      '`myplugin.key` is for a plugin of zeekctl: the layout does not have it',
      '`af_packet.fanout` is not a key of `node.cfg`, and zeekctl ignores it',
    ])
  })

  test('are read as Python does: defaults, references, blanks in front, values of several lines', () => {
    const text = [
      '\ufeff[DEFAULT]',
      'host = %(prefix)s.%(number)s',
      'prefix = 192.0.2',
      'number = 1',
      '[manager] of all',
      'type: manager',
      '[proxy-1]',
      '  type = proxy',
      '  env_vars = A=1,',
      '    # a comment',
      '',
      '    B=50%%',
      '  NUMBER = 7',
    ].join('\r\n')
    const { layout, diagnostics } = read(text)
    expect([...layout.nodes.values()].map(({ name, ip }) => `${name} ${ip}`)).toEqual([
      'control 192.0.2.1',
      'manager 192.0.2.1',
      'proxy-1 192.0.2.7',
    ])
    expect(diagnostics.map(({ span, severity, code }) => `${span.line} ${severity} ${code}`)).toEqual([
      '3 warning unknown-key',
      '4 warning unknown-key',
      '9 note ignored-key',
      '13 warning unknown-key',
    ])
  })

  test('of all sections are refused once, and what they refer to has the place of the reference', () => {
    expect(problems(`[DEFAULT]\npin_cpus=two\n${BASE}`)).toEqual([
      '2:1 note ignored-key',
      '2:10 error bad-cpu-list',
    ])
    expect(problems(`${BASE}pin_cpus=%(host)s,1,-2\n`)).toEqual([
      '7:1 note ignored-key',
      '7:10 error bad-cpu-list',
    ])
  })

  test('with more blanks in front than the one before are its value', () => {
    const text = '[manager]\ntype=manager\n  host=192.0.2.1\n  [proxy-1]\n'
    expect(read(text).diagnostics.map(formatDiagnostic)).toEqual([
      'node.cfg:1:1: error: the node has no host: add `host = NAME`, or an address\n[manager]\n^^^^^^^^^',
      'node.cfg:3:3: error: this line has more blanks in front than `type` and so continues its value: give both the same\n  host=192.0.2.1\n  ^^^^^^^^^^^^^^',
    ])
  })

  test.each([
    ['%(nothing)s', 'is the value of a key that the section does not have'],
    ['%(host)s', 'keys refer to each other without end'],
    ['50%', 'write `%%` for a percent sign'],
    ['%(host', 'write `%%` for a percent sign'],
    [`%(zone_id)s${'%(zone_id)s'.repeat(100)}`, 'longer than 8192 letters'],
  ])('cannot refer to %.20s', (value, message) => {
    const text = `${BASE}[a]\ntype=logger\nzone_id=${'z'.repeat(100)}\nhost=${value}\n`
    expect(messages(text)).toEqual([expect.stringContaining(message)])
  })
})
