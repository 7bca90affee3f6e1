/** Reads Zeek's ASCII logs: what their headers say, and lines back into the wire form of records. */
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import { type AsciiOptions, DEFAULT_ASCII_OPTIONS } from '../writers/ascii-options.js'
import { TextEscapes } from '../writers/text-escapes.js'
import { LogReadError } from './log-read-error.js'
import { fieldOfType, isText, writeText, writeValue } from './value-bytes.js'

const NEWLINE = 0x0a
const BACKSLASH = 0x5c
const LETTER_X = 0x78

/** The options that a header tells. */
export type AsciiFormat = Pick<
  AsciiOptions,
  'metaPrefix' | 'separator' | 'setSeparator' | 'emptyField' | 'unsetField'
>

export interface AsciiLogFile {
  readonly format: AsciiFormat
  /** `#path`; empty where there is none. */
  readonly path: string
  readonly fields: readonly LogField[]
  /** `#open` and `#close` as they stand there; undefined where they are missing, as after a crash. */
  readonly opened: string | undefined
  readonly closed: string | undefined
  /** Data lines without their ends. A last line without an end is left out: it is still being written. */
  readonly lines: readonly Uint8Array[]
}

/**
 * Reads a whole file. A file of the setting `tsv` has only the names of its columns: `known` tells the rest, and columns
 * that it does not have are strings. Throws `LogReadError` for a file without a header.
 */
export function readAsciiFile(
  bytes: Uint8Array,
  known: { readonly format?: AsciiFormat; readonly fields?: readonly LogField[] } = {},
): AsciiLogFile {
  const lines = linesOf(bytes)
  const first = lines[0] === undefined ? '' : textOf(lines[0])
  const [, metaPrefix, escaped] = /^(.*)separator (.+)$/.exec(first) ?? []
  if (metaPrefix === undefined || escaped === undefined) return readPlainFile(lines, known)
  return readFileWithMeta(lines, metaPrefix, unescapedText(escaped))
}

function readFileWithMeta(lines: readonly Uint8Array[], metaPrefix: string, separator: string): AsciiLogFile {
  const meta = new Map<string, string>()
  const data: Uint8Array[] = []
  const prefix = Buffer.from(metaPrefix)
  for (const line of lines.slice(1)) {
    const text = startsWith(line, prefix) ? textOf(line.subarray(prefix.length)) : ''
    const key = META_KEYS.find((name) => text.startsWith(name + separator))
    if (key !== undefined) meta.set(key, text.slice(key.length + separator.length))
    // Every line has an empty prefix; but then those with data begin with an escape.
    else if (text === '' || prefix.length === 0) data.push(line)
  }
  const names = meta.get('fields')?.split(separator)
  const types = meta.get('types')?.split(separator)
  if (names === undefined || types === undefined || names.length !== types.length) {
    throw new LogReadError('bad-log-header', 'the header does not say which columns there are')
  }
  return {
    format: {
      metaPrefix,
      separator,
      setSeparator: unescapedText(meta.get('set_separator') ?? DEFAULT_ASCII_OPTIONS.setSeparator),
      emptyField: unescapedText(meta.get('empty_field') ?? DEFAULT_ASCII_OPTIONS.emptyField),
      unsetField: unescapedText(meta.get('unset_field') ?? DEFAULT_ASCII_OPTIONS.unsetField),
    },
    path: unescapedText(meta.get('path') ?? ''),
    fields: names.map((name, index) => fieldOfType(name, types[index]!)),
    opened: meta.get('open'),
    closed: meta.get('close'),
    lines: data,
  }
}

const META_KEYS = [
  'set_separator',
  'empty_field',
  'unset_field',
  'path',
  'open',
  'fields',
  'types',
  'close',
] as const

function readPlainFile(
  lines: readonly Uint8Array[],
  { format = DEFAULT_ASCII_OPTIONS, fields = [] }: Parameters<typeof readAsciiFile>[1] & object,
): AsciiLogFile {
  const header = lines[0]
  if (header === undefined) throw new LogReadError('bad-log-header', 'the file has no header')
  const names = textOf(header).split(format.separator)
  const { metaPrefix, separator, setSeparator, emptyField, unsetField } = format
  return {
    format: { metaPrefix, separator, setSeparator, emptyField, unsetField },
    path: '',
    fields: names.map((name) => fields.find((field) => field.name === name) ?? fieldOfType(name, 'string')),
    opened: undefined,
    closed: undefined,
    lines: lines.slice(1),
  }
}

/** Turns lines into records. */
export class AsciiLineReader {
  readonly #fields: readonly LogField[]
  readonly #metaPrefix: Buffer
  readonly #separator: Buffer
  readonly #setSeparator: Buffer
  readonly #column: Markers
  readonly #element: Markers

  constructor(fields: readonly LogField[], format: AsciiFormat = DEFAULT_ASCII_OPTIONS) {
    this.#fields = fields
    this.#metaPrefix = Buffer.from(format.metaPrefix)
    this.#separator = Buffer.from(format.separator)
    this.#setSeparator = Buffer.from(format.setSeparator)
    this.#column = markersOf(format, [format.separator])
    this.#element = markersOf(format, [format.separator, format.setSeparator])
  }

  /** Appends the record of a line without its end. Throws `LogReadError`; nothing is appended then. */
  read(writer: ByteWriter, line: Uint8Array): void {
    const start = writer.length
    const columns = split(withoutGuard(line, this.#metaPrefix), this.#separator)
    if (columns.length !== this.#fields.length) {
      throw new LogReadError(
        'bad-log-line',
        `a line of ${columns.length} values for ${this.#fields.length} columns`,
      )
    }
    try {
      writer.u32(columns.length)
      for (const [index, field] of this.#fields.entries()) this.#readColumn(writer, field, columns[index]!)
    } catch (error) {
      writer.length = start
      throw error
    }
  }

  #readColumn(writer: ByteWriter, field: LogField, column: Uint8Array): void {
    const { tag } = field
    const { unset, empty } = this.#column
    if (tag !== ZEEK_TAG.table && tag !== ZEEK_TAG.vector) {
      return readScalar(writer, tag, column, this.#column)
    }
    if (unset.equals(column)) return writer.logHeader(tag, false)
    writer.logHeader(tag, true)
    const elements = empty.equals(column) ? [] : split(column, this.#setSeparator)
    writer.i64(BigInt(elements.length))
    for (const element of elements) readScalar(writer, field.elementTag, element, this.#element)
  }
}

/** The markers as they stand in lines: escaped like any text. */
interface Markers {
  readonly unset: Buffer
  readonly empty: Buffer
}

function markersOf(format: AsciiFormat, separators: readonly string[]): Markers {
  const escapes = new TextEscapes(separators, true)
  const escaped = (text: string): Buffer => {
    const writer = new ByteWriter(64)
    const bytes = Buffer.from(text)
    escapes.write(writer, bytes, 0, bytes.length)
    return Buffer.from(writer.toBytes())
  }
  return {
    unset: escaped(format.unsetField),
    empty: escaped(format.emptyField),
  }
}

function readScalar(writer: ByteWriter, tag: number, text: Uint8Array, markers: Markers): void {
  if (markers.unset.equals(text)) return writer.logHeader(tag, false)
  const bytes = unescaped(text)
  if (isText(tag)) return writeText(writer, tag, markers.empty.equals(text) ? new Uint8Array(0) : bytes)
  writeValue(writer, tag, textOf(bytes))
}

/** A line that would look like one of the header has an escape for its first byte. */
function withoutGuard(line: Uint8Array, metaPrefix: Uint8Array): Uint8Array {
  if (escapeLength(line, 0) !== 4) return line
  const plain = Buffer.from(line.subarray(3))
  plain[0] = unescaped(line.subarray(0, 4))[0]!
  return startsWith(plain, metaPrefix) ? plain : line
}

/** Length of the escape at `index`: 4 for `\xhh`, 2 for `\\`, 0 when there is none. */
function escapeLength(text: Uint8Array, index: number): number {
  if (text[index] !== BACKSLASH) return 0
  if (text[index + 1] === BACKSLASH) return 2
  const isHex =
    text[index + 1] === LETTER_X && /^[0-9a-f]{2}$/.test(textOf(text.subarray(index + 2, index + 4)))
  return isHex ? 4 : 0
}

/** Undoes `\xhh` and `\\`; what is neither stays. */
export function unescaped(text: Uint8Array): Uint8Array {
  if (!text.includes(BACKSLASH)) return text
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let index = 0; index < text.length; ) {
    const size = escapeLength(text, index)
    bytes[length] =
      size === 4 ? Number.parseInt(textOf(text.subarray(index + 2, index + 4)), 16) : text[index]!
    length += 1
    index += Math.max(size, 1)
  }
  return bytes.subarray(0, length)
}

function unescapedText(text: string): string {
  return text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('\\x', ''), 'hex').toString(),
  )
}

/** The lines of a file, without a last one that has no end. */
export function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  let start = 0
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}

/** The parts between separators. A separator may be a digit or a letter: those of escapes are none. */
function split(text: Uint8Array, separator: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  let start = 0
  for (let index = 0; separator.length > 0 && index < text.length; ) {
    const isSeparator = text[index] === separator[0] && startsWith(text.subarray(index), separator)
    if (isSeparator) {
      parts.push(text.subarray(start, index))
      start = index + separator.length
    }
    index += isSeparator ? separator.length : Math.max(escapeLength(text, index), 1)
  }
  parts.push(text.subarray(start))
  return parts
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => bytes[index] === byte)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
}
