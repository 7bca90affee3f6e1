/** `zeek-cluster store`: masters and clones in processes of their own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readValue } from '../../src/data/binary.js'
import { ByteReader } from '../../src/data/byte-reader.js'
import { valueToExactJson } from '../../src/data/json.js'
import { freePorts } from '../support/free-ports.js'
import { readJsonLines, vectorNames } from '../support/vectors.js'
import {
  endAll,
  layoutOf,
  ROOT,
  type Running,
  run,
  start,
  startUp,
  temporaryDirectory,
  until,
  write,
} from './support.js'

afterAll(endAll)

const COMMAND = join(ROOT, 'zeek-cluster')
const PEER = join(ROOT, 'test/process/store-peer.mjs')

let cwd: string
beforeAll(() => {
  cwd = temporaryDirectory()
})

interface Master {
  readonly process: Running
  readonly address: string
  /** Runs `store shared ACTION…` against it. */
  store(...args: string[]): Promise<Running>
  startStore(...args: string[]): Running
}

async function freeAddress(): Promise<string> {
  const [port] = await freePorts(1)
  return `127.0.0.1:${port}`
}

const aimedAt = (args: readonly string[], address: string, ...flags: string[]): string[] => [
  'store',
  'shared',
  ...args,
  '--peer',
  address,
  ...flags,
]

async function startMaster(...flags: string[]): Promise<Master> {
  const address = await freeAddress()
  const master = start(['store', 'shared', '--master', '--listen', address, ...flags], { cwd })
  await master.line(/^serving the master of store shared: /)
  return {
    process: master,
    address,
    store: (...args) => run(aimedAt(args, address), { cwd }),
    startStore: (...args) => start(aimedAt(args, address), { cwd }),
  }
}

/** A peer made with the library, in plain TCP: where it listens, its role and its ways. */
async function startPeer(...args: string[]): Promise<Running> {
  const peer = start([PEER, ...args], { cwd, command: process.execPath })
  await peer.line(/^\{"(keys|mute)"/)
  if (args.includes('diverged')) await peer.line(/^\{"diverged"/)
  return peer
}

/** A shell line with several of our commands. */
const shell = (line: string): Promise<Running> => run(['-c', line], { cwd, command: '/bin/sh' })

const expectDone = ({ exit, stdout, stderr }: Running, ...lines: string[]): void =>
  expect([exit, stdout, stderr]).toEqual([0, lines, []])

const errorOf = ({ exit, stdout, stderr }: Running): [unknown, string] => {
  expect(stdout).toEqual([])
  expect(stderr).toHaveLength(1)
  expect(stderr[0]).toMatch(/^zeek-cluster: error: /)
  return [exit, stderr[0]!.replace('zeek-cluster: error: ', '')]
}

const string = (text: string): string => `{"@data-type":"string","data":${JSON.stringify(text)}}`
const count = (value: number): string => `{"@data-type":"count","data":${value}}`
const entry = (key: string, value: string): string => `{"key":${key},"value":${value}}`

/** What real Zeek sent of every type, as values of keys with their names, and as keys themselves. */
function recordedEntries(): string[] {
  const values = vectorNames('values')
    .filter((file) => file !== 'printed.jsonl')
    .flatMap((file) =>
      readJsonLines<{ readonly name: string; readonly value_hex?: string | null }>(`values/${file}`),
    )
    .flatMap(({ name, value_hex }) => {
      if (value_hex === null || value_hex === undefined) return []
      return [[name, valueToExactJson(readValue(new ByteReader(Buffer.from(value_hex, 'hex'))))] as const]
    })
  const byName = new Map(values.map(([name, value]) => [entry(string(name), value), value]))
  const asKeys = new Map([...byName.values()].map((value) => [value, entry(value, count(1))]))
  // A string may be a name too.
  for (const [name] of values) asKeys.delete(string(name))
  return [...byName.keys(), ...asKeys.values()]
}

describe('entries', () => {
  let master: Master
  beforeAll(async () => {
    master = await startMaster()
  })

  test('put, get and erase by one command after the other', async () => {
    expectDone(await master.store('put', 'addr:10.0.0.1', 'string:grüße'))
    expectDone(await master.store('get', 'addr:10.0.0.1'), 'grüße')
    expectDone(await master.store('get', 'addr:10.0.0.1', '--json'), string('grüße'))
    expectDone(await master.store('put', 'addr:10.0.0.1', 'interval:90s'))
    expectDone(await master.store('get', 'addr:10.0.0.1'), '1.0 min 30.0 secs')
    expectDone(await master.store('get', '{"@data-type":"address","data":"10.0.0.1"}'), '1.0 min 30.0 secs')
    expectDone(await master.store('erase', 'addr:10.0.0.1'))
    expectDone(await master.store('erase', 'addr:10.0.0.1'))
    expect(errorOf(await master.store('get', 'addr:10.0.0.1'))).toEqual([
      1,
      'store shared has no key addr:10.0.0.1',
    ])
  })

  test('put-unique says who was first', async () => {
    expectDone(await master.store('put-unique', 'string:once', 'count:1'), 'T')
    expectDone(await master.store('put-unique', 'string:once', 'count:2'), 'F')
    expectDone(await master.store('put-unique', 'string:once', 'count:3', '--json'), '{"inserted":false}')
    expectDone(await master.store('get', 'string:once'), '1')
  })

  test('keys are printed a line each', async () => {
    const { stdout } = await master.store('keys')
    for (const key of stdout)
      expectDone(await master.store('erase', key === 'once' ? 'string:once' : `addr:${key}`))
    expectDone(
      await master.store('put', '{"@data-type":"set","data":[{"@data-type":"count","data":1}]}', 'bool:T'),
    )
    expectDone(await master.store('keys'), '{ 1 }')
    expectDone(
      await master.store('keys', '--json'),
      '{"@data-type":"set","data":[{"@data-type":"count","data":1}]}',
    )
  })

  test('an entry with an expiry is gone in time, seen by who watches', async () => {
    const watcher = await startWatch(master, '--count', '2')
    expectDone(await master.store('put', 'string:brief', 'count:1', '--expiry', '300ms'))
    expect(await watcher.end()).toBe(0)
    expect(watcher.stdout).toEqual([
      `{"change":"insert","key":${string('brief')},"value":${count(1)}}`,
      `{"change":"expire","key":${string('brief')},"old":${count(1)}}`,
    ])
    expect(errorOf(await master.store('get', 'string:brief'))[0]).toBe(1)
  })

  test('a master in the place of another is refused', async () => {
    const [exit, message] = errorOf(
      await run(['store', 'shared', '--master', '--peer', master.address], { cwd }),
    )
    expect([exit, message]).toEqual([
      1,
      expect.stringMatching(/^store shared: the master is on the endpoint /),
    ])
  })

  test('without the master: what to check', async () => {
    const other = (...args: string[]): Promise<Running> =>
      run(['store', 'shard', ...args, '--peer', master.address, '--timeout', '0.5'], { cwd })
    expect(errorOf(await other('keys'))).toEqual([
      1,
      `store shard: no master on ${master.address}; check the name (they have: shared), and that a peer of this command creates the store`,
    ])
    const address = await freeAddress()
    const listener = await run(['store', 'shared', 'keys', '--listen', address, '--timeout', '0.5'], { cwd })
    expect([listener.exit, ...listener.stderr]).toEqual([
      1,
      `listening on ${address}`,
      'zeek-cluster: error: store shared: nobody was connected within 0.5 s',
    ])
    const silent = await freeAddress()
    await startPeer(silent, 'master', 'mute')
    const waiting = await run(aimedAt(['keys'], silent, '--no-tls', '--timeout', '0.5'), { cwd })
    expect(errorOf(waiting)).toEqual([1, `store shared: no copy from the master on ${silent} within 0.5 s`])
  })

  test('bad usage: exit code 2, before anything is connected', async () => {
    expect(errorOf(await run(aimedAt(['get', '5'], '127.0.0.1:1'), { cwd }))).toEqual([
      2,
      expect.stringMatching(/^argument '5': write TYPE:VALUE/),
    ])
    const help = await run(['store', '--help'], { cwd })
    expect([help.exit, help.text.includes('--websocket')]).toEqual([0, false])
  })

  test('a master that is stopped ends in order', async () => {
    expect(await master.process.end('SIGTERM')).toBe(0)
    expect(master.process.stderr).toEqual([
      `listening on ${master.address}`,
      'serving the master of store shared: 0 keys',
    ])
  })
})

/** Starts `watch`, and waits until it sees what changes. */
async function startWatch(master: Master, ...flags: string[]): Promise<Running> {
  const watcher = master.startStore('watch', ...flags)
  await watcher.line(/^watching store shared$/)
  return watcher
}

describe('watch', () => {
  test('sees what other processes change', async () => {
    const master = await startMaster()
    const watcher = await startWatch(master)
    expectDone(await master.store('put', 'string:a', 'count:1'))
    expectDone(await master.store('put', 'string:a', 'count:2'))
    expectDone(await master.store('erase', 'string:a'))
    await watcher.line(/erase/)
    expect(await watcher.end('SIGINT')).toBe(0)
    expect(watcher.stdout).toEqual([
      `{"change":"insert","key":${string('a')},"value":${count(1)}}`,
      `{"change":"update","key":${string('a')},"old":${count(1)},"value":${count(2)}}`,
      `{"change":"erase","key":${string('a')},"old":${count(2)}}`,
    ])
    const brief = await startWatch(master, '--for', '0.2')
    expect([await brief.end(), brief.stdout]).toEqual([0, []])
  })

  test('ends when it is told to while it looks for the master', async () => {
    const watcher = start(['store', 'shared', 'watch', '--listen', await freeAddress()], { cwd })
    await watcher.line(/^listening on /)
    expect(await watcher.end('SIGTERM', 5000)).toBe(0)
  })
})

describe('dump and load', () => {
  const entries = recordedEntries()

  test('carry every type without a loss, from one store into another', async () => {
    const [first, second] = [
      await startMaster(),
      await startMaster('--backend', 'sqlite', '--path', 'second.sqlite'),
    ]
    write(cwd, 'entries.jsonl', entries.map((line) => `${line}\n`).join(''))
    expectDone(await first.store('load', 'entries.jsonl', '--json'), `{"loaded":${entries.length}}`)
    const piped = await shell(
      `${COMMAND} store shared dump --peer ${first.address} | ${COMMAND} store shared load --peer ${second.address}`,
    )
    expectDone(piped)
    const dumped = await second.store('dump')
    expect(dumped.exit).toBe(0)
    expect(dumped.stdout.sort()).toEqual([...entries].sort())
    expect(await second.process.end('SIGINT')).toBe(0)
    // What the master has said to be done is in the file, for a master on its own.
    const kept = await run(
      ['store', 'shared', 'dump', '--master', '--backend', 'sqlite', '--path', 'second.sqlite'],
      { cwd },
    )
    expect([kept.exit, kept.stdout.sort(), kept.stderr]).toEqual([0, [...entries].sort(), []])
  })

  test('of many entries are done in parts', async () => {
    const master = await startMaster()
    const lines = Array.from({ length: 20_000 }, (_, number) => entry(count(number), string('x'.repeat(100))))
    write(cwd, 'many.jsonl', lines.join('\n'))
    expectDone(await master.store('load', 'many.jsonl'))
    const dumped = await shell(`${COMMAND} store shared dump --peer ${master.address} > dumped.jsonl`)
    expectDone(dumped)
    const text = readFileSync(join(cwd, 'dumped.jsonl'), 'utf8').trimEnd()
    expect(text.split('\n').sort()).toEqual(lines.sort())
    const verified = await master.store('verify')
    expect([verified.exit, verified.stdout.filter((line) => / 20000 .* equal$/.test(line)).length]).toEqual([
      0, 2,
    ])
  })

  test('a bad line is named; those before it are loaded', async () => {
    const master = await startMaster()
    const bad: readonly (readonly [string, RegExp])[] = [
      ['{"key"', /^line 3: not valid JSON/],
      ['[]', /^line 3: the line is not an object/],
      [`{"key":${count(1)}}`, /^line 3: /],
      [entry('{"@data-type":"strange","data":1}', count(1)), /^line 3: unknown @data-type 'strange'/],
      [entry(count(1), '{"@data-type":"count","data":-1}'), /^line 3: /],
    ]
    for (const [index, [line, message]] of bad.entries()) {
      write(
        cwd,
        'bad.jsonl',
        `${entry(count(index), count(1))}\n\n${line}\n${entry(string('behind'), count(1))}\n`,
      )
      expect(errorOf(await master.store('load', 'bad.jsonl')), line).toEqual([
        2,
        expect.stringMatching(message),
      ])
    }
    const { stdout } = await master.store('keys')
    expect(stdout.sort()).toEqual(bad.map((_, index) => String(index)))
    expect(errorOf(await master.store('load', 'nowhere.jsonl'))).toEqual([
      2,
      expect.stringMatching(/nowhere\.jsonl/),
    ])
  })
})

describe('a master on its own', () => {
  test.each(['sqlite', 'rocksdb'])('reads and writes a file of %s that no node has open', async (backend) => {
    const alone = (...args: string[]): Promise<Running> =>
      run(['store', 'shared', ...args, '--master', '--backend', backend, '--path', `alone.${backend}`], {
        cwd,
      })
    expectDone(await alone('put', 'string:a', 'count:1', '--durability', 'process'))
    expectDone(await alone('put-unique', 'string:a', 'count:2'), 'F')
    expectDone(await alone('get', 'string:a'), '1')
    write(cwd, 'foreign', 'this is no store')
    const foreign = await run(
      ['store', 'shared', 'keys', '--master', '--backend', backend, '--path', 'foreign'],
      { cwd },
    )
    expect(errorOf(foreign)[0]).toBe(1)
  })
})

describe('verify', () => {
  interface Line {
    readonly participant: string
    readonly result?: string
    readonly difference?: string
    readonly key?: { readonly data: string }
  }

  const lines = (verified: Running): Line[] => verified.stdout.map((line) => JSON.parse(line) as Line)
  /** Results by role, and how each key differs. */
  const results = (verified: Running): string[] => lines(verified).flatMap(({ result }) => result ?? [])
  const differences = (verified: Running): string[] =>
    lines(verified)
      .flatMap(({ difference, key }) => (difference === undefined ? [] : `${key?.data} ${difference}`))
      .sort()

  async function startPlainMaster(...ways: string[]): Promise<string> {
    const address = await freeAddress()
    await startPeer(address, 'master', ...ways)
    for (const key of ['same', 'changed', 'missing']) {
      expectDone(await run(aimedAt(['put', `string:${key}`, 'count:1'], address, '--no-tls'), { cwd }))
    }
    return address
  }

  test('all are equal: a line for each', async () => {
    const address = await startPlainMaster()
    const clone = await freeAddress()
    await startPeer(clone, 'clone', `dial:${address}`)
    const verified = await run([...aimedAt(['verify'], address, '--no-tls'), '--peer', clone], { cwd })
    expect(verified.exit).toBe(0)
    expect(verified.stdout.map((line) => line.split(/ {2,}/).join(' '))).toEqual([
      'PARTICIPANT ROLE KEYS POSITION RESULT',
      expect.stringMatching(new RegExp(`^${address} master 3 \\d+ equal$`)),
      expect.stringMatching(new RegExp(`^${clone} clone 3 \\d+ equal$`)),
      expect.stringMatching(/^this command clone 3 \d+ equal$/),
    ])
  })

  test('a clone that differs is named, with each key', async () => {
    const [address, clone] = [await startPlainMaster(), await freeAddress()]
    await startPeer(clone, 'clone', `dial:${address}`, 'diverged')
    const both = [...aimedAt(['verify'], address, '--no-tls'), '--peer', clone]
    const verified = await run([...both, '--json'], { cwd })
    expect([verified.exit, ...verified.stderr]).toEqual([
      1,
      `zeek-cluster: error: store shared: ${clone} differs`,
    ])
    expect(results(verified)).toEqual(['equal', 'different', 'equal'])
    expect(differences(verified)).toEqual(['changed other-value', 'extra extra', 'missing missing'])
    const text = await run(both, { cwd })
    expect(text.stdout.slice(-3).sort()).toEqual([
      `${clone}: changed has another value`,
      `${clone}: extra is there in addition`,
      `${clone}: missing is missing`,
    ])
  })

  test('a participant that does not answer is not taken for equal', async () => {
    const [address, clone] = [await startPlainMaster(), await freeAddress()]
    await startPeer(clone, 'clone', 'mute')
    const both = [...aimedAt(['verify', '--json'], address, '--no-tls', '--timeout', '1'), '--peer', clone]
    const verified = await run(both, { cwd })
    expect([verified.exit, ...verified.stderr]).toEqual([
      1,
      `zeek-cluster: error: store shared: ${clone} did not answer`,
    ])
    expect(results(verified)).toEqual(['equal', 'silent', 'equal'])
  })

  test('a stock master cannot be asked: clones of ours are compared with a fresh copy', async () => {
    const [address, clone] = [await startPlainMaster('stock'), await freeAddress()]
    await startPeer(clone, 'clone', `dial:${address}`, 'diverged')
    const both = [...aimedAt(['verify', '--json'], address, '--no-tls'), '--peer', clone]
    const verified = await run(both, { cwd })
    expect([verified.exit, ...verified.stderr]).toEqual([
      1,
      'no master of ours: all were compared with the copy of this command',
      `zeek-cluster: error: store shared: ${clone} differs`,
    ])
    expect(results(verified)).toEqual(['stock', 'different', 'equal'])
    expect(differences(verified)).toEqual(['changed other-value', 'extra extra', 'missing missing'])
  })

  test('a store that changes all the time is compared as far as it stands still', async () => {
    const [address, clone] = [await startPlainMaster('busy'), await freeAddress()]
    await startPeer(clone, 'clone', `dial:${address}`, 'diverged')
    const verified = await run([...aimedAt(['verify', '--json'], address, '--no-tls'), '--peer', clone], {
      cwd,
    })
    expect(verified.exit).toBe(1)
    expect(differences(verified)).toEqual(['changed other-value', 'extra extra', 'missing missing'])
    expect(results(verified)[1]).toBe('different')
    expect(['equal', 'busy']).toContain(results(verified)[2])
  })
})

const SCRIPT = `import type { Cluster } from 'zeek-cluster'

export default async (cluster: Cluster): Promise<void> => {
  const { store } = await cluster.createStore('hosts', { persistent: true })
  if (cluster.name === 'manager') await store?.put('started', [1n, 'x'])
}
`

describe('a running cluster', () => {
  test('is read, written and compared by the names of its nodes', async () => {
    const directory = temporaryDirectory()
    const layout = await layoutOf('logger-1', 'manager', 'worker-1', 'worker-2')
    write(directory, 'cluster-layout.zeek', layout.text)
    write(directory, 'hosts.ts', SCRIPT)
    const up = await startUp(['--script', 'hosts.ts'], { cwd: directory })
    const hosts = (...args: string[]): Promise<Running> =>
      run(['store', 'hosts', ...args], { cwd: directory })
    expectDone(await hosts('get', 'string:started'), '[1, x]')
    expectDone(await hosts('put', 'addr:10.0.0.1', 'count:5'))
    const verified = await hosts('verify')
    expect([verified.exit, verified.stderr]).toEqual([0, []])
    const rows = verified.stdout
      .slice(1)
      .map((line) => line.split(/ {2,}/).filter((_, column) => column !== 3))
    expect(rows.sort()).toEqual([
      ['logger-1', 'clone', '2', 'equal'],
      ['manager', 'master', '2', 'equal'],
      ['this command', 'clone', '2', 'equal'],
      ['worker-1', 'clone', '2', 'equal'],
      ['worker-2', 'clone', '2', 'equal'],
    ])
    const [exit, message] = errorOf(await hosts('get', 'string:absent'))
    expect([exit, message]).toEqual([1, 'store hosts has no key string:absent'])
    const unknown = await run(['store', 'host', 'keys', '--timeout', '0.5'], { cwd: directory })
    expect(errorOf(unknown)).toEqual([1, expect.stringMatching(/check the name \(they have: hosts\)/)])
    expect(await up.end('SIGTERM')).toBe(0)
    // The cluster is gone: its file can be read by itself.
    const none = await hosts('keys')
    expect(errorOf(none)).toEqual([1, expect.stringMatching(/^no cluster runs in /)])
  })

  test('a master that listens waits for clones; one that dials comes to them', async () => {
    const address = await freeAddress()
    const reader = start(['store', 'shared', 'get', 'string:a', '--listen', address], { cwd })
    await reader.line(/^listening on /)
    write(cwd, 'one.jsonl', entry(string('a'), count(7)))
    const path = ['--backend', 'sqlite', '--path', 'dialing.sqlite']
    expectDone(await run(['store', 'shared', 'load', 'one.jsonl', '--master', ...path], { cwd }))
    const master = start(['store', 'shared', '--master', '--peer', address, ...path], { cwd })
    expect(await reader.end()).toBe(0)
    expect(reader.stdout).toEqual(['7'])
    expect(await master.end('SIGINT')).toBe(0)
    await until(() => master.exit !== undefined, 'the end of the master')
  })
})
