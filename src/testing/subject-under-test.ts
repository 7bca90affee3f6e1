/** What the conformance suite needs of an implementation of Broker's protocol, and the adapter for ours. */
import type { NetworkAddress } from '../base/network-address.js'
import type { Timers } from '../base/time.js'
import { Endpoint, type EndpointSettings } from '../broker/endpoint.js'
import { endpointIdFromBytes } from '../broker/endpoint-id.js'
import type { Network } from '../transport/transport.js'
import type { SubjectEvent } from './broker-script.js'
import type { SubjectFeature } from './broker-transcript.js'

/**
 * An implementation under test. What it cannot be told to do is left out: transcripts that need it are skipped.
 * Payloads are encoded values.
 */
export interface SubjectUnderTest {
  /** What it tells its user through `SubjectSetup.onEvent`; default nothing. */
  readonly tells?: readonly SubjectEvent['kind'][]
  /** Accepts peers, and says where. */
  listen(): NetworkAddress | Promise<NetworkAddress>
  /** Connects to a peer; tries again after `retryMs`, 0 is never. */
  dial?(address: NetworkAddress, retryMs: number): unknown
  /** What it has subscribed from the start; `/in` is enough for most transcripts. Default nothing. */
  readonly subscriptions?: readonly string[]
  subscribe?(prefix: string): unknown
  unsubscribe?(prefix: string): unknown
  publish?(topic: string, payload: Uint8Array): unknown
  /** Publishes to one peer, whatever it subscribes. */
  send?(peerId: string, topic: string, payload: Uint8Array): unknown
  /** Ends the peering with the endpoint at this address in order. */
  unpeer?(address: NetworkAddress): unknown
  /** Ends all peerings in order. */
  close(): Promise<void>
}

/** How a transcript wants its subject. */
export interface SubjectSetup {
  readonly needs: readonly SubjectFeature[]
  onEvent(event: SubjectEvent): void
}

/** Makes a fresh subject for one transcript; undefined when it has not what the transcript needs. */
export type SubjectFactory = (
  setup: SubjectSetup,
) => SubjectUnderTest | undefined | Promise<SubjectUnderTest | undefined>

export interface EndpointSubjectOptions extends Partial<EndpointSettings> {
  readonly network: Network
  readonly timers: Timers
}

/** Between the ids that scripts use: smaller than all `high`, larger than all `low`. */
const DEFAULT_ID = endpointIdFromBytes(
  Uint8Array.from(Buffer.from('7a65656b000040008000000000000001', 'hex')),
)
const LOOPBACK = { host: '127.0.0.1', port: 0 }
const OVERFLOW_LIMITS = { limitBytes: 100_000, highWaterBytes: 50_000, policy: 'disconnect' } as const

/** Our own endpoint as a subject. */
export function endpointSubject(options: EndpointSubjectOptions): SubjectFactory {
  return ({ needs, onEvent }) => {
    const endpoint = new Endpoint({
      id: DEFAULT_ID,
      security: 'plain',
      forward: needs.includes('forwarding'),
      ...(needs.includes('disconnect-on-overflow') ? { outboxLimits: OVERFLOW_LIMITS } : {}),
      handler: {
        onMessage: (topic, bytes, start, end) =>
          onEvent({ kind: 'message', topic, payload: bytes.slice(start, end) }),
        onPeerAdded: () => {},
        onPeerLost: () => {},
        onSubscriptionsChanged: () => {},
        onDrain: () => {},
        onStatus: (told) => {
          if (told.kind === 'messages-dropped') return
          const { id } = told.endpoint
          onEvent({ kind: 'status', code: told.code, ...(id === undefined ? {} : { id }) })
        },
        onReport: () => {},
      },
      ...options,
    })
    return new EndpointSubject(endpoint)
  }
}

class EndpointSubject implements SubjectUnderTest {
  readonly tells = ['message', 'status'] as const
  readonly #endpoint: Endpoint

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  listen(): Promise<NetworkAddress> {
    return this.#endpoint.listen(LOOPBACK)
  }

  dial(address: NetworkAddress, retryMs: number): void {
    this.#endpoint.dial(address, retryMs)
  }

  subscribe(prefix: string): void {
    this.#endpoint.subscribe(prefix)
  }

  unsubscribe(prefix: string): void {
    this.#endpoint.unsubscribe(prefix)
  }

  publish(topic: string, payload: Uint8Array): void {
    this.#endpoint.publish(topic, { writeTo: (writer) => writer.raw(payload) })
  }

  send(peerId: string, topic: string, payload: Uint8Array): void {
    this.#endpoint.send(peerId, topic, { writeTo: (writer) => writer.raw(payload) })
  }

  unpeer(address: NetworkAddress): void {
    this.#endpoint.unpeer(address)
  }

  close(): Promise<void> {
    return this.#endpoint.close()
  }
}
