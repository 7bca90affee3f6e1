import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Coverage } from './coverage.ts'
import { dictionaryOf } from './dictionary.ts'
import { DEFAULT_LIMITS } from './guard.ts'
import { type FuzzResult, fuzz, smallestCover } from './harness.ts'
import type { Target } from './target.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SOURCES = ['fuzz/fixture/toy-decoders.ts']
const dictionary = dictionaryOf(ROOT, SOURCES)
const coverage = new Coverage()
let toys: typeof import('./fixture/toy-decoders.ts')

beforeAll(async () => {
  coverage.start()
  toys = await import('./fixture/toy-decoders.ts')
})
afterAll(() => coverage.stop())

function target(run: Target['run']): Target {
  return { name: 'toy', what: 'a toy', sources: SOURCES, seeds: () => [], run }
}

function fuzzToy(run: Target['run'], runsMax: number, seed = 1): FuzzResult {
  const limits = { ...DEFAULT_LIMITS, cpuMs: 150 }
  return fuzz(target(run), coverage, { seed, dictionary, limits, goOn: (runs) => runs < runsMax })
}

describe('planted bugs are found', () => {
  test.each([
    ['decodeRecord', 'planted behind a magic number'],
    ['decodeTagged', 'planted behind a tag'],
    ['decodeText', 'planted behind a keyword'],
    ['decodeStatement', 'planted behind two words'],
  ] as const)('%s', (name, message) => {
    const { fault } = fuzzToy((input) => void toys[name](input), 400_000)
    expect(fault).toMatchObject({ kind: 'exception', message: expect.stringContaining(message) as unknown })
    expect(() => toys[name](fault!.input)).toThrow(message)
  })

  test('an endless loop', () => {
    const { fault } = fuzzToy((input) => toys.decodeForever(input), 200_000)
    expect(fault?.kind).toBe('hang')
    expect(Buffer.from(fault!.input).toString('hex')).toMatch(/^77(?:..)*10/)
  })

  test('memory taken for a length that was only announced', () => {
    const { fault } = fuzzToy((input) => void toys.decodeGreedily(input), 200_000)
    expect(fault?.kind).toBe('allocation')
    expect(fault!.input.length).toBeLessThan(64)
  })
})

test('inputs of faults are minimised', () => {
  const { fault } = fuzzToy((input) => toys.decodeText(input), 400_000)
  expect(Buffer.from(fault!.input).toString('latin1')).toBe('subscribe=everything')
})

test('a decoder without bugs yields nothing', () => {
  const result = fuzzToy((input) => void toys.decodeCleanly(input), 20_000)
  expect(result.fault).toBeUndefined()
  expect(result.runs).toBeGreaterThanOrEqual(20_000)
  expect(result.blocks).toBeGreaterThan(3)
  expect(result.corpus.length).toBeGreaterThan(2)
})

test('the same seed does the same', () => {
  const [first, second, other] = [7, 7, 8].map((seed) => {
    return fuzzToy((input) => void toys.decodeCleanly(input), 4096, seed).corpus
  })
  expect(second).toEqual(first)
  expect(other).not.toEqual(first)
})

test('of the inputs those are kept that reach what the others do not', () => {
  const useful = Uint8Array.of(1, 1)
  const kept = smallestCover(
    target((input) => void toys.decodeCleanly(input)),
    coverage,
    [Uint8Array.of(1, 1, 1, 1, 1), useful],
  )
  expect(kept).toEqual([useful])
})

test('the dictionary has the strings and numbers of the code, not those of its comments', () => {
  const all = [...dictionary.texts, ...dictionary.numbers]
  const texts = all.map((bytes) => Buffer.from(bytes).toString('latin1'))
  expect(texts).toEqual(expect.arrayContaining(['everything', 'redef ', 'ZEEK', 'KEEZ', '};']))
  expect(texts.some((text) => text.includes('magic number, a kind'))).toBe(false)
})
