/** A visitor on the bus: the endpoint behind `publish` and `subscribe`. */
import { resolve } from 'node:path'
import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import { systemRandom } from '../base/random.js'
import { systemTimers } from '../base/time.js'
import { Endpoint } from '../broker/endpoint.js'
import { randomEndpointId } from '../broker/endpoint-id.js'
import type { Peer } from '../bus/bus.js'
import { readSecurity } from '../transport/certificates.js'
import { tcpNetwork } from '../transport/tcp.js'
import type { Security } from '../transport/transport.js'
import { runningNodes } from './commands/status.js'
import { CommandError, fail, printRaw } from './output.js'

export interface BusFlags {
  readonly peer: readonly string[]
  readonly listen?: string
  readonly tls: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly stateDir: string
}

export interface BusClientHandler {
  onMessage(topic: string, bytes: Uint8Array, start: number, end: number, from: Peer): void
}

const PEER_TIMEOUT_MS = 5000
const RETRY_MS = 500

/** `HOST:PORT`, `[IPV6]:PORT`. Throws a `CommandError` with exit code 2. */
export function parseAddress(text: string): NetworkAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[3]) > 65535) throw new CommandError(2, `'${text}' is not HOST:PORT`)
  return { host: match[1] ?? match[2]!, port: Number(match[3]) }
}

/**
 * Connects to the named peers, or to every node of the cluster that runs in the state directory, and waits until
 * all are there; a publisher that listens, until somebody is. `prefixes` are subscribed from the start.
 */
export async function openBusClient(
  flags: BusFlags,
  prefixes: readonly string[],
  handler: BusClientHandler,
): Promise<Endpoint> {
  const addresses = await peerAddresses(flags)
  let peersAdded: () => void = () => {}
  const endpoint = new Endpoint({
    id: randomEndpointId(systemRandom),
    network: tcpNetwork,
    timers: systemTimers,
    security: securityOf(flags),
    handler: {
      ...handler,
      onPeerAdded: () => peersAdded(),
      onPeerLost: () => {},
      onSubscriptionsChanged: () => {},
      onDrain: () => {},
      onStatus: () => {},
      onReport: (report) => {
        if (report.severity !== 'info') printRaw(`zeek-cluster: ${report.severity}: ${report.message}`)
      },
    },
  })
  for (const prefix of prefixes) endpoint.subscribe(prefix)
  if (flags.listen !== undefined) {
    const address = await endpoint.listen(parseAddress(flags.listen)).catch((error: unknown) => {
      throw fail(1, error)
    })
    printRaw(`listening on ${formatAddress(address)}`)
  }
  for (const address of addresses) endpoint.dial(address, RETRY_MS)
  // Who subscribes takes whoever comes, whenever.
  if (flags.listen !== undefined && prefixes.length > 0) return endpoint
  const wanted = flags.listen === undefined ? addresses.length : Math.max(1, addresses.length)
  const complete = new Promise<'complete'>((done) => {
    peersAdded = () => {
      if (endpoint.peers().length >= wanted) done('complete')
    }
  })
  // A listener waits for whoever comes, as long as it takes.
  const patience = flags.listen === undefined ? timeout(PEER_TIMEOUT_MS) : undefined
  const outcome = await (patience === undefined ? complete : Promise.race([complete, patience.promise]))
  patience?.cancel()
  if (outcome === 'timeout' && endpoint.peers().length === 0) {
    await endpoint.close()
    throw new CommandError(
      1,
      `no peering with ${addresses.map(formatAddress).join(', ')} within ${PEER_TIMEOUT_MS / 1000} s`,
    )
  }
  return endpoint
}

/** A passphrase comes by the environment: arguments are for everybody to see. */
function securityOf(flags: BusFlags): Security {
  const passphrase = process.env['ZEEK_CLUSTER_TLS_PASSPHRASE']
  try {
    return readSecurity(!flags.tls, {
      ...(flags.tlsCert === undefined ? {} : { certificate: flags.tlsCert }),
      ...(flags.tlsKey === undefined ? {} : { key: flags.tlsKey }),
      ...(flags.tlsCa === undefined ? {} : { authorityFile: flags.tlsCa }),
      ...(passphrase === undefined || flags.tlsKey === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    throw fail(2, error)
  }
}

async function peerAddresses(flags: BusFlags): Promise<NetworkAddress[]> {
  if (flags.peer.length > 0 || flags.listen !== undefined) return flags.peer.map(parseAddress)
  const nodes = await runningNodes(resolve(flags.stateDir))
  return nodes.flatMap(({ address }) =>
    address === undefined || address === 'no port' ? [] : [parseAddress(address)],
  )
}

function timeout(durationMs: number): { promise: Promise<'timeout'>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const promise = new Promise<'timeout'>((done) => {
    timer = setTimeout(() => done('timeout'), durationMs)
  })
  return { promise, cancel: () => clearTimeout(timer) }
}
