import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { layoutArguments, loadCluster, splitRedefs } from './load-cluster.js'

const LAYOUT =
  'redef Cluster::nodes = { ["NAME"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp] };\n'

let folders: string[]
let home: string

/** A folder with a layout whose only node has this name. */
function folderWith(node: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'zeek-cluster-test-'))
  folders.push(folder)
  if (node !== '') writeFileSync(join(folder, 'cluster-layout.zeek'), LAYOUT.replace('NAME', node))
  return folder
}

beforeEach(() => {
  folders = []
  home = folderWith('here')
  vi.spyOn(process, 'cwd').mockReturnValue(home)
  vi.stubEnv('ZEEKPATH', undefined)
  vi.stubEnv('BROPATH', undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  for (const folder of folders) rmSync(folder, { recursive: true })
})

const load = (file?: string) => loadCluster({ file, dialect: 'reference', quiet: true })
const found = async (): Promise<string> => [...(await load()).layout.nodes.keys()].join()

describe('the layout is looked for', () => {
  test('on ZEEKPATH, then BROPATH; folders without one are passed over', async () => {
    vi.stubEnv('BROPATH', folderWith('bro'))
    expect(await found()).toBe('bro')
    vi.stubEnv('ZEEKPATH', `${folderWith('')}:${folderWith('second')}:${folderWith('third')}`)
    expect(await found()).toBe('second')
  })

  test('under the name that was given', async () => {
    const file = join(folderWith('given'), 'cluster-layout.zeek')
    expect([...(await load(file)).layout.nodes.keys()]).toEqual(['given'])
  })

  test('and is not there: exit code 2', async () => {
    await expect(load('/nowhere/layout.zeek')).rejects.toMatchObject({
      message: 'cannot read layout /nowhere/layout.zeek: no such file',
      data: { exitCode: 2 },
    })
  })
})

describe('redefs', () => {
  test.each([
    ['Cluster::manager_is_logger=F', { type: 'bool', value: false }],
    ['Broker::disable_ssl=T', { type: 'bool', value: true }],
    ['Broker::log_batch_size=10', { type: 'count', value: 10n }],
    ['Cluster::retry_interval=5sec', { type: 'interval', value: 5 }],
    ['Cluster::retry_interval=1.5 mins', { type: 'interval', value: 90 }],
    ['Cluster::retry_interval=250msecs', { type: 'interval', value: 0.25 }],
    ['Cluster::node=manager', { type: 'string', value: 'manager' }],
    ['Cluster::node="manager"', { type: 'string', value: 'manager' }],
    ['Cluster::node=', { type: 'string', value: '' }],
    ['Cluster::default_backend=Broker::SQLITE', { type: 'enum', value: 'Broker::SQLITE' }],
    [
      'Control::stranger_commands={ "id_value" }',
      { type: 'set', value: [{ type: 'string', value: 'id_value' }] },
    ],
    ['Demo::threshold=30', { type: 'count', value: 30n }],
    ['Demo::name=some words', { type: 'string', value: 'some words' }],
  ] as const)('%s', (arg, value) => {
    const redefs = [{ name: arg.split('=')[0], value }]
    expect(splitRedefs([arg])).toEqual({ given: { redefs, statements: [] }, rest: [] })
  })

  test.each([
    [
      'Cluster::manager_is_logger=true',
      "'true' is not a value for Cluster::manager_is_logger, which is of type bool",
    ],
    ['Broker::log_batch_size=-1', "'-1' is not a value for Broker::log_batch_size, which is of type count"],
    [
      'Cluster::retry_interval=5',
      "'5' is not a value for Cluster::retry_interval, which is of type interval",
    ],
    ['Cluster::no_such=1', 'unknown option Cluster::no_such'],
    [
      'Cluster::retry_intervall=1',
      'unknown option Cluster::retry_intervall; did you mean Cluster::retry_interval?',
    ],
    [
      'Cluster::default_backend=REDIS',
      "'REDIS' is not a value for Cluster::default_backend, which is of type enum",
    ],
  ])('%s: exit code 2', (arg, message) => {
    expect(() => splitRedefs([arg])).toThrow(expect.objectContaining({ message, data: { exitCode: 2 } }))
  })

  test('stand among other arguments, which stay in order', () => {
    const { given, rest } = splitRedefs(['a.ts', 'Cluster::node=x', './b=c.ts', 'plain=1'])
    expect(given.redefs.map(({ name }) => name)).toEqual(['Cluster::node'])
    expect(rest).toEqual(['a.ts', './b=c.ts', 'plain=1'])
    expect(() => layoutArguments('a.zeek', ['Cluster::node=x', 'a.ts'])).toThrow("unexpected argument 'a.ts'")
    expect(layoutArguments('a.zeek', ['Cluster::node=x'])).toMatchObject({
      file: 'a.zeek',
      redefArgs: ['Cluster::node=x'],
    })
    // The layout is found on the search path.
    expect(layoutArguments('Cluster::node=x', [])).toMatchObject({
      file: undefined,
      redefArgs: ['Cluster::node=x'],
    })
  })

  test('+= adds to what the layout says; Cluster::nodes too', async () => {
    const file = join(home, 'cluster-layout.zeek')
    writeFileSync(file, `${LAYOUT}redef Control::stranger_commands = { "id_value" };\n`)
    const { given } = splitRedefs([
      'Control::stranger_commands+={ "net_stats" }',
      'Cluster::nodes+={ ["more"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=1/tcp] }',
    ])
    const { options, layout } = await loadCluster({ file, dialect: 'reference', given, quiet: true })
    expect([...options.strangerCommands]).toEqual(['id_value', 'net_stats'])
    expect([...layout.nodes.keys()]).toEqual(['NAME', 'more'])
  })

  test('on the command line beat those of the layout, and both reach the options', async () => {
    const file = join(home, 'cluster-layout.zeek')
    writeFileSync(file, `${LAYOUT}redef Cluster::retry_interval = 7sec;\nredef Broker::disable_ssl = T;\n`)
    const { given } = splitRedefs(['Cluster::retry_interval=3sec'])
    const { options } = await loadCluster({ file, dialect: 'reference', given, quiet: true })
    expect([options.retryInterval, options.disableSsl]).toEqual([3, true])
  })
})
