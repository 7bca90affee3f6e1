/** Broker's native protocol: endpoints that peer with each other and with stock Zeek, and what they run on. */
export { systemRandom } from '../base/random.js'
export { systemTimers } from '../base/time.js'
export type {
  Bus,
  BusHandler,
  BusStatus,
  EndpointInfo,
  Participant,
  Peer,
  PeerCounters,
  PublishOutcome,
  StatusCode,
} from '../bus/bus.js'
export { type CertificateFiles, readSecurity } from '../transport/certificates.js'
export { tcpNetwork } from '../transport/tcp.js'
export type { Certificates, Security } from '../transport/transport.js'
export { Endpoint, type EndpointSettings } from './endpoint.js'
export { type EndpointId, endpointIdFromBytes, randomEndpointId } from './endpoint-id.js'
export { DEFAULT_OUTBOX_LIMITS, type OutboxLimits, type OverflowPolicy } from './outbox.js'
