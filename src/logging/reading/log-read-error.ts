/** What is wrong with the text of a log file. */
import { ClusterError } from '../../base/errors.js'

export type LogReadErrorCode =
  /** The header of a file is none, or names a type that there is not. */
  | 'bad-log-header'
  /** A line does not have the columns, or a value is not one of its type. */
  | 'bad-log-line'

/** A log file that is not one. */
export class LogReadError extends ClusterError<LogReadErrorCode, undefined> {
  override readonly name = 'LogReadError'

  constructor(code: LogReadErrorCode, message: string) {
    super(code, message, undefined)
  }
}
