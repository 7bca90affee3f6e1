/**
 * Recursive-descent parser for the part of Zeek's language that layouts are written in. It reports everything it
 * finds wrong and goes on behind it: a broken entry costs that entry, a broken or unsupported statement that
 * statement. What it does not know is named as such and never guessed at.
 */
import type { SourceSpan } from './diagnostics.js'
import type { Token } from './lexer.js'
import { type Report, type Source, spanThrough } from './source.js'
import { didYouMean, nearest } from './suggest.js'
import type {
  ConstantValue,
  Entry,
  Expression,
  Field,
  LayoutSyntax,
  RecordExpression,
  RedefStatement,
} from './syntax.js'
import { LostLine, SyntaxFailure, shorten, TokenStream } from './token-stream.js'

/** Declarations and statements of Zeek that a layout may hold one day, as they are called. */
const DECLARATIONS = new Set([
  'module',
  'export',
  'global',
  'const',
  'option',
  'type',
  'event',
  'function',
  'hook',
])
const STATEMENTS = new Set([
  'print',
  'if',
  'for',
  'while',
  'switch',
  'when',
  'add',
  'delete',
  'local',
  'return',
  'using',
])

/** Words that are operators between two values. */
const WORD_OPERATORS = new Set(['in', 'as', 'is'])
const CONSTRUCTORS = new Set(['table', 'set', 'vector', 'record'])

/** What may stand behind a complete expression. */
const FOLLOW = [',', ';', ')', ']', '}', '=', ':', '{']

const NODES = 'Cluster::nodes'

/** Parses a layout file (spec/cluster-framework.md 1.2). Problems go to `report`. */
export function parseSyntax(source: Source, report: Report): LayoutSyntax {
  return new Parser(source, report).parse()
}

class Parser {
  readonly #stream: TokenStream
  readonly #report: Report
  readonly #brokenEntries: string[] = []
  #moduleName: string | undefined
  /** The table of the statement being read has no end, so neither has the statement. */
  #tableUnclosed = false

  constructor(source: Source, report: Report) {
    this.#report = report
    this.#stream = new TokenStream(source, report)
  }

  parse(): LayoutSyntax {
    const statements: RedefStatement[] = []
    while (this.#stream.token.kind !== 'end') {
      try {
        const statement = this.#statement()
        if (statement !== undefined) statements.push(statement)
      } catch (failure) {
        if (!(failure instanceof SyntaxFailure)) throw failure
        this.#stream.skipStatement()
      }
    }
    const { complete } = this.#stream
    return { statements, moduleName: this.#moduleName, brokenEntries: this.#brokenEntries, complete }
  }

  #statement(): RedefStatement | undefined {
    const { token } = this.#stream
    if (token.kind === 'name' && token.text === 'redef') return this.#redef()
    if (this.#stream.is(';')) {
      this.#stream.advance()
      return undefined
    }
    this.#stream.advance()
    if (token.problem !== undefined) {
      this.#fail(token.problem.code, token.problem.message, token.span)
    } else if (DECLARATIONS.has(token.text)) {
      if (token.text === 'module' && this.#stream.token.kind === 'name')
        this.#moduleName = this.#stream.token.text
      this.#fail('unsupported-syntax', `\`${token.text}\` declarations are not supported yet`, token.span)
    } else if (STATEMENTS.has(token.text)) {
      this.#fail('unsupported-syntax', `\`${token.text}\` statements are not supported yet`, token.span)
    } else if (token.kind === 'name' && this.#stream.is('(')) {
      const message = `a call of \`${shorten(token.text)}\` as a statement is not supported yet`
      this.#fail('unsupported-syntax', message, token.span)
    }
    const hint = didYouMean(token.text, ['redef', ...DECLARATIONS])
    this.#fail('syntax', `expected a statement, found \`${shorten(token.text)}\`${hint}`, token.span)
  }

  #redef(): RedefStatement | undefined {
    this.#stream.advance()
    const { token } = this.#stream
    if (this.#stream.isWord('enum', 'record')) {
      this.#fail('unsupported-syntax', `\`redef ${token.text}\` is not supported yet`, token.span)
    }
    if (token.kind !== 'name') this.#stream.failUnexpected('the name of an option', 'after `redef`')
    this.#stream.advance()
    if (this.#stream.is(':')) {
      this.#fail('unsupported-syntax', 'a type in a `redef` is not supported yet', this.#stream.token.span)
    }
    if (this.#stream.is('-=')) {
      this.#fail('unsupported-syntax', 'the operator `-=` is not supported yet', this.#stream.token.span)
    }
    if (!this.#stream.is('=', '+='))
      this.#stream.failMissing('`=` or `+=`', `after \`${shorten(token.text)}\``)
    const operator = this.#stream.advance().text as '=' | '+='
    this.#tableUnclosed = false
    const value = this.#stream.is('{') ? this.#tableOf(token) : this.#expression()
    const statement: RedefStatement = { name: token.text, nameSpan: token.span, operator, value }
    this.#endStatement()
    return statement
  }

  /** The `;`. Its absence does not spoil the statement that came before. */
  #endStatement(): void {
    const stream = this.#stream
    if (stream.is(';')) {
      stream.advance()
    } else if (stream.token.kind === 'attribute') {
      const { text, span } = stream.token
      this.#report.error(
        'unsupported-syntax',
        `the attribute \`${shorten(text)}\` is not supported yet`,
        span,
      )
      stream.skipStatement()
    } else if (!this.#tableUnclosed) {
      stream.reportMissing('`;`', 'at the end of the statement')
      const { kind, text } = stream.token
      const isStart =
        stream.atStatementStart || (kind === 'name' && (DECLARATIONS.has(text) || STATEMENTS.has(text)))
      if (!isStart) stream.skipStatement()
    }
  }

  #expression(): Expression {
    const start = this.#stream.token
    const operand = this.#operand(start)
    return operand.kind === 'unknown' ? operand : this.#suffix(start, operand)
  }

  #operand(start: Token): Expression {
    const stream = this.#stream
    const { span, text } = start
    switch (start.kind) {
      case 'constant':
        stream.advance()
        return { kind: 'constant', value: start.value!, span }
      case 'invalid':
        stream.advance()
        this.#report.error(start.problem!.code, start.problem!.message, span)
        stream.markIncomplete()
        if (start.problem!.code === 'unterminated-string') throw new LostLine()
        stream.skipToDelimiter(stream.depth)
        return { kind: 'unknown', span }
      case 'subnet':
        return this.#unsupported(start, 'a subnet constant', '')
      case 'host':
        return this.#unsupported(start, `the host name constant \`${shorten(text)}\``, ': write its address')
      case 'pattern':
        return this.#unsupported(start, 'a pattern constant', '')
      case 'directive':
        return this.#unsupported(start, `\`${text}\``)
      case 'name':
        if (stream.atStatementStart) return stream.failUnexpected('a value', `before \`${text}\``)
        return this.#name(start)
      case 'symbol':
        if (text === '[') return this.#bracket()
        if (text === '{') return this.#unsupported(start, 'a table inside a value', '')
        if (text === '(') return this.#parenthesis()
        if (text === '-' || text === '+') return this.#signed(start)
        if (text === '|') return this.#unsupported(start, 'the size operator `|…|`')
        if (text === '!' || text === '~') return this.#unsupported(start, `the operator \`${text}\``)
        return stream.failUnexpected('a value', 'here')
      case 'attribute':
      case 'end':
        return stream.failUnexpected('a value', 'here')
    }
  }

  #name(start: Token): Expression {
    const { span, text } = start
    if (text === 'function') return this.#unsupported(start, 'a `function` value', '')
    this.#stream.advance()
    if (text === 'T' || text === 'F') {
      return { kind: 'constant', value: { type: 'bool', value: text === 'T' }, span }
    }
    if (!this.#stream.is('(')) return { kind: 'name', name: text, span }
    const inCluster = this.#moduleName === 'Cluster' && text === 'Node'
    if (text === 'Cluster::Node' || inCluster) {
      this.#stream.advance()
      return this.#record(span, ')')
    }
    const what = CONSTRUCTORS.has(text)
      ? `the constructor \`${text}(…)\``
      : `the call \`${shorten(text)}(…)\``
    return this.#unsupported(start, what)
  }

  #bracket(): Expression {
    const open = this.#stream.advance()
    if (this.#stream.is('$', ']')) return this.#record(open.span, ']')
    this.#stream.skipToDelimiter(this.#stream.depth)
    while (this.#stream.is(',')) {
      this.#stream.advance()
      this.#stream.skipToDelimiter(this.#stream.depth)
    }
    this.#stream.expect(']', 'at the end of the list')
    return { kind: 'list', span: spanThrough(open.span, this.#stream.previous) }
  }

  #record(start: SourceSpan, close: ']' | ')'): RecordExpression {
    const stream = this.#stream
    const fields: Field[] = []
    while (!stream.is(close)) {
      if (!stream.is('$')) stream.failMissing(`\`$field=value\` or \`${close}\``, 'in the record')
      const dollar = stream.advance()
      const { token } = stream
      if (token.kind !== 'name') stream.failUnexpected('the name of a field', 'after `$`')
      stream.advance()
      stream.expect('=', `after the field \`$${shorten(token.text)}\``)
      const span = spanThrough(dollar.span, token.span)
      fields.push({ name: token.text, value: this.#expression(), span })
      if (stream.is(',')) stream.advance()
      else if (stream.is('$')) stream.reportMissing('`,`', `after the field \`$${shorten(token.text)}\``)
      else if (!stream.is(close)) {
        stream.failMissing(`\`,\` or \`${close}\``, `after the field \`$${shorten(token.text)}\``)
      }
    }
    stream.advance()
    return { kind: 'record', fields, span: spanThrough(start, stream.previous) }
  }

  /** The only table that a layout may hold so far is that of its nodes. */
  #tableOf(option: Token): Expression {
    const inCluster = this.#moduleName === 'Cluster' && option.text === 'nodes'
    const isNodes = inCluster || option.text === NODES || option.text === `::${NODES}`
    if (isNodes) return this.#table()
    const name = shorten(option.text)
    if (option.text === 'nodes' || nearest(option.text, [NODES]) !== undefined) {
      this.#fail('unknown-variable', `\`${name}\` is not defined; did you mean \`${NODES}\`?`, option.span)
    }
    const message = `a table or set as the value of \`${name}\` is not supported yet`
    this.#fail('unsupported-syntax', message, option.span)
  }

  #table(): Expression {
    const stream = this.#stream
    const open = stream.advance()
    const depth = stream.depth
    const entries: Entry[] = []
    let lineLost = false
    while (!stream.is('}')) {
      if (stream.atStatementStart || stream.is(';')) {
        if (!lineLost)
          stream.reportUnclosed('this `{` is never closed: add `}` at the end of the table', open.span)
        stream.forgetOpen(depth - 1)
        this.#tableUnclosed = true
        break
      }
      const entry = this.#tryEntry(depth)
      lineLost ||= entry === 'line-lost'
      if (typeof entry === 'object') entries.push(entry)
      if (stream.is(',')) stream.advance()
      else if (typeof entry === 'object' && stream.is('[')) stream.reportMissing('`,`', 'between two entries')
    }
    if (stream.is('}')) stream.advance()
    return { kind: 'table', entries, span: spanThrough(open.span, stream.previous) }
  }

  /** An entry with what stands behind it; when it is broken it is skipped and nothing comes back. */
  #tryEntry(depth: number): Entry | 'skipped' | 'line-lost' {
    const stream = this.#stream
    let key: Expression | undefined
    try {
      if (!stream.is('[')) stream.failUnexpected('an entry `["name"] = […]`', 'in the table')
      stream.advance()
      key = this.#expression()
      if (stream.is(',')) stream.failMissing('`]`', 'behind the name: the table has one index')
      stream.expect(']', 'behind the name')
      stream.expect('=', 'behind the name')
      const value = this.#expression()
      if (!stream.is(',', '}', '[', ';') && !stream.atStatementStart) {
        stream.reportMissing('`,` or `}`', 'behind the entry')
        this.#skipEntry(depth)
      }
      return { key, value }
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure
      if (key?.kind === 'constant' && key.value.type === 'string') this.#brokenEntries.push(key.value.value)
      if (failure instanceof LostLine) {
        stream.forgetOpen(depth)
        return 'line-lost'
      }
      this.#skipEntry(depth)
      return 'skipped'
    }
  }

  #skipEntry(depth: number): void {
    const stream = this.#stream
    stream.skipToDelimiter(depth)
    while (stream.is(')', ']')) {
      stream.advance()
      stream.skipToDelimiter(depth)
    }
  }

  #parenthesis(): Expression {
    this.#stream.advance()
    const inner = this.#expression()
    this.#stream.expect(')', 'behind the value in parentheses')
    return inner
  }

  #signed(start: Token): Expression {
    this.#stream.advance()
    const operand = this.#stream.token
    const value = operand.kind === 'constant' ? applySign(start.text, operand.value!) : undefined
    if (value === undefined) return this.#unsupported(start, `the operator \`${start.text}\` here`)
    this.#stream.advance()
    const span = spanThrough(start.span, operand.span)
    if (value !== 'too-large') return { kind: 'constant', value, span }
    this.#report.error('bad-number', 'this number is too large: an int has 63 bits and a sign', span)
    this.#stream.skipToDelimiter(this.#stream.depth)
    return { kind: 'unknown', span }
  }

  /** Nothing may follow a value that makes it part of a larger expression. */
  #suffix(start: Token, operand: Expression): Expression {
    const stream = this.#stream
    const { token } = stream
    if (token.kind === 'name') return this.#wordSuffix(start, operand)
    if (token.kind !== 'symbol' || FOLLOW.includes(token.text)) return operand
    const isName = operand.kind === 'name'
    switch (token.text) {
      case '[':
        // Behind a record it is the next entry, with the comma missing before it.
        return isName ? this.#unsupported(start, `the index \`${shorten(operand.name)}[…]\``) : operand
      case '$':
        // With a gap before it, it is the next field, with the comma missing before it.
        if (!isName || !isAdjacent(stream.previous, token.span)) return operand
        return this.#unsupported(start, `the field access \`${shorten(operand.name)}$…\``)
      case '(':
        return operand
      case '/':
        if (operand.kind === 'constant' && operand.value.type === 'count') return this.#badPort(start)
        break
      case '?':
        return this.#unsupported(start, 'the operator `? :`')
      default:
        break
    }
    return this.#unsupported(start, `the operator \`${token.text}\``)
  }

  #wordSuffix(start: Token, operand: Expression): Expression {
    const { text, span } = this.#stream.token
    if (WORD_OPERATORS.has(text)) return this.#unsupported(start, `the operator \`${text}\``)
    const isNumber = operand.kind === 'constant' && ['count', 'int', 'double'].includes(operand.value.type)
    if (!isNumber || span.line !== operand.span.line) return operand
    this.#stream.advance()
    const units = 'usec, msec, sec, min, hr or day, each with or without an s'
    const message = `\`${shorten(text)}\` is no unit of time: write ${units}`
    this.#report.error('bad-interval', message, span)
    this.#stream.skipToDelimiter(this.#stream.depth)
    return { kind: 'unknown', span: spanThrough(operand.span, span) }
  }

  #badPort(start: Token): Expression {
    const slash = this.#stream.advance()
    const { token } = this.#stream
    if (token.kind !== 'name') return this.#unsupported(start, 'the operator `/`')
    this.#stream.advance()
    const span = spanThrough(start.span, token.span)
    const message = `\`${shorten(start.text + slash.text + token.text)}\` is no port: its protocol is tcp, udp, icmp or unknown`
    this.#report.error('bad-port', message, span)
    this.#stream.skipToDelimiter(this.#stream.depth)
    return { kind: 'unknown', span }
  }

  /** Reports the expression that begins at `start` as one of a kind not known yet, and skips it. */
  #unsupported(start: Token, what: string, hint = ': write the value itself'): Expression {
    const stream = this.#stream
    // Before `start` is consumed: it may be a bracket of the expression itself.
    const { depth } = stream
    if (stream.token === start) stream.advance()
    stream.skipToDelimiter(depth)
    const span = spanThrough(start.span, stream.previous)
    this.#report.error('unsupported-syntax', `${what} is not supported yet${hint}`, span)
    return { kind: 'unknown', span }
  }

  #fail(code: string, message: string, span: SourceSpan): never {
    this.#report.error(code, message, span)
    throw new SyntaxFailure()
  }
}

function isAdjacent(first: SourceSpan, second: SourceSpan): boolean {
  return first.line === second.line && first.column + first.length === second.column
}

function applySign(sign: string, value: ConstantValue): ConstantValue | 'too-large' | undefined {
  const minus = sign === '-'
  switch (value.type) {
    case 'count': {
      const signed = minus ? -value.value : value.value
      return signed < -(1n << 63n) || signed >= 1n << 63n ? 'too-large' : { type: 'int', value: signed }
    }
    case 'double':
    case 'interval':
      return { type: value.type, value: minus ? -value.value : value.value }
    case 'bool':
    case 'int':
    case 'string':
    case 'addr':
    case 'port':
      return undefined
  }
}
