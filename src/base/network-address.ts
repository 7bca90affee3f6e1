/** Where something listens or connects to. */
export interface NetworkAddress {
  /** IP address or host name as text, without brackets; an IPv6 zone follows `%`. */
  readonly host: string
  /** 0 to 65535; 0 asks for any free port when listening. */
  readonly port: number
}

/** `10.0.0.1:27761`, `[::1]:27761`. */
export function formatAddress(address: NetworkAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
