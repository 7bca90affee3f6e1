import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Address, Port } from '../data/address.js'
import { DIALECTS } from '../options/dialect.js'
import type { Redef, RedefValue } from '../options/registry.js'
import { type Layout, type LayoutNode, layoutToJson, NODE_TYPES, parseLayout, printLayout } from './index.js'

/** Any text that is UTF-8: lone surrogates are not. */
const text = fc.string({ unit: 'binary', maxLength: 12 })
const word = fc.integer({ min: 0, max: 0xffffffff })
const address = fc.oneof(
  word.map((value) => Address.fromIPv4(value)),
  fc.tuple(word, word, word, word).map((words) => new Address(...words)),
  fc.constantFrom('::1', 'fe80::1', '2001:db8::b', '::', '::1.2.3.4').map((value) => Address.parse(value)),
)
const port = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 65535 }), fc.constantFrom('tcp' as const, 'udp' as const)),
  fc.tuple(fc.integer({ min: 1, max: 255 }), fc.constantFrom('icmp' as const, 'unknown' as const)),
)
const somePort = port.map(([number, protocol]) => new Port(number, protocol))
const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })

const node: fc.Arbitrary<LayoutNode> = fc.record({
  name: text,
  nodeType: fc.constantFrom(...NODE_TYPES),
  ip: address,
  zoneId: fc.oneof(fc.constant(''), text),
  p: optional(somePort),
  interface: optional(text),
  manager: optional(text),
  timeMachine: optional(text),
  lbFilter: optional(text),
  metricsPort: optional(somePort),
  span: fc.constant(undefined),
})
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const value: fc.Arbitrary<RedefValue> = fc.oneof(
  fc.boolean().map((value) => ({ type: 'bool', value }) as const),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type: 'count', value }) as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: 'int', value }) as const),
  finite.map((value) => ({ type: 'double', value }) as const),
  finite.map((value) => ({ type: 'interval', value }) as const),
  text.map((value) => ({ type: 'string', value }) as const),
  address.map((value) => ({ type: 'addr', value }) as const),
  somePort.map((value) => ({ type: 'port', value }) as const),
  fc.constantFrom('Log::WRITER_ASCII', 'Broker::MEMORY').map((value) => ({ type: 'enum', value }) as const),
)
const redef: fc.Arbitrary<Redef> = fc.record({
  name: fc.constantFrom('Some::option', 'Other::x_1', 'global_x'),
  value,
})
const layouts: fc.Arbitrary<Layout> = fc.record({
  nodes: fc.array(node, { maxLength: 8 }).map((nodes) => new Map(nodes.map((each) => [each.name, each]))),
  redefs: fc.array(redef, { maxLength: 5 }),
})

/** A layout for comparison: addresses remember their text, and spans are not part of the meaning. */
function plain(layout: Layout): unknown {
  const nodes = [...layout.nodes.values()].map((each) => ({
    ...each,
    ip: each.ip.toString(),
    p: each.p?.toString(),
    metricsPort: each.metricsPort?.toString(),
    span: undefined,
  }))
  const redefs = layout.redefs.map(({ name, value }) => ({
    name,
    type: value.type,
    value: plainValue(value),
  }))
  return { nodes, redefs }
}

function plainValue(value: RedefValue): unknown {
  return value.type === 'addr' || value.type === 'port' ? value.value.toString() : value.value
}

/** Only what JSON can carry: no classes, no bigint, no undefined. */
function expectPlain(value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    expect(['string', 'number', 'boolean']).toContain(typeof value)
    return
  }
  if (!Array.isArray(value)) expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  for (const inner of Object.values(value)) expectPlain(inner)
}

describe('printLayout', () => {
  test('parses back to an equal layout', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const parsed = parseLayout(printLayout(layout), { file: 'printed', dialect: DIALECTS.reference })
        const accepted = new Set(['no-port'])
        const errors = parsed.diagnostics.filter(
          ({ severity, code }) => severity === 'error' && !accepted.has(code),
        )
        expect(errors).toEqual([])
        expect(plain(parsed.layout)).toEqual(plain(layout))
        expect(printLayout(parsed.layout)).toBe(printLayout(layout))
      }),
      { numRuns: 300 },
    )
  })

  test('normalises', () => {
    const source = `
      redef Cluster::retry_interval=1.5hrs; # longer
      redef Cluster::nodes += { ["w\\xc3\\xb6\\n\\"1"]=Cluster::Node($ip=[FE80:0::1], $zone_id="eth0",
        $lb_filter="tcp", $interface="eth0", $node_type=Cluster::WORKER, $metrics_port=09991/tcp), };`
    const { layout } = parseLayout(source, { file: 'x', dialect: DIALECTS.reference })
    expect(printLayout(layout)).toBe(
      [
        'redef Cluster::nodes = {',
        '    ["wö\\n\\"1"] = [$node_type=Cluster::WORKER, $ip=[fe80::1], $zone_id="eth0", $interface="eth0", $lb_filter="tcp", $metrics_port=9991/tcp],',
        '};',
        '',
        'redef Cluster::retry_interval = 5400 secs;',
        '',
      ].join('\n'),
    )
  })

  test('an empty layout is an empty text', () => {
    expect(printLayout({ nodes: new Map(), redefs: [] })).toBe('')
  })
})

describe('layoutToJson', () => {
  test('is plain data that JSON can carry', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const json = layoutToJson(layout)
        expectPlain(json)
        expect(Object.keys(json.nodes).sort()).toEqual([...layout.nodes.keys()].sort())
      }),
    )
  })

  test('every type of value', () => {
    const source = [
      ['T', 'bool', true],
      ['5', 'count', 5],
      ['0x1F', 'count', 31],
      ['18446744073709551615', 'count', '18446744073709551615'],
      ['-5', 'int', -5],
      ['+5', 'int', 5],
      ['(1.5)', 'double', 1.5],
      ['-.5', 'double', -0.5],
      ['1e3', 'double', 1000],
      ['5 secs', 'interval', 5],
      ['10sec', 'interval', 10],
      ['1min', 'interval', 60],
      ['1.5 hrs', 'interval', 5400],
      ['2 days', 'interval', 172800],
      ['250msec', 'interval', 0.25],
      ['-3 usecs', 'interval', -0.000003],
      ['"a\\tb\\x41\\101\\\\"', 'string', 'a\tbAA\\'],
      ['10.0.0.1', 'addr', '10.0.0.1'],
      ['[2001:DB8::1]', 'addr', '2001:db8::1'],
      ['27761/tcp', 'port', { port: 27761, proto: 'tcp' }],
      ['Log::WRITER_NONE', 'enum', 'Log::WRITER_NONE'],
    ] as const
    const text = source.map(([literal], index) => `redef X::o${index} = ${literal};`).join('\n')
    const { layout } = parseLayout(text, { file: 'x', dialect: DIALECTS.reference })
    expect(layoutToJson(layout).redefs).toEqual(
      source.map(([, type, value], index) => ({ name: `X::o${index}`, type, value })),
    )
  })
})
