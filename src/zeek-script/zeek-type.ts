/** Zeek's types, as declarations write them. */
import type { SourceSpan } from './diagnostics.js'
import type { Expression } from './syntax.js'

/** Types that have no parts. */
export const SIMPLE_TYPES = [
  'any',
  'bool',
  'count',
  'int',
  'double',
  'time',
  'interval',
  'string',
  'pattern',
  'addr',
  'subnet',
  'port',
  'void',
] as const

export type SimpleTypeName = (typeof SIMPLE_TYPES)[number]

export type ZeekType =
  | { readonly kind: SimpleTypeName }
  /** A type with a name. The name is the full one once the declaration has been resolved. */
  | { readonly kind: 'named'; readonly name: string; readonly span: SourceSpan }
  | { readonly kind: 'record'; readonly fields: readonly RecordField[] }
  | { readonly kind: 'enum'; readonly names: readonly EnumName[] }
  | { readonly kind: 'table'; readonly index: readonly ZeekType[]; readonly element: ZeekType }
  | { readonly kind: 'set'; readonly index: readonly ZeekType[] }
  | { readonly kind: 'vector'; readonly element: ZeekType }
  | { readonly kind: 'file'; readonly element: ZeekType | undefined }
  | { readonly kind: 'opaque'; readonly name: string }
  | {
      readonly kind: 'function'
      readonly flavour: 'function' | 'hook' | 'event'
      readonly parameters: readonly RecordField[]
      readonly result: ZeekType | undefined
    }

/** A field of a record, or a parameter. */
export interface RecordField {
  readonly name: string
  readonly type: ZeekType
  readonly isOptional: boolean
  /** `&log` on the field or on the whole record. */
  readonly isLogged: boolean
  /** The value of `&default`. */
  readonly default: Expression | undefined
  /** Its documenting comments, a line each. */
  readonly docs: readonly string[]
}

export interface EnumName {
  readonly name: string
  /** The number that the declaration gives it. */
  readonly value: bigint | undefined
  readonly docs: readonly string[]
}

/** `&name`, or `&name=value`. */
export interface Attribute {
  /** With its `&`. */
  readonly name: string
  readonly value: Expression | undefined
  readonly span: SourceSpan
}

/** The type with every name in it replaced by what `resolve` makes of it. */
export function resolveNames(type: ZeekType, resolve: (name: string) => string): ZeekType {
  const inner = (part: ZeekType): ZeekType => resolveNames(part, resolve)
  const fields = (list: readonly RecordField[]): RecordField[] =>
    list.map((field) => ({ ...field, type: inner(field.type) }))
  switch (type.kind) {
    case 'named':
      return { ...type, name: resolve(type.name) }
    case 'record':
      return { ...type, fields: fields(type.fields) }
    case 'table':
      return { ...type, index: type.index.map(inner), element: inner(type.element) }
    case 'set':
      return { ...type, index: type.index.map(inner) }
    case 'vector':
      return { ...type, element: inner(type.element) }
    case 'file':
      return { ...type, element: type.element && inner(type.element) }
    case 'function':
      return { ...type, parameters: fields(type.parameters), result: type.result && inner(type.result) }
    case 'enum':
    case 'opaque':
      return type
    default:
      return type
  }
}

/** A type as a script writes it. */
export function typeText(type: ZeekType): string {
  switch (type.kind) {
    case 'named':
      return type.name
    case 'record':
      return 'record'
    case 'enum':
      return 'enum'
    case 'table':
      return `table[${type.index.map(typeText).join(', ')}] of ${typeText(type.element)}`
    case 'set':
      return `set[${type.index.map(typeText).join(', ')}]`
    case 'vector':
      return `vector of ${typeText(type.element)}`
    case 'file':
      return 'file'
    case 'opaque':
      return `opaque of ${type.name}`
    case 'function':
      return type.flavour
    default:
      return type.kind
  }
}
