/**
 * Time as an argument. Everything that asks for the time or waits gets a `Clock` and `Timers`, so that a whole
 * cluster also runs on a virtual clock (`zeek-cluster/testing`).
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch, with fractions. */
  wallMs(): number
  /** Time that never jumps, in milliseconds since some start. */
  monotonicMs(): number
}

/** A scheduled call. */
export interface Timer {
  cancel(): void
}

export interface Timers {
  /** Calls once after `delayMs` milliseconds (0 or more). */
  after(delayMs: number, callback: () => void): Timer
  /** Calls at the end of the current turn of the event loop, in order of registration. */
  soon(callback: () => void): void
}

export const systemClock: Clock = {
  wallMs: () => performance.timeOrigin + performance.now(),
  monotonicMs: () => performance.now(),
}

export const systemTimers: Timers = {
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
  soon(callback) {
    setImmediate(callback)
  },
}

/** Calls every `intervalMs` until cancelled; the next call is scheduled after the last one returned. */
export function every(timers: Timers, intervalMs: number, callback: () => void): Timer {
  let timer = timers.after(intervalMs, tick)
  let cancelled = false
  function tick(): void {
    callback()
    if (!cancelled) timer = timers.after(intervalMs, tick)
  }
  return {
    cancel() {
      cancelled = true
      timer.cancel()
    },
  }
}
