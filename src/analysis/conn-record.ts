/** From a tracked connection to one line of Zeek's `conn.log`. */
import { Address, Port, type Protocol } from '../data/address.js'
import type { ConnRecord } from '../data/conn-record.js'
import type { Connection, ConnectionSide } from './connection.js'
import { isLocalAddress } from './local-networks.js'

const PROTO = { tcp: 'tcp', udp: 'udp', icmp: 'icmp', unknown: 'unknown_transport' } as const

/** The record of a finished connection. */
export function toConnRecord(connection: Connection, uid: string): ConnRecord {
  const { originator, responder, transport } = connection
  const durationSeconds = connection.lastSeconds - connection.startSeconds
  return {
    ts: connection.startSeconds,
    uid,
    'id.orig_h': addressOf(originator),
    'id.orig_p': portOf(originator, transport),
    'id.resp_h': addressOf(responder),
    'id.resp_p': portOf(responder, transport),
    proto: PROTO[transport],
    ...(durationSeconds > 0 && {
      duration: durationSeconds,
      orig_bytes: toCount(connection.payloadBytes(originator)),
      resp_bytes: toCount(connection.payloadBytes(responder)),
    }),
    conn_state: connection.connState(),
    local_orig: isLocal(originator),
    local_resp: isLocal(responder),
    missed_bytes: toCount(connection.missedBytes),
    ...(connection.history !== '' && { history: connection.history }),
    orig_pkts: BigInt(originator.packets),
    orig_ip_bytes: BigInt(originator.ipBytes),
    resp_pkts: BigInt(responder.packets),
    resp_ip_bytes: BigInt(responder.ipBytes),
    ...(connection.tunnelUids !== undefined && { tunnel_parents: connection.tunnelUids }),
    ip_proto: BigInt(connection.ipProtocol),
  }
}

/** A negative count is what sequence numbers without sense give; Zeek's counts wrap around. */
function toCount(value: number): bigint {
  return BigInt.asUintN(64, BigInt(value))
}

function addressOf(side: ConnectionSide): Address {
  return new Address(side.word0 >>> 0, side.word1 >>> 0, side.word2 >>> 0, side.word3 >>> 0)
}

function portOf(side: ConnectionSide, protocol: Protocol): Port {
  return new Port(side.port, protocol)
}

function isLocal(side: ConnectionSide): boolean {
  return isLocalAddress(side.word0, side.word1, side.word2, side.word3)
}
