/** Node processes that are none, for tests of the supervisor: what it does to them is written down. */
import { type Layout, parseLayout } from '../../src/layout/index.js'
import { DIALECTS } from '../../src/options/dialect.js'
import type { NodeFigures } from '../../src/supervisor/messages.js'
import type { ChildEvents, SpawnNode } from '../../src/supervisor/node-process.js'

/** A layout of nodes named by their type: `worker-1`. */
export function layoutOf(...names: readonly string[]): Layout {
  const rows = names.map((name, index) => {
    const type = name.replace(/-\d+$/, '').toUpperCase()
    return `["${name}"] = [$node_type=Cluster::${type}, $ip=127.0.0.1, $p=${47_000 + index}/tcp, $manager="manager"],`
  })
  const text = `redef Cluster::manager_is_logger = F;\nredef Cluster::nodes = {\n${rows.join('\n')}\n};\n`
  return parseLayout(text, { file: 'cluster-layout.zeek', dialect: DIALECTS.reference }).layout
}

export function figures(changes: Partial<NodeFigures> = {}): NodeFigures {
  return {
    health: 'up',
    detail: '',
    nodesUp: [],
    workerCount: 0,
    messagesIn: 0,
    messagesOut: 0,
    droppedOut: 0,
    queuedBytes: 0,
    logQueueBytes: 0,
    logSpoolBytes: 0,
    logs: [],
    logRecords: 0,
    droppedRecords: 0,
    rssBytes: 0,
    capture: undefined,
    ...changes,
  }
}

export class FakeProcesses {
  /** `spawn worker-1`, `SIGTERM worker-1`, `flush worker-1`, in order. */
  readonly log: string[] = []
  readonly #children = new Map<string, ChildEvents>()
  #pid = 100

  readonly spawn: SpawnNode = (name, events) => {
    this.#pid += 1
    this.#children.set(name, events)
    this.log.push(`spawn ${name}`)
    return {
      pid: this.#pid,
      send: (message) => this.log.push(`${message.kind} ${name}`),
      signal: (signal) => this.log.push(`${signal} ${name}`),
    }
  }

  /** The child that runs under a name. */
  child(name: string): ChildEvents {
    const child = this.#children.get(name)
    if (child === undefined) throw new Error(`${name} was never started`)
    return child
  }

  listen(...names: readonly string[]): void {
    for (const name of names) this.child(name).onMessage({ kind: 'listening', address: '127.0.0.1:1' })
  }

  exit(name: string, how: number | string): void {
    if (typeof how === 'number') this.child(name).onExit(how, undefined)
    else this.child(name).onExit(undefined, how)
  }

  takeLog(): string[] {
    return this.log.splice(0)
  }
}
