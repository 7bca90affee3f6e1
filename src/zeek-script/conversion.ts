/**
 * Values for a type: what may stand for what, record fields by name, and what is missing in them. As in Zeek a count
 * may stand for an int or a double, and nothing else for anything but itself.
 */
import type { RedefValue } from '../options/registry.js'
import type { SourceSpan } from './diagnostics.js'
import { describeLiteral, type EntryLiteral, type Literal, opened } from './literal.js'
import { intOf, isProblem, type Result } from './operators.js'
import type { Report } from './source.js'
import { didYouMean } from './suggest.js'
import type { Expression } from './syntax.js'
import { shorten } from './token-stream.js'
import { type RecordField, typeText, type ZeekType } from './zeek-type.js'

/** What the conversion needs from the evaluation. */
export interface Surroundings {
  readonly report: Report
  resolve(type: ZeekType): ZeekType | undefined
  /** The value of a literal for which no type is given. */
  valueOf(literal: Literal): RedefValue | undefined
  reduce(expression: Expression): Literal
  /** Checks a container that was made for its size. */
  made(value: RedefValue, span: SourceSpan): RedefValue | undefined
}

/**
 * The value that `literal` gives for `type`; undefined when it is none, which has been reported. `what` names the
 * place that it is for.
 */
export function convert(
  literal: Literal,
  type: ZeekType,
  what: string,
  around: Surroundings,
): RedefValue | undefined {
  if (literal.kind === 'unknown') return undefined
  const target = around.resolve(type)
  if (target === undefined) {
    const message = `the type \`${shorten(typeText(type))}\` of ${what} is not known here`
    around.report.error('unknown-type', message, type.kind === 'named' ? type.span : literal.span)
    return undefined
  }
  const conversion = new Conversion(type, target, what, around)
  return conversion.convert(literal)
}

class Conversion {
  readonly #named: ZeekType
  readonly #type: ZeekType
  readonly #what: string
  readonly #around: Surroundings

  constructor(named: ZeekType, type: ZeekType, what: string, around: Surroundings) {
    this.#named = named
    this.#type = type
    this.#what = what
    this.#around = around
  }

  convert(literal: Literal): RedefValue | undefined {
    const type = this.#type
    switch (type.kind) {
      case 'any':
        return this.#around.valueOf(literal)
      case 'record':
        return this.#record(opened(literal), type.fields)
      case 'table':
        return this.#table(opened(literal), type.index, type.element)
      case 'set':
        return this.#set(opened(literal), type.index)
      case 'vector':
        return this.#vector(opened(literal), type.element)
      case 'enum':
        return this.#enum(literal, type)
      case 'bool':
      case 'count':
      case 'int':
      case 'double':
      case 'interval':
      case 'string':
      case 'addr':
      case 'subnet':
      case 'port': {
        if (literal.kind !== 'constant') return this.#refuse(literal)
        const result = promote(literal.value, type.kind)
        if (result === undefined) return this.#refuse(literal)
        if (!isProblem(result)) return result
        this.#around.report.error(
          result.code ?? 'bad-number',
          `${this.#what}: ${result.problem}`,
          literal.span,
        )
        return undefined
      }
      case 'time':
      case 'pattern':
      case 'void':
      case 'file':
      case 'opaque':
      case 'function':
      case 'named': {
        const message = `${this.#what} is ${describeType(type)}, which has no values here`
        this.#around.report.error('unsupported-syntax', message, literal.span)
        return undefined
      }
    }
  }

  #refuse(literal: Literal): undefined {
    const message = `${this.#what} is ${describeType(this.#named)}, not ${describeLiteral(literal)}`
    this.#around.report.error('wrong-type', message, literal.span)
    return undefined
  }

  #part(literal: Literal, type: ZeekType, what: string): RedefValue | undefined {
    return convert(literal, type, what, this.#around)
  }

  #enum(literal: Literal, type: ZeekType & { readonly kind: 'enum' }): RedefValue | undefined {
    const names = type.names.map(({ name }) => name)
    if (literal.kind === 'constant' && literal.value.type === 'enum') {
      if (names.length === 0 || names.includes(literal.value.value)) return literal.value
    }
    if (literal.kind === 'name' && names.length > 0) {
      const hint = didYouMean(literal.name, names) || `: the names are ${names.join(', ')}`
      const message = `${this.#what} is ${describeType(this.#named)}, and \`${shorten(literal.name)}\` is not one of its names${hint}`
      this.#around.report.error('unknown-name', message, literal.span)
      return undefined
    }
    return this.#refuse(literal)
  }

  #record(literal: Literal, fields: readonly RecordField[]): RedefValue | undefined {
    if (literal.kind !== 'record') return this.#refuse(literal)
    const { report } = this.#around
    const name = this.#named.kind === 'named' ? `\`${this.#named.name}\`` : 'this record'
    const known = new Map(fields.map((field) => [field.name, field]))
    const given = new Map<string, RedefValue | undefined>()
    for (const { name: field, value, span } of literal.fields) {
      const definition = known.get(field)
      if (definition === undefined) {
        const hint = didYouMean(field, known.keys(), '$') || ':'
        const list = [...known.keys()].map((each) => `$${each}`).join(', ')
        const message = `\`$${shorten(field)}\` is not a field of ${name}${hint} the fields are ${shorten(list)}`
        report.error('unknown-field', message, span)
      } else if (given.has(field)) {
        report.error('duplicate-field', `\`$${field}\` is given twice: remove one`, span)
      } else {
        given.set(field, this.#part(value, definition.type, `\`$${field}\` of ${name}`))
      }
    }
    const values = new Map<string, RedefValue>()
    let isWhole = literal.fields.length === given.size
    for (const field of fields) {
      const value = given.get(field.name)
      if (value !== undefined) values.set(field.name, value)
      else if (given.has(field.name)) isWhole = false
      else isWhole = this.#absent(field, name, literal.span, values) && isWhole
    }
    return isWhole ? this.#around.made({ type: 'record', value: values }, literal.span) : undefined
  }

  /** Fills in a field that the record does not give. False when it has to. */
  #absent(field: RecordField, name: string, span: SourceSpan, values: Map<string, RedefValue>): boolean {
    if (field.default !== undefined) {
      const value = this.#part(
        this.#around.reduce(field.default),
        field.type,
        `\`$${field.name}\` of ${name}`,
      )
      if (value !== undefined) values.set(field.name, value)
      return value !== undefined
    }
    if (field.isOptional) return true
    const message = `this record has no \`$${field.name}\`, and ${name} needs one`
    this.#around.report.error('missing-field', message, span)
    return false
  }

  #table(literal: Literal, index: readonly ZeekType[], element: ZeekType): RedefValue | undefined {
    const isEmptyBraces = literal.kind === 'set' && literal.isBraces && literal.elements.length === 0
    if (literal.kind !== 'table' && !isEmptyBraces) return this.#refuse(literal)
    const entries: readonly EntryLiteral[] = literal.kind === 'table' ? literal.entries : []
    const values: (readonly [RedefValue, RedefValue])[] = []
    let isWhole = literal.isComplete
    for (const entry of entries) {
      const key = this.#key(entry.key, index)
      const value = this.#part(entry.value, element, `an element of ${this.#what}`)
      if (key === undefined || value === undefined) isWhole = false
      else values.push([key, value])
    }
    return isWhole ? this.#around.made({ type: 'table', value: values }, literal.span) : undefined
  }

  #set(literal: Literal, index: readonly ZeekType[]): RedefValue | undefined {
    const isEmptyBraces = literal.kind === 'table' && literal.isBraces && literal.entries.length === 0
    if (literal.kind !== 'set' && !isEmptyBraces) return this.#refuse(literal)
    const elements: readonly Literal[] = literal.kind === 'set' ? literal.elements : []
    const values: RedefValue[] = []
    let isWhole = literal.isComplete
    for (const element of elements) {
      const value = this.#key(element, index)
      if (value === undefined) isWhole = false
      else values.push(value)
    }
    return isWhole ? this.#around.made({ type: 'set', value: values }, literal.span) : undefined
  }

  #key(literal: Literal, index: readonly ZeekType[]): RedefValue | undefined {
    const isParts = literal.kind === 'list' && index.length > 1
    const parts = isParts ? literal.elements : [literal]
    if (parts.length !== index.length) {
      if (literal.kind === 'unknown') return undefined
      const message = `an index of ${this.#what} has ${index.length} parts: ${index.map(typeText).join(', ')}`
      this.#around.report.error('wrong-type', message, literal.span)
      return undefined
    }
    const values = parts.map((part, at) => this.#part(part, index[at]!, `an index of ${this.#what}`))
    if (values.length === 1) return values[0]
    const whole = values.filter((value) => value !== undefined)
    return whole.length === values.length ? { type: 'vector', value: whole } : undefined
  }

  #vector(literal: Literal, element: ZeekType): RedefValue | undefined {
    const isEmptyBraces = literal.kind === 'table' && literal.isBraces && literal.entries.length === 0
    const isBraces = literal.kind === 'set' && literal.isBraces
    if (literal.kind !== 'list' && !isBraces && !isEmptyBraces) return this.#refuse(literal)
    const elements = literal.kind === 'table' ? [] : literal.elements
    const values = elements.map((each) => this.#part(each, element, `an element of ${this.#what}`))
    const whole = values.filter((value) => value !== undefined)
    if (whole.length < values.length) return undefined
    return this.#around.made({ type: 'vector', value: whole }, literal.span)
  }
}

/** A value as one of `type`: a count may stand for an int or double, an int for a double, and a positive int for a count. */
export function promote(value: RedefValue, type: RedefValue['type']): Result | undefined {
  if (value.type === type) return value
  if (value.type === 'count' && type === 'int') return intOf(value.value)
  if ((value.type === 'count' || value.type === 'int') && type === 'double') {
    return { type: 'double', value: Number(value.value) }
  }
  if (value.type === 'int' && type === 'count') {
    return value.value >= 0n
      ? { type: 'count', value: value.value }
      : { code: 'bad-number', problem: `${value.value} is no count: a count is 0 or more` }
  }
  return undefined
}

/** A type in a sentence. */
export function describeType(type: ZeekType): string {
  switch (type.kind) {
    case 'addr':
      return 'an address'
    case 'named':
      return `a \`${type.name}\``
    case 'any':
    case 'int':
    case 'interval':
    case 'enum':
    case 'opaque':
      return `an ${typeText(type)}`
    default:
      return `a ${typeText(type)}`
  }
}
