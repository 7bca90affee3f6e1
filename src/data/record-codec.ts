/**
 * Encoders and decoders of records, made for their fields. A loop over field names would be the obvious way; but
 * objects that are filled by name in a loop are several times slower to make and to read than objects of a fixed
 * shape, and records are what clusters mostly carry. So each record type gets functions of its own, generated from
 * its field names; the names are quoted as JSON, nothing else of a user's input gets into the code.
 */
import { TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import type { DataType, LogForm } from './data-type.js'

export type FieldTypes = readonly (readonly [string, DataType<unknown>])[]

/** Appends each field as Broker data. */
export type FieldsWriter = (writer: ByteWriter, value: Readonly<Record<string, unknown>>) => void

/** Reads each field and makes the record; unset fields are `undefined`. */
export type FieldsReader = (reader: ByteReader) => Record<string, unknown>

export function compileFieldsWriter(fields: FieldTypes): FieldsWriter {
  const lines = fields.map(([name, type], index) => {
    const value = `value[${JSON.stringify(name)}]`
    if (type.unwrapped === undefined) return `t${index}.write(writer, ${value});`
    return `v = ${value}; if (v === undefined) writer.u8(${TAG.none}); else t${index}.write(writer, v);`
  })
  return compile(fields, ['writer', 'value'], `let v;\n${lines.join('\n')}`) as FieldsWriter
}

export function compileFieldsReader(fields: FieldTypes): FieldsReader {
  const lines = fields.map(([name, type], index) => {
    const read = `t${index}.read(reader)`
    const value = type.unwrapped === undefined ? read : `reader.skipTag(${TAG.none}) ? undefined : ${read}`
    return `${JSON.stringify(name)}: ${value},`
  })
  return compile(fields, ['reader'], `return {\n${lines.join('\n')}\n};`) as FieldsReader
}

/** Appends each field as a value of a log record (spec/broker-protocol.md 6.6). Every field must be loggable. */
export function compileLogWriter(fields: FieldTypes): FieldsWriter {
  const lines = fields.map(
    ([name], index) =>
      `v = value[${JSON.stringify(name)}]; writer.logHeader(t${index}.tag, v !== undefined); ` +
      `if (v !== undefined) t${index}.writeBody(writer, v);`,
  )
  const forms = fields.map(([name, type]): readonly [string, LogForm<unknown>] => [name, type.log!])
  return compile(
    forms,
    ['writer', 'value'],
    `let v;\nwriter.u32(${fields.length});\n${lines.join('\n')}`,
  ) as FieldsWriter
}

function compile(
  fields: readonly (readonly [string, object])[],
  parameters: readonly string[],
  body: string,
): unknown {
  const parts = fields.map(([, part]) =>
    'unwrapped' in part && part.unwrapped !== undefined ? part.unwrapped : part,
  )
  const names = parts.map((_part, index) => `t${index}`)
  // Field types are bound as constants, so that each call in the body has exactly one target.
  const make = new Function(...names, `'use strict'; return (${parameters.join(', ')}) => {\n${body}\n}`)
  return make(...parts)
}
