/** The logs that the framework itself writes on every node: cluster.log, broker.log and reporter.log, as Zeek's. */

import type { Report } from '../base/report.js'
import type { Clock } from '../base/time.js'
import type { BusStatus, StatusCode } from '../bus/bus.js'
import { Port } from '../data/address.js'
import { enumOf } from '../data/enum-type.js'
import { optional, port, type RecordOf, record, string, time } from '../data/types.js'
import type { Logs } from '../logging/logs.js'
import type { LogStream } from '../logging/streams/log-filter.js'

/** `Cluster::Info`: the columns of cluster.log. */
export const CLUSTER_LOG_COLUMNS = {
  /** Time at which the message was generated, in seconds. */
  ts: time,
  /** Name of the node that writes the record. */
  node: string,
  message: string,
}

/** A record of cluster.log. */
export type ClusterInfo = RecordOf<typeof CLUSTER_LOG_COLUMNS>

/** `Broker::Info`: the columns of broker.log (spec/cluster-framework.md 7). */
export const BROKER_LOG_COLUMNS = {
  ts: time,
  ty: enumOf('Broker::Type', ['Broker::STATUS', 'Broker::ERROR']),
  /** What happened: `peer-added`, `peer-removed`, `connection-terminated`, or the name of an error. */
  ev: string,
  peer: optional(record({ address: string, bound_port: optional(port) })),
  message: string,
}

/** `Reporter::Info`: the columns of reporter.log. */
export const REPORTER_LOG_COLUMNS = {
  ts: time,
  level: enumOf('Reporter::Level', ['Reporter::INFO', 'Reporter::WARNING', 'Reporter::ERROR']),
  message: string,
  /** Where in a script; empty when it is not about one. */
  location: string,
}

/** How broker.log calls what happens to peerings; the rest is not in it. */
const EVENTS: Readonly<Partial<Record<StatusCode, string>>> = {
  peer_added: 'peer-added',
  peer_removed: 'peer-removed',
  peer_lost: 'connection-terminated',
}

const LEVELS = { info: 'Reporter::INFO', warning: 'Reporter::WARNING', error: 'Reporter::ERROR' } as const

export class FrameworkLogs {
  readonly #node: string
  readonly #clock: Clock
  readonly #cluster: LogStream<typeof CLUSTER_LOG_COLUMNS>
  readonly #broker: LogStream<typeof BROKER_LOG_COLUMNS>
  readonly #reporter: LogStream<typeof REPORTER_LOG_COLUMNS>

  constructor(node: string, clock: Clock, logs: Logs) {
    this.#node = node
    this.#clock = clock
    const stream = { priority: 'high' } as const
    this.#cluster = logs.createStream('Cluster::LOG', { ...stream, columns: CLUSTER_LOG_COLUMNS })
    this.#broker = logs.createStream('Broker::LOG', { ...stream, columns: BROKER_LOG_COLUMNS })
    this.#reporter = logs.createStream('Reporter::LOG', { ...stream, columns: REPORTER_LOG_COLUMNS })
  }

  /** `Cluster::log`. */
  cluster(message: string): void {
    this.#cluster.write({ ts: this.#now, node: this.#node, message })
  }

  broker(status: BusStatus): void {
    if (status.kind === 'messages-dropped') return
    const isError = status.kind === 'error'
    const ev = isError ? status.code.replaceAll('_', '-') : EVENTS[status.code]
    if (ev === undefined) return
    const { address } = status.endpoint
    this.#broker.write({
      ts: this.#now,
      ty: isError ? 'Broker::ERROR' : 'Broker::STATUS',
      ev,
      ...(address && { peer: { address: address.host, bound_port: new Port(address.port, 'tcp') } }),
      message: status.message,
    })
  }

  reporter({ severity, message }: Report): void {
    this.#reporter.write({ ts: this.#now, level: LEVELS[severity], message, location: '' })
  }

  get #now(): number {
    return this.#clock.wallMs() / 1000
  }
}
