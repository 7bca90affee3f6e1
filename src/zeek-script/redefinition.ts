/** What a `redef` makes of the value that is there. */
import type { RedefValue } from '../options/registry.js'
import { convert, describeType } from './conversion.js'
import type { SourceSpan } from './diagnostics.js'
import type { Evaluator } from './evaluator.js'
import type { Literal } from './literal.js'
import { binary, isProblem } from './operators.js'
import type { Variable } from './scope.js'
import type { RedefOperator } from './syntax.js'
import { keyOf } from './values.js'
import type { ZeekType } from './zeek-type.js'

/** What is redefined: its full name, and where the redef names it. */
export interface RedefPlace {
  readonly name: string
  readonly span: SourceSpan
}

/** The new value of a variable; undefined when there is none, which has been reported. */
export function redefined(
  variable: Pick<Variable, 'type' | 'value'>,
  operator: RedefOperator,
  literal: Literal,
  place: RedefPlace,
  evaluator: Evaluator,
): RedefValue | undefined {
  const what = `\`${place.name}\``
  const type: ZeekType = variable.type ?? { kind: 'any' }
  if (operator === '=') return convert(literal, type, what, evaluator)
  const { value: old } = variable
  if (old === 'unknown' || literal.kind === 'unknown') return undefined
  if (old === 'unset') {
    evaluator.report.error(
      'no-value',
      `${what} has no value to which \`${operator}\` could be applied`,
      place.span,
    )
    return undefined
  }
  switch (old.type) {
    case 'table':
    case 'set': {
      const change = convert(literal, type, what, evaluator)
      if (change?.type !== 'table' && change?.type !== 'set') return undefined
      return evaluator.made(operator === '+=' ? added(old, change) : removed(old, change), literal.span)
    }
    case 'vector':
      return operator === '+='
        ? appended(old.value, literal, type, what, evaluator)
        : refuse(operator, type, place, evaluator)
    case 'bool':
    case 'record':
    case 'enum':
    case 'addr':
    case 'subnet':
    case 'port':
      return refuse(operator, type, place, evaluator)
    case 'count':
    case 'int':
    case 'double':
    case 'interval':
    case 'string': {
      const change = evaluator.valueOf(literal)
      if (change === undefined) return undefined
      const result = binary(operator === '+=' ? '+' : '-', old, change)
      if (isProblem(result)) {
        evaluator.report.error(result.code ?? 'bad-value', result.problem, literal.span)
        return undefined
      }
      const { span } = literal
      const value = evaluator.made(result, span)
      return value && convert({ kind: 'constant', value, span }, type, what, evaluator)
    }
  }
}

type Keyed = RedefValue & { readonly type: 'table' | 'set' }

function added(old: Keyed, change: Keyed): RedefValue {
  if (old.type === 'set' && change.type === 'set')
    return { type: 'set', value: [...old.value, ...change.value] }
  if (old.type === 'table' && change.type === 'table') {
    return { type: 'table', value: [...old.value, ...change.value] }
  }
  return old
}

function removed(old: Keyed, change: Keyed): RedefValue {
  const keys = new Set(
    change.type === 'set' ? change.value.map(keyOf) : change.value.map(([key]) => keyOf(key)),
  )
  return old.type === 'set'
    ? { type: 'set', value: old.value.filter((element) => !keys.has(keyOf(element))) }
    : { type: 'table', value: old.value.filter(([key]) => !keys.has(keyOf(key))) }
}

/** A list is appended whole; anything else is one more element. */
function appended(
  old: readonly RedefValue[],
  literal: Literal,
  type: ZeekType,
  what: string,
  evaluator: Evaluator,
): RedefValue | undefined {
  const target = evaluator.resolve(type)
  const element: ZeekType = target?.kind === 'vector' ? target.element : { kind: 'any' }
  const isList =
    literal.kind === 'list' ||
    ((literal.kind === 'set' || literal.kind === 'table') && literal.isBraces) ||
    (literal.kind === 'constant' && literal.value.type === 'vector')
  const change = isList
    ? convert(literal, { kind: 'vector', element }, what, evaluator)
    : convert(literal, element, `an element of ${what}`, evaluator)
  if (change === undefined) return undefined
  const elements = isList && change.type === 'vector' ? change.value : [change]
  return evaluator.made({ type: 'vector', value: [...old, ...elements] }, literal.span)
}

function refuse(operator: RedefOperator, type: ZeekType, place: RedefPlace, evaluator: Evaluator): undefined {
  const change = operator === '+=' ? 'adds to' : 'takes from'
  const message = `\`${operator}\` ${change} tables, sets, lists and numbers, and \`${place.name}\` is ${describeType(type)}: write \`=\``
  evaluator.report.error('wrong-type', message, place.span)
  return undefined
}
