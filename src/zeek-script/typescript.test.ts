import { describe, expect, test } from 'vitest'
import { formatDiagnostic, type ScriptText, type TypescriptModule, typescriptModule } from './index.js'

function generate(text: string, ...context: readonly ScriptText[]): TypescriptModule {
  return typescriptModule([{ file: 'a.zeek', text }], { command: 'zeek-cluster types a.zeek', context })
}

/** The module without its first line and its imports. */
function body(text: string, ...context: readonly ScriptText[]): string {
  const { text: module, diagnostics } = generate(text, ...context)
  expect(diagnostics.map(formatDiagnostic)).toEqual([])
  return (module ?? '').slice((module ?? '').indexOf('\n\n') + 2)
}

/** The lines that export a value, without `export const`. */
function values(text: string): string[] {
  return [...text.matchAll(/^export const (.*)$/gm)].map((match) => match[1]!)
}

function names({ types, events }: TypescriptModule): Record<string, string> {
  const all = [...types, ...events]
  return Object.fromEntries(all.map(({ declaration, exportName }) => [declaration.name, exportName]))
}

const told = ({ diagnostics }: TypescriptModule): string[] =>
  diagnostics.map((diagnostic) => formatDiagnostic(diagnostic).split('\n')[0]!)

describe('a module', () => {
  test('of an event, a record and an enum, with what is said about them', () => {
    const { text } = generate(`module Demo;
## How bad
## it is.
type Severity: enum { LOW, ##< Good */ to know.
  HIGH };
type Host: record {
	ip: addr; ##< Where.
	kind: Severity;
};
## A host was seen.
global seen: event(host: Host, n: count);
global done: event();
`)
    expect(text).toBe(`\
// Written by \`zeek-cluster types a.zeek\`: event, record and enum declarations of a Zeek script.
import { addr, count, enumOf, event, type Native, record } from 'zeek-cluster'

/**
 * How bad
 * it is.
 */
export const Severity = enumOf('Demo::Severity', [
  /** Good *\\/ to know. */
  'Demo::LOW',
  'Demo::HIGH',
])
export type Severity = Native<typeof Severity>

export const Host = record({
  /** Where. */
  ip: addr,
  kind: Severity,
})
export type Host = Native<typeof Host>

/**
 * A host was seen.
 *
 * \`event Demo::seen(host: Demo::Host, n: count)\`
 */
export const seen = event('Demo::seen', [Host, count])

/** \`event Demo::done()\` */
export const done = event('Demo::done', [])
`)
  })

  test('of nothing is empty, and says so', () => {
    const module = generate('redef Site::local_nets += { 10.0.0.0/8 };')
    expect(module.text).toMatch(/^\/\/ .*\nexport \{\}\n$/)
    expect(told(module)).toEqual(['a.zeek:1:1: warning: no events, records or enums are declared here'])
  })

  test('no text of the user leaves the comment that it is in', () => {
    const command = 'zeek-cluster types a\nb\u2028`.zeek'
    const docs = ['## a\u2028b', '## c\rd'].join('\n')
    const { text } = typescriptModule([{ file: 'a', text: `${docs}\nglobal e: event();` }], { command })
    expect(text).toBe(`\
// Written by \`zeek-cluster types a\ufffdb\ufffd\`.zeek\`: event, record and enum declarations of a Zeek script.
import { event } from 'zeek-cluster'

/**
 * a\ufffdb
 * c\ufffdd
 *
 * \`event e()\`
 */
export const e = event('e', [])
`)
  })
})

describe('types', () => {
  test.each([
    ['bool', 'bool'],
    ['count', 'count'],
    ['int', 'int'],
    ['double', 'double'],
    ['time', 'time'],
    ['interval', 'interval'],
    ['string', 'string'],
    ['pattern', 'pattern'],
    ['addr', 'addr'],
    ['subnet', 'subnet'],
    ['port', 'port'],
    ['any', 'any'],
    ['set[addr]', 'set(addr)'],
    ['set[addr, port]', 'set(tuple(addr, port))'],
    ['table[string] of count', 'table(string, count)'],
    ['table[addr, port] of set[int]', 'table(tuple(addr, port), set(int))'],
    ['vector of vector of double', 'vector(vector(double))'],
    ['function(a: Unknown): bool', 'func'],
    ['hook(a: count)', 'func'],
    ['event(a: count)', 'func'],
    ['file', 'file'],
    ['file of string', 'file'],
    ['opaque of md5', 'opaque'],
    ['enum { A, B }', 'enumeration'],
    ['string_vec', 'string_vec'],
    ['Log::ID', 'enumeration'],
  ])('%s is %s', (zeek, typescript) => {
    const text = body(`global e: event(a: ${zeek});`)
    expect(values(text).at(-1)).toBe(`e = event('e', [${typescript}])`)
  })

  test('fields: optional when they are &optional, not when they have a default', () => {
    const text = body('type R: record { a: count; b: count &optional; c: count &default=5 &log; } &redef;')
    expect(text).toContain('record({\n  a: count,\n  b: optional(count),\n  c: count,\n})')
  })

  test('records that are declared in their place', () => {
    expect(body('global e: event(a: record { b: count; c: record { d: addr; }; }, f: int);')).toContain(`\
export const e = event('e', [
  record({
    b: count,
    c: record({
      d: addr,
    }),
  }),
  int,
])
`)
    expect(body('type R: record { };')).toContain('record({})')
  })

  test('long lines are broken', () => {
    const parameters = Array.from({ length: 20 }, (_, index) => `p${index}: interval`).join(', ')
    const text = body(
      `global e: event(${parameters});\ntype T: enum { ${'A'.repeat(60)}, ${'B'.repeat(60)} };`,
    )
    expect(text).toContain(`event('e', [\n  interval,\n`)
    expect(text).toContain(`enumOf('T', [\n  '${'A'.repeat(60)}',\n`)
  })

  test('enums to which other scripts may add names take any', () => {
    const text = body(
      'type Kind: enum { A, B } &redef;\nredef enum Kind += { C };\nredef enum Log::ID += { L };',
    )
    expect(text).toBe(`\
/** Scripts may add names to \`A\`, \`B\`, \`C\`. */
export const Kind = enumeration
export type Kind = Native<typeof Kind>
`)
  })

  test('names and fields that the scripts add are there, in any order of the scripts', () => {
    const declaring = { file: 'b', text: 'module B; type K: enum { X }; type R: record { a: count; k: K; };' }
    const adding = {
      file: 'c',
      text: 'redef enum B::K += { Y }; redef record B::R += { b: int &optional; };',
    }
    for (const scripts of [
      [declaring, adding],
      [adding, declaring],
    ]) {
      const { text } = typescriptModule(scripts, { command: '' })
      expect(text).toContain("enumOf('B::K', ['B::X', 'Y'])")
      expect(text).toContain('record({\n  a: count,\n  k: K,\n  b: optional(int),\n})')
    }
  })

  test('other names for types are there when they are used', () => {
    const used = 'type Hosts: set[addr]; type Unused: set[port]; global e: event(a: Hosts);'
    expect(values(body(used))).toEqual(['Hosts = set(addr)', "e = event('e', [Hosts])"])
  })
})

describe('the order', () => {
  test('types stand before their use, else as the script has them', () => {
    const text = body(`module M;
global first: event(a: D);
type A: record { c: vector of C; };
type B: record { a: A; };
type C: record { x: Other; };
type D: record { f: function(b: D): D; };
type Other: enum { O };
`)
    expect(values(text).map((line) => line.split(' ')[0])).toEqual(['Other', 'C', 'A', 'B', 'D', 'first'])
  })

  test('a chain of types may be long', () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, index) => `type T${index}: record { t: T${index + 1}; };`,
    )
    const { types, diagnostics } = generate(`${lines.join('\n')}\ntype T20000: enum { E };`)
    expect(diagnostics).toEqual([])
    expect([types.length, types[0]?.exportName]).toEqual([20_001, 'T20000'])
  })

  test('types that contain themselves are errors, each cycle once', () => {
    const module = generate(`module M;
type A: record { b: set[B]; };
type B: record { c: C &optional; };
type C: vector of A;
type Own: record { next: Own &optional; };
global e: event(a: A, b: B);
`)
    expect(told(module)).toEqual([
      'a.zeek:2:6: error: a type that contains itself cannot travel: M::A -> M::B -> M::C -> M::A',
      'a.zeek:5:6: error: a type that contains itself cannot travel: M::Own -> M::Own',
    ])
    expect(module.text).toBeUndefined()
  })
})

describe('names', () => {
  test('are plain with one module, beside those of none', () => {
    expect(names(generate('global ping: event();\nmodule Demo;\nglobal seen: event();'))).toEqual({
      ping: 'ping',
      'Demo::seen': 'seen',
    })
  })

  test('have their module in front with several', () => {
    const script =
      'global ping: event();\nmodule A;\nglobal seen: event();\nmodule B::C;\nglobal seen: event();'
    expect(names(generate(script))).toEqual({ ping: 'ping', 'A::seen': 'A_seen', 'B::C::seen': 'B_C_seen' })
  })

  test('a type from elsewhere has its module in front, and changes no other name', () => {
    const context = { file: 'n.zeek', text: 'module N; type T: enum { X }; type Unused: enum { Y };' }
    const module = generate('module Demo;\nglobal seen: event(t: N::T);', context)
    expect(names(module)).toEqual({ 'N::T': 'N_T', 'Demo::seen': 'seen' })
  })

  test('that are taken get a number: whoever comes first has the plain one', () => {
    const script =
      'module A;\nglobal b_c: event();\nmodule A_b;\nglobal c: event();\nmodule GLOBAL;\nglobal A_b_c: event();'
    expect(Object.values(names(generate(script)))).toEqual(['A_b_c', 'A_b_c_2', 'A_b_c_3'])
  })

  test('words of TypeScript and of the library are not used', () => {
    const script = ['class', 'class_', 'optional', 'string', 'Native'].map(
      (name) => `global D::${name}: event();`,
    )
    expect(Object.values(names(generate(script.join('\n'))))).toEqual([
      'class_',
      'class__2',
      'optional_',
      'string_',
      'Native_',
    ])
  })
})

describe('events that are only handled', () => {
  const handling = `module Demo;
event zeek_init() { }
event own(a: count) { }
event Other::foreign(a: count) { }
event Cluster::node_up(name: string, id: string) { }
`
  test('are there when they are of a module of the script', () => {
    expect(body(handling)).toBe(`\
/** \`event Demo::own(a: count)\`, which the script handles and does not declare. */
export const own = event('Demo::own', [count])
`)
  })

  test('or of a module that it declares something of', () => {
    const module = generate('global Demo::a: event();\nevent Demo::b() { }\nevent other() { }')
    expect(names(module)).toEqual({ 'Demo::a': 'a', 'Demo::b': 'b' })
  })

  test('are left out when another script declares them', () => {
    const context = { file: 'd.zeek', text: 'module Demo; export { global own: event(a: count); }' }
    expect(names(generate(handling, context))).toEqual({})
  })
})

describe('what is not known', () => {
  test('becomes `any`, with the place where it is used first', () => {
    const module = generate('module D;\nglobal a: event(id: conn_id);\nglobal b: event(ids: set[conn_id]);')
    expect(told(module)).toEqual([
      'a.zeek:2:21: warning: the type `conn_id` is not declared here: it becomes `any`; --with reads the script that does',
    ])
    expect(values(module.text!)).toEqual(["a = event('D::a', [any])", "b = event('D::b', [set(any)])"])
  })

  test('so does a record of which the script only knows what it adds', () => {
    const module = generate('redef record C::I += { a: count; };\nglobal e: event(i: C::I);')
    expect(told(module)).toHaveLength(1)
    expect(values(module.text!)).toEqual(["e = event('e', [any])"])
  })

  test('is taken from other scripts, and with it what it consists of', () => {
    const context = {
      file: 'init.zeek',
      text: 'type Ctx: record { }; type Id: record { c: Ctx; }; type Else: record { }; global x: event();',
    }
    expect(names(generate('module D; global e: event(id: Id);', context))).toEqual({
      Ctx: 'Ctx',
      Id: 'Id',
      'D::e': 'e',
    })
    expect(names(generate(context.text, context))).toMatchObject({ Else: 'Else', x: 'x' })
  })

  test('`void` is no type of a value', () => {
    const module = generate('global e: event(v: void);')
    expect(told(module)).toEqual(['a.zeek:1:8: warning: `void` is no type of a value: it becomes `any`'])
    expect(values(module.text!)).toEqual(["e = event('e', [any])"])
  })
})

test('a script that cannot be read to its end gives no module', () => {
  const module = generate('type A: record { x count; };\nglobal e: event();')
  expect(told(module)).toEqual(['a.zeek:1:20: error: expected `:` behind `x`, found `count`'])
  expect(module.text).toBeUndefined()
})
