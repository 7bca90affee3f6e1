/** What expressions come down to. Everything wrong is reported where it stands; what depends on it is not. */
import { posix } from 'node:path'
import type { RedefValue } from '../options/registry.js'
import { BUILT_INS, isValue } from './built-ins.js'
import { FunctionCalls } from './calls.js'
import { convert, promote, type Surroundings } from './conversion.js'
import type { SourceSpan } from './diagnostics.js'
import type { ScriptHost } from './host.js'
import { indexValue } from './indexing.js'
import { type Budget, EVALUATION_DEPTH_MAX, measure } from './limits.js'
import { describeLiteral, type FieldLiteral, type Literal, opened } from './literal.js'
import { LiteralValues } from './literal-values.js'
import { binary, isProblem, type Problem, type Result, sizeOf, unary } from './operators.js'
import type { Meaning, Scope } from './scope.js'
import { isAdjacent, type Report } from './source.js'
import { didYouMean } from './suggest.js'
import type { BinaryExpression, BracesExpression, CallExpression, Expression, Field } from './syntax.js'
import { shorten } from './token-stream.js'
import { describeValue, hasNetworks, keyOf, typeOf } from './values.js'
import { resolveNames, typeText, type ZeekType } from './zeek-type.js'

/** Messages quote computed strings, which can be long. */
const MESSAGE_MAX = 300

export class Evaluator implements Surroundings {
  readonly scope: Scope
  readonly report: Report
  readonly #budget: Budget
  readonly #calls: FunctionCalls
  readonly #values: LiteralValues
  readonly #searched = new WeakSet<RedefValue>()
  #depth = 0
  /** It has been said that this expression is too deep. */
  #isTooDeep = false
  /** Something that was declared could not be read: what is not known may have been in it. */
  isGuessing = false

  constructor(scope: Scope, report: Report, budget: Budget, host: ScriptHost) {
    this.scope = scope
    this.report = report
    this.#budget = budget
    this.#calls = new FunctionCalls(host)
    this.#values = new LiteralValues(this, budget, () => scope.names())
  }

  /** Host names whose addresses have to be looked up. */
  get pendingHosts(): readonly string[] {
    return this.#calls.pendingHosts
  }

  resolve(type: ZeekType): ZeekType | undefined {
    return this.scope.resolve(type)
  }

  /** A type with the full names of what it names. */
  resolved(type: ZeekType): ZeekType {
    return resolveNames(type, (name) => {
      const meaning = this.scope.find(name)
      return meaning?.kind === 'type' ? meaning.name : name
    })
  }

  /** The literal that an expression comes down to. */
  reduce(expression: Expression): Literal {
    if (this.#depth === 0) this.#isTooDeep = false
    this.#depth += 1
    try {
      this.#budget.spend(1)
      if (this.#depth <= EVALUATION_DEPTH_MAX) return this.#reduce(expression)
      const message = `more than ${EVALUATION_DEPTH_MAX} operators are inside each other: split the expression`
      if (this.#isTooDeep) return { kind: 'unknown', span: expression.span }
      this.#isTooDeep = true
      return this.#fail('nesting-too-deep', message, expression.span)
    } finally {
      this.#depth -= 1
    }
  }

  valueOf(literal: Literal): RedefValue | undefined {
    return this.#values.valueOf(literal)
  }

  made(value: RedefValue, span: SourceSpan): RedefValue | undefined {
    return this.#values.made(value, span)
  }

  /** The value of an expression; undefined when it has none, which has been reported. */
  evaluate(expression: Expression): RedefValue | undefined {
    return this.valueOf(this.reduce(expression))
  }

  /** As `evaluate`, for what has to be true or false. */
  test(expression: Expression, what: string): boolean | undefined {
    const value = this.evaluate(expression)
    if (value === undefined || value.type === 'bool') return value?.value
    this.#fail('wrong-type', `${what} is a bool, not ${describeValue(value)}`, expression.span)
    return undefined
  }

  /** Tables keep an index of their keys, so that only the first search in one costs something. */
  #spendOnSearch(target: RedefValue): void {
    const isIndexed = (target.type === 'set' || target.type === 'table') && !hasNetworks(target)
    if (isIndexed && this.#searched.has(target)) return
    this.#searched.add(target)
    this.#budget.spend(measure(target).weight)
  }

  #fail(code: string, message: string, span: SourceSpan): Literal {
    this.report.error(code, message, span)
    return { kind: 'unknown', span }
  }

  #failProblem({ code, problem }: Problem, span: SourceSpan): Literal {
    const text = problem.length > MESSAGE_MAX ? `${problem.slice(0, MESSAGE_MAX)}…` : problem
    return this.#fail(code ?? 'bad-value', text, span)
  }

  #result(result: Result, span: SourceSpan): Literal {
    if (isProblem(result)) return this.#failProblem(result, span)
    const value = this.#values.checked(result, span)
    return value === undefined ? { kind: 'unknown', span } : { kind: 'constant', value, span }
  }

  #reduce(expression: Expression): Literal {
    const { span } = expression
    switch (expression.kind) {
      case 'constant':
        return { kind: 'constant', value: expression.value, span }
      case 'name':
        return this.#name(expression.name, span)
      case 'record':
        return { kind: 'record', fields: this.#fields(expression.fields), typeName: undefined, span }
      case 'list':
        return { kind: 'list', elements: expression.elements.map((each) => this.reduce(each)), span }
      case 'braces':
        return this.#braces(expression)
      case 'call':
        return this.#call(expression)
      case 'unary': {
        const operand = this.evaluate(expression.operand)
        return operand === undefined
          ? { kind: 'unknown', span }
          : this.#result(unary(expression.operator, operand), span)
      }
      case 'size': {
        const operand = this.evaluate(expression.operand)
        return operand === undefined ? { kind: 'unknown', span } : this.#result(sizeOf(operand), span)
      }
      case 'binary':
        return this.#binary(expression)
      case 'conditional': {
        const condition = this.test(expression.condition, 'what stands before `?`')
        if (condition === undefined) return { kind: 'unknown', span }
        const chosen = this.reduce(condition ? expression.whenTrue : expression.whenFalse)
        return { ...chosen, span }
      }
      case 'field':
        return this.#field(expression)
      case 'index':
        return this.#index(expression)
      case 'cast':
        return this.#cast(expression)
      case 'unsupported':
        return this.#fail(
          'unsupported-syntax',
          `${expression.what} is not supported: write the value itself`,
          span,
        )
      case 'unknown':
        return { kind: 'unknown', span }
    }
  }

  #name(name: string, span: SourceSpan): Literal {
    if (name === '@DIR') return this.#result({ type: 'string', value: posix.dirname(span.file) }, span)
    if (name === '@FILENAME') return this.#result({ type: 'string', value: posix.basename(span.file) }, span)
    const meaning = this.scope.find(name)
    switch (meaning?.kind) {
      case undefined:
        // Behind something that could not be read nothing is said about what may have been declared there.
        return this.isGuessing && !name.includes('::')
          ? { kind: 'unknown', span }
          : { kind: 'name', name, span }
      case 'variable': {
        const { value } = meaning.variable
        if (value === 'unknown') return { kind: 'unknown', span }
        if (value === 'unset') {
          return this.#fail('no-value', `\`${name}\` has no value: give it one where it is declared`, span)
        }
        return { kind: 'constant', value, span }
      }
      case 'value':
        return meaning.value === 'unknown'
          ? { kind: 'unknown', span }
          : { kind: 'constant', value: meaning.value, span }
      case 'enum':
        return { kind: 'constant', value: { type: 'enum', value: meaning.name }, span }
      case 'type':
      case 'function':
      case 'opaque': {
        const what = meaning.kind === 'opaque' ? meaning.what : `a ${meaning.kind}`
        return this.#fail('unsupported-syntax', `\`${name}\` is ${what}, which has no value here`, span)
      }
    }
  }

  #fields(fields: readonly Field[]): FieldLiteral[] {
    return fields.map(({ name, value, span }) => ({ name, value: this.reduce(value), span }))
  }

  #braces(expression: BracesExpression): Literal {
    const { word, elements, span } = expression
    const isTable = word === 'table' || (word === undefined && elements.every(({ key }) => key !== undefined))
    const isSet = !isTable && (word !== undefined || elements.every(({ key }) => key === undefined))
    const { brokenKeys } = expression
    let { isComplete } = expression
    const entries: { key: Literal; value: Literal }[] = []
    for (const { key, value } of elements) {
      if (isSet ? key === undefined : key !== undefined) {
        const index = key === undefined ? undefined : this.reduce(key)
        const parts = index?.kind === 'list' && index.elements.length === 1 ? index.elements[0]! : index
        const reduced = this.reduce(value)
        entries.push({ key: parts ?? reduced, value: reduced })
        continue
      }
      isComplete = false
      const message = isSet
        ? `\`${word}(…)\` has elements alone: remove what stands before \`=\``
        : 'this is no entry of the table: write `[key] = value`'
      this.#fail('syntax', message, (key ?? value).span)
    }
    const common = { isBraces: word === undefined, brokenKeys, isComplete, span }
    if (!isSet) return { kind: 'table', entries, ...common }
    const values = entries.map(({ value }) => value)
    if (word === 'vector') {
      return isComplete ? { kind: 'list', elements: values, span } : { kind: 'unknown', span }
    }
    return { kind: 'set', elements: values, ...common }
  }

  #call(expression: CallExpression): Literal {
    const { name, nameSpan, span } = expression
    const meaning = this.scope.find(name)
    switch (meaning?.kind) {
      case 'type':
        return this.#constructed(expression, meaning)
      case 'function':
        return this.#callFunction(expression, meaning)
      case undefined: {
        if (this.isGuessing) return { kind: 'unknown', span }
        const hint =
          didYouMean(name, [...this.scope.names(), ...BUILT_INS.keys()]) || ': write the value that it gives'
        return this.#fail(
          'unknown-function',
          `the function \`${shorten(name)}\` is not known here${hint}`,
          nameSpan,
        )
      }
      case 'variable':
      case 'value':
      case 'enum':
        return this.#fail('wrong-type', `\`${shorten(name)}\` is no function`, nameSpan)
      case 'opaque':
        return this.#fail(
          'unsupported-syntax',
          `a call of \`${shorten(name)}\`, which is ${meaning.what}, is not supported: write the value that it gives`,
          nameSpan,
        )
    }
  }

  #callFunction(expression: CallExpression, meaning: Meaning & { readonly kind: 'function' }): Literal {
    const { name, arguments: given, span } = expression
    if (given.kind === 'fields' || given.elements.some(({ key }) => key !== undefined)) {
      return this.#fail('syntax', `\`${name}\` is a function: its arguments are values alone`, span)
    }
    const args = given.elements.map(({ value }) => this.evaluate(value))
    const known = args.filter((arg) => arg !== undefined)
    if (known.length < args.length) return { kind: 'unknown', span }
    for (const arg of known) this.#budget.spend(measure(arg).weight)
    const result = this.#calls.run(name, meaning.function, known)
    if (isValue(result)) return this.#result(result, span)
    return 'pending' in result ? { kind: 'unknown', span } : this.#failProblem(result, span)
  }

  /** `T(…)` of a type. A record of a foreign type is checked by whoever takes it. */
  #constructed(expression: CallExpression, meaning: Meaning & { readonly kind: 'type' }): Literal {
    const { arguments: given, span } = expression
    const type = this.scope.resolve(meaning.type)
    const named: ZeekType = { kind: 'named', name: meaning.name, span: expression.nameSpan }
    let literal: Literal
    if (type?.kind === 'record') {
      if (given.kind === 'elements' && given.elements.length > 0) {
        const message = `\`${meaning.name}(…)\` has fields: write \`$field=value\``
        return this.#fail('syntax', message, given.elements[0]!.value.span)
      }
      const fields = given.kind === 'fields' ? this.#fields(given.fields) : []
      literal = { kind: 'record', fields, typeName: meaning.name, span }
      if (meaning.isForeign) return literal
    } else if (type?.kind === 'table' || type?.kind === 'set' || type?.kind === 'vector') {
      const elements = given.kind === 'elements' ? given.elements : []
      literal = this.#braces({
        kind: 'braces',
        word: type.kind,
        elements,
        brokenKeys: [],
        isComplete: true,
        span,
      })
    } else {
      return this.#fail(
        'unsupported-syntax',
        `the type \`${meaning.name}\` has no constructor`,
        expression.nameSpan,
      )
    }
    const value = convert(literal, named, `\`${meaning.name}(…)\``, this)
    return value === undefined ? { kind: 'unknown', span } : { kind: 'constant', value, span }
  }

  #binary(expression: BinaryExpression): Literal {
    const { operator, span } = expression
    if (operator === '&&' || operator === '||') return this.#logical(expression, operator)
    const left = this.reduce(expression.left)
    const right = this.reduce(expression.right)
    if (
      operator === '/' &&
      left.kind === 'constant' &&
      left.value.type === 'count' &&
      right.kind === 'name'
    ) {
      const text = `${left.value.value}/${shorten(right.name)}`
      if (
        right.span.column === left.span.column + left.span.length + 1 &&
        isAdjacent({ ...left.span, length: left.span.length + 1 }, right.span)
      ) {
        return this.#fail(
          'bad-port',
          `\`${text}\` is no port: its protocol is tcp, udp, icmp or unknown`,
          span,
        )
      }
    }
    const isSearch = operator === 'in' || operator === '!in'
    const [first, second] = [isSearch ? this.#values.keyOf(left) : this.valueOf(left), this.valueOf(right)]
    if (first === undefined || second === undefined) return { kind: 'unknown', span }
    if (isSearch) this.#spendOnSearch(second)
    else this.#budget.spend(measure(first).weight + measure(second).weight)
    return this.#result(binary(operator, first, second), span)
  }

  #logical(expression: BinaryExpression, operator: '&&' | '||'): Literal {
    const { span } = expression
    const what = `a side of \`${operator}\``
    const left = this.test(expression.left, what)
    if (left === undefined) return { kind: 'unknown', span }
    const value = left === (operator === '||') ? left : this.test(expression.right, what)
    return value === undefined
      ? { kind: 'unknown', span }
      : { kind: 'constant', value: { type: 'bool', value }, span }
  }

  #field(expression: Expression & { readonly kind: 'field' }): Literal {
    const { record: target, name, isTest, span } = expression
    const literal = opened(this.reduce(target))
    if (literal.kind === 'unknown') return { kind: 'unknown', span }
    if (literal.kind === 'name') {
      this.#values.failName(literal.name, literal.span)
      return { kind: 'unknown', span }
    }
    if (literal.kind !== 'record') {
      return this.#fail(
        'wrong-type',
        `\`$${shorten(name)}\` is a field of a record, and this is ${describeLiteral(literal)}`,
        span,
      )
    }
    const field = literal.fields.find((candidate) => candidate.name === name)
    if (isTest) return { kind: 'constant', value: { type: 'bool', value: field !== undefined }, span }
    if (field !== undefined) return { ...field.value, span }
    const hint = didYouMean(
      name,
      literal.fields.map((each) => each.name),
      '$',
    )
    return this.#fail('no-such-field', `this record has no \`$${shorten(name)}\`${hint}`, span)
  }

  #index(expression: Expression & { readonly kind: 'index' }): Literal {
    const { target: of, indexes, span } = expression
    const target = this.evaluate(of)
    const keys = indexes.map((index) => this.evaluate(index))
    const known = keys.filter((key) => key !== undefined)
    if (target === undefined || known.length < keys.length) return { kind: 'unknown', span }
    this.#spendOnSearch(target)
    const result = indexValue(target, known)
    if (result !== undefined) return this.#result(result, span)
    const meaning = of.kind === 'name' ? this.scope.find(of.name) : undefined
    if (meaning?.kind === 'variable' && meaning.variable.default !== undefined) {
      return { kind: 'constant', value: meaning.variable.default, span }
    }
    if (this.isGuessing) return { kind: 'unknown', span }
    const text = shorten(
      known.map((key) => (key.type === 'string' ? JSON.stringify(key.value) : keyOf(key))).join(', '),
    )
    const what = of.kind === 'name' ? `\`${shorten(of.name)}\`` : `this ${target.type}`
    return this.#fail('no-such-index', `${what} has no index ${text}`, span)
  }

  #cast(expression: Expression & { readonly kind: 'cast' }): Literal {
    const { operand, isTest, span } = expression
    const value = this.evaluate(operand)
    if (value === undefined) return { kind: 'unknown', span }
    const named = this.resolved(expression.type)
    const type = this.scope.resolve(named)
    if (type === undefined) {
      return this.#fail('unknown-type', `the type \`${shorten(typeText(named))}\` is not known here`, span)
    }
    const fits =
      type.kind === 'any' ||
      typeText(typeOf(value)) === typeText(type) ||
      (value.type === 'record' && type.kind === 'record') ||
      (value.type === 'enum' && type.kind === 'enum')
    if (isTest) return { kind: 'constant', value: { type: 'bool', value: fits }, span }
    if (fits) return { kind: 'constant', value, span }
    const number = type.kind === 'int' ? promote(value, 'int') : undefined
    if (number !== undefined) return this.#result(number, span)
    if (value.type === 'set' && type.kind === 'vector') {
      const elements: Literal = {
        kind: 'list',
        elements: value.value.map((each) => ({ kind: 'constant', value: each, span })),
        span,
      }
      const vector = convert(elements, type, 'this list', this)
      return vector === undefined ? { kind: 'unknown', span } : { kind: 'constant', value: vector, span }
    }
    return this.#fail('wrong-type', `${describeValue(value)} cannot be taken as \`${typeText(named)}\``, span)
  }
}
