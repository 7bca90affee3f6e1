/**
 * All node processes of one host: started by stages (loggers, manager, proxies, workers), watched, stopped in the
 * opposite order so that whoever logs can still reach a logger.
 */
import { Emitter } from '../base/emitter.js'
import { ClusterError } from '../base/errors.js'
import type { Clock, Timers } from '../base/time.js'
import { type Layout, type LayoutNode, nodesByName } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import { expectedPeers } from '../layout/topology.js'
import type { NodeMessage, NodeStatus, ProcessState } from './messages.js'
import { NodeProcess, type SpawnNode } from './node-process.js'

export interface SupervisorEvents {
  /** A process changed its state. */
  state: [name: string, state: ProcessState, detail: string]
  message: [name: string, message: NodeMessage]
}

export interface SupervisorSettings {
  readonly layout: Layout
  /** Which nodes of the layout to run here. */
  readonly runs: (node: LayoutNode) => boolean
  readonly spawn: SpawnNode
  readonly clock: Clock
  readonly timers: Timers
  readonly onError: (error: unknown) => void
}

const START_ORDER: readonly NodeType[] = ['LOGGER', 'TIME_MACHINE', 'MANAGER', 'PROXY', 'WORKER']
/** A stage that does not listen after this time does not hold up the next one. */
const STAGE_TIMEOUT_MS = 5000

export class Supervisor extends Emitter<SupervisorEvents> {
  readonly #settings: SupervisorSettings
  readonly #processes: readonly NodeProcess[]
  #state: 'starting' | 'running' | 'stopping' = 'starting'
  #stopped: Promise<void> | undefined

  constructor(settings: SupervisorSettings) {
    super((error) => settings.onError(error))
    const { layout, spawn, clock, timers } = settings
    this.#settings = settings
    this.#processes = START_ORDER.flatMap((nodeType) => nodesByName(layout, nodeType))
      .filter(settings.runs)
      .map(
        (node) =>
          new NodeProcess(node, expectedPeers(layout, node.name).length, spawn, clock, timers, {
            onMessage: (message) => this.emit('message', node.name, message),
            onState: (state, detail) => this.emit('state', node.name, state, detail),
          }),
      )
  }

  /** Every node, in order of their start. */
  status(): readonly NodeStatus[] {
    return this.#processes.map((process) => process.status())
  }

  /** Whether all nodes see all their peers. */
  get isUp(): boolean {
    return this.#processes.every((process) => process.status().state === 'up')
  }

  /** Starts stage by stage. Rejects with `ClusterError` code `node-failed` when a node cannot start. */
  async start(): Promise<void> {
    for (const nodeType of START_ORDER) {
      const stage = this.#ofType(nodeType)
      if (stage.length === 0 || this.#state === 'stopping') continue
      for (const process of stage) process.start()
      await this.#stageListens(stage)
    }
    if (this.#state === 'starting') this.#state = 'running'
  }

  /** Stops workers, proxies, manager, loggers; resolves when all are gone. */
  stop(): Promise<void> {
    this.#state = 'stopping'
    this.#stopped ??= this.#stopInOrder()
    return this.#stopped
  }

  /** Everything that nodes have to say reaches its destination: workers first, loggers last. */
  async flush(): Promise<void> {
    for (const nodeType of [...START_ORDER].reverse()) {
      await Promise.all(this.#ofType(nodeType).map((process) => process.flush()))
    }
  }

  async #stopInOrder(): Promise<void> {
    for (const nodeType of [...START_ORDER].reverse()) {
      await Promise.all(this.#ofType(nodeType).map((process) => process.stop()))
    }
  }

  #ofType(nodeType: NodeType): NodeProcess[] {
    return this.#processes.filter((process) => process.node.nodeType === nodeType)
  }

  #stageListens(stage: readonly NodeProcess[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopWaiting = [this.on('state', () => check()), this.on('message', () => check())]
      const timer = this.#settings.timers.after(STAGE_TIMEOUT_MS, () => finish())
      const finish = (error?: Error): void => {
        timer.cancel()
        for (const stop of stopWaiting) stop()
        if (error === undefined) resolve()
        else reject(error)
      }
      const check = (): void => {
        const failed = stage.find((process) => process.hasFailed)
        if (failed !== undefined) {
          const { name } = failed.node
          return finish(
            new ClusterError('node-failed', `${name} cannot start (${failed.status().detail})`, { name }),
          )
        }
        if (this.#state === 'stopping' || stage.every((process) => process.isListening)) finish()
      }
      check()
    })
  }
}
