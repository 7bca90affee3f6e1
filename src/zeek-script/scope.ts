/** What the names of a script mean, by module. */
import type { RedefValue } from '../options/registry.js'
import type { BuiltIn } from './built-ins.js'
import { BUILT_INS } from './built-ins.js'
import type { SourceSpan } from './diagnostics.js'
import type { Literal } from './literal.js'
import type { RedefOperator } from './syntax.js'
import type { RecordField, ZeekType } from './zeek-type.js'

/** What is there before the script. */
export interface Names {
  /** The present value of a full name; `unknown` when the script has made it so. */
  value(name: string): RedefValue | 'unknown' | undefined
  type(name: string): ZeekType | undefined
  function(name: string): BuiltIn | undefined
  /** Names to choose from when one is misspelt. */
  names(): Iterable<string>
}

/** As `Names`, with what becomes of redefs. */
export interface World extends Names {
  redef(redef: EvaluatedRedef): void
  /** `redef record`. False when there is no such record. */
  addFields(record: string, fields: readonly RecordField[]): boolean
}

/** A redef of something that the script has not declared itself. */
export interface EvaluatedRedef {
  /** Full name. */
  readonly name: string
  /** As written. */
  readonly writtenName: string
  readonly nameSpan: SourceSpan
  readonly operator: RedefOperator
  readonly value: Literal
}

/** A `const`, `global` or `option` of the script. */
export interface Variable {
  readonly type: ZeekType | undefined
  readonly value: RedefValue | 'unset' | 'unknown'
  /** What an index gives that is not in the table. */
  readonly default: RedefValue | undefined
  readonly isRedefinable: boolean
}

export type Meaning =
  | { readonly kind: 'variable'; readonly name: string; readonly variable: Variable }
  | { readonly kind: 'value'; readonly name: string; readonly value: RedefValue | 'unknown' }
  | { readonly kind: 'enum'; readonly name: string }
  /** A foreign type is one of the world: whoever gets a record of it checks its fields. */
  | { readonly kind: 'type'; readonly name: string; readonly type: ZeekType; readonly isForeign: boolean }
  | { readonly kind: 'function'; readonly name: string; readonly function: BuiltIn }
  /** Declared, but nothing can be done with it. */
  | { readonly kind: 'opaque'; readonly name: string; readonly what: string }

const STRINGS: ZeekType = { kind: 'string' }

/** Names that Zeek itself has: transport protocols, and types for what has no literal. */
const GLOBAL_ENUMS: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'unknown_transport'])
const GLOBAL_TYPES: ReadonlyMap<string, ZeekType> = new Map<string, ZeekType>([
  ['transport_proto', { kind: 'enum', names: [] }],
  ['string_vec', { kind: 'vector', element: STRINGS }],
  ['string_set', { kind: 'set', index: [STRINGS] }],
  ['string_array', { kind: 'table', index: [STRINGS], element: STRINGS }],
  ['addr_vec', { kind: 'vector', element: { kind: 'addr' } }],
  ['addr_set', { kind: 'set', index: [{ kind: 'addr' }] }],
  ['count_set', { kind: 'set', index: [{ kind: 'count' }] }],
  ['index_vec', { kind: 'vector', element: { kind: 'count' } }],
  ['subnet_set', { kind: 'set', index: [{ kind: 'subnet' }] }],
])

/** So many of the names of a script are compared with a misspelt one: the last. */
const NAMES_MAX = 500

export class Scope {
  readonly #world: Names
  readonly #variables = new Map<string, Variable>()
  readonly #types = new Map<string, ZeekType>()
  readonly #enums = new Set<string>()
  readonly #opaque = new Map<string, string>()
  /** The module that declarations go to; empty for none. */
  moduleName = ''

  constructor(world: Names) {
    this.#world = world
  }

  /** The full name that a declaration in the present module gives. */
  fullName(name: string): string {
    if (name.startsWith('::')) return name.slice(2)
    return name.includes('::') || this.moduleName === '' ? name : `${this.moduleName}::${name}`
  }

  /** What a name means where it is used: the module's own comes first. */
  find(name: string): Meaning | undefined {
    const full = this.fullName(name)
    return this.#meaning(full) ?? (full === name || name.startsWith('::') ? undefined : this.#meaning(name))
  }

  #meaning(name: string): Meaning | undefined {
    const variable = this.#variables.get(name)
    if (variable !== undefined) return { kind: 'variable', name, variable }
    const own = this.#types.get(name)
    if (own !== undefined) return { kind: 'type', name, type: own, isForeign: false }
    if (this.#enums.has(name) || GLOBAL_ENUMS.has(name)) return { kind: 'enum', name }
    const what = this.#opaque.get(name)
    if (what !== undefined) return { kind: 'opaque', name, what }
    const value = this.#world.value(name)
    if (value !== undefined) return { kind: 'value', name, value }
    const builtIn = this.#world.function(name) ?? BUILT_INS.get(name)
    if (builtIn !== undefined) return { kind: 'function', name, function: builtIn }
    const foreign = this.#world.type(name)
    if (foreign !== undefined) return { kind: 'type', name, type: foreign, isForeign: true }
    const type = GLOBAL_TYPES.get(name)
    return type && { kind: 'type', name, type, isForeign: false }
  }

  setVariable(name: string, variable: Variable): void {
    this.#variables.set(name, variable)
  }

  setType(name: string, type: ZeekType): void {
    this.#types.set(name, type)
    if (type.kind === 'enum') this.addEnumNames(type.names.map((each) => each.name))
  }

  /** Full names. */
  addEnumNames(names: Iterable<string>): void {
    for (const name of names) this.#enums.add(name)
  }

  /** Declares a name that has no value here: a function. */
  setOpaque(name: string, what: string): void {
    if (this.#meaning(name) === undefined) this.#opaque.set(name, what)
  }

  /** What a type is that may be a name; undefined when the name is not known. */
  resolve(type: ZeekType): ZeekType | undefined {
    let result = type
    for (let steps = 0; result.kind === 'named'; steps += 1) {
      const meaning = this.find(`::${result.name}`)
      if (meaning?.kind !== 'type' || steps > 100) return undefined
      result = meaning.type
    }
    return result
  }

  /** Names to choose from when one is misspelt; those of built-in functions are not among them. */
  *names(): Iterable<string> {
    const own = [...this.#variables.keys(), ...this.#types.keys(), ...this.#enums]
    for (const name of own.slice(-NAMES_MAX)) {
      yield name
      const prefix = `${this.moduleName}::`
      if (name.startsWith(prefix)) yield name.slice(prefix.length)
    }
    yield* this.#world.names()
  }
}
