/** The events and topics of the control framework (spec/cluster-framework.md 4.1, 4.2). */
import { event } from '../data/event.js'
import { string } from '../data/types.js'

/** `Control::topic_prefix`: the same in every version of Zeek. */
export const CONTROL_TOPIC_PREFIX = 'zeek/control'

/** `Control::commands`. */
export const CONTROL_COMMANDS = [
  'id_value',
  'peer_status',
  'net_stats',
  'configuration_update',
  'shutdown',
] as const

export type ControlCommand = (typeof CONTROL_COMMANDS)[number]

export const REQUESTS = {
  id_value: event('Control::id_value_request', [string]),
  peer_status: event('Control::peer_status_request', []),
  net_stats: event('Control::net_stats_request', []),
  configuration_update: event('Control::configuration_update_request', []),
  shutdown: event('Control::shutdown_request', []),
} as const

export const RESPONSES = {
  /** The name asked for and its value in print form. */
  id_value: event('Control::id_value_response', [string, string]),
  peer_status: event('Control::peer_status_response', [string]),
  net_stats: event('Control::net_stats_response', [string]),
  configuration_update: event('Control::configuration_update_response', []),
  shutdown: event('Control::shutdown_response', []),
} as const

/** Where a node with this bus id takes requests. */
export function requestTopic(id: string): string {
  return `${CONTROL_TOPIC_PREFIX}/${id}`
}

/** What `id_value` answers for a name that does not exist. */
export const UNKNOWN_ID = '<unknown id>'
