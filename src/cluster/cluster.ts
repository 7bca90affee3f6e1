/**
 * The cluster framework of one node: what the reference page's module `Cluster` is in Zeek. It names the node and
 * its topics, says hello, tells who is up, fills the pools, spreads messages and writes logs. What carries the
 * messages is a `Bus`; who starts it all is `src/node`.
 */
import { Emitter } from '../base/emitter.js'
import type { NetworkAddress } from '../base/network-address.js'
import type { Report, Reporter } from '../base/report.js'
import type { Clock, Timers } from '../base/time.js'
import type { Bus, BusHandler, BusStatus, Peer, PublishOutcome } from '../bus/bus.js'
import type { ConnRecord } from '../data/conn-record.js'
import { type EventMessage, type EventType, event, type ParameterTypes } from '../data/event.js'
import { type Natives, string, time } from '../data/types.js'
import type { Value } from '../data/value.js'
import type { Layout, LayoutNode } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import { expectedPeers } from '../layout/topology.js'
import { LogReceiver } from '../logging/log-receiver.js'
import type { LogStore, LogStoreCounters } from '../logging/log-store.js'
import { type LogStream, Logs, type LogsCounters } from '../logging/logs.js'
import type { Dialect } from '../options/dialect.js'
import type { Options } from '../options/registry.js'
import { EventDispatch } from './event-dispatch.js'
import type { PoolKey } from './hash.js'
import { Inbox } from './inbox.js'
import { logsRemotely } from './log-roles.js'
import { Membership, type MembershipChange, type NodeId } from './membership.js'
import { assignMembers, Pool } from './pools.js'
import { Topics } from './topics.js'

/** What a script can listen to, beside the events that nodes send each other. */
export interface ClusterEvents {
  /** `Cluster::node_up`: a node of the layout connected; its id, the pools and `workerCount` are up to date. */
  nodeUp: [node: NodeId]
  /** `Cluster::node_down`: a connected node is gone. */
  nodeDown: [node: NodeId]
  /** Every node that this one has a connection with by the layout is up, for the first time. */
  ready: []
  /** A worker saw a connection end. */
  connection: [record: ConnRecord]
  /** A worker read its capture to the end. */
  captureDone: []
  /** What happens to peerings: `Broker::peer_added` and the other status events, errors, dropped messages. */
  busStatus: [told: BusStatus]
  /** A peer wants a global of Zeek's scripts to change. Nothing changes by itself: nodes here have options. */
  identifierUpdate: [update: { readonly name: string; readonly value: Value; readonly from: string }]
  /** `Cluster::websocket_client_added`: with its subscriptions, sorted and unique. */
  webSocketClientAdded: [client: WebSocketClientInfo, subscriptions: readonly string[]]
  /** `Cluster::websocket_client_lost`: with the code and reason of the close frame. */
  webSocketClientLost: [client: WebSocketClientInfo, code: number, reason: string]
  /** The queues to slow peers are short again after `publish` returned `queued` or `dropped`. */
  drain: []
  /** The node is about to leave: last words can still be published. */
  stopping: []
}

/** A client of the WebSocket server of this node (`Cluster::EndpointInfo`). */
export interface WebSocketClientInfo {
  readonly id: string
  readonly address: NetworkAddress
  readonly applicationName: string | undefined
}

/** Health of a node as others see it. */
export type ClusterHealth =
  | { readonly state: 'waiting'; readonly missing: readonly string[] }
  | { readonly state: 'up' }
  | { readonly state: 'degraded'; readonly reason: string }

export interface ClusterSettings {
  /** `Cluster::node`: a name of the layout. */
  readonly node: LayoutNode
  readonly layout: Layout
  readonly options: Options
  readonly dialect: Dialect
  readonly clock: Clock
  readonly timers: Timers
  readonly createBus: (handler: BusHandler) => Bus
  /** Where this node writes logs; undefined when it only sends them. */
  readonly logStore: LogStore | undefined
  readonly reporter: Reporter
  /** A handler of a script threw. */
  readonly onScriptError: (error: unknown, where: string) => void
}

/** `Cluster::hello`: nodes tell each other their name and id when they peer. */
const hello = event('Cluster::hello', [string, string])

export class Cluster {
  readonly #settings: ClusterSettings
  readonly #topics: Topics
  readonly #membership: Membership
  readonly #dispatch: EventDispatch
  readonly #inbox: Inbox
  readonly #events: Emitter<ClusterEvents>
  readonly #bus: Bus
  readonly #logs: Logs
  readonly #clusterLog: LogStream<{ ts: typeof time; node: typeof string; message: typeof string }>
  readonly #ownTopics: ReadonlySet<string>
  readonly #mismatched = new Map<string, string>()
  #pools: readonly Pool[]
  #ready = false
  #stopped: Promise<void> | undefined
  /** `Cluster::worker_pool`. */
  readonly workerPool: Pool
  /** `Cluster::proxy_pool`. */
  readonly proxyPool: Pool
  /** `Cluster::logger_pool`. */
  readonly loggerPool: Pool

  /** Use `Cluster.start` of the package, or `startCluster` of `zeek-cluster/testing`. */
  constructor(settings: ClusterSettings) {
    const { node, layout, options, dialect, reporter, clock, timers } = settings
    this.#settings = settings
    this.#topics = new Topics(options, dialect)
    this.#membership = new Membership(layout)
    const describe = (peer: Peer): string => this.#membership.nameOf(peer.id) ?? peer.id
    this.#dispatch = new EventDispatch(describe, reporter, (error, name) =>
      settings.onScriptError(error, `event ${name}`),
    )
    this.#events = new Emitter((error, name) => settings.onScriptError(error, `handler of ${String(name)}`))
    this.workerPool = new Pool({ topic: options.workerPoolTopic, nodeType: 'WORKER' }, dialect.hashEra)
    this.proxyPool = new Pool({ topic: options.proxyPoolTopic, nodeType: 'PROXY' }, dialect.hashEra)
    this.loggerPool = new Pool({ topic: options.loggerPoolTopic, nodeType: 'LOGGER' }, dialect.hashEra)
    this.#pools = [this.workerPool, this.proxyPool, this.loggerPool]
    assignMembers(this.#pools, layout, node.name, options.managerIsLogger)
    this.#bus = settings.createBus(this.#busHandler())
    const problem = (code: string, message: string): void => reporter({ severity: 'warning', code, message })
    this.#logs = new Logs({
      clock,
      timers,
      bus: this.#bus,
      local: settings.logStore,
      remote: logsRemotely(node.nodeType, options.managerIsLogger),
      batchSize: Number(options.logBatchSize),
      batchIntervalMs: options.logBatchInterval * 1000,
      topicPrefix: options.defaultLogTopicPrefix,
      loggerTopic: (stream) => this.#nextLoggerTopic(stream),
      onProblem: problem,
    })
    this.#clusterLog = this.#logs.createStream('Cluster::LOG', {
      path: 'cluster',
      columns: { ts: time, node: string, message: string },
    })
    this.#ownTopics = new Set([this.#topics.node(node.name), this.#topics.nodeid(this.#bus.id)])
    const receiver =
      this.isLogger && settings.logStore ? new LogReceiver(settings.logStore, problem) : undefined
    this.#inbox = new Inbox(
      this.#topics,
      this.#ownTopics,
      this.#dispatch,
      receiver,
      describe,
      reporter,
      (name, value, from) => this.#events.emit('identifierUpdate', { name, value, from: describe(from) }),
    )
    this.on(hello, (name, id) => {
      for (const change of this.#membership.hello(name, id)) this.#apply(change)
    })
  }

  /** `Cluster::node`. */
  get name(): string {
    return this.#settings.node.name
  }

  /** `Cluster::local_node_type`. */
  get nodeType(): NodeType {
    return this.#settings.node.nodeType
  }

  /** `Cluster::nodes`. */
  get layout(): Layout {
    return this.#settings.layout
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
    return this.#membership.workerCount
  }

  /** Whether this node writes the records of others: a LOGGER, or the manager with `manager_is_logger`. */
  get isLogger(): boolean {
    const { nodeType } = this.#settings.node
    return nodeType === 'LOGGER' || (nodeType === 'MANAGER' && this.#settings.options.managerIsLogger)
  }

  /** `Cluster::Node$id`: the bus id of a node while it is connected to this one. */
  nodeId(name: string): string | undefined {
    return this.#membership.idOf(name)
  }

  /** Names of the nodes that are up, sorted. */
  get nodesUp(): readonly string[] {
    return [...this.#membership.names].sort()
  }

  get health(): ClusterHealth {
    const mismatch = [...this.#mismatched.values()][0]
    if (mismatch !== undefined) return { state: 'degraded', reason: mismatch }
    const missing = this.#missing()
    return missing.length > 0 ? { state: 'waiting', missing } : { state: 'up' }
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

  /** Handles something of the framework, or an event from other nodes. Returns the function that removes it. */
  on<Name extends keyof ClusterEvents>(
    name: Name,
    handler: (...args: ClusterEvents[Name]) => void,
  ): () => void
  on<Types extends ParameterTypes>(
    type: EventType<Types>,
    handler: (...args: Natives<Types>) => void,
  ): () => void
  on(what: keyof ClusterEvents | EventType, handler: (...args: never[]) => void): () => void {
    if (typeof what === 'string') return this.#events.on(what, handler as (...args: unknown[]) => void)
    return this.#dispatch.on(what, handler as (...args: unknown[]) => void)
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

  /** Sends to every connected node that subscribes the topic, never to the own one; says what became of it. */
  publish(topic: string, message: EventMessage): PublishOutcome {
    return this.#bus.publish(topic, this.#stamped(message))
  }

  /** With `EventMetadata::add_network_timestamp` every event carries the time at which it was published. */
  #stamped(message: EventMessage): EventMessage {
    if (!this.#settings.options.addNetworkTimestamp || message.timestamp !== undefined) return message
    return message.at(this.clock.wallMs() / 1000)
  }

  /**
   * While a handler of an event runs: the network time, in seconds, that came with the event; undefined when none did
   * (`EventMetadata::current`).
   */
  get eventTimestamp(): number | undefined {
    return this.#dispatch.timestamp
  }

  /** `Cluster::publish_rr`. */
  publishRr(pool: Pool, key: string, message: EventMessage): PublishOutcome {
    const topic = this.rrTopic(pool, key)
    return topic === undefined ? 'no-peer' : this.publish(topic, message)
  }

  /** `Cluster::publish_hrw`. */
  publishHrw(pool: Pool, key: PoolKey, message: EventMessage): PublishOutcome {
    const topic = this.hrwTopic(pool, key)
    return topic === undefined ? 'no-peer' : this.publish(topic, message)
  }

  /** `Cluster::log`: one line in cluster.log. */
  log(message: string): void {
    this.#clusterLog.write({ ts: this.clock.wallMs() / 1000, node: this.name, message })
  }

  /** Log streams: `cluster.logs.createStream('Demo::LOG', { columns })` is Zeek's `Log::create_stream`. */
  get logs(): Pick<Logs, 'createStream'> {
    return this.#logs
  }

  /** Tells the operator of this node. */
  report(severity: Report['severity'], code: string, message: string): void {
    this.#settings.reporter({ severity, code, message })
  }

  /**
   * Resolves when every connected node has taken in all that was published and logged before; false when `timeoutMs`
   * have passed before that.
   */
  awaitIdle(timeoutMs: number): Promise<boolean> {
    this.#logs.flush()
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
      logs: this.#logs.counters(),
      files: this.#settings.logStore?.counters(),
      events: this.#dispatch.counters,
      invalidMessages: this.#inbox.invalidMessages,
    }
  }

  /** @internal The subscriptions of the framework (spec/cluster-framework.md 2.6). */
  subscribeOwnTopics(): void {
    const { node, options } = this.#settings
    for (const pool of this.#pools) {
      if (pool.members.includes(node.name)) this.subscribe(pool.spec.topic)
    }
    const topic = this.#topics.ofType(node.nodeType)
    if (topic !== undefined) this.subscribe(topic)
    if (this.isLogger) this.subscribe(options.defaultLogTopicPrefix)
    for (const own of this.#ownTopics) this.#bus.subscribe(own)
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
    this.#logs.flush()
    this.#logs.close()
    await this.#bus.close()
    await this.#settings.logStore?.close()
  }

  /** @internal Everything that waits is sent and written. */
  async flush(): Promise<void> {
    this.#logs.flush()
    await this.#settings.logStore?.flush()
  }

  #busHandler(): BusHandler {
    return {
      onMessage: (topic, bytes, start, end, from) => this.#inbox.receive(topic, bytes, start, end, from),
      onPeerAdded: (peer) => this.#peerAdded(peer),
      onPeerLost: (peer) => this.#peerLost(peer),
      onSubscriptionsChanged: (peer) => {
        this.#logs.onPeerSubscriptions(peer)
        this.#checkDialect(peer)
      },
      onDrain: () => this.#events.emit('drain'),
      onStatus: (told) => this.#statusTold(told),
      onReport: (report) => this.#settings.reporter(report),
    }
  }

  #statusTold(told: BusStatus): void {
    if (told.kind === 'messages-dropped') {
      const name = this.#membership.nameOf(told.peer.id) ?? told.peer.id
      const topics = [...told.topics].map(([topic, messages]) => `${messages} on ${topic}`).join(', ')
      const why = told.reason === 'queue-full' ? 'its queue is full' : 'the connection is lost'
      this.report('warning', 'messages-dropped', `messages for ${name} were dropped, ${why}: ${topics}`)
    }
    this.#events.emit('busStatus', told)
  }

  #peerAdded(peer: Peer): void {
    this.#logs.onPeerSubscriptions(peer)
    this.#bus.publish(this.#topics.nodeid(peer.id), hello(this.name, this.id))
    this.#checkDialect(peer)
  }

  #peerLost(peer: Peer): void {
    this.#mismatched.delete(peer.id)
    this.#inbox.forget(peer.id)
    this.#logs.onPeerLost(peer)
    for (const change of this.#membership.lost(peer.id)) this.#apply(change)
  }

  #apply(change: MembershipChange): void {
    const { name, id } = change.node
    switch (change.kind) {
      case 'unknown':
        return this.report('error', 'unknown-node', `hello from ${name}, which the layout does not have`)
      case 'replaced':
        this.report(
          'warning',
          'duplicate-node',
          `${name} said hello again with another id: it replaces ${change.previousId}`,
        )
        return
      case 'repeated':
        return this.log(this.#settings.dialect.helloMessage(name, id))
      case 'up':
        this.log(this.#settings.dialect.helloMessage(name, id))
        for (const pool of this.#pools) pool.nodeUp(name)
        if (this.loggerPool.members.includes(name)) this.#logs.onLoggerAvailable()
        this.#events.emit('nodeUp', change.node)
        return this.#checkReady()
      case 'down':
        for (const pool of this.#pools) pool.nodeDown(name)
        this.log(`node down: ${name}`)
        return this.#events.emit('nodeDown', change.node)
    }
  }

  #checkReady(): void {
    if (this.#ready || this.#missing().length > 0) return
    this.#ready = true
    this.#events.emit('ready')
  }

  #missing(): string[] {
    return expectedPeers(this.layout, this.name).filter((name) => this.#membership.idOf(name) === undefined)
  }

  #checkDialect(peer: Peer): void {
    const mismatch = this.#topics.mismatch(peer.subscriptions)
    if (mismatch === undefined || this.#mismatched.has(peer.id)) return
    const reason = `${mismatch.name} speaks ${mismatch.dialect}, start with --dialect ${mismatch.dialect}`
    this.#mismatched.set(peer.id, reason)
    this.report('error', 'dialect-mismatch', reason)
  }

  /**
   * `Cluster::rr_log_topic`. With loggers in the layout and none alive the record waits: on the common log topic
   * each of them would get its own copy.
   */
  #nextLoggerTopic(stream: string): string | undefined {
    const { options } = this.#settings
    if (!options.enableRoundRobinLogging || this.loggerPool.members.length === 0) {
      return options.defaultLogTopicPrefix + stream
    }
    return this.rrTopic(this.loggerPool, 'Cluster::rr_log_topic')
  }
}

export interface ClusterCounters {
  readonly peers: ReturnType<Bus['counters']>
  readonly logs: LogsCounters
  readonly files: LogStoreCounters | undefined
  readonly events: EventDispatch['counters']
  readonly invalidMessages: number
}
