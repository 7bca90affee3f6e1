import { describe, expect, test } from 'vitest'
import { runStore, type StoreFlags } from './store.js'

/** Nobody listens there: whoever connected first would fail with exit code 1. */
const FLAGS: StoreFlags = { peer: ['127.0.0.1:1'], tls: true, stateDir: '.', timeout: '10' }

const BAD: readonly (readonly [words: string, message: RegExp, flags?: Partial<StoreFlags>])[] = [
  ['', /^say what to do with the store: get, put, /],
  [
    'fetch string:a',
    /^unknown action 'fetch': get, put, put-unique, erase, keys, dump, load, watch, verify$/,
  ],
  ['toString', /^unknown action 'toString'/],
  ['get', /^usage: zeek-cluster store NAME get KEY$/],
  ['put string:a', /^usage: zeek-cluster store NAME put KEY VALUE$/],
  ['keys string:a', /^usage: zeek-cluster store NAME keys$/],
  ['load a b', /^usage: zeek-cluster store NAME load \[FILE\]$/],
  ['get 5', /^argument '5': write TYPE:VALUE/],
  ['put string:a count:18446744073709551616', /^18446744073709551616 does not fit a count/],
  ['put string:a count:1', /^'0' is not an expiry/, { expiry: '0' }],
  ['put string:a count:1', /^'soon' is not an expiry/, { expiry: 'soon' }],
  ['get string:a', /^get has no --expiry/, { expiry: '5' }],
  ['dump', /^dump has no --count/, { count: '5' }],
  ['watch', /is not a number of messages/, { count: '0' }],
  ['watch', /^'x' is not a number of seconds/, { for: 'x' }],
  ['keys', /^'0' is not a number of seconds/, { timeout: '0' }],
  ['keys', /^--backend goes with --master only/, { backend: 'memory' }],
  ['verify', /^verify does not go with --master/, { master: true }],
  ['', /^unknown backend 'paper': memory, sqlite, rocksdb/, { master: true, backend: 'paper' }],
  ['', /^--backend sqlite needs a --path/, { master: true, backend: 'sqlite' }],
  ['', /^--path needs a backend that has a file/, { master: true, path: 'x' }],
  [
    '',
    /^unknown durability 'forever': process, machine/,
    { master: true, backend: 'sqlite', path: 'x', durability: 'forever' },
  ],
  ['keys', /^Zeek's WebSocket API has no stores/, { websocket: 'ws://127.0.0.1:1' }],
  ['load nowhere.jsonl', /^'127\.0\.0\.1:x' is not HOST:PORT/, { peer: ['127.0.0.1:x'] }],
]

const ROWS = BAD.map(([words, message, flags = {}]) => {
  const given = Object.entries(flags).map(([name, value]) => ` --${name} ${String(value)}`)
  return [words + given.join(''), words, message, flags] as const
})

describe('bad usage', () => {
  test.each(ROWS)('%s: exit code 2, before anything is connected', async (_, words, message, flags) => {
    const [action, ...args] = words === '' ? [] : words.split(' ')
    await expect(runStore('shared', action, args, { ...FLAGS, ...flags })).rejects.toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), data: { exitCode: 2 } }),
    )
  })
})
