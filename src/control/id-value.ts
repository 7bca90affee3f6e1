/** The value of a global by its Zeek name, as Zeek prints it. */
import type { Cluster } from '../cluster/cluster.js'
import type { ClusterNode } from '../cluster/roll-call.js'
import type { StoreInfo } from '../cluster/stores.js'
import { optionAsRedef, recordOf } from '../options/option-redef.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import type { RedefValue } from '../options/redef-value.js'
import { OPTIONS, type OptionDefinition, type Options, type OptionTypes } from '../options/registry.js'
import { UNKNOWN_ID } from './messages.js'

/** Options of the framework and of scripts, and the variables of the reference page. */
export function idValue(cluster: Cluster, id: string): string {
  const value = frameworkValue(cluster, id)
  return value === undefined
    ? (cluster.configuration.scriptOptions.print(id) ?? UNKNOWN_ID)
    : printAsZeek(value)
}

function frameworkValue(cluster: Cluster, id: string): RedefValue | undefined {
  switch (id) {
    case 'Cluster::nodes':
      return table(cluster.nodes, (node) => nodeRecord(node, cluster))
    case 'Cluster::stores':
      return table(cluster.stores, storeRecord)
    case 'Cluster::worker_count':
      return { type: 'count', value: BigInt(cluster.workerCount) }
    default: {
      const found = (Object.entries(OPTIONS) as [keyof Options, OptionDefinition][]).find(
        ([, { name }]) => name === id,
      )
      if (found === undefined) return undefined
      const [key, { type }] = found
      return optionAsRedef(type, cluster.options[key] as OptionTypes[typeof type])
    }
  }
}

function table<Item>(items: ReadonlyMap<string, Item>, make: (item: Item) => RedefValue): RedefValue {
  return { type: 'table', value: [...items].map(([name, item]) => [string(name), make(item)]) }
}

function string(value: string): RedefValue {
  return { type: 'string', value }
}

/** The fields of `Cluster::Node` in the order that the dialect's version of Zeek has. */
function nodeRecord(node: ClusterNode, cluster: Cluster): RedefValue {
  const text = (value: string | undefined): RedefValue | undefined =>
    value === undefined ? undefined : string(value)
  const head = {
    node_type: { type: 'enum', value: `Cluster::${node.nodeType}` },
    ip: { type: 'addr', value: node.ip },
    zone_id: string(node.zoneId),
    p: node.p && { type: 'port', value: node.p },
  } satisfies Record<string, RedefValue | undefined>
  return cluster.dialect.refusesTimeMachine
    ? recordOf({
        ...head,
        manager: text(node.manager),
        id: text(node.id),
        metrics_port: node.metricsPort && { type: 'port', value: node.metricsPort },
      })
    : recordOf({
        ...head,
        interface: text(node.interface),
        manager: text(node.manager),
        time_machine: text(node.timeMachine),
        id: text(node.id),
        lb_filter: text(node.lbFilter),
      })
}

function storeRecord(info: StoreInfo): RedefValue {
  const path = (backend: 'sqlite' | 'rocksdb'): RedefValue =>
    recordOf({ path: string(info.options[backend].path) })
  const interval = (value: number): RedefValue => ({ type: 'interval', value })
  return recordOf({
    name: string(info.name),
    store: info.store && string('<broker store handle>'),
    master_node: string(info.masterNode),
    master: { type: 'bool', value: info.master },
    backend: { type: 'enum', value: info.backend },
    options: recordOf({ sqlite: path('sqlite'), rocksdb: path('rocksdb') }),
    clone_resync_interval: interval(info.cloneResyncInterval),
    clone_stale_interval: interval(info.cloneStaleInterval),
    clone_mutation_buffer_interval: interval(info.cloneMutationBufferInterval),
  })
}
