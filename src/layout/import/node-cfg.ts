/**
 * `node.cfg` of zeekctl, read as the layout that zeekctl generates from it (spec/zeek-zeromq-websocket.md 7.3,
 * spec/cluster-framework.md 2.8).
 */
import { Address } from '../../data/address.js'
import type { Dialect } from '../../options/dialect.js'
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import { quoteString } from '../../zeek-script/strings.js'
import { type LayoutNode, layoutNode } from '../layout.js'
import type { NodeType } from '../node-type.js'
import {
  HostNames,
  type ImportedLayout,
  type ImportOptions,
  importedLayout,
  NODES_MAX,
  PORT_MAX,
  PortCounter,
} from './import-nodes.js'
import {
  type CfgFile,
  type CfgNodeType,
  type CfgSection,
  type CustomInterface,
  readCfgFile,
} from './node-cfg-section.js'

const CONTROL_NAME = 'control'
const FIRST_METRICS_PORT = 9991
/** The hub of the ZeroMQ backend has two ports before everybody else. */
const HUB_PORTS = 2

export interface NodeCfgOptions extends ImportOptions {
  /** `ZeekPort` of `zeekctl.cfg`, 1 to 65535. Default: 47760 in the dialect `reference`, else 27760. */
  readonly zeekPort?: number
  /** `MetricsPort` of `zeekctl.cfg`, 0 to 65535; 0 is no metrics. Default: 9991. `reference` has none. */
  readonly metricsPort?: number
  /** `ClusterBackend` of `zeekctl.cfg`. Default: `broker`. */
  readonly backend?: 'broker' | 'zeromq'
  /** For `lb_method = custom`. Default: neither. */
  readonly customInterface?: CustomInterface
}

/**
 * Reads `node.cfg` and makes the layout that zeekctl makes of it: `control` at the manager's address first, then, from
 * `zeekPort` on, a port for each node in the order manager, loggers, proxies, workers (loggers before the manager in
 * the dialect `reference`). `$interface` is set only where the dialect has that field. `zone_id` becomes `$zone_id`,
 * which zeekctl reads and forgets.
 *
 * Hosts that are no addresses are looked up, and IPv4 is preferred: see `pendingHosts`. What is wrong with the file
 * comes back as diagnostics, all of it at once. That zeekctl must run on the manager's machine is not checked.
 *
 * Throws a `RangeError` for a port in the options that is none.
 */
export function readNodeCfg(
  file: { readonly path: string; readonly text: string | Uint8Array },
  options: NodeCfgOptions,
): ImportedLayout {
  checkPort('zeekPort', options.zeekPort, 1)
  checkPort('metricsPort', options.metricsPort, 0)
  const custom = options.customInterface ?? { prefix: '', suffix: '' }
  return new LayoutMaker(readCfgFile(file.path, file.text, custom), options).make()
}

interface LocatedSection extends CfgSection {
  /** Undefined when it is not known. */
  readonly ip: Address | undefined
}

/** Types in the order of the layout and of the ports. */
const ORDER: readonly (readonly [CfgNodeType, NodeType])[] = [
  ['manager', 'MANAGER'],
  ['logger', 'LOGGER'],
  ['proxy', 'PROXY'],
  ['worker', 'WORKER'],
]

const REFERENCE_ORDER: typeof ORDER = [
  ['logger', 'LOGGER'],
  ['manager', 'MANAGER'],
  ['proxy', 'PROXY'],
  ['worker', 'WORKER'],
]

class LayoutMaker {
  readonly #file: CfgFile
  readonly #options: NodeCfgOptions
  readonly #hostNames: HostNames
  readonly #nodes = new Map<string, LayoutNode>()
  /** The first node of each name, by the name in lower case: it is a folder's name too. */
  readonly #names = new Map<string, { readonly name: string; readonly span: SourceSpan | undefined }>()
  readonly #ports: PortCounter
  readonly #metricsPorts: PortCounter | undefined

  constructor(file: CfgFile, options: NodeCfgOptions) {
    this.#file = file
    this.#options = options
    this.#hostNames = new HostNames(options.lookUp)
    const zeekPort = options.zeekPort ?? (isReference(options.dialect) ? 47_760 : 27_760)
    this.#ports = new PortCounter(zeekPort + (options.backend === 'zeromq' ? HUB_PORTS : 0))
    const metricsPort = options.metricsPort ?? FIRST_METRICS_PORT
    if (!isReference(options.dialect) && metricsPort !== 0) this.#metricsPorts = new PortCounter(metricsPort)
  }

  make(): ImportedLayout {
    const { report, sections, nodeCount } = this.#file
    this.#checkRoles()
    const located = sections.map((section) => ({ ...section, ip: this.#locate(section) }))
    this.#checkLoopback(located)
    if (nodeCount > NODES_MAX) {
      const message = `there are ${nodeCount} nodes: ${NODES_MAX} are possible`
      report.error('too-many-nodes', message, this.#file.start)
    } else {
      this.#addAll(located)
    }
    const isManagerLogger = !sections.some(({ type }) => type.name === 'logger')
    return {
      layout: importedLayout(this.#nodes, sections.length === 0 ? undefined : isManagerLogger),
      diagnostics: report.finish(),
      pendingHosts: this.#hostNames.pending,
    }
  }

  #checkRoles(): void {
    const { report, start, sections, isComplete } = this.#file
    const ofType = (name: CfgNodeType): CfgSection[] => sections.filter(({ type }) => type.name === name)
    const standalone = ofType('standalone')
    for (const { type } of standalone) {
      const message =
        sections.length === 1
          ? 'a standalone installation is no cluster: give it a section with `type = manager`, one with `type = proxy` and one with `type = worker`'
          : 'a cluster has no standalone node: give it another type, or a `node.cfg` of its own'
      report.error('standalone', message, type.span)
    }
    const [first, ...others] = ofType('manager')
    for (const { type } of others) {
      const message = `a cluster has one manager, and it is on line ${first?.span.line}`
      report.error('too-many-managers', message, type.span)
    }
    // A node whose type is not known may be the one that is missing.
    if (!isComplete || standalone.length > 0) return
    if (sections.length === 0) {
      report.error('no-nodes', 'there are no nodes: `node.cfg` has a `[name]` section for each', start)
      return
    }
    if (first === undefined) {
      report.error('no-manager', 'there is no manager: one section has `type = manager`', start)
    }
    if (ofType('proxy').length === 0) {
      report.error('no-proxy', 'there is no proxy: at least one section has `type = proxy`', start)
    }
  }

  #locate({ host }: CfgSection): Address | undefined {
    if (host === undefined) return undefined
    const { report } = this.#file
    if (host.text.startsWith('[')) {
      const message = 'an address of `node.cfg` has no brackets: leave them out'
      report.error('bad-host', message, host.span)
      return undefined
    }
    const zone = host.text.indexOf('%')
    const address = Address.tryParse(zone < 0 ? host.text : host.text.slice(0, zone))
    if (address !== undefined) return address
    const addresses = this.#hostNames.addresses(host.text, report, host.span)
    return addresses?.find(({ isIPv4 }) => isIPv4) ?? addresses?.[0]
  }

  /** Nodes on other machines would be told to connect to themselves. */
  #checkLoopback(sections: readonly LocatedSection[]): void {
    const manager = sections.find(({ type }) => type.name === 'manager')
    if (manager?.ip === undefined || !isLoopback(manager.ip)) return
    for (const { ip, host } of sections) {
      if (ip === undefined || host === undefined || isLoopback(ip)) continue
      const message = `the manager is at ${manager.ip}, where only nodes of the same machine reach it: give it the address of its machine, or all nodes \`localhost\``
      this.#file.report.error('loopback-manager', message, host.span)
    }
  }

  #addAll(sections: readonly LocatedSection[]): void {
    const manager = sections.find(({ type }) => type.name === 'manager')
    this.#names.set(CONTROL_NAME, { name: CONTROL_NAME, span: undefined })
    if (manager !== undefined) {
      const p = this.#ports.take(this.#file.report, manager.span)
      if (manager.ip !== undefined) {
        const fields = {
          name: CONTROL_NAME,
          nodeType: 'CONTROL',
          ip: manager.ip,
          p,
          span: manager.span,
        } as const
        this.#nodes.set(CONTROL_NAME, layoutNode(fields))
      }
    }
    for (const [type, nodeType] of isReference(this.#options.dialect) ? REFERENCE_ORDER : ORDER) {
      for (const section of sections) {
        if (section.type.name === type) this.#addSection(section, nodeType, manager?.nodes[0]?.name)
      }
    }
  }

  #addSection(section: LocatedSection, nodeType: NodeType, managerName: string | undefined): void {
    const { span, ip, zoneId } = section
    const { report } = this.#file
    const hasInterface = !this.#options.dialect.refusesTimeMachine
    const manager = nodeType === 'PROXY' || nodeType === 'WORKER' ? managerName : undefined
    for (const node of section.nodes) {
      const p = this.#ports.take(report, span)
      const metricsPort = this.#metricsPorts?.take(report, span)
      if (!this.#claimName(node.name, span) || ip === undefined) continue
      const fields = { name: node.name, nodeType, ip, zoneId, p, manager, metricsPort, span }
      const at = hasInterface ? node.interface : undefined
      this.#nodes.set(node.name, layoutNode({ ...fields, interface: at }))
    }
  }

  #claimName(name: string, span: SourceSpan): boolean {
    const first = this.#names.get(name.toLowerCase())
    if (first === undefined) {
      this.#names.set(name.toLowerCase(), { name, span })
      return true
    }
    const owner = first.span === undefined ? 'zeekctl itself has' : `line ${first.span.line} has`
    const message = `node ${quoteString(name)} cannot be called so, because ${owner} ${quoteString(first.name)}: small and capital letters make no difference`
    this.#file.report.error('duplicate-node', message, span)
    return false
  }
}

function isReference(dialect: Dialect): boolean {
  return dialect.name === 'reference'
}

function isLoopback(address: Address): boolean {
  return ['127.0.0.1', '::1'].includes(address.toString())
}

function checkPort(name: string, port: number | undefined, min: number): void {
  if (port === undefined || (Number.isInteger(port) && port >= min && port <= PORT_MAX)) return
  throw new RangeError(`${name} is a port from ${min} to ${PORT_MAX}, not ${port}`)
}
