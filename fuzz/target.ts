/** What can be fuzzed, and what a run says when a decoder breaks its rules. */

export interface Target {
  readonly name: string
  /** For the list of targets. */
  readonly what: string
  /** Files under test, from the top of the repository: their blocks count, their constants are the dictionary. */
  readonly sources: readonly string[]
  /** Runs between two looks at the coverage; fewer for a slow decoder. */
  readonly batchRuns?: number
  /** What the mutations start from. */
  seeds(): Iterable<Uint8Array>
  /** Decodes the input. Returns for good and for refused input; whatever it throws is a finding. */
  run(input: Uint8Array): void
}

/** A decoder that contradicts itself, or another one. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

type ErrorClass<E extends Error> = new (...args: never[]) => E

/** What came of decoding: a value, or one of the errors that a decoder may throw. */
export type Outcome<T, E> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: never; readonly error: E }

/** Runs a decoder; errors of other classes pass. */
export function attempt<T, E extends Error>(
  decode: () => T,
  ...allowed: readonly ErrorClass<E>[]
): Outcome<T, E> {
  try {
    return { value: decode() }
  } catch (error) {
    for (const errorClass of allowed) if (error instanceof errorClass) return { error }
    throw error
  }
}

/** Throws a `Violation` unless it holds. */
export function ensure(holds: boolean, message: string): void {
  if (!holds) throw new Violation(message)
}

/** Throws a `Violation` unless both have the same bytes. */
export function ensureSameBytes(actual: Uint8Array, expected: Uint8Array, message: string): void {
  if (Buffer.compare(actual, expected) === 0) return
  throw new Violation(`${message}: ${toHex(actual)} is not ${toHex(expected)}`)
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
