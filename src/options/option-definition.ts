import type { Dialect } from './dialect.js'
import type { OptionType, OptionTypes } from './option-type.js'

/** A redefinable option: what it is called, what it can be, and what it is when nobody says anything. */
export interface OptionDefinition<Type extends OptionType = OptionType> {
  /** Full Zeek name. */
  readonly name: string
  readonly type: Type
  readonly default: (dialect: Dialect) => OptionTypes[Type]
  /** The only values that the option can have. */
  readonly values?: readonly OptionTypes[Type][]
  /** Environment variables; the first that is set counts. They beat every redef, but see `environmentIsDefault`. */
  readonly environment?: readonly string[]
  /** The environment only gives the default (spec/cluster-framework.md 2.5). */
  readonly environmentIsDefault?: true
  /** What an environment text means; undefined when it is not valid. */
  readonly fromEnvironment?: (text: string) => OptionTypes[Type] | undefined
}

/** Keeps the type of the option's values. */
export function option<Type extends OptionType>(definition: OptionDefinition<Type>): OptionDefinition<Type> {
  return definition
}
