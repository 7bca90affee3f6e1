/**
 * Capture filters for workers that share an interface: each gets its part of the hosts' pairs, both directions of a
 * connection the same (spec/cluster-framework.md 5, `Cluster::Node$lb_filter`). Every node computes all of them from
 * the layout; nothing is sent.
 */
import { type Layout, nodesByName } from '../layout/layout.js'

/** The filters by worker, for those that share address and interface with others. */
export function loadBalancingFilters(layout: Layout): ReadonlyMap<string, string> {
  const sharing = new Map<string, string[]>()
  for (const worker of nodesByName(layout, 'WORKER')) {
    if (worker.interface === undefined) continue
    const place = `${worker.ip} ${worker.interface}`
    const names = sharing.get(place) ?? []
    sharing.set(place, [...names, worker.name])
  }
  const filters = new Map<string, string>()
  for (const names of sharing.values()) {
    if (names.length < 2) continue
    for (const [part, name] of names.entries()) filters.set(name, samplingFilter(names.length, part))
  }
  return filters
}

/** The BPF filter of part `part` (from 0) of `parts`: the low halves of both addresses, summed, modulo `parts`. */
export function samplingFilter(parts: number, part: number): string {
  const share = (sum: string): string => `(${sum} - (${parts}*(${sum}/${parts})) == ${part})`
  return `(ip and ${share('(ip[14:2]+ip[18:2])')}) or (ip6 and ${share('(ip6[22:2]+ip6[38:2])')})`
}
