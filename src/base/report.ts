/** Something that an operator should know: one line, with a code for programs. */
export interface Report {
  readonly severity: 'info' | 'warning' | 'error'
  /** Machine-readable kind, for example `peer-fault`. */
  readonly code: string
  readonly message: string
}

export type Reporter = (report: Report) => void
