/**
 * The text of a layout file with its lines, and the collector of what is wrong with it. Every stage of the parser
 * reports here and goes on, so that all problems of a file come out at once.
 */
import type { Diagnostic, Severity, SourceSpan } from './diagnostics.js'

/** At most so many diagnostics are kept of one file, the closing `too-many-problems` included. */
export const DIAGNOSTICS_MAX = 1000

export class Source {
  readonly file: string
  readonly text: string
  /** Not all bytes of the file were UTF-8: U+FFFD in `text` may stand for one of them. */
  readonly lossy: boolean
  readonly #lineStarts: number[] = [0]

  constructor(file: string, text: string, lossy = false) {
    this.file = file
    this.text = text
    this.lossy = lossy
    for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) {
      this.#lineStarts.push(index + 1)
    }
  }

  /** A line, counted from 1, without its line break. */
  lineText(line: number): string {
    const start = this.#lineStarts[line - 1] ?? this.text.length
    const end = this.#lineStarts[line]
    const text = this.text.slice(start, end === undefined ? this.text.length : end - 1)
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }
}

/** Collects diagnostics up to a limit; errors push out warnings and notes, never the other way round. */
export class Report {
  readonly #source: Source
  readonly #errors: Diagnostic[] = []
  readonly #others: Diagnostic[] = []
  #isDropping = false

  constructor(source: Source) {
    this.#source = source
  }

  /** No further error would be kept, so there is no use in looking for one. */
  get isFull(): boolean {
    return this.#errors.length >= DIAGNOSTICS_MAX - 1
  }

  error(code: string, message: string, span: SourceSpan): void {
    this.#add('error', code, message, span)
  }

  warning(code: string, message: string, span: SourceSpan): void {
    this.#add('warning', code, message, span)
  }

  note(code: string, message: string, span: SourceSpan): void {
    this.#add('note', code, message, span)
  }

  /** Everything reported, in the order of the file. */
  finish(): Diagnostic[] {
    const room = DIAGNOSTICS_MAX - 1
    const others = this.#others.slice(0, Math.max(0, room - this.#errors.length))
    const isCut = this.#isDropping || this.isFull || others.length < this.#others.length
    const all = [...this.#errors, ...others].sort(
      (a, b) => a.span.line - b.span.line || a.span.column - b.span.column,
    )
    const last = all.at(-1)
    if (isCut && last !== undefined) {
      const message = `only the first ${all.length} problems are shown: mend them and check again`
      all.push({ ...last, severity: 'note', code: 'too-many-problems', message })
    }
    return all
  }

  #add(severity: Severity, code: string, message: string, span: SourceSpan): void {
    const list = severity === 'error' ? this.#errors : this.#others
    if (list.length >= DIAGNOSTICS_MAX - 1) {
      this.#isDropping = true
      return
    }
    list.push({ severity, code, message, span, lineText: this.#source.lineText(span.line) })
  }
}

/** From the start of one span to the end of another; when they are on different lines, the first alone. */
export function spanThrough(first: SourceSpan, last: SourceSpan): SourceSpan {
  if (first.line !== last.line) return first
  return { ...first, length: Math.max(1, last.column + last.length - first.column) }
}

/** The place right behind a span, where something is missing. */
export function spanAfter(span: SourceSpan): SourceSpan {
  return { ...span, column: span.column + span.length, length: 1 }
}
