import { randomFillSync } from 'node:crypto'

/** Randomness as an argument, so that a simulated cluster repeats from its seed. */
export interface Random {
  /** Fills `bytes` and returns it. */
  fill(bytes: Uint8Array): Uint8Array
}

export const systemRandom: Random = { fill: (bytes) => randomFillSync(bytes) }
