/**
 * The handshake of a peering as a pure machine (spec/broker-protocol.md 3.3 to 3.8). Frames go in, frames to send
 * come out; the state says how far it got. No socket, clock or timer inside: the owner closes the connection when
 * the state is final, and times out what takes too long.
 *
 * Two roles, independent of each other: who connected speaks first; who has the smaller id is the originator, who
 * drives the handshake and is the one to detect that two endpoints connected twice.
 */
import { unreachable } from '../base/errors.js'
import { EC } from './codes.js'
import { compareEndpointIds, type EndpointId, NIL_ID } from './endpoint-id.js'
import {
  encodeHandshakeMessage,
  type HandshakeFault,
  type HandshakeMessage,
  PROTOCOL_VERSION,
} from './handshake-messages.js'

export type HandshakeState =
  /** A listener before it knows who connected. */
  | { readonly kind: 'await-hello' }
  /** A connector that introduced itself. */
  | { readonly kind: 'await-hello-or-version-select' }
  /** The smaller id is on the other side: it selects the version. */
  | { readonly kind: 'await-version-select' }
  | { readonly kind: 'await-originator-syn'; readonly remoteId: EndpointId }
  | { readonly kind: 'await-responder-syn-ack'; readonly remoteId: EndpointId }
  | {
      readonly kind: 'await-originator-ack'
      readonly remoteId: EndpointId
      readonly remoteFilter: readonly string[]
    }
  /** Another connection to the same endpoint is in its handshake: wait for what becomes of it. */
  | { readonly kind: 'paused'; readonly remoteId: EndpointId }
  /** Done: envelopes follow. */
  | { readonly kind: 'peered'; readonly remoteId: EndpointId; readonly remoteFilter: readonly string[] }
  /** Ended because a peering with this endpoint exists already. */
  | { readonly kind: 'redundant'; readonly remoteId: EndpointId }
  | { readonly kind: 'failed'; readonly code: number; readonly reason: string }

/** What the endpoint says when a handshake learns who is on the other side. */
export type Claim = 'proceed' | 'wait' | 'redundant'

export interface HandshakeContext {
  readonly ownId: EndpointId
  /** Own subscriptions at this moment. */
  filter(): readonly string[]
  /** Reserves the remote id for this handshake, or says that another connection has it. */
  claim(remoteId: EndpointId): Claim
  /** Whether a peering with the endpoint exists or is in its handshake. */
  isKnown(remoteId: EndpointId): boolean
}

export class Handshake {
  #state: HandshakeState
  readonly #context: HandshakeContext
  #toSend: Uint8Array[] = []

  constructor(side: 'connector' | 'listener', context: HandshakeContext) {
    this.#context = context
    if (side === 'connector') {
      this.#state = { kind: 'await-hello-or-version-select' }
      this.#sendHello()
    } else {
      this.#state = { kind: 'await-hello' }
      this.#send({ kind: 'probe' })
    }
  }

  get state(): HandshakeState {
    return this.#state
  }

  /** Frames to send now, with their lengths; each is returned once. */
  takeOutput(): readonly Uint8Array[] {
    const output = this.#toSend
    this.#toSend = []
    return output
  }

  /** One received frame. */
  receive(message: HandshakeMessage | HandshakeFault): void {
    this.#state = this.#next(this.#state, message)
  }

  /** This endpoint leaves: who still waits to be introduced is told so (spec/broker-protocol.md 3.5). */
  shutDown(): void {
    switch (this.#state.kind) {
      case 'peered':
      case 'redundant':
      case 'failed':
        return
      case 'await-hello':
      case 'await-hello-or-version-select':
      case 'await-version-select':
      case 'paused':
        this.#state = this.#refuse(EC.shuttingDown, 'shutting down')
        return
      // Nobody looks at a refusal any more.
      case 'await-originator-syn':
      case 'await-responder-syn-ack':
      case 'await-originator-ack':
        this.#state = { kind: 'failed', code: EC.shuttingDown, reason: 'shutting down' }
    }
  }

  /** The other connection that a paused handshake waits for is peered, or failed. */
  rivalEnded(outcome: 'peered' | 'failed'): void {
    if (this.#state.kind !== 'paused') return
    const { remoteId } = this.#state
    this.#state = outcome === 'peered' ? this.#redundant(remoteId) : this.#originate(remoteId)
  }

  #next(state: HandshakeState, message: HandshakeMessage | HandshakeFault): HandshakeState {
    if (state.kind === 'peered' || state.kind === 'redundant' || state.kind === 'failed') return state
    if (message.kind === 'fault') return this.#refuse(message.code, message.description)
    switch (state.kind) {
      case 'await-hello':
        return this.#introduced(state, message, false)
      case 'await-hello-or-version-select':
        return this.#introduced(state, message, true)
      case 'await-version-select':
        if (message.kind === 'hello') return this.#unexpected(message)
        return this.#introduced(state, message, true)
      case 'await-originator-syn':
        if (message.kind !== 'originator-syn') return this.#unexpected(message)
        this.#send({ kind: 'responder-syn-ack', filter: this.#context.filter() })
        return { kind: 'await-originator-ack', remoteId: state.remoteId, remoteFilter: message.filter }
      case 'await-responder-syn-ack':
        if (message.kind !== 'responder-syn-ack') return this.#unexpected(message)
        this.#send({ kind: 'originator-ack' })
        return { kind: 'peered', remoteId: state.remoteId, remoteFilter: message.filter }
      case 'await-originator-ack':
        if (message.kind !== 'originator-ack') return this.#unexpected(message)
        return { kind: 'peered', remoteId: state.remoteId, remoteFilter: state.remoteFilter }
      case 'paused':
        return this.#unexpected(message)
      default:
        return unreachable(state)
    }
  }

  /** The states in which the two sides get to know each other. */
  #introduced(state: HandshakeState, message: HandshakeMessage, mayBeResponder: boolean): HandshakeState {
    switch (message.kind) {
      case 'probe':
        return state
      case 'hello':
        if (!this.#isValidId(message.sender)) return this.#refuse(EC.peerInvalid, 'invalid endpoint id')
        if (compareEndpointIds(this.#context.ownId, message.sender) < 0)
          return this.#originate(message.sender)
        this.#sendHello()
        return { kind: 'await-version-select' }
      case 'version-select':
        if (!mayBeResponder) return this.#unexpected(message)
        if (!this.#isValidId(message.sender)) return this.#refuse(EC.peerInvalid, 'invalid endpoint id')
        if (this.#context.claim(message.sender) !== 'proceed') {
          return this.#refuse(EC.logicError, 'detected redundant connection at the responder')
        }
        return { kind: 'await-originator-syn', remoteId: message.sender }
      case 'drop-conn':
        if (message.code === EC.redundantConnection && this.#context.isKnown(message.sender)) {
          return { kind: 'redundant', remoteId: message.sender }
        }
        return { kind: 'failed', code: message.code, reason: `refused by the peer: ${message.description}` }
      default:
        return this.#unexpected(message)
    }
  }

  #originate(remoteId: EndpointId): HandshakeState {
    switch (this.#context.claim(remoteId)) {
      case 'proceed':
        this.#send({ kind: 'version-select', sender: this.#context.ownId, version: PROTOCOL_VERSION })
        this.#send({ kind: 'originator-syn', filter: this.#context.filter() })
        return { kind: 'await-responder-syn-ack', remoteId }
      case 'wait':
        return { kind: 'paused', remoteId }
      case 'redundant':
        return this.#redundant(remoteId)
    }
  }

  #redundant(remoteId: EndpointId): HandshakeState {
    this.#dropConn(EC.redundantConnection, 'redundant connection')
    return { kind: 'redundant', remoteId }
  }

  #refuse(code: number, description: string): HandshakeState {
    this.#dropConn(code, description)
    return { kind: 'failed', code, reason: description }
  }

  /** Out of turn: closed without a message, as Broker does. */
  #unexpected(message: HandshakeMessage): HandshakeState {
    return { kind: 'failed', code: EC.invalidMessage, reason: `unexpected ${message.kind} in the handshake` }
  }

  /** Zeek only counts peers whose id is a UUID; nil and the own id can never peer. */
  #isValidId(id: EndpointId): boolean {
    return compareEndpointIds(id, NIL_ID) !== 0 && compareEndpointIds(id, this.#context.ownId) !== 0
  }

  #dropConn(code: number, description: string): void {
    this.#send({ kind: 'drop-conn', sender: this.#context.ownId, code, description })
  }

  #sendHello(): void {
    this.#send({
      kind: 'hello',
      sender: this.#context.ownId,
      minVersion: PROTOCOL_VERSION,
      maxVersion: PROTOCOL_VERSION,
    })
  }

  #send(message: HandshakeMessage): void {
    this.#toSend.push(encodeHandshakeMessage(message))
  }
}
