/**
 * What all connections have: two sides, times, packet counts, history. The protocols add how a packet changes
 * them: `tcp-connection.ts`, `datagram-connection.ts`.
 */
import type { DecodedPacket, Transport } from './packet.js'

/** What makes a connection finish by itself; see the timers of the protocols. */
export type TimerResult = 'keep' | 'remove'

/** One side of a connection: an address as four signed 32-bit words, a port, and what it sent. */
export class ConnectionSide {
  readonly word0: number
  readonly word1: number
  readonly word2: number
  readonly word3: number
  /** Port, or for ICMP type or code. */
  readonly port: number
  isOriginator: boolean
  packets = 0
  /** Sum of the lengths in the IP headers. */
  ipBytes = 0

  constructor(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    port: number,
    isOriginator: boolean,
  ) {
    this.word0 = word0
    this.word1 = word1
    this.word2 = word2
    this.word3 = word3
    this.port = port
    this.isOriginator = isOriginator
  }
}

/** Which side sent a packet, seen from the connection that it may belong to. */
export type Direction = 'from-originator' | 'from-responder' | 'other-connection'

export abstract class Connection {
  readonly hash: number
  readonly transport: Transport
  readonly ipProtocol: number
  readonly isOneWay: boolean
  readonly startSeconds: number
  originator: ConnectionSide
  responder: ConnectionSide
  lastSeconds: number
  history = ''
  missedBytes = 0
  /** Uids of the tunnels that packets came through; absent outside of tunnels. */
  tunnelUids: Set<string> | undefined
  /** Silence after which the connection is over. */
  protected inactivitySeconds: number
  protected inactivityDueSeconds: number

  /** When a timer is due next; the tracker keeps its heap by this. */
  dueSeconds = Infinity
  heapIndex = -1
  /** Chain of the table's bucket. */
  nextInBucket: Connection | undefined
  /** Order of activity, for the limit of tracked connections. */
  lessRecent: Connection | undefined
  moreRecent: Connection | undefined

  constructor(
    packet: DecodedPacket,
    hash: number,
    startSeconds: number,
    originator: ConnectionSide,
    responder: ConnectionSide,
    inactivitySeconds: number,
  ) {
    this.hash = hash
    this.transport = packet.transport
    this.ipProtocol = packet.ipProtocol
    this.isOneWay = packet.isOneWay
    this.startSeconds = startSeconds
    this.lastSeconds = startSeconds
    this.originator = originator
    this.responder = responder
    this.inactivitySeconds = inactivitySeconds
    this.inactivityDueSeconds = startSeconds + inactivitySeconds
  }

  /** Takes a packet of this connection. */
  abstract process(packet: DecodedPacket, timestampSeconds: number, fromOriginator: boolean): void
  /** Runs the timers that are due at `networkSeconds` and sets `dueSeconds`. */
  abstract runTimers(networkSeconds: number): TimerResult
  /** Zeek's `conn_state`. */
  abstract connState(): string
  /** Payload bytes that `side` sent. May be negative where sequence numbers were nonsense. */
  abstract payloadBytes(side: ConnectionSide): number

  /** Whether `packet` could be the start of another connection between the same ports. */
  isReusedBy(_packet: DecodedPacket): boolean {
    return false
  }

  direction(packet: DecodedPacket): Direction {
    if (packet.ipProtocol !== this.ipProtocol) return 'other-connection'
    if (isSource(packet, this.originator) && isTarget(packet, this.responder)) return 'from-originator'
    if (!this.isOneWay && isSource(packet, this.responder) && isTarget(packet, this.originator)) {
      return 'from-responder'
    }
    return 'other-connection'
  }

  /** Swaps the roles: it was the responder that started. */
  flip(): void {
    const { originator, responder } = this
    this.originator = responder
    this.responder = originator
    this.originator.isOriginator = true
    this.responder.isOriginator = false
    this.history += '^'
  }

  /** Appends a history letter: upper case for the originator, lower case for the responder. */
  addHistory(letter: string, side: ConnectionSide): void {
    this.history += side.isOriginator ? letter : letter.toLowerCase()
  }

  /** Letters for things that may come in masses are repeated at the 10th, 100th, … time: `times` counts from 1. */
  addScaledHistory(letter: string, side: ConnectionSide, times: number): void {
    if (isPowerOfTen(times)) this.addHistory(letter, side)
  }

  protected count(packet: DecodedPacket, side: ConnectionSide): void {
    side.packets += 1
    side.ipBytes += packet.ipLength
  }

  protected setInactivity(seconds: number): void {
    if (seconds === this.inactivitySeconds) return
    this.inactivitySeconds = seconds
    this.inactivityDueSeconds = this.lastSeconds + seconds
  }

  /** The timer of silence is moved only when it fires, so that packets need not touch it. */
  protected runInactivityTimer(networkSeconds: number): TimerResult {
    if (this.inactivityDueSeconds > networkSeconds) return 'keep'
    this.inactivityDueSeconds = this.lastSeconds + this.inactivitySeconds
    return this.inactivityDueSeconds <= networkSeconds ? 'remove' : 'keep'
  }
}

function isPowerOfTen(value: number): boolean {
  let power = 1
  while (power < value) power *= 10
  return power === value
}

function isSource(packet: DecodedPacket, side: ConnectionSide): boolean {
  return (
    packet.source3 === side.word3 &&
    packet.sourcePort === side.port &&
    packet.source2 === side.word2 &&
    packet.source1 === side.word1 &&
    packet.source0 === side.word0
  )
}

function isTarget(packet: DecodedPacket, side: ConnectionSide): boolean {
  return (
    packet.target3 === side.word3 &&
    packet.targetPort === side.port &&
    packet.target2 === side.word2 &&
    packet.target1 === side.word1 &&
    packet.target0 === side.word0
  )
}
