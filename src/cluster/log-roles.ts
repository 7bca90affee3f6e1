/** Where a node's own records go, by its type (spec/cluster-framework.md 2.4). */
import type { NodeType } from '../layout/node-type.js'

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
