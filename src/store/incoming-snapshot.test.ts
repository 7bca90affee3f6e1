/** Parts of snapshots that come in any order, twice, or from a snapshot before. */
import { describe, expect, test } from 'vitest'
import type { SnapshotEntry } from './command.js'
import { entityOf } from './entity.js'
import { IncomingSnapshot } from './incoming-snapshot.js'

const MASTER = entityOf('00000000-0000-4000-8000-000000000001', 1n)
const OTHER = entityOf('00000000-0000-4000-8000-000000000002', 1n)

class Gathering {
  readonly snapshot = new IncomingSnapshot()

  part(generation: number, part: number, ...entries: SnapshotEntry[]): number | undefined {
    return this.snapshot.receive(MASTER, generation, { kind: 'snapshot-part', part, entries })
  }

  end(generation: number, parts: number): number | undefined {
    return this.snapshot.receive(MASTER, generation, {
      kind: 'snapshot-end',
      offset: 100 + generation,
      parts,
    })
  }

  get entries(): SnapshotEntry[] {
    return [...this.snapshot.table.entries()].sort()
  }
}

describe('a snapshot in parts', () => {
  test('is complete when all parts are there, however often each came', () => {
    const gathering = new Gathering()
    gathering.part(1, 2, ['b', '2'])
    gathering.part(1, 2, ['b', 'again'])
    expect(gathering.end(1, 2)).toBeUndefined()
    gathering.part(1, 1, ['a', '1'])
    expect(gathering.end(1, 2)).toBe(101)
    expect(gathering.entries).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  test('is not mixed with the one before', () => {
    const gathering = new Gathering()
    gathering.part(1, 1, ['a', 'old'], ['gone', 'old'])
    gathering.part(2, 1, ['a', 'new'])
    gathering.part(1, 2, ['b', 'old'])
    expect(gathering.end(1, 2)).toBeUndefined()
    expect(gathering.end(2, 2)).toBeUndefined()
    gathering.part(2, 2, ['b', 'new'])
    expect(gathering.end(2, 2)).toBe(102)
    expect(gathering.entries).toEqual([
      ['a', 'new'],
      ['b', 'new'],
    ])
  })

  test('may be empty', () => {
    expect(new Gathering().end(1, 0)).toBe(101)
  })
})

test('a snapshot in one message is complete at once, and takes the place of parts', () => {
  const gathering = new Gathering()
  gathering.part(1, 1, ['part', 'x'])
  const snapshot: SnapshotEntry[] = [['whole', 'y']]
  const body = { kind: 'ack-clone', offset: 7, heartbeatTicks: 5, snapshot, size: 1 } as const
  expect(gathering.snapshot.receive(MASTER, 7, body)).toBe(7)
  expect(gathering.entries).toEqual([['whole', 'y']])
})

test('who answers first is the master', () => {
  const { snapshot } = new Gathering()
  expect([snapshot.isFrom(MASTER), snapshot.isFrom(OTHER)]).toEqual([true, true])
  snapshot.receive(MASTER, 1, { kind: 'snapshot-part', part: 1, entries: [] })
  expect([snapshot.isFrom(MASTER), snapshot.isFrom(OTHER)]).toEqual([true, false])
})
