/**
 * Passes frames of one peer on to others: never back, and not further than their hops allow (spec/broker-protocol.md
 * 5.2, 5.5). Nothing is decoded, and frames that came one behind the other and go the same way are copied as one piece.
 */
import type { Peer } from '../bus/bus.js'
import type { EndpointId } from './endpoint-id.js'
import { type Envelope, frameStartOf, readdress } from './envelope.js'
import type { Link } from './link.js'
import type { Routes } from './routes.js'

/** Longest piece: queues may get longer than their limit by this much. */
const PIECE_LIMIT_BYTES = 16 * 1024

/** Frames that wait for what comes behind them. Their bytes stay as they are until the chunk they came in is done. */
interface Piece {
  readonly from: Link
  readonly targets: readonly Link[]
  readonly topic: string
  readonly bytes: Uint8Array
  readonly start: number
  end: number
  messages: number
}

export class Relay {
  readonly #ownId: EndpointId
  readonly #routes: Routes
  readonly #onExpired: (peer: Peer, topic: string) => void
  #piece: Piece | undefined

  /** `onExpired` is told of messages that had come too far. */
  constructor(ownId: EndpointId, routes: Routes, onExpired: (peer: Peer, topic: string) => void) {
    this.#ownId = ownId
    this.#routes = routes
    this.#onExpired = onExpired
  }

  forward(from: Link, peer: Peer, envelope: Envelope): void {
    const { topic, receiver, bytes, end } = envelope
    const targets = receiver === 'all' ? this.#routes.of(topic).links : this.#addressee(envelope)
    if (targets.length === 0 || (targets.length === 1 && targets[0] === from)) return
    if (envelope.ttl <= 1) return this.#onExpired(peer, topic)
    readdress(envelope, this.#ownId)
    const start = frameStartOf(envelope)
    const piece = this.#piece
    if (
      piece !== undefined &&
      piece.end === start &&
      piece.bytes === bytes &&
      piece.targets === targets &&
      piece.from === from &&
      end - piece.start <= PIECE_LIMIT_BYTES
    ) {
      piece.end = end
      piece.messages += 1
      return
    }
    this.flush()
    this.#piece = { from, targets, topic, bytes, start, end, messages: 1 }
    if (!envelope.isInChunk) this.flush()
  }

  /** Hands over what waits: before anything else is sent, and when a chunk is done. */
  flush(): void {
    const piece = this.#piece
    if (piece === undefined) return
    this.#piece = undefined
    const { from, targets, topic, bytes, start, end, messages } = piece
    for (const target of targets) if (target !== from) target.forward(topic, bytes, start, end, messages)
  }

  #addressee(envelope: Envelope): readonly Link[] {
    const { bytes, receiverStart } = envelope
    return this.#routes.links.filter((link) =>
      link.remoteId?.bytes.every((byte, index) => byte === bytes[receiverStart + index]),
    )
  }
}
