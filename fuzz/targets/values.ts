/** Broker data: values of any type, and records by the readers that are generated for their types. */
import { isDeepStrictEqual } from 'node:util'
import { readValue, skipValue, writeValue } from '../../src/data/binary.js'
import { ByteReader } from '../../src/data/byte-reader.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import type { DataType } from '../../src/data/data-type.js'
import { DecodeError, EncodeError } from '../../src/data/decode-error.js'
import { compileFieldsReader, compileFieldsWriter, type FieldTypes } from '../../src/data/record-codec.js'
import * as types from '../../src/data/types.js'
import type { Value } from '../../src/data/value.js'
import { recordedValues } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target } from '../target.ts'

/** What only building a value shows: `skipValue` says so. */
const UNSEEN_BY_SKIPPING: ReadonlySet<string> = new Set(['duplicate-element', 'invalid-tag'])

export function encodeValue(value: Value): Uint8Array {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return writer.toBytes()
}

const values: Target = {
  name: 'values',
  what: 'readValue and skipValue agree; what was read can be written, and then no longer changes',
  sources: [
    'src/data/binary.ts',
    'src/data/byte-reader.ts',
    'src/data/value-order.ts',
    'src/data/address.ts',
  ],
  seeds: () => [...recordedValues('value_hex'), ...recordedValues('broker_binary_hex')],
  run(input) {
    const reader = new ByteReader(input)
    const skipping = new ByteReader(input)
    const read = attempt(() => readValue(reader), DecodeError)
    const skipped = attempt(() => skipValue(skipping), DecodeError)
    if (read.error !== undefined) {
      ensure(
        skipped.error !== undefined || UNSEEN_BY_SKIPPING.has(read.error.code),
        `skipped, but not read: ${read.error.message}`,
      )
      return
    }
    ensure(skipped.error === undefined, `read, but not skipped: ${skipped.error?.message}`)
    ensure(skipping.offset === reader.offset, 'readers end at different places')
    const written = encodeValue(read.value)
    ensureSameBytes(encodeValue(readValue(new ByteReader(written))), written, 'changes when written again')
  },
}

const { addr, bool, bytes, count, double, enumeration, int, interval, optional, port, string, subnet, time } =
  types

const FIELDS: FieldTypes = Object.entries({
  count,
  label: enumeration,
  int: optional(int),
  double,
  text: string,
  flag: bool,
  time: optional(time),
  interval,
  host: addr,
  net: optional(subnet),
  port,
  bytes: optional(bytes),
  hosts: types.set(addr),
  counts: optional(types.vector(count)),
  ports: types.table(count, string),
  inner: types.record({ id: count, note: optional(string) }),
  anything: optional(types.any),
  note: optional(string),
}) as FieldTypes

const readFast = compileFieldsReader(FIELDS)
const writeFast = compileFieldsWriter(FIELDS)

function readSlowly(reader: ByteReader): Record<string, unknown> {
  return Object.fromEntries(FIELDS.map(([name, type]) => [name, readField(type, reader)]))
}

function readField(type: DataType<unknown>, reader: ByteReader): unknown {
  if (type.unwrapped === undefined) return type.read(reader)
  return reader.skipTag(0) ? undefined : type.unwrapped.read(reader)
}

function writeSlowly(writer: ByteWriter, value: Readonly<Record<string, unknown>>): void {
  for (const [name, type] of FIELDS) {
    if (type.unwrapped === undefined) type.write(writer, value[name])
    else if (value[name] === undefined) writer.u8(0)
    else type.unwrapped.write(writer, value[name])
  }
}

function writtenBy(write: typeof writeSlowly, value: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new ByteWriter()
  write(writer, value)
  return writer.toBytes()
}

/** One record with everything set, one with as little as can be. */
function* recordSeeds(): Iterable<Uint8Array> {
  const host = types.addr.read(new ByteReader(Buffer.from('0600000000000000000000ffff7f000001', 'hex')))
  const value = {
    count: 7n,
    label: 'Notice::LOG',
    double: 1.5,
    text: 'short',
    flag: true,
    interval: 0.25,
    host,
    port: types.port.read(new ByteReader(Buffer.from('08005001', 'hex'))),
    hosts: types.set(addr).read(new ByteReader(Buffer.from('0c00', 'hex'))),
    ports: types.table(count, string).read(new ByteReader(Buffer.from('0d00', 'hex'))),
    inner: { id: 1n },
  }
  const optionals = { int: -1n, time: 1.5, bytes: Buffer.from('raw'), counts: [1n, 2n], note: 'é'.repeat(20) }
  for (const record of [value, { ...value, ...optionals }]) {
    const writer = new ByteWriter()
    writeSlowly(writer, record)
    yield writer.toBytes()
  }
}

const records: Target = {
  name: 'records',
  what: 'generated readers and writers of records do as the types they are made of',
  sources: [
    'src/data/record-codec.ts',
    'src/data/fast-form.ts',
    'src/data/scalar-types.ts',
    'src/data/container-types.ts',
    'src/data/containers.ts',
    'src/data/byte-reader.ts',
  ],
  seeds: recordSeeds,
  run(input) {
    const fastReader = new ByteReader(input)
    const slowReader = new ByteReader(input)
    const fast = attempt(() => readFast(fastReader), DecodeError)
    const slow = attempt(() => readSlowly(slowReader), DecodeError)
    if (fast.error !== undefined || slow.error !== undefined) {
      ensure(
        fast.error?.message === slow.error?.message,
        `errors differ: ${fast.error?.message} and ${slow.error?.message}`,
      )
      return
    }
    ensure(fastReader.offset === slowReader.offset, 'readers end at different places')
    ensure(isDeepStrictEqual(fast.value, slow.value), 'readers make different values')
    const fastWritten = attempt(() => writtenBy(writeFast, fast.value), EncodeError)
    const slowWritten = attempt(() => writtenBy(writeSlowly, fast.value), EncodeError)
    if (fastWritten.error !== undefined || slowWritten.error !== undefined) {
      // The first and last times that can be read are, as seconds, outside of what can be written.
      ensure(fastWritten.error?.message === slowWritten.error?.message, 'only one of the writers refuses')
      return
    }
    ensureSameBytes(fastWritten.value, slowWritten.value, 'writers differ')
  },
}

export const VALUE_TARGETS: readonly Target[] = [values, records]
