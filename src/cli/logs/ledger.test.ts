import { describe, expect, test } from 'vitest'
import type { LedgerRow, RunLedger } from '../../logging/delivery/delivery-settings.js'
import { EMPTY_SUMS, writeSums } from '../../logging/delivery/ledger.js'
import type { ReceivedSequence } from '../../logging/files/received-sequence.js'
import { StoreJournal } from '../../logging/files/store-journal.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { type ClusterLedger, imbalances, lasting, ledgerEntries, readClusterLedger } from './ledger.js'
import { ledgerJson, ledgerLines } from './ledger-text.js'

function ledgerRow(stream: string, figures: Partial<LedgerRow>): LedgerRow {
  const none = { produced: 0, inMemory: 0, spooled: 0, inFlight: 0, stored: 0, unconfirmed: 0 }
  return { run: '', stream, path: stream, ...none, dropped: {}, ...figures }
}

function runOf(run: string, rows: readonly LedgerRow[], more: Partial<RunLedger> = {}): RunLedger {
  return { run, state: 'ended', lostAtMost: 0, rows, ...more }
}

const stored = { path: 'conn', stream: 'Conn::LOG', maybeOnDisk: 0, invalid: 0 }

const LEDGER: ClusterLedger = {
  isRunning: false,
  nodes: [
    {
      node: 'worker-1',
      runs: [
        runOf('earlier', [ledgerRow('Conn::LOG', { produced: 10, stored: 10 })], {
          state: 'done',
          lostAtMost: 1000,
        }),
        runOf('run-2', [
          ledgerRow('Conn::LOG', {
            produced: 30,
            spooled: 1,
            inFlight: 2,
            stored: 15,
            dropped: { 'spool-full': 12 },
          }),
          ledgerRow('Quiet::LOG', {}),
        ]),
      ],
    },
  ],
  loggers: [
    {
      logger: 'logger-1',
      entries: [
        { ...stored, node: 'worker-1', run: 'run-1', onDisk: 10 },
        { ...stored, node: 'worker-1', run: 'run-2', onDisk: 9, invalid: 1 },
        { ...stored, node: 'worker-9', run: '', onDisk: 7 },
        { ...stored, node: 'logger-1', run: '', stream: 'Cluster::LOG', onDisk: 3 },
      ],
    },
    { logger: 'logger-2', entries: [{ ...stored, node: 'worker-1', run: 'run-2', onDisk: 5 }] },
  ],
  unknownLoggers: [],
}

describe('the ledger', () => {
  test('as a table, with what is worth a sentence', () => {
    expect(imbalances(LEDGER)).toEqual([])
    expect(ledgerLines(LEDGER, [], false)).toEqual([
      'NODE      STREAM        PRODUCED  MEMORY  SPOOLED  IN-FLIGHT  STORED  DROPPED  ON DISK',
      'logger-1  Cluster::LOG         -       -        -          -       -        -        3',
      'worker-1  Conn::LOG           40       0        1          2      25       12       24',
      'worker-9  Conn::LOG            -       -        -          -       -        -        7',
      'worker-1: lost at crash: at most 1000 records',
      'worker-1 Conn::LOG: dropped 12 (spool-full)',
      'logger-1 gave up 1 records of worker-1 Conn::LOG: they are not what their log takes',
      'logger-1 got 7 records of worker-9 without numbers (a stock Zeek)',
    ])
  })

  test('with each process apart: what is of none that is listed belongs to earlier ones', () => {
    const own = ledgerEntries(LEDGER, true).filter(
      ({ node, stream }) => node === 'worker-1' && stream === 'Conn::LOG',
    )
    expect(
      own.map(({ run, state, sent, onDisk, invalid }) => [run, state, sent?.stored, onDisk, invalid]),
    ).toEqual([
      ['earlier', 'done', 10, 10, 0],
      ['run-2', 'ended', 15, 14, 1],
    ])
  })

  test('as JSON', () => {
    const { rows, ...rest } = JSON.parse(ledgerJson(LEDGER, [])) as { rows: Record<string, unknown>[] }
    expect(Object.keys(rest)).toEqual(['isRunning', 'nodes', 'loggers', 'unknownLoggers', 'imbalances'])
    expect(rows.find(({ node, stream }) => node === 'worker-1' && stream === 'Conn::LOG')).toEqual({
      node: 'worker-1',
      stream: 'Conn::LOG',
      produced: 40,
      inMemory: 0,
      spooled: 1,
      inFlight: 2,
      stored: 25,
      unconfirmed: 0,
      dropped: { 'spool-full': 12 },
      onDisk: 24,
      maybeOnDisk: 0,
      invalid: 1,
    })
  })

  test('says what does not add up, and by how much', () => {
    const rows = [
      ledgerRow('A::LOG', { produced: 5, stored: 4 }),
      ledgerRow('B::LOG', { produced: 5, stored: 4, spooled: 2 }),
    ]
    const broken: ClusterLedger = { ...LEDGER, nodes: [{ node: 'worker-1', runs: [runOf('run-2', rows)] }] }
    const found = imbalances(broken)
    expect(found.map(({ message }) => message)).toEqual([
      'worker-1 A::LOG does not add up: of 5 records 1 are nowhere',
      'worker-1 A::LOG does not add up: 4 of 4 records that loggers confirmed are at no logger',
      'worker-1 B::LOG does not add up: of 5 records 1 more than were produced are somewhere',
      'worker-1 B::LOG does not add up: 4 of 4 records that loggers confirmed are at no logger',
    ])
    expect(lasting(found.slice(0, 1), found)).toEqual(found.slice(0, 1))
    // What loggers of another host have is not known.
    const elsewhere = { ...broken, unknownLoggers: ['logger-3'] }
    expect(imbalances(elsewhere).map(({ kind }) => kind)).toEqual(['sender', 'sender'])
    expect(ledgerLines(elsewhere, [], false).at(-1)).toBe(
      'logger-3 is not in this state directory: what it has on disk is unknown',
    )
  })

  test.each([
    { sizeBytes: 100, onDisk: 5, maybe: 3, what: 'before the last chunk' },
    { sizeBytes: 150, onDisk: 5, maybe: 3, what: 'in the middle of the last chunk' },
    { sizeBytes: 200, onDisk: 8, maybe: 0, what: 'behind the last chunk' },
  ])('a journal that is being written, its file ends $what', async ({ sizeBytes, onDisk, maybe }) => {
    const disk = new MemoryDisk()
    await writeSums(disk, 'state/spool/worker-1/sent', {
      ...EMPTY_SUMS,
      runs: 1,
      rows: [ledgerRow('Conn::LOG', { produced: 8, stored: 8 })],
    })
    const sequence: ReceivedSequence = {
      index: 1,
      node: 'worker-1',
      run: 'run-1',
      id: 1,
      stream: 'Conn::LOG',
      path: 'conn',
      received: 5,
      stored: 5,
      invalid: 0,
      changedMs: 0,
    }
    const journal = new StoreJournal(disk, 'state/spool/logger-1/stored', () => [sequence])
    const file = journal.open('state/logs/logger-1/conn.log', 'conn', 'Log::WRITER_ASCII', 0)
    disk.createNow('state/logs/logger-1/conn.log').appendNow(new Uint8Array(sizeBytes))
    journal.chunk(file, { sizeBefore: 100, sizeAfter: 200, positions: new Map([[sequence, 8]]) })
    const ledger = await readClusterLedger(disk, 'state', false)
    expect(ledgerEntries(ledger, false)).toMatchObject([{ node: 'worker-1', onDisk, maybeOnDisk: maybe }])
    expect(imbalances(ledger)).toEqual([])
  })
})
