/**
 * Puts IP fragments together. Connections need the ports, which only the first fragment has, and Zeek counts a
 * fragmented datagram as one packet of its full length; so fragments wait here until the last hole is filled.
 * Where fragments overlap, the bytes that came first stay, as in Zeek. Memory is bounded: the oldest datagram is
 * given up when there are too many, and one that is not complete after `FRAGMENT_TIMEOUT_SECONDS`.
 */

/** Zeek's `frag_timeout`. */
export const FRAGMENT_TIMEOUT_SECONDS = 300
export const MAX_FRAGMENTED_DATAGRAMS = 512
const MAX_DATAGRAM_BYTES = 65_535
/** A datagram of this many pieces is an attack; no link has such a small MTU. */
const MAX_PIECES = 1024

/** One fragment. `header` and `payload` may be views: they are copied. */
export interface Fragment {
  /** Source, destination and identification, as text. */
  readonly key: string
  readonly timestampSeconds: number
  /** The IP header without a fragment header. */
  readonly header: Uint8Array
  readonly payload: Uint8Array
  /** Position of the payload in the datagram, in bytes. */
  readonly offset: number
  readonly isLast: boolean
  /** Protocol of the payload, as this fragment says. */
  readonly nextProtocol: number
}

/** A complete datagram: the header of the first fragment that came, then all of the payload. */
export interface Datagram {
  readonly bytes: Uint8Array
  readonly headerLength: number
  readonly nextProtocol: number
}

interface Piece {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

interface PendingDatagram {
  readonly header: Uint8Array
  readonly startSeconds: number
  readonly pieces: Piece[]
  nextProtocol: number
  /** Payload bytes of the datagram, known once the last fragment came. */
  length: number | undefined
}

export class FragmentReassembler {
  readonly #datagrams = new Map<string, PendingDatagram>()
  #dropped = 0

  /** Datagrams given up because they were too many, too late or impossible. */
  get droppedDatagrams(): number {
    return this.#dropped
  }

  /** Takes a fragment; returns the datagram if this was its last missing piece. */
  add(fragment: Fragment): Datagram | undefined {
    const datagram = this.#find(fragment)
    if (fragment.offset === 0) datagram.nextProtocol = fragment.nextProtocol
    const end = fragment.offset + fragment.payload.length
    const impossible = datagram.header.length + end > MAX_DATAGRAM_BYTES
    if (impossible || datagram.pieces.length >= MAX_PIECES) {
      this.#drop(fragment.key)
      return undefined
    }
    if (fragment.isLast || (datagram.length !== undefined && end > datagram.length)) datagram.length = end
    insert(datagram.pieces, { start: fragment.offset, end, bytes: fragment.payload })
    if (!isComplete(datagram)) return undefined
    this.#datagrams.delete(fragment.key)
    return assemble(datagram)
  }

  #find(fragment: Fragment): PendingDatagram {
    const known = this.#datagrams.get(fragment.key)
    if (known !== undefined && fragment.timestampSeconds - known.startSeconds < FRAGMENT_TIMEOUT_SECONDS) {
      return known
    }
    if (known !== undefined) this.#drop(fragment.key)
    const oldest = this.#datagrams.keys().next().value
    if (oldest !== undefined && this.#datagrams.size >= MAX_FRAGMENTED_DATAGRAMS) this.#drop(oldest)
    const created: PendingDatagram = {
      header: fragment.header.slice(),
      startSeconds: fragment.timestampSeconds,
      pieces: [],
      nextProtocol: fragment.nextProtocol,
      length: undefined,
    }
    this.#datagrams.set(fragment.key, created)
    return created
  }

  #drop(key: string): void {
    this.#datagrams.delete(key)
    this.#dropped += 1
  }
}

/** Keeps `pieces` sorted and free of overlaps: only what no earlier piece covers is added. */
function insert(pieces: Piece[], piece: Piece): void {
  let start = piece.start
  for (let index = 0; start < piece.end; index += 1) {
    const next = pieces[index]
    if (next !== undefined && next.end <= start) continue
    const end = next === undefined ? piece.end : Math.min(piece.end, next.start)
    if (end > start) {
      pieces.splice(index, 0, {
        start,
        end,
        bytes: piece.bytes.slice(start - piece.start, end - piece.start),
      })
      index += 1
    }
    start = Math.max(end, next?.end ?? piece.end)
  }
}

function isComplete(datagram: PendingDatagram): boolean {
  if (datagram.length === undefined) return false
  let end = 0
  for (const piece of datagram.pieces) {
    if (piece.start > end) break
    end = piece.end
  }
  return end >= datagram.length
}

function assemble(datagram: PendingDatagram): Datagram {
  const length = datagram.length ?? 0
  const headerLength = datagram.header.length
  const bytes = new Uint8Array(headerLength + length)
  bytes.set(datagram.header)
  for (const piece of datagram.pieces) {
    // A piece before the hole may reach past the end that the last fragment gave.
    if (piece.start < length)
      bytes.set(piece.bytes.subarray(0, length - piece.start), headerLength + piece.start)
  }
  return { bytes, headerLength, nextProtocol: datagram.nextProtocol }
}
