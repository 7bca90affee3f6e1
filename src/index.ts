/** zeek-cluster: every node of a Zeek cluster, in TypeScript. */
export type { BusStatus, EndpointInfo, PublishOutcome, StatusCode } from './bus/bus.js'
export type {
  ClusterEvents,
  ClusterHealth,
  IdentifierUpdate,
  UpdateOutcome,
  WebSocketClientInfo,
} from './cluster/cluster-events.js'
export { CLUSTER_LOG_COLUMNS, type ClusterInfo } from './cluster/framework-logs.js'
export { type PoolKey, poolKey, type TypedKey } from './cluster/hash.js'
export type { NodeId } from './cluster/membership.js'
export type { Pool } from './cluster/pools.js'
export type { ClusterNode } from './cluster/roll-call.js'
export type { ScriptOption } from './cluster/script-options.js'
export type { CreateStoreOptions, StoreInfo } from './cluster/stores.js'
export { CONN_COLUMNS, type ConnRecord } from './data/conn-record.js'
export * from './data/index.js'
export { NODE_TYPES, type NodeType } from './layout/node-type.js'
export type { LogPriority } from './logging/delivery/delivery-settings.js'
export { type LogValue, readLogRecord } from './logging/log-values.js'
export type { Logs } from './logging/logs.js'
export type { Columns } from './logging/streams/columns.js'
export type {
  LogExtension,
  LogFilter,
  LogPolicy,
  LogStream,
  StreamOptions,
} from './logging/streams/log-filter.js'
export { LogConfigError } from './logging/writers/log-config-error.js'
export type {
  LogConfig,
  LogFileDescription,
  LogFormatter,
  LogOutput,
  LogWriter,
  PreparedChunk,
} from './logging/writers/log-writer.js'
export { Cluster, type ClusterStartOptions } from './node/cluster-start.js'
export type { Script } from './node/script.js'
export { DIALECT_NAMES, type DialectName } from './options/dialect.js'
export type { PoolSpec } from './options/pool-settings.js'
export type { Redef, RedefValue } from './options/redef-value.js'
export { defaultOptions, type Options } from './options/registry.js'
export {
  BACKEND_TYPES,
  type BackendOptions,
  type BackendType,
  type StoreSettings,
} from './options/store-settings.js'
export type { Backend, Change, Durability, StoredEntry } from './store/backends/backend.js'
export type { StoreCounters } from './store/engine.js'
export type { StoreLimits } from './store/limits.js'
export type {
  Store,
  StoreChange,
  StoreEntry,
  WaitOptions,
  WatchOptions,
  WriteOptions,
} from './store/store.js'
export type { StoreData } from './store/store-data.js'
export { StoreError, type StoreErrorCode } from './store/store-error.js'
