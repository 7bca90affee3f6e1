/** A client of Zeek's WebSocket API, for any server of it (spec/zeek-zeromq-websocket.md 5). */
import { WebSocket } from 'ws'
import { errorMessage } from '../base/errors.js'
import { systemTimers, type Timer, type Timers } from '../base/time.js'
import type { PublishOutcome } from '../bus/bus.js'
import { DecodeError } from '../data/decode-error.js'
import type { Value } from '../data/value.js'
import { connectError, refusedByServer, type WebSocketError, webSocketError } from './client-errors.js'
import {
  type Acknowledgement,
  APPLICATION_NAME_HEADER,
  CLOSE,
  parseServerMessage,
  printDataMessage,
  printSubscriptions,
  type ServerMessage,
} from './messages.js'

export interface WebSocketClientOptions {
  /** `ws://127.0.0.1:27759/v1/messages/json`; `wss:` is TLS. */
  readonly url: string
  /** Topic prefixes; they cannot be changed later. None is a client that only publishes. */
  readonly subscriptions: readonly string[]
  /** Contents of PEM files. */
  readonly tls?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    /** Default true. */
    readonly rejectUnauthorized?: boolean
  }
  /** Letters, digits and `/ _ - . = : * @`. */
  readonly applicationName?: string
  readonly signal?: AbortSignal
  /** From now to the acknowledgement. */
  readonly timeoutMs: number
  readonly timers?: Timers
  /** Longest message taken from the server. Default 64 MiB. */
  readonly messageLimitBytes?: number
  /** What may wait for a server that reads slowly; messages on top are dropped and counted. Default 8 MiB. */
  readonly bufferLimitBytes?: number
  onMessage(topic: string, value: Value): void
  /** The server refused a message, or (code `unreadable_message`) sent one that cannot be read. */
  onError(code: string, context: string): void
  /** The connection is closed, by either side. Called once, last, and only after the acknowledgement. */
  onClose(code: number, reason: string): void
}

export interface WebSocketClient {
  /** What the server calls this client. */
  readonly endpoint: string
  /** Version of the server. */
  readonly version: string
  /** Bytes that have not left the process. */
  readonly bufferedBytes: number
  /** Messages that did not fit. */
  readonly droppedMessages: number
  /** Sends an event message (spec/broker-protocol.md 6.2). `no-peer`: the connection is closed. */
  publish(topic: string, value: Value): PublishOutcome
  /**
   * Resolves when the server has read everything that was published before: it has answered a ping that came behind.
   * False when the connection is closed, or `timeoutMs` have passed before.
   */
  settle(timeoutMs: number): Promise<boolean>
  /** Closes in order (1000); resolves when the connection is closed. */
  close(): Promise<void>
}

const MIB = 1024 * 1024
const CLOSE_TIMEOUT_MS = 1000

/** Connects and subscribes; resolves with the acknowledgement. Rejects with a `WebSocketError`. */
export function connectWebSocket(options: WebSocketClientOptions): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    new ClientConnection(options, { resolve, reject }).start()
  })
}

interface Outcome {
  resolve(client: WebSocketClient): void
  reject(error: WebSocketError): void
}

type ClientState =
  | { readonly kind: 'new'; readonly outcome: Outcome }
  | {
      readonly kind: 'connecting'
      readonly outcome: Outcome
      readonly socket: WebSocket
      readonly timer: Timer
    }
  | {
      readonly kind: 'subscribed'
      readonly outcome: Outcome
      readonly socket: WebSocket
      readonly timer: Timer
    }
  | { readonly kind: 'open'; readonly socket: WebSocket; readonly ack: Acknowledgement }
  | { readonly kind: 'closing'; readonly socket: WebSocket; readonly ack: Acknowledgement }
  | { readonly kind: 'closed'; readonly ack: Acknowledgement | undefined }

class ClientConnection implements WebSocketClient {
  readonly #options: WebSocketClientOptions
  readonly #timers: Timers
  #state: ClientState
  #droppedMessages = 0
  #onClosed: () => void = () => {}
  readonly #closed: Promise<void>

  constructor(options: WebSocketClientOptions, outcome: Outcome) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
    this.#state = { kind: 'new', outcome }
    this.#closed = new Promise((resolve) => {
      this.#onClosed = resolve
    })
  }

  get endpoint(): string {
    return this.#acknowledgement?.endpoint ?? ''
  }

  get version(): string {
    return this.#acknowledgement?.version ?? ''
  }

  get bufferedBytes(): number {
    return this.#state.kind === 'open' ? this.#state.socket.bufferedAmount : 0
  }

  get droppedMessages(): number {
    return this.#droppedMessages
  }

  get #acknowledgement(): Acknowledgement | undefined {
    return 'ack' in this.#state ? this.#state.ack : undefined
  }

  start(): void {
    const { url, signal, timeoutMs } = this.#options
    if (this.#state.kind !== 'new') return
    const { outcome } = this.#state
    if (signal?.aborted === true) return outcome.reject(webSocketError('aborted', url, 'aborted'))
    let socket: WebSocket
    try {
      socket = this.#open()
    } catch (error) {
      // The library throws for what it cannot even try.
      return outcome.reject(webSocketError('invalid-url', url, errorMessage(error), {}, error))
    }
    const timer = this.#timers.after(timeoutMs, () => this.#fail(this.#timeoutError()))
    this.#state = { kind: 'connecting', outcome, socket, timer }
    signal?.addEventListener('abort', this.#onAbort)
  }

  #open(): WebSocket {
    const { url, tls, applicationName, messageLimitBytes } = this.#options
    const socket = new WebSocket(url, {
      ...tls,
      perMessageDeflate: false,
      // Zeek sends bytes that are not UTF-8 in frames of text.
      skipUTF8Validation: true,
      maxPayload: messageLimitBytes ?? 64 * MIB,
      ...(applicationName === undefined ? {} : { headers: { [APPLICATION_NAME_HEADER]: applicationName } }),
    })
    socket.once('open', () => this.#onOpen())
    socket.on('message', (data: Buffer) => this.#onBytes(data))
    socket.on('error', (error) => this.#onSocketError(error))
    socket.once('close', (code: number, reason: Buffer) =>
      this.#onSocketClosed(code, reason.toString('utf8')),
    )
    socket.once('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0
      const message = `the server answers with HTTP status ${status}, not as a WebSocket`
      this.#fail(webSocketError('not-websocket', url, message, { httpStatus: status }))
    })
    return socket
  }

  publish(topic: string, value: Value): PublishOutcome {
    if (this.#state.kind !== 'open') return 'no-peer'
    const bytes = Buffer.from(printDataMessage(topic, value))
    const limitBytes = this.#options.bufferLimitBytes ?? 8 * MIB
    const { socket } = this.#state
    if (socket.bufferedAmount + bytes.length > limitBytes) {
      this.#droppedMessages += 1
      return 'dropped'
    }
    const outcome = socket.bufferedAmount > 0 ? 'queued' : 'accepted'
    socket.send(bytes, { binary: false })
    return outcome
  }

  settle(timeoutMs: number): Promise<boolean> {
    if (this.#state.kind !== 'open') return Promise.resolve(false)
    const { socket } = this.#state
    return new Promise((resolve) => {
      const finish = (answered: boolean): void => {
        timer.cancel()
        socket.off('pong', onPong)
        resolve(answered)
      }
      const onPong = (): void => finish(true)
      const timer = this.#timers.after(timeoutMs, () => finish(false))
      socket.on('pong', onPong)
      void this.#closed.then(() => finish(false))
      socket.ping()
    })
  }

  close(): Promise<void> {
    if (this.#state.kind === 'open') {
      const { socket, ack } = this.#state
      this.#state = { kind: 'closing', socket, ack }
      socket.close(CLOSE.normal)
      this.#limitClosing(socket)
    }
    return this.#closed
  }

  #onOpen(): void {
    if (this.#state.kind !== 'connecting') return
    this.#state = { ...this.#state, kind: 'subscribed' }
    this.#state.socket.send(printSubscriptions(this.#options.subscriptions))
  }

  #onBytes(bytes: Uint8Array): void {
    let message: ServerMessage
    try {
      message = parseServerMessage(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#onUnreadable(bytes.length, error)
    }
    switch (this.#state.kind) {
      case 'subscribed':
        if (message.kind === 'ack') this.#onAcknowledged(message)
        else if (message.kind === 'error') this.#fail(refusedByServer(this.#options.url, message))
        return
      case 'open':
        if (message.kind === 'data') this.#options.onMessage(message.topic, message.value)
        else if (message.kind === 'error') this.#options.onError(message.code, message.context)
    }
  }

  #onUnreadable(size: number, error: DecodeError): void {
    if (this.#state.kind !== 'open') return
    this.#options.onError('unreadable_message', `a message of ${size} bytes: ${error.message}`)
  }

  #onAcknowledged(ack: Acknowledgement): void {
    if (this.#state.kind !== 'subscribed') return
    const { outcome, socket, timer } = this.#state
    this.#state = { kind: 'open', socket, ack }
    this.#forget(timer)
    outcome.resolve(this)
  }

  #onSocketError(error: Error): void {
    const state = this.#state
    switch (state.kind) {
      case 'connecting':
      case 'subscribed':
        return this.#fail(connectError(this.#options.url, error))
      case 'open':
        // The library has sent the close frame that says what is wrong; `close` follows.
        return this.#limitClosing(state.socket)
    }
  }

  #onSocketClosed(code: number, reason: string): void {
    const state = this.#state
    switch (state.kind) {
      case 'connecting':
      case 'subscribed': {
        const why = reason === '' ? '' : ` "${reason}"`
        const message = `the server closed the connection before the acknowledgement (${code}${why})`
        return this.#fail(webSocketError('closed-by-server', this.#options.url, message, { closeCode: code }))
      }
      case 'open':
      case 'closing':
        this.#state = { kind: 'closed', ack: state.ack }
        this.#onClosed()
        this.#options.onClose(code, reason)
    }
  }

  /** Ends an attempt. */
  #fail(error: WebSocketError): void {
    if (this.#state.kind !== 'connecting' && this.#state.kind !== 'subscribed') return
    const { outcome, socket, timer } = this.#state
    this.#state = { kind: 'closed', ack: undefined }
    this.#forget(timer)
    socket.terminate()
    outcome.reject(error)
  }

  #timeoutError(): WebSocketError {
    const { url, timeoutMs } = this.#options
    return this.#state.kind === 'subscribed'
      ? webSocketError('no-acknowledgement', url, `connected, but no acknowledgement within ${timeoutMs} ms`)
      : webSocketError('connection-timeout', url, `no connection within ${timeoutMs} ms`)
  }

  readonly #onAbort = (): void => {
    this.#fail(webSocketError('aborted', this.#options.url, 'aborted'))
  }

  #forget(timer: Timer): void {
    timer.cancel()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }

  /** A server that does not answer the close frame is not waited for. */
  #limitClosing(socket: WebSocket): void {
    const timer = this.#timers.after(CLOSE_TIMEOUT_MS, () => socket.terminate())
    void this.#closed.then(() => timer.cancel())
  }
}
