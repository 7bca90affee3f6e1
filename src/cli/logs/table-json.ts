/**
 * Lines of tables as objects, as Zeek's JSON has them. What is usual goes from text to text; the rest takes the way
 * through the wire form, which knows everything.
 */
import { ByteWriter } from '../../data/byte-writer.js'
import { DecodeError } from '../../data/decode-error.js'
import { AsciiLineReader } from '../../logging/reading/ascii-reader.js'
import { LogReadError } from '../../logging/reading/log-read-error.js'
import { fieldOfType } from '../../logging/reading/value-bytes.js'
import { JsonLines } from '../../logging/writers/json-lines.js'
import { fromByteText } from './file-chunks.js'
import { decodedFormat, type TableSchema } from './log-schema.js'

/** The JSON of a value that is set and not empty; undefined when it has to go the other way. */
type Shortcut = (text: string) => string | undefined

/** Printable ASCII that means itself in both. */
const PLAIN = /^[ !#-[\]-~]+$/
const INTEGER = /^(?:0|-?[1-9]\d*)$/
/** Below 2^32 a double tells six decimals apart: none of them can be left out but zeros at the end. */
const SECONDS = /^\d{1,10}\.\d{6}$/

function quoted(text: string): string | undefined {
  return PLAIN.test(text) ? `"${text}"` : undefined
}

function integer(text: string): string | undefined {
  return INTEGER.test(text) ? text : undefined
}

function seconds(text: string): string | undefined {
  if (!SECONDS.test(text) || Number(text) >= 2 ** 32 || Number(text) < MIN_SECONDS) return undefined
  let end = text.length
  while (text[end - 1] === '0' && text[end - 2] !== '.') end -= 1
  return text.slice(0, end)
}

/** Smaller ones are printed with exponents. */
const MIN_SECONDS = 0.001

function boolean(text: string): string | undefined {
  return text === 'T' ? 'true' : text === 'F' ? 'false' : undefined
}

const SHORTCUTS: Readonly<Record<string, Shortcut>> = {
  addr: quoted,
  bool: boolean,
  count: integer,
  enum: quoted,
  int: integer,
  interval: seconds,
  port: integer,
  string: quoted,
  subnet: quoted,
  time: seconds,
}

/** Makes what turns lines into objects with these columns; undefined for a line that does not have its columns. */
export function tableToJson(
  schema: TableSchema,
  columns: readonly string[] | undefined,
): (line: string) => string | undefined {
  const { fields, types, format } = schema
  const names = columns?.filter((name) => fields.includes(name)) ?? fields
  const parts = names.map((name) => {
    const index = fields.indexOf(name)
    return { index, member: memberPrinter(schema, name, types?.[index] ?? 'string') }
  })
  return (line) => {
    const values = line.split(format.separator)
    if (values.length !== fields.length) return undefined
    let json = ''
    try {
      for (const { index, member } of parts) json += member(values[index]!)
    } catch (error) {
      if (error instanceof LogReadError || error instanceof DecodeError) return undefined
      throw error
    }
    return `{${json.slice(1)}}`
  }
}

/** Prints a comma, name and value; nothing for a value that is not set. Throws for one that is not of the type. */
function memberPrinter(schema: TableSchema, name: string, type: string): (text: string) => string {
  const { unsetField, emptyField, setSeparator } = schema.format
  const element = /^(?:set|vector)\[(\w+)\]$/.exec(type)?.[1]
  const shortcut = SHORTCUTS[element ?? type] ?? (() => undefined)
  const slowly = slowPrinter(schema, name, type)
  const prefix = `,${JSON.stringify(name)}:`
  const short: Shortcut = (text) => (text.startsWith(emptyField) ? undefined : shortcut(text))
  if (element === undefined) {
    return (text) => {
      if (text === unsetField) return ''
      const json = short(text)
      return json === undefined ? slowly(text) : prefix + json
    }
  }
  return (text) => {
    if (text === unsetField) return ''
    const elements = text.split(setSeparator)
    const json = elements.map((one) => (one === unsetField ? undefined : short(one)))
    return json.includes(undefined) ? slowly(text) : `${prefix}[${json.join(',')}]`
  }
}

/** Through the wire form. */
function slowPrinter(schema: TableSchema, name: string, type: string): (text: string) => string {
  const field = fieldOfType(fromByteText(name), type)
  const reader = new AsciiLineReader([field], decodedFormat(schema.format))
  const json = new JsonLines([field])
  const record = new ByteWriter(256)
  const output = new ByteWriter(256)
  return (text) => {
    record.length = 0
    output.length = 0
    reader.read(record, Buffer.from(text, 'latin1'))
    json.write(output, record.bytes, 0, record.length)
    // Without the braces and the end of the line.
    const members = Buffer.from(output.bytes.buffer, output.bytes.byteOffset + 1, output.length - 3)
    return members.length === 0 ? '' : `,${members.toString('latin1')}`
  }
}
