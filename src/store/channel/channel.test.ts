/** A producer and its consumers over a network that loses, doubles and reorders (spec/broker-protocol.md 7.5). */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../testing/seeded-random.js'
import { Consumer } from './consumer.js'
import { Producer } from './producer.js'
import { BROKER_TIMING } from './timing.js'

type Message =
  | { readonly to: 'producer'; readonly from: string; readonly ack: number }
  | { readonly to: 'producer'; readonly from: string; readonly nack: readonly number[] }
  | { readonly to: string; readonly handshake: number }
  | { readonly to: string; readonly seq: number; readonly event: string }
  | { readonly to: string; readonly keepalive: number }
  | { readonly to: string; readonly lost: number }

interface Seen {
  readonly offset: number
  readonly events: string[]
  readonly lost: number[]
}

class Channel {
  readonly seen = new Map<string, Seen>()
  readonly dropped: string[] = []
  readonly consumers = new Map<string, Consumer<string>>()
  readonly producer: Producer<string>
  readonly sent: Message[] = []
  #inFlight: { readonly at: number; readonly message: Message }[] = []
  #step = 0
  loss = 0
  duplication = 0
  delay = 0
  readonly #random

  constructor(seed: number, limitBytes = Number.POSITIVE_INFINITY) {
    this.#random = seededRandom(seed)
    this.producer = new Producer<string>({
      timing: BROKER_TIMING,
      sizeOf: (event) => event.length,
      limitBytes,
      effects: {
        broadcast: (seq, event) => this.#all((to) => ({ to, seq, event })),
        resend: (to, seq, event) => this.#send({ to, seq, event }),
        handshake: (to, offset) => this.#send({ to, handshake: offset }),
        keepalive: (keepalive) => this.#all((to) => ({ to, keepalive })),
        retransmitFailed: (to, lost) => this.#send({ to, lost }),
        acknowledged: () => {},
        dropped: (consumer, reason) => this.dropped.push(`${consumer}: ${reason}`),
      },
    })
  }

  add(name: string): Consumer<string> {
    const seen: Seen = { offset: 0, events: [], lost: [] }
    this.seen.set(name, seen)
    const consumer = new Consumer<string>({
      timing: BROKER_TIMING,
      effects: {
        consume: (event) => seen.events.push(event),
        lost: (seq) => seen.lost.push(seq),
        acknowledge: (ack) => this.#send({ to: 'producer', from: name, ack }),
        nack: (nack) => this.#send({ to: 'producer', from: name, nack }),
      },
    })
    this.consumers.set(name, consumer)
    return consumer
  }

  chance(): number {
    return this.#random.fill(new Uint8Array(1))[0]! / 256
  }

  /** One tick of everybody, and what arrives in it. */
  tick(): void {
    this.#step += 1
    this.producer.tick()
    for (const consumer of this.consumers.values()) consumer.tick()
    for (let round = 0; round < 10; round += 1) {
      const due = this.#inFlight.filter(({ at }) => at <= this.#step)
      if (due.length === 0) return
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.#step)
      for (const { message } of due) this.#deliver(message)
    }
  }

  #all(message: (to: string) => Message): void {
    for (const name of this.consumers.keys()) this.#send(message(name))
  }

  #send(message: Message): void {
    this.sent.push(message)
    for (const copy of [0, 1]) {
      if (copy === 1 && this.chance() >= this.duplication) return
      if (this.chance() < this.loss) continue
      this.#inFlight.push({ at: this.#step + Math.floor(this.chance() * (this.delay + 1)), message })
    }
  }

  #deliver(message: Message): void {
    if ('from' in message) {
      if ('ack' in message) this.producer.onAck(message.from, message.ack)
      else this.producer.onNack(message.from, message.nack)
      return
    }
    const consumer = this.consumers.get(message.to)
    if (consumer === undefined) return
    if ('handshake' in message) {
      if (consumer.onHandshake(message.handshake))
        Object.assign(this.seen.get(message.to)!, { offset: message.handshake })
    } else if ('seq' in message) consumer.onEvent(message.seq, message.event)
    else if ('keepalive' in message) consumer.onKeepalive(message.keepalive)
    else consumer.onRetransmitFailed(message.lost)
  }
}

/** Every event from the consumer's start to the last one, each once, in order. */
function expectComplete(channel: Channel, name: string, last: number): void {
  const { offset, events, lost } = channel.seen.get(name)!
  expect(lost).toEqual([])
  expect(events).toEqual(Array.from({ length: last - offset }, (_, index) => `event ${offset + 1 + index}`))
}

describe('over a bad network', () => {
  test.each(Array.from({ length: 100 }, (_, index) => index + 1))(
    'seed %i: nothing skipped, nothing twice',
    (seed) => {
      const channel = new Channel(seed)
      Object.assign(channel, { loss: 0.3, duplication: 0.2, delay: 8 })
      channel.add('a')
      channel.add('b')
      let last = 1
      for (let step = 0; step < 400; step += 1) {
        if (step === 100) channel.add('late')
        for (let burst = channel.chance() * 6; burst > 1; burst -= 1) {
          last = channel.producer.produce(`event ${channel.producer.seq + 1}`)
        }
        channel.tick()
      }
      // The network gets no better.
      for (let step = 0; step < 600 && channel.producer.unacknowledged > 0; step += 1) channel.tick()
      for (let step = 0; step < 20; step += 1) channel.tick()
      expect(channel.dropped).toEqual([])
      expect(last).toBeGreaterThan(100)
      for (const name of ['a', 'b', 'late']) expectComplete(channel, name, last)
      expect(channel.producer.unacknowledged).toBe(0)
    },
  )
})

describe('the producer', () => {
  test('without consumers sends nothing and does not advance; the first event is 2', () => {
    const channel = new Channel(1)
    expect(channel.producer.produce('nobody hears it')).toBe(1)
    expect(channel.sent).toEqual([])
    channel.add('a')
    for (let step = 0; step < 3; step += 1) channel.tick()
    expect(channel.producer.produce('event 2')).toBe(2)
  })

  test('says every 5 ticks without an event where it is', () => {
    const channel = new Channel(1)
    channel.consumers.set('listener', new Channel(2).add('listener'))
    for (let step = 0; step < 10; step += 1) channel.producer.tick()
    expect(channel.sent).toEqual([
      { to: 'listener', keepalive: 1 },
      { to: 'listener', keepalive: 1 },
    ])
  })

  test('adds who sends [0], repeats its handshake with the first offset, ignores other strangers', () => {
    const { producer, sent } = new Channel(1)
    producer.onNack('stranger', [3, 4])
    producer.onAck('stranger', 7)
    expect(sent).toEqual([])
    producer.onNack('a', [0])
    producer.produce('event 2')
    producer.onNack('a', [0])
    expect(sent.filter((message) => 'handshake' in message)).toEqual([
      { to: 'a', handshake: 1 },
      { to: 'a', handshake: 1 },
    ])
  })

  test('says what it has no more', () => {
    const { producer, sent } = new Channel(1)
    producer.add('a')
    for (const event of ['event 2', 'event 3']) producer.produce(event)
    producer.onAck('a', 2)
    producer.onNack('a', [3, 100])
    expect(sent.slice(1)).toEqual([
      { to: 'a', seq: 3, event: 'event 3' },
      { to: 'a', lost: 100 },
    ])
    producer.onNack('a', [2])
    expect(sent.at(-1)).toEqual({ to: 'a', lost: 2 })
  })

  test('has a bounded number of consumers', () => {
    const handshakes: string[] = []
    const nothing = (): void => {}
    const producer = new Producer<string>({
      timing: BROKER_TIMING,
      sizeOf: () => 1,
      limitBytes: 100,
      consumerLimit: 2,
      effects: {
        broadcast: nothing,
        resend: nothing,
        handshake: (consumer) => handshakes.push(consumer),
        keepalive: nothing,
        retransmitFailed: nothing,
        acknowledged: nothing,
        dropped: nothing,
      },
    })
    for (const name of ['a', 'b', 'c', 'a']) producer.onNack(name, [0])
    producer.remove('b')
    producer.onNack('c', [0])
    expect(handshakes).toEqual(['a', 'b', 'a', 'c'])
  })

  test('drops who is silent for the connection timeout, sends nonsense, or is furthest behind a full buffer', () => {
    const channel = new Channel(1, 40)
    const { producer, dropped } = channel
    producer.add('silent')
    producer.add('alive')
    for (let tick = 0; tick < BROKER_TIMING.connectionTimeoutTicks; tick += 1) {
      producer.onAck('alive', 1)
      producer.tick()
    }
    expect(dropped).toEqual(['silent: timeout'])
    producer.add('nonsense')
    producer.onNack('nonsense', [4, 3])
    producer.add('behind')
    for (let seq = 2; seq < 10; seq += 1) {
      producer.produce(`event ${seq}`)
      producer.onAck('alive', seq)
    }
    expect(dropped).toEqual(['silent: timeout', 'nonsense: invalid-message', 'behind: too-far-behind'])
    expect([...producer.consumers]).toEqual(['alive'])
  })
})

describe('the consumer', () => {
  test('asks for the handshake every 2 ticks, acknowledges every 5', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    for (let tick = 0; tick < 4; tick += 1) consumer.tick()
    expect(channel.sent).toEqual([
      { to: 'producer', from: 'a', nack: [0] },
      { to: 'producer', from: 'a', nack: [0] },
    ])
    consumer.onHandshake(5)
    for (let tick = 0; tick < 6; tick += 1) consumer.tick()
    expect(channel.sent.slice(2)).toEqual([
      { to: 'producer', from: 'a', ack: 5 },
      { to: 'producer', from: 'a', ack: 5 },
      { to: 'producer', from: 'a', ack: 5 },
    ])
  })

  test('keeps what came before the handshake, and throws away what the handshake has', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    consumer.onEvent(7, 'event 7')
    consumer.onEvent(5, 'event 5')
    consumer.onEvent(6, 'event 6')
    consumer.onHandshake(5)
    expect(channel.seen.get('a')?.events).toEqual(['event 6', 'event 7'])
    expect(consumer.onHandshake(1)).toBe(false)
    expect(consumer.position).toBe(7)
  })

  test('asks for all that is missing, again and again', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    consumer.onHandshake(1)
    consumer.onEvent(4, 'event 4')
    consumer.onKeepalive(6)
    for (let tick = 0; tick < 5; tick += 1) consumer.tick()
    const nacks = channel.sent.filter((message) => 'nack' in message)
    expect(nacks).toEqual([
      { to: 'producer', from: 'a', nack: [2, 3, 5, 6] },
      { to: 'producer', from: 'a', nack: [2, 3, 5, 6] },
    ])
  })

  test('tells what is lost for good, in its place', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    consumer.onHandshake(1)
    consumer.onEvent(4, 'event 4')
    consumer.onRetransmitFailed(3)
    expect(channel.seen.get('a')).toMatchObject({ events: [], lost: [] })
    consumer.onEvent(2, 'event 2')
    expect(channel.seen.get('a')).toMatchObject({ events: ['event 2', 'event 4'], lost: [3] })
  })

  test('does not acknowledge what is held back', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    consumer.onHandshake(1)
    consumer.onEvent(2, 'event 2')
    consumer.onEvent(3, 'event 3')
    consumer.holdBack(2)
    consumer.acknowledge()
    consumer.holdBack(0)
    consumer.acknowledge()
    expect(channel.sent.slice(1)).toEqual([
      { to: 'producer', from: 'a', ack: 1 },
      { to: 'producer', from: 'a', ack: 3 },
    ])
  })

  test('keeps a bounded number of early events', () => {
    const seen: string[] = []
    const nacks: (readonly number[])[] = []
    const consumer = new Consumer<string>({
      timing: BROKER_TIMING,
      reorderLimit: 2,
      effects: {
        consume: (event) => seen.push(event),
        lost: () => {},
        acknowledge: () => {},
        nack: (missing) => nacks.push(missing),
      },
    })
    consumer.onHandshake(1)
    for (const seq of [3, 4, 5, 6]) consumer.onEvent(seq, `event ${seq}`)
    expect(consumer.waiting).toBe(2)
    consumer.onEvent(2, 'event 2')
    expect(seen).toEqual(['event 2', 'event 3', 'event 4'])
    for (let tick = 0; tick < 4; tick += 1) consumer.tick()
    expect(nacks).toEqual([[5, 6]])
  })

  test('a far keepalive asks for a bounded number of events', () => {
    const channel = new Channel(1)
    const consumer = channel.add('a')
    consumer.onHandshake(1)
    consumer.onKeepalive(2 ** 40)
    for (let tick = 0; tick < 3; tick += 1) consumer.tick()
    const nack = channel.sent.find((message) => 'nack' in message)
    expect(nack !== undefined && 'nack' in nack ? nack.nack.length : 0).toBe(1024)
  })
})
