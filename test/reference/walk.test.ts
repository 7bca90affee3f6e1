/**
 * The walk over the reference page: each of its identifiers is there, with the page's name, type and default. The page
 * is its own text; the library is the running one, and the types that it publishes.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeDefaults } from '../../src/cluster/stores.js'
import { type Cluster, NODE_TYPES, Cluster as StartCluster } from '../../src/index.js'
import { optionAsRedef, recordOf } from '../../src/options/option-redef.js'
import { printAsZeek } from '../../src/options/print-as-zeek.js'
import { defaultOptions, findOption, OPTIONS, type OptionDefinition } from '../../src/options/registry.js'
import { vectorPath } from '../support/vectors.js'
import { type PageEntry, type PageSection, readPage, readRedefinitions } from './page.js'

const ROOT = new URL('../../', import.meta.url).pathname
const TEXT = readFileSync(vectorPath('reference/main.zeek.rst'), 'utf8')
const PAGE = readPage(TEXT)

function entriesOf(section: PageSection): readonly PageEntry[] {
  return PAGE.filter((entry) => entry.section === section)
}

/** `Cluster::node_topic_prefix` is `nodeTopicPrefix`. */
function ownName(name: string): string {
  return name
    .slice(name.lastIndexOf(':') + 1)
    .replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** What an `optionAsRedef` prints, with the quotes that the page gives texts. */
function printed(definition: OptionDefinition, value: unknown): string {
  if (definition.type === 'string') return JSON.stringify(value)
  const text = printAsZeek(optionAsRedef(definition.type, value as never))
  return text.replace('{\n\n}', '{}')
}

/** The types that the package publishes, by name. */
class PublishedTypes {
  readonly #checker: ts.TypeChecker
  readonly #symbols = new Map<string, ts.Symbol>()
  readonly #file: ts.SourceFile

  constructor() {
    const program = ts.createProgram([join(ROOT, 'dist/index.d.ts')], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      skipLibCheck: true,
    })
    this.#checker = program.getTypeChecker()
    this.#file = program.getSourceFile(join(ROOT, 'dist/index.d.ts'))!
    const module = this.#checker.getSymbolAtLocation(this.#file)!
    for (const symbol of this.#checker.getExportsOfModule(module)) this.#symbols.set(symbol.name, symbol)
  }

  /** Members of an exported type: name to type as text. */
  members(name: string): ReadonlyMap<string, string> {
    const type = this.#typeOf(name)
    return new Map(
      type
        .getProperties()
        .map((property) => [
          property.name,
          this.#checker.typeToString(
            this.#checker.getTypeOfSymbolAtLocation(property, this.#file),
            undefined,
            ts.TypeFormatFlags.NoTruncation,
          ),
        ]),
    )
  }

  text(name: string): string {
    const flags = ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation
    return this.#checker.typeToString(this.#typeOf(name), undefined, flags)
  }

  #typeOf(name: string): ts.Type {
    const symbol = this.#symbols.get(name)
    if (symbol === undefined) throw new Error(`the package exports no ${name}`)
    const target = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
    return this.#checker.getDeclaredTypeOfSymbol(target)
  }
}

/** A type of the page as TypeScript has it. */
const TYPES: Readonly<Record<string, RegExp>> = {
  string: /^string( \| undefined)?$/,
  bool: /^boolean( \| undefined)?$/,
  time: /^number$/,
  interval: /^number$/,
  addr: /^Address$/,
  port: /^Port \| undefined$/,
  'Cluster::NodeType': /"MANAGER"|^NodeType$/,
  'Broker::BackendType': /"Broker::MEMORY"/,
  'Broker::BackendOptions': /^BackendOptions$/,
  'opaque of Broker::Store': /^Store<Key, Value> \| undefined$/,
}

describe('the page is read whole', () => {
  test('sixteen options, two variables, four types, three events, six functions, one redefinition', () => {
    const sections: readonly PageSection[] = [
      'Redefinable Options',
      'State Variables',
      'Types',
      'Events',
      'Functions',
    ]
    expect(sections.map((section) => entriesOf(section).length)).toEqual([16, 2, 4, 3, 6])
    expect(readRedefinitions(TEXT)).toEqual(['Log::ID'])
  })
})

describe('the walk', () => {
  let cluster: Cluster
  let types: PublishedTypes
  beforeAll(async () => {
    types = new PublishedTypes()
    cluster = await StartCluster.start({ logDirectory: '/nonexistent', dialect: 'reference' })
  }, 60_000)
  afterAll(() => cluster.stop())

  test.each(entriesOf('Redefinable Options').filter(({ name }) => name !== 'Cluster::nodes'))(
    'option $name',
    ({ name, type, default: pageDefault }) => {
      const definition = findOption(name)
      expect(definition, 'is in the registry').toBeDefined()
      const key = ownName(name) as keyof typeof OPTIONS
      expect(OPTIONS[key]?.name, 'has the same name in camelCase').toBe(name)
      const ownType = definition!.type === 'enum' ? 'Broker::BackendType' : definition!.type
      expect(ownType).toBe(type)
      expect(printed(definition!, defaultOptions('reference')[key])).toBe(pageDefault)
      expect(printed(definition!, cluster.options[key]), 'of a running node').toBe(pageDefault)
      expect(types.members('Options').has(key)).toBe(true)
    },
  )

  test('option Cluster::nodes', () => {
    const entry = PAGE.find(({ name }) => name === 'Cluster::nodes')!
    expect([entry.type, entry.default]).toEqual(['table [string] of Cluster::Node', '{}'])
    expect([...cluster.nodes]).toEqual([])
    expect(types.members('Cluster').get('nodes')).toBe('ReadonlyMap<string, ClusterNode>')
  })

  test('variable Cluster::stores', () => {
    const entry = PAGE.find(({ name }) => name === 'Cluster::stores')!
    expect([entry.type, entry.default]).toEqual(['table [string] of Cluster::StoreInfo', '{}'])
    expect([...cluster.stores]).toEqual([])
    expect(types.members('Cluster').get('stores')).toBe(
      'ReadonlyMap<string, StoreInfo<StoreData, StoreData>>',
    )
    const { masterNode, master, backend, options, ...intervals } = storeDefaults(cluster.options)
    const text = (value: string) => ({ type: 'string', value }) as const
    const interval = (value: number) => ({ type: 'interval', value }) as const
    const element = recordOf({
      name: undefined,
      store: undefined,
      master_node: text(masterNode),
      master: { type: 'bool', value: master },
      backend: { type: 'enum', value: backend },
      options: recordOf({
        sqlite: recordOf({ path: text(options.sqlite.path) }),
        rocksdb: recordOf({ path: text(options.rocksdb.path) }),
      }),
      clone_resync_interval: interval(intervals.cloneResyncInterval),
      clone_stale_interval: interval(intervals.cloneStaleInterval),
      clone_mutation_buffer_interval: interval(intervals.cloneMutationBufferInterval),
    })
    expect(printAsZeek(element)).toBe(entry.elementDefault)
  })

  test('variable Cluster::worker_count', () => {
    const entry = PAGE.find(({ name }) => name === 'Cluster::worker_count')!
    expect([entry.type, entry.default]).toEqual(['count', String(cluster.workerCount)])
  })

  test.each([
    ['Cluster::Info', 'ClusterInfo'],
    ['Cluster::Node', 'ClusterNode'],
    ['Cluster::StoreInfo', 'StoreInfo'],
  ])('record %s is %s', (name, own) => {
    const entry = PAGE.find((candidate) => candidate.name === name)!
    const members = types.members(own)
    expect(entry.members.length).toBeGreaterThan(2)
    for (const field of entry.members) {
      const type = members.get(ownName(field.name))
      expect(type, `${name}$${field.name}`).toMatch(TYPES[field.type] ?? /^$/)
    }
  })

  test('enum Cluster::NodeType', () => {
    const entry = PAGE.find(({ name }) => name === 'Cluster::NodeType')!
    expect(NODE_TYPES.map((type) => `Cluster::${type}`)).toEqual(entry.values)
    for (const type of NODE_TYPES) expect(types.text('NodeType')).toContain(`"${type}"`)
  })

  test('Log::ID has the stream Cluster::LOG', () => {
    expect(() => cluster.logs.createStream('Cluster::LOG', { columns: {} })).toThrow('exists already')
  })

  test.each(entriesOf('Events'))('event $name', ({ name, members }) => {
    const payload = types.members('ClusterEvents').get(ownName(name))
    expect(payload).toBe('[node: NodeId]')
    for (const { name: parameter, type } of members) {
      expect(types.members('NodeId').get(parameter)).toMatch(TYPES[type]!)
    }
  })

  /** What a function of the page returns here, and what the page calls its arguments. */
  const RETURNS: Readonly<Record<string, RegExp>> = {
    'Cluster::StoreInfo': /=> Promise<StoreInfo<Key, Value>>$/,
    bool: /=> boolean$/,
    'Cluster::NodeType': /=> ("NONE"|NodeType)/,
    void: /=> void$/,
    string: /=> string$/,
  }

  test.each(entriesOf('Functions'))('function $name', ({ name, returns, members }) => {
    const type = types.members('Cluster').get(ownName(name))
    expect(type).toMatch(RETURNS[returns ?? ''] ?? /^$/)
    // What is optional may be a member of an argument with options.
    const options = type?.includes('CreateStoreOptions')
      ? [...types.members('CreateStoreOptions').keys()]
      : []
    for (const { name: parameter } of members) {
      expect(`${type} ${options}`).toContain(parameter === 'msg' ? 'message' : parameter)
    }
  })

  test('functions outside of a cluster', async () => {
    expect(cluster.isEnabled()).toBe(false)
    expect(cluster.localNodeType()).toBe('NONE')
    expect(cluster.nodeTopic('manager')).toBe('bro/cluster/node/manager')
    expect(cluster.nodeidTopic('x')).toBe('bro/cluster/nodeid/x')
    const info = await cluster.createStore('walk')
    expect([info.master, info.store?.name, cluster.stores.get('walk')]).toEqual([true, 'walk', info])
  })
})

describe('docs/reference.md', () => {
  const rows = readFileSync(join(ROOT, 'docs/reference.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()))

  test('has every identifier of the page once, and no other of the module in these tables', () => {
    const names = rows
      .map(([name]) => name!.replaceAll('`', ''))
      .filter((name) => PAGE.some((entry) => entry.name === name))
    expect([...names].sort()).toEqual(PAGE.map(({ name }) => name).sort())
  })

  test.each(PAGE)('$name: its test exists', ({ name }) => {
    const row = rows.find(([cell]) => cell === `\`${name}\``)!
    const [file, title] = row.at(-1)!.replaceAll('`', '').split(': ')
    expect(existsSync(join(ROOT, file!)), file).toBe(true)
    expect(readFileSync(join(ROOT, file!), 'utf8')).toContain(title)
  })
})
