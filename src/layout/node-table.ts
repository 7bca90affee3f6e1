/** `Cluster::nodes`: entries checked field by field, and made into nodes. */
import { Address, type Port } from '../data/address.js'
import type { Dialect } from '../options/dialect.js'
import type { RedefValue } from '../options/registry.js'
import {
  describeLiteral,
  didYouMean,
  type EntryLiteral,
  type EvaluatedRedef,
  type FieldLiteral,
  type Literal,
  opened,
  quoteString,
  type RecordField,
  type Report,
  type SourceSpan,
  shorten,
} from '../zeek-script/index.js'
import type { LayoutNode } from './layout.js'
import {
  describeFieldType,
  type FieldName,
  type FieldType,
  fieldNames,
  isRemovedField,
  NO_PORT,
  NODE_FIELDS,
  nodeTypes,
  nodeValue,
} from './node-fields.js'
import { isNodeType, type NodeType } from './node-type.js'

export interface FieldPlace {
  readonly span: SourceSpan
  /** False when the value was not understood: the node is without it, and that says nothing. */
  readonly isKnown: boolean
}

/** Values of a node's fields by Zeek's names, each of the type that its field has. */
interface FieldValues {
  node_type?: NodeType
  ip?: Address
  zone_id?: string
  p?: Port
  interface?: string
  manager?: string
  time_machine?: string
  id?: string
  lb_filter?: string
  metrics_port?: Port
}

export class NodeTable {
  readonly #dialect: Dialect
  readonly #report: Report
  readonly nodes = new Map<string, LayoutNode>()
  /** The fields that the script gives each node. */
  readonly fields = new Map<string, Map<string, FieldPlace>>()
  /** Nodes that are named in the script but could not be made. */
  readonly broken = new Set<string>()
  readonly #nameSpans = new Map<string, SourceSpan>()
  /** Fields that the script has added to `Cluster::Node`. */
  readonly #addedFields = new Set<string>()
  /** The entries of the table as a script sees it. */
  readonly #entries = new Map<string, readonly [RedefValue, RedefValue]>()
  #value: RedefValue | undefined
  #isComplete = true

  constructor(dialect: Dialect, report: Report) {
    this.#dialect = dialect
    this.#report = report
  }

  /** False when entries are missing because they could not be understood. */
  get isComplete(): boolean {
    return this.#isComplete && this.broken.size === 0
  }

  /** The table as a script sees it. */
  get value(): RedefValue {
    this.#value ??= {
      type: 'table',
      value: [...this.nodes.keys()].map((name) => this.#entries.get(name)!),
    }
    return this.#value
  }

  addFields(fields: readonly RecordField[]): void {
    for (const { name } of fields) this.#addedFields.add(name)
  }

  redef({ operator, nameSpan, value: literal }: EvaluatedRedef): void {
    this.#value = undefined
    const value = opened(literal)
    if (value.kind === 'unknown') {
      this.#isComplete = false
      return
    }
    if (operator === '-=') {
      this.#remove(value)
      return
    }
    if (value.kind !== 'table') {
      const message = '`Cluster::nodes` is a table: write `{ ["name"] = [$node_type=…, $ip=…], … }`'
      this.#isComplete = false
      this.#report.error('not-a-table', message, value.span)
      return
    }
    if (!value.isComplete) this.#isComplete = false
    for (const name of value.brokenKeys) this.broken.add(name)
    if (operator === '=' && this.nodes.size > 0) {
      const message = 'this `=` drops the nodes given before it: write `+=` to add to them'
      this.#report.warning('nodes-replaced', message, nameSpan)
      this.nodes.clear()
      this.#nameSpans.clear()
    }
    for (const entry of value.entries) this.#entry(entry)
  }

  #remove(value: Literal): void {
    const keys = value.kind === 'table' ? value.entries.map(({ key }) => key) : undefined
    if (keys === undefined) {
      const message = '`-=` takes a table: write `{ ["name"] = Cluster::nodes["name"] }`'
      this.#report.error('not-a-table', message, value.span)
    }
    for (const key of keys ?? []) {
      const name = this.#name(key)
      if (name === undefined) continue
      this.nodes.delete(name)
      this.broken.delete(name)
      this.#nameSpans.delete(name)
    }
  }

  #name(key: Literal): string | undefined {
    if (key.kind === 'constant' && key.value.type === 'string') return key.value.value
    this.#isComplete = false
    if (key.kind !== 'unknown') {
      const message = 'the name of a node is a string: write it in quotes, as in `["manager"]`'
      this.#report.error('wrong-type', message, key.span)
    }
    return undefined
  }

  #entry({ key, value }: EntryLiteral): void {
    const name = this.#name(key)
    if (name === undefined) return
    const first = this.#nameSpans.get(name)
    if (first !== undefined) {
      const where =
        first.file === key.span.file ? `on line ${first.line}` : `in ${first.file}, line ${first.line}`
      const message = `node ${quoteString(name)} is given before, ${where}: this entry replaces that one`
      this.#report.warning('duplicate-node', message, key.span)
    }
    this.#nameSpans.set(name, key.span)
    const node = this.#node(name, key.span, opened(value))
    if (node !== undefined) {
      this.nodes.set(name, node)
      this.#entries.set(name, [{ type: 'string', value: name }, nodeValue(node)])
      this.broken.delete(name)
    } else {
      this.nodes.delete(name)
      this.broken.add(name)
    }
  }

  #node(name: string, span: SourceSpan, value: Literal): LayoutNode | undefined {
    if (value.kind === 'unknown') return undefined
    if (value.kind !== 'record' || (value.typeName ?? 'Cluster::Node') !== 'Cluster::Node') {
      const message = `node ${quoteString(name)} is not a record: write \`[$node_type=…, $ip=…]\``
      this.#report.error('wrong-type', message, value.span)
      return undefined
    }
    const values: FieldValues = {}
    const places = new Map<string, FieldPlace>()
    for (const field of value.fields) {
      if (places.has(field.name)) {
        this.#report.error('duplicate-field', `\`$${field.name}\` is given twice: remove one`, field.span)
        continue
      }
      this.#field(field, values, name)
      places.set(field.name, { span: field.span, isKnown: Object.hasOwn(values, field.name) })
    }
    for (const required of ['node_type', 'ip']) {
      if (places.has(required)) continue
      const example = required === 'ip' ? '$ip=127.0.0.1' : '$node_type=Cluster::WORKER'
      const message = `node ${quoteString(name)} has no \`$${required}\`: add one, as in \`${example}\``
      this.#report.error('missing-field', message, span)
    }
    this.fields.set(name, places)
    if (values.node_type === undefined || values.ip === undefined) return undefined
    return {
      name,
      nodeType: values.node_type,
      ip: values.ip,
      zoneId: values.zone_id ?? '',
      p: values.p?.equals(NO_PORT) ? undefined : values.p,
      interface: values.interface,
      manager: values.manager,
      timeMachine: values.time_machine,
      lbFilter: values.lb_filter,
      metricsPort: values.metrics_port,
      span,
    }
  }

  #field(field: FieldLiteral, values: FieldValues, node: string): void {
    if (!Object.hasOwn(NODE_FIELDS, field.name) || isRemovedField(field.name, this.#dialect)) {
      if (!this.#addedFields.has(field.name)) this.#unknownField(field)
      return
    }
    const name = field.name as FieldName
    const type: FieldType = NODE_FIELDS[name]
    const { value } = field
    if (value.kind === 'unknown') return
    if (type === 'node-type') {
      const nodeType = this.#nodeType(value)
      if (nodeType !== undefined) values.node_type = nodeType
      return
    }
    if (value.kind !== 'constant' || value.value.type !== type) {
      const message = `\`$${name}\` of node ${quoteString(node)} is ${describeFieldType(type)}, not ${describeLiteral(value)}${fieldHint(name, type, value)}`
      this.#report.error('wrong-type', message, value.span)
      return
    }
    if (name === 'id') {
      const message = '`$id` is set while the node is connected: the value given here is ignored'
      this.#report.warning('ignored-field', message, field.span)
    }
    Object.assign(values, { [name]: value.value.value })
  }

  #unknownField(field: FieldLiteral): void {
    const names = fieldNames(this.#dialect)
    const list = names.map((name) => `$${name}`).join(', ')
    const name = shorten(field.name)
    const message = isRemovedField(field.name, this.#dialect)
      ? `the dialect ${this.#dialect.name} has no field \`$${name}\`: remove it, or choose the dialect reference`
      : `\`$${name}\` is not a field of a node${didYouMean(field.name, names, '$') || ':'} the fields are ${list}`
    this.#report.error('unknown-field', message, field.span)
  }

  #nodeType(literal: Literal): NodeType | undefined {
    const types = nodeTypes(this.#dialect)
    const name = nameOf(literal)
    if (name === undefined) {
      const text = literal.kind === 'constant' && literal.value.type === 'string' ? literal.value.value : ''
      const hint = isNodeType(text)
        ? `: write \`Cluster::${text}\` without quotes`
        : ', as in `Cluster::WORKER`'
      const message = `\`$node_type\` is a node type, not ${describeLiteral(literal)}${hint}`
      this.#report.error('wrong-type', message, literal.span)
      return undefined
    }
    const short = name.startsWith('Cluster::') ? name.slice('Cluster::'.length) : name
    const fits = types.find((type) => type === short)
    if (fits !== undefined && name !== short) return fits
    if (fits !== undefined) {
      const message = `\`${short}\` is known in the module Cluster only: write \`Cluster::${short}\``
      this.#report.error('unqualified-name', message, literal.span)
    } else if (isNodeType(short)) {
      const message = `the dialect ${this.#dialect.name} has no node type \`Cluster::${short}\`: remove the node, or choose the dialect reference`
      this.#report.error('unknown-node-type', message, literal.span)
    } else {
      const list = types.map((type) => `Cluster::${type}`).join(', ')
      const message = `\`${shorten(name)}\` is not a node type${didYouMean(short, types, 'Cluster::') || ':'} the types are ${list}`
      this.#report.error('unknown-node-type', message, literal.span)
    }
    return undefined
  }
}

function nameOf(literal: Literal): string | undefined {
  if (literal.kind === 'name') return literal.name
  return literal.kind === 'constant' && literal.value.type === 'enum' ? literal.value.value : undefined
}

function fieldHint(name: string, type: FieldType, literal: Literal): string {
  if (literal.kind === 'name' && type === 'string') return `: write \`$${name}="${shorten(literal.name)}"\``
  if (literal.kind !== 'constant') return ''
  const { value } = literal
  if (type === 'port' && value.type === 'count' && value.value <= 65535n)
    return `: write \`$${name}=${value.value}/tcp\``
  const address = value.type === 'string' ? Address.tryParse(value.value) : undefined
  if (type !== 'addr' || address === undefined) return ''
  return `: write \`$${name}=${address.isIPv4 ? address : `[${address}]`}\` without quotes`
}
