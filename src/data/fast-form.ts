/**
 * How values of fixed size are read and written at a known place. The generated codecs of records and events use
 * these for what is usual; whatever is not (a wrong type, a value out of range) is left to `DataType.read` and
 * `write`, which also say what is wrong.
 */
import { Address, Port, PROTOCOLS, protocolNumber } from './address.js'
import { realAsSent } from './value-order.js'

export interface FastForm<T> {
  /** Size of the body behind the tag. */
  readonly bytes: number
  /** The value of the body at `offset`; undefined when it is not a usual one. */
  readAt(view: DataView, offset: number): T | undefined
  /** Writes the body at `offset`; false when it is not a usual one, or of another type. */
  writeAt(view: DataView, offset: number, value: T): boolean
}

/** How values are written as columns of a log (spec/broker-protocol.md 6.6). */
export interface FastLogForm<T> {
  /** The most bytes that a body takes. */
  readonly maxBytes: number
  /** Writes the body at `offset` and returns its size; -1 when it is not a usual one, or of another type. */
  writeAt(view: DataView, offset: number, value: T): number
}

const TWO_32 = 0x1_0000_0000
const TWO_53 = 2 ** 53
const TWO_62 = 2 ** 62

/** Most counts are small, and each new `bigint` is an object. */
const SMALL_COUNTS: readonly bigint[] = Array.from({ length: 1024 }, (_, value) => BigInt(value))

export const FAST_BOOL: FastForm<boolean> = {
  bytes: 1,
  readAt: (view, offset) => view.getUint8(offset) !== 0,
  writeAt(view, offset, value) {
    if (typeof value !== 'boolean') return false
    view.setUint8(offset, value ? 1 : 0)
    return true
  },
}

/** The count at `offset`. */
export function countAt(view: DataView, offset: number): bigint {
  if (view.getUint32(offset) === 0) {
    const low = view.getUint32(offset + 4)
    if (low < SMALL_COUNTS.length) return SMALL_COUNTS[low]!
  }
  return view.getBigUint64(offset)
}

export const FAST_COUNT: FastForm<bigint> = {
  bytes: 8,
  readAt: countAt,
  writeAt(view, offset, value) {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) return false
    view.setBigUint64(offset, value)
    return true
  },
}

export const FAST_INT: FastForm<bigint> = {
  bytes: 8,
  readAt: (view, offset) => view.getBigInt64(offset),
  writeAt(view, offset, value) {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return false
    view.setBigInt64(offset, value)
    return true
  },
}

/** Finite. */
export const FAST_REAL: FastForm<number> = {
  bytes: 8,
  readAt(view, offset) {
    const value = view.getFloat64(offset)
    return Number.isFinite(value) ? value : undefined
  },
  writeAt(view, offset, value) {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false
    view.setFloat64(offset, realAsSent(value))
    return true
  },
}

/**
 * Seconds as nanoseconds in 64 bits, without a `bigint`: whole seconds and fraction apart, because their sum has
 * more digits than a double. So every time that a double can hold to the microsecond comes back as it was.
 */
export const FAST_SECONDS: FastForm<number> = {
  bytes: 8,
  readAt(view, offset) {
    const high = view.getInt32(offset)
    const low = view.getUint32(offset + 4)
    const total = high * TWO_32 + low
    if (Number.isSafeInteger(total)) return total / 1e9
    if (!(Math.abs(total) < TWO_62)) return undefined
    const whole = Math.floor(total / 1e9)
    return whole + (high * TWO_32 - whole * 1e9 + low) / 1e9
  },
  writeAt(view, offset, value) {
    if (typeof value !== 'number') return false
    const whole = Math.floor(value)
    // A multiple of 2^9: exact up to 2^62.
    const wholeNanoseconds = whole * 1e9
    const size = Math.abs(wholeNanoseconds)
    if (!(size < TWO_62)) return false
    const rest = size < TWO_53 ? Math.round((value - whole) * 1e9) : restOf(value, whole, wholeNanoseconds)
    const high = Math.floor(wholeNanoseconds / TWO_32)
    const low = wholeNanoseconds - high * TWO_32 + rest
    const carry = Math.floor(low / TWO_32)
    view.setUint32(offset, high + carry)
    view.setUint32(offset + 4, low - carry * TWO_32)
    return true
  },
}

/**
 * The nanoseconds behind whole seconds. Zeek sends the product of seconds and 10^9, which is a double and so a little
 * off; we send the same where reading makes the same time of it.
 */
function restOf(seconds: number, whole: number, wholeNanoseconds: number): number {
  const rest = seconds * 1e9 - wholeNanoseconds
  return whole + rest / 1e9 === seconds ? rest : Math.round((seconds - whole) * 1e9)
}

export const FAST_ADDRESS: FastForm<Address> = {
  bytes: 16,
  readAt: (view, offset) =>
    new Address(
      view.getUint32(offset),
      view.getUint32(offset + 4),
      view.getUint32(offset + 8),
      view.getUint32(offset + 12),
    ),
  writeAt(view, offset, value) {
    if (!(value instanceof Address)) return false
    view.setUint32(offset, value.word0)
    view.setUint32(offset + 4, value.word1)
    view.setUint32(offset + 8, value.word2)
    view.setUint32(offset + 12, value.word3)
    return true
  },
}

export const FAST_PORT: FastForm<Port> = {
  bytes: 3,
  readAt(view, offset) {
    const protocol = PROTOCOLS[view.getUint8(offset + 2)]
    return protocol === undefined ? undefined : new Port(view.getUint16(offset), protocol)
  },
  writeAt(view, offset, value) {
    if (!(value instanceof Port)) return false
    const { number } = value
    const protocol = protocolNumber(value.protocol)
    if (protocol < 0 || (number & 0xffff) !== number) return false
    view.setUint16(offset, number)
    view.setUint8(offset + 2, protocol)
    return true
  },
}

export const FAST_LOG_BOOL: FastLogForm<boolean> = {
  maxBytes: 8,
  writeAt(view, offset, value) {
    if (typeof value !== 'boolean') return -1
    view.setUint32(offset, 0)
    view.setUint32(offset + 4, value ? 1 : 0)
    return 8
  },
}

export const FAST_LOG_INT: FastLogForm<bigint> = {
  maxBytes: 8,
  writeAt: (view, offset, value) => (FAST_INT.writeAt(view, offset, value) ? 8 : -1),
}

export const FAST_LOG_COUNT: FastLogForm<bigint> = {
  maxBytes: 8,
  writeAt: (view, offset, value) => (FAST_COUNT.writeAt(view, offset, value) ? 8 : -1),
}

/** Doubles, times and intervals. */
export const FAST_LOG_NUMBER: FastLogForm<number> = {
  maxBytes: 8,
  writeAt(view, offset, value) {
    if (typeof value !== 'number') return -1
    view.setFloat64(offset, value)
    return 8
  },
}

export const FAST_LOG_ADDRESS: FastLogForm<Address> = {
  maxBytes: 17,
  writeAt(view, offset, value) {
    if (!(value instanceof Address)) return -1
    if (value.isIPv4) {
      view.setUint8(offset, 4)
      view.setUint32(offset + 1, value.word3)
      return 5
    }
    view.setUint8(offset, 6)
    view.setUint32(offset + 1, value.word0)
    view.setUint32(offset + 5, value.word1)
    view.setUint32(offset + 9, value.word2)
    view.setUint32(offset + 13, value.word3)
    return 17
  },
}

export const FAST_LOG_PORT: FastLogForm<Port> = {
  maxBytes: 12,
  writeAt(view, offset, value) {
    if (!(value instanceof Port)) return -1
    const { number } = value
    const protocol = protocolNumber(value.protocol)
    if (protocol < 0 || (number & 0xffff) !== number) return -1
    view.setUint32(offset, 0)
    view.setUint32(offset + 4, number)
    view.setUint32(offset + 8, protocol)
    return 12
  },
}
