/**
 * Agreement with Zeek: every capture that comes with a `conn.log` of a real Zeek 9.0 is tracked here, and compared
 * column by column. Set ZEEK_CLUSTER_GOLDEN to the directory of the recordings to run it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../base/random.js'
import { CaptureReader } from '../capture/capture-reader.js'
import { CONN_COLUMNS, type ConnRecord } from '../data/conn-record.js'
import { ConnectionTracker, type ConnectionTrackerOptions } from './connection-tracker.js'
import { FlowSplit } from './flow-hash.js'

const COLUMNS = Object.keys(CONN_COLUMNS) as (keyof ConnRecord)[]

const golden = process.env.ZEEK_CLUSTER_GOLDEN
/** A uid is random; the tracker does not look into payload, which is where a service shows. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['uid', 'service'])
/** Lines of all recorded logs together. */
const RECORDED_CONNECTIONS = 35

interface Sample {
  readonly name: string
  readonly capture: string
  readonly log: string
}

function samples(directory: string): Sample[] {
  return ['logs', 'logs-conn'].flatMap((group) =>
    readdirSync(join(directory, group)).flatMap((name) => {
      const folder = join(directory, group, name)
      const log = [join(folder, 'tsv', 'conn.log'), join(folder, 'conn.log')].find((path) => existsSync(path))
      const capture = readdirSync(folder).find((file) => /\.pcap(ng)?$/.test(file))
      return log === undefined || capture === undefined
        ? []
        : [{ name: `${group}/${name}`, capture: join(folder, capture), log }]
    }),
  )
}

/** Lines of a `conn.log` as Zeek's text per column. */
function readLog(path: string): Record<string, string>[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const columns = lines
    .find((line) => line.startsWith('#fields'))!
    .split('\t')
    .slice(1)
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const values = line.split('\t')
      return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? '']))
    })
}

function track(path: string, options: Partial<ConnectionTrackerOptions> = {}): ConnRecord[] {
  const records: ConnRecord[] = []
  const tracker = new ConnectionTracker({
    random: systemRandom,
    onConnection: (record) => records.push(record),
    ...options,
  })
  const reader = new CaptureReader({
    onPacket: (packet) =>
      tracker.packet(packet.timestampSeconds, packet.linkType, packet.bytes, packet.originalLength),
  })
  reader.push(readFileSync(path))
  reader.end()
  tracker.finish()
  return records
}

/** The text that Zeek's ASCII writer prints. */
function toText(record: ConnRecord, column: keyof ConnRecord): string {
  const value = record[column]
  if (value === undefined) return '-'
  if (column === 'ts' || column === 'duration') return (value as number).toFixed(6)
  if (column === 'id.orig_p' || column === 'id.resp_p') return String(record[column].number)
  if (typeof value === 'boolean') return value ? 'T' : 'F'
  if (column === 'tunnel_parents') return [...(record[column] ?? [])].join(',')
  return `${value as string | bigint}`
}

function keyOf(line: Readonly<Record<string, string>>): string {
  return ['ts', 'id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p', 'proto']
    .map((name) => line[name])
    .join(' ')
}

function toLine(record: ConnRecord): Record<string, string> {
  return Object.fromEntries(COLUMNS.map((column) => [column, toText(record, column)]))
}

const title = 'conn records agree with real Zeek in every column'
if (golden === undefined) {
  test.skip(`${title} (skipped: ZEEK_CLUSTER_GOLDEN is not set)`, () => {})
} else {
  test(title, () => {
    const compared = COLUMNS.filter((column) => !NOT_COMPARED.has(column))
    const agreement = new Map<string, number>(compared.map((column) => [column, 0]))
    const differences: string[] = []
    let recorded = 0
    for (const sample of samples(golden)) {
      const expected = readLog(sample.log)
      const actual = new Map(track(sample.capture).map((record) => [keyOf(toLine(record)), toLine(record)]))
      recorded += expected.length
      expect(actual.size, `number of connections in ${sample.name}`).toBe(expected.length)
      for (const line of expected) {
        const ours = actual.get(keyOf(line))
        if (ours === undefined) {
          differences.push(
            `${sample.name}: no connection ${keyOf(line)}, but ${[...actual.keys()].join(', ')}`,
          )
          continue
        }
        for (const column of compared) {
          if (ours[column] === line[column]) agreement.set(column, agreement.get(column)! + 1)
          else differences.push(`${sample.name}: ${column} is ${ours[column]}, Zeek has ${line[column]}`)
        }
      }
    }
    const table = compared.map((column) => `${column.padEnd(16)} ${agreement.get(column)} of ${recorded}`)
    // biome-ignore lint/suspicious/noConsole: the table is what this test is run for.
    console.log([...table, ...differences].join('\n'))
    expect(differences).toEqual([])
    expect(recorded).toBe(RECORDED_CONNECTIONS)
  })

  test('workers that split a capture find together what one finds alone', () => {
    for (const sample of samples(golden)) {
      const withoutUid = (records: readonly ConnRecord[]): string[] =>
        records.map((record) => JSON.stringify({ ...toLine(record), uid: '' })).sort()
      const parts = [0, 1, 2].flatMap((part) => track(sample.capture, { split: new FlowSplit(part, 3) }))
      expect(withoutUid(parts)).toEqual(withoutUid(track(sample.capture)))
    }
  })
}
