/** Types of options. */
import type { Address, Port } from '../data/address.js'
import type { PoolSpec } from './pool-settings.js'
import type { StoreSettings } from './store-settings.js'

/** The types an option can have, and the JavaScript type of their values. Intervals are seconds. */
export interface OptionTypes {
  bool: boolean
  count: bigint
  interval: number
  string: string
  addr: Address
  port: Port
  /** Full names: `Broker::SQLITE`. */
  enum: string
  'set[string]': ReadonlySet<string>
  'table[string] of Cluster::StoreInfo': ReadonlyMap<string, StoreSettings>
  'Cluster::PoolSpec': PoolSpec
}

export type OptionType = keyof OptionTypes
