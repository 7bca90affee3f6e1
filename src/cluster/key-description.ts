/**
 * Zeek's description of a value in binary, which is what its hashes of pool keys are made of
 * (spec/cluster-framework.md 3.5, spec/zeek-zeromq-websocket.md 4.5): type tag and body, little-endian; containers say
 * their whole type first.
 */
import { ClusterError } from '../base/errors.js'
import type { Address, Port, Subnet } from '../data/address.js'
import { ByteWriter } from '../data/byte-writer.js'
import { type DataType, ZEEK_TAG } from '../data/data-type.js'
import type { EnumType } from '../data/enum-type.js'
import type { Pattern } from '../data/special-types.js'
import { intervalParts } from '../data/zeek-text.js'
import type { HashEra } from '../options/dialect.js'

const TAGS_SINCE_41 = { ...ZEEK_TAG, pattern: 8, record: 15, list: 16 } as const

type TaggedType = keyof typeof TAGS_SINCE_41

/** Type tags; they were renumbered in 4.1. */
const TAGS: { readonly [Era in HashEra]: Readonly<Record<TaggedType, number>> } = {
  '3.0': {
    bool: 1,
    int: 2,
    count: 3,
    double: 5,
    time: 6,
    interval: 7,
    string: 8,
    pattern: 9,
    enum: 10,
    port: 12,
    addr: 13,
    subnet: 14,
    table: 16,
    record: 18,
    list: 19,
    func: 20,
    file: 21,
    vector: 22,
  },
  '4.1': TAGS_SINCE_41,
  '7.1': TAGS_SINCE_41,
}

/** Throws a `ClusterError`, code `not-a-pool-key`, for what has no description that is the same on every node. */
export function describeKey(era: HashEra, type: DataType<unknown>, value: unknown): Uint8Array {
  const description = new Description(TAGS[era])
  description.value(type, value)
  return description.bytes
}

function notAKey({ name }: DataType<unknown>, message: string): ClusterError {
  return new ClusterError('not-a-pool-key', message, { type: name })
}

class Description {
  readonly #tags: Readonly<Record<TaggedType, number>>
  readonly #writer = new ByteWriter()

  constructor(tags: Readonly<Record<TaggedType, number>>) {
    this.#tags = tags
  }

  get bytes(): Uint8Array {
    return this.#writer.written()
  }

  value(type: DataType<unknown>, value: unknown): void {
    this.#type(type)
    const { structure } = type
    switch (structure?.kind) {
      case 'record': {
        const record = value as Readonly<Record<string, unknown>>
        this.#u64(BigInt(structure.fields.length))
        for (const [name, field] of structure.fields) {
          this.#text(name)
          if (record[name] === undefined) this.#text('<uninitialized>')
          else this.value(field.unwrapped ?? field, record[name])
        }
        return
      }
      case 'vector': {
        const elements = [...(value as Iterable<unknown>)]
        this.#text('[')
        for (const [index, element] of elements.entries()) {
          if (index > 0) this.#text(', ')
          this.value(structure.element, element)
        }
        return this.#text(']')
      }
      case 'set': {
        const elements = [...(value as Iterable<unknown>)]
        this.#size(elements.length, type)
        for (const element of elements) this.#index(structure.element, element)
        return
      }
      case 'table': {
        const entries = [...(value as Iterable<readonly [unknown, unknown]>)]
        this.#size(entries.length, type)
        for (const [key, element] of entries) {
          this.#index(structure.key, key)
          this.value(structure.value, element)
        }
        return
      }
      case 'tuple':
        throw notAKey(type, 'several values are no pool key by themselves: put them into a record')
      case undefined:
        return this.#scalar(type, value)
    }
  }

  /** Elements of sets and tables are in the order of Zeek's hashes, which differs from process to process. */
  #size(size: number, type: DataType<unknown>): void {
    if (size > 1)
      throw notAKey(type, `a ${type.name} with several elements is no pool key: they have no order`)
    this.#u32(size)
  }

  #index(type: DataType<unknown>, value: unknown): void {
    const members = membersOf(type)
    this.#u32(members.length)
    this.#u32(this.#tags.list)
    this.#u32(0)
    this.#u64(BigInt(members.length))
    for (const member of members) this.#type(member)
    this.#u64(BigInt(members.length))
    const values = type.structure?.kind === 'tuple' ? (value as readonly unknown[]) : [value]
    for (const [index, member] of members.entries()) this.value(member, values[index])
  }

  #type(type: DataType<unknown>): void {
    const { structure } = type
    switch (structure?.kind) {
      case 'record':
        this.#u32(this.#tags.record)
        this.#u64(0n)
        this.#u64(BigInt(structure.fields.length))
        for (const [name, field] of structure.fields) {
          this.#text(name)
          this.#type(field.unwrapped ?? field)
        }
        return
      case 'vector':
        this.#u32(this.#tags.vector)
        return this.#type(structure.element)
      case 'set':
        this.#u32(this.#tags.table)
        for (const member of membersOf(structure.element)) this.#type(member)
        return
      case 'table':
        this.#u32(this.#tags.table)
        for (const member of membersOf(structure.key)) this.#type(member)
        return this.#type(structure.value)
      case 'tuple':
      case undefined:
        this.#u32(this.#tagOf(type))
        this.#writer.raw(Buffer.from((type as Partial<EnumType<string>>).enumName ?? ''))
    }
  }

  #tagOf(type: DataType<unknown>): number {
    if ((type as Partial<EnumType<string>>).enumName !== undefined) return this.#tags.enum
    const tag = Object.hasOwn(this.#tags, type.name) ? this.#tags[type.name as TaggedType] : undefined
    if (tag === undefined || type.name === 'enum') throw notAKey(type, `a ${type.name} is no pool key`)
    return tag
  }

  #scalar(type: DataType<unknown>, value: unknown): void {
    switch (type.name) {
      case 'bool':
        return this.#u64(value === true ? 1n : 0n)
      case 'count':
      case 'int':
        return this.#u64(value as bigint)
      case 'double':
      case 'time':
        return this.#f64(value as number)
      case 'interval':
        return this.#interval(value as number)
      case 'string': {
        const bytes = Buffer.from(value as string | Uint8Array)
        this.#u32(bytes.length)
        return this.#writer.raw(bytes)
      }
      case 'port': {
        const { number, protocol } = value as Port
        this.#u32(number)
        return this.#writer.raw(Buffer.from(`/\0${protocol}`))
      }
      case 'addr':
      case 'subnet':
        return this.#text((value as Address | Subnet).toString())
      case 'pattern':
        for (const part of ['/', (value as Pattern).exact, '/']) this.#text(part)
        return
      default:
        return this.#text(String(value))
    }
  }

  /** The way Zeek says an interval (`1.0 min 30.0 secs`), with its numbers in binary. */
  #interval(seconds: number): void {
    const parts = intervalParts(seconds)
    if (parts.length === 0) return this.#text('0 secs')
    for (const { amount, unit, isPlural } of parts) {
      this.#f64(amount)
      this.#text(unit)
      if (isPlural) this.#text('s')
    }
  }

  /** Text with a zero byte behind it. */
  #text(text: string): void {
    this.#writer.raw(Buffer.from(`${text}\0`))
  }

  #u32(value: number): void {
    this.#writer.bytes.writeUInt32LE(value, this.#writer.reserve(4))
  }

  #u64(value: bigint): void {
    this.#writer.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#writer.reserve(8))
  }

  #f64(value: number): void {
    this.#writer.bytes.writeDoubleLE(value, this.#writer.reserve(8))
  }
}

function membersOf(type: DataType<unknown>): readonly DataType<unknown>[] {
  return type.structure?.kind === 'tuple' ? type.structure.members : [type]
}
