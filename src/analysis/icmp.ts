/**
 * Which ICMP message answers which. Zeek pairs requests and replies of these types into one connection, whose
 * ports are the request's and the reply's type; every other message is a connection of its own direction, whose
 * ports are type and code.
 */

/** Types that answer each other, in both directions: RFC 792, 950, 1256. */
const ICMP_PAIRS = pairs([
  [8, 0], // echo
  [13, 14], // timestamp
  [15, 16], // information
  [10, 9], // router solicitation, advertisement
  [17, 18], // address mask
])

/** RFC 4443, 4861, 2710, 4620, 6275. */
const ICMPV6_PAIRS = pairs([
  [128, 129], // echo
  [133, 134], // router solicitation, advertisement
  [135, 136], // neighbor solicitation, advertisement
  [130, 131], // multicast listener query, report
  [139, 140], // node information
  [144, 145], // home agent address discovery
])

const ICMPV6_PROTOCOL = 58

/** The type that answers `type`, or undefined when none does. `ipProtocol` is 1 (ICMP) or 58 (ICMPv6). */
export function icmpCounterpart(ipProtocol: number, type: number): number | undefined {
  const counterpart = (ipProtocol === ICMPV6_PROTOCOL ? ICMPV6_PAIRS : ICMP_PAIRS)[type]!
  return counterpart < 0 ? undefined : counterpart
}

/** By type; -1 where there is no counterpart. */
function pairs(list: readonly (readonly [number, number])[]): Int16Array {
  const table = new Int16Array(256).fill(-1)
  for (const [request, reply] of list) {
    table[request] = reply
    table[reply] = request
  }
  return table
}
