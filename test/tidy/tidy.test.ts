/** The rules of the house as tests: who imports whom, what is not called where, how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { LAYERS, PURE_FOLDERS, SURROUNDINGS } from './layers.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILE_LINES_MAX = 500

interface SourceFile {
  /** Below `src`, with forward slashes. */
  readonly path: string
  readonly folder: string
  readonly text: string
  /** Without comments and string contents: what runs. */
  readonly code: string
}

function filesBelow(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules'))
    .sort()
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`])\/\/.*$/gm, '$1')
}

function withoutText(text: string): string {
  return withoutComments(text).replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
}

const sources: SourceFile[] = filesBelow('src', '.ts').map((file) => {
  const path = file.slice('src/'.length)
  const text = readFileSync(join(ROOT, file), 'utf8')
  return { path, folder: path.includes('/') ? path.split('/')[0]! : '', text, code: withoutText(text) }
})
const product = sources.filter(({ path }) => !path.endsWith('.test.ts') && !path.endsWith('.d.ts'))

function importsOf(file: SourceFile): string[] {
  return [...withoutComments(file.text).matchAll(/(?<![.\w])(?:from\s+|import\s*\(?\s*)'([^']+)'/g)].map(
    (match) => match[1]!,
  )
}

describe('layers', () => {
  test('every folder of src stands in the table', () => {
    const folders = new Set(sources.map(({ folder }) => folder).filter((folder) => folder !== ''))
    expect([...folders].sort()).toEqual(Object.keys(LAYERS).sort())
  })

  test.each(Object.keys(LAYERS))('%s imports only what it may', (folder) => {
    const allowed = LAYERS[folder]!
    const violations: string[] = []
    for (const file of product.filter((candidate) => candidate.folder === folder)) {
      for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
        const target = normalize(join(dirname(file.path), specifier))
        const targetFolder = target.includes('/') ? target.split('/')[0]! : ''
        if (target.startsWith('..')) violations.push(`${file.path} leaves src: ${specifier}`)
        if (targetFolder !== folder && allowed !== 'everything' && !allowed.includes(targetFolder)) {
          violations.push(`${file.path} imports ${specifier}`)
        }
      }
    }
    expect(violations).toEqual([])
  })

  test('no cycles between files', () => {
    const graph = new Map(
      product.map((file) => [
        file.path,
        [...file.text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '(\.[^']+)'/gm)].map((match) =>
          normalize(join(dirname(file.path), match[1]!.replace(/\.js$/, '.ts'))),
        ),
      ]),
    )
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
        return
      }
      if (done.has(path)) return
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
    expect(cycles).toEqual([])
  })
})

/** Calls that only the surroundings may make. */
const BANNED_CALLS = [
  'Date.now',
  'new Date()',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'Math.random',
  'process.',
  'queueMicrotask',
]

/** Modules of Node that reach out of the process. */
const BANNED_MODULES =
  /^node:(?:fs|net|tls|http|https|dgram|dns|child_process|crypto|os|timers|worker_threads)/

/** What a file uses of the surroundings and is not allowed to. */
function surroundingsUsedBy(file: SourceFile): string[] {
  const allowed = SURROUNDINGS[file.path] ?? []
  const calls = BANNED_CALLS.filter((call) => file.code.includes(call) && !allowed.includes(call))
  const modules = importsOf(file).filter((name) => BANNED_MODULES.test(name) && !allowed.includes(name))
  return [
    ...calls.map((call) => `${file.path} uses ${call}`),
    ...modules.map((name) => `${file.path} imports ${name}`),
  ]
}

describe('surroundings are arguments', () => {
  test.each(PURE_FOLDERS)('%s asks for no clock, timer, random, network or disk of its own', (folder) => {
    const violations: string[] = []
    for (const file of product.filter((candidate) => candidate.folder === folder)) {
      violations.push(...surroundingsUsedBy(file))
    }
    expect(violations).toEqual([])
  })

  test('base and transport use the surroundings only where they are wrapped', () => {
    const violations: string[] = []
    for (const file of product.filter(({ folder }) => folder === 'base' || folder === 'transport')) {
      violations.push(...surroundingsUsedBy(file))
    }
    expect(violations).toEqual([])
  })

  test('nodes are composed in one place', () => {
    const making = (code: string): string[] =>
      product.filter((file) => file.code.includes(code)).map((file) => file.path)
    expect(making('new Cluster(')).toEqual(['node/start-node.ts'])
    // A visitor of the command line is no node of the cluster, nor is what the conformance suite tests.
    expect(making('new Endpoint(')).toEqual([
      'cli/bus-client.ts',
      'cli/commands/control.ts',
      'node/start-node.ts',
      'testing/subject-under-test.ts',
    ])
  })
})

describe('files', () => {
  test('are short enough to be read', () => {
    const all = ['src', 'test', 'bench', 'fuzz'].flatMap((folder) => filesBelow(folder, '.ts'))
    const long = all.filter(
      (file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length > FILE_LINES_MAX,
    )
    expect(long).toEqual([])
  })

  test('say what they are for: a comment stands before the first export', () => {
    const silent = product.filter(({ text }) => {
      const comment = text.indexOf('/**')
      const code = text.search(/^export /m)
      return code >= 0 && (comment < 0 || comment > code)
    })
    expect(silent.map(({ path }) => path)).toEqual([])
  })

  test('only the command line writes to the terminal', () => {
    const writing = product.filter(({ code }) => /\bconsole\.|process\.std(?:out|err)\.write/.test(code))
    expect(writing.map(({ path }) => path)).toEqual(['cli/output.ts'])
  })

  test('tests wait for conditions: a pause between two looks is short, a sleep is none', () => {
    const sleeping = [...filesBelow('src', '.test.ts'), ...filesBelow('test', '.ts')].filter((file) =>
      /setTimeout\(\s*\w+\s*,\s*[\d_]{3,}\s*\)|from 'node:timers\/promises'/.test(
        readFileSync(join(ROOT, file), 'utf8'),
      ),
    )
    expect(sleeping).toEqual([])
  })

  test('nothing is left unfinished', () => {
    const marks = new RegExp(`\\b(?:${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|XXX)\\b`)
    expect(sources.filter(({ text }) => marks.test(text)).map(({ path }) => path)).toEqual([])
  })
})

describe('dependencies', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >

  test('have exact versions', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  test('are declared where the product imports them', () => {
    const used = new Set(
      product
        .flatMap(importsOf)
        .filter(
          (name) => !name.startsWith('.') && !name.startsWith('node:') && !name.startsWith('zeek-cluster'),
        )
        .map((name) => name.split('/')[0]!),
    )
    expect([...used].sort()).toEqual(Object.keys(manifest.dependencies).sort())
  })
})
