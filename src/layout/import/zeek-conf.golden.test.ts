/** What Zeek's own generator of layouts makes of `zeek.conf` files (test/vectors/layouts). */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Address } from '../../data/address.js'
import { DIALECTS } from '../../options/dialect.js'
import { hasErrors, type ImportedLayout, layoutToJson, printLayout, readZeekConf } from '../index.js'

const ROOT = new URL('../../../test/vectors/layouts/', import.meta.url)

interface ZeekResult {
  readonly nodes: Readonly<Record<string, { readonly ip: string }>>
  readonly manager_is_logger: string
}

function text(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function read(
  files: readonly { path: string; text: string }[],
  lookUp: (name: string) => readonly Address[] | undefined = () => undefined,
): ImportedLayout {
  return readZeekConf(files, { dialect: DIALECTS['zeek-9.0'], lookUp })
}

function inputOf(name: string): { path: string; text: string }[] {
  const files = readdirSync(new URL(`${name}/input/`, ROOT))
  // The reader is to put them in order.
  return files.reverse().map((file) => ({ path: `/etc/zeek/${file}`, text: text(`${name}/input/${file}`) }))
}

/** The lines of entries, which a generated layout has in the form in which ours are printed. */
function entryLines(layout: string): string[] {
  return layout.split('\n').filter((line) => line.startsWith('    ["'))
}

function nodeNames(layout: string): (string | undefined)[] {
  return entryLines(layout).map((line) => /"([^"]*)"/.exec(line)?.[1])
}

const FOLDERS = readdirSync(ROOT).filter((name) => name.startsWith('generator-') && !name.includes('.'))

describe('the layout of the generator', () => {
  test('is recorded for these inputs', () => {
    expect(FOLDERS).toEqual([
      'generator-defaults-manager-is-logger',
      'generator-multi-host',
      'generator-multi-host-no-address',
      'generator-node-prefix',
      'generator-single-host-interfaces-ipv6-no-metrics',
      'generator-single-host-one-interface',
    ])
  })

  test.each(FOLDERS)('%s', (name) => {
    const zeek = JSON.parse(text(`${name}/zeek.json`)) as ZeekResult
    const addresses: Record<string, string | undefined> = {
      left: zeek.nodes.manager?.ip,
      right: zeek.nodes['right-proxy-1']?.ip,
    }
    const { layout, diagnostics, pendingHosts } = read(inputOf(name), (host) => [
      Address.parse(addresses[host] ?? 'no such host'),
    ])
    const json = layoutToJson(layout)
    expect(json.nodes).toEqual(zeek.nodes)
    const value = zeek.manager_is_logger === 'T'
    expect(json.redefs).toEqual([{ name: 'Cluster::manager_is_logger', type: 'bool', value }])
    const generated = text(`${name}/cluster-layout.zeek`)
    expect([...layout.nodes.keys()]).toEqual(nodeNames(generated))
    if (!name.includes('multi-host')) expect(entryLines(printLayout(layout))).toEqual(entryLines(generated))
    expect(diagnostics).toEqual([])
    expect(pendingHosts).toEqual([])
  })
})

describe('the layout of a command line is that of a file with the same in it', () => {
  const recorded = JSON.parse(text('generator-command-line.json')) as { args: string[]; stdout: string }[]
  const sections = '[interface eth0]\ninterface=eth0\nworkers=2\n[interface eth1]\ninterface=eth1\nworkers=1'
  const files: readonly string[] = [
    'loggers=1\nproxies=1\ninterface=x\nworkers=2\nmanager=1\naddress=127.0.0.1\nport=42900\nmetrics_port=42950',
    `[zeek]\nloggers=2\nproxies=1\nmanager=1\nport=42900\nmetrics_port=0\ncluster_node_prefix=pre\n${sections}`,
    'loggers=0\nproxies=0\ninterface=x\nworkers=1\nmanager=1',
    'loggers=1\nproxies=1\ninterface=x\nworkers=1\nmanager=1',
  ]

  test.each(recorded.map(({ args, stdout }, index) => ({ args: args.join(' '), stdout, index })))(
    'zeek-cluster-layout-generator $args',
    ({ stdout, index }) => {
      const { layout, diagnostics } = read([{ path: 'zeek.conf', text: files[index]! }])
      expect(hasErrors(diagnostics)).toBe(false)
      expect(entryLines(stdout).length).toBeGreaterThan(1)
      expect(entryLines(printLayout(layout))).toEqual(entryLines(stdout))
      const redef = `redef Cluster::manager_is_logger = ${stdout.includes('logger = T') ? 'T' : 'F'};`
      expect(stdout).toContain(redef)
      expect(printLayout(layout)).toContain(redef)
    },
  )
})

describe('odd inputs', () => {
  interface OddInput {
    readonly case: string
    readonly 'zeek.conf'?: string
    readonly exit_code: number
    readonly stdout: string
  }
  const cases = (JSON.parse(text('generator-odd-inputs.json')) as OddInput[]).filter(
    (odd): odd is Required<OddInput> => odd['zeek.conf'] !== undefined,
  )
  /** The generator writes a port of this one that Zeek then refuses. */
  const REFUSED_BY_ZEEK = 'port out of range'
  const expected: Record<string, string[]> = {
    'workers not a number': [
      'z.conf:3:11 error bad-count: `workers` is a whole number from 0 to 10000, not "many"',
    ],
    'negative loggers': [
      'z.conf:3:11 error bad-count: `loggers` is a whole number from 0 to 10000, not "-1"',
    ],
    'unknown key': [
      'z.conf:1:1 warning no-proxy: the cluster has workers and no proxy: what they publish to the proxies reaches nobody',
      'z.conf:4:1 warning unknown-key: `nonsense` is not a key of `zeek.conf`, and Zeek ignores it without a word',
    ],
    'no equals sign': [
      'z.conf:1:1 error syntax: a line is a comment, a `[section]` or a key with its value: `=` is missing, as in `interface = eth0`',
    ],
    'workers without interface': [
      'z.conf:2:1 error no-interface: there are workers and no interface: add `interface = NAME`',
    ],
    'empty file': [
      'z.conf:1:1 warning no-nodes: no nodes are asked for: set `manager = 1`, and `loggers`, `proxies` and `workers`',
    ],
    'port out of range': ['z.conf:4:8 error bad-port: `port` is a number from 1 to 65535, not "70000"'],
    'bad section': [
      "z.conf:1:1 error bad-section: an interface section is `[interface NAME]`, and the name has small letters, digits, `-` and `_`, 255 at most: it becomes part of the workers' names",
      'z.conf:2:1 error no-interface: there are workers and no interface: add `interface = NAME`',
    ],
    'bad address': [
      'z.conf:4:11 error bad-address: `address` is an IPv4 address, or an IPv6 address in brackets, not "not-an-ip"',
    ],
  }

  test('every recorded case has its expectation', () => {
    expect(cases.map((odd) => odd.case)).toEqual(Object.keys(expected))
  })

  test.each(cases)('$case', (odd) => {
    const { layout, diagnostics } = read([{ path: 'z.conf', text: odd['zeek.conf'] }])
    const lines = diagnostics.map(
      ({ span, severity, code, message }) =>
        `${span.file}:${span.line}:${span.column} ${severity} ${code}: ${message}`,
    )
    expect(lines).toEqual(expected[odd.case])
    const isRefused = odd.exit_code !== 0 || odd.case === REFUSED_BY_ZEEK
    expect(hasErrors(diagnostics)).toBe(isRefused)
    if (isRefused) return
    expect(entryLines(printLayout(layout))).toEqual(entryLines(odd.stdout))
    expect(printLayout(layout).includes('manager_is_logger')).toBe(odd.stdout.includes('manager_is_logger'))
  })
})
