/** TCP and TLS connections of Node.js behind the transport port. */
import net from 'node:net'
import tls from 'node:tls'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import { formatAddress } from './format-address.js'
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  NetworkAddress,
  TransportError,
  TransportErrorCode,
} from './transport.js'

/**
 * Broker without certificates: TLS 1.2, anonymous ECDH on P-384 (spec/broker-protocol.md 4.2). The version must be
 * capped: anonymous suites do not exist in TLS 1.3.
 */
const ANONYMOUS_TLS = {
  ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  ecdhCurve: 'P-384',
} as const

/** How long an accepted connection may take for its TLS handshake. */
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000

export const tcpNetwork: Network = {
  connect(address, security, timeoutMs, handler) {
    const target = { host: address.host, port: address.port }
    const socket =
      security === 'plain'
        ? net.connect(target)
        : tls.connect({ ...target, ...ANONYMOUS_TLS, rejectUnauthorized: false })
    const connection = new SocketConnection(socket, address)
    const timer = setTimeout(() => {
      connection.fail(
        new ClusterError(
          'connection-timeout',
          `no connection to ${formatAddress(address)} within ${timeoutMs} ms`,
          address,
        ),
      )
    }, timeoutMs)
    socket.once(security === 'plain' ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer)
      handler.onOpen?.(connection)
    })
    socket.once('close', () => clearTimeout(timer))
    connection.attach(handler)
    return connection
  },

  listen(address, security, accept) {
    return new Promise<Listener>((resolve, reject) => {
      const onConnection = (socket: net.Socket): void => {
        const remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
        const connection = new SocketConnection(socket, remote)
        connection.attach(accept(connection))
      }
      const server =
        security === 'plain'
          ? net.createServer(onConnection)
          : tls.createServer({ ...ANONYMOUS_TLS, handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS }, onConnection)
      // A failed TLS handshake of one client is that client's problem.
      server.on('tlsClientError', (_error: Error, socket: net.Socket) => socket.destroy())
      server.once('error', (error) => reject(classify(error, address)))
      server.listen({ host: address.host, port: address.port, backlog: 511 }, () => {
        server.removeAllListeners('error')
        server.on('error', () => {})
        const bound = server.address() as net.AddressInfo
        resolve({
          address: { host: bound.address, port: bound.port },
          close: () => new Promise((done) => server.close(() => done())),
        })
      })
    })
  },
}

class SocketConnection implements Connection {
  readonly remote: NetworkAddress
  readonly #socket: net.Socket
  #error: TransportError | undefined

  constructor(socket: net.Socket, remote: NetworkAddress) {
    this.#socket = socket
    this.remote = remote
    socket.setNoDelay(true)
  }

  get local(): NetworkAddress {
    return { host: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 }
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  attach(handler: ConnectionHandler): void {
    const socket = this.#socket
    socket.on('data', (bytes: Buffer) => handler.onBytes(bytes))
    socket.once('error', (error) => {
      this.#error ??= classify(error, this.remote)
    })
    socket.once('close', () => handler.onClose(this.#error))
  }

  fail(error: TransportError): void {
    this.#error ??= error
    this.#socket.destroy()
  }

  send(bytes: Uint8Array, onFlushed: () => void): void {
    this.#socket.write(bytes, () => onFlushed())
  }

  end(): void {
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

/** The one place that turns errors of the runtime into ours. */
function classify(error: unknown, address: NetworkAddress): TransportError {
  const foreign = errorCode(error) ?? ''
  const code = CODES[foreign] ?? (/^ERR_(SSL|TLS)|^EPROTO$/.test(foreign) ? 'tls-failed' : 'transport-failed')
  return new ClusterError(code, `${formatAddress(address)}: ${errorMessage(error)}`, address, error)
}
