/** What becomes of messages: batches as a whole, metadata, identifier updates, and what is no valid message. */
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../test/support/vectors.js'
import type { Peer } from '../bus/bus.js'
import { ByteWriter } from '../data/byte-writer.js'
import { event } from '../data/event.js'
import { MESSAGE_TYPE, writeMessageStart } from '../data/messages.js'
import { any, count, string } from '../data/types.js'
import type { Value } from '../data/value.js'
import { DIALECTS } from '../options/dialect.js'
import { defaultOptions } from '../options/registry.js'
import { EventDispatch } from './event-dispatch.js'
import { Inbox } from './inbox.js'
import { Topics } from './topics.js'

const PEER: Peer = {
  id: 'peer',
  address: { host: '127.0.0.1', port: 1 },
  direction: 'incoming',
  subscriptions: [],
}

const said = event('Test::said', [string, count])

class Receiver {
  readonly log: string[] = []
  readonly inbox: Inbox

  constructor() {
    const report = ({ code, message }: { code: string; message: string }): number =>
      this.log.push(`${code}: ${message}`)
    const dispatch = new EventDispatch(
      () => 'peer',
      report,
      (error) => {
        throw error
      },
    )
    dispatch.on(said, (...args) => this.log.push(`said ${args.join(' ')} at ${dispatch.timestamp}`))
    this.inbox = new Inbox(
      new Topics(defaultOptions('reference'), DIALECTS.reference),
      new Set(),
      dispatch,
      undefined,
      () => 'peer',
      report,
      (name, value) => this.log.push(`update ${name} ${JSON.stringify(value, bigintAsText)}`),
    )
  }

  receive(message: Uint8Array): string[] {
    this.inbox.receive('/t', message, 0, message.length, PEER)
    return this.log.splice(0)
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function encode(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter()
  write(writer)
  return writer.toBytes()
}

const hi = (n: bigint): Uint8Array => encode((writer) => said('hi', n).writeTo(writer))

function batch(...messages: readonly Uint8Array[]): Uint8Array {
  return encode((writer) => {
    writeMessageStart(writer, MESSAGE_TYPE.batch, messages.length)
    for (const message of messages) writer.raw(message)
  })
}

const IDENTIFIER_UPDATE = fromHex(
  '0e030200000000000000010200000000000000040e02051e4c6f673a3a64656661756c745f726f746174696f6e5f696e74657276616c0a0000034630b8a000',
)

test('events one by one, alike and not', () => {
  const receiver = new Receiver()
  const stamped = encode((writer) => said('hi', 3n).at(1.5).writeTo(writer))
  const all = [hi(1n), hi(2n), hi(3n), stamped, stamped, stamped, hi(4n)]
  expect(all.flatMap((message) => receiver.receive(message))).toEqual([
    'said hi 1 at undefined',
    'said hi 2 at undefined',
    'said hi 3 at undefined',
    'said hi 3 at 1.5',
    'said hi 3 at 1.5',
    'said hi 3 at 1.5',
    'said hi 4 at undefined',
  ])
})

describe('a batch', () => {
  test('of events, identifier updates and batches', () => {
    const receiver = new Receiver()
    expect(receiver.receive(batch(hi(1n), batch(hi(2n), batch()), IDENTIFIER_UPDATE, hi(3n)))).toEqual([
      'said hi 1 at undefined',
      'said hi 2 at undefined',
      'update Log::default_rotation_interval {"type":"timespan","value":"3600000000000"}',
      'said hi 3 at undefined',
    ])
  })

  test.each([
    ['another version', fromHex('0e030200000000000000020200000000000000010e0205016105010e00')],
    ['an unknown type', fromHex('0e030200000000000000010200000000000000060e00')],
    ['an event without arguments', fromHex('0e030200000000000000010200000000000000010e01050161')],
    ['a log record without a path', fromHex('0e030200000000000000010200000000000000030e010b0161')],
    ['no message', fromHex('0101')],
  ])('is refused as a whole for %s in it', (_name, faulty) => {
    const receiver = new Receiver()
    const [line, ...rest] = receiver.receive(batch(hi(1n), faulty, hi(2n)))
    expect(line).toMatch(/^invalid-message: from peer on \/t: not a valid Zeek message/)
    expect(rest).toEqual([])
    expect(receiver.receive(hi(3n))).toEqual(['said hi 3 at undefined'])
    expect(receiver.inbox.invalidMessages).toBe(1)
  })

  test('is refused when it is nested too deep, or goes on behind its end', () => {
    let deep = batch(hi(1n))
    for (let depth = 0; depth < 9; depth += 1) deep = batch(deep)
    for (const message of [deep, Buffer.concat([batch(hi(1n)), Buffer.from([0])])]) {
      expect(new Receiver().receive(message)).toEqual([expect.stringMatching(/^invalid-message/)])
    }
  })
})

describe('an event', () => {
  const withMetadata = (metadata: Value): Uint8Array =>
    encode((writer) => {
      writeMessageStart(writer, MESSAGE_TYPE.event, 3)
      string.write(writer, 'Test::said')
      any.write(writer, {
        type: 'vector',
        value: [
          { type: 'string', value: 'hi' },
          { type: 'count', value: 1n },
        ],
      })
      any.write(writer, metadata)
    })
  const pair = (id: bigint, value: Value): Value => ({
    type: 'vector',
    value: [{ type: 'count', value: id }, value],
  })

  test.each<readonly [string, Value, string]>([
    ['no metadata', { type: 'vector', value: [] }, 'undefined'],
    [
      'unknown metadata and a timestamp',
      {
        type: 'vector',
        value: [pair(200n, { type: 'none' }), pair(1n, { type: 'timestamp', value: 2_500_000_000n })],
      },
      '2.5',
    ],
  ])('with %s is handled', (_name, metadata, timestamp) => {
    expect(new Receiver().receive(withMetadata(metadata))).toEqual([`said hi 1 at ${timestamp}`])
  })

  test.each<readonly [string, Value]>([
    ['that is no vector', { type: 'count', value: 1n }],
    ['of single values', { type: 'vector', value: [{ type: 'count', value: 1n }] }],
    ['with a timestamp that is none', { type: 'vector', value: [pair(1n, { type: 'count', value: 1n })] }],
  ])('with metadata %s is refused', (_name, metadata) => {
    expect(new Receiver().receive(withMetadata(metadata))).toEqual([
      expect.stringMatching(/^invalid-message/),
    ])
  })

  test('with surplus elements is handled, with bytes behind its end it is refused', () => {
    const surplus = Uint8Array.from(hi(7n))
    surplus[1] = 4
    expect(new Receiver().receive(Buffer.concat([surplus, Buffer.from([1, 1])]))).toEqual([
      'said hi 7 at undefined',
    ])
    for (const times of [1, 3]) {
      const receiver = new Receiver()
      for (let n = 1; n < times; n += 1) receiver.receive(hi(1n))
      expect(receiver.receive(Buffer.concat([hi(7n), Buffer.from([0])]))).toEqual([
        expect.stringMatching(/^invalid-message: .*1 bytes left over/),
      ])
    }
  })
})
