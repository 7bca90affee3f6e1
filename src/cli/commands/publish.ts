/** `zeek-cluster publish TOPIC EVENT [ARG…]`: one event to whoever subscribes the topic. */

import { errorMessage } from '../../base/errors.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { event } from '../../data/event.js'
import { valueFromJson } from '../../data/json.js'
import { scalarFromText } from '../../data/scalar-text.js'
import { any } from '../../data/types.js'
import type { Value } from '../../data/value.js'
import { type BusFlags, openBusClient } from '../bus-client.js'
import { CommandError, fail, print } from '../output.js'

const DELIVERY_TIMEOUT_MS = 5000

/** Exit code 1 when nobody subscribes the topic. */
export async function runPublish(
  topic: string,
  name: string,
  args: readonly string[],
  flags: BusFlags & { readonly json?: boolean },
): Promise<void> {
  const values = args.map(parseArgument)
  const type = event(
    name,
    values.map(() => any),
  )
  const message = type(...values)
  try {
    message.writeTo(new ByteWriter())
  } catch (error) {
    throw fail(2, error)
  }
  const client = await openBusClient(flags, [], { onMessage: () => {} })
  try {
    const outcome = client.publish(topic, message)
    await client.settle(DELIVERY_TIMEOUT_MS)
    if (flags.json === true) print(JSON.stringify({ topic, event: name, outcome }))
    if (outcome === 'no-peer')
      throw new CommandError(1, `nobody subscribes ${topic}: the event reached no node`)
    if (outcome === 'dropped') throw new CommandError(1, `the event was dropped: a peer is too slow`)
  } finally {
    await client.close()
  }
}

/** `count:5`, `addr:10.0.0.1`, `bool:T`, … or Broker JSON. Throws a `CommandError` with exit code 2. */
export function parseArgument(text: string): Value {
  try {
    if (text.startsWith('{')) return valueFromJson(text)
    const colon = text.indexOf(':')
    const [type, rest] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)]
    const value = parseTyped(type, rest)
    if (value !== undefined) return value
  } catch (error) {
    throw new CommandError(2, `argument '${text}': ${errorMessage(error)}`, error)
  }
  throw new CommandError(
    2,
    `argument '${text}': write TYPE:VALUE, with TYPE one of count, int, real, string, bool, addr, subnet, port, time, interval, enum; or Broker JSON`,
  )
}

function parseTyped(type: string, text: string): Value | undefined {
  switch (type) {
    case 'count':
      if (!/^\d+$/.test(text)) throw new RangeError('not a count')
      return { type, value: BigInt(text) }
    case 'int':
      if (!/^-?\d+$/.test(text)) throw new RangeError('not an int')
      return { type: 'integer', value: BigInt(text) }
    case 'real':
      if (text.trim() === '' || Number.isNaN(Number(text))) throw new RangeError('not a number')
      return { type, value: Number(text) }
    case 'string':
      return { type, value: text }
    case 'enum':
      return { type: 'enum-value', value: text }
    case 'bool':
      if (text !== 'T' && text !== 'F') throw new RangeError('a bool is T or F')
      return { type: 'boolean', value: text === 'T' }
    case 'addr':
      return scalarFromText('address', text)
    case 'subnet':
    case 'port':
      return scalarFromText(type, text)
    case 'time':
      return scalarFromText('timestamp', text)
    case 'interval':
      return scalarFromText('timespan', text)
    default:
      return undefined
  }
}
