/** The commands that read logs, as a user has them: beside a running cluster that rotates, and when it has ended. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  endAll,
  layoutOf,
  type Running,
  run,
  start,
  startUp,
  temporaryDirectory,
  until,
  write,
} from './support.js'

/** Workers write numbered records: a hundred at once, then one every 50 ms. */
const COUNTING = `import { Address, addr, type Cluster, count, record, set, string, time } from 'zeek-cluster'

export default (cluster: Cluster): void => {
  if (cluster.localNodeType() !== 'WORKER') return
  const columns = { ts: time, node: string, n: count, tags: set(string), id: record({ orig_h: addr }) }
  const stream = cluster.logs.createStream('Counting::LOG', { columns, path: 'counting' })
  const host = Address.parse('10.0.0.1')
  let n = 0n
  const next = (): void => {
    const tags = n % 2n === 0n ? ['even', 'any'] : ['any']
    const ts = cluster.clock.wallMs() / 1000
    stream.write({ ts, node: cluster.name, n, tags: new Set(tags), id: { orig_h: host } })
    n += 1n
  }
  for (let index = 0; index < 100; index += 1) next()
  const tick = (): void => {
    next()
    cluster.timers.after(50, tick)
  }
  tick()
}
`

let directory: string
let up: Running

beforeAll(async () => {
  directory = temporaryDirectory()
  const { text } = await layoutOf('manager', 'logger-1', 'logger-2', 'worker-1', 'worker-2')
  write(directory, 'cluster-layout.zeek', `${text}redef Log::default_rotation_interval = 2sec;\n`)
  write(directory, 'counting.ts', COUNTING)
  up = await startUp(['--script', 'counting.ts'], { cwd: directory })
  const archive = join(directory, '.zeek-cluster/archive')
  const isArchived = (): boolean => {
    const days = readdirSync(directory).includes('.zeek-cluster') ? list(archive) : []
    return days.some((day) => list(join(archive, day)).some((name) => /^counting\..*\.log\.gz$/.test(name)))
  }
  await until(isArchived, 'a rotated file of counting.log')
})

afterAll(endAll)

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const logs = (...args: string[]): Promise<Running> => run(['logs', ...args], { cwd: directory })

/** All from 0 on, each once. Of two loggers one may have written its latest ones down before the other has. */
function expectOnce(numbers: readonly number[], what: string): void {
  const sorted = numbers.toSorted((a, b) => a - b)
  expect(new Set(sorted).size, `${what}: none twice`).toBe(sorted.length)
  const settled = sorted.slice(0, -LATEST)
  expect(settled, what).toEqual(settled.map((_, index) => index))
}

const LATEST = 20

interface Counted {
  readonly ts: number
  readonly node: string
  readonly n: number
  readonly tags: readonly string[]
  readonly 'id.orig_h': string
}

describe('beside a running cluster', () => {
  test('cat: each record once over rotated, archived and written files of both loggers', async () => {
    const { exit, stdout, stderr } = await logs('cat', 'counting')
    expect([exit, stderr]).toEqual([0, []])
    expect(stdout.slice(0, 7)).toEqual([
      '#separator \\x09',
      '#set_separator\t,',
      '#empty_field\t(empty)',
      '#unset_field\t-',
      '#path\tcounting',
      '#fields\tts\tnode\tn\ttags\tid.orig_h',
      '#types\ttime\tstring\tcount\tset[string]\taddr',
    ])
    const rows = stdout.slice(7).map((line) => line.split('\t'))
    const times = rows.map(([ts]) => Number(ts))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    for (const worker of ['worker-1', 'worker-2']) {
      const numbers = rows.flatMap(([, node, n]) => (node === worker ? [Number(n)] : []))
      expect(numbers.length).toBeGreaterThan(100)
      expectOnce(numbers, worker)
    }
  })

  test('cat: columns, filters, JSON', async () => {
    const columns = await logs(
      'cat',
      'counting',
      '-c',
      'n,node',
      'node=worker-1',
      'tags=even',
      'n!=0',
      '--until',
      '0s',
    )
    expect(columns.exit).toBe(0)
    const numbers = columns.stdout.map((line) => Number(/^(\d+)\tworker-1$/.exec(line)?.[1]))
    expectOnce(
      numbers.map((n) => n / 2 - 1),
      'even ones',
    )
    const json = await logs('cat', 'counting.log', '--json', 'node=worker-2', '--since', '1hr')
    const first = JSON.parse(json.stdout[0]!) as Counted
    expect(first).toMatchObject({ node: 'worker-2', 'id.orig_h': '10.0.0.1' })
    expect(first.tags).toContain('any')
    expect(typeof first.ts).toBe('number')
    const unknown = await logs('cat', 'counting', '-c', 'orig_h')
    expect([unknown.exit, unknown.stderr]).toEqual([
      2,
      ['zeek-cluster: error: counting has no column orig_h; it has: ts, node, n, tags, id.orig_h'],
    ])
  })

  test('tail: the last lines by time, then new ones over rotations, each once', async () => {
    const tail = start(['logs', 'tail', 'counting', 'node=worker-1', '-c', 'n', '-n', '3', '-f'], {
      cwd: directory,
    })
    // More than one interval of rotation.
    await until(() => tail.stdout.length > 60, 'sixty lines')
    expect(await tail.end('SIGINT')).toBe(0)
    const numbers = tail.stdout.map(Number)
    const first = Math.min(...numbers)
    expectOnce(
      numbers.map((n) => n - first),
      'followed',
    )
    const last = await logs('tail', 'counting', '-n', '2', '-c', 'ts')
    expect(last.stdout).toHaveLength(2)
    expect(Number(last.stdout[1])).toBeGreaterThanOrEqual(Number(last.stdout[0]))
  })

  test('ls and the ledger, while both move', async () => {
    const ls = await logs('ls')
    expect(ls.stdout[0]).toMatch(/^LOG +NODE +FILES +RECORDS +SIZE +FROM +TO$/)
    expect(ls.stdout.filter((line) => /^counting +archive +\d+ +\d+ /.test(line))).toHaveLength(1)
    const ledger = await logs('ledger')
    expect(ledger.exit, ledger.text).toBe(0)
    expect(ledger.stdout[0]).toMatch(
      /^NODE +STREAM +PRODUCED +MEMORY +SPOOLED +IN-FLIGHT +STORED +DROPPED +ON DISK$/,
    )
    expect(ledger.stdout.filter((line) => /^worker-\d +Counting::LOG +\d+ /.test(line))).toHaveLength(2)
  })
})

// Last: it ends the cluster.
test('when all has ended: what was produced is on disk', async () => {
  expect(await up.end('SIGTERM')).toBe(0)
  const ledger = await logs('ledger', '--json')
  expect(ledger.exit, ledger.text).toBe(0)
  const { rows } = JSON.parse(ledger.stdout[0]!) as { rows: Record<string, unknown>[] }
  const counted = rows.filter(({ stream }) => stream === 'Counting::LOG')
  expect(counted).toHaveLength(2)
  const files = JSON.parse((await logs('ls', '--json')).stdout[0]!) as { log: string; records: number }[]
  const records = files.reduce((sum, file) => sum + (file.log === 'counting' ? file.records : 0), 0)
  expect(counted.reduce((sum, row) => sum + Number(row['onDisk']), 0)).toBe(records)
  const byRun = await logs('ledger', '--runs')
  expect(byRun.stdout[0]).toMatch(/^NODE +PROCESS +STATE +STREAM /)
  expect(byRun.stdout.some((line) => /^worker-1 +\S+ +ended +Counting::LOG /.test(line))).toBe(true)
  const cat = await logs('cat', 'counting', '-c', 'n')
  expect(cat.stdout).toHaveLength(records)
})
