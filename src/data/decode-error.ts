/** What decoders and encoders of the wire formats throw. */
import { ClusterError } from '../base/errors.js'

export type DecodeErrorCode =
  /** The input ends inside a value. */
  | 'truncated'
  /** A tag, protocol or enum byte that the format does not have. */
  | 'invalid-tag'
  /** A set or table has the same element or key twice. */
  | 'duplicate-element'
  /** Bytes are left over behind the last value. */
  | 'trailing-bytes'
  /** Nested deeper than the limit. */
  | 'too-deep'
  /** Larger than the limit. */
  | 'too-large'
  /** A well-formed value of another type than asked for. */
  | 'type-mismatch'
  /** A well-formed value that does not have the shape of the message it stands for. */
  | 'invalid-message'

/** Malformed input. `data.offset` counts bytes from the start of the frame or text that was decoded. */
export class DecodeError extends ClusterError<DecodeErrorCode, { readonly offset: number }> {
  override readonly name = 'DecodeError'

  constructor(code: DecodeErrorCode, message: string, offset: number) {
    super(code, `${message} (at byte ${offset})`, { offset })
  }
}

/** A value that the wire format cannot express. */
export class EncodeError extends ClusterError<'not-representable', undefined> {
  override readonly name = 'EncodeError'

  constructor(message: string) {
    super('not-representable', message, undefined)
  }
}
