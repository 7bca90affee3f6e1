/**
 * Connections of protocols without connections: packets between the same two ends, until there is silence. UDP,
 * ICMP and everything else that runs over IP.
 */
import { Connection, ConnectionSide, type TimerResult } from './connection.js'
import type { DecodedPacket } from './packet.js'

/** Zeek's `udp_`, `icmp_` and `unknown_ip_inactivity_timeout`. */
const INACTIVITY_SECONDS = 60
/** Zeek's `dns_session_timeout`, and the ports whose traffic it takes for DNS. */
const DNS_SESSION_SECONDS = 10
const DNS_PORTS: ReadonlySet<number> = new Set([53, 137, 5353, 5355])
/** A DNS exchange is over a second before its timer, so that a single answer does not need a second timer. */
const DNS_SLACK_SECONDS = 1
const UDP_HEADER_BYTES = 8
const ICMP_HEADER_BYTES = 8

class DatagramSide extends ConnectionSide {
  /** Payload bytes sent; undefined until something was. */
  payloadBytes: number | undefined
  badChecksums = 0
}

abstract class DatagramConnection extends Connection {
  declare originator: DatagramSide
  declare responder: DatagramSide

  constructor(packet: DecodedPacket, hash: number, startSeconds: number) {
    const { source0, source1, source2, source3, target0, target1, target2, target3 } = packet
    const source = new DatagramSide(source0, source1, source2, source3, packet.sourcePort, true)
    const target = new DatagramSide(target0, target1, target2, target3, packet.targetPort, false)
    super(packet, hash, startSeconds, source, target, INACTIVITY_SECONDS)
    this.dueSeconds = this.inactivityDueSeconds
  }

  override runTimers(networkSeconds: number): TimerResult {
    const result = this.runInactivityTimer(networkSeconds)
    this.dueSeconds = this.inactivityDueSeconds
    return result
  }

  override connState(): string {
    return 'OTH'
  }

  override payloadBytes(side: DatagramSide): number {
    return side.payloadBytes ?? 0
  }

  protected sideOf(fromOriginator: boolean): DatagramSide {
    return fromOriginator ? this.originator : this.responder
  }
}

export class UdpConnection extends DatagramConnection {
  #dnsDueSeconds: number

  /** `isFlipped`: the sender of the first packet is the responder, as its port tells. */
  constructor(
    packet: DecodedPacket,
    hash: number,
    startSeconds: number,
    networkSeconds: number,
    isFlipped: boolean,
  ) {
    super(packet, hash, startSeconds)
    if (isFlipped) this.flip()
    this.#dnsDueSeconds = DNS_PORTS.has(this.responder.port) ? networkSeconds + DNS_SESSION_SECONDS : Infinity
    this.dueSeconds = Math.min(this.inactivityDueSeconds, this.#dnsDueSeconds)
  }

  override process(packet: DecodedPacket, timestampSeconds: number, fromOriginator: boolean): void {
    const side = this.sideOf(fromOriginator)
    if (packet.hasBadChecksum) {
      side.badChecksums += 1
      this.addScaledHistory('C', side, side.badChecksums)
      return
    }
    this.lastSeconds = timestampSeconds
    const { bytes, transportOffset } = packet
    // By the UDP header, which may differ from the IP header.
    const length = ((bytes[transportOffset + 4]! << 8) | bytes[transportOffset + 5]!) - UDP_HEADER_BYTES
    if (side.payloadBytes === undefined) this.addHistory('D', side)
    side.payloadBytes = (side.payloadBytes ?? 0) + length
    this.count(packet, side)
  }

  override runTimers(networkSeconds: number): TimerResult {
    if (this.#dnsDueSeconds <= networkSeconds) {
      if (networkSeconds - this.lastSeconds >= DNS_SESSION_SECONDS - DNS_SLACK_SECONDS) return 'remove'
      this.#dnsDueSeconds = networkSeconds + DNS_SESSION_SECONDS
    }
    const result = super.runTimers(networkSeconds)
    this.dueSeconds = Math.min(this.inactivityDueSeconds, this.#dnsDueSeconds)
    return result
  }

  override connState(): string {
    const isAnswered = this.responder.payloadBytes !== undefined
    if (this.originator.payloadBytes === undefined) return isAnswered ? 'SHR' : 'OTH'
    return isAnswered ? 'SF' : 'S0'
  }
}

export class IcmpConnection extends DatagramConnection {
  override process(packet: DecodedPacket, timestampSeconds: number, fromOriginator: boolean): void {
    if (packet.hasBadChecksum) return
    this.lastSeconds = timestampSeconds
    const side = this.sideOf(fromOriginator)
    const stated =
      packet.statedPayloadLength === 0 ? packet.capturedPayloadLength : packet.statedPayloadLength
    side.payloadBytes = (side.payloadBytes ?? 0) + stated - ICMP_HEADER_BYTES
    // Zeek does not count messages that the capture cut.
    if (packet.capturedPayloadLength >= stated) this.count(packet, side)
  }
}

/** Any other protocol over IP: only the packets are counted. */
export class UnknownTransportConnection extends DatagramConnection {
  override process(packet: DecodedPacket, timestampSeconds: number, fromOriginator: boolean): void {
    this.lastSeconds = timestampSeconds
    this.count(packet, this.sideOf(fromOriginator))
  }
}
