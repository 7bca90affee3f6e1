/**
 * The syntax tree of a layout file: only what a layout is made of. A construct that the parser does not know has
 * been reported by it and is an `unknown` expression, or is left out when it was a whole statement.
 */
import type { RedefValue } from '../options/registry.js'
import type { SourceSpan } from './diagnostics.js'

/** A value that stands for itself; names are expressions of their own, as they depend on the module. */
export type ConstantValue = Exclude<
  RedefValue,
  { readonly type: 'subnet' | 'enum' | 'record' | 'table' | 'set' | 'vector' }
>

export type Expression =
  | { readonly kind: 'constant'; readonly value: ConstantValue; readonly span: SourceSpan }
  | { readonly kind: 'name'; readonly name: string; readonly span: SourceSpan }
  | RecordExpression
  | TableExpression
  /** `[1, 2]`: known as a list, its elements are not looked at. */
  | { readonly kind: 'list'; readonly span: SourceSpan }
  /** Reported already: nothing more is to be said about it. */
  | { readonly kind: 'unknown'; readonly span: SourceSpan }

/** `[$field=value, …]` or `Cluster::Node($field=value, …)`. */
export interface RecordExpression {
  readonly kind: 'record'
  readonly fields: readonly Field[]
  readonly span: SourceSpan
}

export interface Field {
  readonly name: string
  readonly value: Expression
  /** The name with its `$`. */
  readonly span: SourceSpan
}

/** `{ ["key"] = value, … }`. */
export interface TableExpression {
  readonly kind: 'table'
  readonly entries: readonly Entry[]
  readonly span: SourceSpan
}

export interface Entry {
  readonly key: Expression
  readonly value: Expression
}

/** `redef name = value;`: the only statement of a layout so far. */
export interface RedefStatement {
  readonly name: string
  readonly nameSpan: SourceSpan
  readonly operator: '=' | '+='
  readonly value: Expression
}

export interface LayoutSyntax {
  readonly statements: readonly RedefStatement[]
  /** The module that a `module` statement names: names without a module belong to it from then on. */
  readonly moduleName: string | undefined
  /** Names of entries that could not be read to their end. */
  readonly brokenEntries: readonly string[]
  /** False when something was left out: then nothing can be concluded from what is missing. */
  readonly complete: boolean
}
