/**
 * What can be wrong with a capture file. Every error names the packet (counted from 1) and the byte of the
 * input, so that the user can look at the spot; packets before it have been delivered.
 */
import { ClusterError } from '../base/errors.js'

export type CaptureErrorCode =
  /** Neither pcap nor pcapng. */
  | 'not-a-capture'
  /** The input ends inside a packet or a header. */
  | 'capture-truncated'
  /** A packet or block is larger than the limit. */
  | 'capture-packet-too-large'
  /** A length or a reference in the file contradicts the format. */
  | 'capture-malformed'

export interface CaptureErrorData {
  /** The packet at which reading stopped, counted from 1: all packets before it were delivered. */
  readonly packetNumber: number
  /** Position in the input, in bytes from its start, of the record or header concerned. */
  readonly offsetBytes: number
}

export class CaptureError extends ClusterError<CaptureErrorCode, CaptureErrorData> {
  override readonly name = 'CaptureError'
}
