/**
 * JSON as Zeek writes it, which is not always JSON (spec/broker-protocol.md 9.1, "Output rules"): the escape `\v`,
 * control characters as they are, bytes that are not UTF-8, and `inf`, `-inf` and `nan` as numbers.
 */
import { isUtf8 } from 'node:buffer'
import { type Json, type JsonDialect, parseJson, toValue } from './json.js'
import type { ByteString, Value } from './value.js'

/** Reads one value. Strings that are not UTF-8 keep their bytes. Throws `DecodeError`. */
export function valueFromZeekJson(bytes: Uint8Array): Value {
  return toValue(parseZeekJson(bytes))
}

/** Reads one document; proper JSON is one too. Throws `DecodeError`. */
export function parseZeekJson(bytes: Uint8Array): Json {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer)
    ? parseJson(buffer.toString('utf8'), TEXT_DIALECT)
    : parseJson(buffer.toString('latin1'), BYTE_DIALECT)
}

const LITERAL = /(?:true|false|null)\b|-?(?:inf|nan)\b|-?\d{1,2000}(?:\.\d{1,2000})?(?:[eE][+-]?\d{1,2000})?/y

const TEXT_DIALECT: JsonDialect = {
  literal: LITERAL,
  readText: (quoted) => unescaped(quoted, (text) => text),
}

/** One character is one byte: the only way to keep bytes that no text has. */
const BYTE_DIALECT: JsonDialect = {
  literal: LITERAL,
  readText(quoted): ByteString | undefined {
    const characters = unescaped(quoted, (text) => Buffer.from(text).toString('latin1'))
    if (characters === undefined) return undefined
    const bytes = Buffer.from(characters, 'latin1')
    return isUtf8(bytes) ? bytes.toString('utf8') : Uint8Array.from(bytes)
  },
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])

/** A surrogate pair is one character, another `\uXXXX` too; anything else is a backslash and a letter. */
const ESCAPE = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[\da-fA-F]{4}|\\./gs

function unescaped(quoted: string, fromUnicode: (text: string) => string): string | undefined {
  const body = quoted.slice(1, -1)
  if (!body.includes('\\')) return body
  let valid = true
  const text = body.replace(ESCAPE, (sequence) => {
    if (sequence.length > 2) return fromUnicode(JSON.parse(`"${sequence}"`) as string)
    const character = ESCAPES.get(sequence[1]!)
    valid &&= character !== undefined
    return character ?? ''
  })
  return valid ? text : undefined
}
