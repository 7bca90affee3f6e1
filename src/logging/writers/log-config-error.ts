import { ClusterError } from '../../base/errors.js'

/** A setting of a log's writer (`Log::Filter$config`) that has a value which it cannot have. */
export class LogConfigError extends ClusterError<
  'bad-log-config',
  { readonly key: string; readonly value: string }
> {
  override readonly name = 'LogConfigError'

  /** `expected`: what the value may be, for example `"T" or "F"`. */
  constructor(key: string, value: string, expected: string) {
    super('bad-log-config', `the setting ${key} of a log is ${expected}, not ${JSON.stringify(value)}`, {
      key,
      value,
    })
  }
}
