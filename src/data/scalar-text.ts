/** Times, time spans, addresses, subnets and ports as text, both ways (spec/broker-protocol.md 9.1). */
import { Address, Port, Subnet } from './address.js'
import { DecodeError } from './decode-error.js'
import type { Value } from './value.js'

const SECOND = 1_000_000_000n
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/** Date and time in UTC up to the second, from seconds since the epoch. */
export function dateTimeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
}

/** Nanoseconds since the epoch as date and time with nine digits behind the point. */
export function timestampText(nanoseconds: bigint): string {
  const seconds = nanoseconds / SECOND - (nanoseconds % SECOND < 0n ? 1n : 0n)
  const fraction = nanoseconds - seconds * SECOND
  return `${dateTimeText(seconds)}.${fraction.toString().padStart(9, '0')}`
}

const UNITS: readonly (readonly [string, bigint])[] = [
  ['s', SECOND],
  ['ms', 1_000_000n],
  ['us', 1000n],
  ['ns', 1n],
]

/** A whole number of the largest unit that leaves no rest: `1500ms`. */
export function timespanText(nanoseconds: bigint): string {
  const [unit, size] = UNITS.find(([, candidate]) => nanoseconds % candidate === 0n) ?? ['ns', 1n]
  return `${nanoseconds / size}${unit}`
}

/** As Broker writes it: `80/tcp`, `0/?`. */
export function portText(port: Port): string {
  return `${port.number}/${port.protocol === 'unknown' ? '?' : port.protocol}`
}

/**
 * A value from the text that people write: `80/tcp`, `10.0.0.0/8`, `1.5s`. Throws `DecodeError` with this offset.
 */
export function scalarFromText(
  type: 'address' | 'subnet' | 'port' | 'timestamp' | 'timespan',
  text: string,
  offset = 0,
): Value {
  try {
    switch (type) {
      case 'address':
        return { type, value: Address.parse(text) }
      case 'subnet':
        return { type, value: Subnet.parse(text) }
      case 'port':
        return { type, value: text.includes('/') ? Port.parse(text) : Port.parse(`${text}/tcp`) }
      case 'timestamp':
        return { type, value: parseTimestamp(text) }
      case 'timespan':
        return { type, value: parseTimespan(text) }
    }
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError('type-mismatch', error.message, offset)
    throw error
  }
}

const TIMESTAMP =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):?(\d{2}))?$/

function parseTimestamp(text: string): bigint {
  const match = TIMESTAMP.exec(text)
  if (match === null) throw new RangeError(`not a time: '${text}'`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  // A date that there is not, such as 30 February, is moved to one that there is.
  if (dateTimeText(BigInt(ms / 1000)) !== text.slice(0, 19)) throw new RangeError(`not a time: '${text}'`)
  const zoneMinutes = (match[8] === '-' ? -1 : 1) * (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0))
  const seconds = BigInt(ms / 1000 - zoneMinutes * 60)
  return inRange(seconds * SECOND + BigInt((match[7] ?? '').padEnd(9, '0')), text)
}

const TIMESPAN_UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  min: 60n * SECOND,
  h: 3600n * SECOND,
}

const TIMESPAN = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?\s*(ns|us|ms|s|min|h)$/

function parseTimespan(text: string): bigint {
  const match = TIMESPAN.exec(text)
  if (match === null) throw new RangeError(`not a time span: '${text}' (units: ns, us, ms, s, min, h)`)
  const fraction = match[3] ?? ''
  const scale = 10n ** BigInt(fraction.length)
  const scaled = BigInt(match[2]! + fraction) * TIMESPAN_UNITS[match[4]!]!
  // To the nearest nanosecond.
  const nanoseconds = (scaled + scale / 2n) / scale
  return inRange(match[1] === '-' ? -nanoseconds : nanoseconds, text)
}

function inRange(nanoseconds: bigint, text: string): bigint {
  if (nanoseconds < INT64_MIN || nanoseconds > INT64_MAX) {
    throw new RangeError(`'${text}' does not fit 64 bits of nanoseconds`)
  }
  return nanoseconds
}
