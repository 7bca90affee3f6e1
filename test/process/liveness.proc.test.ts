/**
 * Slow or cut: a peer whose process stands still for ten seconds is never reported lost, idle or under full load; a
 * cut cable is noticed within five seconds. Network namespaces stand for two machines; a route into nowhere is a cut.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import {
  canMakeNamespaces,
  connectHosts,
  cutCable,
  FAR,
  linkLocal,
  NEAR,
  removeHosts,
} from '../support/network-namespaces.js'

const PEER = fileURLToPath(new URL('./endpoint-peer.mjs', import.meta.url))
const STOPPED_MS = 10_000
const CUT_NOTICED_MS = 5000

interface Line {
  readonly status?: string
  readonly received?: number
  readonly listening?: number
}

const running: Peer[] = []

class Peer {
  readonly process: ChildProcess
  readonly lines: { readonly line: Line; readonly atMs: number }[] = []
  readonly #waiting = new Set<() => void>()

  constructor(namespace: string | undefined, args: readonly string[]) {
    const command = [process.execPath, PEER, ...args]
    const all = namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command]
    this.process = spawn(all[0]!, all.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.process.stdout! }).on('line', (text) => {
      this.lines.push({ line: JSON.parse(text) as Line, atMs: performance.now() })
      for (const check of this.#waiting) check()
    })
    running.push(this)
  }

  /** The time at which a line was printed that fits. */
  async printed(fits: (line: Line) => boolean): Promise<number> {
    const find = (): number | undefined => this.lines.find(({ line }) => fits(line))?.atMs
    const found = find()
    if (found !== undefined) return found
    return new Promise((resolve) => {
      const check = (): void => {
        const atMs = find()
        if (atMs === undefined) return
        this.#waiting.delete(check)
        resolve(atMs)
      }
      this.#waiting.add(check)
    })
  }

  /** A line that is printed from now on. */
  printsNext(fits: (line: Line) => boolean): Promise<number> {
    const from = this.lines.length
    return this.printed((line) => this.lines.findIndex((entry) => entry.line === line) >= from && fits(line))
  }

  statuses(): string[] {
    return this.lines.flatMap(({ line }) => line.status ?? [])
  }
}

const isUp = (line: Line): boolean => line.status === 'peer_added'
const isLost = (line: Line): boolean => line.status === 'peer_lost'
const UP = ['endpoint_discovered', 'peer_added']

async function pair(
  traffic: 'idle' | 'load',
  near: { namespace?: string; host: string },
  far: { namespace?: string; host: string },
): Promise<{ dialer: Peer; listener: Peer }> {
  const listener = new Peer(far.namespace, ['listen', `${far.host}:0`, traffic])
  await listener.printed((line) => line.listening !== undefined)
  const port = listener.lines[0]!.line.listening!
  const dialer = new Peer(near.namespace, ['dial', `${far.host}:${port}`, traffic])
  await Promise.all([dialer.printed(isUp), listener.printed(isUp)])
  if (traffic === 'load') {
    await Promise.all([dialer, listener].map((peer) => peer.printed((line) => (line.received ?? 0) > 10_000)))
  }
  return { dialer, listener }
}

afterEach(async () => {
  for (const { process: child } of running.splice(0)) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve))
  }
})

const LOOPBACK = { host: '127.0.0.1' }

describe('a peer that stands still for ten seconds is not lost', () => {
  test.each(['idle', 'load'] as const)('%s', { timeout: 60_000 }, async (traffic) => {
    const first = await pair(traffic, LOOPBACK, LOOPBACK)
    const second = await pair(traffic, LOOPBACK, LOOPBACK)
    const cases = [
      { stopped: first.listener, other: first.dialer },
      { stopped: second.dialer, other: second.listener },
    ]
    for (const { stopped } of cases) stopped.process.kill('SIGSTOP')
    // What is looked for is that nothing happens, for as long as this.
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS))
    for (const { stopped, other } of cases) {
      stopped.process.kill('SIGCONT')
      const before = other.lines.findLast(({ line }) => line.received !== undefined)?.line.received ?? 0
      if (traffic === 'load') await other.printsNext((line) => (line.received ?? 0) > before)
      else await stopped.printsNext((line) => line.received !== undefined)
      expect(stopped.statuses()).toEqual(UP)
      expect(other.statuses()).toEqual(UP)
    }
  })
})

describe.skipIf(!canMakeNamespaces())('between two machines (needs root and the ip command)', () => {
  afterEach(removeHosts)

  test.each(['idle', 'load'] as const)(
    'a cut cable is noticed within five seconds: %s',
    { timeout: 60_000 },
    async (traffic) => {
      connectHosts()
      const { dialer, listener } = await pair(traffic, NEAR, FAR)
      cutCable()
      const cutAtMs = performance.now()
      const lostAtMs = await Promise.all([dialer.printed(isLost), listener.printed(isLost)])
      for (const atMs of lostAtMs) {
        expect(atMs).toBeGreaterThan(cutAtMs)
        expect(atMs - cutAtMs).toBeLessThan(CUT_NOTICED_MS)
      }
    },
  )

  test('a link-local address needs its zone, and works with it', { timeout: 60_000 }, async () => {
    connectHosts()
    const address = linkLocal(FAR.host)
    const listener = new Peer(FAR.namespace, ['listen', `${address}%${FAR.device}:0`, 'idle'])
    await listener.printed((line) => line.listening !== undefined)
    const port = listener.lines[0]!.line.listening!
    const dialer = new Peer(NEAR.namespace, ['dial', `${address}%${NEAR.device}:${port}`, 'idle'])
    await Promise.all([dialer.printed(isUp), listener.printed(isUp)])
  })
})
