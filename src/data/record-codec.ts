/**
 * Encoders and decoders of records and of the arguments of events, made for their types. A loop over fields would be
 * the obvious way; but objects that are filled by name in a loop are several times slower to make and to read than
 * objects of a fixed shape, and records are what clusters mostly carry. So each type gets functions of its own,
 * generated from its field names; the names are quoted as JSON, nothing else of a user's input gets into the code.
 *
 * The generated functions know what is usual: scalars in the forms of `fast-form.ts` and short texts. At the first
 * thing that is not, they go back to the start and leave it all to `DataType.read` and `write`.
 */
import { TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import { textAt } from './byte-reader.js'
import { asciiInto, type ByteWriter, SHORT_TEXT_LENGTH } from './byte-writer.js'
import type { DataType } from './data-type.js'

export type FieldTypes = readonly (readonly [string, DataType<unknown>])[]

/** Appends each field as Broker data. */
export type FieldsWriter = (writer: ByteWriter, value: Readonly<Record<string, unknown>>) => void

/** Reads each field and makes the record; unset fields are `undefined`. */
export type FieldsReader = (reader: ByteReader) => Record<string, unknown>

export type ArgumentsWriter = (writer: ByteWriter, values: readonly unknown[]) => void
export type ArgumentsReader = (reader: ByteReader) => unknown[]

export function compileFieldsWriter(fields: FieldTypes): FieldsWriter {
  return compileWriter(fields, (name) => JSON.stringify(name)) as FieldsWriter
}

export function compileFieldsReader(fields: FieldTypes): FieldsReader {
  const made = fields.map(([name], index) => `${JSON.stringify(name)}: f${index}`)
  return compileReader(fields, `{${made.join(', ')}}`) as FieldsReader
}

export function compileArgumentsWriter(types: readonly DataType<unknown>[]): ArgumentsWriter {
  return compileWriter(asFields(types), (name) => name) as unknown as ArgumentsWriter
}

export function compileArgumentsReader(types: readonly DataType<unknown>[]): ArgumentsReader {
  const made = types.map((_type, index) => `f${index}`)
  return compileReader(asFields(types), `[${made.join(', ')}]`) as unknown as ArgumentsReader
}

function asFields(types: readonly DataType<unknown>[]): FieldTypes {
  return types.map((type, index) => [String(index), type])
}

function compileWriter(fields: FieldTypes, key: (name: string) => string): unknown {
  const bound: [string, unknown][] = []
  const slow: string[] = []
  const lines: string[] = []
  const rooms = fields.map(([, type]) => roomFor(type.unwrapped ?? type))
  for (const [index, [name, declared]] of fields.entries()) {
    const type = declared.unwrapped ?? declared
    const isOptional = declared.unwrapped !== undefined
    const value = `value[${key(name)}]`
    bound.push([`t${index}`, type])
    slow.push(
      isOptional
        ? `v = ${value}; if (v === undefined) writer.u8(${TAG.none}); else t${index}.write(writer, v);`
        : `t${index}.write(writer, ${value});`,
    )
    const write = fastWrite(type, index, bound, sum(rooms.slice(index + 1)))
    lines.push(
      isOptional
        ? `v = ${value}; if (v === undefined) { bytes[o] = ${TAG.none}; o += 1 } else { ${write} }`
        : `v = ${value}; ${write}`,
    )
  }
  const writeSlowly = compile(bound, 'writer, value', `let v;\n${slow.join('\n')}`)
  bound.push(['writeSlowly', writeSlowly], ['asciiInto', asciiInto])
  return compile(
    bound,
    'writer, value',
    `const start = writer.length; writer.ensure(${sum(rooms)});
    let bytes = writer.bytes, view = writer.view, o = start, v, n;
    fast: {\n${lines.join('\n')}\nwriter.length = o; return; }
    writer.length = start; writeSlowly(writer, value);`,
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** The most bytes that the usual form of a type takes. */
function roomFor(type: DataType<unknown>): number {
  if (type.fast === undefined) return 1
  return type.fast === 'text' ? 2 + SHORT_TEXT_LENGTH : 1 + type.fast.bytes
}

/** Code that appends `v` at `o`, or breaks out of `fast`; `room` is what the fields behind it need. */
function fastWrite(type: DataType<unknown>, index: number, bound: [string, unknown][], room: number): string {
  const { fast, tag } = type
  if (fast === undefined || tag === undefined) {
    return `writer.length = o; t${index}.write(writer, v); o = writer.length; writer.ensure(${room}); bytes = writer.bytes; view = writer.view;`
  }
  if (fast === 'text') {
    return `if (typeof v !== 'string' || (n = v.length) > ${SHORT_TEXT_LENGTH} || !asciiInto(bytes, o + 2, v)) break fast; bytes[o] = ${tag}; bytes[o + 1] = n; o += n + 2;`
  }
  bound.push([`w${index}`, fast.writeAt])
  return `if (!w${index}(view, o + 1, v)) break fast; bytes[o] = ${tag}; o += ${fast.bytes + 1};`
}

function compileReader(fields: FieldTypes, made: string): unknown {
  const bound: [string, unknown][] = []
  const slow: string[] = []
  const lines: string[] = []
  for (const [index, [, declared]] of fields.entries()) {
    const type = declared.unwrapped ?? declared
    const isOptional = declared.unwrapped !== undefined
    bound.push([`t${index}`, type])
    const read = `t${index}.read(reader)`
    slow.push(`f${index} = ${isOptional ? `reader.skipTag(${TAG.none}) ? undefined : ${read}` : read};`)
    const fast = fastRead(type, index, bound)
    lines.push(isOptional ? `if (o < end && bytes[o] === ${TAG.none}) o += 1; else { ${fast} }` : fast)
  }
  const declare = fields.length === 0 ? '' : `let ${fields.map((_field, index) => `f${index}`).join(', ')};`
  const readSlowly = compile(bound, 'reader', `${declare}\n${slow.join('\n')}\nreturn ${made};`)
  bound.push(['readSlowly', readSlowly], ['textAt', textAt])
  return compile(
    bound,
    'reader',
    `const bytes = reader.bytes, view = reader.view, end = reader.end, start = reader.offset;
    let o = start, n; ${declare}
    fast: {\n${lines.join('\n')}\nreader.offset = o; return ${made}; }
    reader.offset = start; return readSlowly(reader);`,
  )
}

/** Code that reads the field at `o`, or breaks out of `fast`. */
function fastRead(type: DataType<unknown>, index: number, bound: [string, unknown][]): string {
  const { fast, tag } = type
  if (fast === undefined || tag === undefined) {
    return `reader.offset = o; f${index} = t${index}.read(reader); o = reader.offset;`
  }
  if (fast === 'text') {
    return `if (o + 2 > end || bytes[o] !== ${tag} || (n = bytes[o + 1]) > 127 || o + 2 + n > end) break fast; f${index} = textAt(bytes, o + 2, n); o += n + 2;`
  }
  bound.push([`r${index}`, fast.readAt])
  const size = fast.bytes + 1
  return `if (o + ${size} > end || bytes[o] !== ${tag} || (f${index} = r${index}(view, o + 1)) === undefined) break fast; o += ${size};`
}

/** A function of generated code; what it uses is bound as constants, so that each call in it has exactly one target. */
export function compile(
  bound: readonly (readonly [string, unknown])[],
  parameters: string,
  body: string,
): unknown {
  const make = new Function(
    ...bound.map(([name]) => name),
    `'use strict'; return (${parameters}) => {\n${body}\n}`,
  )
  return make(...bound.map(([, value]) => value))
}
