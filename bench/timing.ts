/** What benchmarks of latency share. */

/** Waits busily: timers are too coarse. */
export async function sleepUntil(timeNs: bigint): Promise<void> {
  while (process.hrtime.bigint() < timeNs) await new Promise((resolve) => setImmediate(resolve))
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
