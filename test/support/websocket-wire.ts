/** One end of a WebSocket connection, by hand on a socket: also what no library would send. */
import { createHash } from 'node:crypto'
import net from 'node:net'
import type { NetworkAddress } from '../../src/base/network-address.js'

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export type FrameKind = keyof typeof OPCODES

/** What arrived: the head of an HTTP message, a frame, or the end of the connection. */
export type WireEvent =
  | { readonly kind: 'http'; readonly head: string }
  | { readonly kind: FrameKind; readonly payload: Buffer }
  | { readonly kind: 'end' }

/** The key of every mask, as in the recordings. */
const MASK = Buffer.from('11223344', 'hex')

export function frame(
  kind: FrameKind,
  payload: Uint8Array,
  { masked, last = true }: { readonly masked: boolean; readonly last?: boolean },
): Buffer {
  const maskBit = masked ? 0x80 : 0
  const first = (last ? 0x80 : 0) | OPCODES[kind]
  const { length } = payload
  let head: Buffer
  if (length < 126) head = Buffer.of(first, maskBit | length)
  else if (length < 0x10000) head = Buffer.of(first, maskBit | 126, length >> 8, length & 0xff)
  else {
    head = Buffer.of(first, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 0)
    head.writeUInt32BE(length, 6)
  }
  return masked ? Buffer.concat([head, MASK, xor(payload, MASK)]) : Buffer.concat([head, payload])
}

function xor(bytes: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ key[index & 3]!))
}

/** Code and reason of the payload of a close frame. */
export function closeStatus(payload: Buffer): { readonly code: number; readonly reason: string } {
  return payload.length < 2
    ? { code: 1005, reason: '' }
    : { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
}

export class Wire {
  readonly socket: net.Socket
  readonly #role: 'client' | 'server'
  #received = Buffer.alloc(0)
  #phase: 'head' | 'frames' | 'error-body' = 'head'
  readonly #events: WireEvent[] = []
  readonly #waiting: ((event: WireEvent) => void)[] = []

  constructor(socket: net.Socket, role: 'client' | 'server') {
    this.socket = socket
    this.#role = role
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#parse()
    })
    socket.on('error', () => {})
    socket.once('close', () => this.#push({ kind: 'end' }))
  }

  static async connect(address: NetworkAddress): Promise<Wire> {
    const socket = net.connect(address.port, address.host)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new Wire(socket, 'client')
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  send(kind: FrameKind, payload: string | Uint8Array = '', last = true): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    this.write(frame(kind, bytes, { masked: this.#role === 'client', last }))
  }

  sendClose(code: number, reason = ''): void {
    const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)])
    payload.writeUInt16BE(code)
    this.send('close', payload)
  }

  /** The next thing that arrives, or arrived and was not asked for. */
  next(): Promise<WireEvent> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve(event)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** As `next`, without the pings of a server. */
  async nextMessage(): Promise<WireEvent> {
    for (;;) {
      const event = await this.next()
      if (event.kind !== 'ping') return event
    }
  }

  /** The next message, which must be text. */
  async nextText(): Promise<string> {
    const event = await this.nextMessage()
    if (event.kind !== 'text') throw new Error(`expected text, got ${event.kind}`)
    return event.payload.toString('utf8')
  }

  #push(event: WireEvent): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#events.push(event)
    else waiting(event)
  }

  #parse(): void {
    if (this.#phase === 'head') {
      const end = this.#received.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#received.toString('latin1', 0, end)
      this.#received = this.#received.subarray(end + 4)
      this.#phase = this.#role === 'client' && !head.startsWith('HTTP/1.1 101') ? 'error-body' : 'frames'
      this.#push({ kind: 'http', head })
    }
    while (this.#phase === 'frames' && this.#parseFrame()) {
      // one frame at a time
    }
  }

  #parseFrame(): boolean {
    const bytes = this.#received
    if (bytes.length < 2) return false
    const masked = (bytes[1]! & 0x80) !== 0
    const short = bytes[1]! & 0x7f
    const headLength = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (masked ? 4 : 0)
    if (bytes.length < headLength) return false
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? bytes.readUInt32BE(6) : short
    if (bytes.length < headLength + length) return false
    const raw = bytes.subarray(headLength, headLength + length)
    const payload = masked ? xor(raw, bytes.subarray(headLength - 4, headLength)) : Buffer.from(raw)
    this.#received = bytes.subarray(headLength + length)
    const kind = Object.entries(OPCODES).find(([, opcode]) => opcode === (bytes[0]! & 0x0f))?.[0]
    this.#push({ kind: kind as FrameKind, payload })
    return true
  }
}

export const UPGRADE_REQUEST = [
  'GET /v1/messages/json HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
] as const

/** A client that is connected and upgraded; its ping and the answer are still to be read. */
export async function upgradedWire(address: NetworkAddress, headers: readonly string[] = []): Promise<Wire> {
  const wire = await Wire.connect(address)
  wire.write(`${[...UPGRADE_REQUEST, ...headers].join('\r\n')}\r\n\r\n`)
  const answer = await wire.next()
  if (answer.kind !== 'http' || !answer.head.startsWith('HTTP/1.1 101')) throw new Error('not upgraded')
  return wire
}

/** A client that is acknowledged. */
export async function subscribedWire(address: NetworkAddress, topics: readonly string[]): Promise<Wire> {
  const wire = await upgradedWire(address)
  wire.send('text', JSON.stringify(topics))
  const ack = JSON.parse(await wire.nextText()) as { readonly type: string }
  if (ack.type !== 'ack') throw new Error(`not acknowledged: ${JSON.stringify(ack)}`)
  return wire
}

/** A listening server that does by hand what it is told, one connection after the other. */
export class ScriptedServer {
  readonly address: NetworkAddress
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  readonly #accepted: net.Socket[] = []
  #onAccepted: () => void = () => {}

  private constructor(server: net.Server) {
    this.#server = server
    const bound = server.address() as net.AddressInfo
    this.address = { host: bound.address, port: bound.port }
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      this.#accepted.push(socket)
      this.#onAccepted()
    })
  }

  static async start(): Promise<ScriptedServer> {
    const server = net.createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return new ScriptedServer(server)
  }

  get url(): string {
    return `ws://127.0.0.1:${this.address.port}/v1/messages/json`
  }

  /** The next connection, before its request is read. */
  async accept(): Promise<Wire> {
    while (this.#accepted.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onAccepted = resolve
      })
    }
    return new Wire(this.#accepted.shift()!, 'server')
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** Answers the request of a client with the upgrade. */
export async function upgradeClient(wire: Wire): Promise<string> {
  const request = await wire.next()
  if (request.kind !== 'http') throw new Error(`expected a request, got ${request.kind}`)
  const key = /sec-websocket-key: (\S+)/i.exec(request.head)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  wire.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  return request.head
}
