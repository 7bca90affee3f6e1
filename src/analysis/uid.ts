/** Connection uids as Zeek writes them: `C` and 96 random bits in base 62. */
import type { Random } from '../base/random.js'

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const UID_BYTES = 12
/** Randomness is fetched for this many uids at once: a system call for each would cost more than the rest. */
const BATCH = 64

export class UidGenerator {
  readonly #random: Random
  readonly #bytes = new Uint8Array(UID_BYTES * BATCH)
  readonly #view = new DataView(this.#bytes.buffer)
  #offset = this.#bytes.length

  constructor(random: Random) {
    this.#random = random
  }

  /** The next uid: `C` and usually 17 characters. */
  next(): string {
    if (this.#offset === this.#bytes.length) {
      this.#random.fill(this.#bytes)
      this.#offset = 0
    }
    const high = this.#view.getUint32(this.#offset)
    const low = this.#view.getBigUint64(this.#offset + 4)
    this.#offset += UID_BYTES
    return `C${base62(BigInt(high))}${base62(low)}`
  }
}

/** Least significant digit first, as Zeek does. */
function base62(value: bigint): string {
  let text = ''
  let rest = value
  do {
    text += DIGITS[Number(rest % 62n)]!
    rest /= 62n
  } while (rest > 0n)
  return text
}
