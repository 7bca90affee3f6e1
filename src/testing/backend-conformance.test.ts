import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasRocksdb, rocksdbReason, SQLITE_DRIVERS, testFolder } from '../../test/support/store-backends.js'
import type { Backend, Change } from '../store/backends/backend.js'
import { openMemory } from '../store/backends/memory.js'
import { openRocksdb } from '../store/backends/rocksdb.js'
import { openSqlite } from '../store/backends/sqlite.js'
import { BACKEND_CONFORMANCE } from './backend-conformance.js'

type OpenIn = (folder: string) => Promise<Backend>

const WAL = { synchronous: 'OFF', journalMode: 'WAL' } as const

const SUBJECTS: readonly (readonly [name: string, open: OpenIn, isThere: boolean])[] = [
  ...SQLITE_DRIVERS.flatMap((driver) => [
    [
      `SQLite, ${driver.name}`,
      (folder: string) => openSqlite('s', { path: join(folder, 's.sqlite') }, () => driver),
      true,
    ] as const,
    [
      `SQLite with a write-ahead log, ${driver.name}`,
      (folder: string) => openSqlite('s', { path: join(folder, 's.sqlite'), ...WAL }, () => driver),
      true,
    ] as const,
  ]),
  ...(['machine', 'process'] as const).map(
    (durability) =>
      [
        `RocksDB, ${durability}${rocksdbReason}`,
        (folder: string) => openRocksdb('s', { path: join(folder, 's.rocksdb'), durability }),
        hasRocksdb,
      ] as const,
  ),
]

describe.each(SUBJECTS)('%s', (_, open, isThere) => {
  test.skipIf(!isThere).each(BACKEND_CONFORMANCE)('$name', ({ run }) => {
    const folder = testFolder()
    return run(() => open(folder))
  })
})

describe('memory', () => {
  test.each(BACKEND_CONFORMANCE.filter(({ needsEntriesKept }) => !needsEntriesKept))('$name', ({ run }) =>
    run(async () => openMemory()),
  )
})

/** A correct backend, and what its faulty brothers do wrong. */
function mapBackend(kept: Map<string, Change & { kind: 'put' }>, fault: string): Backend {
  const keyOf = (key: Uint8Array): string => {
    const bytes = Buffer.from(key)
    if (fault === 'cuts keys at zero bytes' && bytes.includes(0))
      return bytes.subarray(0, bytes.indexOf(0)).toString('hex')
    if (fault === 'compares keys as numbers' && bytes.length === 9 && bytes[0] === 4)
      return String(bytes.readDoubleBE(1) + 0)
    return bytes.toString('hex')
  }
  const copy = (bytes: Uint8Array): Uint8Array =>
    fault === 'keeps the bytes it is given' ? bytes : bytes.slice()
  const apply = (to: typeof kept, change: Change): void => {
    if (change.kind === 'clear') return fault === 'does not clear' ? undefined : to.clear()
    if (change.kind === 'erase') {
      if (fault === 'objects to missing keys' && !to.has(keyOf(change.key))) throw new Error('missing')
      to.delete(keyOf(change.key))
      return
    }
    const { key, value, expiryNs } = change.entry
    const previous = to.get(keyOf(key))
    const inexact = expiryNs === undefined ? undefined : BigInt(Number(expiryNs))
    to.set(keyOf(key), {
      kind: 'put',
      entry: {
        key: copy(key),
        value: copy(value),
        expiryNs:
          fault === 'leaves expiries behind'
            ? (expiryNs ?? previous?.entry.expiryNs)
            : fault === 'rounds expiries'
              ? inexact
              : expiryNs,
      },
    })
  }
  return {
    async *load() {
      const entries = [...kept.values()].map(({ entry }) => ({
        ...entry,
        key: copy(entry.key),
        value: copy(entry.value),
      }))
      if (fault === 'loads twice') yield entries
      const size = fault === 'loads all at once' ? entries.length : 1000
      for (let from = 0; from < entries.length; from += size) yield entries.slice(from, from + size)
    },
    async commit(changes) {
      const changed = fault === 'is not atomic' ? kept : new Map(kept)
      const ordered =
        fault === 'sorts changes' ? [...changes].sort((a, b) => a.kind.localeCompare(b.kind)) : changes
      for (const change of ordered) apply(changed, change)
      if (changed === kept) return
      kept.clear()
      for (const [key, change] of changed) kept.set(key, change)
    },
    close: async () => {},
  }
}

describe('the suite itself', () => {
  async function failing(fault: string): Promise<string[]> {
    const failed: string[] = []
    for (const { name, run } of BACKEND_CONFORMANCE) {
      const kept = new Map<string, Change & { kind: 'put' }>()
      await run(async () => mapBackend(kept, fault)).catch(() => failed.push(name))
    }
    return failed
  }

  test('a correct backend passes', async () => {
    expect(await failing('')).toEqual([])
  })

  test.each([
    'cuts keys at zero bytes',
    'compares keys as numbers',
    'keeps the bytes it is given',
    'does not clear',
    'objects to missing keys',
    'leaves expiries behind',
    'rounds expiries',
    'loads twice',
    'loads all at once',
    'is not atomic',
    'sorts changes',
  ])('a backend that %s fails', async (fault) => {
    expect(await failing(fault)).not.toEqual([])
  })

  test('a backend that keeps nothing fails all cases that need it', async () => {
    const failed: string[] = []
    for (const { name, run } of BACKEND_CONFORMANCE) {
      await run(async () => openMemory()).catch(() => failed.push(name))
    }
    expect(failed).toEqual(
      BACKEND_CONFORMANCE.filter(({ needsEntriesKept }) => needsEntriesKept).map(({ name }) => name),
    )
  })
})
