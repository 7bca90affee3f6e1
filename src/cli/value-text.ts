/** Values of unknown type as Zeek's `print` shows them, for people. */
import { type ByteString, toByteArray, type Value } from '../data/value.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import type { RedefValue } from '../options/redef-value.js'

const NANOSECONDS = 1e9

/**
 * The text of a value. A record is a vector to Broker, and printed as one; fields that are not set are
 * `<uninitialized>`. Control characters and bytes that are no text are escaped: `\x1b`.
 */
export function valueText(value: Value): string {
  return printAsZeek(printable(value))
}

/** As `valueText`, without line ends: sets and tables have some. */
export function valueLine(value: Value): string {
  // Those in texts are escaped.
  return valueText(value).replaceAll(/\n\t*/g, ' ')
}

function printable(value: Value): RedefValue {
  switch (value.type) {
    case 'none':
      return { type: 'enum', value: '<uninitialized>' }
    case 'boolean':
      return { type: 'bool', value: value.value }
    case 'count':
    case 'port':
    case 'subnet':
      return value
    case 'integer':
      return { type: 'int', value: value.value }
    case 'real':
      return { type: 'double', value: value.value }
    case 'string':
      return { type: 'string', value: escaped(value.value) }
    case 'enum-value':
      return { type: 'enum', value: escaped(value.value) }
    case 'address':
      return { type: 'addr', value: value.value }
    case 'timestamp':
      return { type: 'double', value: Number(value.value) / NANOSECONDS }
    case 'timespan':
      return { type: 'interval', value: Number(value.value) / NANOSECONDS }
    case 'vector':
      return { type: 'vector', value: value.value.map(printable) }
    case 'set':
      return { type: 'set', value: value.value.map(printable) }
    case 'table':
      return {
        type: 'table',
        value: value.value.map(([key, element]) => [printable(key), printable(element)] as const),
      }
  }
}

function escaped(text: ByteString): string {
  if (typeof text !== 'string') return Array.from(toByteArray(text), escapedByte).join('')
  return text.replaceAll(/\p{Cc}/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => hex(byte)).join(''),
  )
}

function escapedByte(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : hex(byte)
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`
}
