import type { Random } from '../base/random.js'

/** Random bytes that repeat for the same seed (xorshift32): for tests, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = (seed | 0) === 0 ? 0x9e3779b9 : seed | 0
  return {
    fill(bytes) {
      for (let index = 0; index < bytes.length; index += 1) {
        state ^= state << 13
        state ^= state >>> 17
        state ^= state << 5
        bytes[index] = state & 0xff
      }
      return bytes
    },
  }
}
