/** The server says to a client what the recorded Zeek said to it. */
import { afterEach, describe, expect, test } from 'vitest'
import { encodable, GoldenHost, recordedMessage, zeekKnows } from '../../test/support/golden-host.js'
import {
  bytesOf,
  clientMessages,
  comparable,
  malformedOuterCases,
  type TranscriptLine,
  transcripts,
} from '../../test/support/websocket-transcripts.js'
import { closeStatus, subscribedWire, Wire } from '../../test/support/websocket-wire.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { printRefusal, REFUSAL } from './messages.js'
import type { WebSocketServer } from './server.js'

/** Where the answer differs from Zeek's on purpose: `transcript` or `transcript: note`. */
const STRICTER: Readonly<Record<string, { readonly why: string; readonly answer: Partial<TranscriptLine> }>> =
  {
    'unmasked-frame': {
      why: 'RFC 6455 5.1: a server must close the connection when a frame is not masked',
      answer: { kind: 'close', code: 1002 },
    },
    'bad-data-messages: bad subnet': {
      why: '10.0.0.0/33 is no subnet; Zeek makes ::/0 of it, which is every address',
      answer: { kind: 'text', text: printRefusal(REFUSAL.json) },
    },
    'bad-data-messages: bad port': {
      why: '99999/tcp is no port; Zeek makes 34463/tcp of it',
      answer: { kind: 'text', text: printRefusal(REFUSAL.json) },
    },
  }

/** Broken outer structures that Zeek takes for an event without arguments; for us a message of Zeek is well-formed. */
const STRICTER_OUTER = ['args is a string', 'version 2', 'message type 5']

/** What these clients sent is not in the recording; `server.net.test.ts` has tests of the same. */
const REQUEST_NOT_RECORDED = ['handshake-post-method', 'handshake-not-http']

/** Recorded beside each other, against the same Zeek. */
const TOGETHER: Readonly<Record<string, string>> = {
  'two-clients-b': 'two-clients-a',
  'broker-backend-client-b': 'broker-backend-client-a',
}

const PING_INTERVAL_MS = 5000

let host: GoldenHost
let server: WebSocketServer | undefined

afterEach(async () => {
  await server?.close()
  server = undefined
})

class Player {
  readonly #name: string
  readonly #time: VirtualTime
  #wire: Wire | undefined
  #note = ''
  #pings = 0
  #closed: 'no' | 'by-client' | 'by-server' = 'no'
  #ended = false

  constructor(name: string, time: VirtualTime) {
    this.#name = name
    this.#time = time
  }

  async play(line: TranscriptLine, later: readonly TranscriptLine[]): Promise<void> {
    if (line.dir === 'note') this.#note = line.text ?? ''
    else if (line.dir === 'c2s') await this.#send(line, later)
    else await this.#expect({ ...line, ...this.#deviation(line) })
  }

  /** After the last line: a side that was told goodbye answers, and the server ends the connection. */
  async finish(): Promise<void> {
    const wire = this.#wire
    if (wire === undefined || this.#ended) return
    if (this.#closed === 'no') {
      wire.socket.resetAndDestroy()
      return
    }
    if (this.#closed === 'by-server') wire.send('close', Buffer.of(0x03, 0xe8))
    expect((await wire.next()).kind).toBe('end')
    this.#ended = true
  }

  #deviation(line: TranscriptLine): Partial<TranscriptLine> {
    if (line.kind !== 'text') return {}
    const note = STRICTER[`${this.#name}: ${this.#note}`]
    if (note !== undefined) return note.answer
    return this.#note === 'raw' ? (STRICTER[this.#name]?.answer ?? {}) : {}
  }

  async #send(line: TranscriptLine, later: readonly TranscriptLine[]): Promise<void> {
    const bytes = bytesOf(line)
    switch (line.kind) {
      case 'http':
        await this.finish()
        this.#wire = await Wire.connect(server!.address)
        this.#pings = 0
        this.#closed = 'no'
        this.#ended = false
        this.#wire.write(bytes)
        return
      case 'raw':
        this.#note = 'raw'
        this.#wire!.write(bytes)
        return
      case 'close':
        this.#closed = 'by-client'
        this.#wire!.send('close', bytes)
        return
      case 'text':
      case 'binary':
      case 'continuation':
        this.#wire!.send(line.kind, bytes, !isContinued(later))
        return
      case 'ping':
      case 'pong':
        this.#wire!.send(line.kind, bytes)
    }
  }

  async #expect(line: TranscriptLine): Promise<void> {
    const wire = this.#wire!
    if (line.kind === 'ping' || line.code === 1011 || line.kind === 'tcp-eof') await this.#letTimePass()
    if (line.code === 1001 && this.#closed === 'no') void server!.close()
    const event = await wire.next()
    const where = `${this.#name} ${this.#note}: ${JSON.stringify(line)}`
    if (line.kind === 'tcp-eof') {
      expect(event.kind, where).toBe('end')
      this.#ended = true
      return
    }
    expect(event.kind, where).toBe(line.kind)
    if (event.kind === 'http') {
      const accepted = (head: string): boolean => head.startsWith('HTTP/1.1 101')
      expect(accepted(event.head), event.head).toBe(accepted(line.text ?? ''))
      // Zeek takes neither a subprotocol nor compression.
      expect(event.head).not.toMatch(/^sec-websocket-(?:protocol|extensions):/im)
    } else if (event.kind === 'text') {
      expect(comparable(event.payload.toString('utf8')), where).toEqual(comparable(line.text ?? ''))
    } else if (event.kind === 'pong') {
      expect(event.payload, where).toEqual(Buffer.from(line.text ?? ''))
    } else if (event.kind === 'close') {
      const { code, reason } = closeStatus(event.payload)
      expect(code, where).toBe(line.code)
      // The library gives no reasons for what it closes itself.
      if (code !== 1002 && code !== 1007) expect(reason, where).toBe(line.reason)
      if (this.#closed === 'no') this.#closed = 'by-server'
    }
  }

  /** The first ping comes with the connection. */
  async #letTimePass(): Promise<void> {
    this.#pings += 1
    if (this.#pings > 1) await this.#time.advance(PING_INTERVAL_MS)
  }
}

function isContinued(later: readonly TranscriptLine[]): boolean {
  const next = later.find(({ dir, kind }) => dir === 'c2s' && kind !== 'ping' && kind !== 'pong')
  return next?.kind === 'continuation'
}

/** What the host must have got: everything that Zeek did not refuse. */
function acceptedMessages(lines: readonly TranscriptLine[]): string[] {
  if (!lines.some(({ text }) => text?.includes('"ack"'))) return []
  const refused = new Set<string>()
  let last = ''
  for (const { dir, text } of lines) {
    if (dir === 'c2s') last = text ?? ''
    else if (text?.includes('"error"')) refused.add(last)
  }
  return clientMessages(lines).filter((message) => message.includes('"topic"') && !refused.has(message))
}

describe('recorded clients', () => {
  const all = transcripts()
  const played = all.filter(
    ({ name }) => TOGETHER[name] === undefined && !REQUEST_NOT_RECORDED.includes(name),
  )

  test('are all here', () => {
    expect(all.length).toBe(30)
  })

  test.each(played)('$name', async ({ name, lines }) => {
    const time = new VirtualTime()
    host = new GoldenHost(name.startsWith('broker-backend'))
    server = await host.serve({ timers: time, checkEvent: zeekKnows, pingIntervalMs: PING_INTERVAL_MS })
    for (const { dir, text } of lines) {
      if (dir === 's2c' && text?.includes('"zeek/control/')) host.controlAnswers.push(recordedMessage(text))
    }
    const casts = [{ name, lines }, ...all.filter((other) => TOGETHER[other.name] === name)]
    const players = new Map(casts.map((cast) => [cast.name, new Player(cast.name, time)]))
    const merged = casts
      .flatMap((cast) =>
        cast.lines.map((line, index) => ({ line, later: cast.lines.slice(index + 1), cast })),
      )
      .sort((a, b) => a.line.t - b.line.t)
    for (const { line, later, cast } of merged) await players.get(cast.name)!.play(line, later)
    for (const player of players.values()) await player.finish()
    const toHost = acceptedMessages(lines).filter((message) => !message.includes('golden/room'))
    const missing = Object.keys(STRICTER).filter((key) => key.startsWith(`${name}: `)).length
    await host.until(() => host.received.length >= toHost.length - missing)
    expect(host.received.length).toBe(toHost.length - missing)
    await host.until(() => host.lost.length === host.added.length || name.startsWith('first-message'))
  })

  test('a client that resets the connection is lost with 1006', async () => {
    host = new GoldenHost()
    server = await host.serve()
    const wire = await subscribedWire(server.address, ['golden/echo'])
    wire.socket.resetAndDestroy()
    await host.until(() => host.lost.length === 1)
    expect(host.lost).toEqual(['node-websocket-0 1006 Abnormal closure'])
  })
})

describe('broken outer structures', () => {
  test.each(malformedOuterCases())('$case', async ({ case: name, sent, answers }) => {
    host = new GoldenHost()
    server = await host.serve({ checkEvent: zeekKnows })
    const wire = await subscribedWire(server.address, ['golden/echo'])
    wire.send('text', JSON.stringify(sent))
    const expected = STRICTER_OUTER.includes(name) ? printRefusal(REFUSAL.event) : answers[1]!.text
    expect(comparable(await wire.nextText())).toEqual(comparable(expected))
    // The connection lives.
    host.publish('golden/echo', recordedMessage(PLAIN_EVENT).message)
    expect(comparable(await wire.nextText())).toEqual(comparable(PLAIN_EVENT))
    wire.socket.destroy()
  })
})

const PLAIN_EVENT =
  '{"type":"data-message","topic":"golden/echo","@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"Golden::none"},{"@data-type":"vector","data":[]}]}]}'

describe('metadata', () => {
  test('of a client reaches the bus', async () => {
    host = new GoldenHost()
    server = await host.serve({ checkEvent: zeekKnows })
    const wire = await subscribedWire(server.address, [])
    const lines = transcripts().find(({ name }) => name === 'normal-all-types')!.lines
    const sent = clientMessages(lines).find((message) => message.includes('with metadata'))!
    wire.send('text', sent)
    await host.until(() => host.received.length === 1)
    expect(host.received).toEqual([recordedMessage(sent)])
    expect(() => encodable(recordedMessage(sent).message)).not.toThrow()
    wire.socket.destroy()
  })
})
