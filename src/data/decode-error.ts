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
  /** The message without the place. */
  readonly reason: string

  constructor(code: DecodeErrorCode, reason: string, offset: number) {
    super(code, `${reason} (at byte ${offset})`, { offset })
    this.reason = reason
  }
}

/**
 * A value that the wire format cannot express. `data.path` says where in the message it is (`argument 2, field host`),
 * empty when it is the value itself; `data.reason` what is wrong with it.
 */
export class EncodeError extends ClusterError<
  'not-representable',
  { readonly path: string; readonly reason: string }
> {
  override readonly name = 'EncodeError'

  constructor(reason: string, path = '') {
    super('not-representable', path === '' ? reason : `${path}: ${reason}`, { path, reason })
  }
}

/** A value of another JavaScript type than the Zeek type needs. */
export function unexpected(expected: string, found: unknown): EncodeError {
  return new EncodeError(`expected ${expected}, found ${describe(found)}`)
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing (undefined)'
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'without class'})`
    default:
      return `a ${typeof value}`
  }
}
