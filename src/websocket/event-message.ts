/** Events among the values that clients and the bus carry (spec/broker-protocol.md 6.1 and 6.2). */

import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { emptyOpenedMessage, MESSAGE_TYPE, openMessage } from '../data/messages.js'
import type { Value } from '../data/value.js'

export interface EventParts {
  readonly name: string
  readonly args: readonly Value[]
}

/** Name and arguments of a value that is an event message; undefined when it is none. */
export function eventParts(message: Value): EventParts | undefined {
  if (message.type !== 'vector' || message.value.length < 3) return undefined
  const [version, type, content] = message.value
  if (version?.type !== 'count' || version.value !== 1n) return undefined
  if (type?.type !== 'count' || type.value !== BigInt(MESSAGE_TYPE.event)) return undefined
  if (content?.type !== 'vector') return undefined
  const [name, args, metadata] = content.value
  if (name?.type !== 'string' || typeof name.value !== 'string' || args?.type !== 'vector') return undefined
  if (metadata !== undefined && !isMetadata(metadata)) return undefined
  return { name: name.value, args: args.value }
}

/** Pairs of id and value; the network timestamp must be one. */
function isMetadata(metadata: Value): boolean {
  if (metadata.type !== 'vector') return false
  return metadata.value.every((entry) => {
    if (entry.type !== 'vector' || entry.value.length !== 2) return false
    const [id, value] = entry.value
    if (id?.type !== 'count') return false
    return id.value !== NETWORK_TIMESTAMP || value?.type === 'timestamp'
  })
}

const NETWORK_TIMESTAMP = 1n

const reader = new ByteReader()

/**
 * The value in `bytes[start, end)` when it is an event, undefined when it is another message of Zeek. Throws
 * `DecodeError` for what is neither.
 */
export function readEventMessage(bytes: Uint8Array, start: number, end: number): Value | undefined {
  const opened = emptyOpenedMessage()
  reader.reset(bytes, start, end)
  openMessage(reader, opened)
  if (opened.type !== MESSAGE_TYPE.event) return undefined
  reader.reset(bytes, start, end)
  const value = readValue(reader)
  reader.expectEnd()
  return value
}
