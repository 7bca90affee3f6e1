/** CRC-32 (IEEE 802.3), by which bytes of the spool are known to be those that were written. */
import * as zlib from 'node:zlib'

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320
  return value
})

/** For a Node.js before 20.15, which has none of its own. */
export function crc32ByTable(bytes: Uint8Array, before = 0): number {
  let value = (before ^ 0xffffffff) >>> 0
  for (let index = 0; index < bytes.length; index += 1) {
    value = (value >>> 8) ^ TABLE[(value ^ bytes[index]!) & 0xff]!
  }
  return (value ^ 0xffffffff) >>> 0
}

/** The checksum of `bytes`, 0 to 2^32-1; `before` is that of the bytes that stand in front of them. */
export const crc32: (bytes: Uint8Array, before?: number) => number =
  typeof zlib.crc32 === 'function' ? (bytes, before = 0) => zlib.crc32(bytes, before) : crc32ByTable
