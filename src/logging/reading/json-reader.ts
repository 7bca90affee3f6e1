/**
 * Reads lines of Zeek's JSON logs back into the wire form of records. What a file does not say, the types of its columns
 * and how it was written, the caller has to know.
 */
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import { type AsciiOptions, DEFAULT_ASCII_OPTIONS, type JsonTimestamps } from '../writers/ascii-options.js'
import { jsonTextWriter } from '../writers/json-text.js'
import { formatTime, timeWriter } from '../writers/json-time.js'
import { unescaped } from './ascii-reader.js'
import { type JsonToken, JsonTokens } from './json-tokens.js'
import { LogReadError } from './log-read-error.js'
import { invalid, isText, numberOf, writeText, writeValue } from './value-bytes.js'

/** The options that lines depend on. */
export type JsonFormat = Pick<
  AsciiOptions,
  'jsonTimestamps' | 'jsonIncludeUnsetFields' | 'jsonStringEscapePolicy'
>

export class JsonLineReader {
  readonly #fields: readonly LogField[]
  readonly #names: ReadonlySet<string>
  readonly #format: JsonFormat

  constructor(fields: readonly LogField[], format: JsonFormat = DEFAULT_ASCII_OPTIONS) {
    this.#fields = fields
    this.#names = new Set(fields.map(({ name }) => name))
    this.#format = format
  }

  /** Appends the record of a line without its end. Throws `LogReadError`; nothing is appended then. */
  read(writer: ByteWriter, line: Uint8Array): void {
    const start = writer.length
    const values = new JsonTokens(line).object()
    for (const name of values.keys()) {
      if (!this.#names.has(name)) throw new LogReadError('bad-log-line', `there is no column '${name}'`)
    }
    try {
      writer.u32(this.#fields.length)
      for (const field of this.#fields) this.#readColumn(writer, field, values.get(field.name))
    } catch (error) {
      writer.length = start
      throw error
    }
  }

  #readColumn(writer: ByteWriter, { tag, elementTag }: LogField, token: JsonToken | undefined): void {
    if (tag !== ZEEK_TAG.table && tag !== ZEEK_TAG.vector) {
      // A number that JSON does not have is `null`; what is not set is left out, unless asked for.
      const isUnset = token === undefined || (token.kind === 'null' && this.#format.jsonIncludeUnsetFields)
      return isUnset ? writer.logHeader(tag, false) : this.#readScalar(writer, tag, token)
    }
    if (token === undefined || token.kind === 'null') return writer.logHeader(tag, false)
    if (token.kind !== 'array') throw invalid(token.kind, 'set or vector')
    writer.logHeader(tag, true)
    writer.i64(BigInt(token.elements.length))
    for (const element of token.elements) {
      if (element.kind === 'null') writer.logHeader(elementTag, false)
      else this.#readScalar(writer, elementTag, element)
    }
  }

  #readScalar(writer: ByteWriter, tag: number, token: JsonToken): void {
    if (token.kind === 'array') throw invalid('an array', 'value without parts')
    if (isText(tag)) {
      if (token.kind !== 'text') throw invalid(token.kind, 'text')
      return writeText(writer, tag, this.#textOf(tag, token))
    }
    if (tag === ZEEK_TAG.time || tag === ZEEK_TAG.double || tag === ZEEK_TAG.interval) {
      writer.logHeader(tag, true)
      return writer.f64(tag === ZEEK_TAG.time ? timeOf(token, this.#format.jsonTimestamps) : realOf(token))
    }
    writeValue(writer, tag, valueText(tag, token))
  }

  /**
   * The bytes of a string. Some texts can be made of two strings: Zeek does not double backslashes. Bytes that were
   * escaped are taken where they give the same text, as they are likelier than backslashes.
   */
  #textOf(tag: number, token: JsonToken & { readonly kind: 'text' }): Uint8Array {
    const policy =
      tag === ZEEK_TAG.string ? this.#format.jsonStringEscapePolicy : 'JSON::STRING_ESCAPE_POLICY_HEX'
    if (policy === 'JSON::STRING_ESCAPE_POLICY_TSV') return unescaped(token.bytes)
    const bytes =
      policy === 'JSON::STRING_ESCAPE_POLICY_PUA' ? privateUseUndone(token.bytes) : hexUndone(token.bytes)
    const writer = new ByteWriter()
    jsonTextWriter(policy)(writer, bytes, 0, bytes.length)
    return Buffer.compare(writer.written(), token.source) === 0 ? bytes : token.bytes
  }
}

/** The text of a value as an ASCII log has it. */
function valueText(tag: number, token: JsonToken): string {
  const isNetwork = tag === ZEEK_TAG.addr || tag === ZEEK_TAG.subnet
  if (token.kind === 'text' && isNetwork) return Buffer.from(token.bytes).toString()
  if (token.kind === 'number' && !isNetwork && tag !== ZEEK_TAG.bool) return token.text
  if (token.kind === 'bool' && tag === ZEEK_TAG.bool) return token.value ? 'T' : 'F'
  throw invalid(token.kind, `type ${tag}`)
}

function realOf(token: JsonToken): number {
  if (token.kind === 'null') return Number.NaN
  if (token.kind !== 'number') throw invalid(token.kind, 'number')
  return numberOf(token.text)
}

function timeOf(token: JsonToken, form: JsonTimestamps): number {
  switch (form) {
    case 'JSON::TS_EPOCH':
      return realOf(token)
    case 'JSON::TS_MILLIS':
    case 'JSON::TS_MILLIS_UNSIGNED':
      if (token.kind !== 'number' || !/^-?\d+$/.test(token.text)) throw invalid(token.kind, 'time')
      return nearest(Number(BigInt.asIntN(64, BigInt(token.text))) / 1000, form, token.text)
    case 'JSON::TS_ISO8601': {
      const text = token.kind === 'text' ? Buffer.from(token.bytes).toString() : ''
      return nearest(isoSeconds(text), form, `"${text}"`)
    }
  }
}

const ISO = /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6,7})Z$/

function isoSeconds(text: string): number {
  // What Zeek writes for times that it cannot express.
  if (text === '2000-01-01T00:00:00.000000') return Number.NaN
  const parts = ISO.exec(text)?.slice(1).map(Number)
  if (parts === undefined) throw invalid(text, 'time')
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0] = parts
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  return date.getTime() / 1000 + micros / 1e6
}

/** The time itself, or a neighbour that has this text: what was cut off or rounded away may be missing. */
function nearest(seconds: number, form: JsonTimestamps, text: string): number {
  const step = Math.max(Math.abs(seconds) * Number.EPSILON, 1e-7)
  return [seconds, seconds + step, seconds - step].find((time) => textOfTime(time, form) === text) ?? seconds
}

function textOfTime(seconds: number, form: JsonTimestamps): string {
  const view = new DataView(new ArrayBuffer(64))
  const end = timeWriter(form)(view, 0, seconds)
  return end < 0 ? formatTime(form, seconds) : Buffer.from(view.buffer, 0, end).toString()
}

/** Undoes `\xhh`, as which bytes stand that are no printable UTF-8. */
function hexUndone(text: Uint8Array): Uint8Array {
  const undone = Buffer.from(text)
    .toString('latin1')
    .replaceAll(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  return Buffer.from(undone, 'latin1')
}

/** Undoes U+F0000 to U+F00FF, each of which stands for a byte. */
function privateUseUndone(text: Uint8Array): Uint8Array {
  const undone = Buffer.from(text)
    .toString('latin1')
    .replaceAll(/\u00f3\u00b0([\u0080-\u0083])([\u0080-\u00bf])/g, (_, high: string, low: string) =>
      String.fromCharCode(((high.charCodeAt(0) & 3) << 6) | (low.charCodeAt(0) & 0x3f)),
    )
  return Buffer.from(undone, 'latin1')
}
