/**
 * From the syntax tree to the layout: names are resolved, types checked, nodes made. What the checks across nodes
 * need besides the layout (where things stand, what could not be read) goes into the outline.
 */
import { Address, Port } from '../data/address.js'
import type { Dialect } from '../options/dialect.js'
import { findOption, fitRedef, OPTIONS, type Redef, type RedefValue } from '../options/registry.js'
import type { SourceSpan } from './diagnostics.js'
import type { Layout, LayoutNode } from './layout.js'
import {
  describeType,
  type FieldName,
  type FieldType,
  fieldNames,
  isRemovedField,
  NODE_FIELDS,
  nodeTypes,
} from './node-fields.js'
import { isNodeType, type NodeType } from './node-type.js'
import type { Report } from './source.js'
import { quoteString } from './strings.js'
import { didYouMean, nearest } from './suggest.js'
import type { Entry, Expression, Field, LayoutSyntax, RedefStatement } from './syntax.js'
import { shorten } from './token-stream.js'

/** A layout with what the checks across nodes need to know. */
export interface Outline {
  readonly layout: Layout
  /** Where the last redef of each option stands. */
  readonly redefSpans: ReadonlyMap<string, SourceSpan>
  /** The fields that the file gives each node. */
  readonly fields: ReadonlyMap<string, ReadonlyMap<string, FieldPlace>>
  /** Nodes that are named in the file but could not be made. */
  readonly brokenNodes: ReadonlySet<string>
  /** False when parts of the file were not understood. */
  readonly complete: boolean
}

export interface FieldPlace {
  readonly span: SourceSpan
  /** False when the value was not understood: the node is without it, and that says nothing. */
  readonly isKnown: boolean
}

export function evaluateLayout(syntax: LayoutSyntax, dialect: Dialect, report: Report): Outline {
  const evaluator = new Evaluator(syntax, dialect, report)
  for (const statement of syntax.statements) evaluator.redef(statement)
  return evaluator.outline()
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

class Evaluator {
  readonly #syntax: LayoutSyntax
  readonly #dialect: Dialect
  readonly #report: Report
  readonly #nodes = new Map<string, LayoutNode>()
  readonly #nameSpans = new Map<string, SourceSpan>()
  readonly #fields = new Map<string, Map<string, FieldPlace>>()
  readonly #redefs: Redef[] = []
  readonly #redefSpans = new Map<string, SourceSpan>()
  readonly #brokenNodes: Set<string>
  #complete: boolean

  constructor(syntax: LayoutSyntax, dialect: Dialect, report: Report) {
    this.#syntax = syntax
    this.#dialect = dialect
    this.#report = report
    this.#brokenNodes = new Set(syntax.brokenEntries)
    this.#complete = syntax.complete
  }

  outline(): Outline {
    return {
      layout: { nodes: this.#nodes, redefs: this.#redefs },
      redefSpans: this.#redefSpans,
      fields: this.#fields,
      brokenNodes: this.#brokenNodes,
      complete: this.#complete,
    }
  }

  redef(statement: RedefStatement): void {
    const name = this.#resolve(statement.name)
    if (name === 'Cluster::nodes') this.#redefNodes(statement)
    else this.#redefOption(name, statement)
  }

  /** Names without a module belong to the one that a `module` statement has opened, else to none. */
  #resolve(name: string): string {
    if (name.startsWith('::')) return name.slice(2)
    const { moduleName } = this.#syntax
    return name.includes('::') || moduleName === undefined ? name : `${moduleName}::${name}`
  }

  #redefOption(name: string, statement: RedefStatement): void {
    const { nameSpan, value: expression } = statement
    if (expression.kind === 'unknown') {
      this.#complete = false
      return
    }
    const value = this.#redefValue(name, expression)
    if (value === undefined) return
    if (statement.operator === '+=') {
      this.#fail('wrong-type', `\`+=\` adds to a table, and \`${name}\` is none: write \`=\``, nameSpan)
      return
    }
    const option = findOption(name)
    if (option === undefined) {
      this.#unknownOption(name, nameSpan)
    } else if (fitRedef(option.type, value) === undefined) {
      const hint = redefHint(option.type, value)
      const message = `\`${name}\` is ${describeType(option.type)}, not ${describeType(value.type)}${hint}`
      this.#fail('wrong-type', message, expression.span)
      return
    }
    this.#redefs.push({ name, value })
    this.#redefSpans.set(name, nameSpan)
  }

  #redefValue(name: string, expression: Expression): RedefValue | undefined {
    switch (expression.kind) {
      case 'constant':
        return expression.value
      case 'name': {
        const resolved = this.#resolve(expression.name)
        if (resolved.includes('::')) return { type: 'enum', value: resolved }
        const message = `\`${shorten(resolved)}\` has no meaning here: write a name with its module, as in \`Module::NAME\`, or a string in quotes`
        this.#fail('unqualified-name', message, expression.span)
        return undefined
      }
      case 'record':
      case 'list':
      case 'table': {
        const what = expression.kind === 'record' ? 'a record' : 'a list'
        const message = `${what} as the value of \`${name}\` is not supported yet`
        this.#fail('unsupported-syntax', message, expression.span)
        return undefined
      }
      case 'unknown':
        return undefined
    }
  }

  /** Zeek knows many more options than this library, so an unknown one is no error. */
  #unknownOption(name: string, span: SourceSpan): void {
    const known = [...Object.values(OPTIONS).map((option) => option.name), 'Cluster::nodes']
    const suggestion = nearest(name, known)
    if (suggestion !== undefined) {
      const message = `\`${name}\` is not an option of this library; did you mean \`${suggestion}\`?`
      this.#report.warning('unknown-option', message, span)
    } else {
      this.#report.note('unknown-option', `\`${name}\` is kept, but no node of this library reads it`, span)
    }
  }

  #redefNodes(statement: RedefStatement): void {
    const { value } = statement
    if (value.kind === 'unknown') {
      this.#complete = false
      return
    }
    if (value.kind !== 'table') {
      const message = '`Cluster::nodes` is a table: write `{ ["name"] = [$node_type=…, $ip=…], … }`'
      this.#fail('not-a-table', message, value.span)
      return
    }
    if (statement.operator === '=' && this.#nodes.size > 0) {
      const message = 'this `=` drops the nodes given before it: write `+=` to add to them'
      this.#report.warning('nodes-replaced', message, statement.nameSpan)
      this.#nodes.clear()
      this.#nameSpans.clear()
    }
    for (const entry of value.entries) this.#entry(entry)
  }

  #entry(entry: Entry): void {
    const { key, value } = entry
    if (key.kind !== 'constant' || key.value.type !== 'string') {
      if (key.kind !== 'unknown') {
        const message = 'the name of a node is a string: write it in quotes, as in `["manager"]`'
        this.#report.error('wrong-type', message, key.span)
      }
      this.#complete = false
      return
    }
    const name = key.value.value
    const first = this.#nameSpans.get(name)
    if (first !== undefined) {
      const message = `node ${quoteString(name)} is given before, on line ${first.line}: this entry replaces that one`
      this.#report.warning('duplicate-node', message, key.span)
    }
    this.#nameSpans.set(name, key.span)
    const node = this.#node(name, key.span, value)
    if (node !== undefined) {
      this.#nodes.set(name, node)
      this.#brokenNodes.delete(name)
    } else {
      this.#nodes.delete(name)
      this.#brokenNodes.add(name)
    }
  }

  #node(name: string, span: SourceSpan, value: Expression): LayoutNode | undefined {
    if (value.kind === 'unknown') return undefined
    if (value.kind !== 'record') {
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
    this.#fields.set(name, places)
    if (values.node_type === undefined || values.ip === undefined) return undefined
    // 0/unknown is Zeek's default and its way to say that there is no port.
    const port = values.p?.equals(new Port(0, 'unknown')) ? undefined : values.p
    return {
      name,
      nodeType: values.node_type,
      ip: values.ip,
      zoneId: values.zone_id ?? '',
      p: port,
      interface: values.interface,
      manager: values.manager,
      timeMachine: values.time_machine,
      lbFilter: values.lb_filter,
      metricsPort: values.metrics_port,
      span,
    }
  }

  #field(field: Field, values: FieldValues, node: string): void {
    if (!Object.hasOwn(NODE_FIELDS, field.name) || isRemovedField(field.name, this.#dialect)) {
      this.#unknownField(field)
      return
    }
    const name = field.name as FieldName
    const type: FieldType = NODE_FIELDS[name]
    if (field.value.kind === 'unknown') return
    if (type === 'node-type') {
      const nodeType = this.#nodeType(field.value)
      if (nodeType !== undefined) values.node_type = nodeType
      return
    }
    if (field.value.kind !== 'constant' || field.value.value.type !== type) {
      const found = describeExpression(field.value)
      const message = `\`$${name}\` of node ${quoteString(node)} is ${describeType(type)}, not ${found}${fieldHint(name, type, field.value)}`
      this.#report.error('wrong-type', message, field.value.span)
      return
    }
    if (name === 'id') {
      const message = '`$id` is set while the node is connected: the value given here is ignored'
      this.#report.warning('ignored-field', message, field.span)
    }
    Object.assign(values, { [name]: field.value.value.value })
  }

  #unknownField(field: Field): void {
    const names = fieldNames(this.#dialect)
    const list = names.map((name) => `$${name}`).join(', ')
    const name = shorten(field.name)
    const message = isRemovedField(field.name, this.#dialect)
      ? `the dialect ${this.#dialect.name} has no field \`$${name}\`: remove it, or choose the dialect reference`
      : `\`$${name}\` is not a field of a node${didYouMean(field.name, names, '$') || ':'} the fields are ${list}`
    this.#report.error('unknown-field', message, field.span)
  }

  #nodeType(expression: Expression): NodeType | undefined {
    const types = nodeTypes(this.#dialect)
    if (expression.kind !== 'name') {
      const text =
        expression.kind === 'constant' && expression.value.type === 'string' ? expression.value.value : ''
      const hint = isNodeType(text)
        ? `: write \`Cluster::${text}\` without quotes`
        : ', as in `Cluster::WORKER`'
      const message = `\`$node_type\` is a node type, not ${describeExpression(expression)}${hint}`
      this.#report.error('wrong-type', message, expression.span)
      return undefined
    }
    const name = this.#resolve(expression.name)
    const short = name.startsWith('Cluster::') ? name.slice('Cluster::'.length) : name
    const fits = types.find((type) => type === short)
    if (fits !== undefined && name !== short) return fits
    if (fits !== undefined) {
      const message = `\`${short}\` is known in the module Cluster only: write \`Cluster::${short}\``
      this.#report.error('unqualified-name', message, expression.span)
    } else if (isNodeType(short)) {
      const message = `the dialect ${this.#dialect.name} has no node type \`Cluster::${short}\`: remove the node, or choose the dialect reference`
      this.#report.error('unknown-node-type', message, expression.span)
    } else {
      const list = types.map((type) => `Cluster::${type}`).join(', ')
      const message = `\`${shorten(expression.name)}\` is not a node type${didYouMean(short, types, 'Cluster::') || ':'} the types are ${list}`
      this.#report.error('unknown-node-type', message, expression.span)
    }
    return undefined
  }

  /** An error after which the value of an option is not known. */
  #fail(code: string, message: string, span: SourceSpan): void {
    this.#complete = false
    this.#report.error(code, message, span)
  }
}

function describeExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'constant':
      return describeType(expression.value.type)
    case 'name':
      return `the name \`${shorten(expression.name)}\``
    case 'record':
      return 'a record'
    case 'table':
      return 'a table'
    case 'list':
      return 'a list'
    case 'unknown':
      return 'this'
  }
}

function fieldHint(name: string, type: FieldType, expression: Expression): string {
  if (expression.kind === 'name' && type === 'string')
    return `: write \`$${name}="${shorten(expression.name)}"\``
  if (expression.kind !== 'constant') return ''
  const { value } = expression
  if (type === 'port' && value.type === 'count' && value.value <= 65535n)
    return `: write \`$${name}=${value.value}/tcp\``
  const address = value.type === 'string' ? Address.tryParse(value.value) : undefined
  if (type !== 'addr' || address === undefined) return ''
  return `: write \`$${name}=${address.isIPv4 ? address : `[${address}]`}\` without quotes`
}

function redefHint(type: string, value: RedefValue): string {
  const isNumber = value.type === 'count' || value.type === 'int' || value.type === 'double'
  if (type === 'interval' && isNumber) return `: write a unit, as in \`${value.value} secs\``
  if (type === 'bool') return ': write `T` or `F`'
  if (type === 'string') return ': write it in quotes'
  return ''
}
