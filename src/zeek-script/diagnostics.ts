/** What is wrong with an input text, and where: one shape for errors, warnings and notes. */

/** A stretch of a source line. Lines and columns count from 1; columns count characters. */
export interface SourceSpan {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Length in characters, at least 1. */
  readonly length: number
}

export type Severity = 'error' | 'warning' | 'note'

export interface Diagnostic {
  readonly severity: Severity
  /** Machine-readable kind, for example `unknown-field`. */
  readonly code: string
  readonly message: string
  readonly span: SourceSpan
  /** The text of the line that `span` is on. */
  readonly lineText: string
}
