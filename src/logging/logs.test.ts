/** Records that cannot be written: the column is named, and nothing of the record is left. */
import { expect, test } from 'vitest'
import type { Bus } from '../bus/bus.js'
import { Address } from '../data/address.js'
import { addr, count, optional, set, string } from '../data/types.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { Logs } from './logs.js'

function makeLogs(): Logs {
  const time = new VirtualTime()
  return new Logs({
    clock: time,
    timers: time,
    // Nothing is sent before a batch is full.
    bus: {} as Bus,
    local: undefined,
    remote: true,
    batchSize: 1000,
    batchIntervalMs: 1000,
    topicPrefix: 'zeek/logs/',
    loggerTopic: (stream) => `zeek/logs/${stream}`,
    onProblem: () => expect.unreachable(),
  })
}

test.each<readonly [message: string, record: object]>([
  ['column hits: expected count (a bigint), found a number', { hits: 1 }],
  ['column hits: -1 does not fit a count (0 to 2^64-1)', { hits: -1n }],
  ['column host: expected addr (an Address), found a string', { host: '10.0.0.1' }],
  ['column tags, element 2: expected string (a string), found a bigint', { tags: new Set(['a', 1n]) }],
  ['column tags: expected set[string] (a Set or ValueSet), found an array', { tags: ['a'] }],
  ['expected record (an object), found nothing (undefined)', undefined as unknown as object],
])('%s', (message, record) => {
  const logs = makeLogs()
  const stream = logs.createStream('Demo::LOG', {
    columns: { host: optional(addr), hits: optional(count), tags: optional(set(string)) },
  })
  expect(() => stream.write(record)).toThrow(expect.objectContaining({ code: 'not-representable', message }))
  expect(logs.counters()).toMatchObject({ written: 0, waiting: 0 })
  stream.write({ host: Address.parse('10.0.0.1'), hits: 1n })
  expect(logs.counters()).toMatchObject({ written: 1, waiting: 1 })
})
