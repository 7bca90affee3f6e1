/** Endpoints and hand-driven peers on a network in memory, with what happened to them as lines of text. */
import type { Report } from '../../src/base/report.js'
import { Endpoint, type EndpointSettings } from '../../src/broker/endpoint.js'
import { type EndpointId, endpointIdFromBytes } from '../../src/broker/endpoint-id.js'
import { beginEnvelope, endEnvelope } from '../../src/broker/envelope.js'
import { FrameDecoder } from '../../src/broker/frame.js'
import { encodeHandshakeMessage } from '../../src/broker/handshake-messages.js'
import type { BusHandler, BusStatus, Peer } from '../../src/bus/bus.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import type { Encodable } from '../../src/data/messages.js'
import { MemoryNetwork } from '../../src/testing/memory-network.js'
import { VirtualTime } from '../../src/testing/virtual-time.js'
import type { Connection, ConnectionHandler, TransportError } from '../../src/transport/transport.js'
import { toHex } from './vectors.js'

/** A version 4 UUID that ends in `n`: its order is that of the number. */
export function idOf(n: number): EndpointId {
  const bytes = new Uint8Array(16)
  bytes[6] = 0x40
  bytes[8] = 0x80
  bytes[15] = n
  return endpointIdFromBytes(bytes)
}

/** Payload bytes as a message. The endpoint does not look into it. */
export function payload(content: string | Uint8Array): Encodable {
  return { writeTo: (writer) => writer.raw(typeof content === 'string' ? Buffer.from(content) : content) }
}

/** One frame with an envelope. */
export function envelope(
  type: number,
  from: EndpointId,
  to: EndpointId,
  topic: string,
  content: string | Uint8Array,
) {
  const writer = new ByteWriter()
  const start = beginEnvelope(writer, type, from, to, topic)
  payload(content).writeTo(writer)
  endEnvelope(writer, start)
  return writer.toBytes()
}

export const ADDRESS = { host: '127.0.0.1', port: 9999 }

/** A network, a clock and the endpoints on them. */
export class Lab {
  readonly time = new VirtualTime()
  readonly network: MemoryNetwork

  constructor(chunkBytes = 65_536) {
    this.network = new MemoryNetwork(this.time, { chunkBytes })
  }

  endpoint(id: EndpointId, settings: Partial<EndpointSettings> = {}): TestEndpoint {
    return new TestEndpoint({
      id,
      network: this.network,
      timers: this.time,
      security: 'plain',
      ...settings,
    })
  }

  /** Connects a hand-driven peer to a listening endpoint. */
  async connect(port = ADDRESS.port): Promise<RawPeer> {
    const peer = new RawPeer()
    this.network.connect({ host: ADDRESS.host, port }, 'plain', 1000, peer)
    await this.time.settle()
    return peer
  }

  /** A hand-driven peer that completes the handshake with a listening endpoint of a larger id. */
  async peerWith(own: EndpointId, filter: readonly string[], port = ADDRESS.port): Promise<RawPeer> {
    const peer = await this.connect(port)
    await this.becomePeer(peer, own, filter)
    return peer
  }

  /** Completes the handshake on a connection, with an id that is smaller than the endpoint's. */
  async becomePeer(peer: RawPeer, own: EndpointId, filter: readonly string[]): Promise<void> {
    peer.send(encodeHandshakeMessage({ kind: 'hello', sender: own, minVersion: 1, maxVersion: 1 }))
    peer.send(encodeHandshakeMessage({ kind: 'version-select', sender: own, version: 1 }))
    peer.send(encodeHandshakeMessage({ kind: 'originator-syn', filter }))
    peer.send(encodeHandshakeMessage({ kind: 'originator-ack' }))
    await this.time.settle()
    peer.takeFrames()
  }

  /** Accepts connections by hand. */
  async listen(port = ADDRESS.port): Promise<RawPeer[]> {
    const accepted: RawPeer[] = []
    await this.network.listen({ host: ADDRESS.host, port }, 'plain', (connection) => {
      const peer = new RawPeer()
      peer.onOpen(connection)
      accepted.push(peer)
      return peer
    })
    return accepted
  }

  /** Lets time pass until the promise settles. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let done = false
    const settled = (): void => {
      done = true
    }
    promise.then(settled, settled)
    await this.time.until(() => done)
    return promise
  }
}

export class TestEndpoint extends Endpoint {
  /** `added 2`, `message /t hi`, `lost 2`, `left 2`, `filter 2 [a b]`, `drain`, `report code message`. */
  readonly log: string[]
  readonly statuses: BusStatus[]
  readonly handler: { onMessage: BusHandler['onMessage']; onPeerLost: BusHandler['onPeerLost'] }

  constructor(settings: Omit<EndpointSettings, 'handler'>) {
    const log: string[] = []
    const statuses: BusStatus[] = []
    const handler: BusHandler = {
      onMessage: (topic, bytes, start, end) => {
        log.push(`message ${topic} ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`)
      },
      onPeerAdded: (peer) => log.push(`added ${short(peer)}`),
      onPeerLost: (peer, local) => log.push(`${local ? 'left' : 'lost'} ${short(peer)}`),
      onSubscriptionsChanged: (peer) => log.push(`filter ${short(peer)} [${peer.subscriptions.join(' ')}]`),
      onDrain: () => log.push('drain'),
      onStatus: (told) => statuses.push(told),
      onReport: ({ code, message }: Report) => log.push(`report ${code} ${message}`),
    }
    super({ ...settings, handler })
    this.log = log
    this.statuses = statuses
    this.handler = handler
  }

  takeLog(): string[] {
    return this.log.splice(0)
  }
}

function short(peer: Peer): string {
  return String(Number.parseInt(peer.id.slice(-2), 16))
}

/** A connection driven by hand: keeps what arrived, sends what it is told. */
export class RawPeer implements ConnectionHandler {
  connection!: Connection
  state: 'open' | 'closed' = 'open'
  error: TransportError | undefined
  readonly #decoder = new FrameDecoder(1 << 30)
  readonly #frames: string[] = []
  receivedBytes = 0

  onOpen(connection: Connection): void {
    this.connection = connection
  }

  onBytes(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length
    this.#decoder.push(bytes, (chunk, start, end) => {
      this.#frames.push(toHex(chunk.subarray(start, end)))
      return true
    })
  }

  onClose(error: TransportError | undefined): void {
    this.state = 'closed'
    this.error = error
  }

  send(bytes: Uint8Array): void {
    this.connection.send(bytes, () => {})
  }

  /** Frames received since the last call, in hex without their lengths. */
  takeFrames(): string[] {
    return this.#frames.splice(0)
  }
}
