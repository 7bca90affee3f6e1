import type { NetworkAddress } from './transport.js'

/** `10.0.0.1:27761`, `[::1]:27761`. */
export function formatAddress(address: NetworkAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
