import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Address, Port, Subnet } from '../data/address.js'
import { DIALECTS } from '../options/dialect.js'
import { type Redef, type RedefValue, setFields } from '../options/redef-value.js'
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
const scalar: fc.Arbitrary<RedefValue> = fc.oneof(
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
const subnet = fc
  .tuple(address, fc.integer({ min: 0, max: 128 }))
  .map(([each, length]) => new Subnet(each.masked(length), length))
const key: fc.Arbitrary<RedefValue> = fc.oneof(
  text.map((value) => ({ type: 'string', value }) as const),
  fc.tuple(text, somePort).map(
    ([first, second]) =>
      ({
        type: 'vector',
        value: [
          { type: 'string', value: first },
          { type: 'port', value: second },
        ],
      }) as const,
  ),
)
/** Elements of one type, each once. */
const keys = fc.oneof(
  fc.uniqueArray(
    text.map((value): RedefValue => ({ type: 'string', value })),
    { maxLength: 4, selector: ({ value }) => value },
  ),
  fc.uniqueArray(
    subnet.map((value): RedefValue => ({ type: 'subnet', value })),
    { maxLength: 4, selector: ({ value }) => String(value) },
  ),
  key.map((each) => [each]),
)
const { container: value } = fc.letrec<{ container: RedefValue }>((tie) => ({
  container: fc.oneof(
    { depthSize: 'small' },
    scalar,
    subnet.map((each) => ({ type: 'subnet', value: each }) as const),
    keys.map((value) => ({ type: 'set', value }) as const),
    fc
      .tuple(keys, tie('container'))
      .map(
        ([names, element]) =>
          ({ type: 'table', value: names.map((name) => [name, element] as const) }) as const,
      ),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b_1', 'c'), tie('container')), { maxLength: 3 })
      .map((fields) => ({ type: 'record', value: new Map(fields) }) as const),
    fc
      .tuple(tie('container'), fc.integer({ min: 0, max: 3 }))
      .map(
        ([element, count]) =>
          ({ type: 'vector', value: Array.from({ length: count }, () => element) }) as const,
      ),
  ),
}))
/** Options of their own, so that no redef meets the value of another. */
const redefs: fc.Arbitrary<Redef[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom('Some::option', 'Other::x_', 'global_x'),
      value,
      fc.constantFrom('+=', '-=', undefined),
    ),
    {
      maxLength: 5,
    },
  )
  .map((list) =>
    list.map(([name, each, operator], index) => ({
      name: `${name}${index}`,
      ...(operator !== undefined && { operator }),
      value: each,
    })),
  )
const layouts: fc.Arbitrary<Layout> = fc.record({
  nodes: fc.array(node, { maxLength: 8 }).map((nodes) => new Map(nodes.map((each) => [each.name, each]))),
  redefs,
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
  const redefs = layout.redefs.map(({ name, operator, value }) => ({ name, operator, ...plainValue(value) }))
  return { nodes, redefs }
}

function plainValue({ type, value }: RedefValue): { readonly type: string; readonly value: unknown } {
  switch (type) {
    case 'addr':
    case 'port':
    case 'subnet':
      return { type, value: value.toString() }
    case 'set':
    case 'vector':
      return { type, value: value.map(plainValue) }
    case 'table':
      return { type, value: value.map((entry) => entry.map(plainValue)) }
    case 'record':
      return { type, value: setFields(value).map(([name, field]) => [name, plainValue(field)]) }
    default:
      return { type, value }
  }
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
        const errors = parsed.diagnostics.filter(({ severity }) => severity === 'error')
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
