/**
 * `zeek.conf`, from which Zeek's systemd generator makes a cluster, read as the layout that
 * `zeek-cluster-layout-generator` writes for it (spec/zeek-zeromq-websocket.md 7.5).
 */
import { Address, Port } from '../../data/address.js'
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import { Report, Source } from '../../zeek-script/source.js'
import { quoteString } from '../../zeek-script/strings.js'
import { type LayoutNode, layoutNode } from '../layout.js'
import type { NodeType } from '../node-type.js'
import {
  HostNames,
  type ImportedLayout,
  type ImportOptions,
  importedLayout,
  NODES_MAX,
  PortCounter,
} from './import-nodes.js'
import { cpuOf, substituteVariables } from './interface-template.js'
import { type HostSettings, type NodeCount, readHost, type WorkerGroup } from './zeek-conf-host.js'

/** The manager is called so on every host: prefixes are for the others. */
const MANAGER_NAME = 'manager'
const FIRST_PORT = 27_760
const FIRST_METRICS_PORT = 9991
const LOOPBACK = Address.parse('127.0.0.1')

/** One file of a cluster. */
export interface ZeekConfFile {
  /** Its name counts: `HOST.zeek.conf` is the file of a host, any other one that of a single host without a name. */
  readonly path: string
  readonly text: string | Uint8Array
}

/**
 * Reads `zeek.conf`, or the `HOST.zeek.conf` files of a cluster of several hosts, and makes the layout that the
 * generator of Zeek 9 makes of them: hosts in the order of their names, nodes and ports in the order manager, loggers,
 * proxies, workers; workers have no port. Other files among several are ignored, as the generator does, with a warning.
 *
 * The address of a host without `address` is that of its name: see `pendingHosts`. `$interface` is set only where the
 * dialect has that field. What is wrong with the files comes back as diagnostics, all of it at once, file by file;
 * ports beyond 65535 are errors, though the generator writes them, because Zeek refuses its layout then.
 *
 * Throws a `RangeError` when there are no files.
 */
export function readZeekConf(files: readonly ZeekConfFile[], options: ImportOptions): ImportedLayout {
  if (files.length === 0) throw new RangeError('there is no zeek.conf to read')
  const cluster = new ClusterMaker(options)
  for (const file of [...files].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))) {
    if (files.length > 1 && !/^[a-z0-9][-a-z0-9_]*\.zeek\.conf$/.test(fileName(file.path))) {
      cluster.skip(file.path)
    } else {
      cluster.add(hostOf(file.path), readHost(file.path, file.text))
    }
  }
  return cluster.finish()
}

class ClusterMaker {
  readonly #options: ImportOptions
  readonly #hostNames: HostNames
  readonly #reports: Report[] = []
  readonly #nodes = new Map<string, LayoutNode>()
  readonly #hosts: HostSettings[] = []
  #manager: SourceSpan | undefined
  #nodeCount = 0
  /** All nodes of all files are there. */
  #isComplete = true

  constructor(options: ImportOptions) {
    this.#options = options
    this.#hostNames = new HostNames(options.lookUp)
  }

  skip(path: string): void {
    const report = new Report(new Source(path, ''))
    const message =
      'this file is ignored: of several files each must be called `HOST.zeek.conf`, with a name of small letters, digits, `-` and `_`'
    report.warning('file-name', message, { file: path, line: 1, column: 1, length: 1 })
    this.#reports.push(report)
  }

  add(hostName: string | undefined, host: HostSettings): void {
    this.#reports.push(host.report)
    this.#hosts.push(host)
    if (!host.isComplete) this.#isComplete = false
    this.#checkManagers(host)
    const total = [
      host.manager,
      host.loggers,
      host.proxies,
      ...host.workerGroups.map(({ workers }) => workers),
    ]
    this.#nodeCount += total.reduce((sum, nodes) => sum + (nodes?.count ?? 0), 0)
    if (this.#nodeCount > NODES_MAX) {
      this.#isComplete = false
      const message = `with this file there are ${this.#nodeCount} nodes: ${NODES_MAX} are possible`
      host.report.error('too-many-nodes', message, host.start)
      return
    }
    const ip = this.#addressOf(hostName, host)
    if (ip === undefined) this.#isComplete = false
    else this.#addNodes(host, ip, host.prefix ?? hostName ?? '')
  }

  finish(): ImportedLayout {
    const types = [...this.#nodes.values()].map(({ nodeType }) => nodeType)
    const hasLogger = types.includes('LOGGER')
    // Without either the generator does not write it.
    const managerIsLogger = types.includes('MANAGER') || hasLogger ? !hasLogger : undefined
    const [first] = this.#hosts
    if (this.#isComplete && first !== undefined) this.#checkRoles(types, first)
    return {
      layout: importedLayout(this.#nodes, managerIsLogger),
      diagnostics: this.#reports.flatMap((report) => report.finish()),
      pendingHosts: this.#hostNames.pending,
    }
  }

  #checkManagers({ manager, report }: HostSettings): void {
    if (manager === undefined || manager.count === 0) return
    if (this.#manager === undefined) {
      this.#manager = manager.span
      return
    }
    const { file, line } = this.#manager
    const message = `a cluster has one manager, and ${file} has it on line ${line}: write \`manager = 0\``
    report.error('too-many-managers', message, manager.span)
  }

  #addressOf(hostName: string | undefined, host: HostSettings): Address | undefined {
    if (host.address !== undefined) return host.address
    if (hostName === undefined) return LOOPBACK
    return this.#hostNames.addresses(hostName, host.report, host.start)?.[0]
  }

  #addNodes(host: HostSettings, ip: Address, prefix: string): void {
    const { report } = host
    const ports = new PortCounter(host.port ?? FIRST_PORT)
    const firstMetricsPort = host.metricsPort ?? FIRST_METRICS_PORT
    const metricsPorts = new PortCounter(firstMetricsPort)
    const named = (name: string): string => (prefix === '' ? name : `${prefix}-${name}`)
    const add = (name: string, nodeType: NodeType, span: SourceSpan, worker?: Partial<LayoutNode>): void => {
      const fields = {
        p: nodeType === 'WORKER' ? undefined : ports.take(report, span),
        manager: nodeType === 'MANAGER' ? undefined : MANAGER_NAME,
        metricsPort: firstMetricsPort === 0 ? new Port(0, 'tcp') : metricsPorts.take(report, span),
      }
      this.#addNode(layoutNode({ name, nodeType, ip, span, ...fields, ...worker }), report)
    }
    const addAll = (nodes: NodeCount | undefined, nodeType: NodeType, name: string): void => {
      for (let index = 1; index <= (nodes?.count ?? 0); index += 1) {
        add(named(`${name}-${index}`), nodeType, nodes?.span ?? host.start)
      }
    }
    if (host.manager?.count === 1) add(MANAGER_NAME, 'MANAGER', host.manager.span)
    addAll(host.loggers, 'LOGGER', 'logger')
    addAll(host.proxies, 'PROXY', 'proxy')
    let hostWorkerIndex = 0
    for (const group of host.workerGroups) {
      const name = group.sectionName === undefined ? 'worker' : `worker-${group.sectionName}`
      for (let index = 0; index < group.workers.count; index += 1) {
        const at = this.#interfaceOf(group, index, hostWorkerIndex)
        add(named(`${name}-${index + 1}`), 'WORKER', group.workers.span, { interface: at })
        hostWorkerIndex += 1
      }
    }
  }

  #interfaceOf(group: WorkerGroup, workerIndex: number, hostWorkerIndex: number): string | undefined {
    if (this.#options.dialect.refusesTimeMachine || group.interface === '') return undefined
    const { sectionName, cpus } = group
    const variables = { workerIndex, hostWorkerIndex, cpu: cpuOf(cpus, hostWorkerIndex), sectionName }
    const result = substituteVariables(group.interface, variables)
    return 'text' in result ? result.text : undefined
  }

  #addNode(node: LayoutNode, report: Report): void {
    const span = node.span!
    const first = this.#nodes.get(node.name)?.span
    if (first !== undefined && node.nodeType !== 'MANAGER') {
      const message = `node ${quoteString(node.name)} is given before, in ${first.file}, and replaced by this one: give each host its own \`cluster_node_prefix\``
      report.warning('duplicate-node', message, span)
    }
    this.#nodes.set(node.name, node)
  }

  #checkRoles(types: readonly NodeType[], { report, start }: HostSettings): void {
    if (types.length === 0) {
      const message = 'no nodes are asked for: set `manager = 1`, and `loggers`, `proxies` and `workers`'
      report.warning('no-nodes', message, start)
      return
    }
    if (!types.includes('MANAGER')) {
      report.warning('no-manager', 'the cluster has no manager: one host has `manager = 1`', start)
    }
    if (types.includes('WORKER') && !types.includes('PROXY')) {
      const message = 'the cluster has workers and no proxy: what they publish to the proxies reaches nobody'
      report.warning('no-proxy', message, start)
    }
    this.#checkAddresses()
  }

  #checkAddresses(): void {
    const taken = new Map<string, LayoutNode>()
    for (const node of this.#nodes.values()) {
      if (node.p === undefined) continue
      const place = `${node.ip} ${node.p}`
      const first = taken.get(place)
      if (first === undefined) {
        taken.set(place, node)
        continue
      }
      const message = `node ${quoteString(node.name)} has the address and port of ${quoteString(first.name)}, ${place}: only one of them can listen`
      const host = this.#hosts.find(({ start }) => start.file === node.span?.file)
      host?.report.warning('address-in-use', message, node.span!)
    }
  }
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function hostOf(path: string): string | undefined {
  return /^(.+)\.zeek\.conf$/.exec(fileName(path))?.[1]
}
