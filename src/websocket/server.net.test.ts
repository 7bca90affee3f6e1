import http from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { eventValue, GoldenHost } from '../../test/support/golden-host.js'
import {
  closeStatus,
  subscribedWire,
  UPGRADE_REQUEST,
  upgradedWire,
  Wire,
} from '../../test/support/websocket-wire.js'
import type { Value } from '../data/value.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { printDataMessage, printRefusal, REFUSAL } from './messages.js'
import type { WebSocketServer, WebSocketServerOptions } from './server.js'

let host: GoldenHost
let server: WebSocketServer
const wires: Wire[] = []

async function start(options: Partial<WebSocketServerOptions> = {}): Promise<void> {
  host = new GoldenHost()
  server = await host.serve(options)
}

async function client(...topics: string[]): Promise<Wire> {
  const wire = await subscribedWire(server.address, topics)
  wires.push(wire)
  return wire
}

afterEach(async () => {
  for (const wire of wires.splice(0)) wire.socket.destroy()
  await server.close()
})

const text = (value: string): Value => ({ type: 'string', value })
const chat = (what: string): string =>
  printDataMessage('golden/room', eventValue('Golden::chat', text('x'), text(what)))

describe('clients on the bus', () => {
  test('see each other and the node, and not themselves', async () => {
    await start()
    const a = await client('golden/room')
    const b = await client('golden/room')
    a.send('text', chat('from a'))
    expect(await b.nextText()).toBe(chat('from a'))
    b.send('text', chat('from b'))
    expect(await a.nextText()).toBe(chat('from b'))
    host.publish('golden/room/1', eventValue('Golden::none'))
    const fromNode = printDataMessage('golden/room/1', eventValue('Golden::none'))
    expect(await a.nextText()).toBe(fromNode)
    expect(await b.nextText()).toBe(fromNode)
    expect(server.counters).toMatchObject({ messagesIn: 2, messagesOut: 4 })
  })

  test('get what their prefixes match, once', async () => {
    await start()
    const wire = await client('a', 'a/b', 'c')
    for (const topic of ['a/b/c', 'b', 'c']) host.publish(topic, eventValue('Golden::none'))
    const topics = [await wire.nextText(), await wire.nextText()].map(
      (json) => JSON.parse(json).topic as string,
    )
    expect(topics).toEqual(['a/b/c', 'c'])
  })

  test('are announced before their acknowledgement, and when they are lost', async () => {
    await start()
    const wire = await upgradedWire(server.address, ['x-application-name: tool/1'])
    wires.push(wire)
    wire.send('text', '["b","a"]')
    await wire.nextText()
    expect(host.added).toEqual(['node-websocket-0 tool/1 [a b]'])
    wire.sendClose(1000, 'bye')
    await host.until(() => host.lost.length === 1)
    expect(host.lost).toEqual(['node-websocket-0 1000 bye'])
    // Its subscriptions are gone with it.
    expect(host.publish('a', eventValue('Golden::none'))).toBe('no-peer')
    expect(server.clientCount).toBe(0)
  })

  test('who is turned away at the door is neither added nor lost', async () => {
    await start()
    const wire = await upgradedWire(server.address, ['X-Application-Name: no good'])
    wires.push(wire)
    expect(await wire.nextText()).toBe(printRefusal(REFUSAL.applicationName))
    expect((await wire.next()).kind).toBe('close')
    wire.sendClose(1008)
    expect((await wire.next()).kind).toBe('end')
    expect([...host.added, ...host.lost]).toEqual([])
  })
})

describe('a client that reads nothing', () => {
  test('costs no more than the limit; others are not touched', async () => {
    const bufferLimitBytes = 256 * 1024
    await start({ bufferLimitBytes })
    const slow = await client('golden/room')
    const quick = await client('golden/room')
    slow.socket.pause()
    const message = eventValue('Golden::chat', text('x'), text('y'.repeat(32 * 1024)))
    let received = 0
    while (server.counters.droppedOut < 10) {
      host.publish('golden/room', message)
      await quick.nextText()
      received += 1
    }
    const sentToSlow = server.counters.messagesOut - received
    expect(sentToSlow).toBeLessThan(received)
    expect(host.reports.map(({ code }) => code)).toEqual(['websocket-client-slow'])
    // What was taken arrives when it reads again.
    slow.socket.resume()
    for (let index = 0; index < sentToSlow; index += 1) {
      expect(await slow.nextText()).toContain('Golden::chat')
    }
  })

  test('is answered no more than the limit either', async () => {
    await start({ bufferLimitBytes: 64 * 1024 })
    const slow = await client()
    slow.socket.pause()
    const nonsense = Array.from({ length: 20_000 }, () => 'x')
    for (const message of nonsense) slow.send('text', message)
    const ready = await client('golden/echo')
    while (server.counters.droppedOut === 0) {
      for (const message of nonsense) slow.send('text', message)
      host.publish('golden/echo', eventValue('Golden::none'))
      await ready.nextText()
    }
    expect(host.reports.map(({ code }) => code)).toEqual(['websocket-client-slow'])
  })
})

describe('limits', () => {
  test('clients over the limit are closed at once', async () => {
    await start({ clientLimit: 2 })
    const first = await client()
    await client()
    const third = await Wire.connect(server.address)
    wires.push(third)
    expect((await third.next()).kind).toBe('end')
    await host.until(() => server.counters.turnedAway === 1 || host.reports.length > 0)
    expect(host.reports.map(({ code }) => code)).toEqual(['websocket-client-limit'])
    first.sendClose(1000)
    await host.until(() => host.lost.length === 1)
    expect((await first.nextMessage()).kind).toBe('close')
    expect((await first.next()).kind).toBe('end')
    await client()
  })

  test.each([
    ['says nothing', ''],
    ['never ends its request', 'GET /v1/messages/json HTTP/1.1\r\nX: '],
  ])('who %s is closed after the handshake limit', async (_name, beginning) => {
    const time = new VirtualTime()
    await start({ timers: time, handshakeTimeoutMs: 3000 })
    const wire = await Wire.connect(server.address)
    wires.push(wire)
    wire.write(beginning)
    while (time.pendingTimers === 0) await time.settle()
    await time.advance(3000)
    expect((await wire.next()).kind).toBe('end')
  })

  test('a client without pongs is closed with 1011', async () => {
    const time = new VirtualTime()
    await start({ timers: time, pingIntervalMs: 5000, closeTimeoutMs: 1000 })
    const wire = await client()
    await time.advance(5000)
    const event = await wire.nextMessage()
    if (event.kind !== 'close') throw new Error(event.kind)
    expect(closeStatus(event.payload)).toEqual({ code: 1011, reason: 'Ping timeout' })
    // It does not answer that either.
    await time.advance(1000)
    expect((await wire.next()).kind).toBe('end')
    await host.until(() => host.lost.length === 1)
    expect(host.lost).toEqual(['node-websocket-0 1011 Ping timeout'])
  })

  test('a message over the limit closes with 1009', async () => {
    await start({ messageLimitBytes: 1000 })
    const wire = await client()
    wire.send('text', ' '.repeat(1001))
    const event = await wire.nextMessage()
    if (event.kind !== 'close') throw new Error(event.kind)
    expect(closeStatus(event.payload).code).toBe(1009)
    wire.sendClose(1009)
    await host.until(() => host.lost.length === 1)
    expect(host.lost).toEqual(['node-websocket-0 1009 Message too big'])
  })
})

describe('the end of the server', () => {
  test('is told to every client, and waits for none that does not answer', async () => {
    await start({ closeTimeoutMs: 20 })
    const early = await Wire.connect(server.address)
    wires.push(early)
    early.write('GET /v1/messages/json HTTP/1.1\r\n')
    const polite = await client()
    const silent = await client()
    const closed = server.close()
    for (const wire of [polite, silent]) {
      const event = await wire.nextMessage()
      if (event.kind !== 'close') throw new Error(event.kind)
      expect(closeStatus(event.payload)).toEqual({ code: 1001, reason: 'Terminating' })
    }
    polite.sendClose(1001)
    await closed
    expect((await early.next()).kind).toBe('end')
    expect(server.clientCount).toBe(0)
    expect(host.lost.sort()).toEqual([
      'node-websocket-0 1001 Terminating',
      'node-websocket-1 1001 Terminating',
    ])
    await expect(Wire.connect(server.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('what is no client', () => {
  const upgrade = [...UPGRADE_REQUEST]

  test.each([
    ['a POST', [upgrade[0]!.replace('GET', 'POST'), ...upgrade.slice(1), 'Content-Length: 0'].join('\r\n')],
    ['no HTTP', '\u0000\u0000\u0000\u0013\u0006hello'],
    ['a page', 'GET / HTTP/1.1\r\nHost: x'],
    ['draft 8', upgrade.join('\r\n').replace('Version: 13', 'Version: 8')],
    ['a bad key', upgrade.join('\r\n').replace('dGhlIHNhbXBsZSBub25jZQ==', 'short')],
    ['headers without end', `${upgrade.join('\r\n')}\r\nX-Long: ${'x'.repeat(100_000)}`],
  ])('%s gets an error and is closed', async (_name, request) => {
    await start()
    const wire = await Wire.connect(server.address)
    wires.push(wire)
    wire.write(`${request}\r\n\r\n`)
    const answer = await wire.next()
    if (answer.kind === 'http') {
      expect(answer.head).toMatch(/^HTTP\/1\.1 4\d\d /)
      expect((await wire.next()).kind).toBe('end')
    } else {
      expect(answer.kind).toBe('end')
    }
    await client('still/there')
  })

  test('a port that is taken is a typed error', async () => {
    await start()
    const second = host.serve({ address: server.address })
    await expect(second).rejects.toMatchObject({ name: 'ClusterError', code: 'address-in-use' })
  })

  test('a plain request is told no', async () => {
    await start()
    const status = await new Promise((resolve) => {
      http.get({ host: server.address.host, port: server.address.port, path: '/' }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
    })
    expect(status).toBe(400)
  })
})

describe('hostile frames', () => {
  const deep = `{"topic":"t","@data-type":"vector","data":${'{"@data-type":"vector","data":['.repeat(50_000)}`
  const wide = `{"topic":"t","@data-type":"vector","data":[${'{},'.repeat(500_000)}{}]}`

  test.each([
    ['deep JSON', deep, REFUSAL.json],
    ['wide JSON', wide, REFUSAL.json],
    ['a string without end', `{"topic":"${'x'.repeat(1_000_000)}`, REFUSAL.json],
    [
      'a topic that no envelope holds',
      printDataMessage('t'.repeat(70_000), eventValue('Golden::none')),
      REFUSAL.topic,
    ],
  ])('%s is refused, and the client lives', async (_name, message, why) => {
    await start()
    const wire = await client('golden/echo')
    wire.send('text', message)
    expect(await wire.nextText()).toBe(printRefusal(why))
    wire.send('text', printDataMessage('golden/in', eventValue('Golden::none')))
    expect(await wire.nextText()).toBe(printDataMessage('golden/echo', eventValue('Golden::none')))
  })

  test.each([
    ['an unknown opcode', '838011223344'],
    ['a continuation of nothing', '808011223344'],
    ['a ping in pieces', '098011223344'],
    ['a length with the highest bit', '81ffffffffffffffffff11223344'],
    ['a close frame of one byte', '88811122334400'],
  ])('%s ends the connection with a code', async (_name, hex) => {
    await start()
    const wire = await client()
    wire.write(Buffer.from(hex, 'hex'))
    const event = await wire.nextMessage()
    if (event.kind !== 'close') throw new Error(event.kind)
    expect([1002, 1009]).toContain(closeStatus(event.payload).code)
    wire.socket.end()
    await host.until(() => host.lost.length === 1)
  })
})
