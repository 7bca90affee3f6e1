/** JSON: documents, values in it, the WebSocket API. */
import { isUtf8 } from 'node:buffer'
import { DecodeError } from '../../src/data/decode-error.js'
import { valueFromJson, valueToExactJson, valueToJson } from '../../src/data/json.js'
import { parseJson } from '../../src/data/json-document.js'
import { valueAsZeekPrints } from '../../src/data/zeek-json.js'
import { MESSAGES_PATH, parseServerMessage, printDataMessage } from '../../src/websocket/messages.js'
import {
  openSession,
  type SessionEffect,
  type SessionSettings,
  type SessionState,
  sessionStep,
} from '../../src/websocket/server-session.js'
import { recordedValues, webSocketTexts } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target } from '../target.ts'
import { encodeValue } from './values.ts'

const TOLERANT = { tolerant: true }

/** What the runtime's reader takes and the strict one does not. */
function isOurLimit(error: DecodeError): boolean {
  return error.code === 'too-deep' || error.message.includes('surrogate')
}

function isJson(input: Uint8Array): boolean {
  return attempt(() => JSON.parse(Buffer.from(input).toString()) as unknown, SyntaxError).error === undefined
}

const documents: Target = {
  name: 'json',
  what: 'the strict reader takes what JSON.parse does, the tolerant one at least as much',
  sources: ['src/data/json-document.ts'],
  seeds: () => recordedValues('websocket_hex'),
  run(input) {
    const strict = attempt(() => parseJson(input), DecodeError)
    const tolerant = attempt(() => parseJson(input, TOLERANT), DecodeError)
    if (strict.error === undefined) {
      ensure(tolerant.error === undefined, `strict, but not tolerant: ${tolerant.error?.message}`)
      ensure(isUtf8(input) && isJson(input), 'taken, but no JSON')
    } else if (isUtf8(input) && isJson(input)) {
      ensure(isOurLimit(strict.error), `JSON, but refused: ${strict.error.message}`)
    }
  },
}

const values: Target = {
  name: 'json-values',
  what: 'values come back as they were from both forms, and Zeek’s text can be printed',
  sources: ['src/data/json.ts', 'src/data/scalar-text.ts', 'src/data/zeek-json.ts', 'src/data/address.ts'],
  batchRuns: 256,
  seeds: () => recordedValues('websocket_hex'),
  run(input) {
    const read = attempt(() => valueFromJson(input, TOLERANT), DecodeError)
    if (read.error !== undefined) return
    const bytes = encodeValue(read.value)
    const exact = valueToExactJson(read.value)
    ensureSameBytes(encodeValue(valueFromJson(exact)), bytes, `another value in ${exact}`)
    const readable = valueToJson(read.value)
    ensureSameBytes(encodeValue(valueFromJson(readable)), bytes, `another value in ${readable}`)
    valueAsZeekPrints(read.value)
  },
}

const SETTINGS: SessionSettings = { endpoint: 'node-websocket-1', version: '9.0.0', pingIntervalMs: 5000 }
const NEWLINE = '\n'

/** Messages are lines; strings in JSON have none. */
function linesOf(input: Uint8Array): Uint8Array[] {
  const text = Buffer.from(input).toString('latin1')
  return text.split(NEWLINE).map((line) => new Uint8Array(Buffer.from(line, 'latin1')))
}

/** What a session publishes can be delivered, and a client understands it. */
function checkEffect(state: SessionState, effect: SessionEffect): void {
  if (effect.kind !== 'publish') return
  const { topic, message } = effect
  const delivery = { kind: 'delivery', topic, bytes: message, start: 0, end: message.length } as const
  const [told] = sessionStep(state, delivery, SETTINGS).effects
  ensure(told?.kind === 'send-data', `published, but not delivered: ${told?.kind}`)
  if (told?.kind !== 'send-data') return
  const received = parseServerMessage(Buffer.from(told.text))
  ensure(received.kind === 'data' && received.topic === topic, 'delivered as another message')
  if (received.kind === 'data')
    ensureSameBytes(encodeValue(received.value), message, 'delivered with another value')
}

const sessions: Target = {
  name: 'websocket-sessions',
  what: 'lines as the messages of a client and of a server; what is published can be delivered',
  sources: ['src/websocket/server-session.ts', 'src/websocket/messages.ts', 'src/websocket/event-message.ts'],
  batchRuns: 256,
  seeds: () =>
    [...webSocketTexts('c2s'), ...webSocketTexts('s2c')].map((text) =>
      Uint8Array.from(Buffer.from(`["/topic"]\n${text}`)),
    ),
  run(input) {
    let { state } = openSession(MESSAGES_PATH, undefined, SETTINGS)
    for (const bytes of linesOf(input)) {
      const step = sessionStep(state, { kind: 'message', bytes }, SETTINGS)
      for (const effect of step.effects) checkEffect(step.state, effect)
      state = step.state
      const message = attempt(() => parseServerMessage(bytes), DecodeError).value
      if (message?.kind === 'data') printDataMessage(message.topic, message.value)
      sessionStep(
        { ...state, kind: 'open' } as SessionState,
        { kind: 'delivery', topic: '/t', bytes, start: 0, end: bytes.length },
        SETTINGS,
      )
    }
  },
}

export const JSON_TARGETS: readonly Target[] = [documents, values, sessions]
