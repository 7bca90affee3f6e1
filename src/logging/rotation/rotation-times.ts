/**
 * When a file is rotated next: at multiples of the interval, counted from a base time of the day, local time
 * (spec/cluster-framework.md 6.8). Milliseconds since the epoch.
 */
export function nextRotationMs(nowMs: number, intervalMs: number, baseMs: number): number {
  const start = startOfDay(nowMs) + baseMs
  const next = start + (Math.floor((nowMs - start) / intervalMs) + 1) * intervalMs
  return next
}

/** `log_rotate_base_time`: `HH:MM` as milliseconds after midnight; undefined for other texts. */
export function parseBaseTime(text: string): number | undefined {
  if (text === '') return 0
  const match = /^(\d{1,2}):(\d{2})$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes] = [Number(match[1]), Number(match[2])]
  return hours > 23 || minutes > 59 ? undefined : (hours * 60 + minutes) * 60_000
}

function startOfDay(nowMs: number): number {
  const date = new Date(nowMs)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}
