/**
 * Strings of Zeek's JSON logs. There are two steps: bytes that are no printable UTF-8 get an escape of Zeek's, as text;
 * then that text becomes a JSON string. So a backslash of the first step is doubled by the second.
 */
import type { ByteWriter } from '../../data/byte-writer.js'
import { writeText } from './ascii-number.js'
import type { JsonEscapePolicy } from './ascii-options.js'
import { isCleanUtf8, TextEscapes, utf8Length } from './text-escapes.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20
const DELETE = 0x7f

/** Characters with a short escape in JSON. Of the control characters, only these stay what they are. */
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [QUOTE, '\\"'],
  [BACKSLASH, '\\\\'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
])

/** Appends `bytes[start, end)` as a JSON string, its quotes included. */
export type JsonTextWriter = (writer: ByteWriter, bytes: Uint8Array, start: number, end: number) => void

export function jsonTextWriter(policy: JsonEscapePolicy): JsonTextWriter {
  switch (policy) {
    case 'JSON::STRING_ESCAPE_POLICY_HEX':
      return writeHexText
    case 'JSON::STRING_ESCAPE_POLICY_PUA':
      return writePrivateUseText
    case 'JSON::STRING_ESCAPE_POLICY_TSV':
      return writeAsciiLogText
  }
}

function isKept(byte: number): boolean {
  return byte < SPACE && SHORT_ESCAPES.has(byte)
}

/** Enums and the names of functions and files are written so with any policy. */
export function writeHexText(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  const keepsHighBytes = isCleanUtf8(bytes, start, end, isKept)
  writer.u8(QUOTE)
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index]!
    const short = SHORT_ESCAPES.get(byte)
    if (short !== undefined) writeText(writer, short)
    else if ((byte >= SPACE && byte < DELETE) || keepsHighBytes) writer.u8(byte)
    else writeText(writer, `\\\\x${hexOf(byte)}`)
  }
  writer.u8(QUOTE)
}

/** Each bad byte becomes one of U+F0000 to U+F00FF; good characters beside it stay. */
function writePrivateUseText(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  writer.u8(QUOTE)
  for (let index = start; index < end; ) {
    const byte = bytes[index]!
    const short = SHORT_ESCAPES.get(byte)
    const length = utf8Length(bytes, index, end)
    if (short !== undefined) writeText(writer, short)
    else if (length > 0) writer.slice(bytes, index, index + length)
    else writeText(writer, `\\udb80\\udc${hexOf(byte)}`)
    index += Math.max(length, 1)
  }
  writer.u8(QUOTE)
}

const ASCII_LOG_ESCAPES = new TextEscapes([], true)

function writeAsciiLogText(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  const textStart = writer.length
  ASCII_LOG_ESCAPES.write(writer, bytes, start, end)
  const text = Buffer.from(writer.bytes.subarray(textStart, writer.length))
  writer.length = textStart
  writeJsonString(writer, text)
}

/** Appends printable text as a JSON string: the name of a column, or what was made printable. */
export function writeJsonString(writer: ByteWriter, text: Uint8Array): void {
  writer.u8(QUOTE)
  for (const byte of text) {
    const short = SHORT_ESCAPES.get(byte)
    if (short !== undefined) writeText(writer, short)
    else if (byte < SPACE) writeText(writer, `\\u00${hexOf(byte).toUpperCase()}`)
    else writer.u8(byte)
  }
  writer.u8(QUOTE)
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
