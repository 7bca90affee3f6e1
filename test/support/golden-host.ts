/** A node that acts as the scripts of the recorded Zeek did: the same events, the same answers. */
import type { Report } from '../../src/base/report.js'
import { systemTimers, type Timers } from '../../src/base/time.js'
import { Endpoint } from '../../src/broker/endpoint.js'
import type { PublishOutcome } from '../../src/bus/bus.js'
import { writeValue } from '../../src/data/binary.js'
import { valueFromJson } from '../../src/data/json.js'
import type { Encodable } from '../../src/data/messages.js'
import type { Value } from '../../src/data/value.js'
import { MemoryNetwork } from '../../src/testing/memory-network.js'
import { VirtualTime } from '../../src/testing/virtual-time.js'
import { eventParts, readEventMessage } from '../../src/websocket/event-message.js'
import {
  startWebSocketServer,
  type WebSocketServer,
  type WebSocketServerOptions,
} from '../../src/websocket/server.js'
import { idOf } from './broker-peers.js'

/** Parameters of the events that the recorded Zeek declared. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  'Golden::two': ['string', 'count'],
  'Golden::none': [],
  'Golden::chat': ['string', 'string'],
  'Golden::t_bool': ['boolean'],
  'Golden::t_int': ['integer'],
  'Golden::t_count': ['count'],
  'Golden::t_double': ['real'],
  'Golden::t_string': ['string'],
  'Golden::t_addr': ['address'],
  'Golden::t_subnet': ['subnet'],
  'Golden::t_port': ['port'],
  'Golden::t_time': ['timestamp'],
  'Golden::t_interval': ['timespan'],
  'Golden::t_enum': ['enum-value'],
  'Golden::t_sc': ['set'],
  'Golden::t_sap': ['set'],
  'Golden::t_tsc': ['table'],
  'Golden::t_tas': ['table'],
  'Golden::t_vs': ['vector'],
  'Golden::t_rec': ['vector'],
  'Golden::t_pat': ['vector'],
  'Golden::t_any': ['any'],
}

/** What Zeek finds out when it turns Broker data into its own values. */
export function zeekKnows(name: string, args: readonly Value[]): boolean {
  if (name.startsWith('Control::')) return true
  const signature = SIGNATURES[name]
  if (signature?.length !== args.length) return false
  return args.every((arg, index) => {
    if (name === 'Golden::t_rec') return arg.type === 'vector' && arg.value.length >= 3
    if (arg.type === 'enum-value') return arg.value === 'Golden::ALPHA' || arg.value === 'Golden::BETA'
    return signature[index] === 'any' || signature[index] === arg.type
  })
}

export interface Delivered {
  readonly topic: string
  readonly message: Value
}

const text = (value: string): Value => ({ type: 'string', value })
const count = (value: bigint): Value => ({ type: 'count', value })
const vector = (...value: Value[]): Value => ({ type: 'vector', value })

export function eventValue(name: string, ...args: Value[]): Value {
  return vector(count(1n), count(1n), vector(text(name), vector(...args)))
}

export function encodable(value: Value): Encodable {
  return { writeTo: (writer) => writeValue(writer, value) }
}

export class GoldenHost {
  readonly bus: Endpoint
  /** Events that reached the scripts of the node, in order. */
  readonly received: Delivered[] = []
  readonly reports: Report[] = []
  readonly added: string[] = []
  readonly lost: string[] = []
  /** Recorded answers to requests of the control framework, in order. */
  readonly controlAnswers: { readonly topic: string; readonly message: Value }[] = []
  readonly #answersTwice: boolean
  #onChange: (() => void)[] = []

  constructor(answersTwice = false, timers: Timers = systemTimers) {
    this.#answersTwice = answersTwice
    this.bus = new Endpoint({
      id: idOf(1),
      network: new MemoryNetwork(new VirtualTime()),
      timers,
      security: 'plain',
      handler: {
        onMessage: (topic, bytes, start, end) => {
          const message = readEventMessage(bytes, start, end)
          if (message === undefined) return
          this.received.push({ topic, message })
          this.#answer(message)
          this.changed()
        },
        onPeerAdded: () => {},
        onPeerLost: () => {},
        onSubscriptionsChanged: () => {},
        onDrain: () => {},
        onStatus: () => {},
        onReport: (report) => this.reports.push(report),
      },
    })
    this.bus.subscribe('golden/in')
    this.bus.subscribe('zeek.cluster.node.')
  }

  async serve(options: Partial<WebSocketServerOptions> = {}): Promise<WebSocketServer> {
    return startWebSocketServer({
      address: { host: '127.0.0.1', port: 0 },
      bus: this.bus,
      version: '9.0.0-rc1',
      nodeId: 'node',
      timers: systemTimers,
      reporter: (report) => this.reports.push(report),
      onClientAdded: (client, subscriptions) => {
        this.added.push(`${client.id} ${client.applicationName ?? '-'} [${subscriptions.join(' ')}]`)
        this.changed()
      },
      onClientLost: (client, code, reason) => {
        this.lost.push(`${client.id} ${code} ${reason}`)
        this.changed()
      },
      ...options,
    })
  }

  publish(topic: string, message: Value): PublishOutcome {
    return this.bus.publish(topic, encodable(message))
  }

  changed(): void {
    const waiting = this.#onChange
    this.#onChange = []
    for (const wake of waiting) wake()
  }

  /** Resolves when the condition holds; looked at after everything that happens here. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#onChange.push(resolve)
      })
    }
  }

  #answer(message: Value): void {
    const event = eventParts(message)
    if (event === undefined) return
    const [first, second] = event.args
    if (event.name.startsWith('Control::')) {
      const answer = this.controlAnswers.shift()
      if (answer !== undefined) this.publish(answer.topic, answer.message)
    } else if (event.name === 'Golden::two' && first?.type === 'string' && second?.type === 'count') {
      const answers = this.#answersTwice
        ? ['via Cluster::publish', 'via Broker::publish']
        : [`got ${String(first.value)}`]
      for (const [index, answer] of answers.entries()) {
        const number = count(second.value + BigInt(index + 1))
        this.publish('golden/echo', eventValue('Golden::answer', text(answer), number))
      }
    } else {
      const args = event.name === 'Golden::t_rec' ? event.args.map(asRecord) : event.args
      this.publish('golden/echo', eventValue(event.name, ...args))
    }
  }
}

/** `Golden::Rec` of the recorded Zeek: three fields, the last one has a default; what is behind is ignored. */
function asRecord(value: Value): Value {
  if (value.type !== 'vector') return value
  const [id, note, tags] = value.value
  const filled: Value = tags?.type === 'none' ? { type: 'set', value: [text('dflt')] } : tags!
  return vector(id!, note!, filled)
}

/** Topic and value of a recorded data message. */
export function recordedMessage(json: string): Delivered {
  const { topic } = JSON.parse(json) as { readonly topic: string }
  return { topic, message: valueFromJson(Buffer.from(json), { tolerant: true }) }
}
