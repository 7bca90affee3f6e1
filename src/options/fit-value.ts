/** From values of Zeek's language to those of options. */

import type { OptionType, OptionTypes } from './option-type.js'
import { POOL_NODE_TYPES, type PoolSpec } from './pool-settings.js'
import type { Redef, RedefValue } from './redef-value.js'
import {
  BACKEND_TYPES,
  type BackendType,
  type RocksdbOptions,
  SQLITE_FAILURE_MODES,
  SQLITE_JOURNAL_MODES,
  SQLITE_SYNCHRONOUS,
  type SqliteOptions,
  type StoreSettings,
} from './store-settings.js'

type Operator = NonNullable<Redef['operator']>

/** The value as the type; undefined when it does not fit, or the operator does not fit the type. */
export function fitValue<Type extends OptionType>(
  type: Type,
  value: RedefValue,
  operator: Operator,
  previous: OptionTypes[Type] | undefined,
): OptionTypes[Type] | undefined {
  switch (type) {
    case 'set[string]':
      return fitSet(value, operator, previous as ReadonlySet<string> | undefined) as
        | OptionTypes[Type]
        | undefined
    case 'table[string] of Cluster::StoreInfo':
      return fitStores(value, operator, previous as ReadonlyMap<string, StoreSettings> | undefined) as
        | OptionTypes[Type]
        | undefined
    case 'Cluster::PoolSpec':
      return (operator === '=' ? fitPoolSpec(value) : undefined) as OptionTypes[Type] | undefined
    default:
      return value.type === type && operator === '=' ? (value.value as OptionTypes[Type]) : undefined
  }
}

function fitSet(
  value: RedefValue,
  operator: Operator,
  previous: ReadonlySet<string> = new Set(),
): ReadonlySet<string> | undefined {
  const elements = stringsOf(value)
  if (elements === undefined) return undefined
  switch (operator) {
    case '=':
      return new Set(elements)
    case '+=':
      return new Set([...previous, ...elements])
    case '-=':
      return new Set([...previous].filter((element) => !elements.includes(element)))
  }
}

/** An empty `{}` is a table to the parser. */
function stringsOf(value: RedefValue): readonly string[] | undefined {
  if (value.type === 'table' && value.value.length === 0) return []
  if (value.type !== 'set') return undefined
  const strings = value.value.flatMap((element) => (element.type === 'string' ? [element.value] : []))
  return strings.length === value.value.length ? strings : undefined
}

function fitStores(
  value: RedefValue,
  operator: Operator,
  previous: ReadonlyMap<string, StoreSettings> = new Map(),
): ReadonlyMap<string, StoreSettings> | undefined {
  if (value.type !== 'table' || operator === '-=') return undefined
  const stores = new Map(operator === '+=' ? previous : [])
  for (const [key, element] of value.value) {
    const settings = fitFields(element, STORE_FIELDS)
    if (key.type !== 'string' || settings === undefined) return undefined
    stores.set(key.value, settings)
  }
  return stores
}

/** How the fields of a record are read, by their names; undefined is what does not fit. */
type Fields<Settings> = Readonly<Record<string, (value: RedefValue) => Partial<Settings> | undefined>>

/** The one of `words` that an enumeration's value names: `Broker::SQLITE_JOURNAL_MODE_WAL`. */
function wordOf<Word extends string>(
  value: RedefValue,
  prefix: string,
  words: readonly Word[],
): Word | undefined {
  return words.find((word) => value.type === 'enum' && value.value === prefix + word)
}

const ROCKSDB_FIELDS: Fields<RocksdbOptions> = {
  path: (value) => (value.type === 'string' ? { path: value.value } : undefined),
}

const SQLITE_FIELDS: Fields<SqliteOptions> = {
  ...ROCKSDB_FIELDS,
  synchronous: (value) => {
    const synchronous = wordOf(value, 'Broker::SQLITE_SYNCHRONOUS_', SQLITE_SYNCHRONOUS)
    return synchronous && { synchronous }
  },
  journal_mode: (value) => {
    const journalMode = wordOf(value, 'Broker::SQLITE_JOURNAL_MODE_', SQLITE_JOURNAL_MODES)
    return journalMode && { journalMode }
  },
  failure_mode: (value) => {
    const failureMode = wordOf(value, 'Broker::SQLITE_FAILURE_MODE_', SQLITE_FAILURE_MODES)
    return failureMode && { failureMode }
  },
  integrity_check: (value) => (value.type === 'bool' ? { integrityCheck: value.value } : undefined),
}

/** How the fields of `Cluster::StoreInfo` that can be given beforehand are read. */
const STORE_FIELDS: Fields<StoreSettings> = {
  // The key of the table names the store.
  name: (value) => (value.type === 'string' ? {} : undefined),
  master_node: (value) => (value.type === 'string' ? { masterNode: value.value } : undefined),
  master: (value) => (value.type === 'bool' ? { master: value.value } : undefined),
  backend: (value) => (isBackend(value) ? { backend: value.value } : undefined),
  options: (value) => {
    if (value.type !== 'record') return undefined
    const given = { sqlite: value.value.get('sqlite'), rocksdb: value.value.get('rocksdb') }
    const sqlite = given.sqlite && fitFields<SqliteOptions>(given.sqlite, SQLITE_FIELDS)
    const rocksdb = given.rocksdb && fitFields<RocksdbOptions>(given.rocksdb, ROCKSDB_FIELDS)
    if ((given.sqlite && !sqlite) || (given.rocksdb && !rocksdb)) return undefined
    return { options: { ...(sqlite && { sqlite }), ...(rocksdb && { rocksdb }) } }
  },
  clone_resync_interval: (value) =>
    value.type === 'interval' ? { cloneResyncInterval: value.value } : undefined,
  clone_stale_interval: (value) =>
    value.type === 'interval' ? { cloneStaleInterval: value.value } : undefined,
  clone_mutation_buffer_interval: (value) =>
    value.type === 'interval' ? { cloneMutationBufferInterval: value.value } : undefined,
}

function fitFields<Settings>(value: RedefValue, fields: Fields<Settings>): Partial<Settings> | undefined {
  if (value.type !== 'record') return undefined
  let settings: Partial<Settings> = {}
  for (const [name, field] of value.value) {
    if (field === undefined) continue
    const given = Object.hasOwn(fields, name) ? fields[name]?.(field) : undefined
    if (given === undefined) return undefined
    settings = { ...settings, ...given }
  }
  return settings
}

/** Defaults of the record are those of Zeek 3.0: a pool of proxies without a topic. */
function fitPoolSpec(value: RedefValue): PoolSpec | undefined {
  if (value.type !== 'record') return undefined
  let spec: PoolSpec = { topic: '', nodeType: 'PROXY' }
  for (const [name, field] of value.value) {
    if (field === undefined) continue
    const nodeType = POOL_NODE_TYPES.find(
      (type) => field.type === 'enum' && field.value === `Cluster::${type}`,
    )
    if (name === 'topic' && field.type === 'string') spec = { ...spec, topic: field.value }
    else if (name === 'node_type' && nodeType !== undefined) spec = { ...spec, nodeType }
    else if (name === 'max_nodes' && field.type === 'count') spec = { ...spec, maxNodes: Number(field.value) }
    else if (name === 'exclusive' && field.type === 'bool') spec = { ...spec, exclusive: field.value }
    else return undefined
  }
  return spec
}

function isBackend(value: RedefValue): value is { type: 'enum'; value: BackendType } {
  return value.type === 'enum' && (BACKEND_TYPES as readonly string[]).includes(value.value)
}
