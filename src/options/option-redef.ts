/** Values of options as values of Zeek's language: what is printed, and what a layout would say. */

import type { OptionType, OptionTypes } from './option-type.js'
import type { PoolSpec } from './pool-settings.js'
import type { RedefValue } from './redef-value.js'
import type { SqliteOptions, StoreSettings } from './store-settings.js'

export function optionAsRedef<Type extends OptionType>(type: Type, value: OptionTypes[Type]): RedefValue {
  switch (type) {
    case 'set[string]': {
      const elements = [...(value as ReadonlySet<string>)].map(string)
      return { type: 'set', value: elements }
    }
    case 'table[string] of Cluster::StoreInfo': {
      const stores = [...(value as ReadonlyMap<string, StoreSettings>)]
      return {
        type: 'table',
        value: stores.map(([name, settings]) => [string(name), storeAsRedef(settings)]),
      }
    }
    case 'Cluster::PoolSpec':
      return poolAsRedef(value as PoolSpec)
    default:
      return { type, value } as RedefValue
  }
}

function string(value: string): RedefValue {
  return { type: 'string', value }
}

function optional<T>(value: T | undefined, make: (value: T) => RedefValue): RedefValue | undefined {
  return value === undefined ? undefined : make(value)
}

/** A record with the fields in order. */
export function recordOf(fields: Readonly<Record<string, RedefValue | undefined>>): RedefValue {
  return { type: 'record', value: new Map(Object.entries(fields)) }
}

function poolAsRedef({ topic, nodeType, maxNodes, exclusive = false }: PoolSpec): RedefValue {
  return recordOf({
    topic: string(topic),
    node_type: { type: 'enum', value: `Cluster::${nodeType}` },
    max_nodes: optional(maxNodes, (nodes) => ({ type: 'count', value: BigInt(nodes) })),
    exclusive: { type: 'bool', value: exclusive },
  })
}

function interval(value: number): RedefValue {
  return { type: 'interval', value }
}

function storeAsRedef(settings: StoreSettings): RedefValue {
  return recordOf({
    master_node: optional(settings.masterNode, string),
    master: optional(settings.master, (value) => ({ type: 'bool', value })),
    backend: optional(settings.backend, (value) => ({ type: 'enum', value })),
    options: recordOf({
      sqlite: sqliteAsRedef(settings.options?.sqlite),
      rocksdb: recordOf({ path: string(settings.options?.rocksdb?.path ?? '') }),
    }),
    clone_resync_interval: optional(settings.cloneResyncInterval, interval),
    clone_stale_interval: optional(settings.cloneStaleInterval, interval),
    clone_mutation_buffer_interval: optional(settings.cloneMutationBufferInterval, interval),
  })
}

/** Only what is given: the reference page knows no more than the path. */
function sqliteAsRedef(options: Partial<SqliteOptions> = {}): RedefValue {
  const { path = '', synchronous, journalMode, failureMode, integrityCheck } = options
  const word = (field: string, value: string | undefined) =>
    value === undefined
      ? {}
      : { [field]: { type: 'enum', value: `Broker::SQLITE_${field.toUpperCase()}_${value}` } as const }
  return recordOf({
    path: string(path),
    ...word('synchronous', synchronous),
    ...word('journal_mode', journalMode),
    ...word('failure_mode', failureMode),
    ...(integrityCheck === undefined ? {} : { integrity_check: { type: 'bool', value: integrityCheck } }),
  })
}
