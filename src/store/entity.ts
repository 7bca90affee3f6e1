/**
 * Who takes part in a store: a master, a clone or a front end (spec/broker-protocol.md 7.2). On the wire an endpoint
 * id and a 64-bit object number; here those 24 bytes as text of one byte a character, so that entities are compared
 * and looked up without being taken apart.
 */
import type { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'

export type Entity = string

export const ENTITY_BYTES = 24

/** Nobody; as a receiver, anybody. */
export const NOBODY: Entity = '\0'.repeat(ENTITY_BYTES)

/** `endpoint` is the id of a bus as text, a UUID. */
export function entityOf(endpoint: string, object: bigint): Entity {
  const bytes = Buffer.alloc(ENTITY_BYTES)
  bytes.write(endpoint.replaceAll('-', ''), 'hex')
  bytes.writeBigUInt64BE(object, 16)
  return bytes.latin1Slice(0, ENTITY_BYTES)
}

/** The id of its endpoint as text. */
export function endpointOf(entity: Entity): string {
  const hex = Buffer.from(entity, 'latin1').toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function objectOf(entity: Entity): bigint {
  return Buffer.from(entity, 'latin1').readBigUInt64BE(16)
}

/** The same few entities come again and again: their words are compared, and neither text nor bytes made anew. */
interface Known {
  readonly entity: Entity
  readonly words: readonly number[]
}

const KNOWN_SLOTS = 512
const WORDS = ENTITY_BYTES / 4
const known: (Known | undefined)[] = new Array(KNOWN_SLOTS)
const written = new Map<Entity, readonly number[]>()

export function readEntity(reader: ByteReader): Entity {
  const start = reader.take(ENTITY_BYTES)
  const { view } = reader
  const slot = (view.getInt32(start + 12) ^ (view.getInt32(start + 20) << 1)) & (KNOWN_SLOTS - 2)
  // Two places for each: two entities that come in turn must not drive each other out.
  const first = known[slot]
  if (first !== undefined && isAt(view, start, first.words)) return first.entity
  const second = known[slot + 1]
  if (second !== undefined && isAt(view, start, second.words)) return second.entity
  const words = Array.from({ length: WORDS }, (_, index) => view.getInt32(start + index * 4))
  const entity = reader.bytes.latin1Slice(start, start + ENTITY_BYTES)
  known[slot + 1] = first
  known[slot] = { entity, words }
  return entity
}

function isAt(view: DataView, start: number, words: readonly number[]): boolean {
  let index = WORDS - 1
  while (index >= 0 && view.getInt32(start + index * 4) === words[index]) index -= 1
  return index < 0
}

export function writeEntity(writer: ByteWriter, entity: Entity): void {
  const words = written.get(entity) ?? remember(entity)
  const offset = writer.reserve(ENTITY_BYTES)
  const { view } = writer
  for (let index = 0; index < WORDS; index += 1) view.setInt32(offset + index * 4, words[index]!)
}

function remember(entity: Entity): readonly number[] {
  const bytes = Buffer.from(entity, 'latin1')
  const words = Array.from({ length: WORDS }, (_, index) => bytes.readInt32BE(index * 4))
  if (written.size >= KNOWN_SLOTS) written.clear()
  written.set(entity, words)
  return words
}
