/** What benchmarks of latency share. */

// The first look at the clock loads it, which takes a while.
performance.now()
const ORIGIN_NS = process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6))

/**
 * Waits busily, because timers are too coarse: turn by turn of the event loop, so that what was published leaves, and
 * with little garbage, whose collection would be measured too.
 */
export function sleepUntil(timeNs: bigint): Promise<void> {
  const timeMs = Number(timeNs - ORIGIN_NS) / 1e6
  return new Promise((resolve) => {
    const look = (): void => {
      if (performance.now() >= timeMs) resolve()
      else setImmediate(look)
    }
    look()
  })
}

/** Of what comes behind the first tenth: until then code is compiled. */
export function percentiles(values: readonly number[]): {
  readonly p50: number
  readonly p99: number
  readonly max: number
} {
  const sorted = values.slice(Math.floor(values.length / 10)).sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
