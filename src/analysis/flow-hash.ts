/**
 * Splits traffic between workers: a hash of a packet's connection that is the same in both directions. The hash
 * is also the one that the connection table uses, so it is computed once per packet.
 */
import type { DecodedPacket } from './packet.js'

/**
 * Hash of the connection that `packet` belongs to, 0 to 2^32 - 1: addresses, ports and protocol. The ports of ICMP
 * are a message's type and that of its answer, so that request and reply agree too.
 */
export function flowHash(packet: DecodedPacket): number {
  const { source0, source1, source2, source3, target0, target1, target2, target3 } = packet
  const source = endpointHash(source0, source1, source2, source3, packet.sourcePort)
  const target = endpointHash(target0, target1, target2, target3, packet.targetPort)
  // Sum and product are symmetric; either alone would be zero or constant too often.
  return mix((source + target) ^ Math.imul(source | 1, target | 1) ^ packet.ipProtocol) >>> 0
}

function endpointHash(word0: number, word1: number, word2: number, word3: number, port: number): number {
  let hash = mix(word3 ^ Math.imul(port, 0x9e3779b1))
  if (word0 !== 0 || word1 !== 0) {
    hash = mix(hash ^ word2)
    hash = mix(hash ^ word1)
    hash = mix(hash ^ word0)
  }
  return hash
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** One worker's share of the traffic: part `part` (from 0) of `parts`. */
export class FlowSplit {
  readonly part: number
  readonly parts: number

  constructor(part: number, parts: number) {
    if (!Number.isInteger(part) || !Number.isInteger(parts) || part < 0 || part >= parts) {
      throw new RangeError(`not a part of a split: ${part} of ${parts}`)
    }
    this.part = part
    this.parts = parts
  }

  /** Whether the connection with this `flowHash` is in this part. */
  owns(hash: number): boolean {
    return hash % this.parts === this.part
  }
}
