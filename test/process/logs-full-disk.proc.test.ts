/** A logger whose disk is full: it says so, senders keep their records, and it goes on by itself. */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { LogCluster } from './log-cluster.js'
import { fillDisk, hasMount, mountDisk, mountReason, unmountAll } from './small-disk.js'
import { endAll, until } from './support.js'

afterEach(async () => {
  unmountAll()
  await endAll()
})

describe.skipIf(!hasMount)(`a logger with a full disk${mountReason}`, () => {
  test('loses nothing, writes nothing twice, and says when it works again', async () => {
    const cluster = new LogCluster()
    await cluster.prepare()
    const disk = join(cluster.folder, 'disk')
    mkdirSync(join(cluster.folder, 'spool'), { recursive: true })
    mkdirSync(disk)
    expect(mountDisk(disk, 8)).toBe(true)
    // Its logs and what it has to know after a crash are on the same disk.
    for (const part of ['logs', 'spool/logger']) {
      mkdirSync(join(disk, part), { recursive: true })
      symlinkSync(join(disk, part), join(cluster.folder, part))
    }
    const logger = cluster.logger()
    const worker = cluster.worker()
    await worker.line(/^up logger/)
    await until(
      () => cluster.written('run-1') > 2000,
      () => 'the first records',
    )
    const filler = join(disk, 'filler')
    fillDisk(filler)
    const full = await logger.line(
      /^report log-write-failed: cannot write .*kill\.log: ENOSPC.*; records wait in memory and with their senders until it works again$/,
    )
    expect(full.line).not.toMatch(/\n/)
    await logger.line(/^health degraded: cannot write .*\.log: ENOSPC/)
    const before = cluster.written('run-1')
    await until(
      () => cluster.written('run-1') > before + 10_000,
      () => 'more records while the disk is full',
    )
    rmSync(filler)
    await logger.line(/^report log-write-resumed: .*kill\.log is written again$/)
    await logger.line(/^health up$/)
    await worker.end('SIGTERM')
    await logger.end('SIGTERM')
    const numbers = cluster.stored().get('run-1')!
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(numbers).toHaveLength(cluster.written('run-1'))
  })
})
