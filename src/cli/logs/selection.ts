/** Which records the user wants, and which of their columns. */
import { parseInterval } from '../../options/interval.js'
import { CommandError } from '../output.js'
import { toByteText } from './file-chunks.js'

/** `field=value` or `field!=value`. Texts have one character a byte. */
export interface FieldFilter {
  readonly field: string
  readonly value: string
  readonly isEqual: boolean
}

export interface Selection {
  readonly filters: readonly FieldFilter[]
  /** Seconds since the epoch. */
  readonly since: number | undefined
  readonly until: number | undefined
  /** Undefined: all columns. */
  readonly columns: readonly string[] | undefined
}

export interface SelectionFlags {
  readonly columns?: string
  readonly since?: string
  readonly until?: string
}

/** Throws a `CommandError` with exit code 2 for what is no filter, time or list of columns. */
export function parseSelection(
  filters: readonly string[],
  { columns, since, until }: SelectionFlags,
  nowMs: number,
): Selection {
  const names = columns?.split(',').map((name) => toByteText(name.trim()))
  if (names?.includes(''))
    throw new CommandError(2, `'${columns}' is not a list of columns: write ts,id.orig_h`)
  return {
    filters: filters.map(parseFilter),
    since: since === undefined ? undefined : parseTime(since, nowMs),
    until: until === undefined ? undefined : parseTime(until, nowMs),
    columns: names,
  }
}

/** Names of columns that have to be there. */
export function wantedColumns({ filters, columns }: Selection): string[] {
  return [...new Set([...(columns ?? []), ...filters.map(({ field }) => field)])]
}

function parseFilter(text: string): FieldFilter {
  const [, field, operator, value] = /^([^=!]+)(!?=)([\s\S]*)$/.exec(text) ?? []
  if (field === undefined || value === undefined) {
    throw new CommandError(2, `'${text}' is not a filter: write field=value or field!=value`)
  }
  return { field: toByteText(field), value: toByteText(value), isEqual: operator === '=' }
}

const SHORT_UNITS: Readonly<Record<string, string>> = { s: 'sec', m: 'min', h: 'hr', d: 'day' }
const SHORT_UNIT = /(?<=[\d ])[smhd]$/

/** People write `10m`. */
function longUnit(unit: string): string {
  return SHORT_UNITS[unit] ?? unit
}

/** Seconds since the epoch. */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d*)?$/.test(text)) return Number(text)
  const ago = parseInterval(text.replace(/\s*ago$/, '').replace(SHORT_UNIT, longUnit))
  if (ago !== undefined) return nowMs / 1000 - ago
  // A day without a time means local midnight too, as in the names of log files.
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(isDay ? `${text}T00:00:00` : text) : Number.NaN
  if (Number.isNaN(ms)) {
    throw new CommandError(
      2,
      `'${text}' is not a time: write seconds since the epoch, 2026-01-31T12:00:00, or 10min for ten minutes ago`,
    )
  }
  return ms / 1000
}
