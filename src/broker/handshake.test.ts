/** The handshake as a pure machine: every state against every input, and byte for byte against real endpoints. */
import { describe, expect, test } from 'vitest'
import { idOf } from '../../test/support/broker-peers.js'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { EC } from './codes.js'
import { type EndpointId, endpointIdFromBytes } from './endpoint-id.js'
import { FrameDecoder } from './frame.js'
import { type Claim, Handshake, type HandshakeState } from './handshake.js'
import { decodeHandshakeMessage, type HandshakeFault, type HandshakeMessage } from './handshake-messages.js'

const OWN = idOf(5)
const SMALLER = idOf(1)
const LARGER = idOf(9)

function hello(sender: EndpointId): HandshakeMessage {
  return { kind: 'hello', sender, minVersion: 1, maxVersion: 1 }
}

function dropConn(code: number): HandshakeMessage {
  return { kind: 'drop-conn', sender: SMALLER, code, description: 'no' }
}

const INPUTS = {
  probe: { kind: 'probe' },
  'hello of a smaller id': hello(SMALLER),
  'hello of a larger id': hello(LARGER),
  'hello of the own id': hello(OWN),
  'hello of nil': hello(endpointIdFromBytes(new Uint8Array(16))),
  'version-select': { kind: 'version-select', sender: SMALLER, version: 1 },
  'version-select of the own id': { kind: 'version-select', sender: OWN, version: 1 },
  'drop-conn 2': dropConn(EC.peerIncompatible),
  'drop-conn 39': dropConn(EC.redundantConnection),
  'originator-syn': { kind: 'originator-syn', filter: ['their'] },
  'responder-syn-ack': { kind: 'responder-syn-ack', filter: ['their'] },
  'originator-ack': { kind: 'originator-ack' },
  'a faulty frame': { kind: 'fault', code: EC.wrongMagicNumber, description: 'wrong magic number' },
} as const satisfies Record<string, HandshakeMessage | HandshakeFault>

type Input = keyof typeof INPUTS

/** How to get to each state. */
const PATHS: Record<
  HandshakeState['kind'],
  { side: 'connector' | 'listener'; claim?: Claim; inputs: Input[] }
> = {
  'await-hello': { side: 'listener', inputs: [] },
  'await-hello-or-version-select': { side: 'connector', inputs: [] },
  'await-version-select': { side: 'listener', inputs: ['hello of a smaller id'] },
  'await-originator-syn': { side: 'connector', inputs: ['version-select'] },
  'await-responder-syn-ack': { side: 'listener', inputs: ['hello of a larger id'] },
  'await-originator-ack': { side: 'connector', inputs: ['version-select', 'originator-syn'] },
  paused: { side: 'listener', claim: 'wait', inputs: ['hello of a larger id'] },
  peered: { side: 'listener', inputs: ['hello of a larger id', 'responder-syn-ack'] },
  redundant: { side: 'listener', claim: 'redundant', inputs: ['hello of a larger id'] },
  failed: { side: 'listener', inputs: ['originator-ack'] },
}

/** Next state and what is sent; an input that is not listed fails without a message (`failed 20`). */
const TRANSITIONS: Record<HandshakeState['kind'], Partial<Record<Input, string>>> = {
  'await-hello': {
    probe: 'await-hello',
    'hello of a smaller id': 'await-version-select > hello',
    'hello of a larger id': 'await-responder-syn-ack > version-select, originator-syn own',
    'drop-conn 2': 'failed 2',
    'drop-conn 39': 'redundant',
  },
  'await-hello-or-version-select': {
    probe: 'await-hello-or-version-select',
    'hello of a smaller id': 'await-version-select > hello',
    'hello of a larger id': 'await-responder-syn-ack > version-select, originator-syn own',
    'version-select': 'await-originator-syn',
    'version-select of the own id': 'failed 3 > drop-conn 3',
    'drop-conn 2': 'failed 2',
    'drop-conn 39': 'redundant',
  },
  'await-version-select': {
    probe: 'await-version-select',
    'version-select': 'await-originator-syn',
    'version-select of the own id': 'failed 3 > drop-conn 3',
    'drop-conn 2': 'failed 2',
    'drop-conn 39': 'redundant',
    'hello of the own id': 'failed 20',
    'hello of nil': 'failed 20',
  },
  'await-originator-syn': { 'originator-syn': 'await-originator-ack > responder-syn-ack own' },
  'await-responder-syn-ack': { 'responder-syn-ack': 'peered > originator-ack' },
  'await-originator-ack': { 'originator-ack': 'peered' },
  paused: {},
  peered: {},
  redundant: {},
  failed: {},
}

const INTRODUCTIONS = ['await-hello', 'await-hello-or-version-select']
const FINAL = ['peered', 'redundant', 'failed']

function expected(state: HandshakeState['kind'], input: Input): string {
  if (FINAL.includes(state)) return state === 'failed' ? 'failed 20' : state
  if (input === 'a faulty frame') return 'failed 38 > drop-conn 38'
  const listed = TRANSITIONS[state][input]
  if (listed !== undefined) return listed
  if (INTRODUCTIONS.includes(state) && /own id|nil/.test(input) && input.startsWith('hello')) {
    return 'failed 3 > drop-conn 3'
  }
  return 'failed 20'
}

function machine(side: 'connector' | 'listener', claim: Claim = 'proceed', isKnown = true): Handshake {
  return new Handshake(side, {
    ownId: OWN,
    filter: () => ['own'],
    claim: () => claim,
    isKnown: () => isKnown,
  })
}

function machineIn(state: HandshakeState['kind']): Handshake {
  const { side, claim, inputs } = PATHS[state]
  const result = machine(side, claim)
  for (const input of inputs) result.receive(INPUTS[input])
  result.takeOutput()
  expect(result.state.kind).toBe(state)
  return result
}

function sent(handshake: Handshake): string[] {
  return handshake.takeOutput().map((frame) => {
    const message = decodeHandshakeMessage(frame, 4, frame.length)
    if ('filter' in message) return `${message.kind} ${message.filter.join(' ')}`
    return message.kind === 'drop-conn' ? `drop-conn ${message.code}` : message.kind
  })
}

function outcome(handshake: Handshake): string {
  const { state } = handshake
  const name = state.kind === 'failed' ? `failed ${state.code}` : state.kind
  const messages = sent(handshake)
  return messages.length === 0 ? name : `${name} > ${messages.join(', ')}`
}

describe('every state answers every input', () => {
  for (const state of Object.keys(PATHS) as HandshakeState['kind'][]) {
    test(state, () => {
      const actual = Object.entries(INPUTS).map(([input, message]) => {
        const handshake = machineIn(state)
        handshake.receive(message)
        return `${input} -> ${outcome(handshake)}`
      })
      const inputs = Object.keys(INPUTS) as Input[]
      expect(actual).toEqual(inputs.map((input) => `${input} -> ${expected(state, input)}`))
    })
  }

  test('the opening moves: a connector introduces itself, a listener probes', () => {
    expect(outcome(machine('connector'))).toBe('await-hello-or-version-select > hello')
    expect(outcome(machine('listener'))).toBe('await-hello > probe')
  })

  test('output is returned once', () => {
    const handshake = machine('connector')
    expect(handshake.takeOutput()).toHaveLength(1)
    expect(handshake.takeOutput()).toEqual([])
  })

  test('peered remembers who it is and what they subscribe, on both sides', () => {
    expect(machineIn('peered').state).toEqual({ kind: 'peered', remoteId: LARGER, remoteFilter: ['their'] })
    const responder = machineIn('await-originator-ack')
    responder.receive(INPUTS['originator-ack'])
    expect(responder.state).toEqual({ kind: 'peered', remoteId: SMALLER, remoteFilter: ['their'] })
  })
})

describe('a second connection to the same endpoint', () => {
  test('as originator, when the first is peered: 39', () => {
    const handshake = machine('listener', 'redundant')
    handshake.receive(hello(LARGER))
    expect(outcome(handshake)).toBe('redundant > probe, drop-conn 39')
  })

  test.each(['wait', 'redundant'] as const)('as responder, whatever the first does (%s): 40', (claim) => {
    const handshake = machine('connector', claim)
    handshake.receive(INPUTS['version-select'])
    expect(outcome(handshake)).toBe('failed 40 > hello, drop-conn 40')
  })

  test('as originator, while the first is in its handshake: says nothing, until it is decided', () => {
    const paused = machineIn('paused')
    expect(outcome(paused)).toBe('paused')
    paused.rivalEnded('peered')
    expect(outcome(paused)).toBe('redundant > drop-conn 39')
    // Told again, it has nothing to add.
    paused.rivalEnded('failed')
    expect(outcome(paused)).toBe('redundant')
  })

  test('when the first fails, the second goes on in its place', () => {
    let claim: Claim = 'wait'
    const handshake = new Handshake('listener', {
      ownId: OWN,
      filter: () => ['own'],
      claim: () => claim,
      isKnown: () => false,
    })
    handshake.receive(hello(LARGER))
    handshake.takeOutput()
    claim = 'proceed'
    handshake.rivalEnded('failed')
    expect(outcome(handshake)).toBe('await-responder-syn-ack > version-select, originator-syn own')
  })

  test('a 39 from someone unknown is a failure, not a success', () => {
    const handshake = machine('connector', 'proceed', false)
    handshake.receive(dropConn(EC.redundantConnection))
    expect(handshake.state).toMatchObject({ kind: 'failed', code: 39 })
  })
})

/** The handshake of a recorded connection: what each side sent, and who it was. */
interface Recorded {
  readonly name: string
  readonly sides: Readonly<
    Record<'c2l' | 'l2c', { bytes: string; id: EndpointId; filter: readonly string[] }>
  >
}

function recordedHandshakes(): Recorded[] {
  return vectorNames('broker-streams')
    .filter((folder) => /^[ab]-/.test(folder))
    .flatMap((folder) => vectorNames(`broker-streams/${folder}`).map((file) => `${folder}/${file}`))
    .map((name) => ({ name, sides: { c2l: handshakeOf(name, 'c2l'), l2c: handshakeOf(name, 'l2c') } }))
}

function handshakeOf(name: string, direction: 'c2l' | 'l2c'): Recorded['sides']['c2l'] {
  let id = OWN
  let filter: readonly string[] = []
  const bytes: string[] = []
  const decoder = new FrameDecoder(1 << 20)
  const lines = readJsonLines<{ conn: number; dir: string; hex: string }>(`broker-streams/${name}`)
  let done = false
  for (const { conn, dir, hex } of lines) {
    if (conn !== 1 || dir !== direction) continue
    decoder.push(fromHex(hex), (chunk, start, end) => {
      const message = decodeHandshakeMessage(chunk, start, end)
      // Envelopes follow the syn-ack of a responder and the ack of an originator.
      if (message.kind === 'fault' || done) return false
      bytes.push(toHex(chunk.subarray(start, end)))
      if (message.kind === 'hello' || message.kind === 'version-select') id = message.sender
      if ('filter' in message) filter = message.filter
      done = message.kind === 'responder-syn-ack' || message.kind === 'originator-ack'
      return true
    })
    if (done) break
  }
  return { bytes: bytes.join(' '), id, filter }
}

/** Runs two machines against each other; returns the frames that each sent. */
function converse(recorded: Recorded, first: 'c2l' | 'l2c'): Record<'c2l' | 'l2c', string> {
  const frames: Record<'c2l' | 'l2c', string[]> = { c2l: [], l2c: [] }
  const machines = {
    c2l: new Handshake('connector', contextOf(recorded.sides.c2l)),
    l2c: new Handshake('listener', contextOf(recorded.sides.l2c)),
  }
  const order = first === 'c2l' ? (['c2l', 'l2c'] as const) : (['l2c', 'c2l'] as const)
  for (let quiet = 0; quiet < 2; ) {
    for (const from of order) {
      const output = machines[from].takeOutput()
      quiet = output.length === 0 ? quiet + 1 : 0
      for (const frame of output) {
        frames[from].push(toHex(frame.subarray(4)))
        machines[from === 'c2l' ? 'l2c' : 'c2l'].receive(decodeHandshakeMessage(frame, 4, frame.length))
      }
    }
  }
  const { c2l, l2c } = recorded.sides
  expect(machines.c2l.state).toEqual({ kind: 'peered', remoteId: l2c.id, remoteFilter: l2c.filter })
  expect(machines.l2c.state).toEqual({ kind: 'peered', remoteId: c2l.id, remoteFilter: c2l.filter })
  return { c2l: frames.c2l.join(' '), l2c: frames.l2c.join(' ') }
}

function contextOf({ id, filter }: { id: EndpointId; filter: readonly string[] }) {
  return { ownId: id, filter: () => filter, claim: () => 'proceed' as const, isKnown: () => false }
}

describe('two machines say what two real endpoints said', () => {
  const recordings = recordedHandshakes()

  test('with the smaller id on either side', () => {
    const connectorIsSmaller = recordings.map(({ sides }) => sides.c2l.id.text < sides.l2c.id.text)
    expect(new Set(connectorIsSmaller)).toEqual(new Set([true, false]))
    expect(recordings).toHaveLength(6)
  })

  test.each(recordings)('$name', (recorded) => {
    for (const first of ['c2l', 'l2c'] as const) {
      const actual = converse(recorded, first)
      expect(actual.c2l).toBe(recorded.sides.c2l.bytes)
      expect(actual.l2c).toBe(recorded.sides.l2c.bytes)
    }
  })
})
