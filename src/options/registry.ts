/**
 * Every redefinable option of the framework: Zeek's name, type, default by dialect and environment variables.
 * The layout, the command line and the node all read this table, so that an option exists in one place.
 *
 * Precedence, lowest first: the dialect's default, `redef` in the layout in order of appearance, `redef` on the
 * command line, what the code that starts a node gives, the environment; where Zeek reads the environment for the
 * default only, all the others beat it. After the start they are fixed.
 */
import { ClusterError } from '../base/errors.js'
import { DIALECTS, type Dialect } from './dialect.js'
import { fitValue } from './fit-value.js'
import { LOGGING_OPTIONS } from './logging-options.js'
import { type OptionDefinition, option } from './option-definition.js'
import type { OptionType, OptionTypes } from './option-type.js'
import type { PoolNodeType } from './pool-settings.js'
import type { Redef, RedefValue } from './redef-value.js'
import { BACKEND_TYPES, type StoreSettings } from './store-settings.js'

export type { OptionDefinition } from './option-definition.js'
export type { OptionType, OptionTypes } from './option-type.js'
export type { Redef, RedefValue } from './redef-value.js'

function topic(name: string, rest: string): OptionDefinition<'string'> {
  return option({ name, type: 'string', default: (dialect) => `${dialect.topicRoot}/${rest}` })
}

function poolSpec(name: string, nodeType: PoolNodeType): OptionDefinition<'Cluster::PoolSpec'> {
  return option({
    name,
    type: 'Cluster::PoolSpec',
    default: ({ topicRoot }) => ({ topic: `${topicRoot}/cluster/pool/${nodeType.toLowerCase()}`, nodeType }),
  })
}

/** Whole seconds, 0 or more; 0 means never retry (spec/cluster-framework.md 2.5). */
function wholeSeconds(text: string): number | undefined {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text.trim()) : undefined
}

export const OPTIONS = {
  /** Distribute log records over the loggers, one after the other (`Cluster::enable_round_robin_logging`). */
  enableRoundRobinLogging: option({
    name: 'Cluster::enable_round_robin_logging',
    type: 'bool',
    default: () => true,
  }),
  loggerTopic: topic('Cluster::logger_topic', 'cluster/logger'),
  managerTopic: topic('Cluster::manager_topic', 'cluster/manager'),
  proxyTopic: topic('Cluster::proxy_topic', 'cluster/proxy'),
  workerTopic: topic('Cluster::worker_topic', 'cluster/worker'),
  timeMachineTopic: topic('Cluster::time_machine_topic', 'cluster/time_machine'),
  nodeTopicPrefix: topic('Cluster::node_topic_prefix', 'cluster/node/'),
  nodeidTopicPrefix: topic('Cluster::nodeid_topic_prefix', 'cluster/nodeid/'),
  /** The manager takes the role of the logger (`Cluster::manager_is_logger`). */
  managerIsLogger: option({ name: 'Cluster::manager_is_logger', type: 'bool', default: () => true }),
  /** Name of the local node; empty: no cluster (`Cluster::node`). */
  node: option({
    name: 'Cluster::node',
    type: 'string',
    default: () => '',
    environment: ['CLUSTER_NODE'],
    environmentIsDefault: true,
    fromEnvironment: (text) => text,
  }),
  /** Backend of stores for which nothing else is said (`Cluster::default_backend`). */
  defaultBackend: option({
    name: 'Cluster::default_backend',
    type: 'enum',
    default: () => 'Broker::MEMORY',
    values: BACKEND_TYPES,
  }),
  /** Node that keeps the masters of stores; empty: the first manager (`Cluster::default_master_node`). */
  defaultMasterNode: option({ name: 'Cluster::default_master_node', type: 'string', default: () => '' }),
  /** Backend of persistent stores for which nothing else is said (`Cluster::default_persistent_backend`). */
  defaultPersistentBackend: option({
    name: 'Cluster::default_persistent_backend',
    type: 'enum',
    default: () => 'Broker::SQLITE',
    values: BACKEND_TYPES,
  }),
  /** Folder of the files of persistent stores; empty: none is set (`Cluster::default_store_dir`). */
  defaultStoreDir: option({ name: 'Cluster::default_store_dir', type: 'string', default: () => '' }),
  /** What is said beforehand about stores, by their names (`Cluster::stores`). */
  stores: option({
    name: 'Cluster::stores',
    type: 'table[string] of Cluster::StoreInfo',
    default: () => new Map<string, StoreSettings>(),
  }),
  /** Seconds between attempts to connect to another node; 0 is never (`Cluster::retry_interval`). */
  retryInterval: option({
    name: 'Cluster::retry_interval',
    type: 'interval',
    default: (dialect) => dialect.retryIntervalSeconds,
    environment: ['ZEEK_DEFAULT_CONNECT_RETRY', 'BRO_DEFAULT_CONNECT_RETRY'],
    fromEnvironment: wholeSeconds,
  }),
  proxyPoolSpec: poolSpec('Cluster::proxy_pool_spec', 'PROXY'),
  workerPoolSpec: poolSpec('Cluster::worker_pool_spec', 'WORKER'),
  loggerPoolSpec: poolSpec('Cluster::logger_pool_spec', 'LOGGER'),
  /** Plain TCP instead of TLS on every peering (`Broker::disable_ssl`). */
  disableSsl: option({ name: 'Broker::disable_ssl', type: 'bool', default: () => false }),
  /** PEM file: the own certificate, then its chain. With any of these five, peers authenticate each other. */
  sslCertificate: option({ name: 'Broker::ssl_certificate', type: 'string', default: () => '' }),
  /** PEM file: the private key (`Broker::ssl_keyfile`). */
  sslKeyfile: option({ name: 'Broker::ssl_keyfile', type: 'string', default: () => '' }),
  /** Of an encrypted key (`Broker::ssl_passphrase`). */
  sslPassphrase: option({ name: 'Broker::ssl_passphrase', type: 'string', default: () => '' }),
  /** PEM file: trusted authorities (`Broker::ssl_cafile`). */
  sslCafile: option({ name: 'Broker::ssl_cafile', type: 'string', default: () => '' }),
  /** Folder with trusted authorities (`Broker::ssl_capath`). */
  sslCapath: option({ name: 'Broker::ssl_capath', type: 'string', default: () => '' }),
  /** Pass messages of one peer on to others that subscribe them (`Broker::forward_messages`). */
  forwardMessages: option({ name: 'Broker::forward_messages', type: 'bool', default: () => false }),
  /** What happens to messages for a peer whose queue is full (`Broker::peer_overflow_policy`). */
  peerOverflowPolicy: option({
    name: 'Broker::peer_overflow_policy',
    type: 'string',
    default: () => 'drop_oldest',
    values: ['disconnect', 'drop_oldest', 'drop_newest'],
  }),
  /** Every event carries the time at which it was published (`EventMetadata::add_network_timestamp`). */
  addNetworkTimestamp: option({
    name: 'EventMetadata::add_network_timestamp',
    type: 'bool',
    default: () => false,
  }),
  /** Records of a stream that are sent as one message at most (`Broker::log_batch_size`). */
  logBatchSize: option({ name: 'Broker::log_batch_size', type: 'count', default: () => 400n }),
  /** Seconds that a record waits for its batch to fill at most (`Broker::log_batch_interval`). */
  logBatchInterval: option({ name: 'Broker::log_batch_interval', type: 'interval', default: () => 1 }),
  defaultLogTopicPrefix: topic('Broker::default_log_topic_prefix', 'logs/'),
  /** Address to listen on. Empty: the address that the layout gives the node (`Broker::default_listen_address`). */
  defaultListenAddress: option({
    name: 'Broker::default_listen_address',
    type: 'string',
    default: () => '',
    environment: ['ZEEK_DEFAULT_LISTEN_ADDRESS', 'BRO_DEFAULT_LISTEN_ADDRESS'],
    environmentIsDefault: true,
    fromEnvironment: (text) => text,
  }),
  /** Seconds between attempts to listen on a port in use; 0 is never (`Broker::default_listen_retry`). */
  defaultListenRetry: option({
    name: 'Broker::default_listen_retry',
    type: 'interval',
    default: (dialect) => dialect.listenRetrySeconds,
    environment: ['ZEEK_DEFAULT_LISTEN_RETRY', 'BRO_DEFAULT_LISTEN_RETRY'],
    fromEnvironment: (text) => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined),
  }),
  /** Seconds between attempts of a clone to find its master (`Broker::default_clone_resync_interval`). */
  defaultCloneResyncInterval: option({
    name: 'Broker::default_clone_resync_interval',
    type: 'interval',
    default: () => 10,
  }),
  /** Seconds without master after which reads at a clone fail; negative is never. */
  defaultCloneStaleInterval: option({
    name: 'Broker::default_clone_stale_interval',
    type: 'interval',
    default: () => 300,
  }),
  /** Seconds that writes at a clone wait for a master that is away at most; 0 is not at all. */
  defaultCloneMutationBufferInterval: option({
    name: 'Broker::default_clone_mutation_buffer_interval',
    type: 'interval',
    default: () => 120,
  }),
  ...LOGGING_OPTIONS,
  /** Commands that a peer may give that is no CONTROL node of the layout (spec/cluster-framework.md 4). */
  strangerCommands: option({
    name: 'Control::stranger_commands',
    type: 'set[string]',
    default: () => new Set(['id_value', 'peer_status', 'net_stats', 'shutdown']),
  }),
} as const

type OptionKey = keyof typeof OPTIONS

/** The value of every option of the framework, by its name in this library. */
export type Options = {
  readonly [Key in OptionKey]: (typeof OPTIONS)[Key] extends OptionDefinition<infer Type>
    ? OptionTypes[Type]
    : never
}

/** A redef or an environment variable that does not fit its option. */
export interface OptionProblem {
  readonly name: string
  readonly message: string
}

const byZeekName = new Map<string, OptionKey>(
  (Object.keys(OPTIONS) as OptionKey[]).map((key) => [OPTIONS[key].name, key]),
)

/** The definition of an option by its Zeek name, or undefined. */
export function findOption(zeekName: string): OptionDefinition | undefined {
  const key = byZeekName.get(zeekName)
  return key === undefined ? undefined : OPTIONS[key]
}

/**
 * The value of a redef as the option's type, or undefined when it does not fit. `previous` is what `+=` adds to and
 * `-=` takes from.
 */
export function fitRedef<Type extends OptionType>(
  type: Type,
  redef: RedefValue,
  operator: NonNullable<Redef['operator']> = '=',
  previous?: OptionTypes[Type],
): OptionTypes[Type] | undefined {
  return fitValue(type, redef, operator, previous)
}

/** Computes all options. Redefs of names that this table does not know are skipped. */
export function resolveOptions(settings: {
  readonly dialect: Dialect
  readonly redefs?: readonly Redef[]
  /** Values by their names in this library. */
  readonly given?: Partial<Options>
  readonly environment?: Readonly<Record<string, string | undefined>>
}): { readonly options: Options; readonly problems: readonly OptionProblem[] } {
  const problems: OptionProblem[] = []
  const values: Record<string, unknown> = {}
  for (const [key, definition] of Object.entries(OPTIONS) as [OptionKey, OptionDefinition][]) {
    values[key] = definition.default(settings.dialect)
  }
  const applyEnvironment = (asDefault: boolean): void => {
    for (const [key, definition] of Object.entries(OPTIONS) as [OptionKey, OptionDefinition][]) {
      if ((definition.environmentIsDefault ?? false) !== asDefault) continue
      const variable = definition.environment?.find((name) => settings.environment?.[name] !== undefined)
      if (variable === undefined) continue
      const text = settings.environment?.[variable] ?? ''
      const value = definition.fromEnvironment?.(text)
      if (value === undefined) {
        problems.push({
          name: definition.name,
          message: `environment variable ${variable} is not valid: '${text}'`,
        })
      } else {
        values[key] = value
      }
    }
  }
  applyEnvironment(true)
  for (const redef of settings.redefs ?? []) {
    const key = byZeekName.get(redef.name)
    if (key === undefined) continue
    const definition: OptionDefinition = OPTIONS[key]
    const value = fitRedef(definition.type, redef.value, redef.operator, values[key] as never)
    if (value === undefined) {
      const message = `${redef.name} is of type ${definition.type}, not ${redef.value.type}`
      problems.push({ name: redef.name, message })
    } else if (definition.values?.includes(value) === false) {
      const message = `${redef.name} cannot be '${value}', only ${definition.values.join(', ')}`
      problems.push({ name: redef.name, message })
    } else {
      values[key] = value
    }
  }
  for (const [key, value] of Object.entries(settings.given ?? {})) {
    if (Object.hasOwn(OPTIONS, key)) values[key] = value
    else problems.push({ name: key, message: `there is no option ${key}` })
  }
  applyEnvironment(false)
  return { options: fixed(values) as Options, problems }
}

/** Properties that can be read only: an assignment says what is wrong with it. */
function fixed(values: Readonly<Record<string, unknown>>): object {
  const options = {}
  for (const [key, value] of Object.entries(values)) {
    const { name } = OPTIONS[key as OptionKey]
    Object.defineProperty(options, key, {
      enumerable: true,
      get: () => value,
      set() {
        const message = `${name} cannot be changed after the start: redefine it in the layout or on the command line`
        throw new ClusterError('option-fixed', message, { name })
      },
    })
  }
  return options
}

/** The options of a dialect with nothing redefined. */
export function defaultOptions(name: keyof typeof DIALECTS): Options {
  return resolveOptions({ dialect: DIALECTS[name] }).options
}
