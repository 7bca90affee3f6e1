/**
 * What a server says to one client, without socket or clock: an input and a state in, the next state and effects out
 * (spec/zeek-zeromq-websocket.md 5.2 to 5.6).
 */
import { writeValue } from '../data/binary.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError, EncodeError } from '../data/decode-error.js'
import type { Value } from '../data/value.js'
import { eventParts, readEventMessage } from './event-message.js'
import {
  CLOSE,
  MESSAGES_PATH,
  parseDataMessage,
  parseSubscriptions,
  printAcknowledgement,
  printDataMessage,
  printRefusal,
  REFUSAL,
  type Refusal,
} from './messages.js'

export interface SessionSettings {
  /** What the acknowledgement tells the client. */
  readonly endpoint: string
  readonly version: string
  readonly pingIntervalMs: number
  /** Refuses events that the host does not know; without it every well-formed event is taken. */
  readonly checkEvent?: ((name: string, args: readonly Value[]) => boolean) | undefined
}

interface Heartbeat {
  readonly pings: number
  /** The last ping has no answer yet. */
  readonly pongDue: boolean
}

export type SessionState =
  | { readonly kind: 'awaiting-subscriptions'; readonly heartbeat: Heartbeat }
  | { readonly kind: 'open'; readonly heartbeat: Heartbeat }
  /** After a malformed first message: as with Zeek there is no second try, and nothing is heard any more. */
  | { readonly kind: 'useless'; readonly heartbeat: Heartbeat }
  | { readonly kind: 'closed' }

export type SessionInput =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** The bus delivers `bytes[start, end)`, one encoded value. */
  | {
      readonly kind: 'delivery'
      readonly topic: string
      readonly bytes: Uint8Array
      readonly start: number
      readonly end: number
    }
  | { readonly kind: 'pong' }
  | { readonly kind: 'ping-due' }
  | { readonly kind: 'server-closes' }
  | { readonly kind: 'connection-closed' }

export type SessionEffect =
  | { readonly kind: 'send-data'; readonly text: string }
  | { readonly kind: 'send-refusal'; readonly text: string }
  | { readonly kind: 'send-acknowledgement'; readonly text: string }
  | { readonly kind: 'send-ping'; readonly payload: string }
  /** Prefixes are sorted and unique. The acknowledgement follows: subscriptions are active before it. */
  | { readonly kind: 'subscribe'; readonly prefixes: readonly string[] }
  | { readonly kind: 'publish'; readonly topic: string; readonly message: Uint8Array }
  /** A message of the client that nobody hears. */
  | { readonly kind: 'ignore' }
  /** A delivery that is no message of Zeek. */
  | { readonly kind: 'unreadable-delivery' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

export interface SessionStep {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

/** More prefixes than any client needs: each one is looked at for every topic. */
const SUBSCRIPTIONS_MAX = 1000

/** What the envelope of Broker has room for (spec/broker-protocol.md 2.2). */
const TOPIC_LIMIT_BYTES = 0xffff

const APPLICATION_NAME = /^[A-Za-z0-9/_\-.=:*@]*$/

/** The client is connected: `path` is what it asked for, query included. */
export function openSession(
  path: string,
  applicationName: string | undefined,
  settings: SessionSettings,
): SessionStep {
  const first = ping({ pings: 0, pongDue: false }, settings)
  if (path !== MESSAGES_PATH) return turnedAway(first.effect, REFUSAL.path)
  if (!APPLICATION_NAME.test(applicationName ?? '')) return turnedAway(first.effect, REFUSAL.applicationName)
  return {
    state: { kind: 'awaiting-subscriptions', heartbeat: first.heartbeat },
    effects: [first.effect],
  }
}

export function sessionStep(
  state: SessionState,
  input: SessionInput,
  settings: SessionSettings,
): SessionStep {
  if (state.kind === 'closed') return { state, effects: [] }
  switch (input.kind) {
    case 'message':
      return messageStep(state, input.bytes, settings)
    case 'delivery':
      return {
        state,
        effects: state.kind === 'open' ? delivered(input.topic, input.bytes, input.start, input.end) : [],
      }
    case 'pong':
      return { state: { ...state, heartbeat: { ...state.heartbeat, pongDue: false } }, effects: [] }
    case 'ping-due': {
      if (state.heartbeat.pongDue) return closing(CLOSE.internalError, 'Ping timeout')
      const next = ping(state.heartbeat, settings)
      return { state: { ...state, heartbeat: next.heartbeat }, effects: [next.effect] }
    }
    case 'server-closes':
      return closing(CLOSE.goingAway, 'Terminating')
    case 'connection-closed':
      return { state: { kind: 'closed' }, effects: [] }
  }
}

type LiveState = Exclude<SessionState, { kind: 'closed' }>

function messageStep(state: LiveState, bytes: Uint8Array, settings: SessionSettings): SessionStep {
  switch (state.kind) {
    case 'awaiting-subscriptions': {
      const first = parseSubscriptions(bytes, SUBSCRIPTIONS_MAX)
      if (first.kind === 'refused') {
        return { state: { ...state, kind: 'useless' }, effects: [refusal(first.refusal)] }
      }
      return {
        state: { ...state, kind: 'open' },
        effects: [
          { kind: 'subscribe', prefixes: [...new Set(first.prefixes)].sort() },
          {
            kind: 'send-acknowledgement',
            text: printAcknowledgement(settings.endpoint, settings.version),
          },
        ],
      }
    }
    case 'open':
      return { state, effects: [published(bytes, settings)] }
    case 'useless':
      return { state, effects: [{ kind: 'ignore' }] }
  }
}

function published(bytes: Uint8Array, settings: SessionSettings): SessionEffect {
  const message = parseDataMessage(bytes)
  if (message.kind === 'refused') return refusal(message.refusal)
  if (Buffer.byteLength(message.topic) > TOPIC_LIMIT_BYTES) return refusal(REFUSAL.topic)
  const event = eventParts(message.value)
  if (event === undefined || settings.checkEvent?.(event.name, event.args) === false) {
    return refusal(REFUSAL.event)
  }
  const writer = new ByteWriter()
  try {
    writeValue(writer, message.value)
  } catch (error) {
    if (error instanceof EncodeError) return refusal(REFUSAL.json)
    throw error
  }
  return { kind: 'publish', topic: message.topic, message: writer.toBytes() }
}

function delivered(topic: string, bytes: Uint8Array, start: number, end: number): readonly SessionEffect[] {
  try {
    const event = readEventMessage(bytes, start, end)
    return event === undefined ? [] : [{ kind: 'send-data', text: printDataMessage(topic, event) }]
  } catch (error) {
    if (error instanceof DecodeError) return [{ kind: 'unreadable-delivery' }]
    throw error
  }
}

function ping(
  heartbeat: Heartbeat,
  settings: SessionSettings,
): { readonly heartbeat: Heartbeat; readonly effect: SessionEffect } {
  const payload = `heartbeat::${settings.pingIntervalMs / 1000}s::${heartbeat.pings}`
  return {
    heartbeat: { pings: heartbeat.pings + 1, pongDue: true },
    effect: { kind: 'send-ping', payload },
  }
}

function turnedAway(firstPing: SessionEffect, why: Refusal): SessionStep {
  return {
    state: { kind: 'closed' },
    effects: [firstPing, refusal(why), { kind: 'close', code: CLOSE.policyViolation, reason: why.context }],
  }
}

function closing(code: number, reason: string): SessionStep {
  return { state: { kind: 'closed' }, effects: [{ kind: 'close', code, reason }] }
}

function refusal(why: Refusal): SessionEffect {
  return { kind: 'send-refusal', text: printRefusal(why) }
}
