/** The Internet checksum (RFC 1071), which a receiver adds up to all ones when the bytes are intact. */

/** Whether the header or message in `bytes[start, end)` adds up, starting from `sum`. */
export function checksumHolds(bytes: Uint8Array, start: number, end: number, sum = 0): boolean {
  let total = sum
  const even = end - ((end - start) & 1)
  for (let offset = start; offset < even; offset += 2) {
    total += (bytes[offset]! << 8) | bytes[offset + 1]!
  }
  if (even < end) total += bytes[even]! << 8
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000)
  return total === 0xffff
}

/** What the pseudo header of TCP, UDP and ICMPv6 adds: both addresses as words, protocol, length in bytes. */
export function pseudoHeaderSum(addressWords: readonly number[], protocol: number, length: number): number {
  let sum = protocol + (length >>> 16) + (length & 0xffff)
  for (const word of addressWords) sum += (word >>> 16) + (word & 0xffff)
  return sum
}
