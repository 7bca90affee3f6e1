/**
 * The texts of scripts with their lines, and the collector of what is wrong with them. Every stage of reading reports
 * here and goes on, so that all problems come out at once.
 */
import type { Diagnostic, Severity, SourceSpan } from './diagnostics.js'
import { decodeUtf8 } from './strings.js'

/** At most so many diagnostics are kept, the closing `too-many-problems` included. */
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

  /** From the bytes of a file. Comments may be in any encoding; strings are refused when a byte of theirs is lost. */
  static decode(file: string, bytes: string | Uint8Array): Source {
    if (typeof bytes === 'string') return new Source(file, bytes)
    const text = decodeUtf8(bytes)
    return text === undefined
      ? new Source(file, new TextDecoder().decode(bytes), true)
      : new Source(file, text)
  }

  /** The place of what concerns the file as a whole. */
  get start(): SourceSpan {
    return { file: this.file, line: 1, column: 1, length: 1 }
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
  readonly #sources = new Map<string, Source>()
  readonly #errors: Diagnostic[] = []
  readonly #others: Diagnostic[] = []
  #isDropping = false

  constructor(source: Source) {
    this.addSource(source)
  }

  /** Makes the lines of a further file known, before anything in it is reported. */
  addSource(source: Source): void {
    this.#sources.set(source.file, source)
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

  /** Everything reported, file by file as they were read, each in its order. */
  finish(): Diagnostic[] {
    const room = DIAGNOSTICS_MAX - 1
    const others = this.#others.slice(0, Math.max(0, room - this.#errors.length))
    const isCut = this.#isDropping || this.isFull || others.length < this.#others.length
    const order = new Map([...this.#sources.keys()].map((file, index) => [file, index]))
    const rank = ({ span }: Diagnostic): number => order.get(span.file) ?? order.size
    const all = [...this.#errors, ...others].sort(
      (a, b) => rank(a) - rank(b) || a.span.line - b.span.line || a.span.column - b.span.column,
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
    const lineText = this.#sources.get(span.file)?.lineText(span.line) ?? ''
    list.push({ severity, code, message, span, lineText })
  }
}

/** From the start of one span to the end of another; when they are on different lines, the first alone. */
export function spanThrough(first: SourceSpan, last: SourceSpan): SourceSpan {
  if (first.line !== last.line || first.file !== last.file) return first
  return { ...first, length: Math.max(1, last.column + last.length - first.column) }
}

/** The place right behind a span, where something is missing. */
export function spanAfter(span: SourceSpan): SourceSpan {
  return { ...span, column: span.column + span.length, length: 1 }
}

/** Nothing stands between the two. */
export function isAdjacent(first: SourceSpan, second: SourceSpan): boolean {
  return first.line === second.line && first.column + first.length === second.column
}
