/**
 * Turns packets into finished connections: what Zeek writes to `conn.log`. Time is that of the packets, so a
 * capture gives the same records however fast it is read. A connection is finished by its protocol, by silence, by
 * `finish()`, or early because there are too many.
 */
import type { Random } from '../base/random.js'
import type { ConnRecord } from '../data/conn-record.js'
import { toConnRecord } from './conn-record.js'
import type { Connection } from './connection.js'
import { ConnectionTable } from './connection-table.js'
import { IcmpConnection, UdpConnection, UnknownTransportConnection } from './datagram-connection.js'
import { type FlowSplit, flowHash } from './flow-hash.js'
import { isLikelyServerPort } from './likely-server-ports.js'
import type { Undecodable } from './link-layer.js'
import { type DecodedPacket, PacketDecoder, TCP_FLAG } from './packet.js'
import { TcpConnection } from './tcp-connection.js'
import { tcpFlags } from './tcp-segment.js'
import { UidGenerator } from './uid.js'

export interface ConnectionTrackerOptions {
  /** Where uids come from. */
  readonly random: Random
  readonly onConnection: (record: ConnRecord) => void
  /**
   * Most connections that are tracked at a time. When one more begins, the one that has been silent for longest is
   * finished as it stands (policy: least recently active first). Default 200 000.
   */
  readonly maxConnections?: number
  /** Track only this part of the traffic; all of it when absent. */
  readonly split?: FlowSplit
  /**
   * Accept packets whose checksums are wrong, as `zeek -C` does. Default true: captures are mostly taken on hosts
   * whose network card fills in checksums after the capture.
   */
  readonly ignoreChecksums?: boolean
}

/** Counters since the start. */
export interface ConnectionTrackerStats {
  readonly packets: number
  /** Packets of connections that belong to other parts of the split. */
  readonly otherPartPackets: number
  /** Fragments that were kept until their datagram is complete. */
  readonly fragments: number
  /** Fragmented datagrams that were given up incomplete. */
  readonly droppedDatagrams: number
  /** Packets that could not be followed, by reason. */
  readonly undecodable: Readonly<Record<Undecodable, number>>
  readonly connections: number
  readonly activeConnections: number
  /** Connections finished early to keep to `maxConnections`. */
  readonly evictedConnections: number
}

export const DEFAULT_MAX_CONNECTIONS = 200_000
/** Tunnels whose uids are remembered; the longest known is forgotten first, and gets a new uid when seen again. */
const MAX_TUNNELS = 10_000
const IPV4_BROADCAST = -1

export class ConnectionTracker {
  readonly #onConnection: (record: ConnRecord) => void
  readonly #maxConnections: number
  readonly #split: FlowSplit | undefined
  readonly #decoder: PacketDecoder
  readonly #uids: UidGenerator
  readonly #table = new ConnectionTable()
  /** Uids of tunnels by their addresses. */
  readonly #tunnels = new Map<string, string>()
  /** Time of the timers: the latest packet time so far. */
  #networkSeconds = 0
  #packets = 0
  #otherPartPackets = 0
  #fragments = 0
  #connections = 0
  #evictedConnections = 0

  constructor(options: ConnectionTrackerOptions) {
    const maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS
    if (!(maxConnections >= 1)) throw new RangeError(`not a number of connections: ${maxConnections}`)
    this.#onConnection = options.onConnection
    this.#maxConnections = maxConnections
    this.#split = options.split
    this.#decoder = new PacketDecoder({ ignoreChecksums: options.ignoreChecksums ?? true })
    this.#uids = new UidGenerator(options.random)
  }

  get stats(): ConnectionTrackerStats {
    return {
      packets: this.#packets,
      otherPartPackets: this.#otherPartPackets,
      fragments: this.#fragments,
      droppedDatagrams: this.#decoder.droppedDatagrams,
      undecodable: { ...this.#decoder.undecodable },
      connections: this.#connections,
      activeConnections: this.#table.size,
      evictedConnections: this.#evictedConnections,
    }
  }

  /**
   * Takes one captured packet. `timestampSeconds` is since the Unix epoch, `linkType` a LINKTYPE_ value, and
   * `originalLength` the length on the wire in bytes. `bytes` is not kept.
   */
  packet(timestampSeconds: number, linkType: number, bytes: Uint8Array, originalLength: number): void {
    this.#packets += 1
    // Timers run for every packet, also one of another part: so the parts together give what one tracker gives.
    if (timestampSeconds > this.#networkSeconds) this.#networkSeconds = timestampSeconds
    this.#runTimers()
    const result = this.#decoder.decode(timestampSeconds, linkType, bytes, originalLength)
    if (result === 'fragment') this.#fragments += 1
    if (result !== 'decoded') return
    const packet = this.#decoder.packet
    const hash = flowHash(packet)
    if (this.#split !== undefined && !this.#split.owns(hash)) {
      this.#otherPartPackets += 1
      return
    }
    this.#track(packet, hash, timestampSeconds)
  }

  /** Says that there are no more packets: finishes all connections, in the order of their first packets. */
  finish(): void {
    const connections = [...this.#table].sort((a, b) => a.startSeconds - b.startSeconds)
    for (const connection of connections) this.#finish(connection)
  }

  #track(packet: DecodedPacket, hash: number, timestampSeconds: number): void {
    const match = this.#table.find(packet, hash)
    let connection = match.connection
    let fromOriginator = match.fromOriginator
    if (connection?.isReusedBy(packet)) {
      this.#finish(connection)
      connection = undefined
    }
    if (connection === undefined) {
      connection = this.#begin(packet, hash, timestampSeconds)
      fromOriginator = connection.direction(packet) === 'from-originator'
    }
    if (packet.tunnel !== '') {
      connection.tunnelUids ??= new Set()
      connection.tunnelUids.add(this.#tunnelUid(packet.tunnel))
    }
    const dueSeconds = connection.dueSeconds
    connection.process(packet, timestampSeconds, fromOriginator)
    if (connection.dueSeconds !== dueSeconds) this.#table.reschedule(connection)
    this.#table.touch(connection)
  }

  #begin(packet: DecodedPacket, hash: number, timestampSeconds: number): Connection {
    const oldest = this.#table.leastRecent
    if (oldest !== undefined && this.#table.size >= this.#maxConnections) {
      this.#evictedConnections += 1
      this.#finish(oldest)
    }
    const connection = this.#create(packet, hash, timestampSeconds)
    this.#connections += 1
    this.#table.add(connection)
    return connection
  }

  #create(packet: DecodedPacket, hash: number, timestampSeconds: number): Connection {
    const networkSeconds = this.#networkSeconds
    switch (packet.transport) {
      case 'tcp': {
        const connection = new TcpConnection(packet, hash, timestampSeconds, networkSeconds)
        if (isFromTcpServer(packet)) connection.flip()
        return connection
      }
      case 'udp':
        return new UdpConnection(packet, hash, timestampSeconds, networkSeconds, isFromUdpServer(packet))
      case 'icmp':
        return new IcmpConnection(packet, hash, timestampSeconds)
      case 'unknown':
        return new UnknownTransportConnection(packet, hash, timestampSeconds)
      default:
        return packet.transport satisfies never
    }
  }

  #tunnelUid(tunnel: string): string {
    const known = this.#tunnels.get(tunnel)
    if (known !== undefined) return known
    const oldest = this.#tunnels.keys().next().value
    if (oldest !== undefined && this.#tunnels.size >= MAX_TUNNELS) this.#tunnels.delete(oldest)
    const uid = this.#uids.next()
    this.#tunnels.set(tunnel, uid)
    return uid
  }

  #runTimers(): void {
    const now = this.#networkSeconds
    for (;;) {
      const connection = this.#table.firstDue
      if (connection === undefined || connection.dueSeconds > now) return
      if (connection.runTimers(now) === 'remove') this.#finish(connection)
      else this.#table.reschedule(connection)
    }
  }

  #finish(connection: Connection): void {
    this.#table.remove(connection)
    this.#onConnection(toConnRecord(connection, this.#uids.next()))
  }
}

/** Zeek's guess for TCP without a SYN: the sender of the first packet may be the server. */
function isFromTcpServer(packet: DecodedPacket): boolean {
  const flags = tcpFlags(packet)
  const hasSyn = (flags & TCP_FLAG.syn) !== 0
  if (hasSyn && (flags & TCP_FLAG.ack) === 0) return false
  if (!isLikelyServerPort('tcp', packet.sourcePort) || isToBroadcast(packet)) return false
  if (!isLikelyServerPort('tcp', packet.targetPort)) return true
  // Both could be servers: lower ports are likelier. A SYN with ACK may be a scan and stays as it is.
  return !hasSyn && packet.sourcePort < packet.targetPort
}

function isFromUdpServer(packet: DecodedPacket): boolean {
  if (!isLikelyServerPort('udp', packet.sourcePort) || isToBroadcast(packet)) return false
  return !isLikelyServerPort('udp', packet.targetPort)
}

function isToBroadcast(packet: DecodedPacket): boolean {
  const isIPv4 = packet.target0 === 0 && packet.target1 === 0 && packet.target2 === 0xffff
  return isIPv4 && packet.target3 === IPV4_BROADCAST
}
