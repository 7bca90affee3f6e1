/**
 * A worker reads its share of a capture: packets to connections to `conn` records. It starts when the node's peers
 * are up, and pauses while the queues to them are long, so that nothing is dropped on the way.
 */
import { ConnectionTracker } from '../analysis/connection-tracker.js'
import { FlowSplit } from '../analysis/flow-hash.js'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import type { Reporter } from '../base/report.js'
import type { Timers } from '../base/time.js'
import { CaptureReader } from '../capture/capture-reader.js'
import type { Cluster } from '../cluster/cluster.js'
import type { NetStats } from '../control/controllee.js'
import { CONN_COLUMNS } from '../data/conn-record.js'
import type { Platform } from './platform.js'

export interface CaptureSettings {
  /** For messages. */
  readonly name: string
  /** The bytes of the capture, in chunks. */
  readonly open: () => AsyncIterable<Uint8Array>
  /** This worker takes part `part` (0 to `parts` - 1) of the flows. */
  readonly part: number
  readonly parts: number
}

export type CaptureState = 'waiting' | 'reading' | 'done' | 'failed' | 'stopped'

export interface CaptureRun {
  readonly state: CaptureState
  /** Packets in the capture so far, of all parts. */
  readonly packets: number
  /** What the source has seen. Nothing of a file is dropped. */
  readonly stats: NetStats
  /** Connections of this part that have ended. */
  readonly connections: number
  /** Settles when the capture is read, or can't be. */
  readonly finished: Promise<void>
  stop(): Promise<void>
}

/** Without all peers, analysis starts after this time all the same. */
const PEERS_TIMEOUT_MS = 10_000
/** The source pauses while this much waits to be sent. */
const QUEUED_LIMIT_BYTES = 2 * 1024 * 1024
const PAUSE_MS = 5

export function startCapture(
  cluster: Cluster,
  platform: Platform,
  settings: CaptureSettings,
  reporter: Reporter,
): CaptureRun {
  let state: CaptureState = 'waiting'
  const connLog = cluster.logs.createStream('Conn::LOG', { path: 'conn', columns: CONN_COLUMNS })
  const tracker = new ConnectionTracker({
    random: platform.random,
    split: new FlowSplit(settings.part, settings.parts),
    onConnection(record) {
      connLog.write(record)
      cluster.emit('connection', record)
    },
  })
  const isStopped = (): boolean => state === 'stopped'

  async function run(): Promise<void> {
    const missing = await peersUp(cluster, platform.timers, isStopped)
    if (isStopped()) return
    if (missing.length > 0) {
      const message = `reading ${settings.name} without ${missing.join(', ')}: not up after ${PEERS_TIMEOUT_MS / 1000} s`
      reporter({ severity: 'warning', code: 'peers-missing', message })
    }
    state = 'reading'
    try {
      await readPackets(cluster, platform.timers, settings, tracker, isStopped)
    } catch (error) {
      const code = errorCode(error) ?? 'capture-failed'
      reporter({ severity: 'error', code, message: `${settings.name}: ${errorMessage(error)}` })
      state = 'failed'
    }
    if (isStopped()) return
    tracker.finish()
    await cluster.flush()
    if (state === 'reading') state = 'done'
    cluster.emit('captureDone')
  }

  const finished = run()
  return {
    get state() {
      return state
    },
    get stats() {
      const { packets } = tracker.stats
      return { received: packets, dropped: 0, link: packets }
    },
    get packets() {
      return tracker.stats.packets
    },
    get connections() {
      return tracker.stats.connections
    },
    finished,
    async stop() {
      if (state === 'waiting' || state === 'reading') state = 'stopped'
      await finished
    },
  }
}

/** Resolves with the names of the peers that are missing. */
function peersUp(cluster: Cluster, timers: Timers, isStopped: () => boolean): Promise<readonly string[]> {
  return new Promise((resolve) => {
    let waitedMs = 0
    const check = (): void => {
      const { health } = cluster
      const missing = health.state === 'waiting' ? health.missing : []
      if (missing.length === 0 || waitedMs >= PEERS_TIMEOUT_MS || isStopped()) return resolve(missing)
      waitedMs += PAUSE_MS
      timers.after(PAUSE_MS, check)
    }
    check()
  })
}

async function readPackets(
  cluster: Cluster,
  timers: Timers,
  settings: CaptureSettings,
  tracker: ConnectionTracker,
  isStopped: () => boolean,
): Promise<void> {
  const reader = new CaptureReader({
    onPacket: (packet) =>
      tracker.packet(packet.timestampSeconds, packet.linkType, packet.bytes, packet.originalLength),
  })
  for await (const chunk of settings.open()) {
    reader.push(chunk)
    // Let what was published leave, and the peers keep up.
    await new Promise<void>((resolve) => {
      timers.soon(resolve)
    })
    while (cluster.bus.counters().queuedBytes > QUEUED_LIMIT_BYTES && !isStopped()) {
      await new Promise<void>((resolve) => {
        timers.after(PAUSE_MS, resolve)
      })
    }
    if (isStopped()) return
  }
  reader.end()
}

/** The error of a capture file that cannot be opened. */
export function captureUnreadable(
  name: string,
  error: unknown,
): ClusterError<'capture-unreadable', { name: string }> {
  return new ClusterError(
    'capture-unreadable',
    `cannot read capture ${name}: ${errorMessage(error)}`,
    { name },
    error,
  )
}
