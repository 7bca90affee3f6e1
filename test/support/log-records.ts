/** Log records in wire form, made value by value. */
import { type Address, Port, type Subnet } from '../../src/data/address.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import type { LogField } from '../../src/data/log-messages.js'
import { ZEEK_TAG } from '../../src/data/types.js'
import { type LogScalarType, type LogValue, writeLogRecord } from '../../src/logging/log-values.js'
import type { LogConfig, LogWriter } from '../../src/logging/writers/log-writer.js'

const TAGS = { ...ZEEK_TAG, set: ZEEK_TAG.table }

/** A column; `type` is Zeek's name: `count`, `set[addr]`. */
export function logField(name: string, type: string): LogField {
  const [outer = '', element] = type.split(/[[\]]/)
  const tagOf = (text: string): number => TAGS[text as keyof typeof TAGS]
  return {
    name,
    tag: tagOf(outer),
    elementTag: element === undefined ? 0 : tagOf(element),
    optional: true,
  }
}

/** A value without a value. */
export function unset(type: LogValue['type']): LogValue {
  return type === 'set' || type === 'vector' ? { type, elements: undefined } : { type, value: undefined }
}

/** One value from a plain JavaScript one; integers are numbers or `bigint`. */
export function logValue(
  type: LogScalarType,
  value: boolean | number | bigint | string | Uint8Array | Address | Subnet | Port,
): LogValue {
  switch (type) {
    case 'bool':
      return { type, value: { type: 'boolean', value: value === true } }
    case 'int':
      return { type, value: { type: 'integer', value: BigInt(value as number) } }
    case 'count':
      return { type, value: { type: 'count', value: BigInt(value as number) } }
    case 'double':
    case 'time':
    case 'interval':
      return { type, value: { type: 'real', value: value as number } }
    case 'port':
      return {
        type,
        value: { type: 'port', value: value instanceof Port ? value : new Port(value as number, 'tcp') },
      }
    case 'addr':
      return { type, value: { type: 'address', value: value as Address } }
    case 'subnet':
      return { type, value: { type: 'subnet', value: value as Subnet } }
    case 'enum':
      return { type, value: { type: 'enum-value', value: value as string | Uint8Array } }
    default:
      return { type, value: { type: 'string', value: value as string | Uint8Array } }
  }
}

export function vectorOf(...elements: readonly LogValue[]): LogValue {
  return { type: 'vector', elements }
}

export function setOf(...elements: readonly LogValue[]): LogValue {
  return { type: 'set', elements }
}

export function wireRecord(...values: readonly LogValue[]): Uint8Array {
  const writer = new ByteWriter()
  writeLogRecord(writer, values)
  return writer.toBytes()
}

/** What a writer makes of records, without header and trailer. */
export function formatted(
  writer: LogWriter,
  fields: readonly LogField[],
  records: readonly Uint8Array[],
  config: LogConfig = new Map(),
): Uint8Array {
  const format = writer.formatter(fields, config)
  const chunk = new ByteWriter()
  for (const record of records) format(chunk, record, 0, record.length)
  return chunk.toBytes()
}
