/** The file that says how many records a kill takes: what is read from it, whatever stopped its last write. */
import { describe, expect, test } from 'vitest'
import type { FixedFile } from '../../base/disk.js'
import { ClusterError } from '../../base/errors.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { BOUND_BYTES, LossBound, readLossBound } from './loss-bound.js'

interface Write {
  readonly before: Uint8Array
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A disk that remembers what a file held before each write. */
class RememberingDisk extends MemoryDisk {
  readonly writes: Write[] = []
  /** Writes there fail, with a part of them done. */
  failingOffset: number | undefined

  override createFixedNow(path: string, content: Uint8Array): FixedFile {
    const file = super.createFixedNow(path, content)
    return {
      close: () => file.close(),
      overwriteNow: (offset, bytes) => {
        this.writes.push({ before: this.bytes(path), offset, bytes: Uint8Array.from(bytes) })
        const isFailing = offset === this.failingOffset
        file.overwriteNow(offset, isFailing ? bytes.subarray(0, 20) : bytes)
        if (isFailing) throw new ClusterError('EIO', 'the disk does not answer', undefined)
      },
    }
  }

  bytes(path = '/bound'): Uint8Array {
    return Buffer.from(this.text(path, 'latin1'), 'latin1')
  }
}

const MEMORY_RECORDS = 100

function openBound(disk: MemoryDisk): LossBound {
  const bound = new LossBound({ disk, path: '/bound', memoryRecords: MEMORY_RECORDS })
  bound.open(0)
  return bound
}

describe('what a kill takes', () => {
  test('is at most what waits to be spooled while all is well, and again when all is on disk', () => {
    const disk = new RememberingDisk()
    const bound = openBound(disk)
    expect(readLossBound(disk.bytes())).toBe(100)
    bound.cover(0)
    bound.open(0)
    expect(disk.writes).toEqual([])
    bound.cover(1)
    expect(readLossBound(disk.bytes())).toBe(201)
    bound.cover(0)
    expect(readLossBound(disk.bytes())).toBe(100)
  })

  test('is never less than what is in memory and what may come before the next look, and seldom written', () => {
    const disk = new RememberingDisk()
    const bound = openBound(disk)
    for (let unnoted = 1; unnoted <= 5000; unnoted += 1) {
      bound.cover(unnoted)
      const said = Number(readLossBound(disk.bytes()))
      expect(said).toBeGreaterThanOrEqual(unnoted + MEMORY_RECORDS)
      expect(said).toBeLessThanOrEqual(unnoted + 2 * MEMORY_RECORDS)
    }
    expect(disk.writes.length).toBeLessThanOrEqual(2 * (5000 / MEMORY_RECORDS))
    const before = disk.writes.length
    for (let unnoted = 5000; unnoted > 0; unnoted -= 1) {
      bound.cover(unnoted)
      const said = Number(readLossBound(disk.bytes()))
      expect(said).toBeGreaterThanOrEqual(unnoted + MEMORY_RECORDS)
      expect(said).toBeLessThanOrEqual(2 * (unnoted + 2 * MEMORY_RECORDS))
    }
    expect(disk.writes.length - before).toBeLessThan(12)
  })

  test('is what the last whole write says, torn at any byte', () => {
    const disk = new RememberingDisk()
    const bound = openBound(disk)
    for (const unnoted of [1, 500, 2 ** 33, 70_000, 3, 0]) bound.cover(unnoted)
    expect(disk.writes).toHaveLength(12)
    for (const { before, offset, bytes } of disk.writes) {
      const old = readLossBound(before)
      const whole = Uint8Array.from(before)
      whole.set(bytes, offset)
      const next = readLossBound(whole)
      for (let length = 0; length < bytes.length; length += 1) {
        const torn = Uint8Array.from(before)
        torn.set(bytes.subarray(0, length), offset)
        // As soon as nothing is missing but bytes that were the same before.
        const isWhole = Buffer.compare(torn, whole) === 0
        expect(readLossBound(torn)).toBe(isWhole ? next : old)
      }
    }
  })

  test('is still known with any one byte damaged, and unknown when the file is none', () => {
    const disk = new RememberingDisk()
    openBound(disk).cover(500)
    const bytes = disk.bytes()
    for (let offset = 0; offset < bytes.length; offset += 1) {
      const damaged = Uint8Array.from(bytes)
      damaged[offset]! ^= 0x55
      expect(readLossBound(damaged)).toBe(700)
    }
    for (let length = 0; length < BOUND_BYTES; length += 1)
      expect(readLossBound(bytes.subarray(0, length))).toBe('unknown')
    expect(readLossBound(new Uint8Array(BOUND_BYTES))).toBe('unknown')
    expect(readLossBound(new Uint8Array(BOUND_BYTES + 1))).toBe('unknown')
  })
})

test.each([0, 1])('a write that fails half-way in slot %i is made up for', (slot) => {
  const disk = new RememberingDisk()
  const bound = openBound(disk)
  const said = (): number | 'unknown' => readLossBound(disk.bytes())
  bound.cover(1000)
  // Lowering: what is there is enough, whether it was written or not.
  disk.failingOffset = slot * (BOUND_BYTES / 2)
  bound.cover(10)
  expect(said()).toBeGreaterThanOrEqual(110)
  disk.failingOffset = undefined
  bound.cover(300)
  expect(said()).toBeGreaterThanOrEqual(400)
  // Raising: the bound is unknown, unless the slot that was written first says it.
  disk.failingOffset = slot * (BOUND_BYTES / 2)
  bound.cover(2000)
  const raised = said()
  expect(['unknown', 2200]).toContain(raised)
  expect(disk.paths()).toEqual(raised === 'unknown' ? [] : ['/bound'])
  disk.failingOffset = undefined
  bound.cover(2010)
  expect(said()).toBe(raised)
  bound.open(2010)
  expect(said()).toBe(raised === 'unknown' ? 2210 : raised)
})
