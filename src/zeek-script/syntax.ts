/**
 * The syntax tree of a script: expressions and the statements that declare something. Bodies of functions are not
 * part of it.
 */
import type { RedefValue } from '../options/registry.js'
import type { SourceSpan } from './diagnostics.js'
import type { Attribute, EnumName, RecordField, ZeekType } from './zeek-type.js'

/** A value that one token stands for. */
export type ScalarValue = Exclude<
  RedefValue,
  { readonly type: 'enum' | 'record' | 'table' | 'set' | 'vector' }
>

export type UnaryOperator = '!' | '-' | '+' | '~'

export type BinaryOperator =
  | '*'
  | '/'
  | '%'
  | '+'
  | '-'
  | '<<'
  | '>>'
  | '&'
  | '^'
  | '|'
  | 'in'
  | '!in'
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  | '&&'
  | '||'

export type Expression =
  | { readonly kind: 'constant'; readonly value: ScalarValue; readonly span: SourceSpan }
  /** As written, with or without its module. */
  | { readonly kind: 'name'; readonly name: string; readonly span: SourceSpan }
  | RecordExpression
  /** `[1, 2]`: a vector, or an index of several parts. */
  | { readonly kind: 'list'; readonly elements: readonly Expression[]; readonly span: SourceSpan }
  | BracesExpression
  | CallExpression
  | {
      readonly kind: 'unary'
      readonly operator: UnaryOperator
      readonly operand: Expression
      readonly span: SourceSpan
    }
  /** `|x|`. */
  | { readonly kind: 'size'; readonly operand: Expression; readonly span: SourceSpan }
  | BinaryExpression
  | {
      readonly kind: 'conditional'
      readonly condition: Expression
      readonly whenTrue: Expression
      readonly whenFalse: Expression
      readonly span: SourceSpan
    }
  /** `x$name`, or `x?$name` with `isTest`. */
  | {
      readonly kind: 'field'
      readonly record: Expression
      readonly name: string
      readonly isTest: boolean
      readonly span: SourceSpan
    }
  | {
      readonly kind: 'index'
      readonly target: Expression
      readonly indexes: readonly Expression[]
      readonly span: SourceSpan
    }
  /** `x as type`, or `x is type` with `isTest`. */
  | {
      readonly kind: 'cast'
      readonly operand: Expression
      readonly type: ZeekType
      readonly isTest: boolean
      readonly span: SourceSpan
    }
  /** Zeek's, and not supported here: reported when its value is needed. */
  | { readonly kind: 'unsupported'; readonly what: string; readonly span: SourceSpan }
  /** Reported already: nothing more is to be said about it. */
  | { readonly kind: 'unknown'; readonly span: SourceSpan }

/** `[$field=value, …]`. */
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

/** `{ … }`, `table(…)`, `set(…)` or `vector(…)`. Which of the first it is depends on where it stands. */
export interface BracesExpression {
  readonly kind: 'braces'
  readonly word: 'table' | 'set' | 'vector' | undefined
  readonly elements: readonly Element[]
  /** Keys of entries that could not be read to their end. */
  readonly brokenKeys: readonly string[]
  /** False when elements are missing because they could not be read. */
  readonly isComplete: boolean
  readonly span: SourceSpan
}

/** `[key] = value`, or a value alone. */
export interface Element {
  readonly key: Expression | undefined
  readonly value: Expression
}

/** `name(…)`: a function, or the constructor of a type. */
export interface CallExpression {
  readonly kind: 'call'
  readonly name: string
  readonly nameSpan: SourceSpan
  readonly arguments: Arguments
  readonly span: SourceSpan
}

export type Arguments =
  | { readonly kind: 'fields'; readonly fields: readonly Field[] }
  | { readonly kind: 'elements'; readonly elements: readonly Element[] }

export interface BinaryExpression {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: Expression
  readonly right: Expression
  readonly span: SourceSpan
}

export type RedefOperator = '=' | '+=' | '-='

/** A name where it is declared or redefined. */
export interface NamePlace {
  /** As written. */
  readonly name: string
  readonly span: SourceSpan
}

export type Statement =
  | { readonly kind: 'module'; readonly target: NamePlace }
  | RedefStatement
  | VariableStatement
  | {
      readonly kind: 'type'
      readonly target: NamePlace
      readonly type: ZeekType
      readonly attributes: readonly Attribute[]
      readonly docs: readonly string[]
    }
  | { readonly kind: 'redef-enum'; readonly target: NamePlace; readonly names: readonly EnumName[] }
  | { readonly kind: 'redef-record'; readonly target: NamePlace; readonly fields: readonly RecordField[] }
  /** A function, hook or event handler; its body is skipped. */
  | {
      readonly kind: 'function'
      readonly flavour: 'function' | 'hook' | 'event'
      readonly target: NamePlace
      readonly parameters: readonly RecordField[]
      readonly docs: readonly string[]
    }
  /** Something about this name could not be read; it has been reported. */
  | { readonly kind: 'broken'; readonly target: NamePlace }

export interface RedefStatement {
  readonly kind: 'redef'
  readonly target: NamePlace
  readonly type: ZeekType | undefined
  readonly operator: RedefOperator
  readonly value: Expression
}

/** `const`, `global` or `option`. */
export interface VariableStatement {
  readonly kind: 'variable'
  readonly word: string
  readonly target: NamePlace
  readonly type: ZeekType | undefined
  readonly value: Expression | undefined
  readonly attributes: readonly Attribute[]
  readonly docs: readonly string[]
}
