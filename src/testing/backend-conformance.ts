/**
 * What every backend of a store has to keep to: for backends of your own, in any test runner. A case rejects when the
 * backend does something else.
 *
 *     for (const { name, needsEntriesKept, run } of BACKEND_CONFORMANCE) {
 *       test(name, () => run(() => openMine(join(freshFolder, 'store'))))
 *     }
 */
import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict'
import type { Backend, Change, StoredEntry } from '../store/backends/backend.js'
import { seededRandom } from './seeded-random.js'

/** Opens the store of one case: again and again the same, never twice at a time. At the start it is empty. */
export type OpenConformingBackend = () => Promise<Backend>

export interface BackendConformanceCase {
  readonly name: string
  /** False: also for backends that keep nothing. */
  readonly needsEntriesKept: boolean
  run(open: OpenConformingBackend): Promise<void>
}

const INT64_MAX = 2n ** 63n - 1n

export const BACKEND_CONFORMANCE: readonly BackendConformanceCase[] = [
  {
    name: 'a new store is empty, also when it is opened again',
    needsEntriesKept: false,
    async run(open) {
      await expectEntries(open, new Map())
      await expectEntries(open, new Map())
    },
  },
  {
    name: 'commits are taken one after the other, empty ones too',
    needsEntriesKept: false,
    async run(open) {
      await withBackend(open, async (backend) => {
        await load(backend)
        await backend.commit([])
        for (let count = 0; count < 200; count += 1) await backend.commit([put(`key ${count}`, `${count}`)])
        await backend.commit([{ kind: 'erase', key: text('key 7') }, { kind: 'clear' }])
      })
    },
  },
  keeping('what is put is there when the store is opened again', async (open) => {
    await commitEach(open, [[put('a', '1'), put('b', '2')]])
    await expectEntries(open, entriesOf(put('a', '1'), put('b', '2')))
  }),
  keeping('a put replaces value and expiry', async (open) => {
    await commitEach(open, [
      [put('a', '1', 5n), put('b', '1')],
      [put('a', '2'), put('b', '2', 6n)],
    ])
    await expectEntries(open, entriesOf(put('a', '2'), put('b', '2', 6n)))
  }),
  keeping('changes of a commit are applied in their order', async (open) => {
    const changes = [
      put('a', '1', 1n),
      erase('a'),
      put('b', '1', 2n),
      { kind: 'clear' } as const,
      put('c', '1'),
      put('c', '2', 3n),
      erase('d'),
      put('d', '1', 4n),
      put('e', '1', 5n),
      erase('e'),
      put('f', '1', 6n),
      put('f', '2'),
    ]
    await commitEach(open, [[put('z', '0', 9n)], changes])
    await expectEntries(open, entriesOf(put('c', '2', 3n), put('d', '1', 4n), put('f', '2')))
  }),
  keeping('erasing takes the expiry along', async (open) => {
    await commitEach(open, [[put('a', '1', 5n)], [erase('a')], [put('a', '2')]])
    await expectEntries(open, entriesOf(put('a', '2')))
  }),
  keeping('clearing takes everything, expiries too', async (open) => {
    await commitEach(open, [[put('a', '1', 5n), put('b', '1')], [{ kind: 'clear' }]])
    await expectEntries(open, new Map())
    await commitEach(open, [[put('a', '2')]])
    await expectEntries(open, entriesOf(put('a', '2')))
  }),
  keeping('a key that is not there is erased without an error', async (open) => {
    await commitEach(open, [[erase('nothing')], [put('a', '1'), erase('nothing')]])
    await expectEntries(open, entriesOf(put('a', '1')))
  }),
  keeping('expiries are kept to the nanosecond', async (open) => {
    const times = [0n, 1n, -1n, 1_795_350_565_267_354_123n, 2n ** 53n + 1n, INT64_MAX, -INT64_MAX - 1n]
    const changes = times.map((time) => put(`at ${time}`, 'x', time))
    await commitEach(open, [changes])
    await expectEntries(open, entriesOf(...changes))
  }),
  keeping('keys and values are any bytes', async (open) => {
    const random = seededRandom(1)
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const changes = [
      putBytes(Uint8Array.of(0), Uint8Array.of(0)),
      putBytes(Uint8Array.of(0, 0), Uint8Array.of(0, 0, 0)),
      putBytes(Uint8Array.of(5, 3, 0, 0xff, 0xfe), every),
      putBytes(every, Uint8Array.of(0xff)),
      putBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff), every, 1n),
      putBytes(random.fill(new Uint8Array(64 * 1024)), text('long key'), 2n),
      putBytes(text('long value'), random.fill(new Uint8Array(1024 * 1024)), 3n),
    ]
    await commitEach(open, [changes])
    await expectEntries(open, entriesOf(...changes))
  }),
  keeping('keys are equal when their bytes are: 0.0 and -0.0 are two', async (open) => {
    const real = (first: number): Uint8Array => Uint8Array.of(4, first, 0, 0, 0, 0, 0, 0, 0)
    const changes = [putBytes(real(0), text('0.0')), putBytes(real(0x80), text('-0.0'))]
    await commitEach(open, [changes])
    await expectEntries(open, entriesOf(...changes))
    await commitEach(open, [[{ kind: 'erase', key: real(0x80) }]])
    await expectEntries(open, entriesOf(changes[0]!))
  }),
  keeping('a commit that fails half way changes nothing, and the next one succeeds', async (open) => {
    await commitEach(open, [[put('a', '1', 5n), put('b', '1')]])
    await withBackend(open, async (backend) => {
      await load(backend)
      const broken = { kind: 'put', entry: { key: undefined, value: undefined, expiryNs: undefined } }
      const changes = [put('c', '1'), erase('b'), broken as unknown as Change, { kind: 'clear' } as const]
      await rejects(backend.commit(changes), 'a change without a key was accepted')
      await backend.commit([put('d', '1')])
    })
    await expectEntries(open, entriesOf(put('a', '1', 5n), put('b', '1'), put('d', '1')))
  }),
  keeping('entries belong to who loads them', async (open) => {
    const entry = put('key', 'value').entry
    await commitEach(open, [[{ kind: 'put', entry }, put('other', 'other value', 7n)]])
    entry.key.fill(1)
    entry.value.fill(1)
    await withBackend(open, async (backend) => {
      const loaded = await load(backend)
      for (const { key, value } of loaded) {
        key.fill(2)
        value.fill(2)
      }
      await backend.commit([put('third', 'x')])
    })
    const expected = entriesOf(put('key', 'value'), put('other', 'other value', 7n), put('third', 'x'))
    await expectEntries(open, expected)
  }),
  keeping('many entries come in several chunks, each once', async (open) => {
    const changes = Array.from({ length: 20_000 }, (_, index) =>
      put(`key ${index}`, `value ${index}`, index % 3 === 0 ? BigInt(index) : undefined),
    )
    await commitEach(open, [changes.slice(0, 12_345), changes.slice(12_345)])
    await withBackend(open, async (backend) => {
      const loaded: StoredEntry[] = []
      let chunks = 0
      for await (const chunk of backend.load()) {
        chunks += 1
        loaded.push(...chunk)
      }
      strictEqual(chunks > 1, true, `20000 entries came in ${chunks} chunk`)
      strictEqual(loaded.length, changes.length, 'the number of entries')
      deepStrictEqual(mapOf(loaded), entriesOf(...changes))
    })
  }),
  keeping('each of many commits counts', async (open) => {
    const changes = Array.from({ length: 500 }, (_, index) => put(`key ${index % 50}`, `value ${index}`))
    await commitEach(
      open,
      changes.map((change) => [change]),
    )
    await expectEntries(open, entriesOf(...changes))
  }),
  ...[1, 2, 3].map((seed) =>
    keeping(`random commits, opened again in between (seed ${seed})`, (open) => randomCommits(open, seed)),
  ),
]

/** Commits of random changes; after each opening the entries are those of a model. */
async function randomCommits(open: OpenConformingBackend, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const bytes = new Uint8Array(4)
  const below = (limit: number): number => new DataView(random.fill(bytes).buffer).getUint32(0) % limit
  const model = new Map<string, Content>()
  const key = (): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, below(60))
  for (let opening = 0; opening < 8; opening += 1) {
    await withBackend(open, async (backend) => {
      deepStrictEqual(mapOf(await load(backend)), model)
      for (let commit = below(10); commit >= 0; commit -= 1) {
        const changes = Array.from({ length: below(30) }, (): Change => {
          const what = below(40)
          if (what === 0) return { kind: 'clear' }
          if (what < 12) return { kind: 'erase', key: key() }
          const value = random.fill(new Uint8Array(1 + below(300)))
          return putBytes(key(), value, what < 25 ? undefined : BigInt(below(1_000_000)) * 1_000_000_007n)
        })
        for (const change of changes) applyTo(model, change)
        await backend.commit(changes)
      }
    })
  }
  await expectEntries(open, model)
}

/** Value in hexadecimal digits, and expiry. */
type Content = readonly [value: string, expiryNs: bigint | undefined]
type Put = Extract<Change, { readonly kind: 'put' }>

function keeping(name: string, run: BackendConformanceCase['run']): BackendConformanceCase {
  return { name, needsEntriesKept: true, run }
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function putBytes(key: Uint8Array, value: Uint8Array, expiryNs?: bigint): Put {
  return { kind: 'put', entry: { key, value, expiryNs } }
}

function put(key: string, value: string, expiryNs?: bigint): Put {
  return putBytes(text(key), text(value), expiryNs)
}

function erase(key: string): Change {
  return { kind: 'erase', key: text(key) }
}

async function withBackend(
  open: OpenConformingBackend,
  use: (backend: Backend) => Promise<void>,
): Promise<void> {
  const backend = await open()
  try {
    await use(backend)
  } finally {
    await backend.close()
  }
}

/** Opens, makes the commits and closes. */
function commitEach(open: OpenConformingBackend, commits: readonly (readonly Change[])[]): Promise<void> {
  return withBackend(open, async (backend) => {
    await load(backend)
    for (const changes of commits) await backend.commit(changes)
  })
}

async function load(backend: Backend): Promise<readonly StoredEntry[]> {
  const entries: StoredEntry[] = []
  for await (const chunk of backend.load()) entries.push(...chunk)
  return entries
}

function expectEntries(open: OpenConformingBackend, expected: ReadonlyMap<string, Content>): Promise<void> {
  return withBackend(open, async (backend) => {
    const loaded = await load(backend)
    deepStrictEqual(mapOf(loaded), expected)
    strictEqual(loaded.length, expected.size, 'an entry came twice')
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function mapOf(entries: readonly StoredEntry[]): Map<string, Content> {
  return new Map(entries.map(({ key, value, expiryNs }) => [hex(key), [hex(value), expiryNs]]))
}

function entriesOf(...puts: readonly Put[]): Map<string, Content> {
  return mapOf(puts.map(({ entry }) => entry))
}

function applyTo(model: Map<string, Content>, change: Change): void {
  switch (change.kind) {
    case 'put':
      model.set(hex(change.entry.key), [hex(change.entry.value), change.entry.expiryNs])
      return
    case 'erase':
      model.delete(hex(change.key))
      return
    case 'clear':
      model.clear()
  }
}
