/**
 * Recordings of two real programs as transcripts: the script plays one of them, byte for byte, and the subject is
 * told to do what the other one did (subscribe, publish, unpeer), as its frames tell. Kind, order and content of the
 * subject's frames are compared with the recording; times are not.
 */

import { type EndpointId, endpointIdFromBytes, NIL_ID } from '../broker/endpoint-id.js'
import { ENVELOPE, ENVELOPE_HEADER_BYTES } from '../broker/envelope.js'
import { LOCAL_TOPIC_PREFIX, readFilter } from '../broker/filter.js'
import { FrameDecoder } from '../broker/frame.js'
import { decodeHandshakeMessage } from '../broker/handshake-messages.js'
import { ByteReader } from '../data/byte-reader.js'
import { type FrameWords, parseFrame } from './broker-frame-words.js'
import type { ExpectedEvent, SubjectAction, Transcript, TranscriptStep } from './broker-transcript.js'

/** What a recorder between the two programs saw: bytes as `recv` returned them, and how connections began and ended. */
export interface RecordedChunk {
  readonly conn: number
  /** From the connecting program to the listening one, or back. */
  readonly dir: 'c2l' | 'l2c'
  readonly hex: string
  /** `open`, `eof`, `reset` and others, with an empty `hex`. */
  readonly event?: string
}

/** One program of a recording as the subject: what to run, and which id it must have. */
export interface Replay {
  readonly transcript: Transcript
  readonly subjectId: EndpointId
}

const REPLAY_RETRY_MS = 1000
/** The peers of some recordings send what announces gigabytes. */
const ANY_LENGTH = 2 ** 32
const LENGTH_BYTES = 4

/**
 * The replays of a recording in which the subject is the connecting or the listening program: one for each program
 * that had this place (one that was restarted has another id). Connections of `skipped` are left out.
 */
export function replaysOf(
  name: string,
  chunks: readonly RecordedChunk[],
  subject: 'connector' | 'listener',
  skipped: ReadonlySet<number> = new Set(),
): readonly Replay[] {
  const ownDirection = subject === 'connector' ? 'c2l' : 'l2c'
  const ids = subjectIds(chunks, ownDirection)
  const replays: Replay[] = []
  for (const idText of new Set([...ids.values()].map((id) => id.text))) {
    const subjectId = [...ids.values()].find((id) => id.text === idText)
    if (subjectId === undefined) continue
    const builder = new ReplayBuilder(subject, subjectId)
    for (const [index, chunk] of chunks.entries()) {
      const isOfSubject =
        (ids.get(chunk.conn) ?? subjectId) === subjectId || ids.get(chunk.conn)?.text === idText
      if (isOfSubject && !skipped.has(chunk.conn)) builder.add(chunk, index + 1, chunk.dir === ownDirection)
    }
    replays.push({ subjectId, transcript: { name, needs: [], steps: builder.steps } })
  }
  return replays
}

/** Whose connection it is: the id that the program introduced itself with. */
function subjectIds(chunks: readonly RecordedChunk[], ownDirection: string): Map<number, EndpointId> {
  const decoders = new Map<number, FrameDecoder>()
  const ids = new Map<number, EndpointId>()
  for (const { conn, dir, hex } of chunks) {
    if (dir !== ownDirection) continue
    const decoder = decoders.get(conn) ?? new FrameDecoder(ANY_LENGTH)
    decoders.set(conn, decoder)
    decoder.push(Buffer.from(hex, 'hex'), (bytes, start, end) => {
      const message = decodeHandshakeMessage(bytes, start, end)
      if ('sender' in message && !ids.has(conn)) ids.set(conn, message.sender)
      return true
    })
  }
  return ids
}

interface RecordedConnection {
  readonly decoders: { readonly own: FrameDecoder; readonly peer: FrameDecoder }
  state: 'handshake' | 'peered' | 'leaving' | 'closed'
  /** Payload of the goodbye that the subject's program sent. */
  goodbye: Buffer | undefined
  /** Whom the script plays. */
  peerId: EndpointId | undefined
  /** The script has said something that the subject may not have taken in. */
  isUnsettled: boolean
}

class ReplayBuilder {
  readonly steps: TranscriptStep[] = []
  readonly #subject: 'connector' | 'listener'
  readonly #subjectId: EndpointId
  readonly #connections = new Map<number, RecordedConnection>()
  readonly #subscribed = new Set<string>()
  #hasDialled = false
  #line = 0

  constructor(subject: 'connector' | 'listener', subjectId: EndpointId) {
    this.#subject = subject
    this.#subjectId = subjectId
  }

  add(chunk: RecordedChunk, line: number, isOwn: boolean): void {
    this.#line = line
    const connection = this.#connections.get(chunk.conn) ?? this.#open(chunk.conn)
    if (chunk.hex !== '') return isOwn ? this.#own(chunk, connection) : this.#peer(chunk, connection)
    if (chunk.event === undefined || chunk.event === 'open' || connection.state === 'closed') return
    this.#end(chunk, connection, isOwn)
  }

  #open(conn: number): RecordedConnection {
    const decoders = {
      own: new FrameDecoder(ANY_LENGTH),
      peer: new FrameDecoder(ANY_LENGTH),
    }
    const connection: RecordedConnection = {
      decoders,
      state: 'handshake',
      goodbye: undefined,
      peerId: undefined,
      isUnsettled: false,
    }
    this.#connections.set(conn, connection)
    const name = nameOf(conn)
    if (this.#subject === 'connector') this.#endForgotten(conn)
    if (this.#subject === 'connector' && !this.#hasDialled) {
      this.#hasDialled = true
      this.#act({ kind: 'dial', retryMs: REPLAY_RETRY_MS })
    }
    this.steps.push(
      this.#subject === 'connector'
        ? { line: this.#line, kind: 'accept', connection: name, afterMs: 0 }
        : { line: this.#line, kind: 'connect', connection: name },
    )
    return connection
  }

  /** Who dials again has lost the connection before, also when the recorder did not note its end. */
  #endForgotten(next: number): void {
    for (const [conn, connection] of this.#connections) {
      if (conn === next || connection.state === 'closed') continue
      connection.state = 'closed'
      this.steps.push({ line: this.#line, kind: 'close', connection: nameOf(conn) })
    }
  }

  /** The subject's program has sent something: it is told to, and it is expected. */
  #own({ conn, hex }: RecordedChunk, connection: RecordedConnection): void {
    connection.decoders.own.push(Buffer.from(hex, 'hex'), (bytes, start, end) => {
      const frame = Uint8Array.from(bytes.subarray(start - LENGTH_BYTES, end))
      const words =
        connection.state === 'handshake'
          ? this.#ownHandshake(frame, connection)
          : this.#ownEnvelope(conn, frame, connection)
      this.steps.push({ line: this.#line, kind: 'receive', connection: nameOf(conn), frame: words })
      return true
    })
  }

  #ownHandshake(frame: Uint8Array, connection: RecordedConnection): FrameWords {
    const message = decodeHandshakeMessage(frame, LENGTH_BYTES, frame.length)
    if (message.kind === 'originator-ack') connection.state = 'peered'
    if (message.kind === 'originator-syn' || message.kind === 'responder-syn-ack') {
      // Before anything else: the program had these from the start.
      const missing = message.filter.filter((prefix) => !this.#subscribed.has(prefix))
      for (const prefix of missing) {
        this.#subscribed.add(prefix)
        this.steps.unshift({ line: this.#line, kind: 'act', action: { kind: 'subscribe', prefix } })
      }
    }
    return { kind: 'hex', bytes: frame }
  }

  #ownEnvelope(conn: number, frame: Uint8Array, connection: RecordedConnection): FrameWords {
    const { type, receiver, topic, payload } = partsOf(frame)
    switch (type) {
      case ENVELOPE.data: {
        this.#settle(conn, connection)
        const target = { topic, payload: Uint8Array.from(payload) }
        const isBroadcast = receiver.text === NIL_ID.text
        this.#act(
          isBroadcast
            ? { kind: 'publish', ...target, times: 1 }
            : { kind: 'send', ...target, to: receiver.text },
        )
        break
      }
      case ENVELOPE.routingUpdate:
        this.#settle(conn, connection)
        for (const prefix of readFilter(new ByteReader(payload))) {
          if (this.#subscribed.has(prefix)) continue
          this.#subscribed.add(prefix)
          this.#act({ kind: 'subscribe', prefix })
        }
        break
      case ENVELOPE.ping:
        this.#settle(conn, connection)
        connection.goodbye = payload
        connection.state = 'leaving'
        this.#act({ kind: 'unpeer', connection: nameOf(conn) })
        return { kind: 'goodbye' }
    }
    return { kind: 'hex', bytes: frame }
  }

  /** The script plays the other program as it was, but for the answer to a goodbye that is another one now. */
  #peer({ conn, hex }: RecordedChunk, connection: RecordedConnection): void {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
    const { peer } = connection.decoders
    const wasWhole = peer.pendingBytes === 0
    let isAnswer = false
    const delivered: ExpectedEvent[] = []
    peer.push(bytes, (chunk, start, end) => {
      const frame = Uint8Array.from(chunk.subarray(start - LENGTH_BYTES, end))
      if (
        connection.state === 'handshake' &&
        frame.length === LENGTH_BYTES + 1 &&
        frame[LENGTH_BYTES] === 0x0c
      ) {
        connection.state = 'peered'
      }
      const message = decodeHandshakeMessage(frame, LENGTH_BYTES, frame.length)
      if (message.kind === 'hello' || message.kind === 'version-select') connection.peerId = message.sender
      if (connection.state !== 'handshake' && this.#isDelivered(frame, connection.peerId)) {
        const { topic, payload } = partsOf(frame)
        delivered.push({ kind: 'message', topic, payload: Uint8Array.from(payload) })
      }
      isAnswer = connection.goodbye !== undefined && isPongTo(frame, connection.goodbye)
      return true
    })
    const frame: FrameWords =
      isAnswer && wasWhole && peer.pendingBytes === 0 ? { kind: 'goodbye-answer' } : { kind: 'hex', bytes }
    this.steps.push({ line: this.#line, kind: 'send', connection: nameOf(conn), frame })
    for (const event of delivered) this.steps.push({ line: this.#line, kind: 'expect', event })
    connection.isUnsettled = true
  }

  /** Whether a message is for the subject's user: not from somebody else, nor for somebody else, nor local. */
  #isDelivered(frame: Uint8Array, peerId: EndpointId | undefined): boolean {
    if (frame.length < LENGTH_BYTES + ENVELOPE_HEADER_BYTES) return false
    const { type, sender, receiver, topic } = partsOf(frame)
    const isForSubject = receiver.text === NIL_ID.text || receiver.text === this.#subjectId.text
    return (
      type === ENVELOPE.data &&
      sender.text === peerId?.text &&
      isForSubject &&
      !topic.startsWith(LOCAL_TOPIC_PREFIX)
    )
  }

  #end(chunk: RecordedChunk, connection: RecordedConnection, isOwn: boolean): void {
    const place = { line: this.#line, connection: nameOf(chunk.conn) }
    // A program that was killed in the middle of a peering cannot be told from one that lost its network.
    const isExpected = isOwn && connection.state !== 'peered'
    if (isExpected) this.steps.push({ ...place, kind: 'closed', afterMs: 0 })
    else this.steps.push({ ...place, kind: chunk.event === 'reset' ? 'reset' : 'close' })
    connection.state = 'closed'
  }

  /** A ping that was not recorded: when it is answered, the subject has taken in what the script sent before. */
  #settle(conn: number, connection: RecordedConnection): void {
    if (!connection.isUnsettled || connection.decoders.peer.pendingBytes > 0) return
    connection.isUnsettled = false
    const place = { line: this.#line, connection: nameOf(conn) }
    const text = JSON.stringify(`barrier ${this.#line}`)
    this.steps.push({ ...place, kind: 'send', frame: parseFrame(`ping ${text}`) })
    this.steps.push({ ...place, kind: 'receive', frame: parseFrame(`pong ${text}`) })
  }

  #act(action: SubjectAction): void {
    this.steps.push({ line: this.#line, kind: 'act', action })
  }
}

function nameOf(conn: number): string {
  return `c${conn}`
}

function partsOf(frame: Uint8Array): {
  readonly type: number
  readonly sender: EndpointId
  readonly receiver: EndpointId
  readonly topic: string
  readonly payload: Buffer
} {
  const buffer = Buffer.from(frame)
  const topicStart = LENGTH_BYTES + ENVELOPE_HEADER_BYTES
  const topicEnd = topicStart + buffer.readUInt16BE(topicStart - 2)
  return {
    type: buffer[LENGTH_BYTES + 32] ?? 0,
    sender: endpointIdFromBytes(frame.slice(LENGTH_BYTES, LENGTH_BYTES + 16)),
    receiver: endpointIdFromBytes(frame.slice(LENGTH_BYTES + 16, LENGTH_BYTES + 32)),
    topic: buffer.toString('utf8', topicStart, topicEnd),
    payload: buffer.subarray(topicEnd),
  }
}

function isPongTo(frame: Uint8Array, payload: Buffer): boolean {
  if (frame.length < LENGTH_BYTES + ENVELOPE_HEADER_BYTES) return false
  const parts = partsOf(frame)
  return parts.type === ENVELOPE.pong && Buffer.compare(parts.payload, payload) === 0
}
