/**
 * The side that gives a command (`policy/frameworks/control/controller` of Zeek): it peers with one node, says who it
 * is, asks, and waits for the answer. Works with nodes of this library and with Zeek processes that load
 * `frameworks/control/controllee`.
 */
import { ClusterError } from '../base/errors.js'
import type { Reporter } from '../base/report.js'
import type { Timers } from '../base/time.js'
import type { Bus, BusHandler, Peer } from '../bus/bus.js'
import { EventDispatch } from '../cluster/event-dispatch.js'
import { hello } from '../cluster/hello.js'
import type { Topics } from '../cluster/topics.js'
import { TAG, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import type { EventMessage } from '../data/event.js'
import {
  type Encodable,
  emptyOpenedMessage,
  MESSAGE_TYPE,
  openMessage,
  writeMessageStart,
} from '../data/messages.js'
import type { Value } from '../data/value.js'
import { CONTROL_TOPIC_PREFIX, type ControlCommand, REQUESTS, RESPONSES, requestTopic } from './messages.js'

export type ControlRequest =
  | { readonly command: 'id_value'; readonly id: string }
  | { readonly command: 'peer_status' | 'net_stats' | 'shutdown' }
  | {
      readonly command: 'configuration_update'
      /** New values of options by their full names. */
      readonly values: ReadonlyMap<string, Value>
    }

export type ControlAnswer =
  | { readonly command: 'id_value'; readonly id: string; readonly value: string }
  /** One line for each peer, or one line of figures. */
  | { readonly command: 'peer_status' | 'net_stats'; readonly text: string }
  | { readonly command: 'configuration_update' | 'shutdown' }

/**
 * `no-connection`: the node did not peer in time; `not-a-controllee`: it takes no commands; `no-answer`: it did not
 * answer in time, or refused.
 */
export type ControlErrorCode = 'no-connection' | 'not-a-controllee' | 'no-answer'

export class ControlError extends ClusterError<ControlErrorCode, { readonly command: ControlCommand }> {
  override readonly name = 'ControlError'
}

export interface ControllerSettings {
  readonly request: ControlRequest
  /** Name of a CONTROL node of the layout, to be let in as; undefined: a stranger. */
  readonly name: string | undefined
  readonly topics: Topics
  readonly timers: Timers
  readonly timeoutMs: number
  readonly reporter: Reporter
}

export interface Controller {
  /** For the bus that the node is reached by. */
  readonly handler: BusHandler
  /** Call it with the bus before anything connects. */
  start(bus: Bus): void
  /** Rejects with a `ControlError`. */
  readonly answer: Promise<ControlAnswer>
}

export function createController(settings: ControllerSettings): Controller {
  const { request, name, topics, timers, timeoutMs, reporter } = settings
  const { command } = request
  let bus: Bus | undefined
  let asked: Peer | undefined
  let resolve: (answer: ControlAnswer) => void = () => {}
  let reject: (error: ControlError) => void = () => {}
  const answer = new Promise<ControlAnswer>((done, failed) => {
    resolve = done
    reject = failed
  })
  const fail = (code: ControlErrorCode, message: string): void =>
    reject(new ControlError(code, message, { command }))
  const reader = new ByteReader()
  const opened = emptyOpenedMessage()
  const dispatch = new EventDispatch(
    (peer) => peer.id,
    reporter,
    (error) => {
      throw error
    },
  )
  listen(dispatch, request, (given) => resolve(given))

  function ask(peer: Peer, over: Bus): void {
    asked = peer
    if (name !== undefined) over.send(peer.id, topics.nodeid(peer.id), hello(name, over.id))
    const topic = requestTopic(peer.id)
    const takesCommands = peer.subscriptions.some((prefix) => topic.startsWith(prefix))
    if (!takesCommands) {
      return fail(
        'not-a-controllee',
        'the node takes no commands: a Zeek process must load frameworks/control/controllee',
      )
    }
    if (request.command === 'configuration_update') {
      for (const [id, value] of request.values) over.publish(topic, identifierUpdate(id, value))
    }
    over.publish(topic, requestEvent(request))
  }

  return {
    answer,
    start(over) {
      bus = over
      over.subscribe(CONTROL_TOPIC_PREFIX)
      const timer = timers.after(timeoutMs, () => {
        if (asked === undefined) fail('no-connection', `no peering within ${timeoutMs / 1000} s`)
        else
          fail(
            'no-answer',
            `no answer within ${timeoutMs / 1000} s: the log of the node tells when it refuses`,
          )
      })
      answer.then(
        () => timer.cancel(),
        () => timer.cancel(),
      )
    },
    handler: {
      onMessage(_topic, bytes, start, end, from) {
        try {
          reader.reset(bytes, start, end)
          openMessage(reader, opened)
          if (opened.type === MESSAGE_TYPE.event) dispatch.dispatch(reader, start, opened, from)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
          reporter({ severity: 'warning', code: 'invalid-message', message: error.message })
        }
      },
      onPeerAdded(peer) {
        if (bus !== undefined && asked === undefined) ask(peer, bus)
      },
      onPeerLost() {
        fail('no-answer', 'the connection ended before the answer came')
      },
      onSubscriptionsChanged() {},
      onDrain() {},
      onStatus() {},
      onReport: reporter,
    },
  }
}

function requestEvent(request: ControlRequest): EventMessage {
  return request.command === 'id_value' ? REQUESTS.id_value(request.id) : REQUESTS[request.command]()
}

/** Answers carry no number: what fits the question is taken. */
function listen(
  dispatch: EventDispatch,
  request: ControlRequest,
  onAnswer: (answer: ControlAnswer) => void,
): void {
  const { command } = request
  switch (command) {
    case 'id_value':
      dispatch.on(RESPONSES.id_value, (id, value) => {
        if (id === request.id) onAnswer({ command, id: request.id, value: String(value) })
      })
      return
    case 'peer_status':
    case 'net_stats':
      dispatch.on(RESPONSES[command], (text) => onAnswer({ command, text: String(text) }))
      return
    case 'configuration_update':
    case 'shutdown':
      dispatch.on(RESPONSES[command], () => onAnswer({ command }))
  }
}

function identifierUpdate(id: string, value: Value): Encodable {
  return {
    writeTo(writer: ByteWriter) {
      writeMessageStart(writer, MESSAGE_TYPE.identifierUpdate, 2)
      writer.u8(TAG.string)
      writer.str(id)
      writeValue(writer, value)
    },
  }
}
