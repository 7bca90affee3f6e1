/**
 * Broker data as JSON, version 1 (spec/broker-protocol.md 9.1), lossless where JSON allows: integers are written
 * with all digits and read with them, which `JSON.parse` cannot do.
 */
import { Address, Port, Subnet } from './address.js'
import { canonical } from './binary.js'
import { DecodeError } from './decode-error.js'
import { type ByteString, compareValues, NONE, type Value } from './value.js'

/** The JSON text of a value: `{"@data-type":"count","data":5}`. */
export function valueToJson(value: Value): string {
  const body = dataToJson(value)
  return `{"@data-type":"${value.type}","data":${body}}`
}

function dataToJson(value: Value): string {
  switch (value.type) {
    case 'none':
      return '{}'
    case 'boolean':
      return String(value.value)
    case 'count':
    case 'integer':
      return value.value.toString()
    case 'real':
      return realToJson(value.value)
    case 'string':
    case 'enum-value':
      return JSON.stringify(textOf(value.value))
    case 'address':
    case 'subnet':
      return JSON.stringify(value.value.toString())
    case 'port':
      return JSON.stringify(value.value.toString().replace('unknown', '?'))
    case 'timestamp':
      return JSON.stringify(timestampText(value.value))
    case 'timespan':
      return JSON.stringify(timespanText(value.value))
    case 'set':
    case 'vector':
      return `[${value.value.map(valueToJson).join(',')}]`
    case 'table':
      return `[${value.value.map(([key, entry]) => `{"key":${valueToJson(key)},"value":${valueToJson(entry)}}`).join(',')}]`
  }
}

/** Bytes that are not UTF-8 become U+FFFD: JSON has no bytes. */
function textOf(value: ByteString): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
}

function realToJson(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"'
  const text = Object.is(value, -0) ? '-0.0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

function timestampText(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n - (nanoseconds % 1_000_000_000n < 0n ? 1n : 0n)
  const fraction = nanoseconds - seconds * 1_000_000_000n
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) return `${nanoseconds}ns`
  const digits = fraction
    .toString()
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')
  return `${date.toISOString().slice(0, 19)}.${digits}`
}

const UNITS: readonly (readonly [string, bigint])[] = [
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1000n],
  ['ns', 1n],
]

function timespanText(nanoseconds: bigint): string {
  const [unit, size] = UNITS.find(([, candidate]) => nanoseconds % candidate === 0n) ?? ['ns', 1n]
  return `${nanoseconds / size}${unit}`
}

/** Reads the JSON text of one value. Throws `DecodeError`. */
export function valueFromJson(text: string): Value {
  return toValue(parseJson(text))
}

/** Reads one JSON document. Throws `DecodeError`. */
export function parseJson(text: string, dialect: JsonDialect = STANDARD): Json {
  const reader = new JsonReader(text, dialect)
  const json = reader.read()
  reader.expectEnd()
  return json
}

/** A parsed JSON document; numbers keep their digits. */
export type Json = null | boolean | ByteString | JsonNumber | readonly Json[] | ReadonlyMap<string, Json>

/** Where writers of JSON differ: `STANDARD` here, what Zeek writes in `zeek-json.ts`. */
export interface JsonDialect {
  /** Sticky; matches `true`, `false`, `null` or a number. */
  readonly literal: RegExp
  /** What a string, given with its quotes, stands for; undefined when it is not valid. */
  readText(quoted: string): ByteString | undefined
}

const STANDARD: JsonDialect = {
  literal: /(?:true|false|null)\b|-?\d{1,2000}(?:\.\d{1,2000})?(?:[eE][+-]?\d{1,2000})?/y,
  readText(quoted) {
    try {
      return JSON.parse(quoted) as string
    } catch {
      return undefined
    }
  },
}

class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const MAX_DEPTH = 128

class JsonReader {
  readonly #text: string
  readonly #dialect: JsonDialect
  #offset = 0

  constructor(text: string, dialect: JsonDialect) {
    this.#text = text
    this.#dialect = dialect
  }

  expectEnd(): void {
    this.#skipBlanks()
    if (this.#offset < this.#text.length) throw this.#error('text behind the value')
  }

  read(depth = 0): Json {
    if (depth > MAX_DEPTH) throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, this.#offset)
    this.#skipBlanks()
    const start = this.#text[this.#offset]
    if (start === '{') return this.#readObject(depth)
    if (start === '[') return this.#readArray(depth)
    if (start === '"') return this.#readString()
    const match = this.#match(this.#dialect.literal)
    if (match === 'true' || match === 'false') return match === 'true'
    return match === 'null' ? null : new JsonNumber(match)
  }

  #readObject(depth: number): ReadonlyMap<string, Json> {
    const members = new Map<string, Json>()
    this.#readList('}', () => {
      this.#skipBlanks()
      const key = this.#readString()
      if (typeof key !== 'string') throw this.#error('the name of a member is not UTF-8')
      this.#skipBlanks()
      this.#match(/:/y)
      members.set(key, this.read(depth + 1))
    })
    return members
  }

  #readArray(depth: number): readonly Json[] {
    const elements: Json[] = []
    this.#readList(']', () => elements.push(this.read(depth + 1)))
    return elements
  }

  #readList(end: string, readItem: () => void): void {
    this.#offset += 1
    this.#skipBlanks()
    if (this.#text[this.#offset] === end) {
      this.#offset += 1
      return
    }
    for (;;) {
      readItem()
      this.#skipBlanks()
      if (this.#match(end === '}' ? /[,}]/y : /[,\]]/y) === end) return
    }
  }

  #readString(): ByteString {
    const text = this.#text
    const start = this.#offset
    if (text[start] !== '"') throw this.#error('not valid JSON')
    // A regular expression would run out of stack on a long string.
    let end = start + 1
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
    if (end >= text.length) throw this.#error('a string without end')
    const value = this.#dialect.readText(text.slice(start, end + 1))
    if (value === undefined) throw this.#error('not a valid string')
    this.#offset = end + 1
    return value
  }

  #skipBlanks(): void {
    this.#match(/\s*/y)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset
    const match = pattern.exec(this.#text)
    if (match === null) throw this.#error('not valid JSON')
    this.#offset += match[0].length
    return match[0]
  }

  #error(message: string): DecodeError {
    return new DecodeError('invalid-message', message, this.#offset)
  }
}

/** The value that a parsed document stands for; other members are ignored. Throws `DecodeError`. */
export function toValue(json: Json): Value {
  if (!(json instanceof Map)) throw mismatch('expected an object with @data-type and data')
  const type = json.get('@data-type')
  const data = json.get('data')
  if (type === 'none') return NONE
  if (data === undefined) throw mismatch('data is missing')
  switch (type) {
    case 'boolean':
      if (typeof data !== 'boolean') break
      return { type, value: data }
    case 'count':
    case 'integer':
      if (!(data instanceof JsonNumber) || !/^-?\d{1,20}$/.test(data.text)) break
      return { type, value: inRange(type, BigInt(data.text)) }
    case 'real':
      // Zeek refuses a real without fraction or exponent, so that nobody gets used to one.
      if (!(data instanceof JsonNumber) || /^-?\d+$/.test(data.text)) break
      return { type, value: realFromText(data.text) }
    case 'string':
    case 'enum-value':
      if (typeof data !== 'string' && !(data instanceof Uint8Array)) break
      return { type, value: data }
    case 'address':
    case 'subnet':
    case 'port':
    case 'timestamp':
    case 'timespan':
      if (typeof data !== 'string') break
      return scalarFromText(type, data)
    case 'set':
      if (!Array.isArray(data)) break
      return { type, value: canonical(data.map(toValue), compareValues, 0) }
    case 'vector':
      if (!Array.isArray(data)) break
      return { type, value: data.map(toValue) }
    case 'table':
      if (!Array.isArray(data)) break
      return { type, value: canonical(data.map(toEntry), (a, b) => compareValues(a[0], b[0]), 0) }
    default:
      throw mismatch('unknown @data-type')
  }
  throw mismatch(`data does not fit @data-type ${type}`)
}

function inRange(type: 'count' | 'integer', value: bigint): bigint {
  if ((type === 'count' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value) {
    throw mismatch(`${value} does not fit 64 bits`)
  }
  return value
}

/** `inf`, `-inf` and `nan` are what C prints; only `zeek-json.ts` lets them pass. */
function realFromText(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

function toEntry(json: Json): readonly [Value, Value] {
  if (!(json instanceof Map)) throw mismatch('a table entry is an object with key and value')
  return [toValue(json.get('key') ?? null), toValue(json.get('value') ?? null)]
}

/** A value from the text that people write: `80/tcp`, `10.0.0.0/8`, `1.5s`. Throws `DecodeError`. */
export function scalarFromText(
  type: 'address' | 'subnet' | 'port' | 'timestamp' | 'timespan',
  text: string,
): Value {
  try {
    switch (type) {
      case 'address':
        return { type, value: Address.parse(text) }
      case 'subnet':
        return { type, value: Subnet.parse(text) }
      case 'port':
        return { type, value: text.includes('/') ? Port.parse(text) : Port.parse(`${text}/tcp`) }
      case 'timestamp':
        return { type, value: parseTimestamp(text) }
      case 'timespan':
        return { type, value: parseTimespan(text) }
    }
  } catch (error) {
    if (error instanceof RangeError) throw mismatch(error.message)
    throw error
  }
}

function parseTimestamp(text: string): bigint {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/.exec(text)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3] ?? 'Z'}`)
  if (match === null || Number.isNaN(ms)) throw new RangeError(`not a time: '${text}'`)
  return BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'))
}

const TIMESPAN_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
}

function parseTimespan(text: string): bigint {
  const match = /^(-?\d+)(\.\d+)?\s*(ns|us|ms|s|min|h)$/.exec(text)
  if (match === null) throw new RangeError(`not a time span: '${text}' (units: ns, us, ms, s, min, h)`)
  const unit = TIMESPAN_UNITS[match[3]!]!
  if (match[2] === undefined) return BigInt(match[1]!) * BigInt(unit)
  return BigInt(Math.round(Number(match[1]! + match[2]) * unit))
}

function mismatch(message: string): DecodeError {
  return new DecodeError('type-mismatch', message, 0)
}
