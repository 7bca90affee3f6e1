/** Intervals as Zeek's scripts and command line write them. */

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  usec: 1e-6,
  msec: 1e-3,
  sec: 1,
  min: 60,
  hr: 3600,
  day: 86_400,
}
const INTERVAL =
  /^((?:[0-9]*\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)[ \t]*(usec|msec|sec|min|hr|day)s?$/

/** Seconds of an interval such as `500msec` or `1.5 mins`; undefined when it is none or longer than a double holds. */
export function parseInterval(text: string): number | undefined {
  const [, number, unit = ''] = INTERVAL.exec(text) ?? []
  const seconds = Number(number) * (UNIT_SECONDS[unit] ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds : undefined
}
