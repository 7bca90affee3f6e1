import { ClusterError } from '../base/errors.js'

/**
 * What went wrong with a store.
 *
 * About one operation (spec/broker-protocol.md 7.9):
 * - `no-such-key`: subtracting from a key that is not there, or an index that the value does not have
 * - `type-clash`: the value there cannot be combined with the operand
 * - `invalid-data`: the operand is malformed for the value there
 * - `key-too-large`, `value-too-large`, `limit-reached`: over a limit of the store; nothing was changed
 * - `refused`: the master did not apply the operation, and being a stock Zeek does not say why
 *
 * About the way to the master:
 * - `stale`: this clone has no contact with the master for longer than its stale interval, or never had
 * - `no-master`: the write was not sent within the mutation buffer interval; it was not applied
 * - `buffer-full`: too many bytes of writes wait for the master; it was not applied
 * - `outcome-unknown`: the write was on its way when the master was lost for good, and may have been applied or not
 * - `timeout`, `aborted`: the caller's limit or signal came first; a write that was sent may still be applied
 * - `master-exists`: another node has a master of this name
 * - `closed`: the handle was closed
 *
 * About the backend:
 * - `backend-unavailable`: a library that it needs is not installed
 * - `path-unusable`: the path is a directory where a file has to be, or cannot be read, made or written
 * - `foreign-file`: the file is something else than a store; it is left as it is
 * - `corrupt-file`: the file is torn or damaged; it is left as it is
 * - `file-in-use`: another process has the store open
 * - `disk-full`: there is no room; the writes of this commit were undone
 * - `backend-failure`: anything else that the backend reports; the writes of this commit were undone
 */
export type StoreErrorCode =
  | 'no-such-key'
  | 'type-clash'
  | 'invalid-data'
  | 'key-too-large'
  | 'value-too-large'
  | 'limit-reached'
  | 'refused'
  | 'stale'
  | 'no-master'
  | 'buffer-full'
  | 'outcome-unknown'
  | 'timeout'
  | 'aborted'
  | 'master-exists'
  | 'closed'
  | 'backend-unavailable'
  | 'path-unusable'
  | 'foreign-file'
  | 'corrupt-file'
  | 'file-in-use'
  | 'disk-full'
  | 'backend-failure'

export class StoreError extends ClusterError<StoreErrorCode, { readonly store: string }> {
  override readonly name = 'StoreError'
}

/** Why a master refuses an operation, in words. */
export const REFUSAL_REASONS: Partial<Record<StoreErrorCode, string>> = {
  'no-such-key': 'there is no such key to subtract from',
  'type-clash': 'the value there cannot be combined with this operand',
  'invalid-data': 'the operand is malformed for the value there',
  'key-too-large': 'the key is longer than the limit of the store',
  'value-too-large': 'the value is longer than the limit of the store',
  'limit-reached': 'the store is full',
}
