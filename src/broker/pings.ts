/** Pings that wait for their answer, and what is in them (spec/broker-protocol.md 2.6 and 3.9). */

/** A word and a counter, which the peer only echoes. Broker's goodbye is `BYE`. */
export function pingPayload(word: 'BYE' | 'barrier', count: bigint): Uint8Array {
  const payload = new Uint8Array(word.length + 8)
  payload.set(Buffer.from(word))
  new DataView(payload.buffer).setBigUint64(word.length, count, true)
  return payload
}

export class PendingPings {
  /** What to call when the ping with this payload (in hex) is answered, or never will be. */
  readonly #pending = new Map<string, () => void>()

  add(payload: Uint8Array, done: () => void): void {
    this.#pending.set(hex(payload), done)
  }

  /** Stops waiting for the answer to a ping. */
  forget(payload: Uint8Array): void {
    this.#pending.delete(hex(payload))
  }

  answered(payload: Uint8Array): void {
    const key = hex(payload)
    const done = this.#pending.get(key)
    this.#pending.delete(key)
    done?.()
  }

  /** No answer will come any more. */
  end(): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const done of pending) done()
  }
}

function hex(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('hex')
}
