/**
 * A TCP connection as Zeek's `conn.log` sees it. The order of the steps in `#processSegment` is Zeek's: state,
 * history and gaps depend on what earlier steps of the same packet changed. A packet can make the connection flip;
 * a side then knows its new role, while `fromOriginator` still tells the role with which the packet came in, and
 * Zeek decides by the one here and by the other there.
 */
import { Connection, type TimerResult } from './connection.js'
import { isLikelyServerPort } from './likely-server-ports.js'
import { type DecodedPacket, TCP_FLAG } from './packet.js'
import { tcpConnState } from './tcp-conn-state.js'
import { sequenceDelta, TcpEndpoint, type TcpEndpointHost, type TcpState } from './tcp-endpoint.js'
import { TcpSegment, tcpFlags, tcpHeaderLength, tcpSequence } from './tcp-segment.js'

/** Zeek's `udp_inactivity_timeout`: also what a TCP connection gets until its handshake is over. */
const HANDSHAKE_INACTIVITY_SECONDS = 60
/** Zeek's `tcp_inactivity_timeout`. */
const INACTIVITY_SECONDS = 300
/** Zeek's `Conn::port_inactivity_timeouts`: services where people think between two packets. */
const INTERACTIVE_INACTIVITY_SECONDS = 3600
const INTERACTIVE_PORTS: ReadonlySet<number> = new Set([21, 22, 23, 513])
/** Zeek's `tcp_SYN_timeout`. */
const FIRST_CHECK_SECONDS = 5
/** Zeek's `tcp_session_timer`. */
const CHECK_INTERVAL_SECONDS = 6
/** Zeek's `tcp_connection_linger`. */
const LINGER_SECONDS = 5
/** Zeek's `tcp_attempt_delay`. */
const ATTEMPT_SECONDS = 5
/** Zeek's `tcp_close_delay`. */
const CLOSE_SECONDS = 5
/** Zeek does not believe a SYN, a RST or an acknowledgment of 0 that jumps further than this. */
const TOO_LARGE_JUMP = 1_048_576
const MIN_HEADER_BYTES = 20

/** Bits for what the history has of the originator. The responder's are shifted up by 16. */
const SEEN = {
  syn: 0x1,
  fin: 0x2,
  rst: 0x4,
  finRst: 0x8,
  data: 0x10,
  ack: 0x20,
  multipleFlags: 0x40,
} as const

const segment = new TcpSegment()

export class TcpConnection extends Connection implements TcpEndpointHost {
  declare originator: TcpEndpoint
  declare responder: TcpEndpoint
  /** No SYN at the start: positions count from an assumed one. */
  isPartial = false
  #seen = 0
  #originatorSeen = false
  #responderSeen = false
  /** Not reset: Zeek's checks for a dead connection leave a reset one to the timer of silence. */
  #isActive = true
  /** A side has ended, but data before its end is still missing. */
  #isCloseDeferred = false
  #checkDueSeconds: number
  #closeCheckDueSeconds = Infinity
  #attemptDueSeconds = Infinity
  #deleteDueSeconds = Infinity

  constructor(packet: DecodedPacket, hash: number, startSeconds: number, networkSeconds: number) {
    const { source0, source1, source2, source3, target0, target1, target2, target3 } = packet
    const source = new TcpEndpoint(source0, source1, source2, source3, packet.sourcePort, true)
    const target = new TcpEndpoint(target0, target1, target2, target3, packet.targetPort, false)
    super(packet, hash, startSeconds, source, target, HANDSHAKE_INACTIVITY_SECONDS)
    source.host = target.host = this
    source.peer = target
    target.peer = source
    this.#checkDueSeconds = networkSeconds + FIRST_CHECK_SECONDS
    this.#updateDue()
  }

  override isReusedBy(packet: DecodedPacket): boolean {
    if (tcpHeaderLength(packet) < MIN_HEADER_BYTES) return false
    const flags = tcpFlags(packet)
    if ((flags & TCP_FLAG.syn) === 0) return false
    const { originator, responder } = this
    const isAnswer = (flags & TCP_FLAG.ack) !== 0
    // A SYN with ACK can only start over where nothing of the originator is known.
    if (isAnswer && originator.state !== 'inactive') return false
    if (originator.didClose || responder.didClose) return true
    const side = isAnswer ? responder : originator
    const sequence = tcpSequence(packet)
    if (sequence === side.startSequence) return false
    // SYN and its answer came in the wrong order: `#fromInactive` puts that right.
    const isReversed = !isAnswer && side.state === 'syn-ack-sent' && responder.state === 'inactive'
    return !(isReversed && sequence === responder.startSequence)
  }

  override process(packet: DecodedPacket, timestampSeconds: number, fromOriginator: boolean): void {
    const side = fromOriginator ? this.originator : this.responder
    if (!segment.read(packet)) return
    if (packet.hasBadChecksum) {
      side.badChecksums += 1
      this.addScaledHistory('C', side, side.badChecksums)
      return
    }
    this.#processSegment(side, fromOriginator, timestampSeconds)
    this.count(packet, side)
    this.#updateDue()
  }

  override runTimers(networkSeconds: number): TimerResult {
    if (this.#deleteDueSeconds <= networkSeconds) return 'remove'
    if (this.runInactivityTimer(networkSeconds) === 'remove') return 'remove'
    if (this.#attemptDueSeconds <= networkSeconds) {
      this.#attemptDueSeconds = Infinity
      if (this.#isActive && this.#isUnanswered) return 'remove'
    }
    const isCheckDue = this.#checkDueSeconds <= networkSeconds
    const isCloseCheckDue = this.#closeCheckDueSeconds <= networkSeconds
    if (isCheckDue || isCloseCheckDue) {
      if (this.#isActive && this.#looksDead(networkSeconds)) return 'remove'
      const nextSeconds = this.#isActive ? networkSeconds + CHECK_INTERVAL_SECONDS : Infinity
      if (isCheckDue) this.#checkDueSeconds = nextSeconds
      if (isCloseCheckDue) this.#closeCheckDueSeconds = nextSeconds
    }
    this.#updateDue()
    return 'keep'
  }

  override connState(): string {
    return tcpConnState(this.originator, this.responder, this.history)
  }

  override payloadBytes(side: TcpEndpoint): number {
    return side.payloadSize
  }

  override flip(): void {
    super.flip()
    const originatorSeen = this.#originatorSeen
    this.#originatorSeen = this.#responderSeen
    this.#responderSeen = originatorSeen
    this.isPartial = false
  }

  gapSeen(side: TcpEndpoint, length: number): void {
    if (!side.isClean || !side.peer.isClean) return
    side.gaps += 1
    this.addScaledHistory('G', side, side.gaps)
    this.missedBytes += length
  }

  #processSegment(side: TcpEndpoint, fromOriginator: boolean, timestampSeconds: number): void {
    const { hasSyn, hasFin, hasRst, hasAck, payloadLength } = segment
    const peer = side.peer
    if (fromOriginator) {
      if (!this.#originatorSeen) this.isPartial = !hasSyn || hasAck
    } else if (!this.#responderSeen && !this.isPartial) {
      this.isPartial = !hasSyn
    }
    this.#initialise(side)
    segment.position = side.relativePosition(segment.sequence, side.lastSequence, side.sequenceWraps)
    this.#noteFlags(side)
    if (segment.window === 0 && !hasRst && peer.state !== 'closed' && side.state !== 'reset') {
      side.zeroWindows += 1
      this.addScaledHistory('W', side, side.zeroWindows)
    }
    // What follows once both sides have ended does not extend the duration.
    if (!this.originator.didClose || !this.responder.didClose) this.lastSeconds = timestampSeconds
    if (hasFin) {
      side.finCount += 1
      side.finPosition = segment.position + segment.sequenceLength
    }
    const acknowledged = hasAck ? this.#noteAcknowledgment(peer) : 0
    this.#advance(side)
    const ends = this.#transition(side, fromOriginator, timestampSeconds)
    // After the state: a gap that the last packet of a connection reveals is not worth a letter.
    if (hasAck) this.#acknowledge(peer, acknowledged)
    if (fromOriginator) this.#originatorSeen = true
    else this.#responderSeen = true
    if (payloadLength > 0 && !hasRst && segment.position >= 0 && segment.isComplete) {
      const start = segment.position + (hasSyn ? 1 : 0)
      side.stream.add(start, start + payloadLength, side.acknowledgedPosition, side)
    }
    this.#checkEnd(side)
    if (ends) this.#close(side)
  }

  /** Gives the side a start in sequence space, or a new one where an earlier start is contradicted. */
  #initialise(side: TcpEndpoint): void {
    const { hasSyn, sequence, nextSequence } = segment
    switch (side.state) {
      case 'inactive':
        // Without a SYN, number as if there had been one; the segment itself must not count as seen before.
        if (hasSyn) side.beginAt(sequence, nextSequence)
        else side.beginAt((sequence - 1) >>> 0, sequence)
        return
      case 'syn-sent':
      case 'syn-ack-sent':
        if (hasSyn && sequence !== side.startSequence) side.beginAt(sequence, nextSequence)
        return
      case 'established':
      case 'partial':
        if (hasSyn) side.beginAt(sequence, nextSequence)
        return
      case 'reset':
        // The RST before may have been forged.
        if (hasSyn && side.previousState === 'inactive') side.beginAt(sequence, nextSequence)
        return
      case 'closed':
        return
      default:
        side.state satisfies never
    }
  }

  #noteFlags(side: TcpEndpoint): void {
    const { hasSyn, hasFin, hasRst, hasAck, position, payloadLength } = segment
    const flags = (hasSyn ? 1 : 0) + (hasFin ? 1 : 0) + (hasRst ? 1 : 0)
    if (flags > 1) {
      if (hasFin && hasRst) this.#noteOnce(side, SEEN.finRst, 'I')
      else this.#noteOnce(side, SEEN.multipleFlags, 'Q')
    } else if (hasSyn) {
      const letter = hasAck ? 'H' : 'S'
      if (!this.#noteOnce(side, SEEN.syn, letter) && position !== side.lastSynPosition) {
        this.addHistory(letter, side)
      }
      side.lastSynPosition = position
    } else if (hasFin) {
      const finPosition = position + payloadLength
      if (!this.#noteOnce(side, SEEN.fin, 'F') && finPosition !== side.lastFinPosition)
        this.addHistory('F', side)
      side.lastFinPosition = finPosition
    } else if (hasRst) {
      if (!this.#noteOnce(side, SEEN.rst, 'R') && position !== side.lastRstPosition)
        this.addHistory('R', side)
      side.lastRstPosition = position
    } else if (payloadLength > 0) {
      this.#noteOnce(side, SEEN.data, 'D')
    } else if (hasAck) {
      this.#noteOnce(side, SEEN.ack, 'A')
    }
  }

  /** Adds a letter that the history does not have of this side yet; says whether it did. */
  #noteOnce(side: TcpEndpoint, bit: number, letter: string): boolean {
    if ((letter === 'A' || letter === 'D') && this.history === 'H') {
      // It began with a SYN and ACK, as a scan may. Now that traffic follows, it was an answer after all.
      this.flip()
      this.history = '^h'
      this.#originatorSeen = true
    }
    const mask = side.isOriginator ? bit : bit << 16
    if ((this.#seen & mask) !== 0) return false
    this.#seen |= mask
    this.addHistory(letter, side)
    return true
  }

  /** Takes over what the segment acknowledges of `peer`, and returns its position; 0 when it means nothing. */
  #noteAcknowledgment(peer: TcpEndpoint): number {
    const { acknowledgment } = segment
    if (peer.state === 'inactive') {
      const start = (acknowledgment - 1) >>> 0
      peer.beginAt(start, start)
      return 1
    }
    const position = peer.relativePosition(acknowledgment, peer.acknowledgedSequence, peer.acknowledgedWraps)
    if (position < 0) return 0
    if (segment.hasRst) return position
    const delta = sequenceDelta(acknowledgment, peer.acknowledgedSequence)
    const isBroken = acknowledgment === 0 && delta > TOO_LARGE_JUMP
    if (delta > 0 && !isBroken) peer.advanceAcknowledged(acknowledgment)
    return position
  }

  /** Moves the end of what was seen of `side`, unless the segment repeats something or cannot be believed. */
  #advance(side: TcpEndpoint): void {
    const delta = sequenceDelta(segment.nextSequence, side.lastSequence)
    const isJump = delta > TOO_LARGE_JUMP || delta < -TOO_LARGE_JUMP
    if ((segment.hasSyn || segment.hasRst) && isJump) return
    // Only SYN and FIN of more than 2 GiB may have been seen: a FIN is right however far it is.
    if (segment.hasFin && side.lastSequence === (side.startSequence + 1) >>> 0) {
      side.advanceLast(segment.nextSequence)
      return
    }
    if (side.state === 'reset') return
    if (delta > 0) {
      side.advanceLast(segment.nextSequence)
    } else if (segment.payloadLength > 0) {
      side.retransmissions += 1
      this.addScaledHistory('T', side, side.retransmissions)
    }
  }

  /** The state machine: what the segment makes of its sender's side. Returns whether the side ends with it. */
  #transition(side: TcpEndpoint, fromOriginator: boolean, timestampSeconds: number): boolean {
    const { hasFin, hasRst, hasSyn, hasAck } = segment
    const peer = side.peer
    switch (side.state) {
      case 'inactive':
        return this.#fromInactive(side, fromOriginator, timestampSeconds)
      case 'syn-sent':
      case 'syn-ack-sent':
        if (hasFin) this.#setState(side, 'closed')
        if (hasRst) this.#reset(side)
        return hasFin || hasRst
      case 'established':
      case 'partial':
        if (hasSyn && !hasAck && side.state === 'partial' && peer.state === 'inactive') {
          this.#setState(side, 'syn-sent')
        }
        if (hasFin && !hasRst) {
          this.#setState(side, 'closed')
          // The other side sent a FIN and then a RST: a normal end after all.
          if (peer.state === 'reset' && peer.previousState === 'closed') this.#setState(peer, 'closed')
        }
        if (hasRst) {
          const isAnswered = peer.state === 'reset' && peer.previousState === 'established'
          this.#setState(side, 'reset')
          if (!isAnswered) this.#isActive = false
        }
        return hasFin || hasRst
      case 'closed':
        if (!hasRst || peer.state === 'closed') return false
        this.#setState(side, 'reset')
        return !side.didClose
      case 'reset':
        return false
      default:
        return side.state satisfies never
    }
  }

  #fromInactive(side: TcpEndpoint, fromOriginator: boolean, timestampSeconds: number): boolean {
    const { hasSyn, hasFin, hasRst, hasAck, payloadLength } = segment
    const peer = side.peer
    if (hasSyn && fromOriginator) {
      this.#setState(side, hasAck ? 'syn-ack-sent' : 'syn-sent')
      this.#attemptDueSeconds = timestampSeconds + ATTEMPT_SECONDS
    } else if (hasSyn) {
      this.#answerSyn(side)
    }
    if (hasFin) this.#setState(side, 'closed')
    if (hasRst) this.#setState(side, 'reset')
    if (side.state === 'inactive') {
      // Some stacks acknowledge a SYN before they answer it: that is no traffic yet.
      const isEarlyAck = !fromOriginator && payloadLength === 0 && this.originator.state === 'syn-sent'
      if (isEarlyAck) return false
      if (hasAck && peer.state === 'established') {
        // The SYN was missed, its answer was not.
        this.#setState(side, 'established')
        this.isPartial = false
        if (fromOriginator) this.#originatorSeen = true
        else this.#responderSeen = true
      } else {
        this.#setState(side, 'partial')
      }
    }
    return hasFin || hasRst
  }

  /** A SYN of the responder. */
  #answerSyn(side: TcpEndpoint): void {
    const peer = side.peer
    const isReversed = !segment.hasAck && peer.state === 'syn-ack-sent'
    if (isReversed && segment.sequence === side.startSequence) {
      this.isPartial = false
      this.flip()
      this.#setState(peer, 'established')
      this.#originatorSeen = true
    }
    if (peer.state === 'syn-sent') this.#setState(peer, 'established')
    this.#setState(side, 'established')
    if (peer.state !== 'partial') this.#established()
  }

  #established(): void {
    const { originator, responder } = this
    let port = responder.port
    if (originator.state === 'inactive') {
      const isOriginatorServer = isLikelyServerPort('tcp', originator.port)
      if (isOriginatorServer && !isLikelyServerPort('tcp', port)) port = originator.port
    }
    if (INTERACTIVE_PORTS.has(port)) this.setInactivity(INTERACTIVE_INACTIVITY_SECONDS)
  }

  #setState(side: TcpEndpoint, state: TcpState): void {
    if (state === side.state) return
    const endsHandshake = side.isInHandshake && side.peer.isInHandshake
    side.previousState = side.state
    side.state = state
    if (endsHandshake && !side.isInHandshake) this.setInactivity(INACTIVITY_SECONDS)
  }

  #reset(side: TcpEndpoint): void {
    this.#setState(side, 'reset')
    this.#isActive = false
  }

  #acknowledge(side: TcpEndpoint, position: number): void {
    const isOfFin = side.finCount > 0 && side.finPosition > 0 && position >= side.finPosition
    if (side.stream.acknowledge(isOfFin ? side.finPosition - 1 : position, side)) this.#checkEnd(side)
  }

  /** The end of a side counts only once the data before it has been seen or given up. */
  #checkEnd(side: TcpEndpoint): void {
    if (side.stream.didEnd || side.hasDataPending) return
    if (side.finCount === 0 && side.state !== 'closed' && side.state !== 'reset') return
    side.stream.didEnd = true
    if (!this.#isCloseDeferred) return
    this.#close(side)
    this.#isCloseDeferred = false
  }

  #close(side: TcpEndpoint): void {
    this.#isCloseDeferred = side.hasDataPending
    if (this.#isCloseDeferred || side.didClose) return
    side.didClose = true
    const peer = side.peer
    if (side.state === 'reset' || peer.didClose || peer.state === 'inactive') {
      this.#checkDueSeconds = this.#closeCheckDueSeconds = this.#attemptDueSeconds = Infinity
      this.#deleteDueSeconds = this.lastSeconds + CLOSE_SECONDS
    } else if (side.previousState !== 'inactive') {
      this.#closeCheckDueSeconds = this.lastSeconds + CHECK_INTERVAL_SECONDS
    }
  }

  /** A SYN, or its answer, that nothing followed. */
  get #isUnanswered(): boolean {
    const { state } = this.originator
    return (state === 'syn-sent' || state === 'syn-ack-sent') && this.responder.state === 'inactive'
  }

  #looksDead(networkSeconds: number): boolean {
    if (this.lastSeconds + LINGER_SECONDS >= networkSeconds) return false
    const { originator, responder } = this
    const isOneInactive = originator.state === 'inactive' || responder.state === 'inactive'
    if (originator.didClose && responder.didClose) return true
    if (originator.didClose || responder.didClose) {
      if (isOneInactive || originator.state === 'reset' || responder.state === 'reset') return true
    }
    return originator.state === 'inactive' && responder.state === 'inactive'
  }

  #updateDue(): void {
    this.dueSeconds = Math.min(
      this.inactivityDueSeconds,
      this.#checkDueSeconds,
      this.#closeCheckDueSeconds,
      this.#attemptDueSeconds,
      this.#deleteDueSeconds,
    )
  }
}
