/**
 * What an expression comes down to: a value whose parts still know where they stand in the script, so that what is
 * wrong with one of them can be shown at its place.
 */
import { type RedefValue, setFields } from '../options/redef-value.js'
import type { SourceSpan } from './diagnostics.js'
import { shorten } from './token-stream.js'
import { describeValue } from './values.js'

export type Literal =
  | { readonly kind: 'constant'; readonly value: RedefValue; readonly span: SourceSpan }
  /** A name that nothing is known of: an enum's of a script that is not read, or a mistake. As written. */
  | { readonly kind: 'name'; readonly name: string; readonly span: SourceSpan }
  | RecordLiteral
  /** `[1, 2]` or `vector(1, 2)`. */
  | { readonly kind: 'list'; readonly elements: readonly Literal[]; readonly span: SourceSpan }
  | TableLiteral
  | SetLiteral
  /** Nothing more is to be said about it: it has been reported, or waits for a host name. */
  | { readonly kind: 'unknown'; readonly span: SourceSpan }

export interface RecordLiteral {
  readonly kind: 'record'
  readonly fields: readonly FieldLiteral[]
  /** Full name of the type that its constructor names; its fields have not been checked. */
  readonly typeName: string | undefined
  readonly span: SourceSpan
}

export interface FieldLiteral {
  readonly name: string
  readonly value: Literal
  /** The name with its `$`. */
  readonly span: SourceSpan
}

interface Braces {
  /** Written in braces: without elements it can be anything, and its elements can be those of a vector. */
  readonly isBraces: boolean
  readonly brokenKeys: readonly string[]
  /** False when elements are missing because they could not be read. */
  readonly isComplete: boolean
  readonly span: SourceSpan
}

export interface TableLiteral extends Braces {
  readonly kind: 'table'
  readonly entries: readonly EntryLiteral[]
}

export interface EntryLiteral {
  /** A list when the index has several parts. */
  readonly key: Literal
  readonly value: Literal
}

export interface SetLiteral extends Braces {
  readonly kind: 'set'
  readonly elements: readonly Literal[]
}

/** A container that is a value already, as a literal whose parts all stand where it stands; others as they are. */
export function opened(literal: Literal): Literal {
  if (literal.kind !== 'constant') return literal
  const { value, span } = literal
  const inner = (part: RedefValue): Literal => ({ kind: 'constant', value: part, span })
  const complete = { isBraces: false, brokenKeys: [], isComplete: true, span }
  switch (value.type) {
    case 'record': {
      const fields = setFields(value.value).map(([name, field]) => ({ name, value: inner(field), span }))
      return { kind: 'record', fields, typeName: undefined, span }
    }
    case 'table': {
      const entries = value.value.map(([key, element]) => ({
        key: openedKey(inner(key)),
        value: inner(element),
      }))
      return { kind: 'table', entries, ...complete }
    }
    case 'set':
      return { kind: 'set', elements: value.value.map(inner).map(openedKey), ...complete }
    case 'vector':
      return { kind: 'list', elements: value.value.map(inner), span }
    default:
      return literal
  }
}

function openedKey(key: Literal): Literal {
  return key.kind === 'constant' && key.value.type === 'vector' ? opened(key) : key
}

/** What it is, in a sentence. */
export function describeLiteral(literal: Literal): string {
  switch (literal.kind) {
    case 'constant':
      return literal.value.type === 'enum'
        ? `the name \`${literal.value.value}\``
        : describeValue(literal.value)
    case 'name':
      return `the name \`${shorten(literal.name)}\``
    case 'record':
      return 'a record'
    case 'table':
      return 'a table'
    case 'set':
      return 'a set'
    case 'list':
      return 'a list'
    case 'unknown':
      return 'this'
  }
}
