/**
 * What is known about one side of a TCP connection: its state and its sequence space. Sequence numbers are 32-bit
 * and wrap; with the number of wraps they become positions that can be compared.
 */
import { ConnectionSide } from './connection.js'
import { type StreamOwner, TcpStream } from './tcp-stream.js'

/** States of one side, as Zeek tells them apart. */
export type TcpState =
  /** Nothing seen from this side. */
  | 'inactive'
  /** SYN seen. */
  | 'syn-sent'
  /** SYN with ACK seen, but no SYN of the other side. */
  | 'syn-ack-sent'
  /** Traffic seen, but no SYN. */
  | 'partial'
  | 'established'
  /** FIN seen. */
  | 'closed'
  /** RST seen. */
  | 'reset'

const WRAP = 2 ** 32

/** `a - b` in sequence space: positive when `a` comes after `b`. */
export function sequenceDelta(a: number, b: number): number {
  return (a - b) | 0
}

/** The connection, as its sides see it. */
export interface TcpEndpointHost {
  readonly isPartial: boolean
  gapSeen(endpoint: TcpEndpoint, length: number): void
}

export class TcpEndpoint extends ConnectionSide implements StreamOwner {
  host!: TcpEndpointHost
  peer!: TcpEndpoint
  state: TcpState = 'inactive'
  previousState: TcpState = 'inactive'
  /** Number before the first payload byte, that of the SYN. */
  startSequence = 0
  /** One past the last byte seen. */
  lastSequence = 0
  /** What the other side acknowledged. */
  acknowledgedSequence = 0
  sequenceWraps = 0
  acknowledgedWraps = 0
  finCount = 0
  /** One past the last FIN, relative to the start. */
  finPosition = 0
  /** Whether the end of this side was noticed; once both are, nothing extends the duration. */
  didClose = false
  /** Relative positions of the last control packets: a repetition is not news for the history. */
  lastSynPosition = 0
  lastFinPosition = 0
  lastRstPosition = 0
  retransmissions = 0
  zeroWindows = 0
  gaps = 0
  badChecksums = 0
  readonly stream = new TcpStream()

  /** Starts numbering at `start`; `last` is one past the last byte seen. */
  beginAt(start: number, last: number): void {
    this.startSequence = start
    this.acknowledgedSequence = start
    this.lastSequence = last
  }

  advanceLast(sequence: number): void {
    if (sequence < this.lastSequence) this.sequenceWraps += 1
    this.lastSequence = sequence
  }

  advanceAcknowledged(sequence: number): void {
    if (sequence < this.acknowledgedSequence) this.acknowledgedWraps += 1
    this.acknowledgedSequence = sequence
  }

  /** Position of the last byte seen in the unwrapped sequence space. */
  get lastPosition(): number {
    return this.sequenceWraps * WRAP + this.lastSequence
  }

  /** Position relative to the start of what the other side acknowledged. */
  get acknowledgedPosition(): number {
    return this.acknowledgedWraps * WRAP + this.acknowledgedSequence - this.startSequence
  }

  /** Nothing but possibly the SYN has been acknowledged. */
  get hasNothingAcknowledged(): boolean {
    return this.acknowledgedPosition === 0 || this.acknowledgedPosition === 1
  }

  /**
   * Position of `sequence` relative to the start, given the latest number of its kind and its wraps. Negative when
   * it lies before the start.
   */
  relativePosition(sequence: number, latest: number, latestWraps: number): number {
    const delta = sequenceDelta(sequence, latest)
    let wraps = latestWraps
    if (delta < 0 && wraps > 0 && sequence > latest) wraps -= 1
    else if (delta > 0 && sequence < latest) wraps += 1
    return wraps === 0
      ? sequenceDelta(sequence, this.startSequence)
      : wraps * WRAP + sequence - this.startSequence
  }

  /** Before anything but handshake packets. */
  get isInHandshake(): boolean {
    return this.state === 'inactive' || this.state === 'syn-sent' || this.state === 'syn-ack-sent'
  }

  /** Established, or closed from there: gaps in other states come from numbers that cannot be trusted. */
  get isClean(): boolean {
    return this.state === 'established' || (this.state === 'closed' && this.previousState === 'established')
  }

  get isPartial(): boolean {
    return this.host.isPartial
  }

  gap(length: number): void {
    this.host.gapSeen(this, length)
  }

  /** Payload bytes sent, by sequence numbers; negative when these make no sense. */
  get payloadSize(): number {
    const isAbortedHalfOpen =
      this.previousState === 'syn-sent' && this.state === 'reset' && this.peer.state === 'inactive'
    // The numbers of a side that never got an answer say nothing about data.
    if (isAbortedHalfOpen && !this.hasNothingAcknowledged) return 0
    let size = Math.max(this.lastPosition - this.startSequence, this.acknowledgedPosition)
    if (size !== 0) size -= 1 // the SYN
    if (this.finCount > 0 && size !== 0) size -= 1
    return size
  }

  /** Seen bytes, or bytes whose acknowledgment is missing, still stand between this side and its end. */
  get hasDataPending(): boolean {
    if (this.stream.isGivenUp) return false
    const behind = this.lastPosition - (this.startSequence + this.stream.delivered)
    if (behind < 0) return false
    // A FIN takes a number of its own, a RST does not.
    if (behind > 1) return true
    return this.state !== 'reset' && this.peer.stream.hasUnacknowledged
  }
}
