/** Folders, drivers and files for tests of store backends. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import { sqliteDrivers } from '../../src/sqlite/drivers.js'
import type { Backend, Change, StoredEntry } from '../../src/store/backends/backend.js'
import { loadLibrocksdb } from '../../src/store/backends/librocksdb.js'

export const hasRocksdb = loadLibrocksdb() !== undefined
/** Added to the names of tests that are skipped without the library. */
export const rocksdbReason = hasRocksdb ? '' : ' (skipped: librocksdb is not installed)'

/** Every driver by its name; both where Node.js has one. */
export const SQLITE_DRIVERS = sqliteDrivers()

/** A folder of its own for one test, which removes it. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zeek-cluster-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Names and bytes of everything in a folder. */
export function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [relative(folder, path), readFileSync(path).toString('base64')]
    }),
  )
}

export async function loadAll(backend: Backend): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = []
  for await (const chunk of backend.load()) entries.push(...chunk)
  return entries
}

export function putOf(key: string, value: string, expiryNs?: bigint): Change {
  return { kind: 'put', entry: { key: Buffer.from(key), value: Buffer.from(value), expiryNs } }
}

/** Entries as texts, in the order of their keys. */
export function textsOf(entries: readonly StoredEntry[]): string[] {
  return entries
    .map(({ key, value, expiryNs }) => {
      const until = expiryNs === undefined ? '' : ` until ${expiryNs}`
      return `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}${until}`
    })
    .sort()
}

/** The code of what a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
