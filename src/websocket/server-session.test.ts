import { describe, expect, test } from 'vitest'
import { eventValue } from '../../test/support/golden-host.js'
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Value } from '../data/value.js'
import { printDataMessage, printRefusal, REFUSAL, type Refusal } from './messages.js'
import {
  openSession,
  type SessionEffect,
  type SessionInput,
  type SessionSettings,
  type SessionState,
  sessionStep,
} from './server-session.js'

const SETTINGS: SessionSettings = { endpoint: 'node-websocket-0', version: '9.0.0', pingIntervalMs: 5000 }
const ACK = '{"type":"ack","endpoint":"node-websocket-0","version":"9.0.0"}'
const SEEN = eventValue('Demo::seen', { type: 'count', value: 7n })

class Session {
  state: SessionState
  readonly #settings: SessionSettings

  constructor(settings: SessionSettings = SETTINGS) {
    this.#settings = settings
    this.state = openSession('/v1/messages/json', undefined, settings).state
  }

  step(input: SessionInput): readonly SessionEffect[] {
    const { state, effects } = sessionStep(this.state, input, this.#settings)
    this.state = state
    return effects
  }

  hear(text: string | Uint8Array): readonly SessionEffect[] {
    return this.step({ kind: 'message', bytes: typeof text === 'string' ? Buffer.from(text) : text })
  }
}

function openSessionWith(settings: SessionSettings = SETTINGS): Session {
  const session = new Session(settings)
  session.hear('[]')
  return session
}

const refusal = (why: Refusal): SessionEffect[] => [{ kind: 'send-refusal', text: printRefusal(why) }]

describe('the door', () => {
  const first: SessionEffect = { kind: 'send-ping', payload: 'heartbeat::5s::0' }

  test.each(['/', '/v1/messages', '/v1/messages/json/', '/v1/messages/json?x=1', '/V1/messages/json'])(
    '%s is the wrong path',
    (path) => {
      const { context } = REFUSAL.path
      expect(openSession(path, undefined, SETTINGS)).toEqual({
        state: { kind: 'closed' },
        effects: [first, ...refusal(REFUSAL.path), { kind: 'close', code: 1008, reason: context }],
      })
    },
  )

  test.each([undefined, '', 'zeekctl/3.0', 'a_b-c.d=e:f*g@h'])('%s is a name for a program', (name) => {
    const { state, effects } = openSession('/v1/messages/json', name, SETTINGS)
    expect(state.kind).toBe('awaiting-subscriptions')
    expect(effects).toEqual([first])
  })

  test.each(['bad name', 'a,b', 'ü', 'a!', 'a\tb'])('%s is none', (name) => {
    expect(openSession('/v1/messages/json', name, SETTINGS).effects.at(-1)).toEqual({
      kind: 'close',
      code: 1008,
      reason: 'Invalid X-Application-Name',
    })
  })
})

describe('the first message', () => {
  test('subscribes before it is acknowledged; topics are told once, in order', () => {
    expect(new Session().hear('["b", "a", "b", "a/c"]')).toEqual([
      { kind: 'subscribe', prefixes: ['a', 'a/c', 'b'] },
      { kind: 'send-acknowledgement', text: ACK },
    ])
  })

  test.each([
    ['', REFUSAL.subscriptions],
    ['{"a":1}', REFUSAL.subscriptions],
    ['["a"', REFUSAL.subscriptions],
    ['"a"', REFUSAL.subscriptions],
    ['["a", null]', REFUSAL.subscription],
    [JSON.stringify(Array.from({ length: 1001 }, String)), REFUSAL.tooManySubscriptions],
    ['['.repeat(100_000), REFUSAL.subscriptions],
  ])('%.20s makes the session useless', (text, why) => {
    const session = new Session()
    expect(session.hear(text)).toEqual(refusal(why))
    expect(session.hear('["a"]')).toEqual([{ kind: 'ignore' }])
    expect(session.hear(printDataMessage('t', SEEN))).toEqual([{ kind: 'ignore' }])
    expect(session.state.kind).toBe('useless')
  })
})

describe('messages of the client', () => {
  test('go to the bus with everything that they have', () => {
    const pair: Value = {
      type: 'vector',
      value: [
        { type: 'count', value: 1n },
        { type: 'timestamp', value: 5n },
      ],
    }
    const content = (SEEN as { readonly value: readonly Value[] }).value
    const inner = content[2] as { readonly value: readonly Value[] }
    const withMetadata: Value = {
      type: 'vector',
      value: [
        content[0]!,
        content[1]!,
        { type: 'vector', value: [...inner.value, { type: 'vector', value: [pair] }] },
      ],
    }
    const [effect] = openSessionWith().hear(printDataMessage('/topic', withMetadata))
    if (effect?.kind !== 'publish') throw new Error(`${effect?.kind}`)
    expect(effect.topic).toBe('/topic')
    expect(readValue(new ByteReader(effect.message))).toEqual(withMetadata)
  })

  test('are shown to the host, which may refuse them', () => {
    const seen: unknown[] = []
    const session = openSessionWith({
      ...SETTINGS,
      checkEvent: (name, args) => {
        seen.push(name, args)
        return false
      },
    })
    expect(session.hear(printDataMessage('t', SEEN))).toEqual(refusal(REFUSAL.event))
    expect(seen).toEqual(['Demo::seen', [{ type: 'count', value: 7n }]])
  })

  const badMetadata =
    '[{"@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1}]}]'

  test.each([
    ['no text', Uint8Array.of(0xff, 0xfe), REFUSAL.json],
    ['nothing', '', REFUSAL.json],
    ['no object', '[]', REFUSAL.json],
    ['deep', `{"topic":"t","@data-type":"vector","data":${'['.repeat(1_000_000)}`, REFUSAL.json],
    ['no topic', '{"@data-type":"none"}', REFUSAL.topic],
    ['long topic', printDataMessage('t'.repeat(65_536), SEEN), REFUSAL.topic],
    ['many digits', `{"topic":"t","@data-type":"count","data":${'9'.repeat(1_000_000)}}`, REFUSAL.json],
    ['no event', '{"topic":"t","@data-type":"count","data":1}', REFUSAL.event],
    [
      'a time out of range',
      printDataMessage('t', eventValue('e')).replace(
        '"data":[]',
        '"data":[{"@data-type":"timespan","data":"99999999999999999999h"}]',
      ),
      REFUSAL.json,
    ],
    [
      'metadata that is none',
      printDataMessage('t', eventValue('e')).replace(
        '"data":[]}',
        `"data":[]},{"@data-type":"vector","data":${badMetadata}}`,
      ),
      REFUSAL.event,
    ],
  ])('%s is refused', (_name, text, why) => {
    const session = openSessionWith()
    expect(session.hear(text)).toEqual(refusal(why))
    expect(session.hear(printDataMessage('t', SEEN))[0]?.kind).toBe('publish')
  })
})

describe('messages of the bus', () => {
  function delivery(write: (writer: ByteWriter) => void): SessionInput {
    const writer = new ByteWriter()
    writer.u8(0xee)
    write(writer)
    const bytes = writer.toBytes()
    return { kind: 'delivery', topic: '/t', bytes, start: 1, end: bytes.length }
  }

  test('events become text, other messages nothing, garbage is told', () => {
    const session = openSessionWith()
    expect(session.step(delivery((writer) => writeValue(writer, SEEN)))).toEqual([
      { kind: 'send-data', text: printDataMessage('/t', SEEN) },
    ])
    const batch = eventValue('e')
    const other = {
      ...batch,
      value: [
        { type: 'count', value: 1n },
        { type: 'count', value: 5n },
        { type: 'vector', value: [] },
      ],
    } as Value
    expect(session.step(delivery((writer) => writeValue(writer, other)))).toEqual([])
    expect(session.step(delivery((writer) => writer.raw(Buffer.from('garbage'))))).toEqual([
      { kind: 'unreadable-delivery' },
    ])
  })

  test('do not reach a client that is not acknowledged', () => {
    expect(new Session().step(delivery((writer) => writeValue(writer, SEEN)))).toEqual([])
  })
})

describe('the end', () => {
  test('a ping without answer, when the next one is due', () => {
    const session = openSessionWith()
    session.step({ kind: 'pong' })
    expect(session.step({ kind: 'ping-due' })).toEqual([{ kind: 'send-ping', payload: 'heartbeat::5s::1' }])
    expect(session.step({ kind: 'ping-due' })).toEqual([
      { kind: 'close', code: 1011, reason: 'Ping timeout' },
    ])
  })

  test('nothing happens behind it', () => {
    const session = openSessionWith()
    expect(session.step({ kind: 'server-closes' })).toEqual([
      { kind: 'close', code: 1001, reason: 'Terminating' },
    ])
    expect(session.hear(printDataMessage('t', SEEN))).toEqual([])
    expect(session.step({ kind: 'ping-due' })).toEqual([])
    expect(session.step({ kind: 'connection-closed' })).toEqual([])
  })
})
