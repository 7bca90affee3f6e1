/** Where a node's own records go, by its type (spec/cluster-framework.md 2.4). */
import type { Bus } from '../bus/bus.js'
import type { Layout } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import { Logs } from '../logging/logs.js'
import type { Options } from '../options/registry.js'
import type { ClusterSettings } from './cluster-settings.js'
import { eligibleNodes } from './pools.js'

/** `Log::enable_local_logging`. */
export function logsLocally(nodeType: NodeType, managerIsLogger: boolean): boolean {
  switch (nodeType) {
    case 'LOGGER':
    case 'CONTROL':
    case 'TIME_MACHINE':
    case 'NONE':
      return true
    case 'MANAGER':
      return managerIsLogger
    case 'PROXY':
    case 'WORKER':
      return false
  }
}

/** `Log::enable_remote_logging`. */
export function logsRemotely(nodeType: NodeType, managerIsLogger: boolean): boolean {
  switch (nodeType) {
    case 'LOGGER':
    case 'NONE':
      return false
    case 'MANAGER':
      return !managerIsLogger
    case 'CONTROL':
    case 'TIME_MACHINE':
    case 'PROXY':
    case 'WORKER':
      return true
  }
}

/**
 * Whether each record goes to one logger, the next in turn (`Cluster::rr_log_topic`). While none of them is alive it
 * waits: on the common log topic each of them would get its own copy.
 */
export function loggersTakeTurns(layout: Layout, options: Options): boolean {
  return (
    options.enableRoundRobinLogging && eligibleNodes(layout, 'LOGGER', options.managerIsLogger).length > 0
  )
}

/**
 * The log streams of a node. `nextLogger` is the topic of the logger whose turn it is, while the loggers take turns.
 */
export function createLogs(
  { node, layout, options, clock, timers, logStore }: ClusterSettings,
  bus: Bus,
  nextLogger: () => string | undefined,
  onProblem: (code: string, message: string) => void,
): Logs {
  const takeTurns = loggersTakeTurns(layout, options)
  return new Logs({
    clock,
    timers,
    bus,
    local: logStore,
    remote: logsRemotely(node.nodeType, options.managerIsLogger),
    batchSize: Number(options.logBatchSize),
    batchIntervalMs: options.logBatchInterval * 1000,
    topicPrefix: options.defaultLogTopicPrefix,
    loggerTopic: (stream) => (takeTurns ? nextLogger() : options.defaultLogTopicPrefix + stream),
    onProblem,
  })
}
