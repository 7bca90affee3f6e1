/** What `decode` and `encode` do with a line, by the name of the format. */
import { readValue, writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { valueFromJson, valueToExactJson } from '../data/json.js'
import type { Value } from '../data/value.js'
import { valueAsZeekPrints } from '../data/zeek-json.js'
import { frameFromJson, frameToJson } from './frame-json.js'
import { bytesFromHex } from './json-members.js'
import { logFromJson, logToJson } from './log-json.js'

/** Between the bytes of a format and lines of JSON. Both throw `DecodeError`, `encode` also `EncodeError`. */
export interface Conversion {
  decode(bytes: Uint8Array): string | Uint8Array
  encode(json: Uint8Array): Uint8Array
}

const TOLERANT = { tolerant: true }

const brokerBin: Conversion = {
  decode: (bytes) => valueToExactJson(valueFromBytes(bytes)),
  encode(json) {
    const writer = new ByteWriter()
    writeValue(writer, valueFromJson(json, TOLERANT))
    return writer.toBytes()
  },
}

const brokerJson: Conversion = {
  decode: (text) => valueToExactJson(valueFromJson(text, TOLERANT)),
  encode: (json) => valueAsZeekPrints(valueFromJson(json, TOLERANT)),
}

export const FORMATS = {
  'broker-bin': brokerBin,
  'broker-json': brokerJson,
  'broker-frame': { decode: frameToJson, encode: frameFromJson },
  'zeek-log': { decode: logToJson, encode: logFromJson },
} as const satisfies Readonly<Record<string, Conversion>>

export type FormatName = keyof typeof FORMATS

/** What `decode --as-zeek` does, for the formats that are values. */
export const ZEEK_TEXT: Readonly<Partial<Record<FormatName, Conversion['decode']>>> = {
  'broker-bin': (bytes) => valueAsZeekPrints(valueFromBytes(bytes)),
  'broker-json': (text) => valueAsZeekPrints(valueFromJson(text, TOLERANT)),
}

/** Whether lines of the format are text as they are; those of the others are hex. */
export function isTextFormat(format: FormatName): boolean {
  return format === 'broker-json'
}

/** The bytes of a line of hex; blanks around it do not matter. Throws `DecodeError`. */
export function hexLine(line: Uint8Array): Uint8Array {
  return bytesFromHex(Buffer.from(line).toString('latin1').trim())
}

function valueFromBytes(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes)
  const value = readValue(reader)
  reader.expectEnd()
  return value
}
