/**
 * Highest-random-weight hashing exactly as Zeek's, so that every node of a mixed cluster picks the same owner
 * (spec/cluster-framework.md 3.5): 32-bit FNV-1a over a binary description of the key, and Zeek's weight function.
 */
import { Address, Port, type Subnet } from '../data/address.js'
import { ByteWriter } from '../data/byte-writer.js'
import { type DataType, ZEEK_TAG } from '../data/data-type.js'
import { intervalParts } from '../data/zeek-text.js'
import type { HashEra } from '../options/dialect.js'

/**
 * Keys that pools accept: a `bigint` is a Zeek `count`, a `number` a `double`, bytes are a `string`. Types that look
 * alike in JavaScript are told apart by `poolKey`.
 */
export type PoolKey = string | Uint8Array | bigint | number | boolean | Address | Subnet | Port | TypedKey

/** A key with its Zeek type; see `poolKey`. */
export class TypedKey {
  readonly type: KeyType
  readonly value: bigint | number | string
  /** Of an enum: `Cluster::NodeType`. */
  readonly enumName: string

  constructor(type: KeyType, value: bigint | number | string, enumName = '') {
    this.type = type
    this.value = value
    this.enumName = enumName
  }
}

type KeyType = 'int' | 'time' | 'interval' | 'enum'

/**
 * A pool key of a type that a JavaScript value alone does not tell: `poolKey(int, -5n)`, `poolKey(time, 1.5)`,
 * `poolKey(interval, 60)`, `poolKey(NodeType, 'Cluster::WORKER')`. Throws a `TypeError` for other types; Zeek's
 * advice is not to use records, sets and tables as keys.
 */
export function poolKey<T extends bigint | number | string>(
  type: DataType<T> & { readonly enumName?: string },
  value: T,
): TypedKey {
  const { name, enumName } = type
  if (name === 'int' || name === 'time' || name === 'interval') return new TypedKey(name, value)
  if (enumName !== undefined) return new TypedKey('enum', value, enumName)
  throw new TypeError(`a pool key of type ${name} needs no poolKey, or cannot be one`)
}

type TaggedType =
  | 'bool'
  | 'int'
  | 'count'
  | 'double'
  | 'time'
  | 'interval'
  | 'string'
  | 'enum'
  | 'port'
  | 'addr'
  | 'subnet'

/** Type tags in front of the key's bytes; they were renumbered in 4.1. */
const TAGS: { readonly [Era in HashEra]: Readonly<Record<TaggedType, number>> } = {
  '3.0': {
    bool: 1,
    int: 2,
    count: 3,
    double: 5,
    time: 6,
    interval: 7,
    string: 8,
    enum: 10,
    port: 12,
    addr: 13,
    subnet: 14,
  },
  '4.1': ZEEK_TAG,
  '7.1': ZEEK_TAG,
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
    // Bare since 7.1.
    if (era === '7.1') return fnv1a32(bytes)
    const writer = new ByteWriter()
    writeU32(writer, tags.string)
    writeU32(writer, bytes.length)
    writer.raw(bytes)
    return fnv1a32(writer.written())
  }
  const writer = new ByteWriter()
  if (typeof key === 'bigint') {
    writeU32(writer, tags.count)
    writeU64(writer, key)
  } else if (typeof key === 'boolean') {
    writeU32(writer, tags.bool)
    writeU64(writer, key ? 1n : 0n)
  } else if (typeof key === 'number') {
    writeU32(writer, tags.double)
    writeF64(writer, key)
  } else if (key instanceof Port) {
    writeU32(writer, tags.port)
    writeU32(writer, key.number)
    writer.raw(Buffer.from(`/\0${key.protocol}`))
  } else if (key instanceof TypedKey) {
    writeU32(writer, tags[key.type])
    writeTyped(writer, key)
  } else {
    writeU32(writer, key instanceof Address ? tags.addr : tags.subnet)
    writeText(writer, key.toString())
  }
  return fnv1a32(writer.written())
}

function writeTyped(writer: ByteWriter, { type, value, enumName }: TypedKey): void {
  switch (type) {
    case 'int':
      return writeU64(writer, BigInt(value))
    case 'time':
      return writeF64(writer, Number(value))
    case 'interval':
      return writeInterval(writer, Number(value))
    case 'enum':
      writer.raw(Buffer.from(enumName))
      return writeText(writer, String(value))
  }
}

/** The way Zeek says an interval (`1.0 min 30.0 secs`), with its numbers in binary. */
function writeInterval(writer: ByteWriter, seconds: number): void {
  const parts = intervalParts(seconds)
  if (parts.length === 0) return writeText(writer, '0 secs')
  for (const { amount, unit, isPlural } of parts) {
    writeF64(writer, amount)
    writeText(writer, unit)
    if (isPlural) writeText(writer, 's')
  }
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

function writeU64(writer: ByteWriter, value: bigint): void {
  writer.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), writer.reserve(8))
}

function writeF64(writer: ByteWriter, value: number): void {
  writer.bytes.writeDoubleLE(value, writer.reserve(8))
}

/** Text with a zero byte behind it. */
function writeText(writer: ByteWriter, text: string): void {
  writer.raw(Buffer.from(`${text}\0`))
}
