/** Stores over real processes: races for keys, and a master that is killed while it is written to. */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, layoutOf, ROOT, type Running, start, temporaryDirectory, until, write } from './support.js'

const NODE = join(ROOT, 'test/process/store-node.mjs')
const KEYS = 10_000
const CLONES = 8

afterEach(endAll)

async function cluster(workers: number) {
  const directory = temporaryDirectory()
  const names = Array.from({ length: workers }, (_, index) => `worker-${index + 1}`)
  const layout = write(
    directory,
    'cluster-layout.zeek',
    `${(await layoutOf('manager', ...names)).text}redef Cluster::retry_interval = 1sec;\n`,
  )
  const node = (name: string, ...args: readonly string[]): Running =>
    start([NODE, layout, name, ...args], { command: process.execPath, cwd: directory })
  return { names, node }
}

/** The objects that a process printed with a member of this name. */
function told<T>(running: Running, member: string): T[] {
  return running.stdout.flatMap((line) => {
    if (!line.startsWith(`{"${member}"`)) return []
    return [(JSON.parse(line) as Record<string, T>)[member]!]
  })
}

describe('a master and clones in processes of their own', () => {
  test(`${CLONES} clones put the same ${KEYS} keys uniquely: one winner a key`, {
    timeout: 120_000,
  }, async () => {
    const { names, node } = await cluster(CLONES)
    const master = node('manager', 'serve')
    await master.line(/"serving":0/)
    const clones = names.map((name) => node(name, 'race', String(KEYS)))
    for (const clone of clones) await clone.line(/"ready"/)
    for (const clone of clones) clone.signal('SIGUSR2')
    const wins = new Map<number, string>()
    for (const [index, clone] of clones.entries()) {
      await clone.line(/"won"/, 0, 90_000)
      for (const key of told<number[]>(clone, 'won')[0]!) {
        expect(wins.get(key)).toBeUndefined()
        wins.set(key, names[index]!)
      }
    }
    expect(wins.size).toBe(KEYS)
    // Not all of them by one: it was a race.
    expect(new Set(wins.values()).size).toBeGreaterThan(1)
    for (const running of [...clones, master]) expect(await running.end('SIGTERM')).toBe(0)
  })

  test.each(['process', 'machine'])(
    'the master is killed while clones write, durability %s: all that was told to be safe is there again',
    { timeout: 120_000 },
    async (durability) => {
      const { names, node } = await cluster(2)
      let master = node('manager', 'serve', durability)
      await master.line(/"serving":0/)
      const clones = names.map((name) => node(name, 'load'))
      for (let round = 0; round < 3; round += 1) {
        const before = clones.map((clone) => told<number>(clone, 'safe').length)
        await until(
          () => clones.every((clone, index) => told<number>(clone, 'safe').length > before[index]! + 300),
          'further writes',
        )
        master.signal('SIGKILL')
        await master.end()
        const safe = clones.map((clone) => told<number>(clone, 'safe'))
        master = node('manager', 'serve', durability)
        await master.line(/"serving"/)
        const kept = new Map(
          (
            JSON.parse(master.stdout.find((line) => line.startsWith('{"serving"'))!) as {
              keys: [number, string][]
            }
          ).keys,
        )
        // Both clones write the same keys: which of them was last does not matter.
        for (const key of safe.flat()) expect(kept.has(key)).toBe(true)
        expect(safe.flat().length).toBeGreaterThan(500)
      }
      // Puts can be repeated: nothing was lost on the way, either.
      for (const clone of clones) {
        expect(told(clone, 'failed')).toEqual([])
        expect(await clone.end('SIGTERM')).toBe(0)
      }
      expect(await master.end('SIGTERM')).toBe(0)
    },
  )
})
