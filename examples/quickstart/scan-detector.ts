/**
 * Finds port and address scans over the whole cluster, as Zeek's old `scan.zeek` did.
 *
 * Each worker sees only a part of what a scanner does, so none of them can count alone. Workers tell every failed
 * attempt to the one proxy that owns its source address; that proxy counts distinct targets; the manager writes the
 * notice. All nodes run this one script, and each does what its role asks for.
 */
import {
  type Address,
  addr,
  type Cluster,
  type ConnRecord,
  count,
  double,
  enumeration,
  event,
  interval,
  type Native,
  optional,
  type Port,
  port,
  record,
  set,
  string,
  time,
} from 'zeek-cluster'

export interface ScanSettings {
  /** Distinct targets (address and port) that one source may fail to reach within the window. */
  readonly allowedTargets: number
  readonly windowSeconds: number
  /** After a notice there is no other of its kind about the same source for so long. */
  readonly suppressSeconds: number
  /** Sources that one node remembers: a flood of forged addresses must not fill its memory. */
  readonly maxSources: number
}

export const DEFAULT_SETTINGS: ScanSettings = {
  allowedTargets: 25,
  windowSeconds: 5 * 60,
  suppressSeconds: 60 * 60,
  maxSources: 10_000,
}

/** From worker to proxy: who failed to reach which target, and when. */
const attempt = event('ScanDetector::attempt', [addr, addr, port, time])

/** From proxy to manager. The fields have the names of columns of notice.log, so that they fit without a word more. */
const findingType = record({
  ts: time,
  note: enumeration,
  msg: string,
  src: addr,
  dst: optional(addr),
  p: optional(port),
  n: count,
  peer_descr: string,
})
const found = event('ScanDetector::found', [findingType])
type Finding = Native<typeof findingType>

/** Zeek's `Notice::Info`: what reads Zeek's notice.log reads ours. */
const NOTICE_COLUMNS = {
  ts: optional(time),
  uid: optional(string),
  'id.orig_h': optional(addr),
  'id.orig_p': optional(port),
  'id.resp_h': optional(addr),
  'id.resp_p': optional(port),
  fuid: optional(string),
  file_mime_type: optional(string),
  file_desc: optional(string),
  proto: optional(enumeration),
  note: enumeration,
  msg: optional(string),
  sub: optional(string),
  src: optional(addr),
  dst: optional(addr),
  p: optional(port),
  n: optional(count),
  peer_descr: optional(string),
  actions: set(enumeration),
  email_dest: set(string),
  suppress_for: interval,
  'remote_location.country_code': optional(string),
  'remote_location.region': optional(string),
  'remote_location.city': optional(string),
  'remote_location.latitude': optional(double),
  'remote_location.longitude': optional(double),
} as const

export default (cluster: Cluster): void => detectScans(cluster)

export function detectScans(cluster: Cluster, settings: ScanSettings = DEFAULT_SETTINGS): void {
  switch (cluster.localNodeType()) {
    case 'WORKER':
      reportAttempts(cluster)
      break
    case 'PROXY':
      countTargets(cluster, settings, (finding) => {
        const outcome = cluster.publish(cluster.topicOf('MANAGER'), found(finding))
        return outcome === 'accepted' || outcome === 'queued'
      })
      break
    case 'MANAGER':
      writeNotices(cluster, settings)
      break
  }
}

/** Workers: every failed attempt goes to the proxy that owns its source. */
function reportAttempts(cluster: Cluster): void {
  cluster.on('connection', (conn) => {
    if (!isFailedAttempt(conn)) return
    const source = conn['id.orig_h']
    const message = attempt(source, conn['id.resp_h'], conn['id.resp_p'], conn.ts)
    const outcome = cluster.publishHrw(cluster.proxyPool, source, message)
    // Without a living proxy the manager counts. It has other work to do, but a scan is not missed.
    if (outcome === 'no-peer') cluster.publish(cluster.topicOf('MANAGER'), message)
  })
}

/**
 * Whether the originator tried to open a TCP connection and did not get to use it. SHR and RSTRH do not count: there
 * nobody saw the SYN, and answers to forged packets would accuse whose address was forged.
 */
export function isFailedAttempt(conn: ConnRecord): boolean {
  if (conn.proto !== 'tcp') return false
  switch (conn.conn_state) {
    case 'S0': // no answer
    case 'REJ': // answered with a reset
    case 'RSTOS0': // given up with a reset before an answer
    case 'SH': // given up with a FIN before an answer
      return true
    case 'RSTO': // answered, then reset by the originator: a half-open scan, if no side ever sent data
      return /^[^Dd]*S[^Dd]*$/.test(conn.history ?? '')
    default:
      return false
  }
}

interface Target {
  readonly address: Address
  readonly port: Port
  readonly ts: number
}

interface Source {
  readonly targets: Map<string, Target>
  /** Time of the last attempt. Workers report a connection when it ends, so attempts do not come in order. */
  latest: number
  quietUntil: number
}

/** Proxies: calls `tell` once per window for each source with too many targets, again if that returns false. */
function countTargets(cluster: Cluster, settings: ScanSettings, tell: (finding: Finding) => boolean): void {
  const { allowedTargets, windowSeconds, maxSources } = settings
  const sources = new Map<string, Source>()
  cluster.on(attempt, (src, address, port, ts) => {
    const source = sources.get(src.toString()) ?? { targets: new Map(), latest: ts, quietUntil: -Infinity }
    remember(sources, src.toString(), source, maxSources)
    if (ts < source.quietUntil) return
    source.latest = Math.max(source.latest, ts)
    remember(source.targets, `${address} ${port}`, { address, port, ts }, allowedTargets + 1)
    for (const [key, target] of source.targets) {
      if (target.ts <= source.latest - windowSeconds) source.targets.delete(key)
    }
    if (source.targets.size <= allowedTargets) return
    if (!tell(describe(src, [...source.targets.values()], cluster.name))) return
    source.targets.clear()
    source.quietUntil = source.latest + windowSeconds
  })
}

function describe(src: Address, targets: readonly Target[], peer: string): Finding {
  const [{ address, port }] = targets as [Target]
  const addresses = new Set(targets.map((target) => target.address.toString())).size
  const ports = new Set(targets.map((target) => target.port.toString())).size
  const times = targets.map((target) => target.ts)
  const ts = Math.max(...times)
  const hosts = addresses === 1 ? `host ${address}` : `${addresses} hosts`
  const services = ports === 1 ? `port ${port}` : `${ports} ports`
  const seconds = Math.round(ts - Math.min(...times))
  const span = `${Math.floor(seconds / 60)}m${seconds % 60}s`
  return {
    ts,
    note: ports > addresses ? 'Scan::Port_Scan' : 'Scan::Address_Scan',
    msg: `${src} scanned at least ${targets.length} unique targets on ${services} of ${hosts} in ${span}`,
    src,
    dst: addresses === 1 ? address : undefined,
    p: ports === 1 ? port : undefined,
    n: BigInt(targets.length),
    peer_descr: peer,
  }
}

/** Manager: the one place that every finding passes, and so the one that can tell a repetition. */
function writeNotices(cluster: Cluster, settings: ScanSettings): void {
  const { suppressSeconds, maxSources } = settings
  const notices = cluster.logs.createStream('Notice::LOG', { path: 'notice', columns: NOTICE_COLUMNS })
  const suppressedUntil = new Map<string, number>()
  const write = (finding: Finding): boolean => {
    const kind = `${finding.note} ${finding.src}`
    if (finding.ts < (suppressedUntil.get(kind) ?? -Infinity)) return true
    remember(suppressedUntil, kind, finding.ts + suppressSeconds, maxSources)
    notices.write({
      ...finding,
      actions: new Set(['Notice::ACTION_LOG']),
      email_dest: new Set(),
      suppress_for: suppressSeconds,
    })
    return true
  }
  cluster.on(found, write)
  countTargets(cluster, settings, write)
}

/** Sets an entry as the newest one and forgets the oldest beyond `limit`. */
function remember<Value>(entries: Map<string, Value>, key: string, value: Value, limit: number): void {
  entries.delete(key)
  entries.set(key, value)
  if (entries.size > limit) entries.delete(entries.keys().next().value!)
}
