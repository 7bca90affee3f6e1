/**
 * Two recorded sessions of a master and a clone of real Zeek, played with one side replaced by ours: the same calls at
 * the same times, and ours has to say the same things in the same order (spec/broker-protocol.md 7; what the recorded
 * scripts did is in `steps.jsonl`).
 */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines } from '../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { Address, Port, Subnet } from '../data/address.js'
import { ByteReader } from '../data/byte-reader.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { BROKER_TIMING, TICK_MS } from './channel/timing.js'
import { Clone } from './clone.js'
import { type Body, type Command, isAction, readCommand } from './command.js'
import type { Engine } from './engine.js'
import { type Entity, endpointOf, entityOf } from './entity.js'
import { ExpiryQueue } from './expiry-queue.js'
import { Handle } from './handle.js'
import { DEFAULT_STORE_LIMITS } from './limits.js'
import { Master } from './master.js'
import type { Store } from './store.js'
import { type StoreData, storeData } from './store-data.js'
import { Table } from './table.js'

interface Recording {
  readonly folder: string
  readonly masterDirection: 'c2l' | 'l2c'
  /** What the scripts of the two sessions name differently. */
  readonly words: {
    readonly name: string
    readonly number: bigint
    readonly unique: string
    readonly table: string
  }
}

const RECORDINGS: readonly Recording[] = [
  {
    folder: 'e-store-memory-master-listens',
    masterDirection: 'l2c',
    words: { name: 'alpha', number: 10n, unique: 'uniq-key', table: 'nested' },
  },
  {
    folder: 'e-store-sqlite-master-connects',
    masterDirection: 'c2l',
    words: { name: 'beta', number: 1000n, unique: 'only-once', table: 'tbl' },
  },
]

interface Heard {
  readonly t: number
  readonly by: 'master' | 'clone'
  readonly command: Command
}

function commandsOf({ folder, masterDirection }: Recording): Heard[] {
  const heard: Heard[] = []
  const decoders = { c2l: new FrameDecoder(1 << 20), l2c: new FrameDecoder(1 << 20) }
  const seen = { c2l: 0, l2c: 0 }
  const chunks = readJsonLines<{ t: number; dir: 'c2l' | 'l2c'; hex: string }>(
    `broker-streams/${folder}/stream.jsonl`,
  )
  for (const { t, dir, hex } of chunks) {
    decoders[dir].push(fromHex(hex), (bytes, start, end) => {
      seen[dir] += 1
      const reader = new ByteReader()
      const header = emptyEnvelopeHeader()
      reader.reset(bytes.slice(start, end), 0, end - start)
      // The handshake has at most four messages of a side.
      if (end - start < 60) return true
      readEnvelopeHeader(reader, header)
      if (header.type !== ENVELOPE.command) return true
      heard.push({ t, by: dir === masterDirection ? 'master' : 'clone', command: readCommand(reader) })
      return true
    })
  }
  return heard
}

function integer(value: bigint): StoreData {
  return { type: 'integer', value }
}

/** The calls of the recorded scripts, by what they print before. */
function callsOf({ words }: Recording): Record<string, (store: Store) => readonly Promise<unknown>[]> {
  const { name, number, unique, table } = words
  return {
    [`clone: put ${name}`]: (store) => [store.put(name, number)],
    'clone: put record/set/table/vector values': (store) => [
      store.put('c-set', new Set(['a', 'b'])),
      store.put('c-table', new Map([['k', 1n]])),
      store.put('c-vec', [1n, 2n]),
      store.put('c-rec', [number, null]),
    ],
    'clone: put_unique new key': (store) => [store.putUnique(unique, 'first')],
    'clone: put_unique existing key': (store) => [store.putUnique(unique, 'second')],
    'clone: increment m-count by 5': (store) => [store.increment('m-count', 5n)],
    'clone: decrement m-count by 2': (store) => [store.decrement('m-count', 2n)],
    'clone: increment missing key': (store) => [store.increment('new-counter', 3n)],
    'clone: increment with negative int': (store) => [
      store.put('c-int', integer(-4n)),
      store.increment('c-int', integer(-6n)),
    ],
    'clone: increment time and double': (store) => [
      store.put('c-dbl', 1.5),
      store.increment('c-dbl', 0.25),
      store.put('c-time', { type: 'timestamp', value: 1_000_000_000_000n }),
      store.increment('c-time', { type: 'timespan', value: 90_000_000_000n }),
      store.put('c-ivl', { type: 'timespan', value: 10_000_000_000n }),
      store.increment('c-ivl', { type: 'timespan', value: 5_000_000_000n }),
    ],
    'clone: append to m-string': (store) => [store.append('m-string', `-${name}`)],
    'clone: insert_into_set': (store) => [
      store.insertIntoSet('m-set', name),
      store.insertIntoSet('new-set', 42n),
    ],
    'clone: insert_into_table': (store) => [store.insertIntoTable('m-table', 'idx', number)],
    'clone: push / pop vector': (store) => [
      store.push('m-vec', name),
      store.push('m-vec', 'tail'),
      store.pop('m-vec'),
    ],
    'clone: remove_from set and table': (store) => [
      store.removeFrom('m-set', 'x'),
      store.removeFrom('m-table', 'idx'),
    ],
    'clone: put with 2 s expiry': (store) => [store.put('exp-1', 'soon gone', { expiryMs: 2000 })],
    'clone: increment with expiry': (store) => [store.increment('exp-2', 1n, { expiryMs: 1500 })],
    'clone: type clash (append to count)': (store) => [store.append('m-count', 'oops')],
    'clone: erase existing, erase missing': (store) => [store.erase(name), store.erase('never-there')],
    'clone: non-string keys': (store) => [
      store.put(new Port(80, 'tcp'), 'port key'),
      store.put(Address.parse('10.0.0.1'), 'addr key'),
      store.put(Subnet.parse('10.0.0.0/8'), 'subnet key'),
      store.put(number, 'count key'),
      store.put(['a', 'b'], 'vector key'),
      store.put(true, 'bool key'),
    ],
    'clone: put after reattach': (store) => [store.put('reattached', true)],
    [`master: put ${table}`]: (store) => [
      store.put(
        table,
        new Map([
          ['a', [1n, 2n]],
          ['b', [3n]],
        ] as const),
      ),
    ],
    'master: put_unique new, existing': (store) => [
      store.putUnique('m-unique', 1n),
      store.putUnique('m-unique', 2n),
    ],
    'master: increment / append / insert / push': (store) => [
      store.increment('m-count', 100n),
      store.append('m-string', '+M'),
      store.insertIntoSet('m-set', 'from-master'),
      store.insertIntoTable('m-table', 'from-master', 9n),
      store.push('m-vec', 'from-master'),
    ],
    'master: put with 1 s expiry': (store) => [store.put('m-exp', 7n, { expiryMs: 1000 })],
    'master: erase c-vec': (store) => [store.erase('c-vec')],
    'master: clear': (store) => [store.clear()],
    'master: put after clear': (store) => [
      store.put('after-clear', table),
      store.put('after-clear-2', number),
    ],
  }
}

/** Steps that print and do nothing to the store. */
const IDLE = /: (?:wait|clone -> master|close|detached|create_clone again|done)|^(?:put_unique|get) /

interface Played {
  readonly said: readonly Command[]
  readonly outcomes: Map<string, unknown[]>
}

/** Plays a recording with `role` as ours. */
async function play(
  recording: Recording,
  role: 'master' | 'clone',
  start: (
    time: VirtualTime,
    said: Command[],
    ids: (object: bigint) => Entity,
  ) => Engine & {
    receive(command: Command): void
    tick(): void
  },
  seed: (store: Store) => Promise<unknown>,
): Promise<Played & { readonly store: Store }> {
  const heard = commandsOf(recording)
  const first = heard.find(({ by }) => by === role)!
  const endpoint = endpointOf(first.command.sender)
  const steps = readJsonLines<{ t: number; node: string; text: string }>(
    `broker-streams/${recording.folder}/steps.jsonl`,
  ).filter(({ node }) => node === role)
  const begin = Math.min(heard[0]!.t, steps[0]!.t)
  const time = new VirtualTime(begin * 1000)
  const said: Command[] = []
  const engine = start(time, said, (object) => entityOf(endpoint, object))
  const store: Store = new Handle({ engine, timers: time, key: storeData, value: storeData })
  await seed(store)
  const calls = callsOf(recording)
  const outcomes = new Map<string, unknown[]>()
  const events = [
    ...heard
      .filter(({ by }) => by !== role)
      .map(({ t, command }) => ({ t, run: () => engine.receive(command) })),
    ...steps.map(({ t, text }) => ({
      t,
      run: () => {
        if (IDLE.test(text)) return
        const results: unknown[] = []
        outcomes.set(text, results)
        for (const [index, promise] of calls[text]!(store).entries()) {
          promise.then(
            (value) => {
              results[index] = value
            },
            (error: { code: string }) => {
              results[index] = error.code
            },
          )
        }
      },
    })),
  ].sort((a, b) => a.t - b.t)
  let ticked = begin
  for (const { t, run } of events) {
    while (ticked + TICK_MS / 1000 <= t) {
      ticked += TICK_MS / 1000
      await time.advance(ticked * 1000 - time.wallMs())
      engine.tick()
    }
    await time.advance(Math.max(0, t * 1000 - time.wallMs()))
    run()
    await time.settle()
  }
  return { said, outcomes, store }
}

/** Kind, place and content; of a snapshot the entries in any order. */
function comparable({ seq, sender, receiver, body }: Command): unknown {
  const content: Body = body.kind === 'ack-clone' ? { ...body, snapshot: [...body.snapshot].sort() } : body
  return { seq, sender, receiver, ...content }
}

/** Signs of life come when time says. */
function isContent({ body }: Command): boolean {
  return isAction(body) || body.kind === 'ack-clone' || body.kind === 'attach-writer' || body.kind === 'nack'
}

/** Of calls whose result says something. */
const RESULTS: Record<string, unknown> = {
  'clone: put_unique new key': true,
  'clone: put_unique existing key': false,
  'clone: type clash (append to count)': 'refused',
}

describe.each(RECORDINGS)('$folder', (recording) => {
  const { words } = recording
  const heard = commandsOf(recording)

  test('our master says what the recorded master said to the recorded clone', async () => {
    const { said, outcomes } = await play(
      recording,
      'master',
      (time, commands, entity) =>
        new Master({
          name: 's',
          self: entity(9n),
          frontEnd: entity(11n),
          clock: time,
          timers: time,
          timing: BROKER_TIMING,
          limits: DEFAULT_STORE_LIMITS,
          table: new Table(),
          expiry: new ExpiryQueue(),
          backend: undefined,
          effects: {
            send: (command) => {
              const { body } = command
              commands.push(
                body.kind === 'ack-clone'
                  ? { ...command, body: { ...body, snapshot: [...body.snapshot] } }
                  : command,
              )
              return true
            },
            isOurs: () => false,
            isGone: () => false,
            changed: () => {},
            report: () => {},
          },
        }),
      (store) =>
        Promise.all([
          store.put('m-count', words.number),
          store.put('m-string', words.name),
          store.put('m-set', new Set(['x', 'y'])),
          store.put('m-table', new Map([['t', 1n]])),
          store.put('m-vec', ['v0']),
        ]),
    )
    const expected = heard.filter(({ by, command }) => by === 'master' && isContent(command))
    expect(expected.length).toBeGreaterThan(55)
    expect(said.filter(isContent).map(comparable)).toEqual(expected.map(({ command }) => comparable(command)))
    expect(outcomes.get('master: put_unique new, existing')).toEqual([true, false])
    // Every action of the clone was acknowledged, as by the recorded master.
    const acked = (commands: readonly Command[]): number =>
      Math.max(...commands.map(({ body }) => (body.kind === 'cumulative-ack' ? body.upTo : 0)))
    const recordedAck = acked(heard.filter(({ by }) => by === 'master').map(({ command }) => command))
    expect(acked(said)).toBe(recordedAck)
  })

  test('our clone says what the recorded clone said to the recorded master, and has what it had', async () => {
    const { said, outcomes, store } = await play(
      recording,
      'clone',
      (time, commands, entity) => {
        const entities = [entity(11n), entity(9n)]
        const clone = new Clone({
          name: 's',
          clock: time,
          timing: BROKER_TIMING,
          intervals: { resyncMs: 10_000, staleMs: 300_000, mutationBufferMs: 120_000 },
          effects: {
            send: (command) => {
              commands.push(command)
              return true
            },
            isOurs: () => false,
            newEntity: () => entities.pop()!,
            changed: () => {},
            isWatched: () => false,
            readinessChanged: () => {},
            report: () => {},
          },
        })
        const master = endpointOf(heard.find(({ by }) => by === 'master')!.command.sender)
        time.soon(() => clone.start([master]))
        return clone
      },
      async () => {},
    )
    const expected = heard.filter(({ by, command }) => by === 'clone' && isContent(command))
    expect(expected.length).toBeGreaterThan(35)
    // How often it asks is a matter of time.
    const withoutRepeats = (commands: readonly unknown[]): unknown[] =>
      commands.filter((command, index) => !isDeepStrictEqual(command, commands[index - 1]))
    expect(withoutRepeats(said.filter(isContent).map(comparable))).toEqual(
      withoutRepeats(expected.map(({ command }) => comparable(command))),
    )
    for (const [text, results] of outcomes) {
      expect([text, new Set(results)]).toEqual([text, new Set([RESULTS[text]])])
      expect(results.length).toBeGreaterThan(0)
    }
    expect(await store.entries()).toHaveLength(3)
    expect(await store.get('after-clear')).toBe(words.table)
    expect(await store.get('reattached')).toBe(true)
  })
})
