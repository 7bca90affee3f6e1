/**
 * What happens to stores when their process ends at any moment, and when several processes want the same one.
 * `ZEEK_CLUSTER_TEST_LONG=1` makes it many more rounds (`npm run test:long`).
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  checkStore,
  runPeer,
  STORE_KINDS,
  type StoreSpec,
  startPeer,
  storeSpec,
} from './store-backend-support.js'
import { endAll, ROOT, temporaryDirectory } from './support.js'

afterEach(endAll)

const ROUNDS = process.env['ZEEK_CLUSTER_TEST_LONG'] === '1' ? 200 : 10
const COMMITS_MAX = 60

/** How many rounds each kind has, so that they are `ROUNDS` in all. */
function roundsOf(kind: number): number {
  return Math.floor((ROUNDS + kind) / STORE_KINDS.length)
}

const randomBelow = (limit: number): number => Math.floor(Math.random() * limit)

describe.each(STORE_KINDS.map((kind, index) => ({ ...kind, rounds: roundsOf(index) })))(
  '$name',
  ({ make, isThere, rounds }) => {
    test.skipIf(!isThere)(
      'a commit that was acknowledged is there after kill -9, and each is there as a whole or not at all',
      async () => {
        const spec = make(temporaryDirectory())
        let acknowledged = 0
        for (let round = 0; round < rounds; round += 1) {
          const commits = 1 + randomBelow(COMMITS_MAX)
          const seed = randomBelow(2 ** 31)
          const what = `round ${round}, ${commits} commits, seed ${seed}`
          // Killed from outside while commits go on, or by itself at a chosen moment of the last one.
          if (round % 2 === 0) {
            const peer = startPeer('commit', spec)
            await peer.line(new RegExp(`^done ${acknowledged + commits}$`))
            await peer.end('SIGKILL')
            acknowledged = lastDone(peer.stdout, acknowledged)
          } else {
            const lines = await runPeer('commit', spec, [String(commits), String(seed)])
            acknowledged = lastDone(lines, acknowledged)
          }
          const committed = await checkStore(spec)
          expect(committed, what).toBeGreaterThanOrEqual(acknowledged)
          // What was under way may be there.
          expect(committed, what).toBeLessThanOrEqual(acknowledged + 1)
          acknowledged = committed
        }
        expect(acknowledged).toBeGreaterThan(0)
      },
      30_000 + rounds * 5000,
    )

    test.skipIf(!isThere)('a store that another process has open is left alone', async () => {
      const spec = make(temporaryDirectory())
      const holder = startPeer('hold', spec)
      await holder.line(/^open$/)
      expect(await runPeer('open', spec)).toEqual([expect.stringMatching(/^file-in-use /)])
      const greedy = { ...spec, options: { ...spec.options, sqlite: { path: '', failureMode: 'DELETE' } } }
      expect(await runPeer('open', greedy as StoreSpec)).toEqual([expect.stringMatching(/^file-in-use /)])
      await holder.end('SIGKILL')
      expect(await runPeer('open', spec)).toEqual(['open'])
    })

    test.skipIf(!isThere)('a place that may not be written is refused', async () => {
      const folder = temporaryDirectory()
      const spec = make(folder)
      expect(await runPeer('open', spec)).toEqual(['open'])
      chmodSync(folder, 0o555)
      // The superuser may write everywhere, and has to be somebody else.
      const user = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
      const peer = join(ROOT, 'test/process/store-backend-peer.mjs')
      const { stdout } = spawnSync(process.execPath, [peer, 'open', JSON.stringify(spec)], {
        encoding: 'utf8',
        ...user,
      })
      chmodSync(folder, 0o755)
      expect(stdout).toMatch(/^path-unusable /)
      expect(await runPeer('open', spec)).toEqual(['open'])
    })
  },
)

test('a store with a log that its process left behind is not changed by who may not have it', async () => {
  const folder = temporaryDirectory()
  const spec = storeSpec(folder, 'Broker::SQLITE', 'process')
  await runPeer('commit', spec, ['5', '1'])
  const path = join(folder, 's.sqlite')
  const log = readFileSync(`${path}-wal`)
  expect(log.length).toBeGreaterThan(0)
  writeFileSync(path, 'not a database')
  expect(await runPeer('open', spec)).toEqual([expect.stringMatching(/^foreign-file /)])
  expect(readFileSync(path, 'utf8')).toBe('not a database')
  expect(readFileSync(`${path}-wal`)).toEqual(log)
})

function lastDone(lines: readonly string[], otherwise: number): number {
  const numbers = lines.flatMap((line) => {
    const match = /^done (\d+)$/.exec(line)
    return match === null ? [] : [Number(match[1])]
  })
  return numbers.at(-1) ?? otherwise
}
