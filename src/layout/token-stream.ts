/**
 * The lexer with one token of lookahead, what is between tokens (directives), and the recovery from errors.
 *
 * Zeek handles directives in its scanner, so they may stand anywhere, in the middle of a table too; here they are
 * handled where tokens are fetched. The stream keeps the open brackets: skipping to the end of a broken entry or
 * statement needs them, and they are the limit of nesting.
 */
import type { SourceSpan } from './diagnostics.js'
import { Lexer, type Token } from './lexer.js'
import { type Report, type Source, spanAfter } from './source.js'

/** Open brackets at most. */
export const NESTING_MAX = 100

/** Thrown to leave the broken construct for the next place to recover at; it has been reported. */
export class SyntaxFailure extends Error {}

/** A string that is not closed took the rest of its line: brackets that were open on it cannot be trusted. */
export class LostLine extends SyntaxFailure {}

const OPENERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** Words that begin a statement and cannot stand inside an expression. */
const STATEMENT_WORDS = new Set([
  'redef',
  'module',
  'export',
  'global',
  'const',
  'option',
  'type',
  'print',
  'using',
])

/** Directives that name one file or plugin to load. */
const LOADS = new Set(['@load', '@load-sigs', '@load-plugin'])

/** Directives that stand for a value. */
const VALUES = new Set(['@DIR', '@FILENAME', '@DEBUG'])

export class TokenStream {
  readonly #lexer: Lexer
  readonly #report: Report
  readonly #open: string[] = []
  #token: Token
  #previous: SourceSpan
  /** Text is being skipped: what is wrong in it is not reported. */
  #skipping = false
  #complete = true
  /** A limit is reached: nothing more is read and nothing more is missing. */
  #exhausted = false

  constructor(source: Source, report: Report) {
    this.#lexer = new Lexer(source)
    this.#report = report
    this.#previous = { file: source.file, line: 1, column: 1, length: 1 }
    this.#token = this.#fetch()
  }

  /** The token that comes next. */
  get token(): Token {
    return this.#token
  }

  /** Where the last consumed token stands. */
  get previous(): SourceSpan {
    return this.#previous
  }

  /** How many brackets are open. */
  get depth(): number {
    return this.#open.length
  }

  /** False once anything was skipped. */
  get complete(): boolean {
    return this.#complete
  }

  /** Something of the file is left out of the syntax tree. */
  markIncomplete(): void {
    this.#complete = false
  }

  is(...symbols: string[]): boolean {
    return this.#token.kind === 'symbol' && symbols.includes(this.#token.text)
  }

  isWord(...words: string[]): boolean {
    return this.#token.kind === 'name' && words.includes(this.#token.text)
  }

  /** At the end of the file, or at a word that only begins statements. */
  get atStatementStart(): boolean {
    return (
      this.#token.kind === 'end' || (this.#token.kind === 'name' && STATEMENT_WORDS.has(this.#token.text))
    )
  }

  advance(): Token {
    const token = this.#token
    if (token.kind === 'symbol') this.#track(token)
    this.#previous = token.span
    if (token.kind !== 'end') this.#token = this.#fetch()
    return token
  }

  /** Consumes a symbol, or reports that it is missing and leaves the construct. */
  expect(symbol: string, where: string): Token {
    if (this.is(symbol)) return this.advance()
    return this.failMissing(`\`${symbol}\``, where)
  }

  /** Reports that something is missing before the next token, and leaves the construct. */
  failMissing(what: string, where: string): never {
    this.reportMissing(what, where)
    throw new SyntaxFailure()
  }

  /** As `failMissing`, where the next token itself is what is wrong. */
  failUnexpected(what: string, where: string): never {
    this.reportMissing(what, where, this.#token.span)
    throw new SyntaxFailure()
  }

  /** `at` is the place; without it what is missing at the end of a line is shown there and not on the next line. */
  reportMissing(what: string, where: string, at?: SourceSpan): void {
    const { problem, kind, span, text } = this.#token
    this.markIncomplete()
    if (this.#exhausted) return
    if (problem !== undefined) this.#report.error(problem.code, problem.message, span)
    else if (kind === 'end') {
      this.#report.error(
        'syntax',
        `expected ${what} ${where}, but the file ends here`,
        spanAfter(this.#previous),
      )
    } else {
      const place = at ?? (span.line === this.#previous.line ? span : spanAfter(this.#previous))
      this.#report.error('syntax', `expected ${what} ${where}, found \`${shorten(text)}\``, place)
    }
  }

  /** Reports a bracket that nothing closes. */
  reportUnclosed(message: string, span: SourceSpan): void {
    this.markIncomplete()
    if (!this.#exhausted) this.#report.error('syntax', message, span)
  }

  /**
   * Skips to a `,` at `depth` open brackets, to a bracket that closes one of these, or to what ends the statement,
   * and consumes none of them.
   */
  skipToDelimiter(depth: number): void {
    this.markIncomplete()
    this.#skipping = true
    while (this.#token.kind !== 'end' && !this.#delimits(depth)) this.advance()
    this.#skipping = false
    this.forgetOpen(depth)
  }

  /** Skips what is left of a statement: over its `;`, or over the `}` that closes its block. */
  skipStatement(): void {
    this.markIncomplete()
    this.#skipping = true
    while (this.#token.kind !== 'end') {
      const inBlock = this.#open.includes('{')
      if (!inBlock && (this.is(';') || this.atStatementStart)) break
      const closesBlock = this.is('}') && this.#open.indexOf('{') === this.#open.lastIndexOf('{')
      // What follows the block is not skipped, so its directives are to be reported.
      this.#skipping = !closesBlock
      this.advance()
      if (closesBlock && (this.#token.kind !== 'symbol' || this.is(';'))) break
      this.#skipping = true
    }
    this.#skipping = false
    this.forgetOpen(0)
    if (this.is(';')) this.advance()
  }

  /** Takes all brackets but the first `depth` as closed. */
  forgetOpen(depth: number): void {
    this.#open.length = Math.min(depth, this.depth)
  }

  #delimits(depth: number): boolean {
    const { text } = this.#token
    // A statement's word at the start of a line ends a table that was never closed.
    if (this.atStatementStart) return this.depth === 0 || this.#token.span.column === 1
    if (this.#token.kind !== 'symbol') return false
    if (text === ',') return this.depth <= depth
    if (text === ';') return !this.#open.slice(depth).includes('{')
    const opener = OPENERS[text]
    return opener !== undefined && this.#open.lastIndexOf(opener) < depth
  }

  #fetch(): Token {
    if (this.#report.isFull) this.#exhausted = true
    if (this.#exhausted) {
      this.markIncomplete()
      return { kind: 'end', text: '', span: this.#previous }
    }
    return this.#settle(this.#lexer.next())
  }

  /** Handles directives until there is a token for the parser. */
  #settle(first: Token): Token {
    let token = first
    while (token.kind === 'directive' && !VALUES.has(token.text)) {
      this.#directive(token)
      token = this.#lexer.next()
    }
    return token
  }

  #directive(token: Token): void {
    if (LOADS.has(token.text)) {
      const target = this.#lexer.word()
      if (target !== '' && !this.#skipping) {
        const message = `\`${token.text} ${shorten(target)}\` is ignored: this reader loads no Zeek scripts`
        this.#report.note('load-ignored', message, token.span)
      } else if (target === '') {
        this.#error('syntax', `\`${token.text}\` names no file`, token.span)
      }
    } else if (token.text === '@if' || token.text === '@ifdef' || token.text === '@ifndef') {
      const message = `\`${token.text}\` is not supported yet: everything up to its \`@endif\` is left out`
      this.#error('unsupported-syntax', message, token.span)
      if (!this.#lexer.skipConditional()) {
        this.#error('syntax', `this \`${token.text}\` has no \`@endif\``, token.span)
      }
    } else if (token.text === '@else' || token.text === '@endif') {
      this.#error('syntax', `\`${token.text}\` without an \`@if\` before it`, token.span)
      this.#lexer.skipLine()
    } else {
      this.#error('unsupported-syntax', `\`${shorten(token.text)}\` is not supported yet`, token.span)
      this.#lexer.skipLine()
    }
  }

  #error(code: string, message: string, span: SourceSpan): void {
    this.markIncomplete()
    if (!this.#skipping) this.#report.error(code, message, span)
  }

  #track(token: Token): void {
    const opener = OPENERS[token.text]
    if (opener !== undefined) {
      // A bracket that closes an outer one closes those inside it too: they were reported where they should end.
      const index = this.#open.lastIndexOf(opener)
      if (index >= 0) this.#open.length = index
    } else if (token.text === '(' || token.text === '[' || token.text === '{') {
      this.#open.push(token.text)
      if (this.#open.length <= NESTING_MAX) return
      const message = `more than ${NESTING_MAX} brackets are open: the rest of the file is not read`
      this.#report.error('nesting-too-deep', message, token.span)
      this.markIncomplete()
      this.#exhausted = true
    }
  }
}

/** Text of the file for a message: a runaway token must not fill the screen. */
export function shorten(text: string): string {
  const line = text.split(/[\r\n]/, 1)[0] ?? ''
  return line.length > 60 ? `${line.slice(0, 57)}…` : line
}
