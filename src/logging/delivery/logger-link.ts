/**
 * The way to one logger: what is sent when, how much is on its way, and what is sent again. A logger that confirms has
 * told its position before it gets records of a run; what it did not get is sent again from there on, in order.
 */
import type { Timer } from '../../base/time.js'
import type { ByteWriter } from '../../data/byte-writer.js'
import { writeBatchOrigin, writeBatchStart } from '../../data/log-messages.js'
import type { Encodable } from '../../data/messages.js'
import type { Batch, Channel } from './batch.js'
import type { DeliverySettings, Position } from './delivery-settings.js'
import type { Run } from './run.js'
import { assignmentOf } from './snapshot.js'
import { RETRY_MS, type Spool } from './spool.js'

/** How a logger takes records: it tells what it has stored, or nothing (a stock Zeek). */
export type LoggerKind = 'confirming' | 'silent'

/** Without a confirmation for so long while something is on its way, the logger is asked. */
const ASK_AFTER_MS = 2000
/** A logger that found a gap says so for every message behind it: the first time counts. */
const SAME_RESEND_MS = 1000
/** Batches that are read ahead, so that the disk does not hold up the connection. */
const READ_AHEAD_BATCHES = 8
/** A batch that cannot be read is given up after so many attempts, a retry interval apart. */
const READ_ATTEMPTS = 5

interface Entry {
  readonly run: Run
  readonly batch: Batch
  payload: Uint8Array | undefined
  reading: 'idle' | 'reading' | 'failed'
}

function entryOf(run: Run, batch: Batch): Entry {
  return { run, batch, payload: batch.payload, reading: 'idle' }
}

/** One message; what it says is replaced from message to message. */
class BatchMessage implements Encodable {
  node = ''
  run = ''
  batch: Batch | undefined
  payload: Uint8Array = new Uint8Array(0)

  writeTo(writer: ByteWriter): void {
    const { batch, payload, node, run } = this
    if (batch === undefined) return
    const { channel, first } = batch
    writeBatchStart(writer, batch.records, channel !== undefined)
    writer.raw(payload)
    if (channel === undefined) return
    // Less than is known when a logger has a part of a batch: one that lost its files takes the whole of it then.
    const confirmed = Math.min(channel.confirmed, first - 1)
    writeBatchOrigin(writer, { node, run, sequence: channel.wire, first, confirmed })
  }
}

export interface LoggerLinkSettings {
  readonly delivery: DeliverySettings
  readonly spool: Spool
  /** Batches are finished, or the state changed otherwise. */
  readonly onChange: () => void
}

export class LoggerLink {
  readonly logger: string
  readonly #settings: LoggerLinkSettings
  readonly #message = new BatchMessage()
  /** Runs that the logger has told its position of. */
  readonly #open = new Set<Run>()
  readonly #asked = new Set<Run>()
  /** What is to be sent, in order; the first few are being read. */
  #queue: Entry[] = []
  #state: 'down' | LoggerKind = 'down'
  /** Until there is room in the queue of the connection. */
  #isPaused = false
  #isPumping = false
  #mustPumpAgain = false
  #inFlightBytes = 0
  #progressMs = 0
  #watch: Timer | undefined
  #retry: Timer | undefined

  constructor(logger: string, settings: LoggerLinkSettings) {
    this.logger = logger
    this.#settings = settings
    this.#message.node = settings.delivery.node
  }

  get isUp(): boolean {
    return this.#state !== 'down'
  }

  up(kind: LoggerKind): void {
    if (this.isUp) this.down()
    this.#state = kind
    this.#isPaused = false
    this.#askAll()
    this.pump()
  }

  down(): void {
    this.#state = 'down'
    const entries = this.#queue
    this.#queue = []
    this.#giveBack(entries)
    for (const run of this.#settings.spool.runs()) {
      for (const channel of run.state.channelsTo(this.logger)) {
        for (const batch of channel.batches) batch.sent = false
      }
    }
    this.#inFlightBytes = 0
    this.#open.clear()
    this.#asked.clear()
    this.#stopTimers()
  }

  /** An earlier run was found. */
  runAdded(run: Run): void {
    if (!this.isUp) return
    this.#ask([run])
    this.pump()
  }

  /** Whether a new batch of the live run goes out at once, behind nothing else. */
  takesAtOnce(run: Run, bytes: number): boolean {
    return this.#queue.length === 0 && this.#accepts(run) && !this.#isPaused && this.#hasWindow(bytes)
  }

  get isConfirming(): boolean {
    return this.#state === 'confirming'
  }

  drained(): void {
    this.#isPaused = false
    this.pump()
  }

  positions(run: Run, positions: readonly Position[], resend: boolean): void {
    const { spool, delivery } = this.#settings
    const wasAsked = resend && this.#asked.delete(run)
    const finished: Batch[] = []
    for (const { sequence, number } of positions) {
      const channel = run.state.channel(this.logger, sequence)
      if (channel === undefined || !(number > channel.confirmed)) continue
      finished.push(...run.state.confirm(channel, number))
      run.note({ kind: 'confirmed', logger: this.logger, wire: sequence, number: channel.confirmed })
      this.#progressMs = delivery.clock.monotonicMs()
    }
    run.commit()
    for (const batch of finished) this.#landed(batch)
    if (finished.length > 0) this.#isPaused = false
    if (resend && this.#state === 'confirming') this.#resend(run, wasAsked)
    spool.finished(run, finished)
    this.pump()
    this.#settings.onChange()
  }

  /**
   * Sends what may be sent. `settings.send` may call back into this object, and reading is asynchronous: whatever
   * changes, the loop looks again.
   */
  pump(): void {
    this.#mustPumpAgain = true
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#mustPumpAgain && this.isUp) {
        this.#mustPumpAgain = false
        this.#claim()
        this.#load()
        if (this.#sendReady()) this.#mustPumpAgain = true
      }
    } finally {
      this.#isPumping = false
    }
    this.#keepWatch()
  }

  /** Sends a batch that has just been written, or read; its assignment is in the journal. */
  send(run: Run, batch: Batch, payload: Uint8Array): void {
    if (batch.state === 'finished') return
    if (!this.isUp) {
      if (batch.channel === undefined) run.state.unclaim([batch])
      return
    }
    if (batch.channel === undefined && this.#isPaused) return run.state.unclaim([batch])
    if (batch.channel !== undefined) this.reserve(batch)
    const message = this.#message
    message.run = run.state.name
    message.batch = batch
    message.payload = payload
    const outcome = this.#settings.delivery.send(this.logger, batch.sequence.description, message)
    if (batch.channel === undefined) return this.#sentSilently(run, batch, outcome)
    // What did not go out is found missing when the logger tells its position.
    if (outcome !== 'accepted') this.#isPaused = true
    this.#keepWatch()
  }

  /** A batch that belongs to this logger takes its part of the window. */
  reserve(batch: Batch): void {
    if (batch.sent) return
    if (this.#inFlightBytes === 0) this.#progressMs = this.#settings.delivery.clock.monotonicMs()
    batch.sent = true
    this.#inFlightBytes += batch.bytes
  }

  close(): void {
    this.#state = 'down'
    this.#stopTimers()
  }

  #sentSilently(run: Run, batch: Batch, outcome: ReturnType<DeliverySettings['send']>): void {
    switch (outcome) {
      case 'accepted':
      case 'queued':
        run.state.finishUnconfirmed(batch)
        run.note({ kind: 'unconfirmed', batch: batch.id })
        this.#isPaused ||= outcome === 'queued'
        break
      case 'dropped':
        run.state.drop(batch, 'queue-full')
        run.note({ kind: 'dropped', batch: batch.id, reason: 'queue-full' })
        this.#isPaused = true
        break
      case 'no-peer':
        run.state.unclaim([batch])
        this.down()
        return
    }
    run.commit()
    this.#settings.spool.finished(run, [batch])
    this.#settings.onChange()
  }

  #accepts(run: Run): boolean {
    return this.#state === 'silent' || (this.#state === 'confirming' && this.#open.has(run))
  }

  /** `before`: bytes that go out first. One batch may, however long it is. */
  #hasWindow(bytes: number, before = 0): boolean {
    const inFlight = this.#inFlightBytes + before
    return this.#state === 'silent' || inFlight === 0 || inFlight + bytes <= this.#windowBytes
  }

  get #windowBytes(): number {
    return this.#settings.delivery.limits.windowBytes
  }

  #askAll(): void {
    // A run that is done with by now needs no answer.
    this.#asked.clear()
    this.#ask(this.#settings.spool.runs())
  }

  #ask(runs: readonly Run[]): void {
    if (this.#state !== 'confirming' || runs.length === 0) return
    for (const run of runs) this.#asked.add(run)
    const names = runs.map((run) => run.state.name)
    this.#progressMs = this.#settings.delivery.clock.monotonicMs()
    this.#settings.delivery.ask(this.logger, names)
    this.#keepWatch()
  }

  #resend(run: Run, wasAsked: boolean): void {
    const nowMs = this.#settings.delivery.clock.monotonicMs()
    this.#open.add(run)
    this.#isPaused = false
    const again: Entry[] = []
    const channels = new Set<Channel>()
    for (const channel of run.state.channelsTo(this.logger)) {
      if (channel.batches.length === 0) continue
      const isEcho = channel.resentFrom === channel.confirmed && nowMs - channel.resentAtMs < SAME_RESEND_MS
      if (isEcho && !wasAsked) continue
      channel.resentFrom = channel.confirmed
      channel.resentAtMs = nowMs
      channels.add(channel)
      for (const batch of channel.batches) {
        this.#landed(batch)
        again.push(entryOf(run, batch))
      }
    }
    if (channels.size === 0) return
    // Before what is new: numbers of a channel go out in order.
    const others = this.#queue.filter(
      ({ batch }) => batch.channel === undefined || !channels.has(batch.channel),
    )
    this.#queue = [...again, ...others]
  }

  /** No longer on its way. */
  #landed(batch: Batch): void {
    if (!batch.sent) return
    batch.sent = false
    this.#inFlightBytes -= batch.bytes
  }

  #claim(): void {
    if (this.#isPaused) return
    const { spool } = this.#settings
    let bytes = this.#inFlightBytes
    for (const { batch } of this.#queue) bytes += batch.bytes
    while (this.#queue.length < READ_AHEAD_BATCHES && (bytes === 0 || bytes < this.#windowBytes)) {
      const claim = spool.claim((run) => this.#accepts(run))
      if (claim === undefined) return
      const { run, batch } = claim
      this.#queue.push(entryOf(run, batch))
      bytes += batch.bytes
    }
  }

  #load(): void {
    for (const entry of this.#queue.slice(0, READ_AHEAD_BATCHES)) {
      if (entry.payload !== undefined || entry.reading !== 'idle') continue
      entry.reading = 'reading'
      void entry.run.load(entry.batch).then(
        (payload) => this.#loaded(entry, payload),
        () => this.#loadFailed(entry),
      )
    }
  }

  #loaded(entry: Entry, payload: Uint8Array | undefined): void {
    entry.reading = 'idle'
    entry.payload = payload
    if (!this.isUp) return
    if (payload === undefined) this.#damaged(entry)
    this.pump()
  }

  #loadFailed(entry: Entry): void {
    entry.batch.readFailures += 1
    if (entry.batch.readFailures >= READ_ATTEMPTS) return this.#loaded(entry, undefined)
    entry.reading = 'failed'
    if (!this.isUp) return
    this.#retry ??= this.#settings.delivery.timers.after(RETRY_MS, () => {
      this.#retry = undefined
      for (const other of this.#queue) if (other.reading === 'failed') other.reading = 'idle'
      this.pump()
    })
  }

  /** What cannot be read is given up; what follows it at this logger gets numbers of its own. */
  #damaged({ run, batch }: Entry): void {
    if (batch.state === 'finished') return
    const { channel } = batch
    this.#landed(batch)
    run.state.drop(batch, 'spool-damaged')
    run.note({ kind: 'dropped', batch: batch.id, reason: 'spool-damaged' })
    this.#queue = this.#queue.filter((entry) => entry.batch !== batch)
    if (channel !== undefined) this.#renumber(run, channel, batch.last)
    run.commit()
    const { timers, onProblem } = this.#settings.delivery
    const { stream } = batch.sequence.description
    timers.soon(() =>
      onProblem(
        'log-spool-damaged',
        `${batch.records} records of ${stream} in the spool cannot be read: dropped`,
      ),
    )
    this.#settings.spool.finished(run, [batch])
    this.#settings.onChange()
  }

  /** The logger has none of what is behind `number`: it stores in order. */
  #renumber(run: Run, channel: Channel, number: number): void {
    const following = channel.batches.take((batch) => batch.first > number)
    run.state.renewChannel(channel)
    if (following.length === 0) return
    const next = run.state.channelOf(channel.sequence, this.logger)
    for (const batch of following) {
      run.state.assign(batch, next)
      run.note({ kind: 'assigned', batch: batch.id, assignment: assignmentOf(batch)! })
    }
    this.#queue = this.#queue.filter(({ batch }) => batch.channel !== next)
    const again = following.map((batch) => {
      this.#landed(batch)
      return entryOf(run, batch)
    })
    this.#queue = [...again, ...this.#queue]
  }

  /** Sends from the head of the queue what has been read; false when nothing could be. */
  #sendReady(): boolean {
    const ready: Entry[] = []
    let bytes = 0
    for (let entry = this.#queue[0]; entry !== undefined; entry = this.#queue[0]) {
      if (entry.batch.state === 'finished') {
        this.#queue.shift()
        continue
      }
      if (entry.payload === undefined || this.#isPaused) break
      if (ready.length > 0 && (entry.run !== ready[0]!.run || this.#state === 'silent')) break
      if (!this.#hasWindow(entry.batch.bytes, bytes)) break
      this.#queue.shift()
      ready.push(entry)
      bytes += entry.batch.bytes
    }
    const first = ready[0]
    if (first === undefined) return false
    for (const { run, batch, payload } of this.#assign(first.run, ready)) this.send(run, batch, payload!)
    return true
  }

  /** Gives numbers to those that have none, in the journal before anything goes out. Returns what may be sent. */
  #assign(run: Run, entries: readonly Entry[]): readonly Entry[] {
    if (this.#state === 'silent') return entries
    const claimed = entries.map(({ batch }) => batch).filter(({ channel }) => channel === undefined)
    if (claimed.length === 0) return entries
    if (!run.isJournaled && claimed.some(({ place }) => place !== undefined)) {
      run.state.unclaim(claimed)
      return entries.filter(({ batch }) => batch.channel !== undefined)
    }
    for (const batch of claimed) {
      run.state.assign(batch, run.state.channelOf(batch.sequence, this.logger))
      if (batch.place === undefined) continue
      run.note({ kind: 'assigned', batch: batch.id, assignment: assignmentOf(batch)! })
    }
    const spooled = claimed.filter(({ place }) => place !== undefined)
    if (spooled.length === 0 || run.commit()) return entries
    for (const batch of spooled.toReversed()) run.state.unassign(batch)
    run.state.unclaim(spooled)
    return entries.filter(({ batch }) => batch.state === 'assigned')
  }

  #giveBack(entries: readonly Entry[]): void {
    for (const run of new Set(entries.map((entry) => entry.run))) {
      const claimed = entries
        .filter(({ batch }) => batch.state === 'claimed')
        .filter((entry) => entry.run === run)
      run.state.unclaim(claimed.map(({ batch }) => batch))
    }
  }

  /** While an answer is due: asks again for what may have been lost. */
  #keepWatch(): void {
    const isDue = this.#state === 'confirming' && (this.#inFlightBytes > 0 || this.#asked.size > 0)
    if (!isDue) {
      this.#watch?.cancel()
      this.#watch = undefined
      return
    }
    if (this.#watch !== undefined) return
    const { clock, timers } = this.#settings.delivery
    const dueMs = this.#progressMs + ASK_AFTER_MS - clock.monotonicMs()
    this.#watch = timers.after(Math.max(1, dueMs), () => {
      this.#watch = undefined
      if (clock.monotonicMs() - this.#progressMs >= ASK_AFTER_MS - 1) this.#askAll()
      this.#keepWatch()
    })
  }

  #stopTimers(): void {
    this.#watch?.cancel()
    this.#watch = undefined
    this.#retry?.cancel()
    this.#retry = undefined
  }
}
