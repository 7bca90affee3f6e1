/**
 * What masters and clones say to each other, and its bytes (spec/broker-protocol.md 7.3):
 *
 *     0   seq u64        position in the sender's stream; 0 for control commands
 *     8   sender entity
 *     32  receiver entity
 *     56  index u8, body
 *
 * Indices from 64 on are our own. They are only sent to endpoints that subscribe the topic for them (`topics.ts`),
 * which a stock Zeek does not.
 */
import type { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import { type Encoded, readEncoded, writeEncoded } from './encoded.js'
import { type Entity, readEntity, writeEntity } from './entity.js'
import type { StoreErrorCode } from './store-error.js'

/** A relative time in nanoseconds after which an entry is gone; undefined: it stays. */
export type Expiry = bigint | undefined

/** What changes a store. */
export type Action =
  | {
      readonly kind: 'put'
      readonly key: Encoded
      readonly value: Encoded
      readonly expiry: Expiry
      readonly publisher: Entity
    }
  | {
      readonly kind: 'put-unique'
      readonly key: Encoded
      readonly value: Encoded
      readonly expiry: Expiry
      readonly who: Entity
      readonly requestId: number
      readonly publisher: Entity
    }
  | {
      readonly kind: 'put-unique-result'
      readonly inserted: boolean
      readonly who: Entity
      readonly requestId: number
      readonly publisher: Entity
    }
  | { readonly kind: 'erase'; readonly key: Encoded; readonly publisher: Entity }
  | { readonly kind: 'expire'; readonly key: Encoded; readonly publisher: Entity }
  | {
      readonly kind: 'add'
      readonly key: Encoded
      readonly value: Encoded
      /** Tag of the type that a missing key starts with. */
      readonly initType: number
      readonly expiry: Expiry
      readonly publisher: Entity
    }
  | {
      readonly kind: 'subtract'
      readonly key: Encoded
      readonly value: Encoded
      readonly expiry: Expiry
      readonly publisher: Entity
    }
  | { readonly kind: 'clear'; readonly publisher: Entity }

export type SnapshotEntry = readonly [key: Encoded, value: Encoded]

/** What keeps the streams of actions in order. */
export type Control =
  | { readonly kind: 'attach-writer'; readonly offset: number; readonly heartbeatTicks: number }
  | { readonly kind: 'keepalive'; readonly last: number }
  | { readonly kind: 'cumulative-ack'; readonly upTo: number }
  | { readonly kind: 'nack'; readonly missing: readonly number[] }
  | {
      readonly kind: 'ack-clone'
      readonly offset: number
      readonly heartbeatTicks: number
      readonly snapshot: Iterable<SnapshotEntry>
      /** Number of entries. */
      readonly size: number
    }
  | { readonly kind: 'retransmit-failed'; readonly lost: number }

/** What only our own masters and clones say. */
export type Extension =
  /** Actions at consecutive positions from the command's `seq` on, committed together. */
  | { readonly kind: 'batch'; readonly actions: readonly Action[] }
  /**
   * What became of the writer's action at `seq`, for one that no other command tells about: why it was not applied,
   * or nothing when it was and changed nothing.
   */
  | { readonly kind: 'outcome'; readonly seq: number; readonly code: StoreErrorCode | undefined }
  /**
   * A snapshot in parts, numbered from 1; the last command says how many there were. The command's `seq` tells one
   * snapshot from the next.
   */
  | { readonly kind: 'snapshot-part'; readonly part: number; readonly entries: readonly SnapshotEntry[] }
  | { readonly kind: 'snapshot-end'; readonly offset: number; readonly parts: number }
  /** Asks masters and clones what they hold: digests of all shards, or of each key of one (`digest.ts`). */
  | { readonly kind: 'digest-request'; readonly requestId: number; readonly shard: number | undefined }
  | Digest
  | ShardDigest

/** Whose digests these are, and of when. */
interface Holding {
  readonly requestId: number
  readonly isMaster: boolean
  /** Position in the master's stream; 0: there is no copy of the master's entries. */
  readonly at: number
  /** Entries. */
  readonly size: number
}

export interface Digest extends Holding {
  readonly kind: 'digest'
  readonly byShard: readonly number[]
}

export interface ShardDigest extends Holding {
  readonly kind: 'shard-digest'
  readonly shard: number
  readonly byKey: readonly (readonly [key: Encoded, digest: number])[]
}

export type Body = Action | Control | Extension

export interface Command {
  readonly seq: number
  readonly sender: Entity
  readonly receiver: Entity
  readonly body: Body
}

const INDEX = {
  put: 0,
  'put-unique': 1,
  'put-unique-result': 2,
  erase: 3,
  expire: 4,
  add: 5,
  subtract: 6,
  clear: 7,
  'attach-writer': 8,
  keepalive: 9,
  'cumulative-ack': 10,
  nack: 11,
  'ack-clone': 12,
  'retransmit-failed': 13,
  batch: 64,
  outcome: 65,
  'snapshot-part': 66,
  'snapshot-end': 67,
  'digest-request': 68,
  digest: 69,
  'shard-digest': 70,
} as const satisfies Record<Body['kind'], number>

/** What a master says of an action, in the order of their numbers on the wire. */
const REFUSALS: readonly (StoreErrorCode | undefined)[] = [
  undefined,
  'no-such-key',
  'type-clash',
  'invalid-data',
  'key-too-large',
  'value-too-large',
  'limit-reached',
  'disk-full',
  'backend-failure',
]

/** What stands for every shard. */
const ALL_SHARDS = 0xffff

/** No batch has more actions, no digest more shards: those that do are refused when read. */
export const LIST_LIMIT = 65_536

/** What `clear` takes, the shortest action. */
const ACTION_BYTES_MIN = 25

function outcomeNumber(code: StoreErrorCode | undefined): number {
  const number = REFUSALS.indexOf(code)
  // Whatever else a backend says, to the writer it is its failure.
  return number < 0 ? REFUSALS.indexOf('backend-failure') : number
}

export function isAction(body: Body): body is Action {
  return INDEX[body.kind] <= INDEX.clear
}

/** Appends a command as the payload of an envelope. */
export function writeCommand(writer: ByteWriter, { seq, sender, receiver, body }: Command): void {
  writer.u64FromNumber(seq)
  writeEntity(writer, sender)
  writeEntity(writer, receiver)
  writeBody(writer, body)
}

function writeBody(writer: ByteWriter, body: Body): void {
  writer.u8(INDEX[body.kind])
  switch (body.kind) {
    case 'put':
    case 'subtract':
      writeEncoded(writer, body.key)
      writeEncoded(writer, body.value)
      writeExpiry(writer, body.expiry)
      return writeEntity(writer, body.publisher)
    case 'put-unique':
      writeEncoded(writer, body.key)
      writeEncoded(writer, body.value)
      writeExpiry(writer, body.expiry)
      writeEntity(writer, body.who)
      writer.u64FromNumber(body.requestId)
      return writeEntity(writer, body.publisher)
    case 'put-unique-result':
      writer.u8(body.inserted ? 1 : 0)
      writeEntity(writer, body.who)
      writer.u64FromNumber(body.requestId)
      return writeEntity(writer, body.publisher)
    case 'erase':
    case 'expire':
      writeEncoded(writer, body.key)
      return writeEntity(writer, body.publisher)
    case 'add':
      writeEncoded(writer, body.key)
      writeEncoded(writer, body.value)
      writer.u8(body.initType)
      writeExpiry(writer, body.expiry)
      return writeEntity(writer, body.publisher)
    case 'clear':
      return writeEntity(writer, body.publisher)
    case 'attach-writer':
      writer.u64FromNumber(body.offset)
      return writer.u16(body.heartbeatTicks)
    case 'keepalive':
      return writer.u64FromNumber(body.last)
    case 'cumulative-ack':
      return writer.u64FromNumber(body.upTo)
    case 'nack':
      writer.varbyte(body.missing.length)
      for (const seq of body.missing) writer.u64FromNumber(seq)
      return
    case 'ack-clone':
      writer.u64FromNumber(body.offset)
      writer.u16(body.heartbeatTicks)
      writer.varbyte(body.size)
      return writeEntries(writer, body.snapshot)
    case 'retransmit-failed':
      return writer.u64FromNumber(body.lost)
    case 'batch':
      writer.varbyte(body.actions.length)
      for (const action of body.actions) writeBody(writer, action)
      return
    case 'outcome':
      writer.u64FromNumber(body.seq)
      return writer.u8(outcomeNumber(body.code))
    case 'snapshot-part':
      writer.u32(body.part)
      writer.varbyte(body.entries.length)
      return writeEntries(writer, body.entries)
    case 'snapshot-end':
      writer.u64FromNumber(body.offset)
      return writer.u32(body.parts)
    case 'digest-request':
      writer.u64FromNumber(body.requestId)
      return writer.u16(body.shard ?? ALL_SHARDS)
    case 'digest':
      writeHolding(writer, body)
      writer.varbyte(body.byShard.length)
      for (const digest of body.byShard) writer.u32(digest)
      return
    case 'shard-digest':
      writeHolding(writer, body)
      writer.u16(body.shard)
      writer.varbyte(body.byKey.length)
      for (const [key, digest] of body.byKey) {
        writeEncoded(writer, key)
        writer.u32(digest)
      }
  }
}

function writeHolding(writer: ByteWriter, { requestId, isMaster, at, size }: Holding): void {
  writer.u64FromNumber(requestId)
  writer.u8(isMaster ? 1 : 0)
  writer.u64FromNumber(at)
  writer.u64FromNumber(size)
}

/** Reads the payload of an envelope. Throws `DecodeError`, also for an unknown index and for bytes left over. */
export function readCommand(reader: ByteReader): Command {
  const seq = readNumber(reader)
  const sender = readEntity(reader)
  const receiver = readEntity(reader)
  const body = readBody(reader)
  reader.expectEnd()
  return { seq, sender, receiver, body }
}

function readBody(reader: ByteReader): Body {
  const index = reader.u8()
  if (index <= INDEX.clear) return readAction(reader, index)
  switch (index) {
    case INDEX['attach-writer']:
      return { kind: 'attach-writer', offset: readNumber(reader), heartbeatTicks: reader.u16() }
    case INDEX.keepalive:
      return { kind: 'keepalive', last: readNumber(reader) }
    case INDEX['cumulative-ack']:
      return { kind: 'cumulative-ack', upTo: readNumber(reader) }
    case INDEX.nack: {
      const count = reader.elementCount(8)
      const missing: number[] = []
      for (let position = 0; position < count; position += 1) missing.push(readNumber(reader))
      return { kind: 'nack', missing }
    }
    case INDEX['ack-clone']: {
      const offset = readNumber(reader)
      const heartbeatTicks = reader.u16()
      const snapshot = readEntries(reader)
      return { kind: 'ack-clone', offset, heartbeatTicks, snapshot, size: snapshot.length }
    }
    case INDEX['retransmit-failed']:
      return { kind: 'retransmit-failed', lost: readNumber(reader) }
    default:
      return readExtension(reader, index)
  }
}

function readAction(reader: ByteReader, index: number): Action {
  switch (index) {
    case INDEX.put: {
      const key = readEncoded(reader)
      const value = readEncoded(reader)
      return { kind: 'put', key, value, expiry: readExpiry(reader), publisher: readEntity(reader) }
    }
    case INDEX['put-unique']: {
      const key = readEncoded(reader)
      const value = readEncoded(reader)
      const expiry = readExpiry(reader)
      const who = readEntity(reader)
      const requestId = readNumber(reader)
      return { kind: 'put-unique', key, value, expiry, who, requestId, publisher: readEntity(reader) }
    }
    case INDEX['put-unique-result']: {
      const inserted = reader.u8() !== 0
      const who = readEntity(reader)
      const requestId = readNumber(reader)
      return { kind: 'put-unique-result', inserted, who, requestId, publisher: readEntity(reader) }
    }
    case INDEX.erase:
      return { kind: 'erase', key: readEncoded(reader), publisher: readEntity(reader) }
    case INDEX.expire:
      return { kind: 'expire', key: readEncoded(reader), publisher: readEntity(reader) }
    case INDEX.add: {
      const key = readEncoded(reader)
      const value = readEncoded(reader)
      const initType = reader.u8()
      const expiry = readExpiry(reader)
      return { kind: 'add', key, value, initType, expiry, publisher: readEntity(reader) }
    }
    case INDEX.subtract: {
      const key = readEncoded(reader)
      const value = readEncoded(reader)
      return { kind: 'subtract', key, value, expiry: readExpiry(reader), publisher: readEntity(reader) }
    }
    case INDEX.clear:
      return { kind: 'clear', publisher: readEntity(reader) }
    default:
      throw new DecodeError('invalid-tag', `unknown action ${index}`, reader.offset - 1)
  }
}

function readExtension(reader: ByteReader, index: number): Extension {
  switch (index) {
    case INDEX.batch: {
      const count = limitedCount(reader, ACTION_BYTES_MIN)
      const actions: Action[] = []
      for (let position = 0; position < count; position += 1) actions.push(readAction(reader, reader.u8()))
      return { kind: 'batch', actions }
    }
    case INDEX.outcome: {
      const seq = readNumber(reader)
      const code = reader.u8()
      if (code >= REFUSALS.length)
        throw new DecodeError('invalid-tag', `unknown outcome ${code}`, reader.offset - 1)
      return { kind: 'outcome', seq, code: REFUSALS[code] }
    }
    case INDEX['snapshot-part']: {
      const part = reader.u32()
      return { kind: 'snapshot-part', part, entries: readEntries(reader) }
    }
    case INDEX['snapshot-end']:
      return { kind: 'snapshot-end', offset: readNumber(reader), parts: reader.u32() }
    case INDEX['digest-request']: {
      const requestId = readNumber(reader)
      const shard = reader.u16()
      return { kind: 'digest-request', requestId, shard: shard === ALL_SHARDS ? undefined : shard }
    }
    case INDEX.digest: {
      const holding = readHolding(reader)
      const count = limitedCount(reader, 4)
      const byShard: number[] = []
      for (let position = 0; position < count; position += 1) byShard.push(reader.u32())
      return { kind: 'digest', ...holding, byShard }
    }
    case INDEX['shard-digest']: {
      const holding = readHolding(reader)
      const shard = reader.u16()
      const count = reader.elementCount(5)
      const byKey: [Encoded, number][] = []
      for (let position = 0; position < count; position += 1) byKey.push([readEncoded(reader), reader.u32()])
      return { kind: 'shard-digest', ...holding, shard, byKey }
    }
    default:
      throw new DecodeError('invalid-tag', `unknown command ${index}`, reader.offset - 1)
  }
}

function readHolding(reader: ByteReader): Holding {
  const requestId = readNumber(reader)
  const isMaster = reader.u8() !== 0
  const at = readNumber(reader)
  return { requestId, isMaster, at, size: readNumber(reader) }
}

function limitedCount(reader: ByteReader, minimumBytes: number): number {
  const count = reader.elementCount(minimumBytes)
  if (count > LIST_LIMIT) throw new DecodeError('too-large', `a list of ${count}`, reader.offset)
  return count
}

function writeEntries(writer: ByteWriter, entries: Iterable<SnapshotEntry>): void {
  for (const [key, value] of entries) {
    writeEncoded(writer, key)
    writeEncoded(writer, value)
  }
}

function readEntries(reader: ByteReader): SnapshotEntry[] {
  const count = reader.elementCount(2)
  const entries: SnapshotEntry[] = []
  for (let position = 0; position < count; position += 1) {
    entries.push([readEncoded(reader), readEncoded(reader)])
  }
  return entries
}

function writeExpiry(writer: ByteWriter, expiry: Expiry): void {
  writer.u8(expiry === undefined ? 0 : 1)
  if (expiry !== undefined) writer.i64(expiry)
}

function readExpiry(reader: ByteReader): Expiry {
  return reader.u8() === 0 ? undefined : reader.i64()
}

/** A 64-bit number that counts something: nothing counts beyond 2^53. */
function readNumber(reader: ByteReader): number {
  const high = reader.u32()
  const low = reader.u32()
  const value = high * 0x1_0000_0000 + low
  if (!Number.isSafeInteger(value))
    throw new DecodeError('too-large', 'a number beyond 2^53', reader.offset - 8)
  return value
}
