import type { Random } from '../base/random.js'

/** The identity of an endpoint: 16 bytes and their text form (spec/broker-protocol.md 3.1). */
export interface EndpointId {
  readonly bytes: Uint8Array
  /** Lower-case hex, grouped 8-4-4-4-12. */
  readonly text: string
  /** The bytes as four 32-bit numbers, for fast comparison. */
  readonly words: readonly [number, number, number, number]
}

export const NIL_ID: EndpointId = endpointIdFromBytes(new Uint8Array(16))

/** A random id. Zeek only counts peers whose id is a UUID of version 1 to 5: this is a version 4. */
export function randomEndpointId(random: Random): EndpointId {
  const bytes = random.fill(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return endpointIdFromBytes(bytes)
}

/** Takes 16 bytes, which must not change afterwards. */
export function endpointIdFromBytes(bytes: Uint8Array): EndpointId {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex')
  const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  )
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
  return { bytes, text, words: [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)] }
}

/** Takes the text form. */
export function endpointIdFromText(text: string): EndpointId {
  return endpointIdFromBytes(Buffer.from(text.replaceAll('-', ''), 'hex'))
}

/** Order of the bytes; the endpoint with the smaller id is the originator of a peering. */
export function compareEndpointIds(a: EndpointId, b: EndpointId): number {
  return Buffer.compare(a.bytes, b.bytes)
}
