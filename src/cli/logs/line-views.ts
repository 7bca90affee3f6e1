/** What is done with the lines of a file: when they were written, whether they are wanted, how they are printed. */
import { ByteWriter } from '../../data/byte-writer.js'
import { TextEscapes } from '../../logging/writers/text-escapes.js'
import { jsonElements, jsonLineTime, jsonMembers, jsonText } from './json-line.js'
import { DEFAULT_FORMAT, type LogSchema, type TableSchema } from './log-schema.js'
import type { FieldFilter, Selection } from './selection.js'
import { tableToJson } from './table-json.js'

/** `lines` leaves JSON as it is and makes tables of it only where columns are chosen. */
export type OutputForm =
  | { readonly kind: 'json' }
  | { readonly kind: 'table'; readonly columns: readonly string[] | undefined }
  | { readonly kind: 'lines' }

export interface LineView {
  /** Seconds since the epoch; NaN for a line without a time. */
  timeOf(line: string): number
  /** Whether the line is one of those that the selection wants; `time` is the line's. */
  isWanted(line: string, time: number): boolean
  /** The line as it is printed; undefined for one that does not have its columns. */
  print(line: string): string | undefined
}

export function lineView(schema: LogSchema, selection: Selection, form: OutputForm): LineView {
  const matches =
    schema.kind === 'json' ? jsonMatcher(selection.filters) : tableMatcher(schema, selection.filters)
  const { since, until, filters } = selection
  const hasTimes = since !== undefined || until !== undefined
  return {
    timeOf: schema.kind === 'json' ? jsonLineTime : tableTime(schema),
    isWanted(line, time) {
      // A line without a time is in no span of time.
      if (hasTimes && !(time >= (since ?? Number.NEGATIVE_INFINITY) && time <= (until ?? Infinity)))
        return false
      return filters.length === 0 || matches(line)
    },
    print: printer(schema, selection, form),
  }
}

function tableTime({ timeIndex, format }: TableSchema): LineView['timeOf'] {
  if (timeIndex < 0) return () => Number.NaN
  if (timeIndex === 0) return Number.parseFloat
  return (line) => Number.parseFloat(line.split(format.separator, timeIndex + 1)[timeIndex] ?? '')
}

function tableMatcher(
  { fields, types, format }: TableSchema,
  filters: readonly FieldFilter[],
): (line: string) => boolean {
  const tests = filters.map(({ field, value, isEqual }) => {
    const index = fields.indexOf(field)
    const isContainer = types === undefined || /^(?:set|vector|table)\[/.test(types[index] ?? '')
    return { index, value, isEqual, isContainer }
  })
  return (line) => {
    const columns = line.split(format.separator)
    return tests.every(({ index, value, isEqual, isContainer }) => {
      const text = columns[index] ?? format.unsetField
      const isSame = text === value || (isContainer && text.split(format.setSeparator).includes(value))
      return isSame === isEqual
    })
  }
}

function jsonMatcher(filters: readonly FieldFilter[]): (line: string) => boolean {
  return (line) => {
    const values = jsonValues(line)
    if (values === undefined) return false
    return filters.every(({ field, value, isEqual }) => {
      const json = values.get(field)
      const isSame =
        json === undefined
          ? value === DEFAULT_FORMAT.unsetField
          : json === value || jsonText(json) === value || elementsOf(json).includes(value)
      return isSame === isEqual
    })
  }
}

function elementsOf(value: string): string[] {
  return jsonElements(value)?.map(jsonText) ?? []
}

/** Unset ones are left out. */
function jsonValues(line: string): Map<string, string> | undefined {
  const members = jsonMembers(line)
  if (members === undefined) return undefined
  return new Map(members.filter(({ value }) => value !== 'null').map(({ name, value }) => [name, value]))
}

function printer(schema: LogSchema, { columns }: Selection, form: OutputForm): LineView['print'] {
  if (schema.kind === 'table') {
    if (form.kind === 'json') return tableToJson(schema, columns)
    return columns === undefined ? (line) => line : tableColumns(schema, columns)
  }
  if (form.kind === 'json') return columns === undefined ? wholeJson : jsonColumns(columns)
  const wanted = form.kind === 'table' ? form.columns : columns
  return wanted === undefined ? wholeJson : jsonToTable(wanted)
}

function wholeJson(line: string): string | undefined {
  return line.startsWith('{') ? line : undefined
}

function tableColumns({ fields, format }: TableSchema, columns: readonly string[]): LineView['print'] {
  const indexes = columns.map((name) => fields.indexOf(name))
  const { separator, unsetField } = format
  return (line) => {
    const values = line.split(separator)
    return indexes.map((index) => values[index] ?? unsetField).join(separator)
  }
}

function jsonColumns(columns: readonly string[]): LineView['print'] {
  return (line) => {
    const values = jsonValues(line)
    if (values === undefined) return undefined
    const members = columns.flatMap((name) => {
      const value = values.get(name)
      return value === undefined ? [] : [`${JSON.stringify(name)}:${value}`]
    })
    return `{${members.join(',')}}`
  }
}

function jsonToTable(columns: readonly string[]): LineView['print'] {
  const { separator, setSeparator, emptyField, unsetField } = DEFAULT_FORMAT
  const column = cellPrinter([separator])
  const element = cellPrinter([separator, setSeparator])
  const cell = (value: string | undefined): string => {
    if (value === undefined) return unsetField
    const elements = jsonElements(value)
    if (elements === undefined) return column(value)
    if (elements.length === 0) return emptyField
    return elements.map((one) => (one === 'null' ? unsetField : element(one))).join(setSeparator)
  }
  return (line) => {
    const values = jsonValues(line)
    if (values === undefined) return undefined
    return guarded(columns.map((name) => cell(values.get(name))).join(separator))
  }
}

/** A record that looks like a line of the header gets another first byte, as in Zeek. */
function guarded(line: string): string {
  return line.startsWith(DEFAULT_FORMAT.metaPrefix) ? `\\x23${line.slice(1)}` : line
}

/** Prints one value: escaped, and so that it does not look like an unset or empty one. */
function cellPrinter(separators: readonly string[]): (value: string) => string {
  const escapes = new TextEscapes(separators, true)
  const writer = new ByteWriter(256)
  const { emptyField, unsetField } = DEFAULT_FORMAT
  return (value) => {
    const text = jsonText(value)
    // Only strings can look like something else.
    if (!value.startsWith('"')) return text
    if (text === '') return emptyField
    if (text === unsetField || text === emptyField) {
      return `\\x${text.charCodeAt(0).toString(16).padStart(2, '0')}${text.slice(1)}`
    }
    if (PLAIN.test(text) && !separators.some((separator) => text.includes(separator))) return text
    writer.length = 0
    const bytes = Buffer.from(text, 'latin1')
    escapes.write(writer, bytes, 0, bytes.length)
    return Buffer.from(writer.bytes.buffer, writer.bytes.byteOffset, writer.length).toString('latin1')
  }
}

/** Printable ASCII but the backslash. */
const PLAIN = /^[ -[\]-~]*$/
