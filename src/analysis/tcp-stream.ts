/**
 * Follows which bytes of one direction of a TCP connection have been seen, to find the ones that are missing.
 * Zeek learns this from its reassembler; the obvious way would be to reassemble too. But `conn.log` needs only
 * the positions, so this keeps intervals and no data. What arrives above a hole waits as an island; when the other
 * side acknowledges past the hole, the receiver had those bytes and the capture has not: a gap.
 *
 * Positions are relative to the SYN: the first payload byte is 1.
 */

/** Zeek's `tcp_max_initial_window`: this much without any acknowledgment means that those are not in the capture. */
const MAX_INITIAL_WINDOW_BYTES = 16_384
/** Zeek's `tcp_max_above_hole_without_any_acks`. */
const MAX_ABOVE_HOLE_BYTES = 16_384
/** Zeek's `tcp_excessive_data_without_further_acks`. */
const MAX_UNACKNOWLEDGED_BYTES = 10 * 1024 * 1024

/** What the stream asks about its direction, and whom it tells. */
export interface StreamOwner {
  /** A connection whose start was not seen. */
  readonly isPartial: boolean
  /** Payload bytes sent so far, by sequence numbers. */
  readonly payloadSize: number
  /** The other side has acknowledged nothing but possibly the SYN. */
  readonly hasNothingAcknowledged: boolean
  /** `length` bytes will never be seen. */
  gap(length: number): void
}

export class TcpStream {
  /** Everything below has been seen or given up. */
  delivered = 1
  /** Everything below was acknowledged. */
  #trimmed = 1
  #removedUpTo = 0
  /** End of the highest interval seen; 0 when none is kept. */
  #top = 0
  /** Intervals above `delivered`: start, end, start, end, … ascending and apart from each other. */
  readonly #islands: number[] = []
  #isGivenUp = false
  /** Whether the end of the stream has been told. */
  didEnd = false

  /** The stream made no sense and is no longer followed. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** Bytes are kept that were not acknowledged. */
  get hasUnacknowledged(): boolean {
    return this.#top > this.#removedUpTo
  }

  /** Payload in `[start, end)` was seen; the other side has acknowledged up to `acknowledged`. */
  add(start: number, end: number, acknowledged: number, owner: StreamOwner): void {
    if (this.#isGivenUp || end <= acknowledged || end <= this.#trimmed) return
    this.#insert(Math.max(start, acknowledged, this.#trimmed), end, owner)
    const aboveHole = this.hasUnacknowledged ? this.#top - this.delivered : 0
    const isFarAboveHole = owner.hasNothingAcknowledged && aboveHole > MAX_ABOVE_HOLE_BYTES
    if (isFarAboveHole || this.#keptBytes() > MAX_UNACKNOWLEDGED_BYTES) this.#giveUp()
  }

  /** The other side acknowledged everything below `position`. */
  acknowledge(position: number, owner: StreamOwner): boolean {
    if (position <= this.#trimmed) return false
    this.#trim(position, owner)
    return true
  }

  #insert(start: number, end: number, owner: StreamOwner): void {
    this.#top = Math.max(this.#top, end)
    if (start > this.delivered) {
      insertIsland(this.#islands, start, end)
      return
    }
    if (end <= this.delivered) return
    this.delivered = end
    this.#absorbIslands(owner)
  }

  /** Moves on over islands that are reached now. */
  #absorbIslands(owner: StreamOwner): void {
    const islands = this.#islands
    let reached = 0
    while (reached < islands.length && islands[reached]! <= this.delivered) {
      this.delivered = Math.max(this.delivered, islands[reached + 1]!)
      reached += 2
    }
    if (reached > 0) islands.splice(0, reached)
    if (owner.hasNothingAcknowledged && owner.payloadSize > MAX_INITIAL_WINDOW_BYTES) {
      this.#trim(this.delivered, owner)
    }
  }

  #trim(position: number, owner: StreamOwner): void {
    if (position > this.delivered) this.#missUpTo(position, owner)
    this.#removedUpTo = Math.max(this.#removedUpTo, position)
    if (this.#islands.length > 0 && this.#islands[0]! <= this.delivered) this.#absorbIslands(owner)
    this.#trimmed = position
  }

  #missUpTo(position: number, owner: StreamOwner): void {
    // Numbering of a partial connection starts one before its first packet, so this much is never missing; a
    // keep-alive as first packet makes it two.
    if (position <= 2 && owner.isPartial) return
    const islands = this.#islands
    while (islands.length > 0 && islands[0]! < position) {
      const start = islands[0]!
      owner.gap(start - this.delivered)
      this.delivered = start
      this.#absorbIslands(owner)
    }
    if (position <= this.delivered) return
    if (!this.#isGivenUp) owner.gap(position - this.delivered)
    this.delivered = position
  }

  #keptBytes(): number {
    let bytes = Math.max(0, Math.min(this.delivered, this.#top) - this.#removedUpTo)
    for (let index = 0; index < this.#islands.length; index += 2) {
      bytes += this.#islands[index + 1]! - this.#islands[index]!
    }
    return bytes
  }

  #giveUp(): void {
    this.#isGivenUp = true
    this.#islands.length = 0
    this.#top = 0
  }
}

/** Adds `[start, end)` to sorted intervals, merging what touches. */
function insertIsland(islands: number[], start: number, end: number): void {
  let first = islands.length
  while (first > 0 && islands[first - 1]! >= start) first -= 2
  let last = first
  let mergedStart = start
  let mergedEnd = end
  while (last < islands.length && islands[last]! <= end) {
    mergedStart = Math.min(mergedStart, islands[last]!)
    mergedEnd = Math.max(mergedEnd, islands[last + 1]!)
    last += 2
  }
  islands.splice(first, last - first, mergedStart, mergedEnd)
}
