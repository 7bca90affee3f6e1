/**
 * A real Zeek was asked odd questions in its handshake (`h-*` recordings): an endpoint with its id and its
 * subscriptions gives the same answers, byte for byte, except where it is deliberately stricter.
 */
import { expect, test } from 'vitest'
import { ADDRESS, Lab, type RawPeer } from '../../test/support/broker-peers.js'
import { fromHex, readJsonLines, toHex } from '../../test/support/vectors.js'
import { type EndpointId, endpointIdFromBytes } from './endpoint-id.js'
import { FrameDecoder } from './frame.js'

/** What we answer instead, and why (spec/broker-protocol.md 12). */
const STRICTER: Readonly<Record<string, { frames?: readonly string[]; closed: boolean; reason: string }>> = {
  'nil-id': {
    frames: ['075a45454b', dropConn('d9e95faa1cbe5ad99fc999bae7152baa', 3, 'invalid endpoint id')],
    closed: true,
    reason: 'Zeek introduces itself to nil and then waits for ever; nil can never peer',
  },
  'self-id': {
    frames: ['075a45454b', dropConn('d9e95faa1cbe5ad99fc999bae7152baa', 3, 'invalid endpoint id')],
    closed: true,
    reason: 'Zeek introduces itself to itself and then waits for ever',
  },
  'http-get': { closed: true, reason: 'Zeek waits for the 1.1 GiB that "GET " announces' },
  'tls-client-hello-like': { closed: true, reason: 'Zeek waits for 352 MiB, as the TLS record header reads' },
}

function dropConn(sender: string, code: number, description: string): string {
  const text = Buffer.from(description)
  return `095a45454b${sender}${toHex(Uint8Array.of(code, text.length))}${toHex(text)}`
}

/** Zeek announces its log streams to every new peer; an endpoint on its own has none. */
function withoutData(frames: readonly string[]): string[] {
  return frames.filter((frame) => frame.length < 74 || frame.slice(64, 66) !== '01' || isHandshake(frame))
}

function isHandshake(frame: string): boolean {
  return /^0[6-9]5a45454b|^0[abc]/.test(frame)
}

interface ListenerCase {
  readonly case: string
  readonly conn: number | null
  readonly client_sent: readonly string[]
  readonly server_frames: readonly { readonly kind: string; readonly hex: string }[]
  readonly closed: string
}

const ZEEK_AS_LISTENER = endpointIdFromBytes(fromHex('d9e95faa1cbe5ad99fc999bae7152baa'))

/** Cases that go on with the connection of an earlier one, and those whose connection must stay for later. */
const CONTINUES: Readonly<Record<string, string>> = {
  'redundant-in-flight-first-completes': 'redundant-in-flight-first',
  'redundant-in-flight-second-after': 'redundant-in-flight-second',
}

test('a listener answers 32 odd clients', async () => {
  const lab = new Lab()
  const zeek = lab.endpoint(ZEEK_AS_LISTENER)
  zeek.subscribe('h/')
  await zeek.listen(ADDRESS)
  const cases = readJsonLines<ListenerCase>('broker-streams/h-handshake-answers/cases.jsonl')
  expect(cases).toHaveLength(32)
  const clients = new Map<string, RawPeer>()
  for (const recorded of cases) {
    const client = clients.get(CONTINUES[recorded.case] ?? '') ?? (await lab.connect())
    clients.set(recorded.case, client)
    for (const frame of recorded.client_sent) {
      client.send(fromHex(frame))
      await lab.time.settle()
    }
    const stricter = STRICTER[recorded.case]
    const frames = stricter?.frames ?? withoutData(recorded.server_frames.map(({ hex }) => hex))
    expect({ case: recorded.case, frames: client.takeFrames() }).toEqual({ case: recorded.case, frames })
    const closed = stricter?.closed ?? recorded.closed === 'eof'
    expect(`${recorded.case} ${client.state}`).toBe(`${recorded.case} ${closed ? 'closed' : 'open'}`)
    // Two clients per redundant case, and the recorded client left a handshake half done for the next one.
    if (!recorded.case.startsWith('redundant-')) client.connection.destroy()
    await lab.time.settle()
  }
  // Of the ten frames behind the handshake only the type that does not exist is refused by the link itself.
  expect(zeek.counters().ignoredIn).toBe(1)
})

test('what a real Zeek keeps open for ever ends after ten seconds', async () => {
  const lab = new Lab()
  const zeek = lab.endpoint(ZEEK_AS_LISTENER)
  await zeek.listen(ADDRESS)
  const clients: RawPeer[] = []
  const cases = readJsonLines<ListenerCase>('broker-streams/h-handshake-answers/cases.jsonl')
  const stalled = cases.filter(
    ({ closed, case: name }) => closed.startsWith('still open') && !name.startsWith('redundant'),
  )
  expect(stalled.map((recorded) => recorded.case)).toEqual([
    'hello-range-0-to-255',
    'probe-first-then-hello',
    'hello-trailing-bytes',
    'nil-id',
    'http-get',
    'tls-client-hello-like',
    'self-id',
  ])
  for (const { client_sent } of stalled) {
    const client = await lab.connect()
    for (const frame of client_sent) client.send(fromHex(frame))
    clients.push(client)
  }
  await lab.time.advance(9999)
  expect(clients.filter(({ state }) => state === 'open')).toHaveLength(3)
  await lab.time.advance(1)
  expect(clients.filter(({ state }) => state === 'open')).toHaveLength(0)
  expect(lab.time.pendingTimers).toBe(0)
})

interface ConnectorCase {
  readonly case: string
  readonly chunks: readonly { readonly dir: 'c2l' | 'l2c'; readonly hex: string }[]
  readonly closed: string
}

const ZEEK_AS_CONNECTOR: EndpointId = endpointIdFromBytes(fromHex('57496152f09554ee8cc6304041b7b68d'))

function framesOf(chunks: ConnectorCase['chunks']): string[] {
  const decoder = new FrameDecoder(1 << 20)
  const frames: string[] = []
  for (const { dir, hex } of chunks) {
    if (dir !== 'c2l') continue
    decoder.push(fromHex(hex), (bytes, start, end) => {
      frames.push(toHex(bytes.subarray(start, end)))
      return true
    })
  }
  return frames
}

const connectorCases = readJsonLines<ConnectorCase>(
  'broker-streams/h-handshake-answers-connector/cases.jsonl',
)

test('ten odd listeners were recorded', () => {
  expect(connectorCases).toHaveLength(10)
})

test.each(connectorCases)('a connector answers an odd listener: $case', async ({ chunks, closed }) => {
  const lab = new Lab()
  const accepted = await lab.listen()
  const zeek = lab.endpoint(ZEEK_AS_CONNECTOR)
  zeek.subscribe('to-c/')
  zeek.dial(ADDRESS, 0)
  await lab.time.settle()
  const listener = accepted[0]!
  for (const { dir, hex } of chunks) {
    if (dir === 'l2c') listener.send(fromHex(hex))
    await lab.time.settle()
  }
  expect(listener.takeFrames()).toEqual(withoutData(framesOf(chunks)))
  expect(listener.state).toBe(closed === 'eof' ? 'closed' : 'open')
  listener.connection.destroy()
  await lab.time.settle()
  // A retry interval of 0: one attempt, whatever came of it.
  await lab.time.advance(60_000)
  expect(accepted).toHaveLength(1)
  expect(lab.time.pendingTimers).toBe(0)
})
