/** Times of Zeek's JSON logs, in the forms of `LogAscii::json_timestamps`. */

import type { JsonTimestamps } from './ascii-options.js'
import { putInteger, putMicros } from './number-digits.js'
import { putReal } from './shortest-real.js'

/** Writes a time at `offset`; returns where it ends, or -1 for one that has to be printed as text. */
export type TimeWriter = (view: DataView, offset: number, seconds: number) => number

const EXACT_MAX = 2 ** 53
const INT_MAX = 2 ** 63
const MILLIS = 1000

/** The usual times in one of the forms; `formatTime` does the others. */
export function timeWriter(form: JsonTimestamps): TimeWriter {
  switch (form) {
    case 'JSON::TS_EPOCH':
      return (view, offset, seconds) => (Number.isFinite(seconds) ? putReal(view, offset, seconds) : -1)
    case 'JSON::TS_MILLIS':
    case 'JSON::TS_MILLIS_UNSIGNED':
      return (view, offset, seconds) => {
        const millis = Math.trunc(seconds * MILLIS)
        return millis >= 0 && millis < EXACT_MAX ? putInteger(view, offset, millis) : -1
      }
    case 'JSON::TS_ISO8601':
      return isoWriter()
  }
}

/** Any time as text. */
export function formatTime(form: JsonTimestamps, seconds: number): string {
  switch (form) {
    case 'JSON::TS_EPOCH':
      // What is finite is written as a number, above.
      return 'null'
    case 'JSON::TS_MILLIS':
      return String(millisOf(seconds))
    case 'JSON::TS_MILLIS_UNSIGNED':
      return String(BigInt.asUintN(64, millisOf(seconds)))
    case 'JSON::TS_ISO8601':
      return `"${formatIso(seconds)}"`
  }
}

/** What does not fit is the smallest number, as the processor has it. */
function millisOf(seconds: number): bigint {
  const millis = Math.trunc(seconds * MILLIS)
  return millis >= -INT_MAX && millis < INT_MAX ? BigInt(millis) : -(2n ** 63n)
}

/** Times that C's `gmtime` knows: their years fit 32 bits. */
const FIRST_ISO = -67768040609740800
const AFTER_ISO = 67768036191676800
/** After so many seconds the calendar begins again. */
const CALENDAR_SECONDS = 146097 * 86400
const CALENDAR_YEARS = 400
/** What Zeek writes for a time that it cannot express. */
const NO_ISO = '2000-01-01T00:00:00.000000'

function formatIso(seconds: number): string {
  if (!(seconds >= FIRST_ISO && seconds < AFTER_ISO)) return NO_ISO
  const whole = Math.floor(seconds)
  return `${formatSecond(whole)}.${String(microsOf(seconds)).padStart(6, '0')}Z`
}

/** The fraction in microseconds, up to 1000000: Zeek rounds it by itself. */
function microsOf(seconds: number): number {
  const fraction = seconds - Math.trunc(seconds)
  const scaled = Math.abs(fraction < 0 ? fraction + 1 : fraction) * 1e6
  const rounded = Math.round(scaled)
  return rounded - scaled === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

/** UTC, as `2026-01-31T23:59:59`. */
function formatSecond(second: number): string {
  const rest = second % CALENDAR_SECONDS
  const inCalendar = rest < 0 ? rest + CALENDAR_SECONDS : rest
  const date = new Date(inCalendar * MILLIS)
  const year = date.getUTCFullYear() + CALENDAR_YEARS * Math.round((second - inCalendar) / CALENDAR_SECONDS)
  // C prints the last 1900 of these years as 32-bit numbers that wrapped around.
  return `${year | 0}${date.toISOString().slice(4, 19)}`
}

/** Bytes of `"2026-01-31T23:59:59`. */
const SECOND_BYTES = 20
const LAST_USUAL_SECOND = 253402300799

/** Records of one second follow each other, so its text is kept. */
function isoWriter(): TimeWriter {
  let second = -1
  // Five words.
  const text = new DataView(new ArrayBuffer(SECOND_BYTES))
  return (view, offset, seconds) => {
    if (!(seconds >= 0 && seconds <= LAST_USUAL_SECOND)) return -1
    const whole = Math.floor(seconds)
    const micros = microsOf(seconds)
    if (micros === 1_000_000) return -1
    if (whole !== second) {
      second = whole
      new Uint8Array(text.buffer).set(Buffer.from(`"${formatSecond(whole)}`))
    }
    for (let index = 0; index < SECOND_BYTES; index += 4)
      view.setUint32(offset + index, text.getUint32(index))
    const end = putMicros(view, offset + SECOND_BYTES, micros)
    // `Z"`
    view.setUint16(end, 0x5a22)
    return end + 2
  }
}
