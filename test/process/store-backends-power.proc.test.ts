/**
 * What a commit with the durability `machine` outlives: a loss of power. `test/support/power-loss.c` makes a disk that
 * forgets what was not synced. That the same disk takes commits with the durability `process` shows that it does.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasRocksdb, rocksdbReason } from '../support/store-backends.js'
import { checkStore, runPeer, type StoreSpec, storeSpec } from './store-backend-support.js'
import { endAll, temporaryDirectory } from './support.js'

const SOURCE = fileURLToPath(new URL('../support/power-loss.c', import.meta.url))
const hasCompiler = spawnSync('gcc', ['--version']).status === 0 && process.platform === 'linux'
const compilerReason = hasCompiler ? '' : ' (skipped: there is no gcc, or no Linux)'

const ROUNDS = process.env['ZEEK_CLUSTER_TEST_LONG'] === '1' ? 40 : 3
const COMMITS_MAX = 40

let library = ''
beforeAll(() => {
  if (!hasCompiler) return
  library = join(temporaryDirectory(), 'power-loss.so')
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-pthread', '-o', library, SOURCE, '-ldl'])
})
afterAll(endAll)

const randomBelow = (limit: number): number => Math.floor(Math.random() * limit)

/** Makes commits until the power is lost; the number of the last that was acknowledged. */
async function commitUntilLoss(
  spec: StoreSpec,
  commits: number,
  seeds: { readonly moment: number; readonly disk: number },
): Promise<number> {
  const shadow = temporaryDirectory()
  const lines = await runPeer('commit', spec, [String(commits), String(seeds.moment)], {
    LD_PRELOAD: library,
    POWER_LOSS_FOLDER: spec.options.rocksdb.path || spec.folder,
    POWER_LOSS_SHADOW: shadow,
    POWER_LOSS_SEED: String(seeds.disk),
  })
  const last = lines.at(-1)
  const match = last === undefined ? undefined : /^done (\d+)$/.exec(last)
  if (match === null) throw new Error(lines.join('\n'))
  return match === undefined ? 0 : Number(match[1])
}

/** The folder is there already: that it appears is not what is tested. */
function specOf(backend: StoreSpec['backend'], durability: 'machine' | 'process', sqlite = {}): StoreSpec {
  const folder = realpathSync(temporaryDirectory())
  const path = join(folder, 's.rocksdb')
  if (backend === 'Broker::ROCKSDB') mkdirSync(path)
  const rocksdb = { path: backend === 'Broker::ROCKSDB' ? path : '' }
  return { ...storeSpec(folder, backend, durability), options: { sqlite: { path: '', ...sqlite }, rocksdb } }
}

describe.skipIf(!hasCompiler)(`a loss of power${compilerReason}`, () => {
  test.for<readonly [name: string, make: () => StoreSpec, isThere: boolean]>([
    ['SQLite', () => specOf('Broker::SQLITE', 'machine'), true],
    [
      'SQLite with a write-ahead log',
      () => specOf('Broker::SQLITE', 'machine', { journalMode: 'WAL' }),
      true,
    ],
    [`RocksDB${rocksdbReason}`, () => specOf('Broker::ROCKSDB', 'machine'), hasRocksdb],
  ])(
    '%s, machine: nothing that was acknowledged is lost',
    { timeout: 30_000 + ROUNDS * 10_000 },
    async ([, make, isThere], { skip }) => {
      skip(!isThere)
      const spec = make()
      let committed = 0
      for (let round = 0; round < ROUNDS; round += 1) {
        const commits = 1 + randomBelow(COMMITS_MAX)
        // At first all is forgotten that was not synced, then some of it.
        const seeds = { moment: 1 + randomBelow(2 ** 30), disk: round === 0 ? 0 : 1 + randomBelow(2 ** 30) }
        const what = `round ${round}, ${commits} commits, seeds ${JSON.stringify(seeds)}`
        const acknowledged = Math.max(committed, await commitUntilLoss(spec, commits, seeds))
        committed = await checkStore(spec).catch((error: unknown) => {
          throw new Error(what, { cause: error })
        })
        expect(committed, what).toBeGreaterThanOrEqual(acknowledged)
        expect(committed, what).toBeLessThanOrEqual(acknowledged + 1)
      }
    },
  )

  test.for<readonly [name: string, make: () => StoreSpec, isThere: boolean]>([
    ['SQLite', () => specOf('Broker::SQLITE', 'process'), true],
    [`RocksDB${rocksdbReason}`, () => specOf('Broker::ROCKSDB', 'process'), hasRocksdb],
  ])('%s, process: what was acknowledged is lost', async ([, make, isThere], { skip }) => {
    skip(!isThere)
    const spec = make()
    const acknowledged = await commitUntilLoss(spec, 20, { moment: 1, disk: 0 })
    expect(acknowledged).toBe(19)
    expect(await checkStore(spec)).toBe(0)
  })
})
