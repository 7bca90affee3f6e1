/**
 * Zeek's WebSocket API on a bus: what `Cluster::listen_websocket` opens (spec/zeek-zeromq-websocket.md 5). Every
 * client is a participant of the bus: it sees what the node, the peers and the other clients publish.
 */
import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import { WebSocketServer as Upgrader } from 'ws'
import { ClusterError, errorMessage } from '../base/errors.js'
import { formatAddress, type NetworkAddress } from '../base/network-address.js'
import type { Report, Reporter } from '../base/report.js'
import type { Timer, Timers } from '../base/time.js'
import type { Bus } from '../bus/bus.js'
import type { Value } from '../data/value.js'
import { transportErrorCode } from '../transport/tcp.js'
import { APPLICATION_NAME_HEADER } from './messages.js'
import { ServerClient, type WebSocketCounters, type WebSocketEndpointInfo } from './server-client.js'

/** Contents of PEM files. */
export interface WebSocketServerTls {
  readonly cert: string
  readonly key: string
  /** Default false. */
  readonly verifyClients?: boolean
  /** Who may have signed the certificates of clients; default is what the system trusts. */
  readonly ca?: string
}

export interface WebSocketServerOptions {
  /** Exactly where to listen; port 0 is any free one. */
  readonly address: NetworkAddress
  /** Default is plain text. */
  readonly tls?: WebSocketServerTls
  readonly bus: Bus
  /** What the acknowledgement says, for example `9.0.0`. */
  readonly version: string
  /** Endpoints of clients are called `<nodeId>-websocket-<n>`. */
  readonly nodeId: string
  readonly timers: Timers
  readonly reporter: Reporter
  /** A client without an answer when the next ping is due is closed. Default 5 s. */
  readonly pingIntervalMs?: number
  /** Connections at a time; more are closed at once. Default 100. */
  readonly clientLimit?: number
  /** From the connection to the upgrade. Default 3 s. */
  readonly handshakeTimeoutMs?: number
  /** How long a close frame waits for its answer. Default 1 s. */
  readonly closeTimeoutMs?: number
  /** Longest message of a client; a longer one closes the connection (1009). Default 4 MiB. */
  readonly messageLimitBytes?: number
  /** What may wait for a client that reads slowly; messages on top are dropped and counted. Default 8 MiB. */
  readonly bufferLimitBytes?: number
  /** Refuses events that the host does not know; without it every well-formed event is taken. */
  readonly checkEvent?: (name: string, args: readonly Value[]) => boolean
  /** `Cluster::websocket_client_added`: just before the acknowledgement. Subscriptions are sorted and unique. */
  readonly onClientAdded?: (client: WebSocketEndpointInfo, subscriptions: readonly string[]) => void
  /** `Cluster::websocket_client_lost`: for every client that was not turned away at the door. */
  readonly onClientLost?: (client: WebSocketEndpointInfo, code: number, reason: string) => void
}

export interface WebSocketServer {
  /** Where it really listens. */
  readonly address: NetworkAddress
  /** Since the start, over all clients. */
  readonly counters: Readonly<WebSocketCounters>
  /** Connected clients. */
  readonly clientCount: number
  /** Says goodbye to every client (1001 "Terminating"); resolves when all connections are closed. */
  close(): Promise<void>
}

const MIB = 1024 * 1024

/** Starts to serve. Rejects with a `ClusterError` that has a `TransportErrorCode`, for example `address-in-use`. */
export async function startWebSocketServer(options: WebSocketServerOptions): Promise<WebSocketServer> {
  const server = new Server(options)
  await server.listen()
  return server
}

class Server implements WebSocketServer {
  readonly counters: WebSocketCounters = {
    messagesIn: 0,
    refusedIn: 0,
    ignoredIn: 0,
    droppedIn: 0,
    messagesOut: 0,
    droppedOut: 0,
    unreadableOut: 0,
    turnedAway: 0,
    failedTls: 0,
  }
  readonly #options: WebSocketServerOptions
  readonly #http: http.Server
  readonly #upgrader: Upgrader
  readonly #clients = new Set<ServerClient>()
  /** Connections that are no WebSockets yet, by remote address, with their time limits. */
  readonly #handshaking = new Map<string, { readonly socket: net.Socket; readonly timer: Timer }>()
  #clientNumber = 0
  #address: NetworkAddress
  #state: 'open' | 'closing' = 'open'
  #onIdle: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(options: WebSocketServerOptions) {
    this.#options = options
    this.#address = options.address
    this.#http = createHttpServer(options)
    this.#http.maxConnections = options.clientLimit ?? 100
    this.#upgrader = new Upgrader({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.messageLimitBytes ?? 4 * MIB,
      // As with Zeek, none is chosen, whatever is offered.
      handleProtocols: () => false,
    })
    this.#http.on('connection', (socket: net.Socket) => this.#onConnection(socket))
    this.#http.on('drop', () => this.#onDrop())
    this.#http.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as net.Socket, head))
    this.#http.on('request', (_request, response) => {
      response.writeHead(400, { connection: 'close' }).end()
    })
    this.#http.on('tlsClientError', (error: Error, socket: net.Socket) => this.#onTlsError(error, socket))
  }

  get address(): NetworkAddress {
    return this.#address
  }

  get clientCount(): number {
    return this.#clients.size
  }

  async listen(): Promise<void> {
    const { address } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', (error) => reject(listenError(address, error)))
      this.#http.listen({ host: address.host, port: address.port }, () => {
        this.#http.removeAllListeners('error')
        this.#http.on('error', (error) =>
          this.#report('error', 'websocket-server-failed', errorMessage(error)),
        )
        resolve()
      })
    })
    const bound = this.#http.address() as net.AddressInfo
    this.#address = { host: bound.address, port: bound.port }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    const stopped = new Promise<void>((resolve) => {
      this.#http.close(() => resolve())
    })
    for (const { socket } of this.#handshaking.values()) socket.destroy()
    for (const client of [...this.#clients]) client.close()
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#checkIdle()
    })
    await stopped
  }

  #onConnection(socket: net.Socket): void {
    const remote = remoteOf(socket)
    const key = formatAddress(remote)
    const { timers, handshakeTimeoutMs } = this.#options
    const timer = timers.after(handshakeTimeoutMs ?? 3000, () => socket.destroy())
    this.#handshaking.set(key, { socket, timer })
    socket.once('close', () => {
      timer.cancel()
      this.#handshaking.delete(key)
    })
  }

  #onUpgrade(request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
    const address = remoteOf(socket)
    const key = formatAddress(address)
    this.#handshaking.get(key)?.timer.cancel()
    this.#handshaking.delete(key)
    if (this.#state === 'closing') {
      socket.destroy()
      return
    }
    // Draft 8 differs in nothing that matters, but Zeek wants 13.
    if (request.headers['sec-websocket-version'] !== '13') {
      socket.on('error', () => {})
      socket.end(WRONG_VERSION_RESPONSE, () => socket.destroy())
      return
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      const id = `${this.#options.nodeId}-websocket-${this.#clientNumber}`
      this.#clientNumber += 1
      const name = request.headers[APPLICATION_NAME_HEADER]
      const info = { id, address, applicationName: typeof name === 'string' ? name : undefined }
      this.#clients.add(new ServerClient(webSocket, request.url ?? '', info, this.#hostOf(id)))
    })
  }

  #hostOf(endpoint: string): ConstructorParameters<typeof ServerClient>[3] {
    const options = this.#options
    return {
      bus: options.bus,
      timers: options.timers,
      session: {
        endpoint,
        version: options.version,
        pingIntervalMs: options.pingIntervalMs ?? 5000,
        checkEvent: options.checkEvent,
      },
      counters: this.counters,
      bufferLimitBytes: options.bufferLimitBytes ?? 8 * MIB,
      closeTimeoutMs: options.closeTimeoutMs ?? 1000,
      report: options.reporter,
      onAdded: (client, subscriptions) => options.onClientAdded?.(client, subscriptions),
      onLost: (client, code, reason) => options.onClientLost?.(client, code, reason),
      onEnded: (client) => {
        this.#clients.delete(client)
        this.#checkIdle()
      },
    }
  }

  #onTlsError(error: Error, socket: net.Socket): void {
    socket.destroy()
    this.counters.failedTls += 1
    if (this.counters.failedTls % REPORTED_EVERY !== 1) return
    this.#report(
      'warning',
      'websocket-tls-failed',
      `no TLS with a WebSocket client (${this.counters.failedTls} so far): ${errorMessage(error)}`,
    )
  }

  #onDrop(): void {
    this.counters.turnedAway += 1
    if (this.counters.turnedAway % REPORTED_EVERY !== 1) return
    this.#report(
      'warning',
      'websocket-client-limit',
      `${this.#http.maxConnections} WebSocket clients are connected: further ones are closed (${this.counters.turnedAway} so far)`,
    )
  }

  #checkIdle(): void {
    if (this.#clients.size === 0) this.#onIdle?.()
  }

  #report(severity: Report['severity'], code: string, message: string): void {
    this.#options.reporter({ severity, code, message })
  }
}

const WRONG_VERSION_RESPONSE =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n\r\n'

/** Of what everybody can provoke, every so many is reported: it must not fill a log. */
const REPORTED_EVERY = 1000

function createHttpServer(options: WebSocketServerOptions): http.Server {
  const { tls } = options
  if (tls === undefined) return http.createServer()
  const verify = tls.verifyClients ?? false
  try {
    return https.createServer({
      cert: tls.cert,
      key: tls.key,
      requestCert: verify,
      rejectUnauthorized: verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    })
  } catch (error) {
    throw listenError(options.address, error)
  }
}

function remoteOf(socket: net.Socket): NetworkAddress {
  return { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
}

function listenError(address: NetworkAddress, error: unknown): ClusterError {
  const message = `WebSocket server on ${formatAddress(address)}: ${errorMessage(error)}`
  return new ClusterError(transportErrorCode(error), message, address, error)
}
