/** Lines of a stream as bytes, so that text that is no UTF-8 stays what it is. */
import { CommandError } from './output.js'

export interface Line {
  /** From 1. */
  readonly number: number
  /** Without the line end. */
  readonly bytes: Uint8Array
}

/** No value, frame or batch of a cluster is as long. */
const LINE_LIMIT_BYTES = 256 * 1024 * 1024

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Every line but empty ones: those that end in one chunk of the input at a time, so that what is made of them can be
 * written at once. Throws a `CommandError` for a line that is longer than the limit.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  limitBytes = LINE_LIMIT_BYTES,
): AsyncGenerator<readonly Line[]> {
  let number = 0
  let pieces: Uint8Array[] = []
  let pendingBytes = 0
  for await (const chunk of input) {
    const lines: Line[] = []
    let start = 0
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start)
      if (newline < 0) break
      pieces.push(chunk.subarray(start, newline))
      number += 1
      addLine(lines, number, pieces)
      pieces = []
      pendingBytes = 0
      start = newline + 1
    }
    if (lines.length > 0) yield lines
    pieces.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > limitBytes) {
      throw new CommandError(2, `line ${number + 1}: longer than ${limitBytes} bytes`)
    }
  }
  const rest: Line[] = []
  addLine(rest, number + 1, pieces)
  if (rest.length > 0) yield rest
}

function addLine(lines: Line[], number: number, pieces: readonly Uint8Array[]): void {
  const bytes = joined(pieces)
  if (bytes.length > 0) lines.push({ number, bytes })
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  return bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes
}
