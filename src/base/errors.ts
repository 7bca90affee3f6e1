/**
 * One error class for everything that can be reported to a caller: a machine-readable code, typed data and a
 * message that says what, where and what to do. Decisions look at `code`, never at `message`.
 */
export class ClusterError<Code extends string = string, Data = unknown> extends Error {
  override readonly name: string = 'ClusterError'
  readonly code: Code
  readonly data: Data

  constructor(code: Code, message: string, data: Data, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.data = data
  }
}

/** The `code` of a Node.js or cluster error, or undefined. The one place that looks into foreign errors. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Marks code that the types say cannot run; names the value if it does. */
export function unreachable(value: never): never {
  throw new ClusterError('unreachable', `unreachable: ${JSON.stringify(value)}`, { value })
}
