/**
 * Broker data as JSON exactly as Zeek writes it, byte for byte (spec/broker-protocol.md 9.1). What that is may be no
 * valid JSON and no valid UTF-8, and has fewer digits than the value: `json.ts` has the forms to work with.
 */
import { ByteWriter } from './byte-writer.js'
import { dateTimeText, portText, timespanText } from './scalar-text.js'
import { toByteArray, type Value } from './value.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const END = 0x7d
const LIST_START = 0x5b
const LIST_END = 0x5d

/** The letters behind the backslash by the byte that they stand for. All other bytes are written as they are. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({
    '\\': '\\',
    '"': '"',
    '\b': 'b',
    '\f': 'f',
    '\n': 'n',
    '\r': 'r',
    '\t': 't',
    '\v': 'v',
  }).map(([character, letter]) => [character.charCodeAt(0), letter.charCodeAt(0)]),
)

/** The text that Zeek prints for a value. Not always UTF-8. */
export function valueAsZeekPrints(value: Value): Buffer {
  const writer = new ByteWriter()
  appendValue(writer, value)
  return Buffer.from(writer.toBytes().buffer)
}

function appendValue(writer: ByteWriter, value: Value): void {
  append(writer, `{"@data-type":"${value.type}","data":`)
  appendData(writer, value)
  writer.u8(END)
}

function appendData(writer: ByteWriter, value: Value): void {
  switch (value.type) {
    case 'none':
      return append(writer, '{}')
    case 'boolean':
    case 'count':
    case 'integer':
      return append(writer, String(value.value))
    case 'real':
      return append(writer, fixedText(value.value))
    case 'string':
    case 'enum-value':
      return appendQuoted(writer, toByteArray(value.value))
    case 'address':
    case 'subnet':
      return append(writer, `"${value.value}"`)
    case 'port':
      return append(writer, `"${portText(value.value)}"`)
    case 'timestamp':
      return append(writer, `"${timestampText(value.value)}"`)
    case 'timespan':
      return append(writer, `"${timespanText(value.value)}"`)
    case 'set':
    case 'vector':
      return appendList(writer, value.value, appendValue)
    case 'table':
      return appendList(writer, value.value, (_writer, [key, entry]) => {
        append(writer, '{"key":')
        appendValue(writer, key)
        append(writer, ',"value":')
        appendValue(writer, entry)
        writer.u8(END)
      })
  }
}

function appendList<T>(
  writer: ByteWriter,
  elements: readonly T[],
  appendElement: (writer: ByteWriter, element: T) => void,
): void {
  writer.u8(LIST_START)
  for (const [index, element] of elements.entries()) {
    if (index > 0) writer.u8(COMMA)
    appendElement(writer, element)
  }
  writer.u8(LIST_END)
}

function append(writer: ByteWriter, text: string): void {
  writer.raw(Buffer.from(text, 'latin1'))
}

function appendQuoted(writer: ByteWriter, bytes: Uint8Array): void {
  writer.u8(QUOTE)
  for (const byte of bytes) {
    const letter = ESCAPES.get(byte)
    if (letter === undefined) {
      writer.u8(byte)
    } else {
      writer.u8(BACKSLASH)
      writer.u8(letter)
    }
  }
  writer.u8(QUOTE)
}

/** To the millisecond, cut towards zero; before 1970 Zeek loses the fraction. */
function timestampText(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n
  const ms = (nanoseconds % 1_000_000_000n) / 1_000_000n
  return `${dateTimeText(seconds)}.${(ms < 0n ? 0n : ms).toString().padStart(3, '0')}`
}

const DECIMALS = 6
const MANTISSA_BITS = 52n
const EXPONENT_BIAS = 1075n
const doubleBits = new DataView(new ArrayBuffer(8))

/** C's `%f`: six decimals of the exact value, a tie to the even digit. */
function fixedText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  doubleBits.setFloat64(0, value)
  const bits = doubleBits.getBigUint64(0)
  const biased = (bits >> MANTISSA_BITS) & 0x7ffn
  const fraction = BigInt.asUintN(Number(MANTISSA_BITS), bits)
  const mantissa = biased === 0n ? fraction : fraction | (1n << MANTISSA_BITS)
  const exponent = (biased === 0n ? 1n : biased) - EXPONENT_BIAS
  const digits = scaledDigits(mantissa * 10n ** BigInt(DECIMALS), exponent)
    .toString()
    .padStart(DECIMALS + 1, '0')
  const sign = bits >> 63n === 1n ? '-' : ''
  return `${sign}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`
}

/** `scaled * 2^exponent` as an integer, a tie to the even one. */
function scaledDigits(scaled: bigint, exponent: bigint): bigint {
  if (exponent >= 0n) return scaled << exponent
  const quotient = scaled >> -exponent
  const rest = scaled - (quotient << -exponent)
  const half = 1n << (-exponent - 1n)
  return rest > half || (rest === half && quotient % 2n === 1n) ? quotient + 1n : quotient
}
