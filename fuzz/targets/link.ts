/** A whole link under a stream of bytes: handshake, peering, goodbye. */
import type { Timers } from '../../src/base/time.js'
import { endpointIdFromBytes } from '../../src/broker/endpoint-id.js'
import { BroadcastHeaders } from '../../src/broker/envelope.js'
import { Link } from '../../src/broker/link.js'
import type { LinkOwner } from '../../src/broker/link-owner.js'
import { DEFAULT_OUTBOX_LIMITS } from '../../src/broker/outbox.js'
import type { Connection } from '../../src/transport/transport.js'
import { streamStarts } from '../seeds.ts'
import { ensure, type Target, toHex } from '../target.ts'
import { chunksOf, withChunkSize } from './broker.ts'

/** What the second byte of an input decides. */
const CHOICE = { outgoing: 1, smallestId: 2, known: 4, waits: 8, redundant: 16, leaves: 32 } as const

const LARGEST_ID = endpointIdFromBytes(new Uint8Array(16).fill(0xff))
const SMALLEST_ID = endpointIdFromBytes(Uint8Array.of(...new Uint8Array(15), 1))
const GOODBYE = Buffer.from('BYE')

/** Timers that only do what is due at once; nothing is ever late. */
class ImmediateTimers implements Timers {
  readonly #due: (() => void)[] = []

  after(): { cancel(): void } {
    return { cancel: () => {} }
  }

  soon(callback: () => void): void {
    this.#due.push(callback)
  }

  run(): void {
    for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) next()
  }
}

/** What the owner and the peer of a link see when it gets these bytes. */
function observe(choices: number, chunks: readonly Uint8Array[]): string {
  const has = (choice: keyof typeof CHOICE): boolean => (choices & CHOICE[choice]) !== 0
  const told: string[] = []
  const sent: string[] = []
  const timers = new ImmediateTimers()
  let isOpen = true
  const address = { host: '127.0.0.1', port: 1 }
  const connection: Connection = {
    remote: address,
    local: address,
    bufferedBytes: 0,
    send: (bytes, onFlushed) => {
      sent.push(toHex(bytes))
      timers.soon(() => onFlushed(true))
    },
    end: () => {
      isOpen = false
    },
    destroy: () => {
      isOpen = false
    },
    pauseReading: () => {},
    resumeReading: () => {},
  }
  const owner: LinkOwner = {
    filter: () => ['/own'],
    claim: () => (has('waits') ? 'wait' : has('redundant') ? 'redundant' : 'proceed'),
    isKnown: () => has('known'),
    onPeered: (_link, peer) => told.push(`peered ${peer.id} ${peer.subscriptions.join(' ')}`),
    onEnded: (_link, end) => told.push(`ended ${end.kind}`),
    onEnvelope: (_link, _peer, { receiver, type, topic, bytes, payloadStart, end }) =>
      told.push(`envelope ${receiver} ${type} ${topic} ${toHex(bytes.subarray(payloadStart, end))}`),
    onSubscriptionsChanged: (peer) => told.push(`subscriptions ${peer.subscriptions.join(' ')}`),
    onDrain: () => {},
    onDropped: () => told.push('dropped'),
    onDroppedLate: () => {},
    onChunkEnd: () => {},
    onFault: (_link, message) => told.push(`fault ${message.replace(/ \(at byte \d+\)/, '')}`),
  }
  const ownId = has('smallestId') ? SMALLEST_ID : LARGEST_ID
  const link = new Link(
    has('outgoing') ? 'outgoing' : 'incoming',
    {
      ownId,
      broadcastHeaders: new BroadcastHeaders(ownId),
      timers,
      outboxLimits: DEFAULT_OUTBOX_LIMITS,
      handshakeTimeoutMs: 1000,
      goodbyeTimeoutMs: 1000,
      handshakeFrameLimitBytes: 4096,
      frameLimitBytes: 65_536,
    },
    owner,
  )
  link.connecting(connection)
  link.onOpen(connection)
  for (const chunk of chunks) if (isOpen) link.onBytes(chunk)
  if (has('waits')) link.rivalEnded(has('redundant') ? 'peered' : 'failed')
  if (has('leaves')) link.leave(GOODBYE, has('redundant'))
  timers.run()
  link.onClose(undefined)
  const ends = told.filter((line) => line.startsWith('ended'))
  ensure(ends.length === 1, `told its end ${ends.length} times: ${ends.join(', ')}`)
  ensure(told.filter((line) => line.startsWith('peered')).length <= 1, 'peered twice')
  return `${told.join('\n')}\nsent ${sent.join('')} ignored ${link.ignoredFrames}`
}

const links: Target = {
  name: 'links',
  what: 'a link tells and answers the same, however the bytes are cut, and ends once',
  sources: [
    'src/broker/link.ts',
    'src/broker/handshake.ts',
    'src/broker/handshake-messages.ts',
    'src/broker/envelope.ts',
    'src/broker/filter.ts',
    'src/broker/frame.ts',
    'src/broker/pings.ts',
  ],
  batchRuns: 256,
  seeds: () => [
    ...streamStarts('c2l', 1500).map((stream) => Uint8Array.of(200, 0, ...stream)),
    ...streamStarts('l2c', 1500).map((stream) => Uint8Array.of(9, CHOICE.outgoing, ...stream)),
    ...streamStarts('c2l', 1500).map((stream) => Uint8Array.of(50, CHOICE.smallestId, ...stream)),
  ],
  run(input) {
    const { chunkBytes, rest } = withChunkSize(input)
    const stream = rest.slice(1)
    const choices = rest[0] ?? 0
    // Bytes are changed in place only by the endpoint, which this one is not.
    const whole = observe(choices, [stream])
    const cut = observe(choices, chunksOf(stream, chunkBytes))
    ensure(cut === whole, `cut by ${chunkBytes}:\n${cut}\nwhole:\n${whole}`)
  },
}

export const LINK_TARGETS: readonly Target[] = [links]
