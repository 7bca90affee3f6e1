/**
 * The messages of Zeek's WebSocket API (spec/zeek-zeromq-websocket.md 5.3 to 5.5): the client's subscriptions, the
 * server's acknowledgement and errors, and data messages both ways.
 */
import { DecodeError } from '../data/decode-error.js'
import { valueFromParsedJson, valueToJson } from '../data/json.js'
import { type Json, JsonObject, parseJson } from '../data/json-document.js'
import type { Value } from '../data/value.js'

/** The one path that the server serves; a query makes it another one. */
export const MESSAGES_PATH = '/v1/messages/json'

/** Header by which a client names its program. */
export const APPLICATION_NAME_HEADER = 'x-application-name'

/** Status codes of the close frames that both sides send (spec/zeek-zeromq-websocket.md 5.6). */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  abnormal: 1006,
  invalidText: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const

/** Why the server refuses something, in Zeek's words. */
export interface Refusal {
  readonly code: 'invalid_uri' | 'invalid_application_name' | 'deserialization_failed'
  readonly context: string
}

export const REFUSAL = {
  path: { code: 'invalid_uri', context: `Invalid URI - use ${MESSAGES_PATH}` },
  applicationName: { code: 'invalid_application_name', context: 'Invalid X-Application-Name' },
  subscriptions: { code: 'deserialization_failed', context: 'subscriptions not an array' },
  subscription: { code: 'deserialization_failed', context: 'individual subscription not a string' },
  /** Ours: Zeek takes any number. */
  tooManySubscriptions: { code: 'deserialization_failed', context: 'too many subscriptions' },
  json: { code: 'deserialization_failed', context: 'failed to decode JSON object' },
  topic: { code: 'deserialization_failed', context: 'no topic in top-level JSON object' },
  event: { code: 'deserialization_failed', context: 'failed to create Zeek event' },
} as const satisfies Readonly<Record<string, Refusal>>

export interface DataMessage {
  readonly kind: 'data'
  readonly topic: string
  readonly value: Value
}

export interface Acknowledgement {
  readonly kind: 'ack'
  /** `<id of the node>-websocket-<n>`, unique per connection. */
  readonly endpoint: string
  /** Of the program that serves, for example `9.0.0`. */
  readonly version: string
}

/** What a server says. */
export type ServerMessage =
  | Acknowledgement
  | { readonly kind: 'error'; readonly code: string; readonly context: string }
  | DataMessage

export interface Refused {
  readonly kind: 'refused'
  readonly refusal: Refusal
}

/** Reads the first message of a client; more than `limit` topics are refused. */
export function parseSubscriptions(
  bytes: Uint8Array,
  limit: number,
): { readonly kind: 'subscriptions'; readonly prefixes: readonly string[] } | Refused {
  const json = parsed(bytes)
  if (!Array.isArray(json)) return refused(REFUSAL.subscriptions)
  if (json.length > limit) return refused(REFUSAL.tooManySubscriptions)
  const prefixes: string[] = []
  for (const prefix of json as readonly Json[]) {
    if (typeof prefix !== 'string') return refused(REFUSAL.subscription)
    prefixes.push(prefix)
  }
  return { kind: 'subscriptions', prefixes }
}

/** Reads a data message of a client. Its member `type` does not matter. */
export function parseDataMessage(bytes: Uint8Array): DataMessage | Refused {
  const json = parsed(bytes)
  if (!(json instanceof JsonObject)) return refused(REFUSAL.json)
  const topic: Json | undefined = json.get('topic')
  if (typeof topic !== 'string') return refused(REFUSAL.topic)
  try {
    return { kind: 'data', topic, value: valueFromParsedJson(json) }
  } catch (error) {
    if (error instanceof DecodeError) return refused(REFUSAL.json)
    throw error
  }
}

/** Reads a message of a server. Throws `DecodeError`. */
export function parseServerMessage(bytes: Uint8Array): ServerMessage {
  const json = parseJson(bytes, { tolerant: true })
  if (!(json instanceof JsonObject)) throw new DecodeError('invalid-message', 'a message is a JSON object', 0)
  switch (json.get('type')) {
    case 'ack':
      return { kind: 'ack', endpoint: textMember(json, 'endpoint'), version: textMember(json, 'version') }
    case 'error':
      return { kind: 'error', code: textMember(json, 'code'), context: textMember(json, 'context') }
    default:
      return { kind: 'data', topic: textMember(json, 'topic'), value: valueFromParsedJson(json) }
  }
}

export function printSubscriptions(prefixes: readonly string[]): string {
  return JSON.stringify(prefixes)
}

export function printAcknowledgement(endpoint: string, version: string): string {
  return JSON.stringify({ type: 'ack', endpoint, version })
}

export function printRefusal(refusal: Refusal): string {
  return JSON.stringify({ type: 'error', ...refusal })
}

export function printDataMessage(topic: string, value: Value): string {
  return `{"type":"data-message","topic":${JSON.stringify(topic)},${valueToJson(value).slice(1)}`
}

/** Undefined for what is no JSON, which no document is. */
function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return parseJson(bytes, { tolerant: true })
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function refused(refusal: Refusal): Refused {
  return { kind: 'refused', refusal }
}

function textMember(json: JsonObject, name: string): string {
  const member = json.get(name)
  if (typeof member !== 'string') throw new DecodeError('invalid-message', `no text in member ${name}`, 0)
  return member
}
