/**
 * What the kernel knows of a TCP connection and Node.js does not tell: whether the other end still acknowledges.
 * Linux only; elsewhere, or without the library that calls it, a vanished machine is noticed later.
 */
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

export interface KernelSockets {
  /** Probes an idle connection after `idleSeconds`, then every `intervalSeconds`, and ends it after `probes` unanswered. */
  keepAlive(descriptor: number, idleSeconds: number, intervalSeconds: number, probes: number): boolean
  /** Undefined when the descriptor is not a TCP socket (any more). */
  progress(descriptor: number): TcpProgress | undefined
}

export interface TcpProgress {
  /** Bytes that the other end has acknowledged since the connection began. */
  readonly acknowledgedBytes: number
  /** Whether something was sent, or waits to be, that is not acknowledged. */
  readonly waiting: boolean
}

const IPPROTO_TCP = 6
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5
const TCP_KEEPCNT = 6
const TCP_INFO = 11
/** `struct tcp_info` of Linux 4.6 and later, as far as it is read: its layout is part of the kernel's interface. */
const TCP_INFO_BYTES = 148
const UNACKNOWLEDGED_SEGMENTS_OFFSET = 24
const BYTES_ACKNOWLEDGED_OFFSET = 120
const UNSENT_BYTES_OFFSET = 144

type Call = (...args: unknown[]) => number

let loaded: KernelSockets | undefined | 'not loaded' = 'not loaded'

/** The kernel's interface, or undefined where there is none. Loaded at the first call. */
export function kernelSockets(): KernelSockets | undefined {
  if (loaded === 'not loaded') loaded = process.platform === 'linux' ? load() : undefined
  return loaded
}

function load(): KernelSockets | undefined {
  let setOption: Call
  let getOption: Call
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    const libc = koffi.load('libc.so.6')
    setOption = libc.func('int setsockopt(int, int, int, const void *, uint32_t)') as unknown as Call
    getOption = libc.func(
      'int getsockopt(int, int, int, _Out_ void *, _Inout_ uint32_t *)',
    ) as unknown as Call
  } catch {
    return undefined
  }
  const value = Buffer.alloc(4)
  const info = Buffer.alloc(TCP_INFO_BYTES)
  const set = (descriptor: number, option: number, number: number): boolean => {
    value.writeInt32LE(number)
    return setOption(descriptor, IPPROTO_TCP, option, value, 4) === 0
  }
  return {
    keepAlive: (descriptor, idleSeconds, intervalSeconds, probes) =>
      set(descriptor, TCP_KEEPIDLE, idleSeconds) &&
      set(descriptor, TCP_KEEPINTVL, intervalSeconds) &&
      set(descriptor, TCP_KEEPCNT, probes),
    progress(descriptor) {
      const length = [TCP_INFO_BYTES]
      if (getOption(descriptor, IPPROTO_TCP, TCP_INFO, info, length) !== 0) return undefined
      if (length[0]! < TCP_INFO_BYTES) return undefined
      return {
        acknowledgedBytes: Number(info.readBigUInt64LE(BYTES_ACKNOWLEDGED_OFFSET)),
        waiting:
          info.readUInt32LE(UNACKNOWLEDGED_SEGMENTS_OFFSET) > 0 || info.readUInt32LE(UNSENT_BYTES_OFFSET) > 0,
      }
    },
  }
}
