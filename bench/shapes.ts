/** The events that benchmarks send, and a checksum that reads every argument. */
import { Address, CONN_COLUMNS, type ConnRecord, count, event, Port, record, string } from 'zeek-cluster'

/** One count and one string. */
export const small = event('Bench::small', [count, string])

/** A record with the columns of conn.log. */
export const conn = event('Bench::conn', [count, record(CONN_COLUMNS)])

/** When the event should have been sent, in nanoseconds of the system's monotonic clock. */
export const timed = event('Bench::timed', [count])

/** The sender is done: how many events, and their checksum. */
export const done = event('Bench::done', [count, count])

export type Shape = 'small' | 'conn'

const TEXTS = ['connection', 'established', 'closed by peer', 'reset', 'a'.repeat(20)]

export function smallText(index: number): string {
  return TEXTS[index % TEXTS.length]!
}

/** Records with values that differ from one to the next, made once so that making them is not what is measured. */
export function connRecords(size: number): ConnRecord[] {
  return Array.from({ length: size }, (_, index) => ({
    ts: 1_700_000_000 + index / 1000,
    // As one piece, as texts from the wire are: what is put together stays a tree for a while.
    uid: Buffer.from(`C${String(index).padStart(17, '4')}`).toString('latin1'),
    'id.orig_h': Address.parse(`10.1.${index % 200}.${index % 250}`),
    'id.orig_p': new Port(1024 + (index % 60_000), 'tcp'),
    'id.resp_h': Address.parse('192.168.7.9'),
    'id.resp_p': new Port(443, 'tcp'),
    proto: 'tcp',
    service: 'ssl',
    duration: 1.5 + (index % 100) / 7,
    orig_bytes: BigInt(index * 3),
    resp_bytes: BigInt(index * 5),
    conn_state: 'SF',
    local_orig: true,
    local_resp: true,
    missed_bytes: 0n,
    history: 'ShADadFf',
    orig_pkts: 12n,
    orig_ip_bytes: 2311n,
    resp_pkts: 15n,
    resp_ip_bytes: 9811n,
    ip_proto: 6n,
  }))
}

function textSum(text: string): number {
  return text.length + text.charCodeAt(0) + text.charCodeAt(text.length - 1)
}

export function smallSum(sum: number, index: bigint, text: string): number {
  return (Math.imul(sum, 31) + Number(index) + textSum(text)) >>> 0
}

export function connSum(sum: number, index: bigint, recordSum: number): number {
  return (Math.imul(sum, 31) + Number(index) + recordSum) >>> 0
}

/** Reads every field of a record. */
export function recordSum(value: ConnRecord): number {
  let sum = Math.floor(value.ts) + Math.floor((value.duration ?? 0) * 1000)
  sum +=
    textSum(value.uid) +
    textSum(value.proto) +
    textSum(value.service ?? '-') +
    textSum(value.conn_state ?? '-')
  sum += textSum(value.history ?? '-') + value['id.orig_h'].word3 + value['id.resp_h'].word3
  sum += value['id.orig_p'].number + value['id.resp_p'].number
  sum += Number(value.local_orig === true) + Number(value.local_resp === true)
  sum += Number(value.orig_bytes ?? 0n) + Number(value.resp_bytes ?? 0n)
  sum += Number(value.missed_bytes ?? 0n) + Number(value.orig_pkts ?? 0n) + Number(value.resp_pkts ?? 0n)
  sum += Number(value.orig_ip_bytes ?? 0n) + Number(value.resp_ip_bytes ?? 0n) + Number(value.ip_proto ?? 0n)
  return sum >>> 0
}
