/**
 * The cluster framework of one node: what the reference page's module `Cluster` is in Zeek. It names the node and
 * its topics, says hello, tells who is up, fills the pools, spreads messages and writes logs. What carries the
 * messages is a `Bus`; who starts it all is `src/node`.
 */

import { Emitter } from '../base/emitter.js'
import { ClusterError } from '../base/errors.js'
import type { Report } from '../base/report.js'
import type { Clock, Timers } from '../base/time.js'
import type { Bus, BusHandler, BusStatus, Peer, PublishOutcome } from '../bus/bus.js'
import { describeDrops } from '../bus/outcome.js'
import type { DataType } from '../data/data-type.js'
import { type EventMessage, type EventType, event, type ParameterTypes } from '../data/event.js'
import type { Natives } from '../data/types.js'
import type { Layout } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import type { Logs } from '../logging/logs.js'
import type { Dialect } from '../options/dialect.js'
import type { PoolSpec } from '../options/pool-settings.js'
import { findOption, type Options } from '../options/registry.js'
import type { StoreData } from '../store/store-data.js'
import type { ClusterEvents, ClusterHealth } from './cluster-events.js'
import { ClusterLogging } from './cluster-logging.js'
import type { ClusterCounters, ClusterSettings } from './cluster-settings.js'
import { Configuration } from './configuration.js'
import { EventDispatch } from './event-dispatch.js'
import { FrameworkLogs } from './framework-logs.js'
import type { PoolKey } from './hash.js'
import { hello } from './hello.js'
import { Inbox } from './inbox.js'
import { assignMembers, Pool } from './pools.js'
import { type ClusterNode, RollCall } from './roll-call.js'
import { type ScriptOption, ScriptOptions } from './script-options.js'
import { ClusterStores, type CreateStoreOptions, type StoreInfo } from './stores.js'
import { Topics } from './topics.js'

export class Cluster {
  readonly #settings: ClusterSettings
  readonly #topics: Topics
  readonly #rollCall: RollCall
  readonly #dispatch: EventDispatch
  readonly #inbox: Inbox
  readonly #events: Emitter<ClusterEvents>
  readonly #bus: Bus
  #frameworkLogs: FrameworkLogs | undefined
  readonly #ownTopics: ReadonlySet<string>
  readonly #pools: Pool[]
  readonly #stores: ClusterStores
  readonly #configuration: Configuration
  #isJoining = true
  #stopped?: Promise<void>
  /** @internal Where records go and what becomes of them. */
  readonly logging: ClusterLogging
  /** `Cluster::worker_pool`. */
  readonly workerPool: Pool
  /** `Cluster::proxy_pool`. */
  readonly proxyPool: Pool
  /** `Cluster::logger_pool`. */
  readonly loggerPool: Pool

  /** Use `Cluster.start`, or `startCluster` of `zeek-cluster/testing`. */
  constructor(settings: ClusterSettings) {
    const { node, layout, options, dialect, reporter, clock, timers } = settings
    const { name } = node
    this.#settings = settings
    this.#topics = new Topics(options, dialect)
    const nameOf = (id: string): string | undefined => this.#rollCall.nameOf(id)
    const describe = (peer: Peer): string => nameOf(peer.id) ?? peer.id
    this.#dispatch = new EventDispatch(describe, reporter, (error, eventName) =>
      settings.onScriptError(error, `event ${eventName}`),
    )
    this.#events = new Emitter((error, what) => settings.onScriptError(error, `handler of ${String(what)}`))
    this.workerPool = new Pool(options.workerPoolSpec, dialect.hashEra)
    this.proxyPool = new Pool(options.proxyPoolSpec, dialect.hashEra)
    this.loggerPool = new Pool(options.loggerPoolSpec, dialect.hashEra)
    this.#pools = [this.workerPool, this.proxyPool, this.loggerPool]
    const log = (message: string): void => this.log(message)
    const events = this.#events
    const report: Cluster['report'] = (severity, code, message) => this.report(severity, code, message)
    this.#rollCall = new RollCall({ layout, ownName: name, dialect, pools: this.#pools, events, log, report })
    const idOf = (other: string): string | undefined => this.#rollCall.idOf(other)
    const isUp = (other: string): boolean => idOf(other) !== undefined
    const scriptOptions = new ScriptOptions(settings.redefs, settings.onScriptError)
    this.#configuration = new Configuration({ options, layout, scriptOptions, nameOf, events })
    this.#bus = settings.createBus(this.#busHandler())
    const { openBackend, storeDirectory: folder } = settings
    const stores = { options, layout, ownName: name, bus: this.#bus, isUp, log, report, folder }
    this.#stores = new ClusterStores({ ...stores, clock, timers, openBackend })
    this.logging = new ClusterLogging({
      settings,
      topics: this.#topics,
      bus: this.#bus,
      isLogger: this.isLogger,
      turnsOf: (stream) => this.loggerPool.turns(`Cluster::rr_log_topic ${stream}`),
      idOf,
      nameOf,
      handle: (type, handler) => void this.#dispatch.on(type, handler as (...args: unknown[]) => void),
      report,
    })
    this.#frameworkLogs = new FrameworkLogs(name, clock, this.logs)
    this.#ownTopics = new Set([this.#topics.node(name), this.#topics.nodeid(this.#bus.id)])
    this.#inbox = new Inbox(
      this.#topics,
      this.#ownTopics,
      this.#dispatch,
      this.logging.receiver,
      describe,
      reporter,
      (identifier, value, from) => this.#configuration.update(identifier, value, from),
    )
    this.on(hello, (sender, id) => events.emit('hello', { name: sender, id }))
    this.on('nodeUp', (up) => this.#stores.nodeUp(up.name))
    this.on('nodeUp', (up) => this.logging.nodeUp(up.name))
    this.on('nodeDown', (down) => this.logging.nodeDown(down.name))
  }

  /** `Cluster::node`. */
  get name(): string {
    return this.#settings.node.name
  }

  /** `Cluster::is_enabled`: whether this node has a name, and so is part of a cluster. */
  isEnabled(): boolean {
    return this.name !== ''
  }

  /** `Cluster::local_node_type`: `NONE` outside of clusters. */
  localNodeType(): NodeType {
    return this.isEnabled() ? this.#settings.node.nodeType : 'NONE'
  }

  /** `Cluster::nodes`: the layout, with the ids of the nodes that are connected. */
  get nodes(): ReadonlyMap<string, ClusterNode> {
    return this.#rollCall.nodes
  }

  /** @internal The version of Zeek that this node speaks to. */
  get dialect(): Dialect {
    return this.#settings.dialect
  }

  /** What the layout says, without what changes. */
  get layout(): Layout {
    return this.#settings.layout
  }

  /**
   * The options of the framework by their names in this library: `retryInterval` is `Cluster::retry_interval`. They
   * are fixed after the start: assigning one throws a `ClusterError`, code `option-fixed`.
   */
  get options(): Options {
    return this.#settings.options
  }

  /**
   * Declares an option of a script, Zeek's `option` and `const &redef`: a layout, the command line and the code that
   * starts the node can give it another first value. With `changeable` it can change later, also by a controller.
   * Throws a `ClusterError`: code `duplicate-option`, or `invalid-option` for a redef that does not fit its type.
   */
  option<T>(
    name: string,
    type: DataType<T>,
    initial: T,
    { changeable = false }: { readonly changeable?: boolean } = {},
  ): ScriptOption<T> {
    if (findOption(name) !== undefined) {
      throw new ClusterError('duplicate-option', `${name} is an option of the framework`, { name })
    }
    return this.#configuration.scriptOptions.declare(name, type, initial, changeable)
  }

  /** `Cluster::stores`: the stores that were created here, by their names. */
  get stores(): ReadonlyMap<string, StoreInfo> {
    return this.#stores.infos
  }

  /**
   * `Cluster::create_store`: a data store of the cluster, whose master is on one node. Also works outside of clusters.
   * Resolves when a master is open, or could not be opened: then `ready` says why. Rejects with a `ClusterError`, code
   * `no-master-node`, when no node can have the master.
   */
  async createStore<Key = StoreData, Value = StoreData>(
    name: string,
    options?: CreateStoreOptions<Key, Value>,
  ): Promise<StoreInfo<Key, Value>> {
    const info = this.#stores.create(name, options)
    if (info.master) await info.ready.catch(() => {})
    return info
  }

  /**
   * `Cluster::register_pool`: a pool beside those for workers, proxies and loggers. Its members are known when the
   * node connects. Throws a `ClusterError`, code `too-late`, after that: register pools while the script is loaded.
   */
  registerPool(spec: PoolSpec): Pool {
    if (!this.#isJoining) {
      throw new ClusterError('too-late', `the pool ${spec.topic} is registered after the start`, { spec })
    }
    const pool = new Pool(spec, this.#settings.dialect.hashEra)
    this.#pools.push(pool)
    return pool
  }

  /** Own id on the bus (`Broker::node_id`): unique for the life of this process. */
  get id(): string {
    return this.#bus.id
  }

  /** The clock of this node: virtual in a test. */
  get clock(): Clock {
    return this.#settings.clock
  }

  /** Timers on that clock. */
  get timers(): Timers {
    return this.#settings.timers
  }

  /** `Cluster::worker_count`: workers that are connected to this node. */
  get workerCount(): number {
    return this.#rollCall.workerCount
  }

  /** Whether this node writes the records of others: a LOGGER, or the manager with `manager_is_logger`. */
  get isLogger(): boolean {
    const { nodeType } = this.#settings.node
    return nodeType === 'LOGGER' || (nodeType === 'MANAGER' && this.#settings.options.managerIsLogger)
  }

  /** `Cluster::Node$id`: the bus id of a node while it is connected to this one. */
  nodeId(name: string): string | undefined {
    return this.#rollCall.idOf(name)
  }

  /** Names of the nodes that are up, sorted. */
  get nodesUp(): readonly string[] {
    return this.#rollCall.names
  }

  get health(): ClusterHealth {
    const reason = this.logging.trouble
    if (reason !== undefined) return { state: 'degraded', reason }
    return this.#rollCall.health
  }

  /** `Cluster::node_topic`: the topic that reaches exactly one node, by its name. */
  nodeTopic(name: string): string {
    return this.#topics.node(name)
  }

  /** `Cluster::nodeid_topic`: the topic that reaches exactly one node, by its bus id. */
  nodeidTopic(id: string): string {
    return this.#topics.nodeid(id)
  }

  /** The topic that all nodes of a type subscribe, for example `Cluster::worker_topic`. */
  topicOf(nodeType: 'LOGGER' | 'MANAGER' | 'PROXY' | 'WORKER' | 'TIME_MACHINE'): string {
    return this.#topics.ofType(nodeType)!
  }

  /** `Cluster::rr_topic`: the node topic of the next living member, or undefined when none is alive. */
  rrTopic(pool: Pool, key?: string): string | undefined {
    const name = pool.roundRobin(key)
    return name === undefined ? undefined : this.#topics.node(name)
  }

  /** `Cluster::hrw_topic`: the node topic of the member that owns `key`, or undefined when none is alive. */
  hrwTopic(pool: Pool, key: PoolKey): string | undefined {
    const name = pool.highestRandomWeight(key)
    return name === undefined ? undefined : this.#topics.node(name)
  }

  /** Declares an event that nodes can send each other; see `event` of the data module. */
  event<const Types extends ParameterTypes>(name: string, types: Types): EventType<Types> {
    return event(name, types)
  }

  /**
   * Handles something of the framework, or an event from other nodes. Handlers of higher `priority` run first (default
   * 0; the framework has 10). Returns the function that removes it.
   */
  on<Name extends keyof ClusterEvents>(
    name: Name,
    handler: (...args: ClusterEvents[Name]) => void,
    options?: { readonly priority?: number },
  ): () => void
  on<Types extends ParameterTypes>(
    type: EventType<Types>,
    handler: (...args: Natives<Types>) => void,
    options?: { readonly priority?: number },
  ): () => void
  on(
    what: keyof ClusterEvents | EventType,
    handler: (...args: never[]) => void,
    { priority = 0 }: { readonly priority?: number } = {},
  ): () => void {
    const call = handler as (...args: unknown[]) => void
    return typeof what === 'string'
      ? this.#events.on(what, call, priority)
      : this.#dispatch.on(what, call, priority)
  }

  /** Receives the messages of every topic that starts with `prefix`. */
  subscribe(prefix: string): void {
    this.#inbox.subscribe(prefix)
    this.#bus.subscribe(prefix)
  }

  unsubscribe(prefix: string): void {
    this.#inbox.unsubscribe(prefix)
    this.#bus.unsubscribe(prefix)
  }

  /**
   * Sends to every connected node that subscribes the topic, never to the own one; says what became of it.
   * Throws `EncodeError` for an argument that is not of its type, whether or not a node subscribes.
   */
  publish(topic: string, message: EventMessage): PublishOutcome {
    return this.#publish(topic, message)
  }

  #publish(topic: string | undefined, message: EventMessage): PublishOutcome {
    const outcome = topic === undefined ? 'no-peer' : this.#bus.publish(topic, this.#stamped(message))
    if (outcome === 'no-peer') message.check()
    return outcome
  }

  /** With `EventMetadata::add_network_timestamp` every event carries the time at which it was published. */
  #stamped(message: EventMessage): EventMessage {
    if (!this.#settings.options.addNetworkTimestamp || message.timestamp !== undefined) return message
    return message.at(this.clock.wallMs() / 1000)
  }

  /** The network time, in seconds, that came with the event being handled, if any (`EventMetadata::current`). */
  get eventTimestamp(): number | undefined {
    return this.#dispatch.timestamp
  }

  /** While a handler of an event runs: the peer that sent it; undefined outside. */
  get eventSender(): Peer | undefined {
    return this.#dispatch.sender
  }

  /** `Cluster::publish_rr`. */
  publishRr(pool: Pool, key: string, message: EventMessage): PublishOutcome {
    return this.#publish(this.rrTopic(pool, key), message)
  }

  /** `Cluster::publish_hrw`. */
  publishHrw(pool: Pool, key: PoolKey, message: EventMessage): PublishOutcome {
    return this.#publish(this.hrwTopic(pool, key), message)
  }

  /** `Cluster::log`: one line in cluster.log. */
  log(message: string): void {
    this.#frameworkLogs?.cluster(message)
  }

  /** Log streams: `cluster.logs.createStream('Demo::LOG', { columns })` is Zeek's `Log::create_stream`. */
  get logs(): Logs {
    return this.logging.logs
  }

  /** Tells the operator of this node, and reporter.log. */
  report(severity: Report['severity'], code: string, message: string): void {
    this.#settings.reporter({ severity, code, message })
    this.#frameworkLogs?.reporter({ severity, code, message })
  }

  /**
   * Resolves when every connected node has taken in all that was published and logged before; false when `timeoutMs`
   * have passed before that.
   */
  awaitIdle(timeoutMs: number): Promise<boolean> {
    this.logging.delivery?.flush()
    return this.#bus.barrier(timeoutMs)
  }

  // For `src/node`, which starts, feeds and stops the framework.

  /** @internal */
  get bus(): Bus {
    return this.#bus
  }

  /** @internal Everything counted, for status displays. */
  counters(): ClusterCounters {
    return {
      peers: this.#bus.counters(),
      logs: this.logging.counters(),
      files: this.logging.openStore?.counters(),
      events: this.#dispatch.counters,
      invalidMessages: this.#inbox.invalidMessages,
      updates: this.#configuration.counters,
    }
  }

  /** @internal Fills the pools and subscribes (spec/cluster-framework.md 2.6). Throws `ClusterError` `invalid-pool`. */
  join(): void {
    const { node, layout, options } = this.#settings
    this.#isJoining = false
    if (!this.isEnabled()) return
    assignMembers(this.#pools, layout, node.name, options.managerIsLogger)
    for (const pool of this.#pools) {
      if (pool.members.includes(node.name)) this.subscribe(pool.spec.topic)
    }
    if (node.nodeType === 'NONE') return
    const topic = this.#topics.ofType(node.nodeType)
    if (topic !== undefined) this.subscribe(topic)
    if (this.isLogger) this.subscribe(options.defaultLogTopicPrefix)
    this.logging.join()
    for (const own of [...this.#ownTopics, this.#topics.dialectTopic]) this.#bus.subscribe(own)
  }

  /** @internal Options of scripts, and who may give which command. */
  get configuration(): Configuration {
    return this.#configuration
  }

  /** @internal For the parts of a node that see what scripts can listen to. */
  emit<Name extends keyof ClusterEvents>(name: Name, ...args: ClusterEvents[Name]): void {
    this.#events.emit(name, ...args)
  }

  /** Leaves the cluster: last words, then every record is on its way or on disk. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    this.#events.emit('stopping')
    await this.logging.settle()
    // That the others are gone from here on says nothing about them.
    if (!this.isLogger) this.#frameworkLogs = undefined
    await this.#stores.close()
    await this.#bus.close()
    await this.logging.close()
  }

  /** @internal Everything that waits is sent and written. */
  flush(): Promise<void> {
    return this.logging.flush()
  }

  #busHandler(): BusHandler {
    return {
      onMessage: (topic, bytes, start, end, from) => {
        this.#inbox.receive(topic, bytes, start, end, from)
        this.#rollCall.runQueue()
      },
      onCommand: (topic, bytes, start, end) => this.#stores.local.receive(topic, bytes, start, end),
      onPeerAdded: (peer) => this.#peerAdded(peer),
      onPeerLost: (peer) => this.#peerLost(peer),
      onSubscriptionsChanged: (peer) => this.#subscriptionsChanged(peer),
      onDrain: () => {
        this.#stores.local.onDrain()
        this.logging.drained()
        this.#events.emit('drain')
      },
      onStatus: (told) => this.#statusTold(told),
      onReport: (told) => this.report(told.severity, told.code, told.message),
    }
  }

  #statusTold(told: BusStatus): void {
    if (told.kind === 'messages-dropped') {
      const { id } = told.peer
      this.report('warning', 'messages-dropped', describeDrops(told, this.#rollCall.nameOf(id) ?? id))
    }
    this.#frameworkLogs?.broker(told)
    this.#events.emit('busStatus', told)
    this.#rollCall.runQueue()
  }

  #peerAdded(peer: Peer): void {
    if (this.isEnabled()) this.#bus.publish(this.nodeidTopic(peer.id), hello(this.name, this.id))
    this.#subscriptionsChanged(peer)
  }

  #peerLost(peer: Peer): void {
    this.#stores.local.peersChanged()
    this.logging.peerLost(peer)
    this.#rollCall.lost(peer.id)
  }

  #subscriptionsChanged(peer: Peer): void {
    this.logging.subscriptionsChanged(peer)
    this.#stores.local.peersChanged()
    const reason = this.#topics.mismatch(peer.subscriptions)
    if (reason !== undefined) this.#rollCall.mismatch(peer.id, reason)
  }
}
