/** Layouts that a real Zeek 9.0.0-rc1 loaded or refused (test/vectors/layouts). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import {
  type Diagnostic,
  hasErrors,
  layoutToJson,
  type ParsedLayout,
  parseLayout,
  printLayout,
} from './index.js'

const ROOT = new URL('../../test/vectors/layouts/', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function parse(text: string | Uint8Array): ParsedLayout {
  return parseLayout(text, { file: 'cluster-layout.zeek', dialect: DIALECTS['zeek-9.0'] })
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

describe('layouts in supported syntax give the nodes that Zeek has', () => {
  // The errors are ports that Zeek accepts here and cannot connect to later.
  const cases = [
    { name: 'accepted-all-fields', errors: [], warnings: ['6:93 ignored-field'] },
    { name: 'accepted-duplicate-node-last-wins', errors: [], warnings: ['3:3 duplicate-node'] },
    { name: 'accepted-ipv6-zone-id', errors: [], warnings: ['3:3 no-proxy'] },
    { name: 'accepted-minimal', errors: [], warnings: [] },
    { name: 'accepted-record-constructor-and-comments', errors: [], warnings: ['6:3 no-proxy'] },
    { name: 'accepted-udp-port-and-zero-port', errors: ['2:61 no-port'], warnings: ['3:3 no-proxy'] },
  ]
  test.each(cases)('$name', ({ name, errors, warnings }) => {
    const { layout, diagnostics } = parse(readFileSync(new URL(`${name}/cluster-layout.zeek`, ROOT)))
    const { nodes } = zeekResult(name)
    // Run-time state in Zeek: a layout's value is ignored, with a warning.
    for (const node of Object.values(nodes)) delete node.id
    expect(layoutToJson(layout).nodes).toEqual(nodes)
    expect(places(diagnostics, 'error')).toEqual(errors)
    expect(places(diagnostics, 'warning')).toEqual(warnings)
    expect(parse(printLayout(layout)).layout.nodes.size).toBe(Object.keys(nodes).length)
  })

  test('accepted-odd-names', () => {
    const { layout, diagnostics } = parse(read('accepted-odd-names/cluster-layout.zeek'))
    const { raw } = JSON.parse(read('accepted-odd-names/zeek.json'))
    expect([...layout.nodes.keys()]).toEqual(['Manager.With.Dots', 'worker 1 with blanks', 'wörker/2', ''])
    for (const node of Object.values(layoutToJson(layout).nodes)) expect(raw).toContain(JSON.stringify(node))
    expect(places(diagnostics, 'error')).toEqual(['2:3 no-port'])
    expect(places(diagnostics, 'warning')).toEqual(['3:3 no-proxy', '4:68 unknown-manager', '5:3 empty-name'])
  })
})

describe('layouts that need more syntax name it and nothing else', () => {
  const tail = (line: number): string[] => [`${line}:1`, `${line + 1}:1`, `${line + 13}:33`]
  const cases = [
    { name: 'accepted-computed', errors: ['1:1', '3:50', '3:75', '4:64', '6:1'], complete: false },
    { name: 'generator-defaults-manager-is-logger', errors: tail(14), complete: true },
    { name: 'generator-node-prefix', errors: tail(16), complete: true },
    { name: 'generator-single-host-interfaces-ipv6-no-metrics', errors: tail(22), complete: true },
    { name: 'generator-single-host-one-interface', errors: tail(16), complete: true },
    {
      name: 'generator-multi-host',
      errors: [
        ...['3:1', '5:1', '9:1', '11:7'],
        ...['18:53', '19:57', '20:55', '21:55', '22:58', '23:58', '24:60', '25:55', '26:55'],
        ...tail(34),
      ],
      complete: false,
    },
    {
      name: 'generator-multi-host-no-address',
      errors: ['3:1', '5:1', '9:1', '11:7', '17:53', '18:58', '19:57', '20:59', ...tail(28)],
      complete: false,
    },
  ]
  test.each(cases)('$name', ({ name, errors, complete }) => {
    const { layout, diagnostics } = parse(read(`${name}/cluster-layout.zeek`))
    expect(places(diagnostics, 'error')).toEqual(errors.map((place) => `${place} unsupported-syntax`))
    expect(places(diagnostics, 'warning')).toEqual([])
    if (complete) {
      const { nodes, manager_is_logger } = zeekResult(name)
      expect(layoutToJson(layout).nodes).toEqual(nodes)
      const redef = { name: 'Cluster::manager_is_logger', type: 'bool', value: manager_is_logger === 'T' }
      expect(layoutToJson(layout).redefs).toEqual([redef])
    }
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
