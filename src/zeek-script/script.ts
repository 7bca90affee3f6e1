/**
 * Runs a script: its statements are read and evaluated one after the other, because the conditions of `@if` may use
 * what stands before them.
 */
import type { RedefValue } from '../options/registry.js'
import { convert } from './conversion.js'
import type { SourceSpan } from './diagnostics.js'
import { Evaluator } from './evaluator.js'
import type { ScriptHost } from './host.js'
import type { Token } from './lexer.js'
import { Budget, LimitReached } from './limits.js'
import type { Literal } from './literal.js'
import { Loader } from './loader.js'
import { Parser } from './parser.js'
import { redefined } from './redefinition.js'
import { Scope, type Variable, type World } from './scope.js'
import type { Report, Source } from './source.js'
import type { Expression, RedefStatement, Statement, VariableStatement } from './syntax.js'
import { type Branches, shorten } from './token-stream.js'
import { typeOf } from './values.js'
import type { ZeekType } from './zeek-type.js'

export interface ScriptRun {
  /** False when parts of the script were not understood: then nothing can be concluded from what is missing. */
  readonly isComplete: boolean
  /** Host names whose addresses the script needs and the host does not know yet. */
  readonly pendingHosts: readonly string[]
}

export interface ScriptOptions {
  readonly host: ScriptHost
  readonly report: Report
  /** Makes what is there before the script; it may use the evaluator later on, for the values of redefs. */
  readonly world: (evaluator: Evaluator) => World
}

/** Runs the script that `source` is, and the files that it loads. What is wrong goes to the report. */
export function runScript(source: Source, options: ScriptOptions): ScriptRun {
  const run = new Run(source, options)
  run.file(source)
  return run.result()
}

class Run {
  readonly #report: Report
  readonly #world: World
  readonly #scope: Scope
  readonly #evaluator: Evaluator
  readonly #loader: Loader
  readonly #budget = new Budget()
  #isComplete = true
  /** Where the statement stands that is being evaluated. */
  #place: SourceSpan
  #isExhausted = false

  constructor(source: Source, { host, report, world }: ScriptOptions) {
    this.#report = report
    this.#loader = new Loader(host, source.file, Buffer.byteLength(source.text))
    // The world needs the evaluator, which needs the names of the world.
    const late: { world?: World } = {}
    this.#scope = new Scope({
      value: (name) => late.world?.value(name),
      type: (name) => late.world?.type(name),
      function: (name) => late.world?.function(name),
      names: () => late.world?.names() ?? [],
    })
    this.#evaluator = new Evaluator(this.#scope, report, this.#budget, host)
    this.#world = world(this.#evaluator)
    late.world = this.#world
    this.#place = source.start
  }

  result(): ScriptRun {
    const { pendingHosts } = this.#evaluator
    return { isComplete: this.#isComplete && pendingHosts.length === 0, pendingHosts }
  }

  file(source: Source): void {
    const parser = new Parser(source, this.#report, {
      condition: (directive, expression) => this.#condition(directive, expression),
      load: (directive, target) => this.#load(directive, target),
    })
    const outside = this.#scope.moduleName
    this.#scope.moduleName = ''
    try {
      for (let statement = parser.next(); statement !== undefined; statement = parser.next()) {
        this.#evaluator.isGuessing ||= !parser.complete
        if (this.#isExhausted) break
        this.#place = statement.target.span
        this.#statement(statement)
      }
    } catch (failure) {
      if (!(failure instanceof LimitReached)) throw failure
      this.#exhaust()
    }
    this.#scope.moduleName = outside
    this.#isComplete &&= parser.complete
  }

  #exhaust(): void {
    this.#isComplete = false
    if (!this.#isExhausted) {
      const message = 'this script computes too much: what stands from here on is not evaluated'
      this.#report.error('too-much-computed', message, this.#place)
    }
    this.#isExhausted = true
  }

  #condition({ text, span }: Token, expression: Expression): Branches {
    if (this.#isExhausted) return 'neither'
    this.#place = span
    if (text === '@if') {
      const value = this.#evaluator.evaluate(expression)
      const isTrue = value && truth(value)
      if (value !== undefined && isTrue === undefined) {
        this.#report.error('wrong-type', 'the condition of `@if` is a bool', expression.span)
      }
      if (isTrue === undefined) {
        this.#evaluator.isGuessing = true
        return 'neither'
      }
      return isTrue ? 'first' : 'second'
    }
    const isDefined = expression.kind === 'name' && this.#scope.find(expression.name) !== undefined
    return isDefined === (text === '@ifdef') ? 'first' : 'second'
  }

  #load({ text, span }: Token, target: string): void {
    const what = `\`${text} ${shorten(target)}\``
    if (text !== '@load') {
      this.#report.note('load-ignored', `${what} is ignored: signatures and plugins have no use here`, span)
      return
    }
    const loaded = this.#loader.load(target, span.file)
    switch (loaded.kind) {
      case 'source':
        this.#report.addSource(loaded.source)
        this.file(loaded.source)
        return
      case 'again':
        return
      case 'of-zeek':
        this.#report.note('load-ignored', `${what} is ignored: Zeek's own scripts are not needed here`, span)
        return
      case 'refused':
        this.#isComplete = false
        this.#evaluator.isGuessing = true
        this.#report.error('cannot-load', `cannot do ${what}: ${loaded.message}`, span)
    }
  }

  #statement(statement: Statement): void {
    const { name, span } = statement.target
    switch (statement.kind) {
      case 'module':
        this.#scope.moduleName = name === 'GLOBAL' ? '' : name
        return
      case 'redef':
        this.#redef(statement)
        return
      case 'variable':
        this.#variable(statement)
        return
      case 'type':
        this.#type(this.#scope.fullName(name), statement.type)
        return
      case 'redef-enum':
        this.#scope.addEnumNames(statement.names.map((each) => this.#scope.fullName(each.name)))
        return
      case 'redef-record':
        this.#redefRecord(statement)
        return
      case 'function': {
        const full = this.#scope.fullName(name)
        const { flavour } = statement
        this.#scope.setOpaque(full, `${flavour === 'event' ? 'an event' : `a ${flavour}`} of the script`)
        const what = flavour === 'event' ? 'the handler of event' : `the ${flavour}`
        this.#report.note(
          'handler-ignored',
          `${what} \`${shorten(name)}\` is left out: nothing here calls it`,
          span,
        )
        return
      }
      case 'broken':
        this.#evaluator.isGuessing = true
        this.#isComplete = false
    }
  }

  #type(full: string, type: ZeekType): void {
    // The names of an enum belong to the module.
    const named: ZeekType =
      type.kind === 'enum'
        ? {
            kind: 'enum',
            names: type.names.map((each) => ({ ...each, name: this.#scope.fullName(each.name) })),
          }
        : this.#evaluator.resolved(type)
    this.#scope.setType(full, named)
  }

  #redefRecord({ target, fields }: Statement & { readonly kind: 'redef-record' }): void {
    const meaning = this.#scope.find(target.name)
    const resolved = fields.map((field) => ({ ...field, type: this.#evaluator.resolved(field.type) }))
    if (meaning?.kind === 'type' && !meaning.isForeign && meaning.type.kind === 'record') {
      const all = [...meaning.type.fields, ...resolved]
      this.#budget.spend(all.length)
      this.#scope.setType(meaning.name, { kind: 'record', fields: all })
      return
    }
    const name = meaning?.name ?? this.#scope.fullName(target.name)
    const isKnown = this.#world.addFields(name, resolved)
    const what = isKnown
      ? `the fields added to \`${name}\` are accepted and ignored`
      : `\`${name}\` is not known here: what is added to it is ignored`
    this.#report.note('fields-ignored', what, target.span)
  }

  #variable({ word, target, type, value, attributes }: VariableStatement): void {
    const name = this.#scope.fullName(target.name)
    const meaning = this.#scope.find(`::${name}`)
    if (meaning !== undefined && meaning.kind !== 'opaque') {
      this.#isComplete = false
      const message = `\`${name}\` is there already: choose another name, or write \`redef\` to change it`
      this.#report.error('already-defined', message, target.span)
      return
    }
    const named = type && this.#evaluator.resolved(type)
    if (named?.kind === 'function') {
      this.#scope.setOpaque(name, named.flavour === 'event' ? 'an event' : `a ${named.flavour}`)
      return
    }
    const isRedefinable = word === 'option' || attributes.some((attribute) => attribute.name === '&redef')
    const variable = this.#initial(named, value, `\`${shorten(target.name)}\``)
    const fallback = attributes.find((attribute) => attribute.name === '&default')?.value
    const table = variable.type && this.#scope.resolve(variable.type)
    const element = table?.kind === 'table' ? table.element : undefined
    const given =
      fallback &&
      element &&
      convert(
        this.#evaluator.reduce(fallback),
        element,
        `the \`&default\` of \`${target.name}\``,
        this.#evaluator,
      )
    this.#scope.setVariable(name, { ...variable, default: given, isRedefinable })
  }

  #initial(
    type: ZeekType | undefined,
    expression: Expression | undefined,
    what: string,
  ): Pick<Variable, 'type' | 'value'> {
    if (expression === undefined) {
      const resolved = type && this.#scope.resolve(type)
      const { kind } = resolved ?? {}
      const isContainer = kind === 'table' || kind === 'set' || kind === 'vector'
      return { type, value: isContainer ? { type: kind, value: [] } : 'unset' }
    }
    const literal = this.#evaluator.reduce(expression)
    const target = type ?? constructedType(literal)
    const value =
      target === undefined ? this.#untyped(literal, what) : convert(literal, target, what, this.#evaluator)
    if (value === undefined) this.#isComplete = false
    return { type: target ?? (value && typeOf(value)), value: value ?? 'unknown' }
  }

  #untyped(literal: Literal, what: string): RedefValue | undefined {
    if (literal.kind === 'table' && literal.isBraces && literal.entries.length === 0) {
      const message = `nothing says what ${what} holds: write its type, as in \`set[string]\``
      this.#report.error('wrong-type', message, literal.span)
      return undefined
    }
    return this.#evaluator.valueOf(literal)
  }

  #redef({ target, type, operator, value: expression }: RedefStatement): void {
    const meaning = this.#scope.find(target.name)
    const literal = this.#evaluator.reduce(expression)
    if (meaning?.kind !== 'variable') {
      const name = meaning?.kind === 'value' ? meaning.name : this.#scope.fullName(target.name)
      const typed = type && this.#typed(literal, this.#evaluator.resolved(type), target.name)
      const redef = {
        name,
        writtenName: target.name,
        nameSpan: target.span,
        operator,
        value: typed ?? literal,
      }
      this.#world.redef(redef)
      return
    }
    const { name, variable } = meaning
    if (!variable.isRedefinable) {
      this.#isComplete = false
      const message = `\`${name}\` cannot be redefined: add \`&redef\` where it is declared`
      this.#report.error('not-redefinable', message, target.span)
      return
    }
    const value = redefined(variable, operator, literal, { name, span: target.span }, this.#evaluator)
    if (value === undefined) this.#isComplete = false
    this.#scope.setVariable(name, { ...variable, value: value ?? 'unknown' })
  }

  #typed(literal: Literal, type: ZeekType, name: string): Literal {
    const value = convert(literal, type, `\`${shorten(name)}\``, this.#evaluator)
    const { span } = literal
    return value === undefined ? { kind: 'unknown', span } : { kind: 'constant', value, span }
  }
}

/** The type that a constructor names. */
function constructedType(literal: Literal): ZeekType | undefined {
  if (literal.kind !== 'record' || literal.typeName === undefined) return undefined
  return { kind: 'named', name: literal.typeName, span: literal.span }
}

/** Zeek takes numbers for conditions too. */
function truth(value: RedefValue): boolean | undefined {
  if (value.type === 'bool') return value.value
  return value.type === 'count' || value.type === 'int' ? value.value !== 0n : undefined
}
