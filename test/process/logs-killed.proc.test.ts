/**
 * Senders and loggers of log records that are killed at any moment: nothing that reached the spool is lost, nothing is
 * there twice, and the ledger says so. `ZEEK_CLUSTER_TEST_LONG=1` makes it many more rounds (`npm run test:long`).
 */
import { afterEach, expect, test } from 'vitest'
import type { LedgerRow, RunLedger } from '../../src/logging/delivery/delivery-settings.js'
import { LogCluster } from './log-cluster.js'
import { endAll, until } from './support.js'

afterEach(endAll)

const ROUNDS = process.env['ZEEK_CLUSTER_TEST_LONG'] === '1' ? 100 : 10
/** What may be in the memory of a sender that is killed. */
const IN_MEMORY = 1000

const randomBelow = (limit: number): number => Math.floor(Math.random() * limit)

function sum(ledger: readonly RunLedger[], term: (row: LedgerRow) => number): number {
  const rows = ledger.flatMap((run) => run.rows.filter(({ stream }) => stream === 'Kill::LOG'))
  return rows.reduce((total, row) => total + term(row), 0)
}

const dropped = (row: LedgerRow): number =>
  Object.values(row.dropped).reduce((total, records) => total + records, 0)

test(
  `${ROUNDS} times kill -9 of sender, logger or both: every record that reached the spool is stored once`,
  async () => {
    const cluster = new LogCluster()
    await cluster.prepare()
    let logger = cluster.logger()
    let worker = cluster.worker()
    for (let round = 0; round < ROUNDS; round += 1) {
      await worker.line(/^started/)
      // Sometimes before they know each other, sometimes in the middle of everything.
      if (round % 3 > 0) await worker.line(/^up logger/)
      await new Promise((resolve) => setTimeout(resolve, randomBelow(400)))
      const victims = (['worker', 'logger', 'both'] as const)[round % 3]!
      if (victims !== 'logger') {
        await worker.end('SIGKILL')
        worker = cluster.worker()
      }
      if (victims !== 'worker') {
        await logger.end('SIGKILL')
        logger = cluster.logger()
      }
    }
    await worker.line(/^up logger/)
    await worker.end('SIGTERM')
    expect(worker.stdout.at(-1)).toBe('stopped')
    await logger.end('SIGTERM')

    const ledger = await cluster.ledger()
    const stored = cluster.stored()
    let lost = 0
    for (const run of cluster.runs) {
      const numbers = stored.get(run) ?? []
      // Each once, in order, from the first on: what is missing was written last.
      expect(
        numbers.toSorted((a, b) => a - b),
        run,
      ).toEqual(numbers.map((_, index) => index + 1))
      const missing = cluster.written(run) - numbers.length
      expect(missing, `${run}: records that only memory had`).toBeLessThanOrEqual(IN_MEMORY)
      lost += Math.max(0, missing)
    }
    const all = [...stored.values()].reduce((total, numbers) => total + numbers.length, 0)
    expect(all).toBeGreaterThan(1000)
    expect(sum(ledger, (row) => row.stored)).toBe(all)
    expect(sum(ledger, (row) => row.inMemory + row.spooled + row.inFlight + row.unconfirmed)).toBe(0)
    expect(sum(ledger, dropped)).toBe(0)
    expect(sum(ledger, (row) => row.produced)).toBe(all)
    const lostAtMost = ledger.reduce((total, run) => total + Number(run.lostAtMost), 0)
    expect(lostAtMost).toBeGreaterThanOrEqual(lost)
  },
  60_000 + ROUNDS * 10_000,
)

test('a logger that is away: records wait on disk and come in order when it is back', async () => {
  const cluster = new LogCluster()
  await cluster.prepare()
  const worker = cluster.worker()
  await until(
    async () => (cluster.written('run-1') > 20_000 ? true : undefined),
    () => 'the first 20 000 records',
  )
  expect(sum(await cluster.ledger(), (row) => row.spooled)).toBeGreaterThan(10_000)
  const logger = cluster.logger()
  await worker.line(/^up logger/)
  await worker.end('SIGTERM')
  await logger.end('SIGTERM')
  const numbers = cluster.stored().get('run-1')!
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  expect(numbers).toHaveLength(cluster.written('run-1'))
})
