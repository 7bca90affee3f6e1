/** Values out of literals: what was written is put together, checked for its size, and for being of one type. */
import type { RedefValue } from '../options/registry.js'
import { convert, type Surroundings } from './conversion.js'
import type { SourceSpan } from './diagnostics.js'
import { type Budget, measure, STRING_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_WEIGHT_MAX } from './limits.js'
import type { FieldLiteral, Literal } from './literal.js'
import { isSameType } from './operators.js'
import { didYouMean } from './suggest.js'
import { shorten } from './token-stream.js'
import { describeValue, keyOf, typeOf, type ValueOf } from './values.js'
import { typeText, type ZeekType } from './zeek-type.js'

export class LiteralValues {
  readonly #around: Surroundings
  readonly #budget: Budget
  readonly #names: () => Iterable<string>

  /** `names` are those to choose from when one is misspelt. */
  constructor(around: Surroundings, budget: Budget, names: () => Iterable<string>) {
    this.#around = around
    this.#budget = budget
    this.#names = names
  }

  /** The value of a literal; undefined when it has none, which has been reported. */
  valueOf(literal: Literal): RedefValue | undefined {
    switch (literal.kind) {
      case 'constant':
        return literal.value
      case 'name':
        return this.#name(literal.name, literal.span)
      case 'record':
        if (literal.typeName !== undefined) {
          const type: ZeekType = { kind: 'named', name: literal.typeName, span: literal.span }
          return convert(literal, type, 'this record', this.#around)
        }
        return this.#record(literal.fields, literal.span)
      case 'list': {
        const values = this.#elements(literal.elements)
        return values && this.made({ type: 'vector', value: values }, literal.span)
      }
      case 'set': {
        const values = this.#keys(literal.elements)
        return values && literal.isComplete
          ? this.made({ type: 'set', value: values }, literal.span)
          : undefined
      }
      case 'table': {
        const keys = this.#keys(literal.entries.map(({ key }) => key))
        const values = this.#elements(literal.entries.map(({ value }) => value))
        if (keys === undefined || values === undefined || !literal.isComplete) return undefined
        const entries = keys.map((key, at) => [key, values[at]!] as const)
        return this.made({ type: 'table', value: entries }, literal.span)
      }
      case 'unknown':
        return undefined
    }
  }

  /** The value of what is an index: a list is its parts, whatever their types. */
  keyOf(literal: Literal): RedefValue | undefined {
    if (literal.kind !== 'list') return this.valueOf(literal)
    const parts = this.#all(literal.elements, (part) => this.valueOf(part))
    return parts && this.made({ type: 'vector', value: parts }, literal.span)
  }

  /** Removes doubles, and checks the size of what was put together. */
  made(value: RedefValue, span: SourceSpan): RedefValue | undefined {
    let result = value
    if (value.type === 'set') {
      const elements = new Map(value.value.map((element) => [keyOf(element), element]))
      if (elements.size < value.value.length) result = { type: 'set', value: [...elements.values()] }
    } else if (value.type === 'table') {
      const entries = new Map(value.value.map((entry) => [keyOf(entry[0]), entry]))
      if (entries.size < value.value.length) result = { type: 'table', value: [...entries.values()] }
    }
    return this.checked(result, span)
  }

  /** The value, when it is not too large. What it costs is counted. */
  checked(value: RedefValue, span: SourceSpan): RedefValue | undefined {
    const { depth, weight } = measure(value)
    const isList = value.type === 'vector' || value.type === 'record'
    this.#budget.spend(isList ? 1 + sizeOfList(value) : weight)
    let message: string | undefined
    if (value.type === 'string' && Buffer.byteLength(value.value) > STRING_BYTES_MAX) {
      message = `the computed string is longer than ${STRING_BYTES_MAX} bytes`
    } else if (depth > VALUE_DEPTH_MAX) {
      message = `more than ${VALUE_DEPTH_MAX} tables, lists and records are inside each other`
    } else if (weight > VALUE_WEIGHT_MAX) {
      message = `this value has more than ${VALUE_WEIGHT_MAX} parts`
    }
    if (message === undefined) return value
    this.#around.report.error('value-too-large', message, span)
    return undefined
  }

  /** Reports a name that nothing is known of. */
  failName(name: string, span: SourceSpan): undefined {
    const hint = didYouMean(name, this.#names())
    const advice = hint === '' ? ': write its value, or a string in quotes' : hint
    this.#around.report.error('unknown-name', `\`${shorten(name)}\` is not known here${advice}`, span)
    return undefined
  }

  #name(name: string, span: SourceSpan): RedefValue | undefined {
    const last = name.slice(name.lastIndexOf(':') + 1)
    // Zeek's own enums are many: what looks like a name of one is taken for it.
    if (name.includes('::') && /^[A-Z]/.test(last)) {
      return { type: 'enum', value: name.startsWith('::') ? name.slice(2) : name }
    }
    return this.failName(name, span)
  }

  #record(fields: readonly FieldLiteral[], span: SourceSpan): RedefValue | undefined {
    const values = new Map<string, RedefValue>()
    let isWhole = true
    for (const field of fields) {
      const value = this.valueOf(field.value)
      if (value === undefined) isWhole = false
      else if (values.has(field.name)) {
        const message = `\`$${shorten(field.name)}\` is given twice: remove one`
        this.#around.report.error('duplicate-field', message, field.span)
        isWhole = false
      } else values.set(field.name, value)
    }
    return isWhole ? this.made({ type: 'record', value: values }, span) : undefined
  }

  #all(
    literals: readonly Literal[],
    evaluate: (literal: Literal) => RedefValue | undefined,
  ): readonly RedefValue[] | undefined {
    const values = literals.map(evaluate)
    const known = values.filter((value) => value !== undefined)
    return known.length < values.length ? undefined : known
  }

  #keys(literals: readonly Literal[]): readonly RedefValue[] | undefined {
    const values = this.#all(literals, (literal) => this.keyOf(literal))
    return values && this.#alike(values, literals, isSameType)
  }

  #elements(literals: readonly Literal[]): readonly RedefValue[] | undefined {
    const values = this.#all(literals, (literal) => this.valueOf(literal))
    return values && this.#alike(values, literals, isAlike)
  }

  /** Elements of one type: where numbers differ in theirs, all become ints or doubles. */
  #alike(
    values: readonly RedefValue[],
    literals: readonly Literal[],
    isSame: (first: RedefValue, second: RedefValue) => boolean,
  ): readonly RedefValue[] | undefined {
    const [first] = values
    if (first === undefined) return values
    const types = new Set(values.map(({ type }) => type))
    if (
      types.size > 1 &&
      [...types].every((type) => type === 'count' || type === 'int' || type === 'double')
    ) {
      const type: ZeekType = { kind: types.has('double') ? 'double' : 'int' }
      return this.#all(
        values.map((value, at) => ({ kind: 'constant', value, span: literals[at]!.span })),
        (literal) => convert(literal, type, 'this element', this.#around),
      )
    }
    const other = values.findIndex((value) => !isSame(first, value))
    if (other < 0) return values
    const message = `one element is ${describeValue(first)}, and this one is ${describeValue(values[other]!)}`
    const isInside = first.type === values[other]!.type
    const text = isInside ? 'the elements are of different types inside' : message
    this.#around.report.error('wrong-type', text, literals[other]!.span)
    return undefined
  }
}

function isAlike(first: RedefValue, second: RedefValue): boolean {
  if (first.type !== second.type) return false
  const [one, other] = [typeText(typeOf(first)), typeText(typeOf(second))]
  return one === other || one.includes('any') || other.includes('any')
}

function sizeOfList(value: ValueOf<'vector' | 'record'>): number {
  return value.type === 'record' ? value.value.size : value.value.length
}
