/** The types of options as scripts see them: what may be written for an option, and what is wrong with it if not. */
import { POOL_NODE_TYPES } from '../options/pool-settings.js'
import type { OptionType } from '../options/registry.js'
import {
  BACKEND_TYPES,
  SQLITE_FAILURE_MODES,
  SQLITE_JOURNAL_MODES,
  SQLITE_SYNCHRONOUS,
} from '../options/store-settings.js'
import { describeTypeName, type RecordField, type SourceSpan, type ZeekType } from '../zeek-script/index.js'

const PLACE: SourceSpan = { file: '', line: 1, column: 1, length: 1 }

function named(name: string): ZeekType {
  return { kind: 'named', name, span: PLACE }
}

const STRING: ZeekType = { kind: 'string' }
const INTERVAL: ZeekType = { kind: 'interval' }

/** A record all of whose fields may be left out. */
function record(fields: Readonly<Record<string, ZeekType>>): ZeekType {
  return {
    kind: 'record',
    fields: Object.entries(fields).map(
      ([name, type]): RecordField => ({
        name,
        type,
        isOptional: true,
        isLogged: false,
        default: undefined,
        docs: [],
      }),
    ),
  }
}

function enumeration(names: readonly string[]): ZeekType {
  return { kind: 'enum', names: names.map((name) => ({ name, value: undefined, docs: [] })) }
}

function prefixed(prefix: string, words: readonly string[]): readonly string[] {
  return words.map((word) => prefix + word)
}

/** Types with names that options are made of (spec/cluster-framework.md 1.2, 3.1, 7.2). */
export const OPTION_RECORDS: ReadonlyMap<string, ZeekType> = new Map([
  ['Broker::BackendType', enumeration(BACKEND_TYPES)],
  ['Broker::SQLiteSynchronous', enumeration(prefixed('Broker::SQLITE_SYNCHRONOUS_', SQLITE_SYNCHRONOUS))],
  ['Broker::SQLiteJournalMode', enumeration(prefixed('Broker::SQLITE_JOURNAL_MODE_', SQLITE_JOURNAL_MODES))],
  ['Broker::SQLiteFailureMode', enumeration(prefixed('Broker::SQLITE_FAILURE_MODE_', SQLITE_FAILURE_MODES))],
  [
    'Broker::SQLiteOptions',
    record({
      path: STRING,
      synchronous: named('Broker::SQLiteSynchronous'),
      journal_mode: named('Broker::SQLiteJournalMode'),
      failure_mode: named('Broker::SQLiteFailureMode'),
      integrity_check: { kind: 'bool' },
    }),
  ],
  ['Broker::RocksDBOptions', record({ path: STRING })],
  [
    'Broker::BackendOptions',
    record({ sqlite: named('Broker::SQLiteOptions'), rocksdb: named('Broker::RocksDBOptions') }),
  ],
  [
    'Cluster::StoreInfo',
    record({
      name: STRING,
      master_node: STRING,
      master: { kind: 'bool' },
      backend: named('Broker::BackendType'),
      options: named('Broker::BackendOptions'),
      clone_resync_interval: INTERVAL,
      clone_stale_interval: INTERVAL,
      clone_mutation_buffer_interval: INTERVAL,
    }),
  ],
  [
    'Cluster::PoolSpec',
    record({
      topic: STRING,
      node_type: enumeration(POOL_NODE_TYPES.map((type) => `Cluster::${type}`)),
      max_nodes: { kind: 'count' },
      exclusive: { kind: 'bool' },
    }),
  ],
])

/** Full names of all values that enumerations of options have. */
export const OPTION_ENUM_NAMES: readonly string[] = [...OPTION_RECORDS.values()].flatMap((type) =>
  type.kind === 'enum' ? type.names.map(({ name }) => name) : [],
)

export function optionZeekType(type: OptionType): ZeekType {
  switch (type) {
    case 'enum':
      return named('Broker::BackendType')
    case 'set[string]':
      return { kind: 'set', index: [STRING] }
    case 'table[string] of Cluster::StoreInfo':
      return { kind: 'table', index: [STRING], element: named('Cluster::StoreInfo') }
    case 'Cluster::PoolSpec':
      return named('Cluster::PoolSpec')
    default:
      return { kind: type }
  }
}

/** The type of an option as a sentence says it. */
export function describeOptionType(type: OptionType): string {
  switch (type) {
    case 'set[string]':
      return 'a set of strings'
    case 'table[string] of Cluster::StoreInfo':
      return 'a table of `Cluster::StoreInfo`'
    case 'Cluster::PoolSpec':
      return 'a `Cluster::PoolSpec`'
    default:
      return describeTypeName(type)
  }
}
