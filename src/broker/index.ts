/** Broker's native protocol: endpoints that peer with each other and with stock Zeek. */
export { Endpoint, type EndpointSettings } from './endpoint.js'
export { type EndpointId, endpointIdFromBytes, randomEndpointId } from './endpoint-id.js'
export { DEFAULT_OUTBOX_LIMITS, type OutboxLimits, type OverflowPolicy } from './outbox.js'
