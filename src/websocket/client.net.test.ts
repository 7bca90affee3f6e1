import { readFileSync } from 'node:fs'
import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventValue, GoldenHost } from '../../test/support/golden-host.js'
import { vectorPath } from '../../test/support/vectors.js'
import { ScriptedServer, upgradeClient, Wire } from '../../test/support/websocket-wire.js'
import type { Value } from '../data/value.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { connectWebSocket, type WebSocketClient, type WebSocketClientOptions } from './client.js'
import { printAcknowledgement } from './messages.js'
import type { WebSocketServer, WebSocketServerTls } from './server.js'

const cleanups: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Log {
  readonly lines: string[]
  until(condition: (lines: readonly string[]) => boolean): Promise<void>
}

function connect(
  url: string,
  options: Partial<WebSocketClientOptions> = {},
): { readonly client: Promise<WebSocketClient>; readonly log: Log; readonly values: Value[] } {
  const lines: string[] = []
  const values: Value[] = []
  let wake: () => void = () => {}
  const note = (line: string): void => {
    lines.push(line)
    wake()
  }
  const client = connectWebSocket({
    url,
    subscriptions: ['golden/echo'],
    timeoutMs: 20_000,
    onMessage: (topic, value) => {
      values.push(value)
      note(`message ${topic}`)
    },
    onError: (code, context) => note(`error ${code} ${context}`),
    onClose: (code, reason) => note(`close ${code} ${reason}`),
    ...options,
  })
  cleanups.push(async () => {
    await client.then(
      (connected) => connected.close(),
      () => {},
    )
  })
  const log: Log = {
    lines,
    async until(condition) {
      while (!condition(lines)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
  return { client, log, values }
}

async function serve(
  tls?: WebSocketServerTls,
): Promise<{ host: GoldenHost; server: WebSocketServer; url: string }> {
  const host = new GoldenHost()
  const server = await host.serve(tls === undefined ? {} : { tls })
  cleanups.push(() => server.close())
  const scheme = tls === undefined ? 'ws' : 'wss'
  return { host, server, url: `${scheme}://127.0.0.1:${server.address.port}/v1/messages/json` }
}

/** A server by hand, and the client that talks to it. */
async function scripted(
  options: Partial<WebSocketClientOptions> = {},
): Promise<ReturnType<typeof connect> & { wire: Wire }> {
  const server = await ScriptedServer.start()
  cleanups.push(() => server.close())
  const attempt = connect(server.url, options)
  attempt.client.catch(() => {})
  const wire = await server.accept()
  await upgradeClient(wire)
  await wire.nextText()
  return { ...attempt, wire }
}

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)
const text = (value: string): Value => ({ type: 'string', value })

describe('client and server of ours', () => {
  test('talk', async () => {
    const { host, url } = await serve()
    const { client, log, values } = connect(url, { applicationName: 'tool/1' })
    const { endpoint, version, publish } = await client
    expect([endpoint, version]).toEqual(['node-websocket-0', '9.0.0-rc1'])
    expect(typeof publish).toBe('function')
    expect(host.added).toEqual(['node-websocket-0 tool/1 [golden/echo]'])
    const message = eventValue('Golden::two', text('ü\u0000'), { type: 'count', value: 2n ** 64n - 2n })
    expect((await client).publish('golden/in', message)).toBe('accepted')
    await log.until((lines) => lines.length === 1)
    const answer = eventValue('Golden::answer', text('got ü\u0000'), { type: 'count', value: 2n ** 64n - 1n })
    expect(values).toEqual([answer])
    expect((await client).publish('golden/in', { type: 'none' })).toBe('accepted')
    await log.until((lines) => lines.length === 2)
    expect(log.lines[1]).toBe('error deserialization_failed failed to create Zeek event')
    await (await client).close()
    expect(log.lines[2]).toBe('close 1000 ')
    expect((await client).publish('golden/in', message)).toBe('no-peer')
    await host.until(() => host.lost.length === 1)
  })

  test('part when the server ends', async () => {
    const { server, url } = await serve()
    const { client, log } = connect(url)
    await client
    await server.close()
    await log.until((lines) => lines.length > 0)
    expect(log.lines).toEqual(['close 1001 Terminating'])
  })
})

describe('no connection', () => {
  test('nobody listens', async () => {
    const free = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => free.once('listening', resolve))
    const { port } = free.address() as net.AddressInfo
    await new Promise((resolve) => free.close(resolve))
    const url = `ws://127.0.0.1:${port}/v1/messages/json`
    expect(await failure(connect(url).client)).toMatchObject({
      name: 'ClusterError',
      code: 'connection-refused',
      data: { url },
    })
  })

  test('the wrong path', async () => {
    const { url } = await serve()
    const error = await failure(connect(`${url}/x`).client)
    expect(error).toMatchObject({
      code: 'refused-by-server',
      message: expect.stringContaining('/v1/messages/json') as string,
      data: { refusal: { code: 'invalid_uri' } },
    })
  })

  test('a name that the server refuses', async () => {
    const { url } = await serve()
    const error = await failure(connect(url, { applicationName: 'no good' }).client)
    expect(error).toMatchObject({ data: { refusal: { code: 'invalid_application_name' } } })
  })

  test.each(['', 'nonsense', 'ftp://127.0.0.1/', 'ws://127.0.0.1:1/#x'])(
    '%s is no URL of a WebSocket',
    async (url) => {
      expect(await failure(connect(url).client)).toMatchObject({ code: 'invalid-url' })
    },
  )

  test('no acknowledgement', async () => {
    const time = new VirtualTime()
    const { client } = await scripted({ timers: time, timeoutMs: 500 })
    const outcome = failure(client)
    await time.advance(500)
    expect(await outcome).toMatchObject({ code: 'no-acknowledgement' })
  })

  test('no answer at all', async () => {
    const server = await ScriptedServer.start()
    cleanups.push(() => server.close())
    const time = new VirtualTime()
    const outcome = failure(connect(server.url, { timers: time, timeoutMs: 500 }).client)
    await server.accept()
    await time.advance(500)
    expect(await outcome).toMatchObject({ code: 'connection-timeout' })
  })

  test('closed before the acknowledgement', async () => {
    const { client, wire } = await scripted()
    wire.sendClose(1001, 'Terminating')
    expect(await failure(client)).toMatchObject({ code: 'closed-by-server', data: { closeCode: 1001 } })
  })

  test('another server', async () => {
    const server = await ScriptedServer.start()
    cleanups.push(() => server.close())
    const { client } = connect(server.url)
    const outcome = failure(client)
    const wire = await server.accept()
    await wire.next()
    wire.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    expect(await outcome).toMatchObject({ code: 'not-websocket', data: { httpStatus: 404 } })
  })

  test('the caller gives up, before and during the attempt', async () => {
    const given = AbortSignal.abort()
    expect(await failure(connect('ws://127.0.0.1:1/', { signal: given }).client)).toMatchObject({
      code: 'aborted',
    })
    const controller = new AbortController()
    const { client } = await scripted({ signal: controller.signal })
    controller.abort()
    expect(await failure(client)).toMatchObject({ code: 'aborted' })
  })
})

describe('an open client', () => {
  test('settles when the server has read everything before', async () => {
    const { host, url } = await serve()
    const client = await connect(url).client
    for (let n = 0; n < 200; n += 1) client.publish('golden/in', eventValue('Golden::none'))
    expect(await client.settle(20_000)).toBe(true)
    await host.until(() => host.received.length === 200)
    await client.close()
    expect(await client.settle(1)).toBe(false)
  })

  test('does not settle without an answer', async () => {
    const time = new VirtualTime()
    const { client, wire } = await scripted({ timers: time })
    wire.send('text', printAcknowledgement('node-websocket-7', '9'))
    const settled = (await client).settle(1000)
    await time.advance(1000)
    expect(await settled).toBe(false)
    wire.socket.destroy()
  })

  test('goes on after a message that it cannot read', async () => {
    const { client, wire, log } = await scripted()
    wire.send('text', printAcknowledgement('node-websocket-7', '9'))
    await client
    wire.send('text', '{"topic":"t","@data-type":"count","data":"x"}')
    wire.send(
      'text',
      Buffer.concat([
        Buffer.from('{"topic":"t","@data-type":"string","data":"\\v'),
        Buffer.of(0xff, 0x22, 0x7d),
      ]),
    )
    await log.until((lines) => lines.length === 2)
    expect(log.lines[0]).toMatch(/^error unreadable_message /)
    expect(log.lines[1]).toBe('message t')
    wire.socket.destroy()
  })

  test('does not pile up messages for a server that reads nothing', async () => {
    const { client, wire } = await scripted({ bufferLimitBytes: 256 * 1024 })
    wire.send('text', printAcknowledgement('node-websocket-7', '9'))
    wire.socket.pause()
    const connected = await client
    const message = eventValue('Golden::chat', text('y'.repeat(32 * 1024)))
    const outcomes = new Set<string>()
    while (connected.droppedMessages === 0) {
      outcomes.add(connected.publish('golden/in', message))
      expect(connected.bufferedBytes).toBeLessThanOrEqual(256 * 1024)
    }
    expect([...outcomes]).toEqual(['accepted', 'queued', 'dropped'])
    wire.socket.destroy()
  })
})

const pem = (name: string): string => readFileSync(vectorPath(`tls/${name}.pem`), 'utf8')

describe('TLS', () => {
  const ca = pem('authority')
  const own = { cert: pem('node'), key: pem('node.key') }

  test('with the authority of the server', async () => {
    const { url } = await serve(own)
    const { client, log } = connect(url, { tls: { ca } })
    ;(await client).publish('golden/in', eventValue('Golden::none'))
    await log.until((lines) => lines.length === 1)
    expect(log.lines).toEqual(['message golden/echo'])
  })

  test('an unknown authority is refused, unless the caller does not care', async () => {
    const { url } = await serve(own)
    expect(await failure(connect(url).client)).toMatchObject({
      code: 'certificate-refused',
      message: expect.stringContaining('tls.ca') as string,
    })
    await connect(url, { tls: { rejectUnauthorized: false } }).client
  })

  test('a server that verifies clients takes only those with a certificate', async () => {
    const { url } = await serve({ ...own, verifyClients: true, ca })
    const tls = { ca }
    await connect(url, { tls: { ...tls, ...own } }).client
    expect(await failure(connect(url, { tls }).client)).toMatchObject({
      code: expect.stringMatching(/^(certificate-refused|connection-reset)$/) as string,
    })
  })

  test('a client without TLS at a server with it, and the other way round, are told', async () => {
    const secure = await serve(own)
    const plain = await serve()
    expect(await failure(connect(secure.url.replace('wss:', 'ws:')).client)).toMatchObject({
      code: expect.stringMatching(/^(not-websocket|connection-reset)$/) as string,
      message: expect.stringContaining('wss://') as string,
    })
    expect(await failure(connect(plain.url.replace('ws:', 'wss:')).client)).toMatchObject({
      code: 'tls-failed',
      message: expect.stringContaining('ws://') as string,
    })
    expect(secure.server.counters.failedTls).toBe(1)
  })

  test('the end of a server does not wait for a handshake', async () => {
    const time = new VirtualTime()
    const host = new GoldenHost()
    const server = await host.serve({ tls: own, timers: time })
    const early = await Wire.connect(server.address)
    while (time.pendingTimers === 0) await time.settle()
    await server.close()
    expect((await early.next()).kind).toBe('end')
  })

  test('a key that does not fit the certificate is a typed error', async () => {
    const host = new GoldenHost()
    const mixed = { cert: own.cert, key: pem('stranger.key') }
    await expect(host.serve({ tls: mixed })).rejects.toMatchObject({ name: 'ClusterError' })
  })
})
