/**
 * Data in Broker's binary format, tag included, held as text of one byte a character (latin1). That is the smallest
 * form the runtime has for bytes, and equal data is the same key of a `Map`: two keys of a store are equal when their
 * bytes are (spec/broker-protocol.md 8.2).
 */
import { readValue, skipValue, TAG } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { DataType } from '../data/data-type.js'
import { DecodeError } from '../data/decode-error.js'
import { MAX_DEPTH } from '../data/value-check.js'

export type Encoded = string

const writer = new ByteWriter()
const reader = new ByteReader()
let scratch = Buffer.allocUnsafeSlow(4096)
/** A single large value must not keep its memory. */
const KEPT_SCRATCH_BYTES = 1024 * 1024

/** Throws `EncodeError` for what is not of the type. */
export function encode<T>(type: DataType<T>, value: T): Encoded {
  writer.length = 0
  type.write(writer, value)
  const text = textAt(writer.bytes, 0, writer.length)
  if (writer.bytes.length > KEPT_SCRATCH_BYTES) writer.replaceBuffer(Buffer.allocUnsafeSlow(4096))
  return text
}

/** Throws `DecodeError` for data of another type. */
export function decode<T>(type: DataType<T>, data: Encoded): T {
  const { length } = data
  if (length > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.max(length, scratch.length * 2))
  writeAt(scratch, 0, data)
  reader.reset(scratch, 0, length)
  const value = type.read(reader)
  reader.expectEnd()
  if (scratch.length > KEPT_SCRATCH_BYTES) scratch = Buffer.allocUnsafeSlow(4096)
  return value
}

/** The next value of the input, which can be decoded whenever it is asked for. Throws `DecodeError`. */
export function readEncoded(source: ByteReader): Encoded {
  const start = source.offset
  checkValue(source, 0)
  return textAt(source.bytes, start, source.offset)
}

/** Builds what only shows its faults when it is built, and moves over the rest. */
function checkValue(source: ByteReader, depth: number): void {
  switch (source.bytes[source.offset]) {
    case TAG.port:
    case TAG.set:
    case TAG.table:
      readValue(source, depth)
      return
    case TAG.vector: {
      if (depth > MAX_DEPTH)
        throw new DecodeError('too-deep', `nested deeper than ${MAX_DEPTH}`, source.offset)
      source.skip(1)
      const count = source.elementCount(1)
      for (let index = 0; index < count; index += 1) checkValue(source, depth + 1)
      return
    }
    default:
      skipValue(source, depth)
  }
}

export function writeEncoded(target: ByteWriter, data: Encoded): void {
  const offset = target.reserve(data.length)
  writeAt(target.bytes, offset, data)
}

/** Up to this length, going over the bytes here is faster than asking the runtime. */
const SHORT_BYTES = 24

type MakeText = (bytes: Buffer, start: number) => string

/** For each length a function that makes the text in one call. */
const MAKE_TEXT: readonly MakeText[] = Array.from({ length: SHORT_BYTES + 1 }, (_, length) => {
  const codes = Array.from({ length }, (_unused, index) => `b[o + ${index}]`)
  return new Function('f', `'use strict'; return (b, o) => f(${codes.join(',')})`)(
    String.fromCharCode,
  ) as MakeText
})

function textAt(bytes: Buffer, start: number, end: number): Encoded {
  const make = MAKE_TEXT[end - start]
  return make === undefined ? bytes.latin1Slice(start, end) : make(bytes, start)
}

function writeAt(bytes: Buffer, offset: number, data: Encoded): void {
  const { length } = data
  if (length > SHORT_BYTES) {
    bytes.latin1Write(data, offset, length)
    return
  }
  for (let index = 0; index < length; index += 1) bytes[offset + index] = data.charCodeAt(index)
}

export function encodedOf(bytes: Uint8Array): Encoded {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice(0, bytes.length)
}

export function bytesOf(data: Encoded): Uint8Array {
  const bytes = Buffer.allocUnsafe(data.length)
  writeAt(bytes, 0, data)
  return bytes
}
