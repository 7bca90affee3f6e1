/**
 * The lexer with one token of lookahead, what is between tokens (directives), and the recovery from errors.
 *
 * Zeek handles directives in its scanner, so they may stand anywhere, in the middle of a table too; here they are
 * handled where tokens are fetched. A token is fetched when it is looked at and not before: the condition of an
 * `@if` may depend on the statement in front of it. The stream keeps the open brackets: skipping to the end of a
 * broken entry or statement needs them, and they are the limit of nesting.
 */
import type { SourceSpan } from './diagnostics.js'
import { type DocComment, Lexer, type Token } from './lexer.js'
import { type Report, type Source, spanAfter } from './source.js'

/** Open brackets, or operands inside operands, at most. */
export const NESTING_MAX = 100

/** Thrown to leave the broken construct for the next place to recover at; it has been reported. */
export class SyntaxFailure extends Error {}

/** A string that is not closed took the rest of its line: brackets that were open on it cannot be trusted. */
export class LostLine extends SyntaxFailure {}

/** Which branches of a conditional are read. Neither, when its condition could not be understood. */
export type Branches = 'first' | 'second' | 'both' | 'neither'

/** What is to be done about directives. */
export interface Directives {
  /** Reads the condition behind an `@if`, `@ifdef` or `@ifndef` from the stream. */
  condition(directive: Token): Branches
  /** `@load`, `@load-sigs` or `@load-plugin`. */
  load(directive: Token, target: string): void
}

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
const VALUES = new Set(['@DIR', '@FILENAME'])

/** Directives that change nothing here. */
const IGNORED = new Set(['@deprecated', '@pragma', '@unload'])

/** An `@if` whose `@endif` is still to come. */
interface Conditional {
  readonly directive: Token
  readonly atElse: 'skip' | 'read' | 'error'
}

export class TokenStream {
  readonly #lexer: Lexer
  readonly #report: Report
  readonly #directives: Directives
  readonly #conditionals: Conditional[] = []
  #open: string[] = []
  #token: Token | undefined
  #previous: SourceSpan
  /** Text is being skipped: what is wrong in it is not reported. */
  #skipping = false
  #inCondition = false
  #complete = true
  /** A limit is reached: nothing more is read and nothing more is missing. */
  #exhausted = false

  constructor(source: Source, report: Report, directives: Directives) {
    this.#lexer = new Lexer(source)
    this.#report = report
    this.#directives = directives
    this.#previous = source.start
  }

  /** The token that comes next. */
  get token(): Token {
    this.#token ??= this.#fetch()
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

  /** The documenting comments in front of the next token, since the last call. */
  takeDocs(): readonly DocComment[] {
    this.#token ??= this.#fetch()
    return this.#lexer.takeDocs()
  }

  is(...symbols: string[]): boolean {
    return this.token.kind === 'symbol' && symbols.includes(this.token.text)
  }

  isWord(...words: string[]): boolean {
    return this.token.kind === 'name' && words.includes(this.token.text)
  }

  /** At the end of the file, or at a word that only begins statements. */
  get atStatementStart(): boolean {
    const { kind, text } = this.token
    return kind === 'end' || (kind === 'name' && STATEMENT_WORDS.has(text))
  }

  advance(): Token {
    const { token } = this
    if (token.kind === 'symbol') this.#track(token)
    this.#previous = token.span
    if (token.kind !== 'end') this.#token = undefined
    return token
  }

  /** Consumes a symbol, or reports that it is missing and leaves the construct. */
  expect(symbol: string, where: string): Token {
    if (this.is(symbol)) return this.advance()
    return this.failMissing(`\`${symbol}\``, where)
  }

  /** Consumes a name, or reports what is missing and leaves the construct. */
  expectName(what: string, where: string): Token {
    if (this.token.kind === 'name') return this.advance()
    return this.failUnexpected(what, where)
  }

  /** Reports that something is missing before the next token, and leaves the construct. */
  failMissing(what: string, where: string): never {
    this.reportMissing(what, where)
    throw new SyntaxFailure()
  }

  /** As `failMissing`, where the next token itself is what is wrong. */
  failUnexpected(what: string, where: string): never {
    this.reportMissing(what, where, this.token.span)
    throw new SyntaxFailure()
  }

  /** `at` is the place; without it what is missing at the end of a line is shown there and not on the next line. */
  reportMissing(what: string, where: string, at?: SourceSpan): void {
    const { problem, kind, span, text } = this.token
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

  /** Reports that a limit is passed: the rest of the file is not read. */
  exhaust(message: string, span: SourceSpan): void {
    this.markIncomplete()
    if (!this.#exhausted) this.#report.error('nesting-too-deep', message, span)
    this.#exhausted = true
    this.#token = undefined
  }

  /**
   * Skips to a `,` at `depth` open brackets, to a bracket that closes one of these, or to what ends the statement,
   * and consumes none of them.
   */
  skipToDelimiter(depth: number): void {
    this.markIncomplete()
    this.#skipping = true
    while (this.token.kind !== 'end' && !this.#delimits(depth)) this.advance()
    this.#skipping = false
    this.forgetOpen(depth)
  }

  /** Skips what is left of a statement: over its `;`, or over the `}` that closes its block. */
  skipStatement(): void {
    this.markIncomplete()
    this.#skipping = true
    while (this.token.kind !== 'end') {
      const inBlock = this.#open.includes('{')
      if (!inBlock && (this.is(';') || this.atStatementStart)) break
      const closesBlock = this.is('}') && this.#open.indexOf('{') === this.#open.lastIndexOf('{')
      // What follows the block is not skipped, so its directives are to be reported.
      this.#skipping = !closesBlock
      this.advance()
      if (closesBlock && (this.token.kind !== 'symbol' || this.is(';'))) break
      this.#skipping = true
    }
    this.#skipping = false
    this.forgetOpen(0)
    if (this.is(';')) this.advance()
  }

  /** Skips a block in braces, or reports that there is none. Nothing in it is looked at. */
  skipBlock(where: string): void {
    const open = this.expect('{', where)
    const outside = this.depth - 1
    this.#skipping = true
    while (this.depth > outside && this.token.kind !== 'end') {
      // The token behind the block is not part of it.
      if (this.is('}') && this.#open.lastIndexOf('{') === outside) this.#skipping = false
      this.advance()
    }
    this.#skipping = false
    if (this.depth > outside) {
      this.forgetOpen(outside)
      this.reportUnclosed('this `{` is never closed: add `}` at the end of the block', open.span)
      throw new SyntaxFailure()
    }
  }

  /** Takes all brackets but the first `depth` as closed. */
  forgetOpen(depth: number): void {
    this.#open.length = Math.min(depth, this.depth)
  }

  #delimits(depth: number): boolean {
    const { kind, text, span } = this.token
    // A statement's word at the start of a line ends a table that was never closed.
    if (this.atStatementStart) return this.depth === 0 || span.column === 1
    if (kind !== 'symbol') return false
    if (text === ',') return this.depth <= depth
    if (text === ';') return !this.#open.slice(depth).includes('{')
    const opener = OPENERS[text]
    return opener !== undefined && this.#open.lastIndexOf(opener) < depth
  }

  /** Handles directives until there is a token for the parser. */
  #fetch(): Token {
    for (;;) {
      if (this.#report.isFull) this.#exhausted = true
      if (this.#exhausted) {
        this.markIncomplete()
        return { kind: 'end', text: '', span: this.#previous }
      }
      const token = this.#lexer.next()
      if (token.kind === 'end' && !this.#inCondition) this.#reportUnended()
      if (token.kind !== 'directive' || VALUES.has(token.text)) return token
      this.#directive(token)
    }
  }

  #directive(token: Token): void {
    if (LOADS.has(token.text)) {
      const target = this.#lexer.word()
      if (target === '') this.#error('syntax', `\`${token.text}\` names no file`, token.span)
      else if (!this.#skipping) this.#directives.load(token, target)
    } else if (token.text === '@if' || token.text === '@ifdef' || token.text === '@ifndef') {
      this.#conditional(token)
    } else if (token.text === '@else') {
      this.#else(token)
    } else if (token.text === '@endif') {
      if (this.#conditionals.pop() === undefined) {
        this.#error('syntax', '`@endif` without an `@if` before it', token.span)
      }
    } else {
      if (!IGNORED.has(token.text)) {
        this.#error('unsupported-syntax', `\`${shorten(token.text)}\` is not supported`, token.span)
      }
      this.#lexer.skipLine()
    }
  }

  #conditional(directive: Token): void {
    if (this.#inCondition) {
      this.#error('syntax', `\`${directive.text}\` stands inside the condition of another`, directive.span)
      this.#lexer.skipLine()
      return
    }
    // In skipped text one branch is as good as the other: brackets are what matters, and each has its own.
    const branches = this.#skipping ? 'first' : this.#condition(directive)
    if (branches === 'neither') this.markIncomplete()
    if (branches === 'first' || branches === 'both') {
      this.#conditionals.push({ directive, atElse: branches === 'both' ? 'read' : 'skip' })
      return
    }
    const end = this.#lexer.skipBranch(branches === 'second')
    if (end === '@else') this.#conditionals.push({ directive, atElse: 'error' })
    else if (end === undefined) this.#unended(directive)
  }

  /** The condition is read from this very stream, apart from the brackets around the directive. */
  #condition(directive: Token): Branches {
    const open = this.#open
    const previous = this.#previous
    this.#open = []
    this.#previous = directive.span
    this.#inCondition = true
    try {
      return this.#directives.condition(directive)
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure
      const { token } = this
      if (token.span.line === directive.span.line) this.#lexer.skipLine()
      return 'neither'
    } finally {
      this.#token = undefined
      this.#open = open
      this.#previous = previous
      this.#inCondition = false
    }
  }

  #else(token: Token): void {
    const conditional = this.#conditionals.pop()
    if (conditional === undefined) {
      this.#error('syntax', '`@else` without an `@if` before it', token.span)
    } else if (conditional.atElse === 'skip') {
      if (this.#lexer.skipBranch(false) === undefined) this.#unended(conditional.directive)
    } else {
      if (conditional.atElse === 'error') {
        this.#error('syntax', `this \`${conditional.directive.text}\` has an \`@else\` before`, token.span)
      }
      this.#conditionals.push({ ...conditional, atElse: 'error' })
    }
  }

  #reportUnended(): void {
    for (const { directive } of this.#conditionals.splice(0)) this.#unended(directive)
  }

  #unended({ text, span }: Token): void {
    this.#error('syntax', `this \`${text}\` has no \`@endif\``, span)
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
      this.exhaust(`more than ${NESTING_MAX} brackets are open: the rest of the file is not read`, token.span)
    }
  }
}

/** Text of the file for a message: a runaway token must not fill the screen. */
export function shorten(text: string): string {
  const line = text.split(/[\r\n]/, 1)[0] ?? ''
  return line.length > 60 ? `${line.slice(0, 57)}…` : line
}
