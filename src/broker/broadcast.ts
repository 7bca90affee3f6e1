/** One message to several links: encoded once. */
import type { PublishOutcome } from '../bus/bus.js'
import { worseOutcome } from '../bus/outcome.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { Encodable } from '../data/messages.js'
import type { EndpointId } from './endpoint-id.js'
import { NIL_ID } from './endpoint-id.js'
import { type BroadcastHeaders, beginEnvelope, ENVELOPE, endEnvelope } from './envelope.js'
import type { Link } from './link.js'

/** A large message must not keep its memory. */
const KEPT_BYTES = 1024 * 1024

export class Broadcast {
  readonly #ownId: EndpointId
  readonly #headers: BroadcastHeaders
  readonly #frame = new ByteWriter()

  constructor(ownId: EndpointId, headers: BroadcastHeaders) {
    this.#ownId = ownId
    this.#headers = headers
  }

  /** Sends data to the links; returns the outcome and a view of the payload, valid until the next broadcast. */
  data(
    topic: string,
    message: Encodable,
    links: readonly Link[],
  ): { readonly outcome: PublishOutcome; readonly payload: Uint8Array } {
    const writer = this.#start()
    const start = this.#headers.begin(writer, ENVELOPE.data, topic)
    const payloadStart = writer.length
    message.writeTo(writer)
    endEnvelope(writer, start)
    return { outcome: this.#send(topic, links), payload: writer.bytes.subarray(payloadStart, writer.length) }
  }

  /** Sends a command to the links, for everybody or for one endpoint behind them. */
  command(
    topic: string,
    command: Encodable,
    links: readonly Link[],
    receiver: EndpointId = NIL_ID,
  ): PublishOutcome {
    if (links.length === 1) return links[0]!.send(ENVELOPE.command, receiver, topic, command)
    const writer = this.#start()
    const start =
      receiver === NIL_ID
        ? this.#headers.begin(writer, ENVELOPE.command, topic)
        : beginEnvelope(writer, ENVELOPE.command, this.#ownId, receiver, topic)
    command.writeTo(writer)
    endEnvelope(writer, start)
    return this.#send(topic, links)
  }

  #start(): ByteWriter {
    const writer = this.#frame
    if (writer.bytes.length > KEPT_BYTES) writer.replaceBuffer(Buffer.allocUnsafeSlow(1024))
    writer.length = 0
    return writer
  }

  #send(topic: string, links: readonly Link[]): PublishOutcome {
    const { bytes, length } = this.#frame
    let worst: PublishOutcome = 'no-peer'
    for (const link of links) worst = worseOutcome(worst, link.sendFrames(topic, bytes, 0, length))
    return worst
  }
}
