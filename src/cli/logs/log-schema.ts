/** What the first lines of a log file say about the others. */
import type { AsciiFormat } from '../../logging/reading/ascii-reader.js'
import { DEFAULT_ASCII_OPTIONS } from '../../logging/writers/ascii-options.js'
import { escapedForHeader } from '../../logging/writers/text-escapes.js'
import { fromByteText, toByteText } from './file-chunks.js'

/** Columns by a header. All texts have one character a byte. */
export interface TableSchema {
  readonly kind: 'table'
  readonly format: AsciiFormat
  readonly path: string
  readonly fields: readonly string[]
  /** Undefined for files that do not tell. */
  readonly types: readonly string[] | undefined
  /** Where the time stands by which lines are sorted; -1 for none. */
  readonly timeIndex: number
  /** Lines at the start of the file that are no records, where no prefix tells. */
  readonly plainHeaderLines: number
}

/** A JSON object a line. */
export interface JsonSchema {
  readonly kind: 'json'
}

export type LogSchema = TableSchema | JsonSchema

export const JSON_SCHEMA: JsonSchema = { kind: 'json' }

export const DEFAULT_FORMAT: AsciiFormat = {
  metaPrefix: DEFAULT_ASCII_OPTIONS.metaPrefix,
  separator: DEFAULT_ASCII_OPTIONS.separator,
  setSeparator: DEFAULT_ASCII_OPTIONS.setSeparator,
  emptyField: DEFAULT_ASCII_OPTIONS.emptyField,
  unsetField: DEFAULT_ASCII_OPTIONS.unsetField,
}

/** Names of columns as Zeek allows them, `%` for what a filter renames. */
const COLUMN_NAME = /^[A-Za-z_][\w.%$-]*$/
const HEADER_LINES_MAX = 64

/**
 * Reads the header out of the first lines. `more` when it goes on behind them; `none` when they are records of columns
 * that nobody knows (`LogAscii::include_meta=F`).
 */
export function schemaOf(lines: readonly string[]): LogSchema | 'more' | 'none' {
  const first = lines[0]
  if (first === undefined) return 'more'
  if (first.startsWith('{')) return JSON_SCHEMA
  const [, metaPrefix, escaped] = /^(.{0,32}?)separator (\S+)$/.exec(first) ?? []
  if (metaPrefix === undefined || escaped === undefined)
    return schemaOfMeta(lines, '#', '\t') ?? plainSchema(first)
  return schemaOfMeta(lines, metaPrefix, unescaped(escaped)) ?? 'more'
}

/** Undefined when the header is not complete. */
function schemaOfMeta(
  lines: readonly string[],
  metaPrefix: string,
  separator: string,
): TableSchema | undefined {
  const meta = new Map<string, string>()
  let isComplete = false
  for (const line of lines.slice(0, HEADER_LINES_MAX)) {
    const match = line.startsWith(metaPrefix) ? META.exec(line.slice(metaPrefix.length)) : null
    if (match === null) {
      isComplete = true
      break
    }
    meta.set(match[1]!, line.slice(metaPrefix.length + match[1]!.length + separator.length))
    if (match[1] === 'types') {
      isComplete = true
      break
    }
  }
  const fields = meta.get('fields')?.split(separator)
  if (!isComplete || fields === undefined) return undefined
  const types = meta.get('types')?.split(separator)
  const { setSeparator, emptyField, unsetField } = DEFAULT_FORMAT
  return {
    kind: 'table',
    format: {
      metaPrefix,
      separator,
      setSeparator: unescaped(meta.get('set_separator') ?? setSeparator),
      emptyField: unescaped(meta.get('empty_field') ?? emptyField),
      unsetField: unescaped(meta.get('unset_field') ?? unsetField),
    },
    path: meta.get('path') ?? '',
    fields,
    types: types?.length === fields.length ? types : undefined,
    timeIndex: timeIndexOf(fields, types),
    plainHeaderLines: metaPrefix === '' ? meta.size : 0,
  }
}

const META = /^(separator|set_separator|empty_field|unset_field|path|open|fields|types|close)/

function plainSchema(first: string): TableSchema | 'more' | 'none' {
  if (first.startsWith('#')) return 'more'
  const fields = first.split('\t')
  if (!fields.every((name) => COLUMN_NAME.test(name))) return 'none'
  return {
    kind: 'table',
    format: DEFAULT_FORMAT,
    path: '',
    fields,
    types: undefined,
    timeIndex: timeIndexOf(fields, undefined),
    plainHeaderLines: 1,
  }
}

/** `ts`, else the first time there is. */
function timeIndexOf(fields: readonly string[], types: readonly string[] | undefined): number {
  const ts = fields.indexOf('ts')
  if (ts >= 0 && (types === undefined || types[ts] === 'time')) return ts
  return types?.indexOf('time') ?? -1
}

function unescaped(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

/** The format with its texts as other parts of the program have them. */
export function decodedFormat(format: AsciiFormat): AsciiFormat {
  return {
    metaPrefix: fromByteText(format.metaPrefix),
    separator: fromByteText(format.separator),
    setSeparator: fromByteText(format.setSeparator),
    emptyField: fromByteText(format.emptyField),
    unsetField: fromByteText(format.unsetField),
  }
}

/** Equal for files whose lines may stand below one header. */
export function formatKey({
  metaPrefix,
  separator,
  setSeparator,
  emptyField,
  unsetField,
}: AsciiFormat): string {
  return JSON.stringify([metaPrefix, separator, setSeparator, emptyField, unsetField])
}

/** The header lines that a reader of these columns expects; without types where they are not known. */
export function headerLinesOf(
  format: AsciiFormat,
  path: string,
  fields: readonly string[],
  types: readonly string[] | undefined,
): string[] {
  const { metaPrefix, separator } = format
  const escaped = (text: string): string => toByteText(escapedForHeader(fromByteText(text)))
  const lines = [
    `separator ${escaped(separator)}`,
    `set_separator${separator}${escaped(format.setSeparator)}`,
    `empty_field${separator}${escaped(format.emptyField)}`,
    `unset_field${separator}${escaped(format.unsetField)}`,
    `path${separator}${path}`,
    `fields${separator}${fields.join(separator)}`,
    ...(types === undefined ? [] : [`types${separator}${types.join(separator)}`]),
  ]
  return lines.map((line) => metaPrefix + line)
}
