/**
 * Which connection has a remote id. Two endpoints that connect to each other at the same time get two connections;
 * one of them becomes the peering, the other waits for what becomes of it (spec/broker-protocol.md 3.6).
 */
import type { EndpointId } from './endpoint-id.js'
import type { Claim } from './handshake.js'
import type { Link } from './link.js'

export class Claims {
  /** The link that has a remote id: in its handshake, or peered. */
  readonly #holders = new Map<string, Link>()
  /** Links whose handshake waits for the link that has the id. */
  readonly #waiting = new Map<string, Link[]>()

  holder(remoteId: string): Link | undefined {
    return this.#holders.get(remoteId)
  }

  claim(link: Link, remoteId: EndpointId): Claim {
    const holder = this.#holders.get(remoteId.text)
    if (holder === undefined || holder === link) {
      this.#holders.set(remoteId.text, link)
      return 'proceed'
    }
    if (holder.state === 'peered') return 'redundant'
    const waiting = this.#waiting.get(remoteId.text) ?? []
    this.#waiting.set(remoteId.text, [...waiting, link])
    return 'wait'
  }

  /** The holder of the id is peered. */
  peered(remoteId: string): void {
    this.#endWaiting(remoteId, 'peered')
  }

  /** The link has ended. */
  release(link: Link): void {
    for (const [id, holder] of this.#holders) {
      if (holder !== link) continue
      this.#holders.delete(id)
      this.#endWaiting(id, 'failed')
    }
    for (const [id, waiting] of this.#waiting) {
      if (!waiting.includes(link)) continue
      const rest = waiting.filter((other) => other !== link)
      this.#waiting.set(id, rest)
    }
  }

  #endWaiting(id: string, outcome: 'peered' | 'failed'): void {
    const waiting = this.#waiting.get(id) ?? []
    this.#waiting.delete(id)
    for (const link of waiting) link.rivalEnded(outcome)
  }
}
