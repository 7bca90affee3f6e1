/**
 * Which addresses Zeek 9 calls local when nothing is configured (`Site::private_address_space`): blocks that are
 * not routed over the Internet, and the 6to4 form (RFC 3056, `2002:` and the IPv4 address) of the IPv4 ones.
 */
import { type Address, Subnet } from '../data/address.js'

const IPV4_NETWORKS = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link local
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/24', // multicast on the link
  '239.0.0.0/8', // multicast within an organisation
  '240.0.0.0/4', // reserved
  '255.255.255.255/32', // broadcast
]

const IPV6_NETWORKS = [
  '::/128', // unspecified
  '::1/128', // loopback
  '64:ff9b:1::/48', // translation
  '100::/64', // discard only
  '2001::/23', // protocol assignments
  '2001:2::/48', // benchmarking
  '2001:db8::/32', // documentation
  'fc00::/7', // unique local
  'fe80::/10', // link local
  'fec0::/10', // site local
]

const SIX_TO_FOUR_PREFIX = 0x2002
const SIX_TO_FOUR_PREFIX_LENGTH = 16
const MAPPED_PREFIX_LENGTH = 96

/** Network and mask, four words each: checked without allocating. */
const NETWORKS: readonly Int32Array[] = [...IPV4_NETWORKS, ...IPV6_NETWORKS]
  .map((text) => Subnet.parse(text))
  .flatMap((subnet) => {
    const { address, length } = subnet
    const own = maskedNetwork(wordsOf(address), length)
    return address.isIPv4 ? [own, sixToFour(address, length - MAPPED_PREFIX_LENGTH)] : [own]
  })

/** Whether an address (four 32-bit words, signed or not) is local. */
export function isLocalAddress(word0: number, word1: number, word2: number, word3: number): boolean {
  for (const network of NETWORKS) {
    if (
      (word0 & network[4]!) === network[0] &&
      (word1 & network[5]!) === network[1] &&
      (word2 & network[6]!) === network[2] &&
      (word3 & network[7]!) === network[3]
    ) {
      return true
    }
  }
  return false
}

function sixToFour(address: Address, prefixLength: number): Int32Array {
  const { word3 } = address
  const words = [(SIX_TO_FOUR_PREFIX << 16) | (word3 >>> 16), (word3 << 16) | 0, 0, 0]
  return maskedNetwork(words, SIX_TO_FOUR_PREFIX_LENGTH + prefixLength)
}

function wordsOf(address: Address): number[] {
  return [address.word0, address.word1, address.word2, address.word3]
}

function maskedNetwork(words: readonly number[], length: number): Int32Array {
  const masks = words.map((_, index) => wordMask(length - 32 * index))
  return Int32Array.from([...words.map((word, index) => word & masks[index]!), ...masks])
}

function wordMask(length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? -1 : -1 << (32 - length)
}
