/** Writing to the terminal: the one place of the command line that does. */
import { once } from 'node:events'
import { ClusterError, errorMessage } from '../base/errors.js'

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Prints lines that may be no UTF-8; resolves when more can be printed without piling up. */
export async function printLines(lines: readonly (string | Uint8Array)[]): Promise<void> {
  const bytes = lines.flatMap((line) => [typeof line === 'string' ? Buffer.from(line) : line, LINE_END])
  if (!process.stdout.write(Buffer.concat(bytes))) await once(process.stdout, 'drain')
}

const LINE_END = Buffer.from('\n')

export function printError(message: string): void {
  process.stderr.write(`zeek-cluster: error: ${message}\n`)
}

export function printRaw(text: string): void {
  process.stderr.write(`${text}\n`)
}

/**
 * Whoever read the output may go away: the end of a pipe, a terminal that is closed. What runs on then stops in
 * order, as after SIGHUP; the rest just ends. A node of `up` ends with its supervisor, so it only must not crash.
 */
export function survivePipeErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      if (process.send !== undefined) return
      if (!process.emit('SIGHUP')) process.exit()
    })
  }
}

/** Exit codes: 1 the thing asked for failed, 2 bad usage or bad input. */
export type ExitCode = 0 | 1 | 2

/** Ends a command with a message and an exit code. */
export class CommandError extends ClusterError<'command-failed', { readonly exitCode: ExitCode }> {
  override readonly name = 'CommandError'

  /** `message` is printed behind `zeek-cluster: error: `; empty when everything is said already. */
  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super('command-failed', message, { exitCode }, cause)
  }
}

/** Turns any error into a `CommandError` with this exit code. */
export function fail(exitCode: ExitCode, error: unknown): CommandError {
  return error instanceof CommandError ? error : new CommandError(exitCode, errorMessage(error), error)
}

/** Bytes for people: `512 B`, `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** Rates and counts for people: `0`, `9.5`, `950`, `12.3k`, `1.2M`. */
export function formatCount(value: number): string {
  if (value < 10 && !Number.isInteger(value)) return value.toFixed(1)
  if (value < 10_000) return String(Math.round(value))
  if (value < 1e6) return `${(value / 1000).toFixed(1)}k`
  return `${(value / 1e6).toFixed(1)}M`
}

/** Columns padded to their widest cell; the columns in `right` are aligned to the right. */
export function formatTable(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (right.has(index) ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd(),
  )
}
