/** Zeek's `conn_state` of a TCP connection, from the states of its sides at the end. */
import type { TcpEndpoint } from './tcp-endpoint.js'

/** A SYN, then nothing of the originator that would be part of a connection, then a RST. */
const RESET_BEFORE_ANSWER = /^\^?S[^HAFGIQ]*R/

export function tcpConnState(originator: TcpEndpoint, responder: TcpEndpoint, history: string): string {
  const state = originator.state
  const isSilent = state === 'inactive' || state === 'partial'
  const isResponderSilent = responder.state === 'inactive' || responder.state === 'partial'
  if (responder.state === 'reset') {
    const isEmpty = originator.payloadSize === 0 && responder.payloadSize === 0
    if (state === 'syn-sent' || state === 'syn-ack-sent' || (state === 'reset' && isEmpty)) return 'REJ'
    return isSilent ? 'RSTRH' : 'RSTR'
  }
  if (state === 'reset') {
    if (!isResponderSilent) return 'RSTO'
    return RESET_BEFORE_ANSWER.test(history) ? 'RSTOS0' : 'OTH'
  }
  if (state === 'closed') {
    if (responder.state === 'closed') return 'SF'
    return isResponderSilent ? 'SH' : 'S2'
  }
  if (responder.state === 'closed') return isSilent ? 'SHR' : 'S3'
  if (state === 'syn-sent' && responder.state === 'inactive') return 'S0'
  if (state === 'established' && responder.state === 'established') return 'S1'
  return 'OTH'
}
