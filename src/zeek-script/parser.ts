/**
 * Statements that declare something, one after the other. The parser reports everything it finds wrong and goes on
 * behind it: a broken entry costs that entry, a broken or unsupported statement that statement. What it does not know
 * is named as such and never guessed at.
 */
import type { SourceSpan } from './diagnostics.js'
import type { Token } from './lexer.js'
import type { Report, Source } from './source.js'
import { didYouMean } from './suggest.js'
import type { Expression, NamePlace, RedefOperator, Statement } from './syntax.js'
import { type Branches, SyntaxFailure, shorten, TokenStream } from './token-stream.js'
import { TypeParser } from './type-parser.js'
import type { Attribute } from './zeek-type.js'

/** Words that begin a declaration. */
const DECLARATIONS = new Set([
  'redef',
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

/** Words that begin a statement that does something. */
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
  'assert',
  'schedule',
])

/** What the parser asks of whoever runs it. */
export interface ParserHost {
  /** Decides on an `@if`: its expression, or the name of an `@ifdef` or `@ifndef`. */
  condition(directive: Token, expression: Expression): Branches
  /** Handles `@load` and its kin at once, before the next statement is read. */
  load(directive: Token, target: string): void
}

export class Parser {
  readonly #stream: TokenStream
  readonly #report: Report
  readonly #types: TypeParser
  readonly #host: ParserHost
  /** The name that the statement being read is about. */
  #target: NamePlace | undefined
  #export: SourceSpan | undefined

  constructor(source: Source, report: Report, host: ParserHost) {
    this.#report = report
    this.#host = host
    this.#stream = new TokenStream(source, report, {
      condition: (directive) => this.#condition(directive),
      load: (directive, target) => host.load(directive, target),
    })
    this.#types = new TypeParser(this.#stream, report)
  }

  /** False once something was left out. */
  get complete(): boolean {
    return this.#stream.complete
  }

  /** The next statement, read no further than to its end; undefined at the end of the file. */
  next(): Statement | undefined {
    while (this.#stream.token.kind !== 'end') {
      this.#target = undefined
      this.#types.expressions.takeUnclosed()
      try {
        const statement = this.#statement()
        if (statement !== undefined) return statement
      } catch (failure) {
        if (!(failure instanceof SyntaxFailure)) throw failure
        this.#stream.skipStatement()
        if (this.#target !== undefined) return { kind: 'broken', target: this.#target }
      }
    }
    if (this.#export !== undefined && this.#stream.complete) {
      this.#stream.reportUnclosed('this `export` is never closed: add `}` at its end', this.#export)
    }
    this.#export = undefined
    return undefined
  }

  #condition(directive: Token): Branches {
    const stream = this.#stream
    const where = `behind \`${directive.text}\``
    stream.expect('(', where)
    let expression: Expression
    if (directive.text === '@if') expression = this.#types.expressions.expression()
    else {
      const name = stream.expectName('a name', where)
      expression = { kind: 'name', name: name.text, span: name.span }
    }
    stream.expect(')', where)
    return this.#host.condition(directive, expression)
  }

  #statement(): Statement | undefined {
    const stream = this.#stream
    const docs = stream.takeDocs().map(({ text }) => text)
    const { token } = stream
    if (this.#export !== undefined && stream.is('}')) {
      stream.advance()
      this.#export = undefined
      return undefined
    }
    stream.advance()
    if (token.kind === 'symbol' && token.text === ';') return undefined
    if (token.kind === 'name') {
      switch (token.text) {
        case 'redef':
          return this.#redef()
        case 'module':
          return this.#module()
        case 'export':
          this.#export = stream.expect('{', 'behind `export`').span
          // What stands inside is read as if it stood outside.
          stream.forgetOpen(stream.depth - 1)
          return undefined
        case 'const':
        case 'global':
        case 'option':
          return this.#variable(token.text, docs)
        case 'type':
          return this.#type(docs)
        case 'function':
        case 'hook':
        case 'event':
          if (stream.token.kind === 'name') return this.#function(token.text, docs)
          break
      }
    }
    return this.#failStatement(token)
  }

  #failStatement(token: Token): never {
    if (token.problem !== undefined) {
      this.#fail(token.problem.code, token.problem.message, token.span)
    } else if (STATEMENTS.has(token.text)) {
      this.#fail('unsupported-syntax', `\`${token.text}\` statements are not supported`, token.span)
    } else if (token.kind === 'name' && this.#stream.is('(')) {
      const message = `a call of \`${shorten(token.text)}\` as a statement is not supported`
      this.#fail('unsupported-syntax', message, token.span)
    } else if (token.kind === 'name' && this.#stream.is('=', '+=', '-=', '[', '$')) {
      const message = `assignments are not supported: write \`redef ${shorten(token.text)} = …\``
      this.#fail('unsupported-syntax', message, token.span)
    }
    const hint = didYouMean(token.text, DECLARATIONS)
    this.#fail('syntax', `expected a statement, found \`${shorten(token.text)}\`${hint}`, token.span)
  }

  #name(what: string, where: string): NamePlace {
    const { text, span } = this.#stream.expectName(what, where)
    return { name: text, span }
  }

  #module(): Statement {
    const target = this.#name('the name of a module', 'after `module`')
    this.#endStatement()
    return { kind: 'module', target }
  }

  #redef(): Statement {
    const stream = this.#stream
    if (stream.isWord('enum')) return this.#redefEnum()
    if (stream.isWord('record')) return this.#redefRecord()
    if (stream.isWord('event', 'function', 'hook')) {
      return this.#function(stream.advance().text as 'event', [])
    }
    if (stream.atStatementStart) stream.failUnexpected('the name of an option', 'after `redef`')
    const target = this.#name('the name of an option', 'after `redef`')
    this.#target = target
    let type: Extract<Statement, { kind: 'redef' }>['type']
    if (stream.is(':')) {
      stream.advance()
      type = this.#types.type()
    }
    if (!stream.is('=', '+=', '-=')) {
      stream.failMissing('`=`, `+=` or `-=`', `after \`${shorten(target.name)}\``)
    }
    const operator = stream.advance().text as RedefOperator
    const value = this.#types.expressions.value()
    this.#types.attributes()
    this.#endStatement()
    return { kind: 'redef', target, type, operator, value }
  }

  #redefEnum(): Statement {
    this.#stream.advance()
    const target = this.#name('the name of an enum', 'after `redef enum`')
    this.#stream.expect('+=', `after \`${shorten(target.name)}\``)
    const names = this.#types.enumNames('+=')
    this.#endStatement()
    return { kind: 'redef-enum', target, names }
  }

  #redefRecord(): Statement {
    const stream = this.#stream
    stream.advance()
    const target = this.#name('the name of a record', 'after `redef record`')
    if (stream.is('$')) {
      stream.advance()
      stream.expectName('the name of a field', 'after `$`')
      if (!stream.is('+=', '-=')) stream.failMissing('`+=` or `-=`', 'after the field')
      stream.advance()
      stream.expect('{', 'around the attributes')
      this.#types.attributes()
      stream.expect('}', 'around the attributes')
      this.#endStatement()
      return { kind: 'redef-record', target, fields: [] }
    }
    stream.expect('+=', `after \`${shorten(target.name)}\``)
    const fields = this.#types.recordFields('+=')
    const isLogged = this.#types.attributes().some(({ name }) => name === '&log')
    this.#endStatement()
    const logged = fields.map((field) => ({ ...field, isLogged: field.isLogged || isLogged }))
    return { kind: 'redef-record', target, fields: logged }
  }

  #variable(word: string, docs: readonly string[]): Statement {
    const stream = this.#stream
    if (stream.atStatementStart) stream.failUnexpected('a name', `after \`${word}\``)
    const target = this.#name('a name', `after \`${word}\``)
    this.#target = target
    let type: Extract<Statement, { kind: 'variable' }>['type']
    if (stream.is(':')) {
      stream.advance()
      type = this.#types.type()
    }
    let value: Expression | undefined
    if (stream.is('=', '+=')) {
      stream.advance()
      value = this.#types.expressions.value()
    }
    const attributes: Attribute[] = this.#types.attributes()
    this.#endStatement()
    return { kind: 'variable', word, target, type, value, attributes, docs }
  }

  #type(docs: readonly string[]): Statement {
    const target = this.#name('a name', 'after `type`')
    this.#target = target
    this.#stream.expect(':', `after \`${shorten(target.name)}\``)
    const type = this.#types.type()
    const attributes = this.#types.attributes()
    this.#endStatement()
    return { kind: 'type', target, type, attributes, docs }
  }

  #function(flavour: 'function' | 'hook' | 'event', docs: readonly string[]): Statement {
    const target = this.#name('a name', `after \`${flavour}\``)
    this.#target = target
    const { parameters } = this.#types.functionType(flavour)
    this.#types.attributes()
    this.#stream.skipBlock(`for the body of \`${shorten(target.name)}\``)
    return { kind: 'function', flavour, target, parameters, docs }
  }

  /** The `;`. Its absence does not spoil the statement that came before. */
  #endStatement(): void {
    const stream = this.#stream
    if (this.#types.expressions.takeUnclosed()) return
    if (stream.is(';')) {
      stream.advance()
      return
    }
    stream.reportMissing('`;`', 'at the end of the statement')
    const { kind, text } = stream.token
    const isStart =
      stream.atStatementStart || (kind === 'name' && (DECLARATIONS.has(text) || STATEMENTS.has(text)))
    if (!isStart) stream.skipStatement()
  }

  #fail(code: string, message: string, span: SourceSpan): never {
    this.#report.error(code, message, span)
    throw new SyntaxFailure()
  }
}
