/** Parts of log records in wire form (spec/broker-protocol.md 6.6) that every writer reads the same way. */
import { Address } from '../../data/address.js'
import type { ByteReader } from '../../data/byte-reader.js'
import { DecodeError } from '../../data/decode-error.js'
import type { LogField } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'

/** Type tag, unused subtype and present flag. */
export const VALUE_HEADER_BYTES = 9

/** The type tags of columns; 0, which no type has, for what does not fit a byte. */
export function usualTags(fields: readonly LogField[]): Uint8Array {
  return Uint8Array.from(fields, ({ tag }) => (tag < 256 ? tag : 0))
}

/** Moves over the number of values. Throws `DecodeError` when the record is not one of these columns. */
export function readRecordStart(reader: ByteReader, fields: readonly LogField[]): void {
  const start = reader.offset
  const count = reader.u32()
  if (count !== fields.length) {
    throw new DecodeError('type-mismatch', `a record of ${count} values for ${fields.length} columns`, start)
  }
}

/** Moves over the header of a column; says whether it has a value. Throws `DecodeError` for another type. */
export function readColumnStart(reader: ByteReader, field: LogField): boolean {
  const start = reader.offset
  const tag = reader.u32()
  reader.skip(4)
  if (reader.u8() === 0) return false
  if (tag !== field.tag) {
    throw new DecodeError('type-mismatch', `column ${field.name} has type ${field.tag}, not ${tag}`, start)
  }
  return true
}

/** Moves over the header of an element; returns its type tag, or undefined when it has no value. */
export function readElementStart(reader: ByteReader): number | undefined {
  const tag = reader.u32()
  reader.skip(4)
  return reader.u8() === 0 ? undefined : tag
}

/** Number of elements of a container. Throws `DecodeError` when so many cannot be there. */
export function readElementCount(reader: ByteReader): number {
  const high = reader.u32()
  const size = high * 0x1_0000_0000 + reader.u32()
  if (size * VALUE_HEADER_BYTES > reader.remaining) {
    throw new DecodeError('truncated', `${size} elements announced, but the record is shorter`, reader.offset)
  }
  return size
}

export function isContainer(tag: number): boolean {
  return tag === ZEEK_TAG.table || tag === ZEEK_TAG.vector
}

/** Text of an address or subnet at the reader, as Zeek prints it. */
export function readNetworkText(reader: ByteReader, tag: number): string {
  if (tag === ZEEK_TAG.addr) return readAddressText(reader, reader.u8())
  const length = reader.u8()
  const family = reader.u8()
  return `${readAddressText(reader, family)}/${family === 4 ? length - 96 : length}`
}

function readAddressText(reader: ByteReader, family: number): string {
  if (family === 4) return Address.fromIPv4(reader.u32()).toString()
  if (family !== 6) {
    throw new DecodeError('invalid-tag', `unknown address family ${family}`, reader.offset - 1)
  }
  return formatIPv6(Address.fromBytes(reader.bytes, reader.take(16)))
}

/** The text of an address that is sent as IPv6; Zeek also prints translated addresses (RFC 2765) with an IPv4 part. */
function formatIPv6(address: Address): string {
  const { word0, word1, word2, word3 } = address
  if (word0 === 0 && word1 === 0) {
    if (word2 === 0xffff) return `::ffff:${Address.fromIPv4(word3)}`
    if (word2 === 0xffff0000) return `::ffff:0:${Address.fromIPv4(word3)}`
  }
  return address.toString()
}

/** Moves over the protocol of a port. Throws `DecodeError` for one that there is not. */
export function skipProtocol(reader: ByteReader): void {
  if (reader.u32() > 3) throw new DecodeError('invalid-tag', 'unknown port protocol', reader.offset - 4)
}

export function unknownType(reader: ByteReader, tag: number): DecodeError {
  return new DecodeError('invalid-tag', `type ${tag} cannot be logged`, reader.offset)
}
