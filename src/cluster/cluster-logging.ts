/**
 * A node's logging as a part of its cluster: which loggers are there, what they are told and tell, by which topics.
 *
 * Loggers of this library confirm what is on their disk. Both sides speak about that on topics that no Zeek
 * subscribes: a node asks `zeek-cluster/log-queries/LOGGER/`, the logger answers on `zeek-cluster/log-positions/NODE/`.
 * A logger that does not subscribe the first is a stock Zeek, and confirms nothing.
 */
import { join } from 'node:path'
import type { Report } from '../base/report.js'
import type { Bus, Peer, PublishOutcome } from '../bus/bus.js'
import { type EventType, event } from '../data/event.js'
import { type LogWriterDescription, writeLogCreate } from '../data/log-messages.js'
import type { Encodable } from '../data/messages.js'
import { bool, count, string, vector } from '../data/types.js'
import { LogDelivery } from '../logging/delivery/delivery.js'
import { DEFAULT_DELIVERY_LIMITS, type Position } from '../logging/delivery/delivery-settings.js'
import type { LogStore } from '../logging/files/log-store.js'
import { Logs } from '../logging/logs.js'
import { LogReceiver } from '../logging/receiving/log-receiver.js'
import type { ClusterSettings, LogsCounters } from './cluster-settings.js'
import { logsLocally, logsRemotely } from './log-roles.js'
import { eligibleNodes } from './pools.js'
import type { Topics } from './topics.js'

/** A node asks a logger how far it has the records of some of its runs. */
const positionsWanted = event('ZeekCluster::log_positions_wanted', [string, vector(string)])

/** A logger says how far it has the sequences of a run: sequences, and the number of the last record of each. */
const positionsTold = event('ZeekCluster::log_positions', [
  string,
  string,
  vector(count),
  vector(count),
  bool,
])

const QUERIES = 'zeek-cluster/log-queries/'
const POSITIONS = 'zeek-cluster/log-positions/'

const SETTLE_TIMEOUT_MS = 5000

/** Whoever subscribes the topics of logs, while there is no single logger to address. */
const EVERYBODY = '*'

export interface ClusterLoggingParts {
  readonly settings: ClusterSettings
  readonly topics: Topics
  readonly bus: Bus
  readonly isLogger: boolean
  /** Makes what names the living logger whose turn it is. */
  readonly turnsOf: (stream: string) => () => string | undefined
  readonly idOf: (name: string) => string | undefined
  readonly nameOf: (id: string) => string | undefined
  readonly handle: (type: EventType, handler: (...args: never[]) => void) => void
  readonly report: (severity: Report['severity'], code: string, message: string) => void
}

export class ClusterLogging {
  readonly #parts: ClusterLoggingParts
  readonly logs: Logs
  /** Undefined on nodes that do not write the records of others. */
  readonly receiver: LogReceiver | undefined
  /** Undefined on nodes that never send records. */
  readonly delivery: LogDelivery | undefined
  #localStore: LogStore | undefined
  /** Nodes that write logs, as the layout has them. */
  readonly #loggers: ReadonlySet<string>
  /** Peers outside of the layout's loggers that take logs. */
  readonly #listeners = new Set<string>()

  constructor(parts: ClusterLoggingParts) {
    this.#parts = parts
    const { settings, bus, isLogger, nameOf } = parts
    const { node, layout, options, clock, timers } = settings
    const logRemote = logsRemotely(node.nodeType, options.managerIsLogger)
    this.#loggers = new Set(eligibleNodes(layout, 'LOGGER', options.managerIsLogger))
    const onProblem = (code: string, message: string): void => parts.report('warning', code, message)
    const canSend = node.nodeType !== 'LOGGER' && node.nodeType !== 'NONE' && !isLogger
    this.delivery = canSend
      ? new LogDelivery({
          node: node.name,
          run: bus.id,
          directory: join(settings.spoolDirectory, 'sent'),
          disk: settings.disk,
          clock,
          timers,
          limits: {
            ...DEFAULT_DELIVERY_LIMITS,
            spoolBytes: Number(options.logSpoolBytes),
            batchRecords: Number(options.logBatchSize),
            memoryMs: Math.min(DEFAULT_DELIVERY_LIMITS.memoryMs, options.logBatchInterval * 1000),
          },
          loggers: new Set([...this.#loggers, EVERYBODY]),
          send: (logger, description, message) => this.#send(logger, description, message),
          announce: (logger, description) => this.#announce(logger, description),
          ask: (logger, runs) => {
            bus.publish(`${QUERIES}${logger}/`, positionsWanted(node.name, [...runs]))
          },
          onProblem,
        })
      : undefined
    this.logs = new Logs({
      node: node.name,
      localStore: () => this.localStore(),
      delivery: this.delivery,
      logLocal: logsLocally(node.nodeType, options.managerIsLogger),
      logRemote,
      loggersOf: (stream) => this.#loggersOf(stream),
      onRotationInterval: settings.onRotationInterval,
      onProblem,
    })
    if (!isLogger) return
    this.receiver = new LogReceiver({
      store: this.localStore(),
      timers,
      nodeOf: nameOf,
      tell: (to, run, positions, resend) => this.#tell(to, run, positions, resend),
      onProblem,
    })
  }

  /** Where records are written on this node; it is opened when it is needed. */
  localStore(): LogStore {
    this.#localStore ??= this.#parts.settings.openLogStore()
    return this.#localStore
  }

  /** The local files, if there are any. */
  get openStore(): LogStore | undefined {
    return this.#localStore
  }

  /** Subscribes what loggers and those who send to them tell each other. */
  join(): void {
    const { bus, settings, handle } = this.#parts
    const { name } = settings.node
    if (this.receiver !== undefined) {
      bus.subscribe(`${QUERIES}${name}/`)
      handle(positionsWanted as never, (node: string, runs: readonly string[]) =>
        this.receiver?.query(node, runs),
      )
    }
    if (this.delivery === undefined) return
    bus.subscribe(`${POSITIONS}${name}/`)
    handle(
      positionsTold as never,
      (
        logger: string,
        run: string,
        sequences: readonly bigint[],
        numbers: readonly bigint[],
        resend: boolean,
      ) => {
        const positions = sequences.map((sequence, index) => ({
          sequence: Number(sequence),
          number: Number(numbers[index] ?? 0n),
        }))
        this.delivery?.positions(
          this.#takesTurns || this.#single === logger ? logger : EVERYBODY,
          run,
          positions,
          resend,
        )
      },
    )
  }

  nodeUp(name: string): void {
    if (this.delivery === undefined || !this.#loggers.has(name)) return
    if (!this.#takesTurns && this.#single !== name) return
    const id = this.#parts.idOf(name)
    const peer = this.#parts.bus.peers().find((candidate) => candidate.id === id)
    const confirms = peer?.subscriptions.includes(`${QUERIES}${name}/`) === true
    this.delivery.loggerUp(name, confirms ? 'confirming' : 'silent')
  }

  nodeDown(name: string): void {
    if (this.#loggers.has(name) && (this.#takesTurns || this.#single === name)) {
      this.delivery?.loggerDown(name)
    }
  }

  /** A peer came, or its subscriptions changed: others than loggers of the layout may take logs too. */
  subscriptionsChanged(peer: Peer): void {
    const { options } = this.#parts.settings
    const prefix = options.defaultLogTopicPrefix
    if (this.delivery === undefined || this.#listeners.has(peer.id)) return
    if (!peer.subscriptions.some((topic) => topic.startsWith(prefix) || prefix.startsWith(topic))) return
    this.#listeners.add(peer.id)
    if (!this.#isBroadcast) return
    if (this.#listeners.size > 1) this.delivery.loggerDown(EVERYBODY)
    this.delivery.loggerUp(EVERYBODY, 'silent')
  }

  peerLost(peer: Peer): void {
    this.receiver?.forget(peer.id)
    if (!this.#listeners.delete(peer.id) || !this.#isBroadcast) return
    if (this.#listeners.size === 0) this.delivery?.loggerDown(EVERYBODY)
  }

  drained(): void {
    this.delivery?.drained()
  }

  /** Resolves when a logger knows what it has: nobody may send it records before. */
  get ready(): Promise<void> {
    return this.#localStore?.ready ?? Promise.resolve()
  }

  counters(): LogsCounters {
    const counters = { sent: 0, waiting: 0, dropped: 0, queuedBytes: 0, spoolBytes: 0 }
    if (this.delivery === undefined) return { written: this.logs.written, ...counters }
    const { stored, unconfirmed, inMemory, spooled, inFlight, dropped } = this.delivery.counters()
    counters.sent = stored + unconfirmed
    counters.waiting = inMemory + spooled + inFlight
    for (const records of Object.values(dropped)) counters.dropped += records
    const { spoolBytes, queuedBytes, inFlightBytes } = this.delivery.state()
    counters.spoolBytes = spoolBytes
    counters.queuedBytes = queuedBytes + inFlightBytes
    return { written: this.logs.written, ...counters }
  }

  /** What is wrong with this node's logs, in words. */
  get trouble(): string | undefined {
    const state = this.delivery?.state()
    return this.#localStore?.trouble ?? (state?.state === 'degraded' ? state.reason : undefined)
  }

  /** What waits is on its way, or on disk. */
  async flush(): Promise<void> {
    this.delivery?.flush()
    await this.#localStore?.flush()
  }

  /** What can be delivered is delivered, unless loggers take too long: then it is kept for the next start. */
  async settle(): Promise<void> {
    this.delivery?.flush()
    await this.delivery?.settled(SETTLE_TIMEOUT_MS)
  }

  /** After the bus is closed: the rest is kept for the next process of this node. */
  async close(): Promise<void> {
    this.receiver?.close()
    await this.delivery?.close()
    await this.#localStore?.close()
    await this.#parts.settings.releaseSpool()
  }

  /** Each record goes to one logger, the next in turn. */
  get #takesTurns(): boolean {
    return this.#parts.settings.options.enableRoundRobinLogging && this.#loggers.size > 0
  }

  /** The only logger, when they do not take turns. */
  get #single(): string | undefined {
    return !this.#takesTurns && this.#loggers.size === 1 ? [...this.#loggers][0] : undefined
  }

  /** Records go to whoever subscribes their stream: each logger gets all of them, as in Zeek. */
  get #isBroadcast(): boolean {
    return !this.#takesTurns && this.#single === undefined
  }

  #loggersOf(stream: string): () => string | undefined {
    const single = this.#single
    if (this.#takesTurns) return this.#parts.turnsOf(stream)
    if (single !== undefined) return () => (this.#parts.idOf(single) === undefined ? undefined : single)
    return () => (this.#listeners.size > 0 ? EVERYBODY : undefined)
  }

  #send(logger: string, { stream }: LogWriterDescription, message: Encodable): PublishOutcome {
    const { bus, topics, settings } = this.#parts
    return bus.publish(
      this.#takesTurns ? topics.node(logger) : settings.options.defaultLogTopicPrefix + stream,
      message,
    )
  }

  #announce(logger: string, description: LogWriterDescription): void {
    const { bus, settings, idOf } = this.#parts
    const seconds = settings.clock.wallMs() / 1000
    const message: Encodable = { writeTo: (writer) => writeLogCreate(writer, description, seconds) }
    const topic = settings.options.defaultLogTopicPrefix + description.stream
    const id = logger === EVERYBODY ? undefined : idOf(logger)
    for (const peer of id === undefined ? this.#listeners : [id]) bus.send(peer, topic, message)
  }

  #tell(node: string, run: string, positions: readonly Position[], resend: boolean): void {
    const { bus, settings } = this.#parts
    const sequences = positions.map(({ sequence }) => BigInt(sequence))
    const numbers = positions.map(({ number }) => BigInt(number))
    bus.publish(`${POSITIONS}${node}/`, positionsTold(settings.node.name, run, sequences, numbers, resend))
  }
}
