/** The transport over real sockets on loopback, plain and with anonymous TLS. */
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { systemRandom } from '../base/random.js'
import { systemTimers } from '../base/time.js'
import { Endpoint } from '../broker/endpoint.js'
import { randomEndpointId } from '../broker/endpoint-id.js'
import type { BusHandler } from '../bus/bus.js'
import { createTcpNetwork, tcpNetwork } from './tcp.js'
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  Security,
  TransportError,
} from './transport.js'

const LOOPBACK = { host: '127.0.0.1', port: 0 }
const SECURITIES = ['plain', 'anonymous-tls'] as const

const NOTHING = (): void => {}

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** One end of a connection, with promises for what may happen to it. */
class End implements ConnectionHandler {
  connection!: Connection
  readonly chunks: Buffer[] = []
  receivedBytes = 0
  readonly opened: Promise<void>
  readonly closed: Promise<TransportError | undefined>
  #onOpened!: () => void
  #onClosed!: (error: TransportError | undefined) => void
  readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = []

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#onOpened = resolve
    })
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve
    })
  }

  onOpen(connection: Connection): void {
    this.connection = connection
    this.#onOpened()
  }

  onBytes(bytes: Uint8Array): void {
    this.chunks.push(Buffer.from(bytes))
    this.receivedBytes += bytes.length
    for (const { bytes: wanted, resolve } of this.#waiting) if (this.receivedBytes >= wanted) resolve()
  }

  onClose(error: TransportError | undefined): void {
    this.#onClosed(error)
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  received(bytes: number): Promise<void> {
    if (this.receivedBytes >= bytes) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resolve })
    })
  }
}

class Server {
  readonly #accepted: End[] = []
  #next = NOTHING
  listener!: Listener

  static async start(security: Security, network: Network = tcpNetwork): Promise<Server> {
    const server = new Server()
    server.listener = await network.listen(LOOPBACK, security, (connection) => {
      const end = new End()
      end.onOpen(connection)
      server.#accepted.push(end)
      cleanups.push(() => connection.destroy())
      server.#next()
      return end
    })
    cleanups.push(() => server.listener.close())
    return server
  }

  get acceptedCount(): number {
    return this.#accepted.length
  }

  async accepted(index = 0): Promise<End> {
    while (this.#accepted.length <= index) {
      await new Promise<void>((resolve) => {
        this.#next = resolve
      })
    }
    return this.#accepted[index]!
  }
}

function dial(port: number, security: Security, timeoutMs = 5000, network: Network = tcpNetwork): End {
  const end = new End()
  const connection = network.connect({ host: '127.0.0.1', port }, security, timeoutMs, end)
  end.connection = connection
  cleanups.push(() => connection.destroy())
  return end
}

async function pair(security: Security): Promise<{ client: End; server: End }> {
  const server = await Server.start(security)
  const client = dial(server.listener.address.port, security)
  await client.opened
  return { client, server: await server.accepted() }
}

function text(content: string): Uint8Array {
  return Buffer.from(content)
}

describe.each(SECURITIES)('%s', (security) => {
  test('carries bytes both ways, and an orderly end is no error', async () => {
    const { client, server } = await pair(security)
    client.connection.send(text('ping'), NOTHING)
    await server.received(4)
    server.connection.send(text('pong'), NOTHING)
    await client.received(4)
    expect([server.text, client.text]).toEqual(['ping', 'pong'])
    expect(server.connection.remote).toEqual(client.connection.local)
    client.connection.end()
    expect(await server.closed).toBeUndefined()
    expect(await client.closed).toBeUndefined()
  })

  test('end delivers everything that was sent before', async () => {
    const { client, server } = await pair(security)
    const size = 20 * 1024 * 1024
    let flushed = 0
    for (let n = 0; n < 20; n += 1) client.connection.send(Buffer.alloc(size / 20, n), () => (flushed += 1))
    client.connection.end()
    expect(await server.closed).toBeUndefined()
    await client.closed
    expect(server.receivedBytes).toBe(size)
    expect(Buffer.concat(server.chunks)[size - 1]).toBe(19)
    expect(flushed).toBe(20)
  })

  test('a peer that does not read holds the bytes back; reading lets them through', async () => {
    const { client, server } = await pair(security)
    server.connection.pauseReading()
    const chunk = Buffer.alloc(1024 * 1024, 1)
    let flushed = 0
    const sent = new Promise<void>((resolve) => {
      for (let n = 1; n <= 32; n += 1) {
        client.connection.send(chunk, () => {
          flushed += 1
          if (flushed === 32) resolve()
        })
      }
    })
    expect(client.connection.bufferedBytes).toBeGreaterThan(chunk.length)
    server.connection.resumeReading()
    await sent
    await server.received(32 * chunk.length)
    expect(client.connection.bufferedBytes).toBe(0)
    expect(flushed).toBe(32)
  })

  test('what was not sent is flushed exactly once, also when the connection fails', async () => {
    const { client, server } = await pair(security)
    server.connection.pauseReading()
    const flushed = new Map<number, number>()
    const count = (n: number) => () => flushed.set(n, (flushed.get(n) ?? 0) + 1)
    for (let n = 0; n < 20; n += 1) client.connection.send(Buffer.alloc(1024 * 1024), count(n))
    client.connection.destroy()
    client.connection.send(text('too late'), count(20))
    await client.closed
    client.connection.send(text('far too late'), count(21))
    await new Promise(setImmediate)
    expect([...flushed].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 22 }, (_, n) => [n, 1]))
  })

  test('a send behind the end is swallowed: the end stays orderly', async () => {
    const { client, server } = await pair(security)
    client.connection.send(text('last'), NOTHING)
    client.connection.end()
    const flushed = new Promise<void>((resolve) => client.connection.send(text(' words'), () => resolve()))
    expect(await server.closed).toBeUndefined()
    expect(await client.closed).toBeUndefined()
    await flushed
    expect(server.text).toBe('last')
  })

  test('end does not wait for ever for a peer that does not read', async () => {
    const impatient = createTcpNetwork({ endTimeoutMs: 50 })
    const server = await Server.start(security)
    const client = dial(server.listener.address.port, security, 5000, impatient)
    await client.opened
    const accepted = await server.accepted()
    accepted.connection.pauseReading()
    let flushed = 0
    for (let n = 0; n < 64; n += 1) client.connection.send(Buffer.alloc(1024 * 1024), () => (flushed += 1))
    client.connection.end()
    await client.closed
    await new Promise(setImmediate)
    expect(flushed).toBe(64)
  })

  test('nobody listens: connection-refused', async () => {
    const server = await Server.start(security)
    const { port } = server.listener.address
    await server.listener.close()
    const client = dial(port, security)
    expect(await client.closed).toMatchObject({
      code: 'connection-refused',
      data: { host: '127.0.0.1', port },
    })
  })

  test('the port is taken: address-in-use', async () => {
    const server = await Server.start(security)
    const { address } = server.listener
    await expect(tcpNetwork.listen(address, security, () => new End())).rejects.toMatchObject({
      code: 'address-in-use',
      data: address,
    })
  })

  test('not an address of this machine: address-not-available', async () => {
    const elsewhere = { host: '192.0.2.1', port: 0 }
    await expect(tcpNetwork.listen(elsewhere, security, () => new End())).rejects.toMatchObject({
      code: 'address-not-available',
    })
  })

  test('close of a listener resolves with connections open, which stay, and frees the port', async () => {
    const server = await Server.start(security)
    const { address } = server.listener
    const client = dial(address.port, security)
    await client.opened
    const accepted = await server.accepted()
    await server.listener.close()
    await server.listener.close()
    client.connection.send(text('still here'), NOTHING)
    await accepted.received(10)
    const again = await tcpNetwork.listen(address, security, () => new End())
    cleanups.push(() => again.close())
    expect(again.address).toEqual(address)
  })
})

describe('plain', () => {
  test('a connection that is reset has a code', async () => {
    const server = await Server.start('plain')
    const client = net.connect(server.listener.address.port, '127.0.0.1')
    const accepted = await server.accepted()
    client.resetAndDestroy()
    expect(await accepted.closed).toMatchObject({ code: 'connection-reset' })
  })
})

describe('anonymous TLS', () => {
  test('is what Zeek speaks: TLS 1.2, anonymous ECDH on P-384, AES-256', async () => {
    const server = await Server.start('anonymous-tls')
    const socket = tls.connect({
      host: '127.0.0.1',
      port: server.listener.address.port,
      ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ecdhCurve: 'P-384',
      rejectUnauthorized: false,
    })
    cleanups.push(() => socket.destroy())
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    expect(socket.getCipher()).toMatchObject({ name: 'AECDH-AES256-SHA' })
    expect(socket.getProtocol()).toBe('TLSv1.2')
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH', name: 'secp384r1' })
  })

  test('another curve or another cipher is refused', async () => {
    const server = await Server.start('anonymous-tls')
    for (const options of [{ ecdhCurve: 'P-256' }, { ciphers: 'HIGH:!aNULL', ecdhCurve: 'P-384' }]) {
      const socket = tls.connect({
        host: '127.0.0.1',
        port: server.listener.address.port,
        ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
        maxVersion: 'TLSv1.2',
        rejectUnauthorized: false,
        ...options,
      })
      await new Promise((resolve) => socket.once('error', resolve))
      expect(socket.authorized).toBe(false)
    }
    expect(server.acceptedCount).toBe(0)
  })

  test('a plain client learns nothing, and the listener goes on', async () => {
    const server = await Server.start('anonymous-tls')
    const { port } = server.listener.address
    const plain = net.connect(port, '127.0.0.1')
    cleanups.push(() => plain.destroy())
    plain.write('this is no ClientHello')
    const received: Buffer[] = []
    plain.on('data', (bytes) => received.push(bytes))
    plain.on('error', NOTHING)
    await new Promise((resolve) => plain.once('close', resolve))
    // At most a TLS alert.
    expect(Buffer.concat(received).length).toBeLessThanOrEqual(7)
    const client = dial(port, 'anonymous-tls')
    await client.opened
    expect((await server.accepted()).connection.remote).toEqual(client.connection.local)
    expect(server.acceptedCount).toBe(1)
  })

  test('a plain server is a typed failure, also when it waits', async () => {
    const plain = await Server.start('plain')
    const { port } = plain.listener.address
    const talkedTo = dial(port, 'anonymous-tls')
    const accepted = await plain.accepted()
    accepted.connection.send(text('\0\0\0\x05\x07ZEEK'), NOTHING)
    expect(await talkedTo.closed).toMatchObject({ code: 'tls-failed' })
    const hungUp = dial(port, 'anonymous-tls')
    ;(await plain.accepted(1)).connection.destroy()
    expect((await hungUp.closed)?.code).toBe('connection-reset')
    const waiting = dial(port, 'anonymous-tls', 50)
    expect(await waiting.closed).toMatchObject({ code: 'connection-timeout' })
    const client = dial(port, 'plain')
    await client.opened
  })

  test('a silent client is dropped after the handshake timeout, and hurts nobody', async () => {
    const server = await Server.start('anonymous-tls', createTcpNetwork({ tlsHandshakeTimeoutMs: 50 }))
    const { port } = server.listener.address
    const silent = net.connect(port, '127.0.0.1')
    silent.on('error', NOTHING)
    const client = dial(port, 'anonymous-tls')
    await client.opened
    await new Promise((resolve) => silent.once('close', resolve))
    client.connection.send(text('hi'), NOTHING)
    await (await server.accepted()).received(2)
    expect(server.acceptedCount).toBe(1)
  })

  test('close of a listener does not wait for a client in its TLS handshake', async () => {
    const server = await Server.start('anonymous-tls')
    const silent = net.connect(server.listener.address.port, '127.0.0.1')
    silent.on('error', NOTHING)
    const closed = new Promise((resolve) => silent.once('close', resolve))
    await new Promise((resolve) => silent.once('connect', resolve))
    // One that came later got through: so the listener has the silent one.
    const client = dial(server.listener.address.port, 'anonymous-tls')
    await client.opened
    await server.listener.close()
    await closed
  })
})

describe('two endpoints', () => {
  interface Side {
    readonly endpoint: Endpoint
    readonly numbers: number[]
    readonly peered: Promise<void>
    readonly complete: Promise<void>
    readonly unavailable: Promise<void>
    readonly reports: string[]
  }

  function endpoint(security: Security, expected: number): Side {
    const numbers: number[] = []
    const reports: string[] = []
    let onPeered = NOTHING
    let onComplete = NOTHING
    let onUnavailable = NOTHING
    const unavailable = new Promise<void>((resolve) => {
      onUnavailable = resolve
    })
    const peered = new Promise<void>((resolve) => {
      onPeered = resolve
    })
    const complete = new Promise<void>((resolve) => {
      onComplete = resolve
    })
    const handler: BusHandler = {
      onMessage: (_topic, bytes, start) => {
        numbers.push(Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32BE(start))
        if (numbers.length === expected) onComplete()
      },
      onPeerAdded: () => onPeered(),
      onPeerLost: NOTHING,
      onSubscriptionsChanged: NOTHING,
      onDrain: NOTHING,
      onStatus: NOTHING,
      onReport: ({ code }) => {
        reports.push(code)
        if (code === 'peer-unavailable') onUnavailable()
      },
    }
    const result = new Endpoint({
      id: randomEndpointId(systemRandom),
      network: tcpNetwork,
      timers: systemTimers,
      security,
      handler,
    })
    cleanups.push(() => result.close())
    return { endpoint: result, numbers, peered, complete, unavailable, reports }
  }

  test.each(SECURITIES)('exchange 10 000 messages each way, in order (%s)', async (security) => {
    const messages = 10_000
    const sides = [endpoint(security, messages), endpoint(security, messages)] as const
    const [a, b] = sides
    for (const side of sides) side.endpoint.subscribe('/n')
    b.endpoint.dial(await a.endpoint.listen(LOOPBACK), 1000)
    await Promise.all([a.peered, b.peered])
    for (let n = 0; n < messages; n += 1) {
      for (const side of sides) side.endpoint.publish('/n', { writeTo: (writer) => writer.u32(n) })
      if (n % 1000 === 0) await new Promise(setImmediate)
    }
    await Promise.all([a.complete, b.complete])
    const expected = Array.from({ length: messages }, (_, n) => n)
    for (const side of sides) {
      expect(side.numbers).toEqual(expected)
      expect(side.endpoint.counters()).toMatchObject({
        messagesIn: messages,
        messagesOut: messages,
        droppedOut: 0,
      })
    }
    await Promise.all(sides.map((side) => side.endpoint.close()))
    expect(sides.flatMap(({ reports }) => reports)).toEqual([])
  })

  test('barrier over real sockets: everything has arrived', async () => {
    const [a, b] = [endpoint('anonymous-tls', 1000), endpoint('anonymous-tls', 1000)]
    b.endpoint.subscribe('/n')
    b.endpoint.dial(await a.endpoint.listen(LOOPBACK), 1000)
    await Promise.all([a.peered, b.peered])
    for (let n = 0; n < 1000; n += 1) a.endpoint.publish('/n', { writeTo: (writer) => writer.u32(n) })
    await a.endpoint.barrier(10_000)
    expect(b.numbers).toHaveLength(1000)
  })

  test.each([
    ['plain', 'anonymous-tls'],
    ['anonymous-tls', 'plain'],
  ] as const)(
    'a %s listener and a %s dialler do not peer, and both can be closed',
    async (listening, dialling) => {
      const [a, b] = [endpoint(listening, 1), endpoint(dialling, 1)]
      const address = await a.endpoint.listen(LOOPBACK)
      b.endpoint.dial(address, 0)
      const good = endpoint(listening, 1)
      good.endpoint.dial(address, 0)
      await Promise.all([a.peered, good.peered, b.unavailable])
      expect(a.endpoint.peers().map(({ id }) => id)).toEqual([good.endpoint.id])
      await Promise.all([a, b, good].map((side) => side.endpoint.close()))
      expect(b.endpoint.peers()).toEqual([])
    },
  )
})
