/** The bytes of store commands: examples and recordings of real masters and clones, and our own additions. */
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, recordedStreams, toHex } from '../../test/support/vectors.js'
import { emptyEnvelopeHeader, readEnvelopeHeader } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { readValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import { DecodeError } from '../data/decode-error.js'
import type { ByteString, Value } from '../data/value.js'
import { type Body, type Command, isAction, LIST_LIMIT, readCommand, writeCommand } from './command.js'
import { bytesOf, type Encoded } from './encoded.js'
import { ENTITY_BYTES, type Entity, endpointOf, NOBODY, objectOf } from './entity.js'
import type { StoreErrorCode } from './store-error.js'

const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')

const A_HEX = '001599e4f730536583be168f95cf97820000000000000005'
const B_HEX = '002b33c8ef6157cb867c2d1e2a9e2f050000000000000007'
const A: Entity = latin1(A_HEX)
const B: Entity = latin1(B_HEX)
const KEY_HEX = '0503666f6f'
const VALUE_HEX = '020000000000000001'
const key = latin1(KEY_HEX)
const value = latin1(VALUE_HEX)

function bytesOfCommand(command: Command): Uint8Array {
  const writer = new ByteWriter()
  writeCommand(writer, command)
  return writer.toBytes()
}

const commandOf = (bytes: Uint8Array): Command => readCommand(new ByteReader(bytes))

/** A snapshot may be anything that iterates; to compare it has to be a list. */
function plain(command: Command): Command {
  const { body } = command
  if (body.kind !== 'ack-clone') return command
  return { ...command, body: { ...body, snapshot: [...body.snapshot] } }
}

function errorOf(bytes: Uint8Array): DecodeError {
  try {
    commandOf(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error(`decoded: ${toHex(bytes)}`)
}

/** Spec/broker-protocol.md 7.3. */
const EXAMPLES: readonly (readonly [hex: string, body: Body])[] = [
  [`00 ${KEY_HEX} ${VALUE_HEX} 00 ${A_HEX}`, { kind: 'put', key, value, expiry: undefined, publisher: A }],
  [
    `00 ${KEY_HEX} ${VALUE_HEX} 01 00000002540be400 ${A_HEX}`,
    { kind: 'put', key, value, expiry: 10_000_000_000n, publisher: A },
  ],
  [
    `01 ${KEY_HEX} ${VALUE_HEX} 00 ${A_HEX} 0000000000000009 ${A_HEX}`,
    { kind: 'put-unique', key, value, expiry: undefined, who: A, requestId: 9, publisher: A },
  ],
  [
    `02 01 ${A_HEX} 0000000000000009 ${B_HEX}`,
    { kind: 'put-unique-result', inserted: true, who: A, requestId: 9, publisher: B },
  ],
  [`03 ${KEY_HEX} ${A_HEX}`, { kind: 'erase', key, publisher: A }],
  [`04 ${KEY_HEX} ${B_HEX}`, { kind: 'expire', key, publisher: B }],
  [
    `05 ${KEY_HEX} ${VALUE_HEX} 02 00 ${A_HEX}`,
    { kind: 'add', key, value, initType: 2, expiry: undefined, publisher: A },
  ],
  [
    `06 ${KEY_HEX} ${VALUE_HEX} 00 ${A_HEX}`,
    { kind: 'subtract', key, value, expiry: undefined, publisher: A },
  ],
  [`07 ${A_HEX}`, { kind: 'clear', publisher: A }],
  ['08 0000000000000001 0005', { kind: 'attach-writer', offset: 1, heartbeatTicks: 5 }],
  ['09 000000000000000c', { kind: 'keepalive', last: 12 }],
  ['0a 000000000000000c', { kind: 'cumulative-ack', upTo: 12 }],
  ['0b 01 0000000000000000', { kind: 'nack', missing: [0] }],
  ['0b 02 0000000000000003 0000000000000004', { kind: 'nack', missing: [3, 4] }],
  [
    `0c 0000000000000001 0005 01 ${KEY_HEX} ${VALUE_HEX}`,
    { kind: 'ack-clone', offset: 1, heartbeatTicks: 5, snapshot: [[key, value]], size: 1 },
  ],
  ['0d 0000000000000003', { kind: 'retransmit-failed', lost: 3 }],
]

const compact = (hex: string): string => hex.replaceAll(' ', '')
const HEAD_HEX = `0000000000000002${A_HEX}${B_HEX}`

describe('encoded examples', () => {
  test.each(EXAMPLES)('%s', (hex, body) => {
    const command: Command = { seq: 2, sender: A, receiver: B, body }
    const expected = HEAD_HEX + compact(hex)
    expect(toHex(bytesOfCommand(command))).toBe(expected)
    expect(commandOf(fromHex(expected))).toEqual(command)
  })

  test('entities can be taken apart', () => {
    expect([endpointOf(A), objectOf(A)]).toEqual(['001599e4-f730-5365-83be-168f95cf9782', 5n])
  })

  test('of all commands these change the store', () => {
    const actions = EXAMPLES.filter(([, body]) => isAction(body)).map(([, { kind }]) => kind)
    expect([...new Set(actions)]).toEqual([
      'put',
      'put-unique',
      'put-unique-result',
      'erase',
      'expire',
      'add',
      'subtract',
      'clear',
    ])
  })
})

const OUTCOMES: readonly (StoreErrorCode | undefined)[] = [
  undefined,
  'no-such-key',
  'type-clash',
  'invalid-data',
  'key-too-large',
  'value-too-large',
  'limit-reached',
  'disk-full',
  'backend-failure',
]

const put: Body = { kind: 'put', key, value, expiry: -1n, publisher: A }
const HOLDING = { requestId: 2 ** 53 - 1, isMaster: true, at: 7, size: 300 }

const OWN: readonly (readonly [hex: string, body: Body])[] = [
  ['40 00', { kind: 'batch', actions: [] }],
  [
    `40 02 00 ${KEY_HEX} ${VALUE_HEX} 01 ffffffffffffffff ${A_HEX} 07 ${A_HEX}`,
    { kind: 'batch', actions: [put, { kind: 'clear', publisher: A }] },
  ],
  ...OUTCOMES.map(
    (code, index) =>
      [`41 0000000000000003 0${index}`, { kind: 'outcome', seq: 3, code }] satisfies [string, Body],
  ),
  [`42 00000005 01 ${KEY_HEX} ${VALUE_HEX}`, { kind: 'snapshot-part', part: 5, entries: [[key, value]] }],
  ['43 0000000000000003 00000005', { kind: 'snapshot-end', offset: 3, parts: 5 }],
  ['44 0000000000000009 ffff', { kind: 'digest-request', requestId: 9, shard: undefined }],
  ['44 0000000000000009 00ff', { kind: 'digest-request', requestId: 9, shard: 255 }],
  [
    '45 001fffffffffffff 01 0000000000000007 000000000000012c 02 00000000 ffffffff',
    { kind: 'digest', ...HOLDING, byShard: [0, 0xffffffff] },
  ],
  [
    `46 001fffffffffffff 00 0000000000000007 000000000000012c 0003 01 ${KEY_HEX} 80000001`,
    { kind: 'shard-digest', ...HOLDING, isMaster: false, shard: 3, byKey: [[key, 0x80000001]] },
  ],
]

describe('own commands', () => {
  test.each(OWN)('%s', (hex, body) => {
    const command: Command = { seq: 2, sender: A, receiver: NOBODY, body }
    const head = `0000000000000002${A_HEX}${'00'.repeat(ENTITY_BYTES)}`
    expect(toHex(bytesOfCommand(command))).toBe(head + compact(hex))
    expect(commandOf(bytesOfCommand(command))).toEqual(command)
  })

  test('whatever else a backend says is its failure to the writer', () => {
    const told = commandOf(
      bytesOfCommand({
        seq: 0,
        sender: A,
        receiver: B,
        body: { kind: 'outcome', seq: 1, code: 'corrupt-file' },
      }),
    )
    expect(told.body).toEqual({ kind: 'outcome', seq: 1, code: 'backend-failure' })
  })
})

const ALL: readonly [string, Uint8Array][] = [...EXAMPLES, ...OWN].map(([hex]) => [
  hex,
  fromHex(HEAD_HEX + compact(hex)),
])

describe('malformed commands', () => {
  test.each(ALL)('%s, cut anywhere or with a byte too much', (_, bytes) => {
    for (let length = 0; length < bytes.length; length += 1) {
      // The reader sees no byte behind the end, though the buffer goes on.
      const reader = new ByteReader()
      reader.reset(bytes, 0, length)
      expect(() => readCommand(reader), `${length} bytes`).toThrow(
        expect.objectContaining({ name: 'DecodeError', code: 'truncated' }),
      )
      expect(errorOf(bytes.slice(0, length)).code, `${length} bytes`).toBe('truncated')
    }
    expect(errorOf(Uint8Array.of(...bytes, 0)).code).toBe('trailing-bytes')
  })

  test('an index that nobody has', () => {
    for (let index = 0; index < 256; index += 1) {
      if (index <= 13 || (index >= 64 && index <= 70)) continue
      const error = errorOf(fromHex(HEAD_HEX + index.toString(16).padStart(2, '0') + '00'.repeat(64)))
      expect([error.code, error.data.offset], String(index)).toEqual(['invalid-tag', 56])
    }
  })

  test('a batch has actions only', () => {
    for (const inner of ['08 0000000000000001 0005', '40 00', '0d 0000000000000003']) {
      const error = errorOf(fromHex(HEAD_HEX + compact(`40 01 ${inner}`) + '00'.repeat(64)))
      expect(error.code, inner).toBe('invalid-tag')
    }
  })

  test('an outcome without a meaning', () => {
    expect(errorOf(fromHex(`${HEAD_HEX}41000000000000000309`)).code).toBe('invalid-tag')
  })

  test('numbers that nothing counts to', () => {
    expect(errorOf(fromHex(`${HEAD_HEX}090020000000000000`)).code).toBe('too-large')
    expect(errorOf(fromHex(`ffffffffffffffff${A_HEX}${B_HEX}0a0000000000000001`)).code).toBe('too-large')
    expect(commandOf(fromHex(`${HEAD_HEX}09001fffffffffffff`)).body).toEqual({
      kind: 'keepalive',
      last: Number.MAX_SAFE_INTEGER,
    })
  })

  test('lists longer than the input, or than a list may be', () => {
    for (const start of [
      '0b ffffffff0f',
      '0c 0000000000000001 0005 ffffffff0f',
      '40 ffffffff0f',
      '42 00000001 ffffffff0f',
    ]) {
      expect(errorOf(fromHex(HEAD_HEX + compact(start) + '00'.repeat(64))).code, start).toBe('truncated')
    }
    const clear = fromHex(`07${A_HEX}`)
    const batch = (length: number): Uint8Array => {
      const writer = new ByteWriter()
      writer.raw(fromHex(`${HEAD_HEX}40`))
      writer.varbyte(length)
      for (let index = 0; index < length; index += 1) writer.raw(clear)
      return writer.toBytes()
    }
    expect(commandOf(batch(LIST_LIMIT)).body).toMatchObject({ kind: 'batch' })
    expect(errorOf(batch(LIST_LIMIT + 1)).code).toBe('too-large')
  })

  test.each([
    ['a set with the same element twice', '0c0201010101', 'duplicate-element'],
    ['a table with the same key twice', '0d02010100010100', 'duplicate-element'],
    ['such a set in a vector', '0e010c0201010101', 'duplicate-element'],
    ['a port of no protocol', '08005004', 'invalid-tag'],
    ['a type that there is not', '0f', 'invalid-tag'],
    ['vectors in vectors without end', '0e01'.repeat(100_000), 'too-deep'],
    ['sets in vectors without end', '0e01'.repeat(200) + '0c01'.repeat(100_000), 'too-deep'],
  ])('nothing is kept that cannot be decoded later: %s', (_, hex, code) => {
    const tail = `00${A_HEX}`
    expect(errorOf(fromHex(`${HEAD_HEX}00${hex}${VALUE_HEX}${tail}`)).code).toBe(code)
    expect(errorOf(fromHex(`${HEAD_HEX}00${KEY_HEX}${hex}${tail}`)).code).toBe(code)
    expect(errorOf(fromHex(`${HEAD_HEX}0c0000000000000001000501${KEY_HEX}${hex}`)).code).toBe(code)
  })
})

interface RecordedCommand {
  readonly conn: number
  readonly dir: string
  /** Number of the frame in its direction. */
  readonly i: number
  readonly command: Readonly<Record<string, unknown>>
}

const COMMAND_TYPE = 2

/** The payloads of type 2 of one direction of one connection, by the numbers of their frames. */
function commandsOf(chunks: readonly Uint8Array[]): Map<number, Uint8Array> {
  const payloads = new Map<number, Uint8Array>()
  const decoder = new FrameDecoder(1024 * 1024)
  let index = 0
  decoder.push(Buffer.concat(chunks), (bytes, start, end) => {
    const header = emptyEnvelopeHeader()
    // Handshake messages of these peers have no 2 there.
    if (end - start > 37 && bytes[start + 32] === COMMAND_TYPE) {
      const reader = new ByteReader()
      reader.reset(bytes, start, end)
      readEnvelopeHeader(reader, header)
      payloads.set(index, bytes.slice(header.payloadStart, end))
    }
    index += 1
    return true
  })
  return payloads
}

describe('recorded commands', () => {
  const stores = ['e-store-memory-master-listens', 'e-store-sqlite-master-connects']

  test.each(stores)('%s: decode, encode to the same bytes, and mean what they should', (folder) => {
    const described = new Map(
      readJsonLines<RecordedCommand>(`broker-streams/${folder}/commands.jsonl`).map(
        ({ conn, dir, i, command }) => [`${conn} ${dir} ${i}`, command],
      ),
    )
    expect(described.size).toBe(222)
    const kinds = new Set<string>()
    for (const { name, direction, chunks } of recordedStreams()) {
      const connection = new RegExp(`^${folder}/stream\\.jsonl conn (\\d+) `).exec(name)?.[1]
      if (connection === undefined) continue
      for (const [index, payload] of commandsOf(chunks)) {
        const place = `${connection} ${direction} ${index}`
        const command = plain(commandOf(payload))
        expect(toHex(bytesOfCommand(command)), place).toBe(toHex(payload))
        expect(describeCommand(command), place).toEqual(described.get(place))
        described.delete(place)
        kinds.add(command.body.kind)
        for (let length = 0; length < payload.length; length += 1) {
          expect(() => commandOf(payload.slice(0, length)), `${place}, ${length} bytes`).toThrow(DecodeError)
        }
      }
    }
    expect([...described.keys()]).toEqual([])
    expect([...kinds].sort()).toEqual(
      ['ack-clone', 'add', 'attach-writer', 'clear', 'cumulative-ack', 'erase', 'expire', 'keepalive', 'nack']
        .concat(['put', 'put-unique', 'put-unique-result', 'subtract'])
        .sort(),
    )
  })
})

/** A command as the recordings describe it. */
function describeCommand({ seq, sender, receiver, body }: Command): Readonly<Record<string, unknown>> {
  const head = { seq, from: describeEntity(sender), to: describeEntity(receiver) }
  const cmd = body.kind.replaceAll('-', '_')
  switch (body.kind) {
    case 'put':
    case 'subtract': {
      const { expiry, publisher } = body
      return {
        ...head,
        cmd,
        ...describeEntry(body),
        ...describeExpiry(expiry),
        publisher: describeEntity(publisher),
      }
    }
    case 'add': {
      const { initType, expiry, publisher } = body
      const by = describeEntity(publisher)
      return {
        ...head,
        cmd,
        ...describeEntry(body),
        init: initType,
        ...describeExpiry(expiry),
        publisher: by,
      }
    }
    case 'put-unique': {
      const { expiry, who, requestId, publisher } = body
      const asked = { who: describeEntity(who), req: requestId, publisher: describeEntity(publisher) }
      return { ...head, cmd, ...describeEntry(body), ...describeExpiry(expiry), ...asked }
    }
    case 'put-unique-result': {
      const { inserted, who, requestId, publisher } = body
      const asked = { who: describeEntity(who), req: requestId, publisher: describeEntity(publisher) }
      return { ...head, cmd, inserted: Number(inserted), ...asked }
    }
    case 'erase':
    case 'expire':
      return { ...head, cmd, key: describeData(body.key), publisher: describeEntity(body.publisher) }
    case 'clear':
      return { ...head, cmd, publisher: describeEntity(body.publisher) }
    case 'attach-writer':
      return { ...head, cmd, offset: body.offset, heartbeat: body.heartbeatTicks }
    case 'keepalive':
      return { ...head, cmd, n: body.last }
    case 'cumulative-ack':
      return { ...head, cmd, n: body.upTo }
    case 'nack':
      return { ...head, cmd, n: body.missing }
    case 'ack-clone': {
      const snapshot = Array.from(body.snapshot, (entry) => entry.map(describeData))
      return { ...head, cmd, offset: body.offset, heartbeat: body.heartbeatTicks, snapshot }
    }
    case 'retransmit-failed':
      return { ...head, cmd, n: body.lost }
    default:
      throw new Error(`${body.kind} is none of Broker's`)
  }
}

function describeEntry(entry: { readonly key: Encoded; readonly value: Encoded }): Record<string, string> {
  return { key: describeData(entry.key), value: describeData(entry.value) }
}

function describeExpiry(expiry: bigint | undefined): { readonly expiry: number | null } {
  return { expiry: expiry === undefined ? null : Number(expiry) }
}

function describeEntity(entity: Entity): string {
  return entity === NOBODY ? 'nil' : `${endpointOf(entity).slice(0, 8)}/${objectOf(entity)}`
}

function describeData(data: Encoded): string {
  return describeValue(readValue(new ByteReader(bytesOf(data))), data)
}

function describeValue(value: Value, data?: Encoded): string {
  const list = (values: readonly Value[]): string =>
    values.map((element) => describeValue(element)).join(', ')
  const text = (content: ByteString): string => `'${String(content)}'`
  const hex = (from: number, to: number): string => toHex(bytesOf(data!).slice(from, to))
  switch (value.type) {
    case 'none':
      return 'none'
    case 'boolean':
      return `boolean:${Number(value.value)}`
    case 'count':
    case 'integer':
    case 'timestamp':
    case 'timespan':
      return `${value.type}:${value.value}`
    case 'real':
      return `real:${hex(1, 9)}`
    case 'string':
    case 'enum-value':
      return text(value.value)
    case 'address':
      return `address:${hex(1, 17)}`
    case 'subnet':
      return `subnet:${hex(1, 17)} ${value.value.length}`
    case 'port':
      return `port:${value.value.number} ${['unknown', 'tcp', 'udp', 'icmp'].indexOf(value.value.protocol)}`
    case 'set':
      return `{${list(value.value)}}`
    case 'vector':
      return `(${list(value.value)})`
    case 'table':
      return `{${value.value.map(([key, entry]) => `${describeValue(key)} -> ${describeValue(entry)}`).join(', ')}}`
  }
}
