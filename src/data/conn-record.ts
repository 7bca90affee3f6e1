/** Zeek 9's `Conn::Info`: one finished connection, as `conn.log` has it. */
import {
  addr,
  bool,
  count,
  enumeration,
  interval,
  optional,
  port,
  type RecordOf,
  set,
  string,
  time,
} from './types.js'

/** Names and types of the columns, in Zeek's order. Meanings: the reference of Zeek's `conn.log`. */
export const CONN_COLUMNS = {
  ts: time,
  uid: string,
  'id.orig_h': addr,
  'id.orig_p': port,
  'id.resp_h': addr,
  'id.resp_p': port,
  proto: enumeration,
  service: optional(string),
  duration: optional(interval),
  orig_bytes: optional(count),
  resp_bytes: optional(count),
  conn_state: optional(string),
  local_orig: optional(bool),
  local_resp: optional(bool),
  missed_bytes: optional(count),
  history: optional(string),
  orig_pkts: optional(count),
  orig_ip_bytes: optional(count),
  resp_pkts: optional(count),
  resp_ip_bytes: optional(count),
  tunnel_parents: optional(set(string)),
  ip_proto: optional(count),
} as const

/** A finished connection; an unset column is an absent key. */
export type ConnRecord = RecordOf<typeof CONN_COLUMNS>
