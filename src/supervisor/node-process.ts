/**
 * One node as an operating-system process: started, watched, started again after a crash, stopped. What a process
 * is comes as an argument, so that the rules are tested without any.
 */
import type { Clock, Timer, Timers } from '../base/time.js'
import type { LayoutNode } from '../layout/layout.js'
import type { NodeFigures, NodeMessage, NodeStatus, ProcessState, SupervisorMessage } from './messages.js'

/** A running child process. */
export interface ChildHandle {
  readonly pid: number | undefined
  send(message: SupervisorMessage): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
}

export interface ChildEvents {
  onMessage(message: NodeMessage): void
  /** Called once. `code` is undefined when a signal ended the process. */
  onExit(code: number | undefined, signal: string | undefined): void
}

export type SpawnNode = (name: string, events: ChildEvents) => ChildHandle

export interface NodeProcessEvents {
  onMessage(message: NodeMessage): void
  /** The state changed; `detail` is for people. */
  onState(state: ProcessState, detail: string): void
}

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'running'; readonly child: ChildHandle; readonly listening: boolean }
  /** A controller told it to end. */
  | { readonly kind: 'leaving'; readonly child: ChildHandle }
  | { readonly kind: 'stopping'; readonly child: ChildHandle; readonly timer: Timer }
  /** Crashed: starts again when the timer fires. */
  | { readonly kind: 'restarting'; readonly timer: Timer }
  | { readonly kind: 'failed'; readonly detail: string }

/** A node that does not end within this time is killed. */
const STOP_TIMEOUT_MS = 10_000
/** Pause before a restart: at once after a long life, doubled with each crash in a row. */
const RESTART_DELAY_MS = 200
const RESTART_DELAY_MAX_MS = 30_000
/** A process that lived this long counts as healthy. */
const HEALTHY_MS = 60_000

export class NodeProcess {
  readonly node: LayoutNode
  readonly #spawn: SpawnNode
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #events: NodeProcessEvents
  readonly #peersExpected: number
  #state: State = { kind: 'stopped' }
  #address: string | undefined
  #figures: NodeFigures | undefined
  #previous: { readonly atMs: number; readonly figures: NodeFigures } | undefined
  #latestMs = 0
  #startedMs = 0
  #crashesInARow = 0
  #restarts = 0
  #onStopped: (() => void)[] = []
  #onFlushed: (() => void)[] = []

  constructor(
    node: LayoutNode,
    peersExpected: number,
    spawn: SpawnNode,
    clock: Clock,
    timers: Timers,
    events: NodeProcessEvents,
  ) {
    this.node = node
    this.#peersExpected = peersExpected
    this.#spawn = spawn
    this.#clock = clock
    this.#timers = timers
    this.#events = events
  }

  get isListening(): boolean {
    return this.#state.kind === 'running' && this.#state.listening
  }

  get hasFailed(): boolean {
    return this.#state.kind === 'failed'
  }

  get figures(): NodeFigures | undefined {
    return this.#figures
  }

  start(): void {
    this.#startedMs = this.#clock.monotonicMs()
    this.#figures = undefined
    this.#previous = undefined
    this.#address = undefined
    const child = this.#spawn(this.node.name, {
      onMessage: (message) => this.#onMessage(message),
      onExit: (code, signal) => this.#onExit(code, signal),
    })
    this.#state = { kind: 'running', child, listening: false }
    this.#events.onState('starting', `pid ${child.pid ?? '?'}`)
  }

  /** Ends the process in order, by force after a while; resolves when it is gone. */
  stop(): Promise<void> {
    const state = this.#state
    switch (state.kind) {
      case 'running':
      case 'leaving': {
        const timer = this.#timers.after(STOP_TIMEOUT_MS, () => state.child.signal('SIGKILL'))
        this.#state = { kind: 'stopping', child: state.child, timer }
        this.#events.onState('stopping', '')
        state.child.signal('SIGTERM')
        break
      }
      case 'restarting':
        state.timer.cancel()
        this.#state = { kind: 'stopped' }
        break
      case 'stopping':
      case 'stopped':
      case 'failed':
        break
    }
    if (this.#state.kind !== 'stopping') return Promise.resolve()
    return new Promise((resolve) => {
      this.#onStopped.push(resolve)
    })
  }

  /** The node sends and writes everything; resolves when its peers have it, or the node is gone. */
  flush(): Promise<void> {
    const state = this.#state
    if (state.kind !== 'running') return Promise.resolve()
    return new Promise((resolve) => {
      this.#onFlushed.push(resolve)
      state.child.send({ kind: 'flush' })
    })
  }

  status(): NodeStatus {
    const { name, nodeType } = this.node
    const figures = this.#figures
    return {
      name,
      type: nodeType,
      state: this.#stateName(),
      detail: this.#state.kind === 'failed' ? this.#state.detail : (figures?.detail ?? ''),
      pid: 'child' in this.#state ? this.#state.child.pid : undefined,
      address: this.#address,
      peers: figures?.nodesUp.length ?? 0,
      peersExpected: this.#peersExpected,
      eventsInPerSecond: this.#rate((figure) => figure.messagesIn),
      eventsOutPerSecond: this.#rate((figure) => figure.messagesOut),
      logRecordsPerSecond: this.#rate((figure) => figure.logRecords),
      logRecords: figures?.logRecords ?? 0,
      logQueueBytes: figures?.logQueueBytes ?? 0,
      logSpoolBytes: figures?.logSpoolBytes ?? 0,
      logs: figures?.logs ?? [],
      dropped: (figures?.droppedOut ?? 0) + (figures?.droppedRecords ?? 0),
      rssBytes: figures?.rssBytes ?? 0,
      restarts: this.#restarts,
      workerCount: figures?.workerCount ?? 0,
    }
  }

  #stateName(): ProcessState {
    switch (this.#state.kind) {
      case 'running':
        return this.#state.listening ? (this.#figures?.health ?? 'waiting') : 'starting'
      case 'leaving':
        return 'stopping'
      default:
        return this.#state.kind
    }
  }

  #rate(pick: (figures: NodeFigures) => number): number {
    if (this.#figures === undefined || this.#previous === undefined) return 0
    const seconds = (this.#latestMs - this.#previous.atMs) / 1000
    return seconds <= 0 ? 0 : Math.max(0, (pick(this.#figures) - pick(this.#previous.figures)) / seconds)
  }

  #onMessage(message: NodeMessage): void {
    switch (message.kind) {
      case 'listening':
        this.#address = message.address
        if (this.#state.kind === 'running') this.#state = { ...this.#state, listening: true }
        break
      case 'figures': {
        const before = this.#stateName()
        const detailBefore = this.#figures?.detail
        if (this.#figures !== undefined) this.#previous = { atMs: this.#latestMs, figures: this.#figures }
        this.#figures = message.figures
        this.#latestMs = this.#clock.monotonicMs()
        const state = this.#stateName()
        const { detail } = message.figures
        if (state !== before || (state === 'degraded' && detail !== detailBefore))
          this.#events.onState(state, detail)
        break
      }
      case 'leaving':
        if (this.#state.kind === 'running') {
          this.#state = { kind: 'leaving', child: this.#state.child }
          this.#events.onState('stopping', 'a controller told it to stop')
        }
        break
      case 'flushed':
        for (const resolve of this.#onFlushed.splice(0)) resolve()
        break
      default:
        break
    }
    this.#events.onMessage(message)
  }

  #onExit(code: number | undefined, signal: string | undefined): void {
    for (const resolve of this.#onFlushed.splice(0)) resolve()
    const state = this.#state
    if (state.kind === 'stopping') {
      state.timer.cancel()
      this.#state = { kind: 'stopped' }
      this.#events.onState('stopped', '')
      for (const resolve of this.#onStopped.splice(0)) resolve()
      return
    }
    if (state.kind === 'leaving') {
      this.#state = { kind: 'stopped' }
      return this.#events.onState('stopped', '')
    }
    if (state.kind !== 'running') return
    const how = signal === undefined ? `exit code ${code}` : signal
    if (!state.listening && signal === undefined && this.#restarts === 0) {
      // It never ran: trying again would end the same way.
      this.#state = { kind: 'failed', detail: how }
      return this.#events.onState('failed', how)
    }
    const lifeMs = this.#clock.monotonicMs() - this.#startedMs
    this.#crashesInARow = lifeMs > HEALTHY_MS ? 1 : this.#crashesInARow + 1
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (this.#crashesInARow - 1), RESTART_DELAY_MAX_MS)
    this.#state = {
      kind: 'restarting',
      timer: this.#timers.after(delayMs, () => {
        this.#restarts += 1
        this.start()
      }),
    }
    this.#events.onState('restarting', `${how}; starts again in ${delayMs} ms`)
  }
}
