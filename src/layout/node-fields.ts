/**
 * The fields of `Cluster::Node` as a layout may give them (spec/cluster-framework.md 1.2): what type each has, and
 * which of them the dialect of Zeek 9 no longer knows.
 */
import type { Dialect } from '../options/dialect.js'
import type { OptionType, RedefValue } from '../options/registry.js'
import { NODE_TYPES, type NodeType } from './node-type.js'

export type FieldType = 'node-type' | 'addr' | 'string' | 'port'

/** Fields of every dialect, in the order of the record. */
export const NODE_FIELDS = {
  node_type: 'node-type',
  ip: 'addr',
  zone_id: 'string',
  p: 'port',
  interface: 'string',
  manager: 'string',
  time_machine: 'string',
  id: 'string',
  lb_filter: 'string',
  metrics_port: 'port',
} as const satisfies { readonly [name: string]: FieldType }

export type FieldName = keyof typeof NODE_FIELDS

const REMOVED_FIELDS: ReadonlySet<string> = new Set(['interface', 'time_machine', 'lb_filter'])

/** Whether the dialect had this field once and refuses it now. */
export function isRemovedField(name: string, dialect: Dialect): boolean {
  return dialect.refusesTimeMachine && REMOVED_FIELDS.has(name)
}

export function fieldNames(dialect: Dialect): FieldName[] {
  return (Object.keys(NODE_FIELDS) as FieldName[]).filter((name) => !isRemovedField(name, dialect))
}

export function nodeTypes(dialect: Dialect): NodeType[] {
  return NODE_TYPES.filter((type) => type !== 'TIME_MACHINE' || !dialect.refusesTimeMachine)
}

/** A type of Zeek as a sentence says it. */
export function describeType(type: FieldType | OptionType | RedefValue['type']): string {
  switch (type) {
    case 'node-type':
      return 'a node type'
    case 'addr':
      return 'an address'
    case 'string':
      return 'a string'
    case 'port':
      return 'a port'
    case 'bool':
      return 'a bool'
    case 'count':
      return 'a count'
    case 'int':
      return 'an int'
    case 'double':
      return 'a double'
    case 'interval':
      return 'an interval'
    case 'subnet':
      return 'a subnet'
    case 'enum':
      return 'a name'
    case 'record':
      return 'a record'
    case 'table':
      return 'a table'
    case 'set':
      return 'a set'
    case 'set[string]':
      return 'a set of strings'
    case 'table[string] of Cluster::StoreInfo':
      return 'a table of `Cluster::StoreInfo`'
    case 'Cluster::PoolSpec':
      return 'a `Cluster::PoolSpec`'
    case 'vector':
      return 'a list'
  }
}
