/**
 * Highest-random-weight hashing exactly as Zeek's, so that every node of a mixed cluster picks the same owner
 * (spec/cluster-framework.md 3.5): 32-bit FNV-1a over a binary description of the key, and Zeek's weight function.
 */
import { Address, Port, type Subnet } from '../data/address.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { HashEra } from '../options/dialect.js'

/** Keys that pools accept: a `bigint` is a Zeek `count`, a `number` a `double`, bytes are a `string`. */
export type PoolKey = string | Uint8Array | bigint | number | boolean | Address | Subnet | Port

/** Type tags in front of the key's bytes; they were renumbered after 3.0. */
const TAGS: {
  readonly [Era in HashEra]: Readonly<
    Record<'bool' | 'count' | 'double' | 'string' | 'port' | 'addr' | 'subnet', number>
  >
} = {
  'tagged-3.0': { bool: 1, count: 3, double: 5, string: 8, port: 12, addr: 13, subnet: 14 },
  'bare-strings-7.1': { bool: 1, count: 3, double: 4, string: 7, port: 10, addr: 11, subnet: 12 },
}

export function fnv1a32(bytes: Uint8Array): number {
  let hash = 2166136261
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619)
  return hash >>> 0
}

/** Zeek's digest of a key: an unsigned 32-bit number. */
export function hashKey(era: HashEra, key: PoolKey): number {
  const tags = TAGS[era]
  if (typeof key === 'string' || key instanceof Uint8Array) {
    const bytes = Buffer.from(key)
    if (era !== 'tagged-3.0') return fnv1a32(bytes)
    const writer = new ByteWriter()
    writeU32(writer, tags.string)
    writeU32(writer, bytes.length)
    writer.raw(bytes)
    return fnv1a32(writer.written())
  }
  const writer = new ByteWriter()
  if (typeof key === 'bigint') {
    writeU32(writer, tags.count)
    writer.bytes.writeBigUInt64LE(BigInt.asUintN(64, key), writer.reserve(8))
  } else if (typeof key === 'boolean') {
    writeU32(writer, tags.bool)
    writer.bytes.writeBigUInt64LE(key ? 1n : 0n, writer.reserve(8))
  } else if (typeof key === 'number') {
    writeU32(writer, tags.double)
    writer.bytes.writeDoubleLE(key, writer.reserve(8))
  } else if (key instanceof Port) {
    writeU32(writer, tags.port)
    writeU32(writer, key.number)
    writer.raw(Buffer.from(`/\0${key.protocol}`))
  } else {
    writeU32(writer, key instanceof Address ? tags.addr : tags.subnet)
    writer.raw(Buffer.from(`${key}\0`))
  }
  return fnv1a32(writer.written())
}

const A = 1103515245
const B = 12345

/** Weight of a site for a digest; the site with the greatest weight owns the key, on a tie the greater site. */
export function siteWeight(site: number, digest: number): number {
  return (Math.imul(A, (Math.imul(A, site) + B) ^ (digest & 0x7fffffff)) + B) & 0x7fffffff
}

function writeU32(writer: ByteWriter, value: number): void {
  writer.bytes.writeUInt32LE(value, writer.reserve(4))
}
