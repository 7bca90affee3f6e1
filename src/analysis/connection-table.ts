/**
 * The connections that are tracked: found by flow hash, ordered by activity, and by the time when something is due
 * for them. The obvious `Map` by a text key would build that text for every packet; chains of buckets compare
 * numbers. A connection stands at most once in each order, so the memory is bounded by their number.
 */
import type { Connection } from './connection.js'
import type { DecodedPacket } from './packet.js'

const INITIAL_BUCKET_BITS = 10
const GOLDEN = 0x9e3779b1

/** A connection and which of its sides sent the packet. The table reuses one object. */
export interface Match {
  connection: Connection | undefined
  fromOriginator: boolean
}

export class ConnectionTable {
  #bucketBits = INITIAL_BUCKET_BITS
  #buckets = emptyBuckets(INITIAL_BUCKET_BITS)
  /** Binary heap by `dueSeconds`. */
  readonly #heap: Connection[] = []
  readonly #match: Match = { connection: undefined, fromOriginator: true }
  #leastRecent: Connection | undefined
  #mostRecent: Connection | undefined

  get size(): number {
    return this.#heap.length
  }

  /** The connection that has been silent for longest. */
  get leastRecent(): Connection | undefined {
    return this.#leastRecent
  }

  /** The connection whose timer is due first. */
  get firstDue(): Connection | undefined {
    return this.#heap[0]
  }

  /** The connection that `packet` with this flow hash belongs to. The result is valid until the next call. */
  find(packet: DecodedPacket, hash: number): Match {
    const match = this.#match
    let connection = this.#buckets[this.#bucketOf(hash)]
    for (; connection !== undefined; connection = connection.nextInBucket) {
      if (connection.hash !== hash) continue
      const direction = connection.direction(packet)
      if (direction === 'other-connection') continue
      match.fromOriginator = direction === 'from-originator'
      break
    }
    match.connection = connection
    return match
  }

  add(connection: Connection): void {
    if (this.size >= this.#buckets.length) this.#grow()
    this.#chain(connection)
    this.#linkMostRecent(connection)
    connection.heapIndex = this.#heap.length
    this.#heap.push(connection)
    this.#siftUp(connection)
  }

  remove(connection: Connection): void {
    this.#unchain(connection)
    this.#unlink(connection)
    const { heapIndex } = connection
    const last = this.#heap.pop()!
    connection.heapIndex = -1
    if (last === connection) return
    this.#heap[heapIndex] = last
    last.heapIndex = heapIndex
    this.reschedule(last)
  }

  /** Notes activity: the connection becomes the most recent. */
  touch(connection: Connection): void {
    if (connection === this.#mostRecent) return
    this.#unlink(connection)
    this.#linkMostRecent(connection)
  }

  /** To be called when `dueSeconds` changed. */
  reschedule(connection: Connection): void {
    this.#siftUp(connection)
    this.#siftDown(connection)
  }

  /** All connections in no particular order. */
  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#heap[Symbol.iterator]()
  }

  /** Upper bits of a product: the lower bits of the hash are the same for all flows of one worker. */
  #bucketOf(hash: number): number {
    return Math.imul(hash, GOLDEN) >>> (32 - this.#bucketBits)
  }

  #chain(connection: Connection): void {
    const bucket = this.#bucketOf(connection.hash)
    connection.nextInBucket = this.#buckets[bucket]
    this.#buckets[bucket] = connection
  }

  #unchain(connection: Connection): void {
    const bucket = this.#bucketOf(connection.hash)
    let other = this.#buckets[bucket]
    if (other === connection) {
      this.#buckets[bucket] = connection.nextInBucket
    } else {
      while (other !== undefined && other.nextInBucket !== connection) other = other.nextInBucket
      if (other !== undefined) other.nextInBucket = connection.nextInBucket
    }
    connection.nextInBucket = undefined
  }

  #grow(): void {
    this.#bucketBits += 1
    this.#buckets = emptyBuckets(this.#bucketBits)
    for (const connection of this.#heap) this.#chain(connection)
  }

  #linkMostRecent(connection: Connection): void {
    connection.lessRecent = this.#mostRecent
    connection.moreRecent = undefined
    if (this.#mostRecent === undefined) this.#leastRecent = connection
    else this.#mostRecent.moreRecent = connection
    this.#mostRecent = connection
  }

  #unlink(connection: Connection): void {
    const { lessRecent, moreRecent } = connection
    if (lessRecent === undefined) this.#leastRecent = moreRecent
    else lessRecent.moreRecent = moreRecent
    if (moreRecent === undefined) this.#mostRecent = lessRecent
    else moreRecent.lessRecent = lessRecent
    connection.lessRecent = connection.moreRecent = undefined
  }

  #siftUp(connection: Connection): void {
    const heap = this.#heap
    let index = connection.heapIndex
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1
      const parent = heap[parentIndex]!
      if (parent.dueSeconds <= connection.dueSeconds) break
      heap[index] = parent
      parent.heapIndex = index
      index = parentIndex
    }
    heap[index] = connection
    connection.heapIndex = index
  }

  #siftDown(connection: Connection): void {
    const heap = this.#heap
    let index = connection.heapIndex
    for (;;) {
      let childIndex = 2 * index + 1
      let child = heap[childIndex]
      if (child === undefined) break
      const other = heap[childIndex + 1]
      if (other !== undefined && other.dueSeconds < child.dueSeconds) {
        child = other
        childIndex += 1
      }
      if (child.dueSeconds >= connection.dueSeconds) break
      heap[index] = child
      child.heapIndex = index
      index = childIndex
    }
    heap[index] = connection
    connection.heapIndex = index
  }
}

function emptyBuckets(bits: number): (Connection | undefined)[] {
  return Array.from({ length: 2 ** bits }, () => undefined)
}
