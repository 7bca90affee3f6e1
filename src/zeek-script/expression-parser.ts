/**
 * Expressions of Zeek's language, with its precedence. A construct that is Zeek's and not supported becomes an
 * expression of its own kind, so that it costs nothing where its value is never needed.
 */
import type { Token } from './lexer.js'
import { isAdjacent, type Report, spanThrough } from './source.js'
import type {
  Arguments,
  BinaryOperator,
  BracesExpression,
  Element,
  Expression,
  Field,
  RecordExpression,
  UnaryOperator,
} from './syntax.js'
import { LostLine, NESTING_MAX, SyntaxFailure, shorten, type TokenStream } from './token-stream.js'
import type { ZeekType } from './zeek-type.js'

/** How tightly operators bind; all associate to the left, but comparisons, which do not chain. */
const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['<', 3],
  ['<=', 3],
  ['>', 3],
  ['>=', 3],
  ['==', 3],
  ['!=', 3],
  ['in', 4],
  ['!in', 4],
  ['|', 5],
  ['^', 6],
  ['&', 7],
  ['<<', 8],
  ['>>', 8],
  ['+', 9],
  ['-', 9],
  ['*', 10],
  ['/', 10],
  ['%', 10],
])
const COMPARISON = 3

/** Words that are operators between two values. */
const WORD_OPERATORS = new Set(['in', 'as', 'is'])
const CONSTRUCTORS: ReadonlySet<string> = new Set(['table', 'set', 'vector'])

/** Operators that assign: Zeek's, but not where a value is computed. */
const ASSIGNMENTS = ['+=', '-=', '++', '--']

export class ExpressionParser {
  readonly #stream: TokenStream
  readonly #report: Report
  readonly #type: () => ZeekType
  #nesting = 0
  /** A `|` closes the size operator that is being read. */
  #inSize = false
  #unclosed = false

  /** `type` reads a type from the same stream. */
  constructor(stream: TokenStream, report: Report, type: () => ZeekType) {
    this.#stream = stream
    this.#report = report
    this.#type = type
  }

  /** What stands behind `=`: an expression, or a table or set in braces. */
  value(): Expression {
    return this.#stream.is('{')
      ? this.#nest(() => this.#with(false, () => this.#braces()))
      : this.expression()
  }

  /** Whether a table without end was met since the last call: the statement around it has none either. */
  takeUnclosed(): boolean {
    const unclosed = this.#unclosed
    this.#unclosed = false
    return unclosed
  }

  expression(): Expression {
    return this.#nest(() => this.#conditional())
  }

  #nest<Result>(parse: () => Result): Result {
    this.#nesting += 1
    try {
      if (this.#nesting > NESTING_MAX) {
        const message = `more than ${NESTING_MAX} values are inside each other: the rest of the file is not read`
        this.#stream.exhaust(message, this.#stream.token.span)
        throw new SyntaxFailure()
      }
      return parse()
    } finally {
      this.#nesting -= 1
    }
  }

  #conditional(): Expression {
    const condition = this.#binary(1)
    if (!this.#stream.is('?')) return condition
    this.#stream.advance()
    const whenTrue = this.expression()
    this.#stream.expect(':', 'behind the first value of `? :`')
    const whenFalse = this.expression()
    const span = spanThrough(condition.span, whenFalse.span)
    return { kind: 'conditional', condition, whenTrue, whenFalse, span }
  }

  #binary(minimum: number): Expression {
    let left = this.#unary()
    for (;;) {
      const operator = this.#binaryOperator()
      const precedence = PRECEDENCE.get(operator ?? '') ?? 0
      if (operator === undefined || precedence < minimum) return left
      this.#stream.advance()
      const right = this.#binary(precedence + 1)
      left = { kind: 'binary', operator, left, right, span: spanThrough(left.span, right.span) }
      if (precedence === COMPARISON && PRECEDENCE.get(this.#binaryOperator() ?? '') === COMPARISON) {
        this.#stream.failUnexpected('parentheses', 'around one of two comparisons')
      }
    }
  }

  #binaryOperator(): BinaryOperator | undefined {
    const { kind, text } = this.#stream.token
    if (kind === 'name' ? text !== 'in' : kind !== 'symbol') return undefined
    if (text === '|' && this.#inSize) return undefined
    return PRECEDENCE.has(text) ? (text as BinaryOperator) : undefined
  }

  #unary(): Expression {
    const stream = this.#stream
    if (!stream.is('!', '-', '+', '~')) return this.#postfix(this.#operand(stream.token))
    const sign = stream.advance()
    const operand = this.#nest(() => this.#unary())
    const operator = sign.text as UnaryOperator
    return { kind: 'unary', operator, operand, span: spanThrough(sign.span, operand.span) }
  }

  #operand(start: Token): Expression {
    const stream = this.#stream
    const { span, text } = start
    switch (start.kind) {
      case 'constant':
        stream.advance()
        return this.#constant(start)
      case 'invalid':
        stream.advance()
        this.#report.error(start.problem!.code, start.problem!.message, span)
        stream.markIncomplete()
        if (start.problem!.code === 'unterminated-string') throw new LostLine()
        stream.skipToDelimiter(stream.depth)
        return { kind: 'unknown', span }
      case 'host': {
        stream.advance()
        const name: Expression = { kind: 'constant', value: { type: 'string', value: text }, span }
        const elements = [{ key: undefined, value: name }]
        const callee = { name: '::blocking_lookup_hostname', nameSpan: span }
        return { kind: 'call', ...callee, arguments: { kind: 'elements', elements }, span }
      }
      case 'pattern':
        stream.advance()
        return { kind: 'unsupported', what: 'a pattern', span }
      case 'directive':
        stream.advance()
        return { kind: 'name', name: text, span }
      case 'name':
        if (stream.atStatementStart) return stream.failUnexpected('a value', `before \`${text}\``)
        return this.#name(start)
      case 'symbol':
        if (text === '[') return this.#with(false, () => this.#bracket())
        if (text === '{') return this.#with(false, () => this.#braces())
        if (text === '(') return this.#parenthesis()
        if (text === '|') return this.#size()
        if (ASSIGNMENTS.includes(text)) {
          stream.advance()
          const operand = this.#nest(() => this.#unary())
          return {
            kind: 'unsupported',
            what: `the operator \`${text}\``,
            span: spanThrough(span, operand.span),
          }
        }
        return stream.failUnexpected('a value', 'here')
      case 'attribute':
      case 'end':
        return stream.failUnexpected('a value', 'here')
    }
  }

  #constant(start: Token): Expression {
    const { span } = start
    const value = start.value!
    const { token } = this.#stream
    const isNumber = value.type === 'count' || value.type === 'double'
    const isUnit = token.kind === 'name' && !WORD_OPERATORS.has(token.text) && token.span.line === span.line
    if (!isNumber || !isUnit) return { kind: 'constant', value, span }
    this.#stream.advance()
    const units = 'usec, msec, sec, min, hr or day, each with or without an s'
    const message = `\`${shorten(token.text)}\` is no unit of time: write ${units}`
    this.#report.error('bad-interval', message, token.span)
    this.#stream.skipToDelimiter(this.#stream.depth)
    return { kind: 'unknown', span: spanThrough(span, token.span) }
  }

  #name(start: Token): Expression {
    const stream = this.#stream
    const { span, text } = start
    if (text === 'function') return this.#lambda(start)
    stream.advance()
    if (text === 'T' || text === 'F') {
      return { kind: 'constant', value: { type: 'bool', value: text === 'T' }, span }
    }
    if (!stream.is('(')) return { kind: 'name', name: text, span }
    if (CONSTRUCTORS.has(text)) return this.#with(false, () => this.#constructed(start))
    stream.advance()
    const args = this.#with(false, () => this.#arguments())
    if (text === 'record') {
      if (args.kind === 'fields') {
        return { kind: 'record', fields: args.fields, span: spanThrough(span, stream.previous) }
      }
      this.#report.error('syntax', 'a `record(…)` has fields: write `record($field=value, …)`', span)
      return { kind: 'unknown', span }
    }
    return {
      kind: 'call',
      name: text,
      nameSpan: span,
      arguments: args,
      span: spanThrough(span, stream.previous),
    }
  }

  /** A function without a name. Its body is not looked at. */
  #lambda(start: Token): Expression {
    const stream = this.#stream
    stream.advance()
    const outside = stream.depth
    while (!(stream.is('{') && stream.depth === outside)) {
      if (stream.atStatementStart || stream.is(';')) stream.failMissing('`{`', 'behind the parameters')
      stream.advance()
    }
    stream.skipBlock('behind the parameters')
    return { kind: 'unsupported', what: 'a function as a value', span: start.span }
  }

  #constructed(start: Token): Expression {
    const braces = this.#braces(start)
    // `table(…) &default=…`: the attributes are the constructor's own.
    while (this.#stream.token.kind === 'attribute' && this.#stream.token.text.startsWith('&default')) {
      const { span } = this.#stream.advance()
      if (this.#stream.is('=')) {
        this.#stream.advance()
        this.#nest(() => this.#binary(1))
      }
      return { kind: 'unsupported', what: 'an attribute behind a constructor', span }
    }
    return braces
  }

  #arguments(): Arguments {
    if (this.#stream.is('$')) return { kind: 'fields', fields: this.#fields(')') }
    const elements: Element[] = []
    while (!this.#stream.is(')')) {
      elements.push(this.#element())
      if (this.#stream.is(',')) this.#stream.advance()
      else if (!this.#stream.is(')')) this.#stream.failMissing('`,` or `)`', 'behind the argument')
    }
    this.#stream.advance()
    return { kind: 'elements', elements }
  }

  #element(): Element {
    const first = this.value()
    if (!this.#stream.is('=')) return { key: undefined, value: first }
    this.#stream.advance()
    return { key: first, value: this.value() }
  }

  #bracket(): Expression {
    const stream = this.#stream
    const open = stream.advance()
    if (stream.is('$', ']')) {
      const fields = this.#fields(']')
      return { kind: 'record', fields, span: spanThrough(open.span, stream.previous) } as RecordExpression
    }
    const elements = this.#list(']', 'behind the value')
    return { kind: 'list', elements, span: spanThrough(open.span, stream.previous) }
  }

  #list(close: string, where: string): Expression[] {
    const stream = this.#stream
    const elements: Expression[] = []
    while (!stream.is(close)) {
      elements.push(this.value())
      const last = elements.at(-1)
      if (stream.is(',')) stream.advance()
      else if (stream.is('=') && last?.kind === 'name') {
        const name = shorten(last.name)
        this.#report.error('syntax', `a field begins with \`$\`: write \`$${name}=…\``, last.span)
        stream.markIncomplete()
        throw new SyntaxFailure()
      } else if (!stream.is(close)) stream.failMissing(`\`,\` or \`${close}\``, where)
    }
    stream.advance()
    return elements
  }

  #fields(close: ']' | ')'): Field[] {
    const stream = this.#stream
    const fields: Field[] = []
    while (!stream.is(close)) {
      if (!stream.is('$')) stream.failMissing(`\`$field=value\` or \`${close}\``, 'in the record')
      const dollar = stream.advance()
      const token = stream.expectName('the name of a field', 'after `$`')
      stream.expect('=', `after the field \`$${shorten(token.text)}\``)
      const span = spanThrough(dollar.span, token.span)
      fields.push({ name: token.text, value: this.value(), span })
      if (stream.is(',')) stream.advance()
      else if (stream.is('$')) stream.reportMissing('`,`', `after the field \`$${shorten(token.text)}\``)
      else if (!stream.is(close)) {
        stream.failMissing(`\`,\` or \`${close}\``, `after the field \`$${shorten(token.text)}\``)
      }
    }
    stream.advance()
    return fields
  }

  /** `{ … }`, or with `start` the constructor of that name. */
  #braces(start?: Token): BracesExpression {
    const stream = this.#stream
    const open = stream.advance()
    const close = start === undefined ? '}' : ')'
    const depth = stream.depth
    const elements: Element[] = []
    const brokenKeys: string[] = []
    let isComplete = true
    let lineLost = false
    while (!stream.is(close)) {
      if (stream.atStatementStart || stream.is(';')) {
        const message = `this \`${open.text}\` is never closed: add \`${close}\` at the end of the table`
        if (!lineLost && !this.#unclosed) stream.reportUnclosed(message, open.span)
        this.#unclosed = true
        isComplete = false
        stream.forgetOpen(depth - 1)
        break
      }
      const element = this.#tryElement(depth, close, brokenKeys)
      lineLost ||= element === 'line-lost'
      if (typeof element === 'object') elements.push(element)
      else isComplete = false
      if (stream.is(',')) stream.advance()
      else if (typeof element === 'object' && stream.is('[')) {
        stream.reportMissing('`,`', 'between two entries')
      }
    }
    if (stream.is(close)) stream.advance()
    const span = spanThrough(start?.span ?? open.span, stream.previous)
    const word = start?.text as BracesExpression['word']
    return { kind: 'braces', word, elements, brokenKeys, isComplete, span }
  }

  /** An element with what stands behind it; when it is broken it is skipped and nothing comes back. */
  #tryElement(depth: number, close: string, brokenKeys: string[]): Element | 'skipped' | 'line-lost' {
    const stream = this.#stream
    let key: Expression | undefined
    try {
      const first = this.value()
      let element: Element = { key: undefined, value: first }
      if (stream.is('=')) {
        key = first
        stream.advance()
        element = { key, value: this.value() }
      }
      if (!stream.is(',', close, '[', ';') && !stream.atStatementStart) {
        stream.reportMissing(`\`,\` or \`${close}\``, 'behind the entry')
        this.#skipElement(depth, close)
      }
      return element
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure
      const name = key?.kind === 'list' && key.elements.length === 1 ? key.elements[0] : key
      if (name?.kind === 'constant' && name.value.type === 'string') brokenKeys.push(name.value.value)
      if (failure instanceof LostLine) {
        stream.forgetOpen(depth)
        return 'line-lost'
      }
      this.#skipElement(depth, close)
      return 'skipped'
    }
  }

  #skipElement(depth: number, close: string): void {
    const stream = this.#stream
    stream.skipToDelimiter(depth)
    while (stream.is(')', ']', '}') && !stream.is(close)) {
      stream.advance()
      stream.skipToDelimiter(depth)
    }
  }

  #parenthesis(): Expression {
    this.#stream.advance()
    const inner = this.#with(false, () => this.expression())
    this.#stream.expect(')', 'behind the value in parentheses')
    return inner
  }

  #size(): Expression {
    const bar = this.#stream.advance()
    const operand = this.#with(true, () => this.expression())
    this.#stream.expect('|', 'behind the value whose size is asked for')
    return { kind: 'size', operand, span: spanThrough(bar.span, this.#stream.previous) }
  }

  #with<Result>(inSize: boolean, parse: () => Result): Result {
    const outside = this.#inSize
    this.#inSize = inSize
    try {
      return parse()
    } finally {
      this.#inSize = outside
    }
  }

  /** What may stand behind an operand and binds tightest. */
  #postfix(operand: Expression): Expression {
    const stream = this.#stream
    let result = operand
    for (;;) {
      if (result.kind === 'unknown') return result
      const { token } = stream
      if (token.kind === 'name' && (token.text === 'as' || token.text === 'is')) {
        stream.advance()
        const type = this.#type()
        const span = spanThrough(result.span, stream.previous)
        result = { kind: 'cast', operand: result, type, isTest: token.text === 'is', span }
      } else if (stream.is('[') && isIndexable(result) && token.span.line === stream.previous.line) {
        stream.advance()
        const target = result
        result = this.#with(false, () => this.#index(target))
      } else if (stream.is('$', '?$') && (token.text === '?$' || isAdjacent(stream.previous, token.span))) {
        // With a gap before its `$` it is the next field of a record, with the comma missing before it.
        stream.advance()
        const name = stream.expectName('the name of a field', `after \`${token.text}\``)
        const isTest = token.text === '?$'
        const span = spanThrough(result.span, name.span)
        result = { kind: 'field', record: result, name: name.text, isTest, span }
      } else return result
    }
  }

  #index(target: Expression): Expression {
    const stream = this.#stream
    const indexes: Expression[] = []
    let isSlice = false
    while (!stream.is(']')) {
      if (stream.is(':')) isSlice = true
      else indexes.push(this.expression())
      if (stream.is(',', ':')) {
        isSlice ||= stream.is(':')
        stream.advance()
      } else if (!stream.is(']')) stream.failMissing('`]`', 'behind the index')
    }
    stream.advance()
    const span = spanThrough(target.span, stream.previous)
    if (isSlice) return { kind: 'unsupported', what: 'a slice', span }
    return { kind: 'index', target, indexes, span }
  }
}

/** Behind another literal a `[` is the next entry of a table, with the comma missing before it. */
function isIndexable(target: Expression): boolean {
  if (target.kind === 'constant') return target.value.type === 'string'
  if (target.kind === 'braces') return target.word !== undefined
  return target.kind !== 'record' && target.kind !== 'list'
}
