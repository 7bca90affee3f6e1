/**
 * The sender's side of remote logging: from "a script wrote a record" to "a logger has it on disk". Records are in the
 * memory of the process only for a moment, then in the spool on disk, from which they go to the loggers; a logger tells
 * what it has stored, and only then are they done with. Nothing is lost without being counted, and each record is
 * stored once, also when processes are killed.
 */
import { ClusterError } from '../../base/errors.js'
import type { Timer } from '../../base/time.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogWriterDescription } from '../../data/log-messages.js'
import { type Batch, noneDropped, type SequenceState } from './batch.js'
import type {
  DeliverySettings,
  DropReason,
  LogPriority,
  Position,
  RunLedger,
  Sequence,
} from './delivery-settings.js'
import { type LoggerKind, LoggerLink } from './logger-link.js'
import { RecordBuffer } from './record-buffer.js'
import type { Run } from './run.js'
import { DROP_REASONS, PRIORITIES } from './run-state.js'
import { spooledEntry } from './snapshot.js'
import { BATCH_BYTES, RETRY_MS, Spool } from './spool.js'

/** For a display of the node's state. */
export type DeliveryState = {
  /** Bytes that the spool takes on disk. */
  readonly spoolBytes: number
  /** Bytes of records for no logger yet. */
  readonly queuedBytes: number
  /** Bytes of records that belong to a logger which has not confirmed them. */
  readonly inFlightBytes: number
} & (
  | { readonly state: 'ok' }
  /** The disk does not take records: they are in memory, and a kill loses them. */
  | { readonly state: 'degraded'; readonly reason: string }
)

/** Records of the live run and of earlier ones that have something left, summed over all streams. */
export interface DeliveryCounters {
  produced: number
  inMemory: number
  spooled: number
  inFlight: number
  stored: number
  unconfirmed: number
  readonly dropped: Record<DropReason, number>
}

/** Buffers that are kept for the next batches. */
const SPARE_BUFFERS = 16

/** A record that is begun, and is not where the batch is. */
interface AsideRecord {
  readonly buffer: RecordBuffer
  readonly writer: ByteWriter
  readonly recordAt: number
}

interface Outgoing {
  readonly link: LoggerLink
  readonly batch: Batch
  readonly writer: ByteWriter
}

interface Waiter {
  readonly done: (isSettled: boolean) => void
  readonly timer: Timer
}

export class LogDelivery {
  /** Resolves when what earlier processes left was found; it never rejects. */
  readonly ready: Promise<void>
  readonly #settings: DeliverySettings
  readonly #spool: Spool
  readonly #links = new Map<string, LoggerLink>()
  /** Buffers with records. */
  #filled: RecordBuffer[] = []
  readonly #spareWriters: ByteWriter[] = []
  /** With a record that is begun. */
  #begun: RecordBuffer | undefined
  /** Records that were begun before it; the last one ends first. */
  readonly #aside: AsideRecord[] = []
  #memoryRecords = 0
  #timer: Timer | undefined
  #diskTimer: Timer | undefined
  #waiters: Waiter[] = []
  #state: 'open' | 'closed' = 'open'

  /** Makes the journal of this process before it returns. A disk that refuses is reported, not thrown. */
  constructor(settings: DeliverySettings) {
    this.#settings = settings
    this.#spool = new Spool(settings, {
      onRun: (run) => this.#onEarlierRun(run),
      onDegraded: () => settings.timers.soon(() => this.#watchDisk()),
    })
    this.ready = this.#spool.ready
  }

  /** A log writer of this node: its records get numbers of their own at every logger. */
  declare(description: LogWriterDescription, priority: LogPriority): Sequence {
    const { live } = this.#spool
    const sequence = live.state.declare(description, priority)
    live.note({ kind: 'sequence', id: sequence.id, priority, description })
    live.commit()
    for (const link of this.#links.values()) if (link.isUp) this.#settings.announce(link.logger, description)
    return sequence
  }

  /**
   * Takes a record. `sequence`: of `declare`; `logger`: whose turn it is, undefined while none is up; `record`: its wire
   * bytes (spec/broker-protocol.md 6.6), copied before this returns. Never throws for a disk or a logger.
   */
  append(sequence: Sequence, logger: string | undefined, record: ByteWriter): void {
    if (this.#begun !== undefined) this.#setAside(this.#begun)
    const buffer = bufferOf(sequence as SequenceState, logger)
    if (buffer.records === 0) buffer.writer = this.#freeWriter()
    buffer.add(record.bytes, 0, record.length)
    this.#added(buffer)
  }

  /**
   * As `append`, without a copy: the caller appends the wire bytes of one record to what this returns, and nothing else,
   * then calls `commit`, or `rollback` when the record is not to be. The record is written only then. Whatever is called
   * in between is fine: records that are written meanwhile stand before it, also such as are begun themselves.
   */
  begin(sequence: Sequence, logger: string | undefined): ByteWriter {
    if (this.#begun !== undefined) this.#setAside(this.#begun)
    const buffer = bufferOf(sequence as SequenceState, logger)
    if (buffer.records === 0) buffer.writer = this.#freeWriter()
    buffer.begin()
    this.#begun = buffer
    return buffer.writer
  }

  /** Takes the record that was begun last. Throws `ClusterError` code `no-log-record-begun`. */
  commit(): void {
    const buffer = this.#begun
    if (buffer === undefined) return this.#commitAside()
    this.#begun = undefined
    buffer.commit()
    this.#added(buffer)
  }

  /** Forgets the record that was begun last. Throws `ClusterError` code `no-log-record-begun`. */
  rollback(): void {
    const buffer = this.#begun
    if (buffer === undefined) return this.#spare(this.#takeAside().writer)
    this.#begun = undefined
    buffer.rollback()
    if (buffer.records === 0) this.#spare(buffer.writer)
  }

  /** Spools what is in memory only, and sends what may be sent. */
  flush(): void {
    this.#spoolAll()
    this.#pump()
  }

  /**
   * A logger can be sent to. A confirming one is asked for its position and gets nothing before it has told it; a silent
   * one (a stock Zeek) gets records that are done with once they are sent.
   */
  loggerUp(logger: string, kind: LoggerKind): void {
    if (this.#state === 'closed') return
    this.#spool.loggerKnown(logger)
    let link = this.#links.get(logger)
    if (link === undefined) {
      const onChange = (): void => this.#afterChange()
      link = new LoggerLink(logger, { delivery: this.#settings, spool: this.#spool, onChange })
      this.#links.set(logger, link)
    }
    const known = new Set<string>()
    // Own ones first: as in Zeek, the first description of a writer counts.
    for (const run of this.#spool.runs().toReversed()) this.#announce(logger, run, known)
    link.up(kind)
    this.#afterChange()
  }

  /**
   * A logger is gone. What was on its way stays counted as in flight: the logger may have it, which it tells when it is
   * back; nobody else gets these records.
   */
  loggerDown(logger: string): void {
    this.#links.get(logger)?.down()
    this.#pump()
    this.#afterChange()
  }

  /**
   * A logger will not come back: what was sent to it and not confirmed is dropped (`logger-gone`), of all runs. It may
   * have stored these records or not; nobody else gets them. It is taken as down; `loggerUp` begins anew with it.
   */
  forgetLogger(logger: string): void {
    if (this.#state === 'closed') return
    this.#links.get(logger)?.down()
    this.#spool.forgetLogger(logger)
    this.#pump()
    this.#afterChange()
  }

  /**
   * A logger has stored everything up to these numbers. With `resend` everything behind them is sent again: the answer to
   * `ask`, or what a logger says when something is missing. A run or sequence that is not known is ignored.
   */
  positions(logger: string, run: string, positions: readonly Position[], resend: boolean): void {
    if (this.#state === 'closed') return
    const found = this.#spool.find(run)
    if (found === undefined) return
    this.#links.get(logger)?.positions(found, positions, resend)
    this.#pump()
    this.#afterChange()
  }

  /** The queues of the bus are short again. */
  drained(): void {
    for (const link of this.#links.values()) link.drained()
    this.#afterChange()
  }

  /**
   * Resolves true when loggers that are up have everything that they can have, false after `timeoutMs`. With no logger
   * up there is nothing to wait for: true at once.
   */
  settled(timeoutMs: number): Promise<boolean> {
    this.flush()
    if (this.#isSettled()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = this.#settings.timers.after(timeoutMs, () => waiter.done(false))
      const waiter: Waiter = {
        timer,
        done: (isSettled) => {
          timer.cancel()
          this.#waiters = this.#waiters.filter((other) => other !== waiter)
          resolve(isSettled)
        },
      }
      this.#waiters.push(waiter)
    })
  }

  state(): DeliveryState {
    let queuedBytes = 0
    let inFlightBytes = 0
    for (const { writer } of this.#filled) queuedBytes += writer.length
    for (const { state } of this.#spool.runs()) {
      for (const batch of state.batches.values()) {
        if (batch.state === 'assigned') inFlightBytes += batch.bytes
        else queuedBytes += batch.bytes
      }
    }
    const bytes = { spoolBytes: this.#spool.usedBytes, queuedBytes, inFlightBytes }
    const { health } = this.#spool
    return health.state === 'ok'
      ? { state: 'ok', ...bytes }
      : { state: 'degraded', reason: health.reason, ...bytes }
  }

  counters(): DeliveryCounters {
    const sum: DeliveryCounters = {
      produced: 0,
      inMemory: 0,
      spooled: 0,
      inFlight: 0,
      stored: 0,
      unconfirmed: 0,
      dropped: noneDropped(),
    }
    for (const run of this.#spool.runs()) {
      for (const { tally } of run.state.sequences.values()) {
        sum.produced += tally.produced
        sum.inMemory += tally.inMemory
        sum.spooled += tally.spooled
        sum.inFlight += tally.inFlight
        sum.stored += tally.stored
        sum.unconfirmed += tally.unconfirmed
        for (const reason of DROP_REASONS) sum.dropped[reason] += tally.dropped[reason]
      }
    }
    return sum
  }

  /** This run, earlier ones with something left, and the sum of those that are done with as run `earlier`. */
  ledger(): readonly RunLedger[] {
    return this.#spool.ledger()
  }

  /**
   * Spools what is in memory, notes that this process ended in order, and resolves when every file is closed. Records
   * that are appended afterwards are dropped and counted.
   */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.flush()
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#diskTimer?.cancel()
    for (const waiter of [...this.#waiters]) waiter.done(false)
    for (const link of this.#links.values()) link.close()
    await this.#spool.close()
  }

  /** A buffer has one record more. */
  #added(buffer: RecordBuffer): void {
    if (buffer.records === 1) this.#startBuffer(buffer)
    const { tally } = buffer.sequence
    tally.produced += 1
    tally.inMemory += 1
    this.#memoryRecords += 1
    const { limits } = this.#settings
    if (this.#memoryRecords >= limits.memoryRecords || this.#state === 'closed') this.#spoolAll()
    else if (buffer.records >= limits.batchRecords || buffer.writer.length >= BATCH_BYTES) {
      this.#filled.splice(this.#filled.indexOf(buffer), 1)
      this.#spoolBuffers([buffer])
    }
  }

  /** The record that is begun goes on in the writer that its encoder has; the batch, in another one. */
  #setAside(buffer: RecordBuffer): void {
    const { writer, recordAt } = buffer
    const end = writer.length
    this.#begun = undefined
    this.#aside.push({ buffer, writer, recordAt })
    buffer.rollback()
    if (buffer.records > 0) {
      buffer.writer = this.#freeWriter()
      buffer.writer.raw(writer.written())
    }
    writer.length = end
  }

  #commitAside(): void {
    const { buffer, writer, recordAt } = this.#takeAside()
    if (buffer.records === 0) buffer.writer = this.#freeWriter()
    buffer.add(writer.bytes, recordAt, writer.length)
    this.#spare(writer)
    this.#added(buffer)
  }

  #takeAside(): AsideRecord {
    const aside = this.#aside.pop()
    if (aside !== undefined) return aside
    throw new ClusterError('no-log-record-begun', 'commit or rollback without begin', undefined)
  }

  #freeWriter(): ByteWriter {
    return this.#spareWriters.pop() ?? new ByteWriter()
  }

  #startBuffer(buffer: RecordBuffer): void {
    this.#filled.push(buffer)
    if (this.#state === 'closed') return
    this.#timer ??= this.#settings.timers.after(this.#settings.limits.memoryMs, () => {
      this.#timer = undefined
      this.#spoolAll()
    })
  }

  #spoolAll(): void {
    if (this.#begun !== undefined) this.#setAside(this.#begun)
    this.#timer?.cancel()
    this.#timer = undefined
    const buffers = this.#filled
    if (buffers.length === 0) return
    this.#filled = []
    this.#spoolBuffers(buffers)
  }

  /** Writes each buffer as a batch; then sends those that may go at once. */
  #spoolBuffers(buffers: readonly RecordBuffer[]): void {
    const { live } = this.#spool
    const outgoing: Outgoing[] = []
    for (const buffer of buffers) {
      const { sequence, records, writer } = buffer
      // Sending may call back and append: to another buffer.
      buffer.records = 0
      this.#memoryRecords -= records
      if (this.#state === 'closed') {
        this.#spool.refuseClosed(sequence, records)
        continue
      }
      const link = this.#linkFor(buffer)
      const batch = this.#spool.add(sequence, records, writer.written(), link !== undefined)
      if (batch === undefined || link === undefined) {
        if (batch?.place !== undefined) live.note(spooledEntry(batch, batch.place))
        if (batch !== undefined) live.state.wait(batch)
        this.#spare(writer)
        continue
      }
      if (link.isConfirming) {
        live.state.assign(batch, live.state.channelOf(sequence, link.logger))
        link.reserve(batch)
      }
      if (batch.place !== undefined) live.note(spooledEntry(batch, batch.place))
      outgoing.push({ link, batch, writer })
    }
    live.commit()
    for (const { link, batch, writer } of outgoing) {
      link.send(live, batch, writer.written())
      this.#spare(writer)
    }
    if (PRIORITIES.some((priority) => live.hasWaiting(priority))) this.#pump()
    this.#afterChange()
  }

  /** The link on which a batch of this buffer goes out at once: nothing older waits before it. */
  #linkFor({ logger, sequence, writer }: RecordBuffer): LoggerLink | undefined {
    const link = logger === undefined ? undefined : this.#links.get(logger)
    if (link === undefined || sequence.waiting > 0) return undefined
    return link.takesAtOnce(this.#spool.live, writer.length) ? link : undefined
  }

  #spare(writer: ByteWriter): void {
    writer.length = 0
    if (this.#spareWriters.length < SPARE_BUFFERS) this.#spareWriters.push(writer)
  }

  #pump(): void {
    if (this.#state === 'closed') return
    for (const link of this.#links.values()) link.pump()
  }

  #onEarlierRun(run: Run): void {
    if (this.#state === 'closed') return
    for (const link of this.#links.values()) {
      if (!link.isUp) continue
      this.#announce(link.logger, run, new Set())
      link.runAdded(run)
    }
  }

  #announce(logger: string, run: Run, known: Set<string>): void {
    for (const { description } of run.state.sequences.values()) {
      const key = JSON.stringify([description, [...description.config]])
      if (known.has(key)) continue
      known.add(key)
      this.#settings.announce(logger, description)
    }
  }

  #afterChange(): void {
    if (this.#waiters.length > 0 && this.#isSettled()) {
      for (const waiter of [...this.#waiters]) waiter.done(true)
    }
    this.#watchDisk()
  }

  /** Tries a disk that failed again, as long as there is something that needs it. */
  #watchDisk(): void {
    if (this.#diskTimer !== undefined || this.#state === 'closed') return
    if (this.#spool.health.state === 'ok') return
    if (this.#spool.runs().every((run) => run.state.isFinished)) return
    this.#diskTimer = this.#settings.timers.after(RETRY_MS, () => {
      this.#diskTimer = undefined
      if (this.#spool.resume()) this.#pump()
      this.#watchDisk()
    })
  }

  #isSettled(): boolean {
    const up = [...this.#links.values()].filter((link) => link.isUp)
    if (up.length === 0) return true
    if (this.#memoryRecords > 0) return false
    const names = new Set(up.map((link) => link.logger))
    for (const { state } of this.#spool.runs()) {
      for (const batch of state.batches.values()) {
        if (batch.channel === undefined || names.has(batch.channel.logger)) return false
      }
    }
    return true
  }
}

function bufferOf(sequence: SequenceState, logger: string | undefined): RecordBuffer {
  const { lastBuffer } = sequence
  if (lastBuffer !== undefined && lastBuffer.logger === logger) return lastBuffer
  let buffer = sequence.buffers.get(logger)
  if (buffer === undefined) {
    buffer = new RecordBuffer(sequence, logger)
    sequence.buffers.set(logger, buffer)
  }
  sequence.lastBuffer = buffer
  return buffer
}

export { readLedger } from './ledger.js'
