/**
 * A network inside one process, behind the same port as TCP: connections deliver bytes in order, in chunks whose
 * size can be set, so that every decoder also meets split input. Hosts and ports are names only.
 */
import { ClusterError } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import type { Timers } from '../base/time.js'
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  TransportErrorCode,
} from '../transport/transport.js'

export interface MemoryNetworkOptions {
  /** Largest chunk that a receiver gets at once; default 65 536. */
  readonly chunkBytes?: number
}

const FIRST_FREE_PORT = 50_000

type Accept = (connection: Connection) => ConnectionHandler

export class MemoryNetwork implements Network {
  readonly #timers: Timers
  readonly #chunkBytes: number
  readonly #listeners = new Map<string, Accept>()
  readonly #connections = new Set<MemoryConnection>()
  #nextPort = FIRST_FREE_PORT

  constructor(timers: Timers, options: MemoryNetworkOptions = {}) {
    this.#timers = timers
    this.#chunkBytes = options.chunkBytes ?? 65_536
  }

  /** Connections that are open now, counted once per end. */
  get openConnections(): number {
    return this.#connections.size
  }

  connect(
    address: NetworkAddress,
    _security: unknown,
    _timeoutMs: number,
    handler: ConnectionHandler,
  ): Connection {
    this.#nextPort += 1
    const own = { host: '127.0.0.1', port: this.#nextPort }
    const near = new MemoryConnection(this.#timers, own, address, this.#chunkBytes, (end) =>
      this.#connections.delete(end),
    )
    near.handler = handler
    this.#timers.soon(() => {
      const accept = this.#listeners.get(key(address))
      // Given up before it came to a connection.
      if (!near.isOpen) return
      if (accept === undefined)
        return near.closed(networkError('connection-refused', 'connection refused', address))
      const far = new MemoryConnection(this.#timers, address, own, this.#chunkBytes, (end) =>
        this.#connections.delete(end),
      )
      near.other = far
      far.other = near
      this.#connections.add(near)
      this.#connections.add(far)
      far.handler = accept(far)
      handler.onOpen?.(near)
    })
    return near
  }

  /** Breaks every connection at once, as if all cables were pulled. */
  breakAll(): void {
    for (const connection of [...this.#connections]) connection.destroy()
  }

  async listen(address: NetworkAddress, _security: unknown, accept: Accept): Promise<Listener> {
    this.#nextPort += 1
    const bound = address.port === 0 ? { host: address.host, port: this.#nextPort } : address
    if (this.#listeners.has(key(bound))) throw networkError('address-in-use', 'address in use', bound)
    this.#listeners.set(key(bound), accept)
    return {
      address: bound,
      close: async () => {
        this.#listeners.delete(key(bound))
      },
    }
  }
}

class MemoryConnection implements Connection {
  readonly local: NetworkAddress
  readonly remote: NetworkAddress
  readonly #timers: Timers
  readonly #chunkBytes: number
  readonly #onClosed: (connection: MemoryConnection) => void
  #state: 'open' | 'ending' | 'closed' = 'open'
  handler: ConnectionHandler | undefined
  other: MemoryConnection | undefined
  bufferedBytes = 0
  readonly #held: { readonly bytes: Uint8Array; readonly onFlushed: (sent: boolean) => void }[] = []
  #reading = true

  constructor(
    timers: Timers,
    local: NetworkAddress,
    remote: NetworkAddress,
    chunkBytes: number,
    onClosed: (connection: MemoryConnection) => void,
  ) {
    this.#timers = timers
    this.local = local
    this.remote = remote
    this.#chunkBytes = chunkBytes
    this.#onClosed = onClosed
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  send(bytes: Uint8Array, onFlushed: (sent: boolean) => void): void {
    if (this.#state !== 'open') return this.#timers.soon(() => onFlushed(false))
    this.bufferedBytes += bytes.length
    const copy = Uint8Array.from(bytes)
    this.#timers.soon(() => {
      this.#held.push({ bytes: copy, onFlushed })
      this.#deliver()
    })
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#timers.soon(() => this.#deliver())
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.closed(undefined)
    this.other?.destroy()
  }

  pauseReading(): void {
    this.#reading = false
  }

  resumeReading(): void {
    this.#reading = true
    const { other } = this
    if (other !== undefined) this.#timers.soon(() => other.#deliver())
  }

  closed(error: ReturnType<typeof networkError> | undefined): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#onClosed(this)
    this.#timers.soon(() => {
      for (const { onFlushed } of this.#held.splice(0)) onFlushed(false)
      this.handler?.onClose(error)
    })
  }

  #deliver(): void {
    const receiver = this.other
    while (this.#held.length > 0) {
      if (receiver !== undefined && receiver.#state !== 'closed' && !receiver.#reading) return
      const next = this.#held.shift()
      if (next === undefined) return
      this.bufferedBytes -= next.bytes.length
      if (receiver !== undefined && receiver.#state !== 'closed') {
        for (let offset = 0; offset < next.bytes.length; offset += this.#chunkBytes) {
          receiver.handler?.onBytes(next.bytes.slice(offset, offset + this.#chunkBytes))
        }
      }
      next.onFlushed(true)
    }
    if (this.#state === 'ending' && this.bufferedBytes === 0) this.destroy()
  }
}

function key(address: NetworkAddress): string {
  return `${address.host} ${address.port}`
}

function networkError(
  code: TransportErrorCode,
  message: string,
  address: NetworkAddress,
): ClusterError<TransportErrorCode, NetworkAddress> {
  return new ClusterError(code, `${address.host}:${address.port}: ${message}`, address)
}
