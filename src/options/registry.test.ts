import { describe, expect, test } from 'vitest'
import { Port } from '../data/address.js'
import { DIALECT_NAMES, DIALECTS, isDialectName } from './dialect.js'
import {
  defaultOptions,
  findOption,
  fitRedef,
  OPTIONS,
  type Redef,
  type RedefValue,
  resolveOptions,
} from './registry.js'

const dialect = DIALECTS.reference

function interval(name: string, value: number): Redef {
  return { name, value: { type: 'interval', value } }
}

describe('defaults', () => {
  test('the reference page', () => {
    expect(defaultOptions('reference')).toMatchObject({
      enableRoundRobinLogging: true,
      loggerTopic: 'bro/cluster/logger',
      managerTopic: 'bro/cluster/manager',
      proxyTopic: 'bro/cluster/proxy',
      workerTopic: 'bro/cluster/worker',
      timeMachineTopic: 'bro/cluster/time_machine',
      nodeTopicPrefix: 'bro/cluster/node/',
      nodeidTopicPrefix: 'bro/cluster/nodeid/',
      managerIsLogger: true,
      node: '',
      retryInterval: 60,
    })
  })

  test('Zeek 9 has its own names and intervals', () => {
    expect(defaultOptions('zeek-9.0')).toMatchObject({
      workerTopic: 'zeek/cluster/worker',
      defaultLogTopicPrefix: 'zeek/logs/',
      retryInterval: 1,
      defaultListenRetry: 1,
    })
  })

  test('every option is found by its Zeek name, and no two share one', () => {
    const names = Object.values(OPTIONS).map((option) => option.name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(findOption(name)?.name).toBe(name)
    expect(findOption('Cluster::nonsense')).toBeUndefined()
    expect(findOption('constructor')).toBeUndefined()
  })

  test('dialect names', () => {
    for (const name of DIALECT_NAMES) expect(DIALECTS[name].name).toBe(name)
    expect(isDialectName('zeek-9.0')).toBe(true)
    expect(isDialectName('toString')).toBe(false)
  })
})

describe('precedence', () => {
  test('the last redef beats earlier ones and the default', () => {
    const redefs = [interval('Cluster::retry_interval', 5), interval('Cluster::retry_interval', 7)]
    expect(resolveOptions({ dialect, redefs }).options.retryInterval).toBe(7)
  })

  test('the environment beats every redef', () => {
    const redefs = [interval('Cluster::retry_interval', 5), interval('Broker::default_listen_retry', 5)]
    const environment = { ZEEK_DEFAULT_CONNECT_RETRY: '3', BRO_DEFAULT_LISTEN_RETRY: '0.5' }
    const { options, problems } = resolveOptions({ dialect, redefs, environment })
    expect(options.retryInterval).toBe(3)
    expect(options.defaultListenRetry).toBe(0.5)
    expect(problems).toEqual([])
  })

  test('the first variable that is set counts', () => {
    const environment = { ZEEK_DEFAULT_CONNECT_RETRY: '3', BRO_DEFAULT_CONNECT_RETRY: '4' }
    expect(resolveOptions({ dialect, environment }).options.retryInterval).toBe(3)
    const old = { ZEEK_DEFAULT_CONNECT_RETRY: undefined, BRO_DEFAULT_CONNECT_RETRY: '4' }
    expect(resolveOptions({ dialect, environment: old }).options.retryInterval).toBe(4)
  })

  test('the listen address of the environment is only a default', () => {
    const environment = { ZEEK_DEFAULT_LISTEN_ADDRESS: '10.0.0.1' }
    expect(resolveOptions({ dialect, environment }).options.defaultListenAddress).toBe('10.0.0.1')
    const redefs: Redef[] = [
      { name: 'Broker::default_listen_address', value: { type: 'string', value: '::1' } },
    ]
    expect(resolveOptions({ dialect, environment, redefs }).options.defaultListenAddress).toBe('::1')
  })

  test('redefs of unknown options are nothing to this table', () => {
    const redefs = [interval('Telemetry::sync_interval', 5)]
    expect(resolveOptions({ dialect, redefs })).toEqual({
      options: defaultOptions('reference'),
      problems: [],
    })
  })
})

describe('what does not fit is a problem and changes nothing', () => {
  test.each<[string, RedefValue, string]>([
    ['Cluster::retry_interval', { type: 'count', value: 5n }, 'is of type interval, not count'],
    ['Cluster::retry_interval', { type: 'double', value: 5 }, 'is of type interval, not double'],
    ['Cluster::manager_is_logger', { type: 'string', value: 'F' }, 'is of type bool, not string'],
    ['Cluster::worker_topic', { type: 'enum', value: 'A::B' }, 'is of type string, not enum'],
    ['Broker::log_batch_size', { type: 'int', value: -1n }, 'is of type count, not int'],
    ['Broker::log_batch_size', { type: 'port', value: new Port(1, 'tcp') }, 'is of type count, not port'],
  ])('%s = %o', (name, value, message) => {
    const { options, problems } = resolveOptions({ dialect, redefs: [{ name, value }] })
    expect(problems).toEqual([{ name, message: `${name} ${message}` }])
    expect(options).toEqual(defaultOptions('reference'))
  })

  test.each([
    ['ZEEK_DEFAULT_CONNECT_RETRY', '1.5', 'Cluster::retry_interval'],
    ['ZEEK_DEFAULT_CONNECT_RETRY', '', 'Cluster::retry_interval'],
    ['BRO_DEFAULT_CONNECT_RETRY', 'soon', 'Cluster::retry_interval'],
    ['ZEEK_DEFAULT_LISTEN_RETRY', '-1', 'Broker::default_listen_retry'],
  ])('%s=%s', (variable, text, name) => {
    const { options, problems } = resolveOptions({ dialect, environment: { [variable]: text } })
    expect(problems).toEqual([{ name, message: `environment variable ${variable} is not valid: '${text}'` }])
    expect(options).toEqual(defaultOptions('reference'))
  })

  test('fitRedef keeps the value of the right type', () => {
    expect(fitRedef('count', { type: 'count', value: 5n })).toBe(5n)
    expect(fitRedef('string', { type: 'count', value: 5n })).toBeUndefined()
  })
})
