/** What `Cluster::stores` says about a store before it is created (`Cluster::StoreInfo` of the reference page). */

/** `Broker::BackendType`. */
export const BACKEND_TYPES = ['Broker::MEMORY', 'Broker::SQLITE', 'Broker::ROCKSDB'] as const

export type BackendType = (typeof BACKEND_TYPES)[number]

/** `Broker::BackendOptions`; an empty path is none. */
export interface BackendOptions {
  readonly sqlite: { readonly path: string }
  readonly rocksdb: { readonly path: string }
}

/** The fields that are given; all others have their defaults. Intervals are seconds. */
export interface StoreSettings {
  readonly masterNode?: string
  readonly master?: boolean
  readonly backend?: BackendType
  readonly options?: {
    readonly sqlite?: { readonly path?: string }
    readonly rocksdb?: { readonly path?: string }
  }
  readonly cloneResyncInterval?: number
  readonly cloneStaleInterval?: number
  readonly cloneMutationBufferInterval?: number
}
