/** TCP and TLS connections of Node.js behind the transport port. */
import net from 'node:net'
import tls from 'node:tls'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import { formatAddress } from '../base/network-address.js'
import { Liveness } from './liveness.js'
import {
  CLOSED_BEHIND_HANDSHAKE,
  clientOptions,
  explainTlsError,
  isTlsError,
  refusalOf,
  serverOptions,
} from './tls.js'
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  TransportError,
  TransportErrorCode,
} from './transport.js'

export interface TcpOptions {
  /** How long an accepted connection may take for its TLS handshake; default 10 s. */
  readonly tlsHandshakeTimeoutMs?: number
  /** How long `end` waits for a peer that reads nothing; default 3 s. */
  readonly endTimeoutMs?: number
}

export const tcpNetwork: Network = createTcpNetwork()

export function createTcpNetwork(options: TcpOptions = {}): Network {
  const tlsHandshakeTimeoutMs = options.tlsHandshakeTimeoutMs ?? 10_000
  const endTimeoutMs = options.endTimeoutMs ?? 3000
  const liveness = new Liveness()
  return {
    connect(address, security, timeoutMs, handler) {
      const target = { host: address.host, port: address.port }
      const socket =
        security === 'plain' ? net.connect(target) : tls.connect({ ...target, ...clientOptions(security) })
      const connection = new SocketConnection(socket, address, endTimeoutMs)
      const timer = setTimeout(() => {
        connection.fail(
          new ClusterError(
            'connection-timeout',
            `no connection to ${formatAddress(address)} within ${timeoutMs} ms`,
            address,
          ),
        )
      }, timeoutMs)
      socket.once('connect', () => liveness.add(socket, address, () => connection.cut()))
      socket.once(security === 'plain' ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer)
        handler.onOpen?.(connection)
      })
      socket.once('close', () => clearTimeout(timer))
      if (typeof security === 'object') connection.expectGreeting()
      connection.attach(handler)
      return connection
    },

    listen(address, security, accept, onRefused) {
      return new Promise<Listener>((resolve, reject) => {
        /** Accepted sockets in their TLS handshake, by remote address: nobody else knows them. */
        const handshaking = new Map<string, net.Socket>()
        const onConnection = (socket: net.Socket): void => {
          const remote = remoteOf(socket)
          handshaking.delete(formatAddress(remote))
          const refusal = security === 'plain' ? undefined : refusalOf(socket as tls.TLSSocket, security)
          if (refusal !== undefined) {
            onRefused?.(remote, tlsError(refusal, remote))
            socket.destroy()
            return
          }
          const connection = new SocketConnection(socket, remote, endTimeoutMs)
          liveness.add(socket, remote, () => connection.cut())
          connection.attach(accept(connection))
        }
        const server =
          security === 'plain'
            ? net.createServer(onConnection)
            : tls.createServer(
                { ...serverOptions(security), handshakeTimeout: tlsHandshakeTimeoutMs },
                onConnection,
              )
        server.on('tlsClientError', (error: Error, socket: net.Socket) => {
          const refused = classify(error, remoteOf(socket))
          // Who only looks whether the port is open goes away without a word, and deserves none.
          if (refused.code !== 'connection-reset') onRefused?.(refused.data, refused)
          socket.destroy()
        })
        if (security !== 'plain') {
          server.on('connection', (socket: net.Socket) => {
            const remote = formatAddress(remoteOf(socket))
            handshaking.set(remote, socket)
            socket.once('close', () => handshaking.delete(remote))
          })
        }
        server.once('error', (error) => reject(classify(error, address)))
        server.listen({ host: address.host, port: address.port, backlog: 511 }, () => {
          server.removeAllListeners('error')
          server.on('error', () => {})
          const bound = server.address() as net.AddressInfo
          resolve({
            address: { host: bound.address, port: bound.port },
            // The callback of the server would wait for every open connection.
            close: async () => {
              server.close()
              for (const socket of handshaking.values()) socket.destroy()
            },
          })
        })
      })
    },
  }
}

function remoteOf(socket: net.Socket): NetworkAddress {
  return { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
}

class SocketConnection implements Connection {
  readonly remote: NetworkAddress
  readonly #socket: net.Socket
  readonly #endTimeoutMs: number
  #error: TransportError | undefined
  #onSilentEnd: (() => void) | undefined

  constructor(socket: net.Socket, remote: NetworkAddress, endTimeoutMs: number) {
    this.#socket = socket
    this.remote = remote
    this.#endTimeoutMs = endTimeoutMs
    socket.setNoDelay(true)
  }

  get local(): NetworkAddress {
    return { host: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 }
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  /** An end before the first byte is a refusal: the other side speaks first when it accepts. */
  expectGreeting(): void {
    this.#socket.once('secureConnect', () => {
      this.#onSilentEnd = () => this.fail(tlsError(CLOSED_BEHIND_HANDSHAKE, this.remote))
    })
    this.#socket.once('data', () => {
      this.#onSilentEnd = undefined
    })
  }

  attach(handler: ConnectionHandler): void {
    const socket = this.#socket
    socket.on('data', (bytes: Buffer) => handler.onBytes(bytes))
    socket.once('end', () => this.#onSilentEnd?.())
    socket.on('error', (error) => {
      this.#error ??= classify(error, this.remote)
    })
    socket.once('close', () => handler.onClose(this.#error))
  }

  fail(error: TransportError): void {
    this.#error ??= error
    this.#socket.destroy()
  }

  cut(): void {
    const message = `${formatAddress(this.remote)}: the connection is cut: nothing sent is acknowledged, and the machine does not answer`
    this.fail(new ClusterError('connection-cut', message, this.remote))
  }

  send(bytes: Uint8Array, onFlushed: (sent: boolean) => void): void {
    // After the end (a pong that crosses a goodbye) nobody reads: a write would be an error.
    if (this.#socket.writable) this.#socket.write(bytes, (error) => onFlushed(error == null))
    else process.nextTick(onFlushed, false)
  }

  end(): void {
    this.#socket.setTimeout(this.#endTimeoutMs, () => this.#socket.destroy())
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }
}

const CODES: Readonly<Record<string, TransportErrorCode>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EPIPE: 'connection-reset',
  ETIMEDOUT: 'connection-timeout',
  EHOSTUNREACH: 'host-unreachable',
  ENETUNREACH: 'host-unreachable',
  ENOTFOUND: 'host-unreachable',
  EADDRINUSE: 'address-in-use',
  EADDRNOTAVAIL: 'address-not-available',
  EACCES: 'permission-denied',
}

/** What kind of failure an error of Node's sockets is. */
export function transportErrorCode(error: unknown): TransportErrorCode {
  const foreign = errorCode(error) ?? ''
  return CODES[foreign] ?? (isTlsError(foreign) ? 'tls-failed' : 'transport-failed')
}

/** The one place that turns errors of the runtime into ours. */
function classify(error: unknown, address: NetworkAddress): TransportError {
  const foreign = errorCode(error) ?? ''
  if (isTlsError(foreign)) return tlsError(foreign, address, error)
  const code = transportErrorCode(error)
  return new ClusterError(code, `${formatAddress(address)}: ${errorMessage(error)}`, address, error)
}

function tlsError(code: string, address: NetworkAddress, cause?: unknown): TransportError {
  const message = `${formatAddress(address)}: ${explainTlsError(code)}`
  return new ClusterError('tls-failed', message, address, cause)
}
