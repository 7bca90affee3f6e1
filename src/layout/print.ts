/**
 * A layout as text again: in Zeek's syntax, normalised, so that parsing it gives an equal layout; and as an object
 * for JSON, in which the nodes look as Zeek's own `to_json(Cluster::nodes)` shows them.
 */
import type { Address, Port, Subnet } from '../data/address.js'
import { type Redef, type RedefValue, setFields } from '../options/redef-value.js'
import { quoteString } from '../zeek-script/index.js'
import type { Layout, LayoutNode } from './layout.js'

export interface JsonPort {
  readonly port: number
  readonly proto: string
}

/** A node as Zeek's `to_json` shows `Cluster::Node`. */
export interface JsonNode {
  readonly node_type: string
  readonly ip: string
  readonly zone_id: string
  /** Zeek's default, port 0 of unknown protocol, when the node has none. */
  readonly p: JsonPort
  readonly interface?: string
  readonly manager?: string
  readonly time_machine?: string
  readonly lb_filter?: string
  readonly metrics_port?: JsonPort
}

/** Ports as `JsonPort`, tables as lists of pairs. */
export type JsonValue =
  | boolean
  | number
  | string
  | JsonPort
  | readonly JsonValue[]
  | { readonly [field: string]: JsonValue }

export interface JsonRedef {
  readonly name: string
  readonly operator?: '+=' | '-='
  readonly type: RedefValue['type']
  /** Intervals are seconds; whole numbers beyond 2^53 are text. */
  readonly value: JsonValue
}

export interface JsonLayout {
  readonly nodes: { readonly [name: string]: JsonNode }
  readonly redefs: readonly JsonRedef[]
}

/** The layout in Zeek's syntax, nodes and redefs in their order. */
export function printLayout(layout: Layout): string {
  const entries = [...layout.nodes.values()].map(
    (node) => `    [${quoteString(node.name)}] = [${printFields(node)}],\n`,
  )
  const nodes = entries.length === 0 ? '' : `redef Cluster::nodes = {\n${entries.join('')}};\n`
  const redefs = layout.redefs
    .map(({ name, operator = '=', value }) => `redef ${name} ${operator} ${printValue(value)};\n`)
    .join('')
  return nodes === '' || redefs === '' ? nodes + redefs : `${nodes}\n${redefs}`
}

/** The layout as an object without classes. */
export function layoutToJson(layout: Layout): JsonLayout {
  const nodes = [...layout.nodes.values()].map((node): [string, JsonNode] => [node.name, nodeToJson(node)])
  return { nodes: Object.fromEntries(nodes), redefs: layout.redefs.map(redefToJson) }
}

/** A value as Zeek writes it. */
export function printValue(value: RedefValue): string {
  switch (value.type) {
    case 'bool':
      return value.value ? 'T' : 'F'
    case 'count':
      return value.value.toString()
    case 'int':
      // Without its sign it would be a count.
      return value.value < 0n ? value.value.toString() : `+${value.value}`
    case 'double':
      return printDouble(value.value)
    case 'interval':
      return `${printNumber(value.value)} secs`
    case 'string':
      return quoteString(value.value)
    case 'addr':
      return printAddress(value.value)
    case 'port':
      return value.value.toString()
    case 'subnet':
      return printSubnet(value.value)
    case 'enum':
      return value.value
    case 'record':
      return `[${setFields(value.value)
        .map(([name, field]) => `$${name}=${printValue(field)}`)
        .join(', ')}]`
    case 'table':
      return `table(${value.value.map(([key, element]) => `${printIndex(key)}=${printValue(element)}`).join(', ')})`
    case 'set':
      return `set(${value.value.map(printElement).join(', ')})`
    case 'vector':
      return `vector(${value.value.map(printValue).join(', ')})`
  }
}

/** `["a"]`, or `[1, 2]` for an index of several parts. */
function printIndex(key: RedefValue): string {
  return `[${key.type === 'vector' ? key.value.map(printValue).join(', ') : printValue(key)}]`
}

function printElement(element: RedefValue): string {
  return element.type === 'vector' ? printIndex(element) : printValue(element)
}

function printSubnet({ address, length }: Subnet): string {
  return address.isIPv4 ? `${address}/${length - 96}` : `[${address}]/${length}`
}

function printFields(node: LayoutNode): string {
  const fields = [`$node_type=Cluster::${node.nodeType}`, `$ip=${printAddress(node.ip)}`]
  if (node.zoneId !== '') fields.push(`$zone_id=${quoteString(node.zoneId)}`)
  if (node.p !== undefined) fields.push(`$p=${node.p.toString()}`)
  if (node.interface !== undefined) fields.push(`$interface=${quoteString(node.interface)}`)
  if (node.manager !== undefined) fields.push(`$manager=${quoteString(node.manager)}`)
  if (node.timeMachine !== undefined) fields.push(`$time_machine=${quoteString(node.timeMachine)}`)
  if (node.lbFilter !== undefined) fields.push(`$lb_filter=${quoteString(node.lbFilter)}`)
  if (node.metricsPort !== undefined) fields.push(`$metrics_port=${node.metricsPort.toString()}`)
  return fields.join(', ')
}

function printAddress(address: Address): string {
  return address.isIPv4 ? address.toString() : `[${address.toString()}]`
}

function printNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : value.toString()
}

function printDouble(value: number): string {
  const text = printNumber(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function nodeToJson(node: LayoutNode): JsonNode {
  return {
    node_type: `Cluster::${node.nodeType}`,
    ip: node.ip.toString(),
    zone_id: node.zoneId,
    p: node.p === undefined ? { port: 0, proto: 'unknown' } : portToJson(node.p),
    ...(node.interface !== undefined && { interface: node.interface }),
    ...(node.manager !== undefined && { manager: node.manager }),
    ...(node.timeMachine !== undefined && { time_machine: node.timeMachine }),
    ...(node.lbFilter !== undefined && { lb_filter: node.lbFilter }),
    ...(node.metricsPort !== undefined && { metrics_port: portToJson(node.metricsPort) }),
  }
}

function portToJson(port: Port): JsonPort {
  return { port: port.number, proto: port.protocol }
}

function redefToJson({ name, operator, value }: Redef): JsonRedef {
  return {
    name,
    ...(operator && operator !== '=' && { operator }),
    type: value.type,
    value: valueToJson(value),
  }
}

function valueToJson(value: RedefValue): JsonValue {
  switch (value.type) {
    case 'count':
    case 'int': {
      const number = Number(value.value)
      return Number.isSafeInteger(number) ? number : value.value.toString()
    }
    case 'addr':
    case 'subnet':
      return value.value.toString()
    case 'port':
      return portToJson(value.value)
    case 'record':
      return Object.fromEntries(setFields(value.value).map(([name, field]) => [name, valueToJson(field)]))
    case 'table':
      return value.value.map(([key, element]) => [valueToJson(key), valueToJson(element)])
    case 'set':
    case 'vector':
      return value.value.map(valueToJson)
    case 'bool':
    case 'double':
    case 'interval':
    case 'string':
    case 'enum':
      return value.value
  }
}
