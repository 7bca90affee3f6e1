/** `zeek-cluster subscribe PREFIX…`: what passes by, one JSON object a line. */
import { errorMessage } from '../../base/errors.js'
import { DecodeError } from '../../data/decode-error.js'
import { valueToJson } from '../../data/json.js'
import type { Value } from '../../data/value.js'
import { eventParts } from '../../websocket/event-message.js'
import { type BusFlags, openBusClient, stopOnSignals } from '../bus-client.js'
import { CommandError, print } from '../output.js'
import { parseSeconds } from './up.js'

export interface SubscribeFlags extends BusFlags {
  readonly count?: string
  readonly for?: string
  readonly rate?: boolean
}

const RATE_INTERVAL_MS = 1000

export async function runSubscribe(prefixes: readonly string[], flags: SubscribeFlags): Promise<void> {
  const limit = flags.count === undefined ? Number.POSITIVE_INFINITY : parseCount(flags.count)
  const limitMs = flags.for === undefined ? undefined : parseSeconds(flags.for)
  let messages = 0
  let bytesSeen = 0
  let stop: () => void = () => {}
  const stopped = new Promise<void>((done) => {
    stop = done
  })
  const opening = openBusClient(flags, prefixes, {
    onMessage(topic, sizeBytes, value) {
      if (messages >= limit) return
      messages += 1
      bytesSeen += sizeBytes
      if (flags.rate !== true) print(describe(topic, value))
      if (messages >= limit) stop()
    },
  })
  const client = await stopOnSignals(() => stop(), opening)
  const timers = [
    limitMs === undefined ? undefined : setTimeout(stop, limitMs),
    flags.rate === true ? setInterval(printRate, RATE_INTERVAL_MS) : undefined,
  ]
  let before = { messages: 0, bytes: 0 }
  function printRate(): void {
    print(JSON.stringify({ messages: messages - before.messages, bytes: bytesSeen - before.bytes }))
    before = { messages, bytes: bytesSeen }
  }
  await stopped
  for (const timer of timers) clearInterval(timer)
  await client.close()
}

function describe(topic: string, read: () => Value): string {
  const head = `"topic":${JSON.stringify(topic)}`
  try {
    const value = read()
    const event = eventParts(value)
    if (event === undefined) return `{${head},"data":${valueToJson(value)}}`
    return `{${head},"event":${JSON.stringify(event.name)},"args":[${event.args.map(valueToJson).join(',')}]}`
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return `{${head},"error":${JSON.stringify(errorMessage(error))}}`
  }
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new CommandError(2, `'${text}' is not a number of messages`)
  return Number(text)
}
