import { describe, expect, test } from 'vitest'
import { Address } from '../../data/address.js'
import { DIALECTS } from '../../options/dialect.js'
import { formatDiagnostic, hasErrors, type ImportedLayout, layoutToJson, readZeekConf } from '../index.js'

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  mgr: ['192.0.2.1'],
  'sensor-a': ['2001:db8::a', '192.0.2.11'],
  gone: [],
}

function lookUp(name: string): readonly Address[] | undefined {
  return HOSTS[name]?.map((address) => Address.parse(address))
}

function read(
  files: string | Readonly<Record<string, string>>,
  dialect: keyof typeof DIALECTS = 'zeek-9.0',
): ImportedLayout {
  const all = typeof files === 'string' ? { 'zeek.conf': files } : files
  const list = Object.entries(all).map(([path, text]) => ({ path, text }))
  return readZeekConf(list, { dialect: DIALECTS[dialect], lookUp })
}

function problems(files: string | Readonly<Record<string, string>>): string[] {
  return read(files).diagnostics.map(
    ({ span, severity, code }) => `${span.file}:${span.line}:${span.column} ${severity} ${code}`,
  )
}

function messages(files: string | Readonly<Record<string, string>>): string[] {
  return read(files).diagnostics.map(({ message }) => message)
}

const WHOLE = 'manager = 1\nproxies = 1\n'

test('all problems of all files come at once, in the order of the files', () => {
  const { diagnostics, layout } = read({
    'mgr.zeek.conf': 'manager = yes\nloggers = 2 # two of them\nport = \nmetrics_port = 99999\n  [zeek]\n',
    'sensor-a.zeek.conf': `[zeek]\naddress = 2001:db8::1\ncluster_node_prefix = 1st\nworkers = 2\n[interface eth0]\ninterface = eth\${worker_index1}\nworkers = 1\nloggers = 1\n[interfaces]\nworkers = 1\n[zeke]\n`,
  })
  expect(`\n${diagnostics.map(formatDiagnostic).join('\n')}`).toMatchInlineSnapshot(`
    "
    mgr.zeek.conf:1:11: error: \`manager\` is 0 or 1, not "yes"
    manager = yes
              ^^^
    mgr.zeek.conf:2:11: error: \`loggers\` is a whole number from 0 to 10000, not "2 # two of them" (a comment needs a line of its own)
    loggers = 2 # two of them
              ^^^^^^^^^^^^^^^
    mgr.zeek.conf:3:1: error: \`port\` is a number from 1 to 65535, not empty
    port = 
    ^^^^
    mgr.zeek.conf:4:16: error: \`metrics_port\` is a number from 0 to 65535, not "99999"; 0 is no metrics
    metrics_port = 99999
                   ^^^^^
    mgr.zeek.conf:5:3: error: this line is indented and so continues \`metrics_port\`, which has one value: remove the blanks in front
      [zeek]
      ^^^^^^
    sensor-a.zeek.conf:2:11: error: \`address\` is an IPv4 address, or an IPv6 address in brackets, not "2001:db8::1": write \`[2001:db8::1]\`
    address = 2001:db8::1
              ^^^^^^^^^^^
    sensor-a.zeek.conf:3:23: error: \`cluster_node_prefix\` has small letters, digits, \`-\` and \`_\` and begins with a letter, not "1st"
    cluster_node_prefix = 1st
                          ^^^
    sensor-a.zeek.conf:4:1: error: \`workers\` is not a key of \`[zeek]\`: it belongs into \`[interface NAME]\`
    workers = 2
    ^^^^^^^
    sensor-a.zeek.conf:6:13: error: there is no variable \`worker_index1\`: they are worker_index, worker_index0, host_worker_index, host_worker_index0, worker_cpu, interface_section_name; did you mean \`worker_index\`?
    interface = eth\${worker_index1}
                ^^^^^^^^^^^^^^^^^^^
    sensor-a.zeek.conf:8:1: error: \`loggers\` is not a key of \`[interface eth0]\`: it belongs into \`[zeek]\`
    loggers = 1
    ^^^^^^^
    sensor-a.zeek.conf:9:1: error: an interface section is \`[interface NAME]\`, and the name has small letters, digits, \`-\` and \`_\`, 255 at most: it becomes part of the workers' names
    [interfaces]
    ^^^^^^^^^^^^
    sensor-a.zeek.conf:10:1: error: there are workers and no interface: add \`interface = NAME\`
    workers = 1
    ^^^^^^^
    sensor-a.zeek.conf:11:1: warning: section \`[zeke]\` is ignored: the sections are \`[zeek]\` and \`[interface NAME]\`; did you mean \`zeek\`?
    [zeke]
    ^^^^^^"
  `)
  expect([...layout.nodes.keys()]).toEqual(['sensor-a-worker-eth0-1'])
})

describe('keys', () => {
  test('of other programs are known', () => {
    const keys = [
      ...['args', 'user', 'group', 'base_dir', 'path', 'ext_path', 'ext_zeek_path', 'cluster_backend_args'],
      ...['archiver', 'archiver_args', 'archiver_nice', 'manager_memory_max', 'logger_cpu_set', 'proxy_env'],
      ...['restart_interval_sec', 'worker_args', 'worker_nice', 'worker_memory_max', 'worker_numa_policy'],
    ]
    expect(problems(WHOLE + keys.map((key) => `${key} = x\n`).join(''))).toEqual([])
  })

  test('that are unknown are ignored, as Zeek does, with a near name', () => {
    expect(messages(`${WHOLE}logers = 1\n`)).toEqual([
      '`logers` is not a key of `zeek.conf`, and Zeek ignores it without a word; did you mean `loggers`?',
    ])
  })

  test('in a section must belong there', () => {
    const text = `[zeek]\n${WHOLE}workers = 1\nlogers = 1\n[interface a]\ninterface = a\nworkers = 1\nproxies = 1\n`
    expect(messages(text)).toEqual([
      '`workers` is not a key of `[zeek]`: it belongs into `[interface NAME]`',
      '`logers` is not a key of `[zeek]`; did you mean `loggers`?',
      '`proxies` is not a key of `[interface a]`: it belongs into `[zeek]`',
    ])
    expect(hasErrors(read(text).diagnostics)).toBe(true)
  })

  test('may have capital letters, but for the first', () => {
    expect(problems('mAnager = 1\nproxies = 1\n')).toEqual([])
    expect(problems('Manager = 1\nproxies = 1\n')).toEqual(['zeek.conf:1:1 error syntax'])
  })

  test('have several lines only where they are lists', () => {
    const text = `${WHOLE}env =\n  A=1\n\n  B=2\nargs = local\n\textra\nloggers = 1\n  2\n`
    expect(problems(text)).toEqual(['zeek.conf:10:3 error continuation'])
  })

  test('are given once', () => {
    expect(problems(`${WHOLE}manager = 1\n`)).toEqual(['zeek.conf:3:1 error duplicate-key'])
  })

  test('have two names for port and address', () => {
    const { layout, diagnostics } = read(`${WHOLE}cluster_port = 4000\ncluster_address = [2001:db8::1]\n`)
    expect(diagnostics).toEqual([])
    expect(layoutToJson(layout).nodes['manager']).toMatchObject({ ip: '2001:db8::1', p: { port: 4000 } })
  })

  test('that name a finished layout are pointed out', () => {
    expect(problems(`${WHOLE}cluster_layout = /etc/layout.zeek\n`)).toEqual([
      'zeek.conf:3:1 warning other-layout',
    ])
  })
})

describe('sections', () => {
  test('and keys outside of them do not mix', () => {
    expect(problems(`${WHOLE}[interface a]\ninterface = a\nworkers = 1\n`)).toEqual([
      'zeek.conf:1:1 error no-section',
    ])
  })

  test('are given once, are not empty and have a name of small letters', () => {
    expect(problems('[zeek]\n[zeek]\n')).toEqual(['zeek.conf:2:1 error duplicate-section'])
    expect(problems('[interface a]\n')).toEqual(['zeek.conf:1:1 error empty-section'])
    expect(problems('[interface A]\ninterface = a\nworkers = 1\n')).toEqual([
      'zeek.conf:1:1 error bad-section',
    ])
    expect(problems('[zeek] # all of it\n')).toEqual(['zeek.conf:1:1 error syntax'])
  })

  test.each([
    ['interface = eth0', '1:1 error no-workers'],
    ['workers = 0', '1:1 error no-interface'],
    ['[interface a]\nworkers = 1', '2:1 error no-interface'],
    ['[interface a]\ninterface = a', '2:1 error no-workers'],
    ['[interface a]\ninterface =\nworkers = 1', '2:1 error no-interface'],
  ])('%j lacks something', (text, problem) => {
    expect(problems(text)).toEqual([`zeek.conf:${problem}`])
  })

  test('an interface may be empty where there is only one', () => {
    const { layout, diagnostics } = read(`${WHOLE}interface =\nworkers = 1\n`, 'reference')
    expect(diagnostics).toEqual([])
    expect(layout.nodes.get('worker-1')).toMatchObject({ interface: undefined })
  })
})

describe('interfaces of workers', () => {
  const text = [
    `[zeek]\nmanager = 1\nproxies = 1\n[interface one]\ninterface = netmap::eth1}\${host_worker_index0}\nworkers = 2\n`,
    `[interface two]\ninterface = \${interface_section_name}-\${worker_index}-\${worker_index0}-\${host_worker_index}@\${worker_cpu}\n`,
    `workers = 3\nworkers_cpu_list = 4-8:2,1\n[interface three]\ninterface = \\\${x}\nworkers = 1\n`,
  ].join('')

  test('get the values of each worker in the place of variables', () => {
    const { layout, diagnostics } = read(text, 'reference')
    expect(diagnostics).toEqual([])
    const workers = [...layout.nodes.values()].filter(({ nodeType }) => nodeType === 'WORKER')
    expect(workers.map((node) => `${node.name} ${node.interface}`)).toEqual([
      'worker-one-1 netmap::eth1}0',
      'worker-one-2 netmap::eth1}1',
      // Processors are counted over all workers of the host: 4, 6, 8, 1, and again 4.
      'worker-two-1 two-1-0-3@8',
      'worker-two-2 two-2-1-4@1',
      'worker-two-3 two-3-2-5@4',
      `worker-three-1 \${x}`,
    ])
  })

  test('are left out where the dialect has no field for them', () => {
    expect([...read(text).layout.nodes.values()].map((node) => node.interface)).toEqual(
      Array(8).fill(undefined),
    )
  })

  test.each([
    [`eth\${worker`, `a \`\${\` has no \`}\` behind it; \`\\\${\` is one that means itself`],
    [`eth\${worker_cpu}`, `\`\${worker_cpu}\` has no value without \`workers_cpu_list\``],
    [
      `eth\${interface_section_name}`,
      `\`\${interface_section_name}\` has no value outside of \`[interface NAME]\` sections`,
    ],
    [
      `eth\${worker_indx}`,
      'there is no variable `worker_indx`: they are worker_index, worker_index0, host_worker_index, host_worker_index0, worker_cpu, interface_section_name; did you mean `worker_index`?',
    ],
    ['e'.repeat(256), 'an interface has 255 letters at most, not 256'],
  ])('%s is refused', (value, message) => {
    expect(messages(`${WHOLE}interface = ${value}\nworkers = 1\n`)).toEqual([message])
  })

  test.each(['a', '1,', '3-1', '1-2-3', '1-9:0', '-1', '1:2', `1${',1'.repeat(4096)}`])(
    'a list of processors is not %.20s',
    (list) => {
      const text = `${WHOLE}interface = a\nworkers = 1\nworkers_cpu_list = ${list}\n`
      expect(problems(text)).toEqual(['zeek.conf:5:20 error bad-cpu-list'])
    },
  )
})

describe('several hosts', () => {
  const files = {
    'etc/sensor-a.zeek.conf': 'interface = a\nworkers = 1\n',
    'etc/mgr.zeek.conf': WHOLE,
  }

  test('have the first address of their names, and their names in those of the nodes', () => {
    const { layout, diagnostics, pendingHosts } = read(files)
    expect([diagnostics, pendingHosts]).toEqual([[], []])
    const nodes = [...layout.nodes.values()].map(
      ({ name, ip, p, metricsPort }) => `${name} ${ip} ${p} ${metricsPort}`,
    )
    expect(nodes).toEqual([
      'manager 192.0.2.1 27760/tcp 9991/tcp',
      'mgr-proxy-1 192.0.2.1 27761/tcp 9992/tcp',
      'sensor-a-worker-1 2001:db8::a undefined 9991/tcp',
    ])
  })

  test('are pending until their addresses are known; then nothing is said to be missing', () => {
    const { layout, diagnostics, pendingHosts } = read({
      'b.zeek.conf': WHOLE,
      'c.zeek.conf': 'address = 192.0.2.2\ninterface = a\nworkers = 1\n',
      'a.zeek.conf': '',
    })
    expect(pendingHosts).toEqual(['a', 'b'])
    expect([...layout.nodes.keys()]).toEqual(['c-worker-1'])
    expect(diagnostics).toEqual([])
  })

  test('must have an address', () => {
    expect(messages({ 'gone.zeek.conf': WHOLE })).toEqual(['host "gone" has no address: is the name right?'])
    expect(messages({ '???.zeek.conf': WHOLE })).toEqual(['"???" is neither an address nor a host name'])
  })

  test('have one manager', () => {
    const { diagnostics } = read({ ...files, 'etc/sensor-a.zeek.conf': WHOLE })
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      'etc/sensor-a.zeek.conf:1:1: error: a cluster has one manager, and etc/mgr.zeek.conf has it on line 1: write `manager = 0`\nmanager = 1\n^^^^^^^',
    ])
  })

  test('are files of hosts: others are ignored', () => {
    const { layout, diagnostics } = read({ ...files, 'etc/zeek.conf': 'loggers = 1\n' })
    expect(diagnostics.map(({ code, span }) => `${code} ${span.file}`)).toEqual(['file-name etc/zeek.conf'])
    expect([...layout.nodes.keys()]).toEqual(['manager', 'mgr-proxy-1', 'sensor-a-worker-1'])
  })

  test('with the same prefix have the same names; with the same address the same ports', () => {
    const same = 'address = 192.0.2.1\ncluster_node_prefix =\nloggers = 1\n'
    expect(problems({ 'a.zeek.conf': `${WHOLE}${same}`, 'b.zeek.conf': same })).toEqual([
      'b.zeek.conf:3:1 warning duplicate-node',
      'b.zeek.conf:3:1 warning address-in-use',
    ])
  })

  test('may be none, which is a mistake of the caller', () => {
    expect(() => read({})).toThrow(RangeError)
  })
})

describe('what Zeek accepts and is a mistake all the same', () => {
  test('no manager', () => {
    const { layout, diagnostics } = read('proxies = 1\n')
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['warning no-manager'])
    // The generator names a manager all the same, and does not say who logs.
    expect(layout.nodes.get('proxy-1')?.manager).toBe('manager')
    expect(layout.redefs).toEqual([])
  })

  test('nothing is concluded from a file with errors', () => {
    expect(problems('managr\ninterface = a\nworkers = 1\n')).toEqual(['zeek.conf:1:1 error syntax'])
  })
})

describe('limits', () => {
  test('ports end at 65535', () => {
    expect(problems(`${WHOLE}port = 65535\n`)).toEqual(['zeek.conf:2:1 error bad-port'])
    expect(problems(`${WHOLE}metrics_port = 65535\nloggers = 7\n`)).toEqual(['zeek.conf:4:1 error bad-port'])
    expect(problems(`${WHOLE}port = 65534\nmetrics_port = 65534\n`)).toEqual([])
  })

  test('10000 nodes, in one count or together', () => {
    const workers = `${WHOLE}interface = a\nworkers = `
    expect(problems(`${workers}10001\n`)).toEqual(['zeek.conf:4:11 error bad-count'])
    expect(problems(`${workers}9999\n`)).toEqual(['zeek.conf:1:1 error too-many-nodes'])
    expect(read(`${workers}9998\n`).layout.nodes.size).toBe(10_000)
  })
})
