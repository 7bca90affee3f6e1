/** Both sides of the control framework against what real Zeek processes said to each other (test/vectors/control). */
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { decodeHandshakeMessage } from '../broker/handshake-messages.js'
import type { Bus, BusHandler, Peer } from '../bus/bus.js'
import { Cluster } from '../cluster/cluster.js'
import { Topics } from '../cluster/topics.js'
import { Address } from '../data/address.js'
import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { ASCII_WRITER } from '../data/log-messages.js'
import { addr, count, set, string, table } from '../data/types.js'
import type { Value } from '../data/value.js'
import { parseLayout } from '../layout/index.js'
import { OUTSIDE_OF_CLUSTERS } from '../layout/layout.js'
import { LogStore } from '../logging/files/log-store.js'
import { noneWriter } from '../logging/writers/none-writer.js'
import { DIALECTS } from '../options/dialect.js'
import { resolveOptions } from '../options/registry.js'
import { MemoryBackends } from '../testing/memory-backends.js'
import { MemoryDisk } from '../testing/memory-disk.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { eventParts } from '../websocket/event-message.js'
import { startControllee } from './controllee.js'
import { type ControlAnswer, type ControlRequest, createController } from './controller.js'

interface Message {
  readonly topic: string
  readonly payload: Uint8Array
}

interface Side {
  readonly id: string
  readonly filter: readonly string[]
  readonly messages: readonly Message[]
}

/** One program of a recording: who it is, what it subscribes, what it published. */
function sideOf(name: string, direction: 'c2l' | 'l2c'): Side {
  const decoder = new FrameDecoder(1 << 20)
  const messages: Message[] = []
  let [id, filter, isPeered] = ['', [] as readonly string[], false]
  for (const { dir, hex } of readJsonLines<{ dir: string; hex: string }>(`control/${name}/stream.jsonl`)) {
    if (dir !== direction) continue
    decoder.push(fromHex(hex), (bytes, start, end) => {
      if (!isPeered) {
        const message = decodeHandshakeMessage(bytes, start, end)
        if ('sender' in message && message.sender !== undefined) id = message.sender.text
        if ('filter' in message) filter = message.filter
        isPeered = message.kind === 'originator-ack' || message.kind === 'responder-syn-ack'
        return true
      }
      const header = emptyEnvelopeHeader()
      const reader = new ByteReader()
      reader.reset(bytes, start, end)
      readEnvelopeHeader(reader, header)
      if (header.type === ENVELOPE.data) {
        messages.push({ topic: header.topic, payload: bytes.slice(header.payloadStart, end) })
      }
      return true
    })
  }
  return { id, filter, messages }
}

function recordingOf(name: string): { controller: Side; controllee: Side } {
  return { controller: sideOf(name, 'c2l'), controllee: sideOf(name, 'l2c') }
}

/** The values that the recorded controller sent ahead of its request. */
function updatesOf(name: string): Map<string, Value> {
  const updates = new Map<string, Value>()
  for (const { payload } of recordingOf(name).controller.messages.slice(0, -1)) {
    const message = readValue(new ByteReader(payload))
    const content = message.type === 'vector' ? message.value[2] : undefined
    const [id, value] = content?.type === 'vector' ? content.value : []
    if (id?.type !== 'string' || value === undefined) throw new Error(`${name}: not an identifier update`)
    updates.set(String(id.value), value)
  }
  return updates
}

function peerOf({ id, filter }: Side): Peer {
  return { id, address: { host: '127.0.0.1', port: 1 }, direction: 'incoming', subscriptions: filter }
}

/** A bus with one peer, which keeps what is published. */
function busOf(id: string, peer: Peer): { bus: Bus; published: Message[] } {
  const published: Message[] = []
  const publish = (topic: string, message: { writeTo(writer: ByteWriter): void }) => {
    const writer = new ByteWriter()
    message.writeTo(writer)
    published.push({ topic, payload: writer.toBytes() })
    return 'accepted' as const
  }
  const bus = {
    id,
    peers: () => [peer],
    publish,
    send: (_peer: string, topic: string, message: { writeTo(writer: ByteWriter): void }) =>
      publish(topic, message),
    subscribe() {},
    unsubscribe() {},
  } as unknown as Bus
  return { bus, published }
}

/**
 * Name and arguments of an event, and the bytes of everything else; with the time taken out of texts and lines in order: sets have the order of Zeek's
 * hashes. What `Broker::publish` of Zeek 9 sends has a list of metadata behind them, also when there is none.
 */
function comparable({ topic, payload }: Message): unknown {
  const event = eventParts(readValue(new ByteReader(payload)))
  if (event === undefined) return { topic, payload: toHex(payload) }
  const args = event.args.map((value) => {
    if (value.type !== 'string') throw new Error(`${event.name}: an argument that is no text`)
    return String(value.value)
      .replaceAll(/\d{10}\.\d{6}/g, 'TIME')
      .split(/,?\n/)
      .sort()
  })
  return { topic, name: event.name, args }
}

const NAMES = vectorNames('control')
const topics = new Topics(resolveOptions({ dialect: DIALECTS['zeek-9.0'] }).options, DIALECTS['zeek-9.0'])

describe('as a controllee: what the recorded controller sends is answered as Zeek does', () => {
  test.each(NAMES)('%s', (name) => {
    const { controller, controllee } = recordingOf(name)
    const dialect = DIALECTS['zeek-9.0']
    const peer = peerOf(controller)
    const { bus, published } = busOf(controllee.id, peer)
    const time = new VirtualTime()
    let handler: BusHandler | undefined
    let isDown = false
    const cluster = new Cluster({
      node: OUTSIDE_OF_CLUSTERS,
      layout: parseLayout('', { file: 'x', dialect }).layout,
      options: resolveOptions({
        dialect,
        given: {
          strangerCommands: new Set([
            'id_value',
            'peer_status',
            'net_stats',
            'configuration_update',
            'shutdown',
          ]),
        },
      }).options,
      redefs: [],
      dialect,
      clock: time,
      timers: time,
      createBus(given) {
        handler = given
        return bus
      },
      openLogStore: () =>
        new LogStore({
          directory: 'logs',
          journalDirectory: 'journal',
          node: '',
          disk: new MemoryDisk(),
          clock: time,
          timers: time,
          writers: [noneWriter()].map((writer) => ({ ...writer, name: ASCII_WRITER })),
          onProblem: () => {},
        }),
      onRotationInterval: () => {},
      disk: new MemoryDisk(),
      spoolDirectory: 'spool',
      releaseSpool: async () => {},
      openBackend: new MemoryBackends().open,
      storeDirectory: '.',
      reporter: () => {},
      onScriptError: (error) => {
        throw error
      },
    })
    const changeable = { changeable: true }
    const text = cluster.option(
      'test_var',
      string,
      'ORIGINAL VALUE (this should be printed out first)',
      changeable,
    )
    const number = cluster.option('test_count', count, 17n, changeable)
    const names = cluster.option('test_set', set(string), new Set(['a', 'b']), changeable)
    cluster.option('a_table', table(addr, string), new Map([[Address.parse('10.0.0.1'), 'x']]))
    startControllee({
      cluster,
      timers: time,
      netStats: () => ({ received: 0, dropped: 0, link: 0 }),
      shutdown: () => {
        isDown = true
      },
    })
    cluster.join()
    for (const { topic, payload } of controller.messages) {
      handler!.onMessage(topic, payload, 0, payload.length, peer)
    }
    expect(controllee.messages).toHaveLength(1)
    expect(published.map(comparable)).toEqual(controllee.messages.map(comparable))
    if (name === 'configuration_update') {
      expect(text.value).toBe('NEW VALUE')
      expect(number.value).toBe(99n)
      expect(names.value).toEqual(new Set(['a', 'b', 'c']))
      // 336 values of Zeek's own options, for which nobody has declared a changeable one here.
      expect(cluster.configuration.counters).toEqual({ accepted: 3, refused: 333, refusedCommands: 0 })
    }
    return time.advance(1000).then(() => expect(isDown).toBe(name === 'shutdown'))
  })
})

describe('as a controller: the recorded controllee gets what Zeek sends, and its answer is understood', () => {
  const requests: Readonly<Record<string, readonly [ControlRequest, Partial<ControlAnswer>]>> = {
    'id_value-set': [{ command: 'id_value', id: 'test_set' }, { id: 'test_set' }],
    'id_value-string': [
      { command: 'id_value', id: 'test_var' },
      { id: 'test_var', value: 'ORIGINAL VALUE (this should be printed out first)' },
    ],
    'id_value-table': [{ command: 'id_value', id: 'a_table' }, { value: '{\n\t[10.0.0.1] = x\n}' }],
    'id_value-unknown': [{ command: 'id_value', id: 'no_such_id' }, { value: '<unknown id>' }],
    net_stats: [{ command: 'net_stats' }, {}],
    peer_status: [{ command: 'peer_status' }, {}],
    shutdown: [{ command: 'shutdown' }, {}],
    configuration_update: [
      { command: 'configuration_update', values: updatesOf('configuration_update') },
      {},
    ],
  }

  test.each(NAMES)('%s', async (name) => {
    const [request, expected] = requests[name]!
    const recording = recordingOf(name)
    const peer = peerOf(recording.controllee)
    const { bus, published } = busOf(recording.controller.id, peer)
    const time = new VirtualTime()
    const controller = createController({
      request,
      name: undefined,
      topics,
      timers: time,
      timeoutMs: 1000,
      reporter: () => {},
    })
    controller.start(bus)
    controller.handler.onPeerAdded(peer)
    expect(published.map(comparable)).toEqual(recording.controller.messages.map(comparable))
    for (const { topic, payload } of recording.controllee.messages) {
      controller.handler.onMessage(topic, payload, 0, payload.length, peer)
    }
    expect(await controller.answer).toMatchObject({ command: request.command, ...expected })
  })

  test('nobody answers, nobody is there, or takes no commands: each says so', async () => {
    const { controllee } = recordingOf('net_stats')
    const ask = (peer?: Peer): Promise<unknown> => {
      const time = new VirtualTime()
      const controller = createController({
        request: { command: 'net_stats' },
        name: undefined,
        topics,
        timers: time,
        timeoutMs: 1000,
        reporter: () => {},
      })
      controller.start(busOf('x', peerOf(controllee)).bus)
      if (peer !== undefined) controller.handler.onPeerAdded(peer)
      const answer = controller.answer.catch((error: { code: string }) => error.code)
      return time.advance(1000).then(() => answer)
    }
    expect(await ask()).toBe('no-connection')
    expect(await ask(peerOf(controllee))).toBe('no-answer')
    expect(await ask({ ...peerOf(controllee), subscriptions: ['zeek/table/'] })).toBe('not-a-controllee')
  })
})
