/** Layouts that a real Zeek 9.0.0-rc1 loaded or refused (test/vectors/layouts). */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Address } from '../data/address.js'
import { DIALECTS } from '../options/dialect.js'
import { resolveOptions } from '../options/registry.js'
import {
  type Diagnostic,
  hasErrors,
  layoutToJson,
  type ParsedLayout,
  parseLayout,
  printLayout,
  type ScriptHost,
} from './index.js'

const ROOT = new URL('../../test/vectors/layouts/', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function parse(text: string | Uint8Array, host?: ScriptHost): ParsedLayout {
  const dialect = DIALECTS['zeek-9.0']
  return parseLayout(text, { file: 'cluster-layout.zeek', dialect, ...(host !== undefined && { host }) })
}

function zeekResult(name: string): {
  nodes: Record<string, Record<string, unknown>>
  manager_is_logger: string
} {
  return JSON.parse(read(`${name}/zeek.json`))
}

function places(diagnostics: readonly Diagnostic[], severity: string): string[] {
  return diagnostics
    .filter((diagnostic) => diagnostic.severity === severity)
    .map(({ code, span }) => `${span.line}:${span.column} ${code}`)
}

describe('layouts that Zeek accepts give the nodes that Zeek has', () => {
  const cases = [
    { name: 'accepted-all-fields', warnings: ['6:93 ignored-field'] },
    { name: 'accepted-computed', warnings: ['4:3 no-proxy'] },
    { name: 'accepted-duplicate-node-last-wins', warnings: ['3:3 duplicate-node'] },
    { name: 'accepted-ipv6-zone-id', warnings: ['3:3 no-proxy'] },
    { name: 'accepted-minimal', warnings: [] },
    { name: 'accepted-record-constructor-and-comments', warnings: ['6:3 no-proxy'] },
    { name: 'accepted-udp-port-and-zero-port', warnings: ['2:61 no-port', '3:3 no-proxy'] },
    { name: 'generator-defaults-manager-is-logger', warnings: [] },
    { name: 'generator-multi-host', warnings: [] },
    { name: 'generator-multi-host-no-address', warnings: [] },
    { name: 'generator-node-prefix', warnings: [] },
    { name: 'generator-single-host-interfaces-ipv6-no-metrics', warnings: [] },
    { name: 'generator-single-host-one-interface', warnings: [] },
  ]

  test('every recording is here', () => {
    const recorded = readdirSync(ROOT).filter((name) => !name.includes('.') && name !== 'accepted-odd-names')
    expect(recorded.sort()).toEqual(cases.map(({ name }) => name).sort())
  })

  test.each(cases)('$name', ({ name, warnings }) => {
    const { nodes, manager_is_logger } = zeekResult(name)
    const text = readFileSync(new URL(`${name}/cluster-layout.zeek`, ROOT))
    const { layout, diagnostics, pendingHosts } = parse(text, hostOf(nodes))
    // Run-time state in Zeek: a layout's value is ignored, with a warning.
    for (const node of Object.values(nodes)) delete node.id
    expect(layoutToJson(layout).nodes).toEqual(nodes)
    expect(pendingHosts).toEqual([])
    expect(places(diagnostics, 'error')).toEqual([])
    expect(places(diagnostics, 'warning')).toEqual(warnings)
    const { options } = resolveOptions({ dialect: DIALECTS['zeek-9.0'], redefs: layout.redefs })
    expect(options.managerIsLogger).toBe(manager_is_logger === 'T')
    if (name.startsWith('generator-')) {
      const telemetry = {
        name: 'Telemetry::metrics_port',
        type: 'port',
        value: { port: 0, proto: 'unknown' },
      }
      expect(layoutToJson(layout).redefs).toContainEqual(telemetry)
    }
    expect(layoutToJson(parse(printLayout(layout)).layout)).toEqual(layoutToJson(layout))
  })

  /** The addresses that the machine of the recording had for the hosts `left` and `right`. */
  function hostOf(nodes: Record<string, Record<string, unknown>>): ScriptHost {
    const addresses: Record<string, unknown> = {
      left: nodes['manager']?.['ip'],
      right: nodes['right-proxy-1']?.['ip'],
    }
    return {
      environment: {},
      hostName: 'host',
      searchPath: [],
      readFile: () => undefined,
      lookUp: (name) => [Address.parse(String(addresses[name]))],
    }
  }

  test('what the layout computes for the node that it is read for', () => {
    const text = read('generator-multi-host/cluster-layout.zeek')
    const dialect = DIALECTS['zeek-9.0']
    const { layout } = parseLayout(text, { file: 'a', dialect, node: 'b-worker-1' })
    expect(layoutToJson(layout).redefs).toEqual([
      { name: 'Cluster::manager_is_logger', type: 'bool', value: false },
      { name: 'Telemetry::metrics_address', type: 'string', value: '[2001:db8::b]' },
      { name: 'Telemetry::metrics_port', type: 'port', value: { port: 43000, proto: 'tcp' } },
    ])
  })

  test('accepted-odd-names', () => {
    const { layout, diagnostics } = parse(read('accepted-odd-names/cluster-layout.zeek'))
    const { raw } = JSON.parse(read('accepted-odd-names/zeek.json'))
    expect([...layout.nodes.keys()]).toEqual(['Manager.With.Dots', 'worker 1 with blanks', 'wörker/2', ''])
    for (const node of Object.values(layoutToJson(layout).nodes)) expect(raw).toContain(JSON.stringify(node))
    expect(places(diagnostics, 'error')).toEqual([])
    const warnings = ['2:3 no-port', '3:3 no-proxy', '4:68 unknown-manager', '5:3 empty-name']
    expect(places(diagnostics, 'warning')).toEqual(warnings)
  })
})

describe('layouts that Zeek rejects are rejected, each for one reason', () => {
  const lines = read('broken.jsonl').trim().split('\n')
  const cases = lines.map((line): { case: string; layout: string; loaded_directly: { exit_code: number } } =>
    JSON.parse(line),
  )
  const expected: Record<string, string[]> = {
    'unknown-node-type': ['1:46 unknown-node-type'],
    'time-machine-field': ['1:193 unknown-field'],
    'time-machine-node-type': ['1:57 unknown-node-type'],
    'interface-field': ['1:85 unknown-field'],
    'missing-ip': ['1:27 missing-field'],
    'missing-node-type': ['1:27 missing-field'],
    'ip-as-string': ['1:74 wrong-type'],
    'port-as-count': ['1:88 wrong-type'],
    'port-out-of-range': ['1:88 bad-port'],
    'bad-address': ['1:74 bad-address'],
    'ipv6-without-brackets': ['1:74 bad-address'],
    'missing-comma': ['2:74 syntax'],
    'missing-closing-brace': ['1:24 syntax'],
    'missing-semicolon': ['1:100 syntax'],
    'unquoted-name': ['1:27 wrong-type'],
    'manager-not-string': ['1:161 wrong-type'],
    'not-a-table': ['1:24 not-a-table'],
    'unknown-variable': ['1:7 unknown-variable'],
    'unterminated-string': ['1:27 unterminated-string'],
    'empty-file': [],
  }
  test('every recorded case has its expectation', () => {
    expect(cases.map((recorded) => recorded.case)).toEqual(Object.keys(expected))
  })
  test.each(cases)('$case', (recorded) => {
    const { diagnostics } = parse(recorded.layout)
    expect(places(diagnostics, 'error')).toEqual(expected[recorded.case])
    expect(hasErrors(diagnostics)).toBe(recorded.loaded_directly.exit_code !== 0)
  })
})
