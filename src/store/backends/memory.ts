/** The backend of stores that end with their process (spec/broker-protocol.md 8.1). */
import type { Backend } from './backend.js'

/** Keeps nothing: the master has all entries in memory anyway. */
export function openMemory(): Backend {
  return {
    async *load() {},
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
