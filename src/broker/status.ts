/**
 * What happens to peerings as Broker tells it: names, texts, and the data messages on the two local topics
 * (spec/broker-protocol.md 3.12).
 */
import type { NetworkAddress } from '../base/network-address.js'
import type { BusStatus, EndpointInfo, StatusCode } from '../bus/bus.js'
import { Address, Port } from '../data/address.js'
import { NONE, type Value } from '../data/value.js'
import type { LinkEnd } from './link-owner.js'

export const STATUS_TOPIC = '<$>/local/data/statuses'
export const ERROR_TOPIC = '<$>/local/data/errors'

const TEXTS: Readonly<Record<StatusCode, string>> = {
  peer_added: 'handshake successful',
  peer_removed: 'removed connection to remote peer',
  peer_lost: 'lost connection to remote peer',
  endpoint_discovered: 'found a new peer in the network',
  endpoint_unreachable: 'lost the last path',
}

/** Zeek's own scripts look for this text. */
const OVERFLOW = 'caf::sec::backpressure_overflow'

export function status(code: StatusCode, endpoint: EndpointInfo, reason?: string): BusStatus {
  const message = reason === undefined ? TEXTS[code] : `${TEXTS[code]} (${reason})`
  return { kind: 'status', code, endpoint, message }
}

/** What the end of a peering is told as: the last path to the endpoint is gone with it. */
export function statusesOfEnd(
  end: Extract<LinkEnd, { kind: 'lost' }>,
  endpoint: EndpointInfo & { readonly id: string },
): readonly BusStatus[] {
  const how =
    end.by === 'peer'
      ? status('peer_lost', endpoint)
      : status('peer_removed', endpoint, end.by === 'overflow' ? OVERFLOW : undefined)
  return [how, status('endpoint_unreachable', { id: endpoint.id })]
}

export function unavailable(address: NetworkAddress, retrySeconds: number): BusStatus {
  const message = 'unable to connect to remote peer'
  return { kind: 'error', code: 'peer_unavailable', endpoint: { address, retrySeconds }, message }
}

export function cannotUnpeer(address: NetworkAddress): BusStatus {
  const message = 'cannot unpeer from unknown peer'
  return { kind: 'error', code: 'peer_invalid', endpoint: { address }, message }
}

/** The status as Broker data. */
export function statusValue(told: Exclude<BusStatus, { kind: 'messages-dropped' }>): Value {
  const code: Value = { type: 'enum-value', value: told.code }
  const endpoint = endpointValue(told.endpoint)
  const message = text(told.message)
  const context: Value = { type: 'vector', value: [endpoint, message] }
  return told.kind === 'status'
    ? { type: 'vector', value: [text('status'), code, endpoint, message] }
    : { type: 'vector', value: [text('error'), code, context] }
}

function endpointValue({ id, address, retrySeconds }: EndpointInfo): Value {
  const network: readonly Value[] =
    address === undefined
      ? [NONE, NONE, NONE]
      : [
          text(Address.tryParse(address.host)?.toString() ?? address.host),
          { type: 'port', value: new Port(address.port, 'tcp') },
          { type: 'count', value: BigInt(Math.trunc(retrySeconds ?? 0)) },
        ]
  return { type: 'vector', value: [id === undefined ? NONE : text(id), ...network] }
}

function text(value: string): Value {
  return { type: 'string', value }
}
