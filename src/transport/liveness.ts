/** Watches open TCP connections: what to do about those whose other end may be gone. */
import net from 'node:net'
import { errorCode } from '../base/errors.js'
import type { NetworkAddress } from '../base/network-address.js'
import { kernelSockets } from './kernel.js'
import { LOOK_EVERY_MS, PROBE_TIMEOUT_MS, StandstillWatch } from './standstill.js'

/** An idle connection is probed after a second, each second, and given up after three probes. */
const KEEP_ALIVE = { idleSeconds: 1, intervalSeconds: 1, probes: 3 } as const

/** Errors of a probe that say nothing about the other end. */
const OWN_TROUBLE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])

interface Watched {
  readonly descriptor: number
  readonly remote: NetworkAddress
  readonly watch: StandstillWatch
  readonly onCut: () => void
}

export class Liveness {
  readonly #watched = new Map<net.Socket, Watched>()
  #timer: ReturnType<typeof setInterval> | undefined

  /** Watches a connected socket until it closes; `onCut` is called when its data no longer gets anywhere. */
  add(socket: net.Socket, remote: NetworkAddress, onCut: () => void): void {
    const kernel = kernelSockets()
    const descriptor = descriptorOf(socket)
    socket.setKeepAlive(true, KEEP_ALIVE.idleSeconds * 1000)
    if (kernel === undefined || descriptor === undefined) return
    kernel.keepAlive(descriptor, KEEP_ALIVE.idleSeconds, KEEP_ALIVE.intervalSeconds, KEEP_ALIVE.probes)
    this.#watched.set(socket, { descriptor, remote, watch: new StandstillWatch(), onCut })
    socket.once('close', () => this.#remove(socket))
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  #remove(socket: net.Socket): void {
    this.#watched.delete(socket)
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const kernel = kernelSockets()
    for (const [socket, { descriptor, remote, watch, onCut }] of this.#watched) {
      // A closed descriptor may be another file by now.
      if (descriptorOf(socket) !== descriptor) continue
      const progress = kernel?.progress(descriptor)
      if (progress === undefined || watch.look(progress) === 'fine') continue
      probe(remote, (there) => {
        if (there) watch.probeAnswered()
        else if (this.#watched.has(socket)) onCut()
      })
    }
  }
}

/** Whether the machine answers to a new connection, be it with a refusal. */
function probe(address: NetworkAddress, done: (there: boolean) => void): void {
  const socket = net.connect({ host: address.host, port: address.port })
  const finish = (there: boolean): void => {
    clearTimeout(timer)
    socket.removeAllListeners().on('error', () => {})
    socket.destroy()
    done(there)
  }
  const timer = setTimeout(() => finish(false), PROBE_TIMEOUT_MS)
  socket.once('connect', () => finish(true))
  socket.once('error', (error) => {
    const code = errorCode(error) ?? ''
    finish(code === 'ECONNREFUSED' || code === 'ECONNRESET' || OWN_TROUBLE.has(code))
  })
}

/** The file descriptor of a socket, TLS or not: no public interface has it. */
function descriptorOf(socket: net.Socket): number | undefined {
  const descriptor = (socket as { readonly _handle?: { readonly fd?: unknown } | null })._handle?.fd
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
