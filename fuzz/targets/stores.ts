/** What masters and clones of stores say to each other. */
import { ByteReader } from '../../src/data/byte-reader.js'
import { ByteWriter } from '../../src/data/byte-writer.js'
import { DecodeError } from '../../src/data/decode-error.js'
import { any } from '../../src/data/types.js'
import { type Body, type Command, readCommand, writeCommand } from '../../src/store/command.js'
import { decode, type Encoded } from '../../src/store/encoded.js'
import { entityOf, NOBODY } from '../../src/store/entity.js'
import { recordedStoreCommands } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target, toHex } from '../target.ts'

function written(command: Command): Uint8Array {
  const writer = new ByteWriter()
  writeCommand(writer, command)
  return writer.toBytes()
}

/** All data in a command. */
function* dataIn(body: Body): Iterable<Encoded> {
  switch (body.kind) {
    case 'batch':
      for (const action of body.actions) yield* dataIn(action)
      return
    case 'ack-clone':
      for (const entry of body.snapshot) yield* entry
      return
    case 'snapshot-part':
      for (const entry of body.entries) yield* entry
      return
    case 'shard-digest':
      for (const [key] of body.byKey) yield key
      return
    default:
      if ('key' in body) yield body.key
      if ('value' in body) yield body.value
  }
}

/** What no recording has: our own commands. */
function* ownCommands(): Iterable<Uint8Array> {
  const self = entityOf('00000000-0000-4000-8000-000000000001', 1n)
  const [key, value] = ['\u0005\u0001k', '\u000e\u0001\u0008\0\u0050\u0001']
  const holding = { requestId: 1, isMaster: true, at: 2, size: 3 }
  const bodies: readonly Body[] = [
    {
      kind: 'batch',
      actions: [
        { kind: 'put', key, value, expiry: 1n, publisher: self },
        { kind: 'clear', publisher: self },
      ],
    },
    { kind: 'outcome', seq: 2, code: 'type-clash' },
    { kind: 'snapshot-part', part: 1, entries: [[key, value]] },
    { kind: 'snapshot-end', offset: 2, parts: 1 },
    { kind: 'digest-request', requestId: 1, shard: 5 },
    { kind: 'digest', ...holding, byShard: [0, 1] },
    { kind: 'shard-digest', ...holding, shard: 5, byKey: [[key, 1]] },
  ]
  for (const body of bodies) yield written({ seq: 1, sender: self, receiver: NOBODY, body })
}

const storeCommands: Target = {
  name: 'store-commands',
  what: 'store commands give the same bytes when written again, and all data in them can be decoded',
  sources: ['src/store/command.ts', 'src/store/encoded.ts', 'src/data/binary.ts'],
  seeds: () => [...recordedStoreCommands(), ...ownCommands()],
  run(input) {
    const command = attempt(() => readCommand(new ByteReader(input)), DecodeError).value
    if (command === undefined) return
    for (const data of dataIn(command.body)) decode(any, data)
    const bytes = written(command)
    ensure(bytes.length <= input.length, 'longer than what was read')
    ensureSameBytes(written(readCommand(new ByteReader(bytes))), bytes, 'changes when written again')
    // A length may have had zeros behind it. Else all is the same, but for flags that are neither 0 nor 1.
    if (bytes.length < input.length) return
    const isSame = input.every((byte, index) => byte === bytes[index] || (byte > 1 && bytes[index] === 1))
    ensure(isSame, `other bytes than were read: ${toHex(bytes)}`)
  },
}

export const STORE_TARGETS: readonly Target[] = [storeCommands]
