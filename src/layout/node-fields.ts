/**
 * The fields of `Cluster::Node` as a layout may give them (spec/cluster-framework.md 1.2): what type each has, and
 * which of them the dialect of Zeek 9 no longer knows.
 */
import { Port } from '../data/address.js'
import type { Dialect } from '../options/dialect.js'
import type { RedefValue } from '../options/registry.js'
import { describeTypeName, type RecordField, type SourceSpan, type ZeekType } from '../zeek-script/index.js'
import type { LayoutNode } from './layout.js'
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

/** A type of a field as a sentence says it. */
export function describeFieldType(type: FieldType): string {
  return type === 'node-type' ? 'a node type' : describeTypeName(type)
}

/** Zeek's default and its way to say that there is no port. */
export const NO_PORT = new Port(0, 'unknown')

const PLACE: SourceSpan = { file: '', line: 1, column: 1, length: 1 }

const DEFAULTS: { readonly [name: string]: Extract<RedefValue, { type: 'string' | 'port' }> } = {
  zone_id: { type: 'string', value: '' },
  p: { type: 'port', value: NO_PORT },
}

/** `Cluster::Node` as a script may use it. */
export function nodeRecordType(dialect: Dialect, added: readonly RecordField[]): ZeekType {
  const fields = fieldNames(dialect).map((name): RecordField => {
    const type = NODE_FIELDS[name]
    const value = DEFAULTS[name]
    return {
      name,
      type: type === 'node-type' ? { kind: 'named', name: 'Cluster::NodeType', span: PLACE } : { kind: type },
      isOptional: name !== 'node_type' && name !== 'ip' && value === undefined,
      isLogged: false,
      default: value && { kind: 'constant', value, span: PLACE },
      docs: [],
    }
  })
  return { kind: 'record', fields: [...fields, ...added] }
}

/** `Cluster::NodeType`. */
export function nodeEnumType(dialect: Dialect): ZeekType {
  const names = nodeTypes(dialect).map((type) => ({ name: `Cluster::${type}`, value: undefined, docs: [] }))
  return { kind: 'enum', names }
}

/** A node as a script sees it in `Cluster::nodes`. */
export function nodeValue(node: LayoutNode): RedefValue {
  const fields = new Map<string, RedefValue>([
    ['node_type', { type: 'enum', value: `Cluster::${node.nodeType}` }],
    ['ip', { type: 'addr', value: node.ip }],
    ['zone_id', { type: 'string', value: node.zoneId }],
    ['p', { type: 'port', value: node.p ?? NO_PORT }],
  ])
  const setText = (name: FieldName, value: string | undefined): void => {
    if (value !== undefined) fields.set(name, { type: 'string', value })
  }
  setText('interface', node.interface)
  setText('manager', node.manager)
  setText('time_machine', node.timeMachine)
  setText('lb_filter', node.lbFilter)
  if (node.metricsPort !== undefined) fields.set('metrics_port', { type: 'port', value: node.metricsPort })
  return { type: 'record', value: fields }
}
