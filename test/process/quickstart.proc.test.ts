/** The quickstart as the README shows it: six processes, recorded traffic, one scan found. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { CONN_COLUMNS } from '../../src/data/conn-record.js'
import {
  alive,
  endAll,
  logFiles,
  logRecords,
  QUICKSTART,
  quickstartLayout,
  start,
  temporaryDirectory,
  write,
} from './support.js'

afterEach(endAll)

/** Every pair of nodes but the two loggers and the two workers. */
const PEERINGS = 13
/** The columns of Zeek's conn.log, without those that only other scripts add. */
const ZEEK_CONN_COLUMNS =
  `ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes
  conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents
  ip_proto`.split(/\s+/)

/** What an independent count of the capture found; see `examples/quickstart/count-traffic.py`. */
interface Expected {
  readonly packets: number
  readonly connections: Readonly<Record<string, number>>
  readonly scanner: string
  readonly scanTargets: number
  readonly clients: readonly string[]
  readonly connectionsByClient: Readonly<Record<string, number>>
}

const EXPECTED = JSON.parse(readFileSync(join(QUICKSTART, 'expected.json'), 'utf8')) as Expected

describe('the quickstart', () => {
  test('comes up, reads the capture, finds the scanner and leaves nothing behind', {
    timeout: 60_000,
  }, async () => {
    const directory = temporaryDirectory()
    const layout = write(directory, 'cluster-layout.zeek', await quickstartLayout())
    const up = start(
      [
        'up',
        layout,
        '--read',
        join(QUICKSTART, 'traffic.pcap'),
        '--script',
        join(QUICKSTART, 'scan-detector.ts'),
      ],
      { cwd: directory },
    )
    const announcement = await up.line(/^cluster is up: /)
    const seconds = /^cluster is up: 6 nodes in (\d+\.\d) s$/.exec(announcement.line)?.[1]
    expect(Number(seconds)).toBeLessThan(5)
    const connections = Object.values(EXPECTED.connections).reduce((sum, count) => sum + count, 0)
    expect((await up.line(/^capture read: /)).line).toContain(
      `: ${EXPECTED.packets} packets, ${connections} connections (`,
    )
    await up.line(/^logs are in \.zeek-cluster\/logs; to read one: \.\/zeek-cluster logs cat conn$/)
    expect(await up.end('SIGTERM')).toBe(0)
    expect(up.stderr).toEqual([])

    expectConnections(directory)
    expectNotice(directory)
    expectHellos(directory)
    for (const name of ['conn', 'notice', 'cluster']) {
      for (const { text, file, node } of logFiles(directory, name)) {
        const lines = text.trimEnd().split('\n')
        expect(lines.slice(0, 5), `${node}/${file}`).toEqual([
          '#separator \\x09',
          '#set_separator\t,',
          '#empty_field\t(empty)',
          '#unset_field\t-',
          `#path\t${name}`,
        ])
        expect(lines.at(-1), `${node}/${file}`).toMatch(/^#close\t\d{4}(-\d\d){5}$/)
      }
    }

    expect(up.nodePids).toHaveLength(6)
    expect(alive(up.nodePids)).toEqual([])
    expect(existsSync(join(directory, '.zeek-cluster/control.sock'))).toBe(false)
  })
})

function expectConnections(directory: string): void {
  const connections = logRecords(directory, 'conn')
  expect(tally(connections.map((conn) => conn['proto']!))).toEqual(EXPECTED.connections)
  const byClient = tally(connections.map((conn) => conn['id.orig_h']!))
  for (const client of EXPECTED.clients) {
    expect(byClient[client], client).toBe(EXPECTED.connectionsByClient[client])
  }
  const targets = connections
    .filter((conn) => conn['id.orig_h'] === EXPECTED.scanner)
    .map((conn) => `${conn['id.resp_h']} ${conn['id.resp_p']}`)
  expect(new Set(targets).size).toBe(EXPECTED.scanTargets)
  expect(new Set(connections.map((conn) => conn['uid'])).size).toBe(connections.length)
  const files = logFiles(directory, 'conn')
  // Records alternate over both loggers.
  expect(files.map(({ node }) => node).sort()).toEqual(['logger-1', 'logger-2'])
  for (const { log } of files) {
    expect(log.fields).toEqual(ZEEK_CONN_COLUMNS)
    expect(log.fields).toEqual(Object.keys(CONN_COLUMNS))
    expect(log.types).toHaveLength(22)
  }
}

function expectNotice(directory: string): void {
  const notices = logRecords(directory, 'notice')
  expect(notices).toHaveLength(1)
  expect(notices[0]).toMatchObject({
    note: 'Scan::Port_Scan',
    src: EXPECTED.scanner,
    n: '26',
    peer_descr: 'proxy-1',
  })
}

/** Both ends of every peering said hello. */
function expectHellos(directory: string): void {
  const hellos = logRecords(directory, 'cluster').flatMap(({ node, message }) => {
    const match = /^got hello from (\S+) \(/.exec(message!)
    return match === null ? [] : [`${node} <- ${match[1]}`]
  })
  const nodes = ['manager', 'logger-1', 'logger-2', 'proxy-1', 'worker-1', 'worker-2']
  // Loggers do not need each other, nor do workers.
  const kind = (name: string): string => name.replace(/-\d$/, '')
  const pairs = nodes.flatMap((a) => nodes.filter((b) => kind(a) !== kind(b)).map((b) => `${a} <- ${b}`))
  expect(hellos.sort()).toEqual(pairs.sort())
  expect(hellos).toHaveLength(2 * PEERINGS)
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
