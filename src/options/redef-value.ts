/** Values of Zeek's script language, as layouts, the command line and code give them to options. */
import type { Address, Port, Subnet } from '../data/address.js'

/** A value before it is known whether it fits the option that it is for. */
export type RedefValue =
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'count'; readonly value: bigint }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  /** Seconds. */
  | { readonly type: 'interval'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'addr'; readonly value: Address }
  | { readonly type: 'subnet'; readonly value: Subnet }
  | { readonly type: 'port'; readonly value: Port }
  /** Full name: `Broker::SQLITE`. */
  | { readonly type: 'enum'; readonly value: string }
  /** Fields by their names; undefined: the field exists and is not set. */
  | { readonly type: 'record'; readonly value: ReadonlyMap<string, RedefValue | undefined> }
  | { readonly type: 'table'; readonly value: readonly (readonly [key: RedefValue, value: RedefValue])[] }
  /** `{ "a", "b" }`. The index of a table or set with several parts is a `vector` of them. */
  | { readonly type: 'set'; readonly value: readonly RedefValue[] }
  | { readonly type: 'vector'; readonly value: readonly RedefValue[] }

/** The fields of a record that are set. */
export function setFields(
  fields: ReadonlyMap<string, RedefValue | undefined>,
): (readonly [name: string, value: RedefValue])[] {
  return [...fields].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}

/** `redef NAME = VALUE;`, or with `+=` or `-=`. */
export interface Redef {
  /** Full name, for example `Cluster::retry_interval`. */
  readonly name: string
  /** Default `=`. The others add to, or take from, a table, set or vector. */
  readonly operator?: '=' | '+=' | '-='
  readonly value: RedefValue
}
