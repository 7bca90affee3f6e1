/**
 * The port to the network: connections that carry bytes in order. Implementations: `tcp.ts` (TCP and TLS) and the
 * in-memory network of `zeek-cluster/testing`. Callbacks never run inside the call that caused them.
 */
import type { ClusterError } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'

/**
 * How a connection is protected. `anonymous-tls` is what Zeek does without certificates: encrypted, nobody is
 * authenticated (spec/broker-protocol.md 4.2). Both ends must agree.
 */
export type Security = 'plain' | 'anonymous-tls' | Certificates

/** Mutual authentication: both sides show a certificate that one of the other's authorities signed. PEM texts. */
export interface Certificates {
  /** Own certificate, then its chain. */
  readonly certificate?: string
  readonly key?: string
  readonly passphrase?: string
  readonly authorities: readonly string[]
}

export interface Connection {
  readonly remote: NetworkAddress
  readonly local: NetworkAddress
  /** Bytes that were handed over and have not left the process yet. */
  readonly bufferedBytes: number
  /**
   * Sends `bytes`, which stay unchanged until `onFlushed` is called; `sent` is false when the connection ended
   * before they had left the process.
   */
  send(bytes: Uint8Array, onFlushed: (sent: boolean) => void): void
  /** Closes both directions after everything sent has left; a peer that reads nothing is given up after a while. */
  end(): void
  /** Closes at once; what was not sent is lost. */
  destroy(): void
  /** Stops or resumes reading. */
  pauseReading(): void
  resumeReading(): void
}

export interface ConnectionHandler {
  /** Only for outgoing connections: established, TLS handshake included. */
  onOpen?(connection: Connection): void
  /** Bytes from the peer, valid during the call. */
  onBytes(bytes: Uint8Array): void
  /** Called once, last. `error` is undefined for an orderly end. */
  onClose(error: TransportError | undefined): void
}

export type TransportErrorCode =
  | 'connection-refused'
  | 'connection-reset'
  | 'connection-timeout'
  | 'host-unreachable'
  | 'tls-failed'
  /** Established, but data no longer gets to the other end. */
  | 'connection-cut'
  | 'address-in-use'
  | 'address-not-available'
  | 'permission-denied'
  | 'transport-failed'

export type TransportError = ClusterError<TransportErrorCode, NetworkAddress>

export interface Listener {
  /** Where it really listens. */
  readonly address: NetworkAddress
  /** Stops accepting; open connections stay. */
  close(): Promise<void>
}

export interface Network {
  /** Starts to connect. Failures arrive at `handler.onClose`. */
  connect(
    address: NetworkAddress,
    security: Security,
    timeoutMs: number,
    handler: ConnectionHandler,
  ): Connection
  /** Rejects with a `TransportError`, for example code `address-in-use`. */
  listen(
    address: NetworkAddress,
    security: Security,
    accept: (connection: Connection) => ConnectionHandler,
    /** Somebody connected who could not agree on the protection, or said nothing. */
    onRefused?: (remote: NetworkAddress, error: TransportError) => void,
  ): Promise<Listener>
}
