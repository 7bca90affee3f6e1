/** One connection of a scripted peer: frames that arrived and are not looked at yet, and how frames leave. */
import { type EndpointId, endpointIdFromBytes, NIL_ID } from '../broker/endpoint-id.js'
import { CONTROL_TOPIC, ENVELOPE, ENVELOPE_HEADER_BYTES } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { decodeHandshakeMessage } from '../broker/handshake-messages.js'
import { describeFrame } from './broker-frame-description.js'
import { encodeFrame, type FrameContext, type FrameWords, type IdWord } from './broker-frame-words.js'

/** What a connection asks its script. */
export interface ScriptIds {
  /** Throws `ClusterError` for an id that is not known yet; `peer` is whom the script plays here. */
  id(word: IdWord, peer: EndpointId | undefined): EndpointId
  learnSubject(id: EndpointId): void
  /** Undefined until the subject has introduced itself. */
  readonly subjectId: EndpointId | undefined
  readonly ignoredTopics: readonly string[]
}

const LENGTH_BYTES = 4
const FRAME_LIMIT_BYTES = 2 ** 30
const GOODBYE = Buffer.from('BYE')
const GOODBYE_BYTES = 11
/** Stands for the subject in messages as long as it has not introduced itself. */
const UNKNOWN_SUBJECT = endpointIdFromBytes(new Uint8Array(16).fill(0x73))
const ENVELOPE_START = LENGTH_BYTES + ENVELOPE_HEADER_BYTES

export class ScriptConnection {
  readonly #ids: ScriptIds
  readonly #decoder = new FrameDecoder(FRAME_LIMIT_BYTES)
  /** Finds the introductions among what is sent, raw bytes included: nothing is too large for it. */
  readonly #sent = new FrameDecoder(2 ** 32)
  readonly #frames: Uint8Array[] = []
  #held: Uint8Array[] | undefined
  #peerId: EndpointId | undefined
  #goodbye: Uint8Array = new Uint8Array(0)
  isClosed = false
  /** Largest piece that is sent at once; undefined for whole frames. */
  chunkBytes: number | undefined

  constructor(ids: ScriptIds) {
    this.#ids = ids
  }

  /** What the network brought. */
  bytes(chunk: Uint8Array): void {
    this.#decoder.push(chunk, (bytes, start, end) => {
      const frame = bytes.slice(start - LENGTH_BYTES, end)
      if (!this.#isIgnored(frame)) this.#frames.push(frame)
      return true
    })
  }

  closed(): void {
    this.isClosed = true
  }

  /** The next frame, its length in front. */
  take(): Uint8Array | undefined {
    return this.#frames.shift()
  }

  forget(): void {
    this.#frames.length = 0
  }

  hold(): void {
    this.#held ??= []
  }

  /** What was held back since `hold`. */
  flush(): Uint8Array {
    const held = this.#held ?? []
    this.#held = undefined
    return Uint8Array.from(Buffer.concat(held))
  }

  /** The bytes of a frame to send now; undefined while frames are held back. */
  toSend(words: FrameWords): Uint8Array | undefined {
    const bytes = encodeFrame(words, this.#context('peer', 'self'))
    this.#sent.push(bytes, (chunk, start, end) => {
      const message = decodeHandshakeMessage(chunk, start, end)
      if (message.kind === 'hello' || message.kind === 'version-select') this.#peerId = message.sender
      return true
    })
    if (this.#held === undefined) return bytes
    this.#held.push(bytes)
    return undefined
  }

  /** What came in words, if it is not what was expected. */
  mismatch(expected: FrameWords, frame: Uint8Array): string | undefined {
    if (expected.kind === 'goodbye') return this.#isGoodbye(frame) ? undefined : this.describe(frame)
    const message = decodeHandshakeMessage(frame, LENGTH_BYTES, frame.length)
    const isIntroduction =
      message.kind === 'hello' || message.kind === 'version-select' || message.kind === 'drop-conn'
    if (isIntroduction) this.#ids.learnSubject(message.sender)
    if (expected.kind === 'drop-conn' && expected.description === undefined && message.kind === 'drop-conn') {
      const isSame =
        message.code === expected.code && message.sender.text === this.#expectation().id(expected.id).text
      return isSame ? undefined : this.describe(frame)
    }
    const wanted = encodeFrame(expected, this.#expectation())
    return Buffer.compare(wanted, frame) === 0 ? undefined : this.describe(frame)
  }

  describe(frame: Uint8Array): string {
    return describeFrame(frame, (id) => this.#nameOf(id))
  }

  describeExpected(words: FrameWords): string {
    if (words.kind === 'goodbye') return 'ping BYE…'
    const text = this.describe(encodeFrame(words, this.#expectation()))
    return words.kind === 'drop-conn' && words.description === undefined ? text.replace(/ ""$/, '') : text
  }

  /** The ping that ends a peering; what is in it is kept for its answer (spec/broker-protocol.md 3.9). */
  #isGoodbye(frame: Uint8Array): boolean {
    const payload = frame.subarray(ENVELOPE_START + CONTROL_TOPIC.length)
    if (
      payload.length !== GOODBYE_BYTES ||
      Buffer.compare(payload.subarray(0, GOODBYE.length), GOODBYE) !== 0
    ) {
      return false
    }
    this.#goodbye = Uint8Array.from(payload)
    return Buffer.compare(encodeFrame({ kind: 'goodbye' }, this.#expectation()), frame) === 0
  }

  /** Log streams and the like that a whole program announces by itself. */
  #isIgnored(frame: Uint8Array): boolean {
    const { ignoredTopics } = this.#ids
    if (ignoredTopics.length === 0 || frame.length < ENVELOPE_START) return false
    if (frame[LENGTH_BYTES + 32] !== ENVELOPE.data) return false
    const length = (frame[LENGTH_BYTES + 35]! << 8) | frame[LENGTH_BYTES + 36]!
    const topic = Buffer.from(frame.subarray(ENVELOPE_START, ENVELOPE_START + length)).toString()
    return ignoredTopics.some((prefix) => topic.startsWith(prefix))
  }

  /** Of frames from the subject, which may not have introduced itself. */
  #expectation(): FrameContext {
    const isUnknown = (word: IdWord): boolean => word === 'self' && this.#ids.subjectId === undefined
    const id = (word: IdWord): EndpointId => (isUnknown(word) ? UNKNOWN_SUBJECT : this.#id(word))
    return { ...this.#context('self', 'peer'), id }
  }

  #context(from: IdWord, to: IdWord): FrameContext {
    return { id: (word) => this.#id(word), from, to, goodbye: this.#goodbye }
  }

  #id(word: IdWord): EndpointId {
    return this.#ids.id(word, this.#peerId)
  }

  #nameOf(id: EndpointId): string {
    if (id.text === NIL_ID.text) return 'nil'
    if (id.text === this.#peerId?.text) return 'peer'
    return id.text === this.#ids.subjectId?.text || id.text === UNKNOWN_SUBJECT.text ? 'self' : id.text
  }
}
