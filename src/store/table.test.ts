/** A table of a store, compared with a `Map`. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SnapshotEntry } from './command.js'
import { SHARDS, type Snapshot, shardOf, Table } from './table.js'

type Step =
  | { readonly kind: 'set'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clear' }

/** Few keys, so that they meet; some of them share a shard. */
const key = fc.oneof(
  fc.nat(40).map((number) => `key${number}`),
  fc.constantFrom('', 'a'.repeat(100), ...keysOfOneShard(6)),
)
const change: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.string({ maxLength: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'clear' }) },
)

function keysOfOneShard(count: number): string[] {
  const keys: string[] = []
  for (let number = 0; keys.length < count; number += 1) {
    const candidate = `one shard ${number}`
    if (shardOf(candidate) === 7) keys.push(candidate)
  }
  return keys
}

const sorted = (entries: Iterable<SnapshotEntry>): SnapshotEntry[] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

/** Applies a change to both; what they answer has to be the same. */
function apply(step: Step, table: Table, model: Map<string, string>): void {
  switch (step.kind) {
    case 'set':
      expect(table.set(step.key, step.value)).toBe(model.get(step.key))
      model.set(step.key, step.value)
      return
    case 'delete':
      expect(table.delete(step.key)).toBe(model.get(step.key))
      model.delete(step.key)
      return
    case 'clear':
      table.clear()
      model.clear()
  }
}

function expectSame(table: Table, model: ReadonlyMap<string, string>): void {
  expect(table.size).toBe(model.size)
  const bytes = [...model].reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  expect(table.bytes).toBe(bytes)
  expect(sorted(table.entries())).toEqual(sorted(model))
  expect([...table.keys()].sort()).toEqual([...model.keys()].sort())
  for (const [name, value] of model) {
    expect(table.get(name)).toBe(value)
    expect(table.has(name)).toBe(true)
    expect([...table.entriesOf(shardOf(name))]).toContainEqual([name, value])
  }
  expect(table.get('never there')).toBeUndefined()
  expect(table.has('never there')).toBe(false)
}

describe('a table', () => {
  test('answers as a Map does', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (steps) => {
        const table = new Table()
        const model = new Map<string, string>()
        for (const step of steps) {
          apply(step, table, model)
          expectSame(table, model)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('spreads keys that differ in a few characters only', () => {
    const shards = new Map<number, number>()
    for (let number = 0; number < 25_600; number += 1) {
      const shard = shardOf(
        `\u0006${'\0'.repeat(10)}\xff\xff${String.fromCharCode(10, 0, number >> 8, number & 255)}`,
      )
      shards.set(shard, (shards.get(shard) ?? 0) + 1)
    }
    expect(shards.size).toBe(SHARDS)
    expect(Math.max(...shards.values())).toBeLessThan(300)
  })

  test('which shard a key is in never changes: nodes of different releases compare them', () => {
    expect(['', '\u0005\u0003foo', '\u0002\0\0\0\0\0\0\0\u0001', 'x'.repeat(1000)].map(shardOf)).toEqual([
      0, 55, 184, 111,
    ])
  })
})

describe('a snapshot', () => {
  const taking = fc.constant<'take'>('take')
  const script = fc.array(fc.oneof({ weight: 4, arbitrary: change }, { weight: 2, arbitrary: taking }), {
    maxLength: 80,
  })

  test('is what the table was when it was taken, whatever changes meanwhile', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), script, (before, during) => {
        const table = new Table()
        const model = new Map<string, string>()
        for (const step of before) apply(step, table, model)
        const expected = sorted(model)
        const snapshot = table.snapshot()
        const taken: SnapshotEntry[] = []
        for (const step of during) {
          if (step === 'take') taken.push(...(snapshot.take() ?? []))
          else apply(step, table, model)
        }
        taken.push(...rest(snapshot))
        expect(sorted(taken)).toEqual(expected)
        expectSame(table, model)
      }),
    )
  })

  test('several at a time do not disturb each other', () => {
    const table = new Table()
    const model = new Map<string, string>()
    for (let number = 0; number < 1000; number += 1)
      apply({ kind: 'set', key: `k${number}`, value: 'a' }, table, model)
    const first = table.snapshot()
    const states = [sorted(model)]
    const taken = [...first.take()!, ...first.take()!]
    for (let number = 0; number < 1000; number += 2)
      apply({ kind: 'delete', key: `k${number}` }, table, model)
    const second = table.snapshot()
    states.push(sorted(model))
    apply({ kind: 'clear' }, table, model)
    taken.push(...rest(first))
    expect(sorted(taken)).toEqual(states[0])
    expect(sorted(rest(second))).toEqual(states[1])
    expect(table.size).toBe(0)
  })

  test('comes shard by shard, and costs nothing any more when it is closed', () => {
    const table = new Table()
    for (let number = 0; number < 5000; number += 1) table.set(`k${number}`, 'v')
    const snapshot = table.snapshot()
    const part = snapshot.take()!
    expect(new Set(part.map(([name]) => shardOf(name))).size).toBe(1)
    snapshot.close()
    snapshot.close()
    table.set('k0', 'w')
    expect(snapshot.take()).toBeUndefined()
  })
})

function rest(snapshot: Snapshot): SnapshotEntry[] {
  const entries: SnapshotEntry[] = []
  for (let part = snapshot.take(); part !== undefined; part = snapshot.take()) entries.push(...part)
  expect(snapshot.take()).toBeUndefined()
  return entries
}
