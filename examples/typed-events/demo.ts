// Written by `zeek-cluster types demo.zeek`: event, record and enum declarations of a Zeek script.
import {
  addr,
  count,
  enumOf,
  event,
  type Native,
  optional,
  port,
  record,
  set,
  string,
  time,
} from 'zeek-cluster'

/** How bad it is. */
export const Severity = enumOf('Demo::Severity', [
  /** Good to know. */
  'Demo::LOW',
  /** Somebody should look at it. */
  'Demo::HIGH',
])
export type Severity = Native<typeof Severity>

/** What is known about a host. */
export const Host = record({
  ip: addr,
  /** When it was seen for the first time. */
  first_seen: time,
  ports: set(port),
  name: optional(string),
})
export type Host = Native<typeof Host>

/**
 * A worker has seen a host `n` times.
 *
 * `event Demo::seen(host: Demo::Host, n: count)`
 */
export const seen = event('Demo::seen', [Host, count])

/**
 * A proxy has made up its mind.
 *
 * `event Demo::judged(ip: addr, severity: Demo::Severity)`
 */
export const judged = event('Demo::judged', [addr, Severity])
