/** Types, fields and attributes of Zeek's language. */
import type { SourceSpan } from './diagnostics.js'
import { ExpressionParser } from './expression-parser.js'
import { type Report, spanThrough } from './source.js'
import { NESTING_MAX, SyntaxFailure, shorten, type TokenStream } from './token-stream.js'
import {
  type Attribute,
  type EnumName,
  type RecordField,
  SIMPLE_TYPES,
  type SimpleTypeName,
  type ZeekType,
} from './zeek-type.js'

type Writable<Object> = { -readonly [Key in keyof Object]: Object[Key] }

export class TypeParser {
  readonly #stream: TokenStream
  /** Reads expressions from the same stream. */
  readonly expressions: ExpressionParser
  #nesting = 0

  constructor(stream: TokenStream, report: Report) {
    this.#stream = stream
    this.expressions = new ExpressionParser(stream, report, () => this.type())
  }

  type(): ZeekType {
    this.#nesting += 1
    try {
      if (this.#nesting > NESTING_MAX) {
        const message = `more than ${NESTING_MAX} types are inside each other: the rest of the file is not read`
        this.#stream.exhaust(message, this.#stream.token.span)
        throw new SyntaxFailure()
      }
      return this.#type()
    } finally {
      this.#nesting -= 1
    }
  }

  #type(): ZeekType {
    const stream = this.#stream
    if (stream.atStatementStart) return stream.failUnexpected('a type', 'here')
    const { text, span } = stream.expectName('a type', 'here')
    if ((SIMPLE_TYPES as readonly string[]).includes(text)) return { kind: text as SimpleTypeName }
    switch (text) {
      case 'table': {
        const index = this.#indexTypes('table')
        this.#expectOf('table[…]')
        return { kind: 'table', index, element: this.type() }
      }
      case 'set':
        return { kind: 'set', index: this.#indexTypes('set') }
      case 'vector':
        this.#expectOf('vector')
        return { kind: 'vector', element: this.type() }
      case 'record':
        return { kind: 'record', fields: this.recordFields('record') }
      case 'enum':
        return { kind: 'enum', names: this.enumNames('enum') }
      case 'opaque':
        this.#expectOf('opaque')
        return { kind: 'opaque', name: stream.expectName('the name of a type', 'after `of`').text }
      case 'file':
        if (!stream.isWord('of')) return { kind: 'file', element: undefined }
        stream.advance()
        return { kind: 'file', element: this.type() }
      case 'function':
      case 'hook':
      case 'event':
        return this.functionType(text)
      default:
        return { kind: 'named', name: text, span }
    }
  }

  /** Parameters in parentheses, and the type of the result. */
  functionType(flavour: 'function' | 'hook' | 'event'): ZeekType & { readonly kind: 'function' } {
    const stream = this.#stream
    const parameters = this.parameters(flavour)
    if (!stream.is(':')) return { kind: 'function', flavour, parameters, result: undefined }
    stream.advance()
    return { kind: 'function', flavour, parameters, result: this.type() }
  }

  parameters(where: string): RecordField[] {
    const stream = this.#stream
    stream.expect('(', `behind \`${shorten(where)}\``)
    const parameters: RecordField[] = []
    while (!stream.is(')')) {
      parameters.push(this.#field('a parameter'))
      if (stream.is(',', ';')) stream.advance()
      else if (!stream.is(')')) stream.failMissing('`,` or `)`', 'behind the parameter')
    }
    stream.advance()
    return parameters
  }

  /** `{ name: type &attributes; … }`. */
  recordFields(where: string): RecordField[] {
    const stream = this.#stream
    stream.expect('{', `behind \`${shorten(where)}\``)
    const fields: Writable<RecordField>[] = []
    for (;;) {
      const docs = this.#docs(fields.at(-1))
      if (stream.is('}')) break
      fields.push({ ...this.#field('a field'), docs })
      stream.expect(';', 'behind the field')
    }
    stream.advance()
    return fields
  }

  /** `{ NAME, OTHER = 5, … }`. */
  enumNames(where: string): EnumName[] {
    const stream = this.#stream
    stream.expect('{', `behind \`${shorten(where)}\``)
    const names: Writable<EnumName>[] = []
    for (;;) {
      const docs = this.#docs(names.at(-1))
      if (stream.is('}')) break
      const name = stream.expectName('a name', 'in the enum').text
      names.push({ name, value: this.#enumValue(), docs })
      this.attributes()
      if (stream.is(',')) stream.advance()
      else {
        names.at(-1)!.docs = [...docs, ...this.#docs(undefined)]
        if (!stream.is('}')) stream.failMissing('`,` or `}`', 'in the enum')
      }
    }
    stream.advance()
    return names
  }

  #enumValue(): bigint | undefined {
    const stream = this.#stream
    if (!stream.is('=')) return undefined
    stream.advance()
    const { value } = stream.token
    if (value?.type !== 'count') return stream.failUnexpected('a count', 'as the value of the name')
    stream.advance()
    return value.value
  }

  /** `&name`s, each perhaps with a value. */
  attributes(): Attribute[] {
    const stream = this.#stream
    const attributes: Attribute[] = []
    while (stream.token.kind === 'attribute') {
      const { text: name, span } = stream.advance()
      const value = stream.is('=') ? this.#attributeValue() : undefined
      attributes.push({ name, value, span: spanThrough(span, stream.previous) })
    }
    return attributes
  }

  #attributeValue(): Attribute['value'] {
    this.#stream.advance()
    return this.expressions.value()
  }

  #field(what: string): RecordField {
    const stream = this.#stream
    const { text: name } = stream.expectName(`the name of ${what}`, 'here')
    stream.expect(':', `behind \`${shorten(name)}\``)
    const type = this.type()
    const attributes = this.attributes()
    const has = (attribute: string): boolean => attributes.some((candidate) => candidate.name === attribute)
    return {
      name,
      type,
      isOptional: has('&optional'),
      isLogged: has('&log'),
      default: attributes.find((attribute) => attribute.name === '&default')?.value,
      docs: [],
    }
  }

  /** The comments in front of what comes next; those about what came before go to `last`. */
  #docs(last: Writable<RecordField | EnumName> | undefined): string[] {
    const docs = this.#stream.takeDocs()
    const behind = docs.filter(({ isBehind }) => isBehind).map(({ text }) => text)
    if (last === undefined) return docs.map(({ text }) => text)
    last.docs = [...last.docs, ...behind]
    return docs.filter(({ isBehind }) => !isBehind).map(({ text }) => text)
  }

  #indexTypes(where: string): ZeekType[] {
    const stream = this.#stream
    stream.expect('[', `behind \`${where}\``)
    const types: ZeekType[] = []
    do {
      types.push(this.type())
      if (!stream.is(',')) break
      stream.advance()
    } while (!stream.is(']'))
    stream.expect(']', 'behind the types of the index')
    return types
  }

  #expectOf(where: string): SourceSpan {
    if (!this.#stream.isWord('of')) return this.#stream.failMissing('`of`', `behind \`${where}\``)
    return this.#stream.advance().span
  }
}
