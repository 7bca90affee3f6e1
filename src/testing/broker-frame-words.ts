/**
 * Frames of a Broker peering as words, for transcripts and for the messages of failed ones:
 *
 *     probe                                   hello ID [min=1] [max=1]
 *     version-select ID [version=1]           drop-conn ID CODE ["description"]
 *     originator-syn ["/a","/b"]              responder-syn-ack ["/a"]           originator-ack
 *     data "/topic" PAYLOAD                   command "/topic" PAYLOAD           routing-update ["/a"]
 *     ping PAYLOAD                            pong PAYLOAD                       goodbye | goodbye-answer
 *     hex 00000005075a45454b
 *
 * A payload is hex or a text in quotes: in `data` the text is a Broker string, elsewhere its plain bytes. Envelopes
 * take `from=ID`, `to=ID`, `ttl=N`, `topic="…"` and, behind a text, `repeat=N`. Ids are `self` (the implementation
 * under test), `peer` (whom the script plays on this connection), `nil`, `low…` and `high…` (smaller and larger
 * than any id an implementation has) and UUIDs.
 */
import { ClusterError } from '../base/errors.js'
import { type EndpointId, endpointIdFromBytes, NIL_ID } from '../broker/endpoint-id.js'
import { beginEnvelope, CONTROL_TOPIC, ENVELOPE, endEnvelope } from '../broker/envelope.js'
import { writeFilter } from '../broker/filter.js'
import { encodeHandshakeMessage, type HandshakeMessage } from '../broker/handshake-messages.js'
import { ByteWriter } from '../data/byte-writer.js'

/** How an id is named in a transcript. */
export type IdWord = string

/** A frame as a transcript names it: ids are words until the script runs. */
export type FrameWords =
  | { readonly kind: 'probe' | 'originator-ack' }
  | { readonly kind: 'hello'; readonly id: IdWord; readonly min: number; readonly max: number }
  | { readonly kind: 'version-select'; readonly id: IdWord; readonly version: number }
  /** Without a description any will do. */
  | {
      readonly kind: 'drop-conn'
      readonly id: IdWord
      readonly code: number
      readonly description: string | undefined
    }
  | { readonly kind: 'originator-syn' | 'responder-syn-ack'; readonly filter: readonly string[] }
  | {
      readonly kind: 'envelope'
      readonly type: number
      readonly topic: string
      readonly payload: Uint8Array
      readonly from: IdWord | undefined
      readonly to: IdWord | undefined
      readonly ttl: number
    }
  /** The last ping of a peering, whose counter only its sender knows. */
  | { readonly kind: 'goodbye' }
  /** The answer to the one received last. */
  | { readonly kind: 'goodbye-answer' }
  | { readonly kind: 'hex'; readonly bytes: Uint8Array }

/** What the words of a frame leave open. */
export interface FrameContext {
  /** Throws `ClusterError` for an id that is not known yet. */
  id(word: IdWord): EndpointId
  /** Sender and receiver of an envelope that names none. */
  readonly from: IdWord
  readonly to: IdWord
  /** Payload of the goodbye. */
  readonly goodbye: Uint8Array
}

/** Where the ttl stands in a frame. */
const TTL_OFFSET = 37

const ENVELOPE_TYPES: ReadonlyMap<string, number> = new Map([
  ['data', ENVELOPE.data],
  ['command', ENVELOPE.command],
  ['routing-update', ENVELOPE.routingUpdate],
  ['ping', ENVELOPE.ping],
  ['pong', ENVELOPE.pong],
])

/** Reads the words of one frame. Throws `ClusterError` with code `invalid-transcript`. */
export function parseFrame(text: string): FrameWords {
  const words = splitWords(text)
  const kind = words[0] ?? ''
  const rest = words.slice(1).filter((word) => !/^[a-z]+=/.test(word))
  const option = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
  const number = (name: string, otherwise: number): number => Number(option(name) ?? otherwise)
  const type = ENVELOPE_TYPES.get(kind)
  if (type !== undefined) return parseEnvelope(type, rest, option)
  switch (kind) {
    case 'probe':
    case 'originator-ack':
    case 'goodbye':
    case 'goodbye-answer':
      return { kind }
    case 'hello':
      return { kind, id: wordAt(rest, 0), min: number('min', 1), max: number('max', 1) }
    case 'version-select':
      return { kind, id: wordAt(rest, 0), version: number('version', 1) }
    case 'drop-conn': {
      const description = rest[2] === undefined ? undefined : textOf(rest[2])
      return { kind, id: wordAt(rest, 0), code: Number(wordAt(rest, 1)), description }
    }
    case 'originator-syn':
    case 'responder-syn-ack':
      return { kind, filter: listOf(wordAt(rest, 0)) }
    case 'hex':
      return { kind, bytes: bytesOf(rest.join('')) }
    default:
      throw invalid(`unknown frame '${kind}'`)
  }
}

function parseEnvelope(
  type: number,
  words: readonly string[],
  option: (name: string) => string | undefined,
): FrameWords {
  const isRouted = type === ENVELOPE.data || type === ENVELOPE.command
  const topic = option('topic')
  const repeat = Number(option('repeat') ?? 1)
  return {
    kind: 'envelope',
    type,
    topic: isRouted ? textOf(wordAt(words, 0)) : topic === undefined ? CONTROL_TOPIC : textOf(topic),
    payload:
      type === ENVELOPE.routingUpdate
        ? filterBytes(listOf(wordAt(words, 0)))
        : payloadOf(wordAt(words, isRouted ? 1 : 0), type === ENVELOPE.data, repeat),
    from: option('from'),
    to: option('to'),
    ttl: Number(option('ttl') ?? 16),
  }
}

/** The payload that a word stands for; `isValue`: a text is a Broker string. */
export function payloadOf(word: string, isValue: boolean, repeat = 1): Uint8Array {
  if (!word.startsWith('"')) return bytesOf(word)
  const text = textOf(word).repeat(repeat)
  if (!isValue) return Uint8Array.from(Buffer.from(text))
  const writer = new ByteWriter()
  writer.u8(STRING_TAG)
  writer.str(text)
  return writer.toBytes()
}

/** Tag of a string among Broker's values (spec/broker-protocol.md 1.1). */
export const STRING_TAG = 5

function filterBytes(filter: readonly string[]): Uint8Array {
  const writer = new ByteWriter()
  writeFilter(writer, filter)
  return writer.toBytes()
}

/** The bytes of a frame, its length in front. */
export function encodeFrame(words: FrameWords, context: FrameContext): Uint8Array {
  if (words.kind === 'hex') return words.bytes
  if (words.kind === 'envelope') return encodeEnvelope(words, context)
  if (words.kind === 'goodbye' || words.kind === 'goodbye-answer') {
    const type = words.kind === 'goodbye' ? ENVELOPE.ping : ENVELOPE.pong
    const payload = context.goodbye
    return encodeEnvelope(
      { type, topic: CONTROL_TOPIC, payload, from: undefined, to: undefined, ttl: 16 },
      context,
    )
  }
  return encodeHandshakeMessage(handshakeMessage(words, context))
}

function handshakeMessage(
  words: Exclude<FrameWords, { kind: 'hex' | 'envelope' | 'goodbye' | 'goodbye-answer' }>,
  context: FrameContext,
): HandshakeMessage {
  switch (words.kind) {
    case 'hello':
      return { kind: 'hello', sender: context.id(words.id), minVersion: words.min, maxVersion: words.max }
    case 'version-select':
      return { kind: 'version-select', sender: context.id(words.id), version: words.version }
    case 'drop-conn': {
      const { code, description = '' } = words
      return { kind: 'drop-conn', sender: context.id(words.id), code, description }
    }
    default:
      return words
  }
}

function encodeEnvelope(
  words: Omit<Extract<FrameWords, { kind: 'envelope' }>, 'kind'>,
  context: FrameContext,
): Uint8Array {
  const writer = new ByteWriter()
  const isBroadcast = words.type === ENVELOPE.data || words.type === ENVELOPE.command
  const from = context.id(words.from ?? context.from)
  const to = context.id(words.to ?? (isBroadcast ? 'nil' : context.to))
  const start = beginEnvelope(writer, words.type, from, to, words.topic)
  writer.bytes[start + TTL_OFFSET] = words.ttl >>> 8
  writer.bytes[start + TTL_OFFSET + 1] = words.ttl
  writer.raw(words.payload)
  endEnvelope(writer, start)
  return writer.toBytes()
}

/** The id that a word names by itself; undefined for `self` and `peer`, which the script knows. */
export function idOfWord(word: IdWord): EndpointId | undefined {
  if (word === 'nil') return NIL_ID
  const order = /^(low|high)(\d*)$/.exec(word)
  if (order !== null) return extremeId(order[1] === 'low', Number(order[2] === '' ? 1 : order[2]))
  const hex = word.replaceAll('-', '')
  return /^[\da-f]{32}$/.test(hex) ? endpointIdFromBytes(bytesOf(hex)) : undefined
}

/** Looks like a UUID of version 4, without which Zeek counts no peer. */
function extremeId(isLow: boolean, number: number): EndpointId {
  const bytes = new Uint8Array(16).fill(isLow ? 0 : 0xff)
  bytes[6] = isLow ? 0x40 : 0x4f
  bytes[8] = isLow ? 0x80 : 0xbf
  bytes[15] = number
  return endpointIdFromBytes(bytes)
}

/** Words of a line; texts in quotes and lists in brackets are one word. */
export function splitWords(line: string): string[] {
  return line.match(/(?:[a-z]+=)?(?:"(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\])|\S+/g) ?? []
}

function wordAt(words: readonly string[], index: number): string {
  const word = words[index]
  if (word === undefined) throw invalid('the line ends too early')
  return word
}

/** The text of a word in quotes. */
export function textOf(word: string): string {
  const value = parsed(word)
  if (typeof value === 'string') return value
  throw invalid(`not a text in quotes: ${word}`)
}

/** The texts of a list in brackets. */
export function listOf(word: string): string[] {
  const value = parsed(word)
  if (Array.isArray(value) && value.every((element) => typeof element === 'string')) return value
  throw invalid(`not a list of texts: ${word}`)
}

function parsed(word: string): unknown {
  try {
    return JSON.parse(word)
  } catch (error) {
    throw invalid(`not a text or a list of texts: ${word}`, error)
  }
}

function bytesOf(hex: string): Uint8Array {
  if (!/^(?:[\da-f]{2})*$/i.test(hex)) throw invalid(`not an even number of hex digits: ${hex}`)
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

/** A transcript that cannot be used; `data.line` is 0 where it is not known yet. */
export function invalid(
  message: string,
  cause?: unknown,
): ClusterError<'invalid-transcript', { readonly line: number }> {
  return new ClusterError('invalid-transcript', message, { line: 0 }, cause)
}
