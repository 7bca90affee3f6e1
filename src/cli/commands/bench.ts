/**
 * `zeek-cluster bench pub|sub`: how fast a link really is. The publisher numbers its events and stamps them with the
 * time; the subscriber counts what arrives, what is missing, and how long it took.
 */
import { systemClock } from '../../base/time.js'
import { Address, Port } from '../../data/address.js'
import { CONN_COLUMNS, type ConnRecord } from '../../data/conn-record.js'
import { type EventMessage, event } from '../../data/event.js'
import type { Encodable } from '../../data/messages.js'
import { any, count, record, string, table, time } from '../../data/types.js'
import { eventParts } from '../../websocket/event-message.js'
import { type BusClient, type BusFlags, openBusClient, stopOnSignals } from '../bus-client.js'
import { CommandError, print } from '../output.js'
import { parseCount } from './subscribe.js'
import { parseSeconds } from './up.js'

export interface BenchPubFlags extends BusFlags {
  readonly count: string
  readonly rate?: string
  readonly size: string
  readonly shape: string
  readonly json?: boolean
}

export interface BenchSubFlags extends BusFlags {
  readonly count?: string
  readonly for?: string
  readonly json?: boolean
}

const SETTLE_TIMEOUT_MS = 60_000
/** Number, time of sending, content. */
const small = event('Bench::small', [count, time, string])
const conn = event('Bench::conn', [count, time, record(CONN_COLUMNS)])
const entries = event('Bench::table', [count, time, table(string, count)])
/** How many events there were. */
const done = event('Bench::done', [count, any])

const connRecord: ConnRecord = {
  ts: 1_700_000_000.5,
  uid: 'CHhAvVGS1DHFjwGM9',
  'id.orig_h': Address.parse('10.1.2.3'),
  'id.orig_p': new Port(49_152, 'tcp'),
  'id.resp_h': Address.parse('192.168.7.9'),
  'id.resp_p': new Port(443, 'tcp'),
  proto: 'tcp',
  service: 'ssl',
  duration: 1.25,
  orig_bytes: 2311n,
  resp_bytes: 9811n,
  conn_state: 'SF',
  local_orig: true,
  local_resp: true,
  missed_bytes: 0n,
  history: 'ShADadFf',
  orig_pkts: 12n,
  orig_ip_bytes: 2935n,
  resp_pkts: 15n,
  resp_ip_bytes: 10_599n,
  ip_proto: 6n,
}

type MakeMessage = (number: bigint, sentAt: number) => EventMessage

function maker(shape: string, sizeBytes: number): MakeMessage {
  switch (shape) {
    case 'small': {
      const text = 'x'.repeat(sizeBytes)
      return (number, sentAt) => small(number, sentAt, text)
    }
    case 'conn':
      return (number, sentAt) => conn(number, sentAt, connRecord)
    case 'table': {
      const rows = Math.max(1, Math.round(sizeBytes / TABLE_ROW_BYTES))
      const content = new Map(
        Array.from(
          { length: rows },
          (_, row) => [`key-${String(row).padStart(6, '0')}`, BigInt(row)] as const,
        ),
      )
      return (number, sentAt) => entries(number, sentAt, content)
    }
    default:
      throw new CommandError(2, `unknown shape '${shape}': small, conn or table`)
  }
}

/** A key of ten characters and a count, with their tags. */
const TABLE_ROW_BYTES = 21

export async function runBenchPub(topic: string, flags: BenchPubFlags): Promise<void> {
  const total = parseCount(flags.count)
  const perSecond = flags.rate === undefined ? undefined : parseCount(flags.rate)
  const make = maker(flags.shape, parseCount(flags.size))
  const client = await openBusClient(flags, [], { onMessage: () => {} })
  const startMs = systemClock.monotonicMs()
  const dropped = await publishAll(client, topic, make, total, perSecond)
  client.publish(topic, done(BigInt(total), { type: 'none' }))
  const settled = await client.settle(SETTLE_TIMEOUT_MS)
  const seconds = (systemClock.monotonicMs() - startMs) / 1000
  await client.close()
  const figures = {
    published: total,
    dropped,
    seconds: round(seconds),
    perSecond: Math.round(total / seconds),
  }
  if (flags.json === true) print(JSON.stringify(figures))
  else print(`${total} events in ${figures.seconds} s: ${figures.perSecond}/s, ${dropped} dropped`)
  if (!settled) throw new CommandError(1, `not everything has arrived within ${SETTLE_TIMEOUT_MS / 1000} s`)
  if (dropped === total) throw new CommandError(1, `nobody subscribes ${topic}, or nobody reads`)
}

async function publishAll(
  client: BusClient,
  topic: string,
  make: (number: bigint, sentAt: number) => Encodable,
  total: number,
  perSecond: number | undefined,
): Promise<number> {
  const startMs = systemClock.monotonicMs()
  let dropped = 0
  for (let index = 0; index < total; index += 1) {
    if (perSecond !== undefined) {
      const dueMs = startMs + (index * 1000) / perSecond
      while (systemClock.monotonicMs() < dueMs) await new Promise((resolve) => setImmediate(resolve))
    }
    const outcome = client.publish(topic, make(BigInt(index), systemClock.wallMs() / 1000))
    if (outcome === 'dropped' || outcome === 'no-peer') dropped += 1
    if (outcome === 'queued') await client.drained()
  }
  return dropped
}

export async function runBenchSub(prefixes: readonly string[], flags: BenchSubFlags): Promise<void> {
  const limit = flags.count === undefined ? Number.POSITIVE_INFINITY : parseCount(flags.count)
  const limitMs = flags.for === undefined ? undefined : parseSeconds(flags.for)
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  let received = 0
  let bytes = 0
  let sent: number | undefined
  let firstMs = 0
  let lastMs = 0
  const latenciesMs: number[] = []
  const opening = openBusClient(flags, prefixes, {
    onMessage(_topic, sizeBytes, value) {
      const parts = eventParts(value())
      if (parts?.name === 'Bench::done') {
        const [total] = parts.args
        sent = total?.type === 'count' ? Number(total.value) : undefined
        return stop()
      }
      lastMs = systemClock.monotonicMs()
      if (received === 0) firstMs = lastMs
      received += 1
      bytes += sizeBytes
      const sentAt = parts?.args[1]
      if (sentAt?.type === 'timestamp' && latenciesMs.length < KEPT_LATENCIES) {
        latenciesMs.push(systemClock.wallMs() - Number(sentAt.value / 1000n) / 1000)
      }
      if (received >= limit) stop()
    },
  })
  const client = await stopOnSignals(() => stop(), opening)
  const timer = limitMs === undefined ? undefined : setTimeout(stop, limitMs)
  await stopped
  clearTimeout(timer)
  await client.close()
  const seconds = Math.max(lastMs - firstMs, 0) / 1000
  const figures = {
    received,
    lost: sent === undefined ? null : sent - received,
    seconds: round(seconds),
    perSecond: seconds === 0 ? 0 : Math.round(received / seconds),
    bytesPerSecond: seconds === 0 ? 0 : Math.round(bytes / seconds),
    latencyMs: percentiles(latenciesMs),
  }
  if (flags.json === true) return print(JSON.stringify(figures))
  const { p50, p99, max } = figures.latencyMs
  const lost = figures.lost === null ? '' : `, ${figures.lost} lost`
  print(`${received} events in ${figures.seconds} s: ${figures.perSecond}/s${lost}`)
  print(`latency p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`)
}

const KEPT_LATENCIES = 1_000_000

function percentiles(values: number[]): { p50: number; p99: number; max: number } {
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
