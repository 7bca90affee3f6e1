/** A visitor on the bus: what is behind `publish`, `subscribe`, `bench` and `store`. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import { systemRandom } from '../base/random.js'
import type { Report } from '../base/report.js'
import { systemTimers } from '../base/time.js'
import { Endpoint } from '../broker/endpoint.js'
import { randomEndpointId } from '../broker/endpoint-id.js'
import { FilterMatcher } from '../broker/filter.js'
import type { BusHandler, Peer, PublishOutcome } from '../bus/bus.js'
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Encodable } from '../data/messages.js'
import type { Value } from '../data/value.js'
import { readSecurity } from '../transport/certificates.js'
import { tcpNetwork } from '../transport/tcp.js'
import type { Security } from '../transport/transport.js'
import { runningNodes } from './commands/status.js'
import { CommandError, fail, printRaw } from './output.js'

export interface BusFlags {
  readonly peer: readonly string[]
  readonly listen?: string
  readonly websocket?: string
  readonly tls: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly stateDir: string
}

export interface BusClientHandler {
  /** One message. What is in it is only decoded when `value` is called, during the call. */
  onMessage(topic: string, sizeBytes: number, value: () => Value): void
}

/** A visitor on the bus: an endpoint with peers, or a client of a WebSocket server. */
export interface BusClient {
  publish(topic: string, message: Encodable): PublishOutcome
  /** Resolves when the way is free again after `publish` said `queued`. */
  drained(): Promise<void>
  /** Resolves when everything published has arrived; false when `timeoutMs` have passed before. */
  settle(timeoutMs: number): Promise<boolean>
  close(): Promise<void>
}

const PEER_TIMEOUT_MS = 5000
const RETRY_MS = 500
const NORMAL_CLOSE = 1000

/** `HOST:PORT`, `[IPV6]:PORT`. Throws a `CommandError` with exit code 2. */
export function parseAddress(text: string): NetworkAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[3]) > 65535) throw new CommandError(2, `'${text}' is not HOST:PORT`)
  return { host: match[1] ?? match[2]!, port: Number(match[3]) }
}

/**
 * Connects to the WebSocket server, to the named peers, or to every node of the cluster that runs in the state
 * directory, and waits until all are there; a publisher that listens, until somebody is. `prefixes` are subscribed
 * from the start. Throws a `CommandError`.
 */
export function openBusClient(
  flags: BusFlags,
  prefixes: readonly string[],
  handler: BusClientHandler,
): Promise<BusClient> {
  return flags.websocket === undefined
    ? openEndpoint(flags, prefixes, handler)
    : openWebSocket(flags.websocket, flags, prefixes, handler)
}

/**
 * Calls `stop` on the signals that end a command. A command that is told to stop before its client is open ends the
 * process: there is nothing to finish yet.
 */
export async function stopOnSignals<Client>(stop: () => void, opening: Promise<Client>): Promise<Client> {
  let onSignal = (): void => process.exit(0)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal())
  const client = await opening
  onSignal = stop
  return client
}

async function openWebSocket(
  url: string,
  flags: BusFlags,
  prefixes: readonly string[],
  handler: BusClientHandler,
): Promise<BusClient> {
  const { connectWebSocket } = await import('../websocket/client.js')
  const [ca, cert, key] = [flags.tlsCa, flags.tlsCert, flags.tlsKey].map(readPem)
  const client = await connectWebSocket({
    url,
    subscriptions: prefixes,
    applicationName: 'zeek-cluster',
    timeoutMs: PEER_TIMEOUT_MS,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    onMessage: (topic, value) => handler.onMessage(topic, encoded(value).length, () => value),
    onError: (code, context) => printRaw(`zeek-cluster: error: ${url}: ${code}: ${context}`),
    onClose: (code, reason) => {
      if (code !== NORMAL_CLOSE)
        printRaw(`zeek-cluster: error: ${url} closed the connection (${code} ${reason})`)
    },
  }).catch((error: unknown) => {
    throw fail(1, error)
  })
  if (prefixes.length > 0) printRaw(`connected to ${url} as ${client.endpoint}`)
  return {
    publish: (topic, message) => client.publish(topic, decoded(message)),
    async drained() {
      while (client.bufferedBytes > 0) await new Promise((resolve) => setImmediate(resolve))
    },
    settle: (timeoutMs) => client.settle(timeoutMs),
    close: () => client.close(),
  }
}

function readPem(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, 'utf8')
  } catch (error) {
    throw fail(2, error)
  }
}

function encoded(value: Value): Uint8Array {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return writer.written()
}

function decoded(message: Encodable): Value {
  const writer = new ByteWriter()
  message.writeTo(writer)
  return readValue(new ByteReader(writer.written()))
}

async function openEndpoint(
  flags: BusFlags,
  prefixes: readonly string[],
  handler: BusClientHandler,
): Promise<BusClient> {
  let drained: () => void = () => {}
  const matcher = new FilterMatcher(prefixes)
  const reader = new ByteReader()
  const visitor = new Visitor(flags, {
    onMessage(topic, bytes, start, end) {
      // A node tells each new peer what logs it writes, whether the peer subscribes them or not.
      if (!matcher.matches(topic)) return
      handler.onMessage(topic, end - start, () => {
        reader.reset(bytes, start, end)
        const value = readValue(reader)
        reader.expectEnd()
        return value
      })
    },
    onDrain: () => drained(),
  })
  const { endpoint } = visitor
  for (const prefix of prefixes) endpoint.subscribe(prefix)
  // Who listens and subscribes takes whoever comes, whenever.
  await visitor.connect(flags.listen === undefined || prefixes.length === 0)
  return {
    publish: (topic, message) => endpoint.publish(topic, message),
    drained: () =>
      new Promise((resolve) => {
        drained = resolve
      }),
    settle: (timeoutMs) => endpoint.barrier(timeoutMs),
    close: () => endpoint.close(),
  }
}

/** What a visitor hears of; what it has no use for is left out. */
export interface VisitorHandler extends Partial<Pick<BusHandler, 'onMessage' | 'onCommand' | 'onDrain'>> {
  /** Peers came, went or changed their subscriptions. */
  onPeersChanged?(): void
}

/** An endpoint that connects as the flags say. */
export class Visitor {
  readonly endpoint: Endpoint
  readonly #flags: BusFlags
  readonly #nodeNames = new Map<string, string>()
  #onPeersChanged: () => void = () => {}

  /** Throws a `CommandError` for keys and certificates that cannot be used. */
  constructor(flags: BusFlags, handler: VisitorHandler) {
    this.#flags = flags
    const peersChanged = (): void => {
      handler.onPeersChanged?.()
      this.#onPeersChanged()
    }
    this.endpoint = new Endpoint({
      id: randomEndpointId(systemRandom),
      network: tcpNetwork,
      timers: systemTimers,
      security: securityOf(flags),
      handler: {
        onMessage: (...message) => handler.onMessage?.(...message),
        onCommand: (...command) => handler.onCommand?.(...command),
        onPeerAdded: peersChanged,
        onPeerLost: peersChanged,
        onSubscriptionsChanged: peersChanged,
        onDrain: () => handler.onDrain?.(),
        onStatus: () => {},
        onReport: printReport,
      },
    })
  }

  /**
   * Listens, and dials the named peers or every node of the cluster that runs in the state directory. Resolves when
   * all are there, or those that came in time; who only listens waits for the first to come, as long as it takes.
   * Without `waits` nobody is waited for. Throws a `CommandError`; the endpoint is closed then.
   */
  async connect(waits: boolean): Promise<void> {
    try {
      await this.#connect(waits)
    } catch (error) {
      await this.endpoint.close()
      throw error
    }
  }

  /** What people know a peer by: the name of its node in the running cluster, else its address. */
  describe(peer: Peer): string {
    const address = formatAddress(peer.address)
    return this.#nodeNames.get(address) ?? address
  }

  async #connect(waits: boolean): Promise<void> {
    const { endpoint } = this
    const { listen } = this.#flags
    const addresses = await this.#peerAddresses()
    if (listen !== undefined) {
      const address = await endpoint.listen(parseAddress(listen)).catch((error: unknown) => {
        throw fail(1, error)
      })
      printRaw(`listening on ${formatAddress(address)}`)
    }
    for (const address of addresses) endpoint.dial(address, RETRY_MS)
    if (!waits) return
    const wanted = listen === undefined ? addresses.length : Math.max(1, addresses.length)
    const complete = new Promise<'complete'>((done) => {
      this.#onPeersChanged = () => {
        if (endpoint.peers().length >= wanted) done('complete')
      }
      this.#onPeersChanged()
    })
    const patience = listen === undefined ? timeout(PEER_TIMEOUT_MS) : undefined
    const outcome = await (patience === undefined ? complete : Promise.race([complete, patience.promise]))
    patience?.cancel()
    if (outcome === 'timeout' && endpoint.peers().length === 0) {
      const peers = addresses.map(formatAddress).join(', ')
      throw new CommandError(1, `no peering with ${peers} within ${PEER_TIMEOUT_MS / 1000} s`)
    }
  }

  async #peerAddresses(): Promise<NetworkAddress[]> {
    const { peer, listen, stateDir } = this.#flags
    if (peer.length > 0 || listen !== undefined) return peer.map(parseAddress)
    const nodes = await runningNodes(resolve(stateDir))
    return nodes.flatMap(({ name, address }) => {
      if (address === undefined || address === 'no port') return []
      const parsed = parseAddress(address)
      this.#nodeNames.set(formatAddress(parsed), name)
      return [parsed]
    })
  }
}

function printReport({ severity, message }: Report): void {
  if (severity !== 'info') printRaw(`zeek-cluster: ${severity}: ${message}`)
}

/** A passphrase comes by the environment: arguments are for everybody to see. */
export function securityOf(flags: BusFlags): Security {
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

function timeout(durationMs: number): { promise: Promise<'timeout'>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const promise = new Promise<'timeout'>((done) => {
    timer = setTimeout(() => done('timeout'), durationMs)
  })
  return { promise, cancel: () => clearTimeout(timer) }
}
