/**
 * `zeek-cluster control NODE COMMAND`: the controller of Zeek's control framework. It comes as the CONTROL node of the
 * layout, if there is one, and works with nodes of this library and with Zeek processes.
 */
import { resolve } from 'node:path'
import { errorCode } from '../../base/errors.js'
import { formatAddress, type NetworkAddress } from '../../base/network-address.js'
import { systemRandom } from '../../base/random.js'
import { systemTimers } from '../../base/time.js'
import { Endpoint } from '../../broker/endpoint.js'
import { randomEndpointId } from '../../broker/endpoint-id.js'
import { Topics } from '../../cluster/topics.js'
import { type ControlAnswer, type ControlRequest, createController } from '../../control/controller.js'
import { CONTROL_COMMANDS, type ControlCommand, UNKNOWN_ID } from '../../control/messages.js'
import type { Value } from '../../data/value.js'
import { type Layout, nodesByName } from '../../layout/index.js'
import { addressText, peeringSecurity } from '../../node/start-node.js'
import { parseInterval } from '../../options/interval.js'
import { resolveOptions } from '../../options/registry.js'
import { requestControl } from '../../supervisor/control-socket.js'
import { tcpNetwork } from '../../transport/tcp.js'
import { type BusFlags, parseAddress, securityOf } from '../bus-client.js'
import { type LoadedCluster, loadCluster, parseDialect, splitRedefs } from '../load-cluster.js'
import { CommandError, fail, formatTable, print, printRaw } from '../output.js'
import { parseArgument } from './publish.js'
import { parseSeconds } from './up.js'

export interface ControlFlags extends Pick<BusFlags, 'tls' | 'tlsCa' | 'tlsCert' | 'tlsKey' | 'stateDir'> {
  readonly layout?: string
  readonly dialect?: string
  readonly as?: string
  readonly timeout: string
  readonly json?: boolean
}

const RETRY_MS = 500

export async function runControl(
  nodeName: string,
  command: string,
  args: readonly string[],
  flags: ControlFlags,
): Promise<void> {
  const request = parseRequest(command, args)
  const timeoutMs = parseSeconds(flags.timeout)
  const target = await findTarget(nodeName, flags)
  const { options, dialect } = target
  const security =
    flags.tls && flags.tlsCa === undefined
      ? peeringSecurity(options, nodeName)
      : securityOf({ ...flags, peer: [] })
  const controller = createController({
    request,
    name: target.controlName,
    topics: new Topics(options, dialect),
    timers: systemTimers,
    timeoutMs,
    reporter: (report) => {
      if (report.severity !== 'info') printRaw(`zeek-cluster: ${report.severity}: ${report.message}`)
    },
  })
  const endpoint = new Endpoint({
    id: randomEndpointId(systemRandom),
    network: tcpNetwork,
    timers: systemTimers,
    security,
    handler: controller.handler,
  })
  controller.start(endpoint)
  endpoint.dial(target.address, RETRY_MS)
  try {
    const answer = await controller.answer.catch((error: unknown) => {
      const { message } = fail(1, error)
      throw new CommandError(1, `${nodeName} (${formatAddress(target.address)}): ${message}`, error)
    })
    show(nodeName, answer, flags.json === true)
  } finally {
    await endpoint.close()
  }
}

function parseRequest(command: string, args: readonly string[]): ControlRequest {
  if (!isCommand(command)) {
    throw new CommandError(2, `unknown command '${command}': ${CONTROL_COMMANDS.join(', ')}`)
  }
  switch (command) {
    case 'id_value': {
      const [id, ...rest] = args
      if (id === undefined || rest.length > 0) {
        throw new CommandError(2, 'id_value takes one name, for example Cluster::retry_interval')
      }
      return { command, id }
    }
    case 'configuration_update':
      return { command, values: new Map(args.map(parseUpdate)) }
    case 'peer_status':
    case 'net_stats':
    case 'shutdown':
      if (args.length > 0) throw new CommandError(2, `${command} takes no arguments`)
      return { command }
  }
}

function isCommand(text: string): text is ControlCommand {
  return (CONTROL_COMMANDS as readonly string[]).includes(text)
}

/** `Demo::threshold=30`, or with the type in front of the value, as for `publish`. */
function parseUpdate(text: string): [name: string, value: Value] {
  const equals = text.indexOf('=')
  const name = text.slice(0, Math.max(0, equals))
  if (!/^[A-Za-z_]\w*(::\w+)*$/.test(name)) {
    throw new CommandError(2, `'${text}' is not NAME=VALUE, for example Demo::threshold=30`)
  }
  return [name, parseUpdateValue(text.slice(equals + 1))]
}

const NANOSECONDS = 1e9

function parseUpdateValue(text: string): Value {
  if (/^(count|int|real|string|bool|addr|subnet|port|time|interval|enum):|^\{/.test(text))
    return parseArgument(text)
  if (/^\d+$/.test(text)) return parseArgument(`count:${text}`)
  if (/^[-+]\d+$/.test(text)) return parseArgument(`int:${text.replace('+', '')}`)
  if (/^-?\d*\.\d+$/.test(text)) return parseArgument(`real:${text}`)
  if (/^\d+\/(tcp|udp|icmp)$/.test(text)) return parseArgument(`port:${text}`)
  if (text === 'T' || text === 'F') return parseArgument(`bool:${text}`)
  const seconds = parseInterval(text)
  if (seconds !== undefined) return { type: 'timespan', value: BigInt(Math.round(seconds * NANOSECONDS)) }
  return { type: 'string', value: text.replace(/^"(.*)"$/s, '$1') }
}

interface Target extends Pick<LoadedCluster, 'options' | 'dialect'> {
  readonly address: NetworkAddress
  /** The CONTROL node to come as. */
  readonly controlName: string | undefined
}

/** A node of the running cluster, of a layout, or HOST:PORT of anything. */
async function findTarget(nodeName: string, flags: ControlFlags): Promise<Target> {
  const cluster = await findCluster(flags)
  const node = cluster?.loaded.layout.nodes.get(nodeName)
  if (cluster === undefined || node === undefined) {
    if (!nodeName.includes(':')) {
      const known =
        cluster === undefined ? '' : `; it has: ${[...cluster.loaded.layout.nodes.keys()].join(', ')}`
      const where = cluster?.loaded.file ?? 'a layout: no cluster runs here, name one with --layout'
      throw new CommandError(2, `'${nodeName}' is not a node of ${where}${known}`)
    }
    const dialect = cluster?.loaded.dialect ?? parseDialect(flags.dialect ?? 'reference')
    const options = cluster?.loaded.options ?? resolveOptions({ dialect, environment: process.env }).options
    const controlName = flags.as ?? (cluster && firstControl(cluster.loaded.layout))
    return { address: parseAddress(nodeName), controlName, options, dialect }
  }
  const { options, dialect, layout } = cluster.loaded
  const controlName = flags.as ?? firstControl(layout)
  const running = cluster.addresses.get(nodeName)
  if (running !== undefined) return { address: running, controlName, options, dialect }
  if (node.p === undefined || node.p.number === 0) {
    throw new CommandError(1, `${nodeName} has no port in ${cluster.loaded.file}: it cannot be reached`)
  }
  return { address: { host: addressText(node), port: node.p.number }, controlName, options, dialect }
}

function firstControl(layout: Layout): string | undefined {
  return nodesByName(layout, 'CONTROL')[0]?.name
}

interface FoundCluster {
  readonly loaded: LoadedCluster
  /** Where running nodes listen. */
  readonly addresses: ReadonlyMap<string, NetworkAddress>
}

/** The cluster that runs in the state directory, or the layout that is named or found; undefined when there is none. */
async function findCluster(flags: ControlFlags): Promise<FoundCluster | undefined> {
  const running = flags.layout === undefined ? await runningCluster(resolve(flags.stateDir)) : undefined
  if (running !== undefined) {
    const { given } = splitRedefs(running.redefs)
    const loaded = await loadCluster({ file: running.layout, dialect: running.dialect, given, quiet: true })
    return { loaded, addresses: running.addresses }
  }
  const dialect = flags.dialect ?? 'reference'
  try {
    const loaded = await loadCluster({ file: flags.layout, dialect, quiet: true })
    return { loaded, addresses: new Map() }
  } catch (error) {
    if (flags.layout !== undefined) throw error
    return undefined
  }
}

async function runningCluster(
  stateDir: string,
): Promise<
  | { layout: string; dialect: string; redefs: readonly string[]; addresses: Map<string, NetworkAddress> }
  | undefined
> {
  try {
    const response = await requestControl(stateDir, { command: 'status' })
    if (!('nodes' in response)) return undefined
    const addresses = response.nodes.flatMap(({ name, address }): [string, NetworkAddress][] =>
      address === undefined || address === 'no port' ? [] : [[name, parseAddress(address)]],
    )
    const { layout, dialect, redefs } = response
    return { layout, dialect, redefs, addresses: new Map(addresses) }
  } catch (error) {
    if (errorCode(error) === 'not-running') return undefined
    throw fail(1, error)
  }
}

function show(node: string, answer: ControlAnswer, json: boolean): void {
  if (json) return print(JSON.stringify({ node, ...fieldsOf(answer) }))
  switch (answer.command) {
    case 'id_value':
      if (answer.value === UNKNOWN_ID) throw new CommandError(1, `${node} knows no ${answer.id}`)
      return print(answer.value)
    case 'peer_status': {
      const peers = parsePeers(answer.text)
      if (peers.length === 0) return print('no peers')
      const rows = peers.map(({ status, host, peer }) => [status, host, peer])
      for (const line of formatTable([['STATUS', 'HOST', 'ID'], ...rows])) print(line)
      return
    }
    case 'net_stats': {
      const { received, dropped, link } = parseStats(answer.text)
      return print(`packets received ${received}, dropped ${dropped}, on the link ${link}`)
    }
    case 'configuration_update':
      return print(`${node} has the values that it accepts: its log tells which`)
    case 'shutdown':
      return print(`${node} stops`)
  }
}

function fieldsOf(answer: ControlAnswer): object {
  switch (answer.command) {
    case 'id_value':
      return { ...answer, known: answer.value !== UNKNOWN_ID }
    case 'peer_status':
      return { command: answer.command, peers: parsePeers(answer.text) }
    case 'net_stats':
      return { command: answer.command, ...parseStats(answer.text) }
    case 'configuration_update':
    case 'shutdown':
      return answer
  }
}

/** `1795350633.826298 peer=5e47… host=127.0.0.1 status=Broker::PEERED`, a line for each peer. */
function parsePeers(text: string): { peer: string; host: string; status: string }[] {
  return [...text.matchAll(/peer=(\S*) host=(\S*) status=(?:Broker::)?(\S*)/g)].map((match) => ({
    peer: match[1]!,
    host: match[2]!.replace('::ffff:', ''),
    status: match[3]!,
  }))
}

/** `1795350636.726538 recvd=0 dropped=0 link=0`. */
function parseStats(text: string): { received: number; dropped: number; link: number } {
  const [, received, dropped, link] = /recvd=(\d+) dropped=(\d+) link=(\d+)/.exec(text) ?? []
  return { received: Number(received), dropped: Number(dropped), link: Number(link) }
}
