/** Runs `store-backend-peer.mjs`: processes with stores; the kinds of backends that are tested so. */
import { join } from 'node:path'
import type { Durability } from '../../src/store/backends/backend.js'
import type { OpenBackendOptions } from '../../src/store/backends/open-backend.js'
import { hasRocksdb, rocksdbReason } from '../support/store-backends.js'
import { ROOT, type Running, run, start } from './support.js'

export type StoreSpec = OpenBackendOptions

const PEER = join(ROOT, 'test/process/store-backend-peer.mjs')

export function storeSpec(folder: string, backend: StoreSpec['backend'], durability: Durability): StoreSpec {
  const options = { sqlite: { path: '' }, rocksdb: { path: '' } }
  return { store: 's', backend, options, folder, durability }
}

export interface StoreKind {
  readonly name: string
  readonly make: (folder: string) => StoreSpec
  /** Whether its library is installed; tests are skipped where it is not. */
  readonly isThere: boolean
}

export const STORE_KINDS: readonly StoreKind[] = [
  {
    name: 'SQLite with a journal',
    make: (folder) => storeSpec(folder, 'Broker::SQLITE', 'machine'),
    isThere: true,
  },
  {
    name: 'SQLite with a write-ahead log',
    make: (folder) => storeSpec(folder, 'Broker::SQLITE', 'process'),
    isThere: true,
  },
  {
    name: `RocksDB, machine${rocksdbReason}`,
    make: (folder) => storeSpec(folder, 'Broker::ROCKSDB', 'machine'),
    isThere: hasRocksdb,
  },
  {
    name: `RocksDB, process${rocksdbReason}`,
    make: (folder) => storeSpec(folder, 'Broker::ROCKSDB', 'process'),
    isThere: hasRocksdb,
  },
]

export function startPeer(
  command: string,
  spec: StoreSpec,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Running {
  return start([PEER, command, JSON.stringify(spec), ...args], {
    command: process.execPath,
    cwd: spec.folder,
    env,
  })
}

/** What a peer printed until it ended. */
export async function runPeer(
  command: string,
  spec: StoreSpec,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const peer = await run([PEER, command, JSON.stringify(spec), ...args], {
    command: process.execPath,
    cwd: spec.folder,
    env,
  })
  return peer.stdout
}

/** The number of the last commit in the store; throws when it is not the content of whole commits. */
export async function checkStore(spec: StoreSpec): Promise<number> {
  const lines = await runPeer('check', spec)
  const match = /^has (\d+)$/.exec(lines.join('\n'))
  if (match === null) throw new Error(lines.join('\n'))
  return Number(match[1])
}
