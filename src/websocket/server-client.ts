/** One client of the WebSocket server: its session on a socket, and its participant on the bus. */
import type { WebSocket } from 'ws'
import { errorCode } from '../base/errors.js'
import { formatAddress, type NetworkAddress } from '../base/network-address.js'
import type { Reporter } from '../base/report.js'
import type { Timer, Timers } from '../base/time.js'
import { every } from '../base/time.js'
import type { Bus, Participant } from '../bus/bus.js'
import { CLOSE } from './messages.js'
import {
  openSession,
  type SessionEffect,
  type SessionInput,
  type SessionSettings,
  type SessionState,
  type SessionStep,
  sessionStep,
} from './server-session.js'

/** `Cluster::EndpointInfo` (spec/zeek-zeromq-websocket.md 5.8). */
export interface WebSocketEndpointInfo {
  /** As in the acknowledgement. */
  readonly id: string
  /** Where the client connects from. */
  readonly address: NetworkAddress
  readonly applicationName: string | undefined
}

export interface WebSocketCounters {
  /** Messages of clients that went to the bus. */
  messagesIn: number
  /** Messages of clients that were answered with an error. */
  refusedIn: number
  /** Messages of clients after a malformed first one. */
  ignoredIn: number
  /** Messages of clients that did not fit the queue of a peer. */
  droppedIn: number
  /** Events sent to clients. */
  messagesOut: number
  /** Messages to clients that read too slowly. */
  droppedOut: number
  /** Messages from the bus that were malformed. */
  unreadableOut: number
  /** Connections over the limit. */
  turnedAway: number
  /** Connections without a TLS handshake. */
  failedTls: number
}

export interface ServerClientHost {
  readonly bus: Bus
  readonly timers: Timers
  readonly session: SessionSettings
  readonly counters: WebSocketCounters
  /** Bytes that may wait for a client that reads slowly; what comes on top is dropped. */
  readonly bufferLimitBytes: number
  readonly closeTimeoutMs: number
  readonly report: Reporter
  onAdded(client: WebSocketEndpointInfo, subscriptions: readonly string[]): void
  onLost(client: WebSocketEndpointInfo, code: number, reason: string): void
  /** The connection is closed; the last call. */
  onEnded(client: ServerClient): void
}

interface CloseCause {
  readonly code: number
  readonly reason: string
}

export class ServerClient {
  readonly info: WebSocketEndpointInfo
  readonly #socket: WebSocket
  readonly #host: ServerClientHost
  #state: SessionState
  #participant: Participant | undefined
  readonly #pings: Timer
  #closeTimer: Timer | undefined
  /** Why this side ended the connection. */
  #cause: CloseCause | undefined
  readonly #wasTurnedAway: boolean
  #pace: 'keeping-up' | 'reported-slow' = 'keeping-up'

  constructor(socket: WebSocket, path: string, info: WebSocketEndpointInfo, host: ServerClientHost) {
    this.#socket = socket
    this.#host = host
    this.info = info
    socket.on('message', (data: Buffer) => this.#handle({ kind: 'message', bytes: data }))
    socket.on('pong', () => this.#handle({ kind: 'pong' }))
    socket.on('error', (error) => this.#onSocketError(error))
    socket.once('close', (code: number, reason: Buffer) => this.#onClosed(code, reason.toString('utf8')))
    this.#pings = every(host.timers, host.session.pingIntervalMs, () => this.#handle({ kind: 'ping-due' }))
    const first = openSession(path, info.applicationName, host.session)
    this.#state = first.state
    this.#wasTurnedAway = first.state.kind === 'closed'
    this.#apply(first)
  }

  /** Says goodbye; `onEnded` follows. */
  close(): void {
    this.#handle({ kind: 'server-closes' })
  }

  #handle(input: SessionInput): void {
    this.#apply(sessionStep(this.#state, input, this.#host.session))
  }

  #apply(step: SessionStep): void {
    this.#state = step.state
    for (const effect of step.effects) this.#perform(effect)
  }

  #perform(effect: SessionEffect): void {
    const { counters } = this.#host
    switch (effect.kind) {
      case 'send-data':
        if (this.#send(effect.text)) counters.messagesOut += 1
        return
      case 'send-refusal':
        counters.refusedIn += 1
        this.#send(effect.text)
        return
      case 'send-acknowledgement':
        this.#send(effect.text)
        return
      case 'send-ping':
        if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping(effect.payload)
        return
      case 'subscribe':
        return this.#subscribe(effect.prefixes)
      case 'publish':
        return this.#publish(effect.topic, effect.message)
      case 'ignore':
        counters.ignoredIn += 1
        return
      case 'unreadable-delivery':
        counters.unreadableOut += 1
        return
      case 'close':
        this.#cause = { code: effect.code, reason: effect.reason }
        this.#socket.close(effect.code, effect.reason)
        return this.#awaitClose()
    }
  }

  #subscribe(prefixes: readonly string[]): void {
    const { bus } = this.#host
    this.#participant = bus.attach(this.info.id, this.info.address, (topic, bytes, start, end) =>
      this.#handle({ kind: 'delivery', topic, bytes, start, end }),
    )
    let last: string | undefined
    for (const prefix of prefixes) {
      // In sorted order, what a shorter prefix covers comes right behind it.
      if (last !== undefined && prefix.startsWith(last)) continue
      last = prefix
      this.#participant.subscribe(prefix)
    }
    this.#host.onAdded(this.info, prefixes)
  }

  #publish(topic: string, message: Uint8Array): void {
    const outcome = this.#participant?.publish(topic, { writeTo: (writer) => writer.raw(message) })
    if (outcome === 'dropped') this.#host.counters.droppedIn += 1
    this.#host.counters.messagesIn += 1
  }

  #send(text: string): boolean {
    const bytes = Buffer.from(text)
    if (this.#socket.readyState !== this.#socket.OPEN) return false
    if (this.#socket.bufferedAmount + bytes.length > this.#host.bufferLimitBytes) {
      this.#host.counters.droppedOut += 1
      this.#reportSlow()
      return false
    }
    this.#socket.send(bytes, { binary: false })
    return true
  }

  #reportSlow(): void {
    if (this.#pace === 'reported-slow') return
    this.#pace = 'reported-slow'
    this.#host.report({
      severity: 'warning',
      code: 'websocket-client-slow',
      message: `WebSocket client '${this.info.id}' (${formatAddress(this.info.address)}) reads too slowly: ${this.#host.bufferLimitBytes} bytes wait, further messages for it are dropped`,
    })
  }

  /** What is not a WebSocket frame, or too long; the library answers with a close frame. */
  #onSocketError(error: Error): void {
    this.#cause ??= causeOf(error)
    this.#awaitClose()
  }

  /** A client that does not answer the close frame is not waited for. */
  #awaitClose(): void {
    this.#closeTimer ??= this.#host.timers.after(this.#host.closeTimeoutMs, () => this.#socket.terminate())
  }

  #onClosed(code: number, reason: string): void {
    this.#handle({ kind: 'connection-closed' })
    this.#pings.cancel()
    this.#closeTimer?.cancel()
    this.#participant?.close()
    if (!this.#wasTurnedAway) {
      const cause = this.#cause ?? { code, reason: code === CLOSE.abnormal ? 'Abnormal closure' : reason }
      this.#host.onLost(this.info, cause.code, cause.reason)
    }
    this.#host.onEnded(this)
  }
}

function causeOf(error: unknown): CloseCause | undefined {
  const code = errorCode(error)
  if (code === 'WS_ERR_INVALID_UTF8') {
    return { code: CLOSE.invalidText, reason: 'Invalid frame payload data' }
  }
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return { code: CLOSE.tooBig, reason: 'Message too big' }
  return code?.startsWith('WS_ERR') === true
    ? { code: CLOSE.protocolError, reason: 'Protocol error' }
    : undefined
}
