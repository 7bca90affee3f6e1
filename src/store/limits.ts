/** How much a store may hold, and what happens beyond. */
export interface StoreLimits {
  /** Most entries. Default 16 777 216. */
  readonly keys: number
  /** Most bytes of all keys and values together, without what it takes to hold them. Default 2 GiB. */
  readonly bytes: number
  /** Longest key in bytes. Default 64 KiB. */
  readonly keyBytes: number
  /** Longest value in bytes. Default 16 MiB. */
  readonly valueBytes: number
  /**
   * What a write does that needs more room: `refuse` fails with `limit-reached`; `evict-soonest` removes the entries
   * that would expire first, and fails when none of the others expires. Default `refuse`.
   */
  readonly policy: 'refuse' | 'evict-soonest'
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  keys: 16 * 1024 * 1024,
  bytes: 2 * 1024 * 1024 * 1024,
  keyBytes: 64 * 1024,
  valueBytes: 16 * 1024 * 1024,
  policy: 'refuse',
}
