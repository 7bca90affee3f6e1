/** Generated modules are compiled by TypeScript as strictly as this package is, and they work. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import { transformSync } from 'esbuild'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import * as library from '../data/index.js'
import { openMessage, readText, readVectorStart } from '../data/messages.js'
import { typescriptModule } from './index.js'
import { LIBRARY_NAMES } from './typescript-names.js'

const { Address, ByteReader, ByteWriter, Port } = library

const FOLDER = dirname(fileURLToPath(import.meta.url))

const CONFIG = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(FOLDER, '../../tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  join(FOLDER, '../..'),
)

/** What the compiler says about files that exist in memory only, by line. The package's own files are its sources. */
function compile(files: Readonly<Record<string, string>>): string[] {
  const options = { ...CONFIG.options, paths: { 'zeek-cluster': [join(FOLDER, '../index.ts')] } }
  const texts = new Map(Object.entries(files).map(([name, text]) => [join(FOLDER, name), text]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (name) => texts.has(name) || fileExists(name)
  host.readFile = (name) => texts.get(name) ?? readFile(name)
  host.getSourceFile = (name, language, ...rest) => {
    const text = texts.get(name)
    return text === undefined
      ? getSourceFile(name, language, ...rest)
      : ts.createSourceFile(name, text, language)
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  return [...texts.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
      ...program.getDeclarationDiagnostics(file),
    ]
    return found.map(({ start, code }) => {
      const { line } = file!.getLineAndCharacterOfPosition(start ?? 0)
      return `${name.slice(FOLDER.length + 1)}:${line + 1}: TS${code}`
    })
  })
}

function moduleOf(script: string): string {
  const { text } = typescriptModule([{ file: 'demo.zeek', text: script }], { command: 'zeek-cluster types' })
  return text!
}

/** The module at run time, on the sources of the library. */
function load(text: string): Record<string, unknown> {
  const { code } = transformSync(text, { loader: 'ts', format: 'cjs' })
  const module = { exports: {} }
  compileFunction(code, ['module', 'require'])(module, () => library)
  return module.exports
}

const DEMO = moduleOf(`module Demo;
export {
	type Severity: enum { LOW, HIGH };
	type Flow: record {
		host: addr;
		severity: Severity &default=LOW;
		note: string &optional;
		counts: table[addr, port] of vector of count;
		parts: set[subnet] &optional;
		inner: record { when: time; how_long: interval; patterns: vector of pattern; };
		callback: function(a: count): bool;
		state: opaque of md5;
		log_file: file;
		anything: any;
		kind: transport_proto;
		log: Log::ID;
	};
	global seen: event(host: addr, n: count);
	global flow: event(flow: Flow, severity: Severity, b: bool, i: int, d: double);
}
`)

describe('the compiler', () => {
  const use = `import { Address, type Native } from 'zeek-cluster'
import { type Flow, flow, type Severity, seen } from './demo.js'
export const host = Address.parse('10.0.0.1')
seen(host, 3n)
seen('x', 3n)
seen(host, 3)
seen(host)
export const severity: Severity = 'Demo::LOW'
export const misspelt: Severity = 'Demo::LOWER'
export const note = (value: Flow): string | undefined => value.note
export const set = (value: Flow): string => value.note
export const counts = (value: Flow): bigint | undefined => [...value.counts.values()][0]?.[0]
export const missing = (value: Flow): unknown => value.missing
export const when = (value: Flow): number => value.inner.when + value.inner.how_long
export const args: Parameters<typeof flow>[1] = 'Demo::HIGH'
export const proto = (value: Flow): 'tcp' | 'udp' | 'icmp' | 'unknown_transport' => value.kind
export type Same = Native<typeof flow.types[0]> extends Flow ? true : never
export const same: Same = true
`
  test('accepts the module, and infers arguments and fields', () => {
    expect(compile({ 'demo.ts': DEMO, 'use.ts': use })).toEqual([
      'use.ts:5: TS2345',
      'use.ts:6: TS2345',
      'use.ts:7: TS2554',
      'use.ts:9: TS2820',
      'use.ts:11: TS2322',
      'use.ts:13: TS2339',
    ])
  })

  test('accepts any word as a name', () => {
    const words = new Set([
      ...Array.from({ length: 300 }, (_, kind) => ts.tokenToString(kind) ?? ''),
      ...LIBRARY_NAMES,
      ...Object.getOwnPropertyNames(globalThis),
      ...[
        'arguments',
        'exports',
        'require',
        'constructor',
        'prototype',
        'toString',
        '__proto__',
        '__esModule',
      ],
    ])
    const usable = [...words].filter((word) => /^[A-Za-z_]\w*$/.test(word))
    expect(usable.length).toBeGreaterThan(150)
    const text = moduleOf(
      usable
        .map((word) => `type D::${word}: record { ${word}: count; }; global E::${word}: event();`)
        .join('\n'),
    )
    const plain = moduleOf(usable.map((word) => `type D::${word}: enum { D::A };`).join('\n'))
    const events = moduleOf(usable.map((word) => `global D::${word}: event();`).join('\n'))
    expect(compile({ 'words.ts': text, 'plain.ts': plain, 'events.ts': events })).toEqual([])
  })

  test('accepts the empty module', () => {
    expect(compile({ 'empty.ts': moduleOf('') })).toEqual([])
  })
})

test('events of a generated module are encoded and decoded', () => {
  const { flow } = load(DEMO) as { flow: library.EventType }
  const record = {
    host: Address.parse('10.0.0.1'),
    severity: 'Demo::HIGH',
    note: undefined,
    counts: new library.ValueMap([
      [
        [Address.parse('::1'), Port.parse('80/tcp')],
        [1n, 2n],
      ],
    ]),
    parts: new library.ValueSet([library.Subnet.parse('10.0.0.0/8')]),
    inner: { when: 1.5, how_long: 2.5, patterns: [{ exact: '^?(a)$?', anywhere: '^?(.|\\n)*(a)' }] },
    callback: { name: 'Demo::f' },
    state: { typeName: 'MD5Val', state: library.NONE },
    log_file: '/tmp/x.log',
    anything: { type: 'count', value: 5n },
    kind: 'udp',
    log: 'Demo::LOG',
  }
  const args = [record, 'Demo::LOW', true, -1n, 0.5]
  const writer = new ByteWriter()
  flow(...args).writeTo(writer)
  const reader = new ByteReader(writer.toBytes())
  openMessage(reader, { type: 0, contentSize: 0, surplus: 0 })
  expect(readText(reader)).toBe('Demo::flow')
  const decoded = flow.readArguments(reader, readVectorStart(reader)) as unknown as typeof args
  reader.expectEnd()
  const entries = ([first, ...others]: typeof args): unknown => {
    const { counts, parts, ...fields } = first as typeof record
    return [{ ...fields, counts: [...counts], parts: [...parts] }, ...others]
  }
  expect(entries(decoded)).toEqual(entries(args))
  expect(() => flow({ ...record, severity: 'Demo::NONE' }, ...args.slice(1)).writeTo(writer)).toThrow(
    'Demo::Severity',
  )
})
