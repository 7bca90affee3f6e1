/**
 * The spool of a node: its own run and those of earlier processes that have something left to send, within one bound.
 * While the disk does not take records they stay in memory, within another.
 */
import { join } from 'node:path'
import { errorMessage } from '../../base/errors.js'
import type { Batch, SequenceState } from './batch.js'
import { crc32 } from './crc32.js'
import type { DeliverySettings, DropReason, LogPriority, RunLedger } from './delivery-settings.js'
import {
  EMPTY_SUMS,
  earlierLedger,
  foldRun,
  isRunFolder,
  type LedgerSums,
  ledgerOf,
  readSums,
  setSumsAside,
  writeSums,
} from './ledger.js'
import { BOUND_FILE, LossBound } from './loss-bound.js'
import { Run, type RunSettings } from './run.js'
import { type ReadRun, readRun } from './run-reader.js'
import { PRIORITIES, RunState } from './run-state.js'
import { droppedText, goneText, unwritableText } from './spool-problems.js'

/** Segments are at most this part of the spool: shedding one is not shedding most. */
const SEGMENTS_PER_SPOOL = 16
const JOURNAL_BYTES = 4 * 1024 ** 2
/** Offsets in the journal have 32 bits. */
const SEGMENT_BYTES_MAX = 1024 ** 3
/** A batch has no more bytes than this, but for one long record. */
export const BATCH_BYTES = 256 * 1024
/** Dropping is told again when so little of the room had been taken in between. */
const EPISODE_ENDS = 0.5
/** Room for what a journal says of a batch, which counts twice. */
const ENTRY_BYTES = 256
/** A disk that failed is tried again after so long. */
export const RETRY_MS = 1000

/** Whether records reach the disk. */
export type SpoolHealth =
  | { readonly state: 'ok' }
  | { readonly state: 'degraded'; readonly reason: string; readonly retryAtMs: number }

export interface Claim {
  readonly run: Run
  readonly batch: Batch
}

export interface SpoolEvents {
  /** An earlier run has something left to send. */
  readonly onRun: (run: Run) => void
  /** The disk does not take records: `resume` must be called until it does. Also from the constructor. */
  readonly onDegraded: () => void
}

export class Spool {
  readonly live: Run
  /** Opened and read; earlier processes have ended. */
  readonly ready: Promise<void>
  readonly #settings: DeliverySettings
  readonly #events: SpoolEvents
  #earlier: readonly Run[] = []
  #sums: LedgerSums = EMPTY_SUMS
  readonly #foldsBegun = new Set<Run>()
  #folding: Promise<void> = Promise.resolve()
  #health: SpoolHealth = { state: 'ok' }
  #memoryBytes = 0
  #isShedding = false
  #liveIsNext = false
  #isClosed = false
  /** Loggers that were up, and those that were given up. */
  readonly #isKnown = new Map<string, boolean>()

  constructor(settings: DeliverySettings, events: SpoolEvents) {
    this.#settings = settings
    this.#events = events
    const state = new RunState(settings.run)
    state.startedMs = settings.clock.wallMs()
    this.live = new Run(state, { ...this.#runSettings(settings.run), bound: lossBoundOf(settings) })
    try {
      this.live.openJournal()
    } catch (error) {
      this.#fail(error)
    }
    this.ready = this.#openEarlier()
  }

  get health(): SpoolHealth {
    return this.#health
  }

  /** Bytes of records that are in memory because the disk does not take them. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  get usedBytes(): number {
    let bytes = this.live.usedBytes
    for (const run of this.#earlier) bytes += run.usedBytes
    return bytes
  }

  /** Those with something left, oldest first, the live one last. */
  runs(): readonly Run[] {
    return [...this.#earlier, this.live]
  }

  find(name: string): Run | undefined {
    if (name === this.live.state.name) return this.live
    return this.#earlier.find((run) => run.state.name === name)
  }

  ledger(): readonly RunLedger[] {
    const runs = this.runs().map((run) => ledgerOf(run.state))
    const earlier = earlierLedger(this.#sums)
    return earlier === undefined ? runs : [earlier, ...runs]
  }

  /**
   * Takes the next batch for a logger: of the highest priority, and of older runs and the live one in turn, so that an
   * old backlog goes first without holding up what is new.
   */
  claim(accepts: (run: Run) => boolean): Claim | undefined {
    for (const priority of PRIORITIES) {
      const older = this.#earlier.find((run) => accepts(run) && run.hasWaiting(priority))
      const live = accepts(this.live) && this.live.hasWaiting(priority) ? this.live : undefined
      const run = older === undefined || (live !== undefined && this.#liveIsNext) ? live : older
      const batch = run?.claim(priority)
      if (run === undefined || batch === undefined) continue
      this.#liveIsNext = run !== this.live
      return { run, batch }
    }
    return undefined
  }

  /**
   * Puts records of the live run into the spool, or in memory while the disk does not take them: a new batch, which is
   * in nobody's list. Undefined when there is none: the records joined the youngest batch that waits, which those
   * that go out at once (`goesOut`) never do, or they were dropped for want of room.
   */
  add(sequence: SequenceState, records: number, payload: Uint8Array, goesOut: boolean): Batch | undefined {
    const { state } = this.live
    const { length } = payload
    if (this.#canWrite()) {
      if (!this.#makeRoom(length + ENTRY_BYTES, sequence.priority))
        return this.#refuse(sequence, records, 'spool-full')
      try {
        const place = this.live.place(sequence.priority, payload)
        sequence.tally.inMemory -= records
        const before = goesOut ? undefined : sequence.youngest
        if (before?.place?.segment === place.segment && this.#fitsInto(before, records, length)) {
          return this.#extend(before, records, place.pieces[0]!, payload)
        }
        return state.add(sequence, records, length, crc32(payload), place)
      } catch (error) {
        this.#fail(error)
      }
    }
    // Beside a journal that goes on, records in memory would be forgotten: it is begun anew once they are on disk.
    this.live.commit()
    this.live.leaveJournal()
    if (!this.#makeMemoryRoom(length, sequence.priority)) {
      return this.#refuse(sequence, records, this.#memoryReason)
    }
    sequence.tally.inMemory -= records
    const batch = state.add(sequence, records, length, crc32(payload))
    batch.payload = Uint8Array.from(payload)
    this.#memoryBytes += length
    this.live.cover()
    return batch
  }

  /** Records that came when the run had ended. */
  refuseClosed(sequence: SequenceState, records: number): void {
    sequence.tally.inMemory -= records
    sequence.tally.dropped['spool-unwritable'] += records
  }

  /** Batches with which everything is done: what they took is free again. */
  finished(run: Run, batches: readonly Batch[]): void {
    for (const batch of batches) if (batch.place === undefined) this.#memoryBytes -= batch.bytes
    run.release(batches)
    if (run !== this.live && run.state.isFinished) this.#fold(run)
  }

  /** There is such a logger: what belongs to it is kept. */
  loggerKnown(logger: string): void {
    this.#isKnown.set(logger, true)
  }

  /** Gives up what belongs to a logger, also of runs that are found later. */
  forgetLogger(logger: string): void {
    this.#isKnown.set(logger, false)
    for (const run of this.runs()) this.#forgetIn(run, logger)
  }

  /** Puts on disk what a failing disk left in memory; true when all is well. At most once a second, but for `force`. */
  resume(force = false): boolean {
    if (this.#health.state === 'ok') return true
    if (!force && this.#settings.clock.monotonicMs() < this.#health.retryAtMs) return false
    try {
      for (const run of this.runs()) if (run.needsJournal) this.#resumeRun(run)
    } catch (error) {
      this.#fail(error)
      return false
    }
    this.#health = { state: 'ok' }
    this.#report('log-spool-resumed', `records for loggers are kept in ${this.#settings.directory} again`)
    return true
  }

  /** Ends the live run in order; resolves when every file is closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.ready
    this.resume(true)
    const { state } = this.live
    for (const priority of PRIORITIES) {
      for (const batch of [...state.waitingInMemory[priority]]) {
        state.drop(batch, 'spool-unwritable')
        this.#memoryBytes -= batch.bytes
        this.#tellShedding('spool-unwritable')
      }
    }
    state.life = 'ended'
    this.live.note({ kind: 'ended' })
    this.live.commit()
    await this.#folding
    for (const run of this.runs()) await run.close()
  }

  #fitsInto(batch: Batch, records: number, bytes: number): boolean {
    return batch.records + records <= this.#settings.limits.batchRecords && batch.bytes + bytes <= BATCH_BYTES
  }

  #extend(batch: Batch, records: number, offset: number, payload: Uint8Array): undefined {
    const checksum = crc32(payload, batch.checksum)
    const { length } = payload
    this.live.state.extend(batch, records, offset, length, checksum)
    this.live.note({ kind: 'extended', batch: batch.id, records, offset, length, checksum })
  }

  get #memoryReason(): DropReason {
    return this.#settings.directory === undefined ? 'spool-full' : 'spool-unwritable'
  }

  #runSettings(name: string): RunSettings {
    const { disk, directory, limits } = this.#settings
    const share = Math.max(1, Math.floor(limits.spoolBytes / SEGMENTS_PER_SPOOL))
    return {
      disk,
      directory: directory === undefined ? undefined : join(directory, name),
      segmentBytes: Math.min(limits.segmentBytes, share, SEGMENT_BYTES_MAX),
      journalBytes: Math.min(JOURNAL_BYTES, share),
      onFailure: (error) => this.#fail(error),
    }
  }

  #canWrite(): boolean {
    return this.#settings.directory !== undefined && this.resume()
  }

  #resumeRun(run: Run): void {
    const { state } = run
    let journalBytes = ENTRY_BYTES * state.batches.size
    for (const batch of [...state.batches.values()]) {
      const { priority } = batch.sequence
      if (batch.place !== undefined) continue
      // What a logger may have stays, however little room there is: its numbers stand before those that follow.
      const hasRoom = this.#makeRoom(batch.bytes + journalBytes, priority) || batch.state !== 'waiting'
      if (!hasRoom) journalBytes -= ENTRY_BYTES
      if (hasRoom) state.settle(batch, run.place(priority, batch.payload!))
      else state.drop(batch, 'spool-full')
      this.#memoryBytes -= batch.bytes
    }
    run.openJournal()
  }

  #fail(error: unknown): void {
    const { clock, directory, limits } = this.#settings
    const reason = errorMessage(error)
    const before = this.#health
    this.#health = { state: 'degraded', reason, retryAtMs: clock.monotonicMs() + RETRY_MS }
    if (before.state === 'degraded') return
    this.#report('log-spool-unwritable', unwritableText(directory, reason, limits.fallbackBytes))
    this.#events.onDegraded()
  }

  #report(code: string, message: string): void {
    // Whoever hears of it may write a log record: not in the middle of writing some.
    this.#settings.timers.soon(() => this.#settings.onProblem(code, message))
  }

  #makeRoom(bytes: number, priority: LogPriority): boolean {
    const { spoolBytes } = this.#settings.limits
    while (this.usedBytes + bytes > spoolBytes) {
      if (this.#shedOne(priority)) continue
      return false
    }
    if (this.usedBytes < spoolBytes * EPISODE_ENDS) this.#isShedding = false
    return true
  }

  /** Frees a segment: an empty one, or the oldest of the lowest priority up to the given one. */
  #shedOne(highest: LogPriority): boolean {
    const runs = this.runs()
    for (const priority of PRIORITIES) {
      for (const run of runs) {
        const empty = run.sheddable(priority, 'empty')
        if (empty === undefined) continue
        run.shed(empty)
        return true
      }
    }
    const upTo = PRIORITIES.slice(PRIORITIES.indexOf(highest)).toReversed()
    for (const priority of upTo) {
      for (const run of runs) {
        const segment = run.sheddable(priority, 'waiting')
        if (segment === undefined) continue
        const dropped = run.shed(segment)
        this.#tellShedding('spool-full', dropped)
        if (run !== this.live && run.state.isFinished) this.#fold(run)
        return true
      }
    }
    return false
  }

  #makeMemoryRoom(bytes: number, highest: LogPriority): boolean {
    const { state } = this.live
    const upTo = PRIORITIES.slice(PRIORITIES.indexOf(highest)).toReversed()
    while (this.#memoryBytes + bytes > this.#settings.limits.fallbackBytes) {
      const priority = upTo.find((candidate) => state.waitingInMemory[candidate].length > 0)
      if (priority === undefined) return false
      const oldest = state.waitingInMemory[priority].first!
      state.drop(oldest, this.#memoryReason)
      this.#memoryBytes -= oldest.bytes
      this.#tellShedding(this.#memoryReason, [oldest])
    }
    if (this.#memoryBytes < this.#settings.limits.fallbackBytes * EPISODE_ENDS) this.#isShedding = false
    return true
  }

  #refuse(sequence: SequenceState, records: number, reason: DropReason): undefined {
    sequence.tally.inMemory -= records
    sequence.tally.dropped[reason] += records
    this.live.note({ kind: 'refused', sequence: sequence.id, records, reason })
    this.#tellShedding(reason, [], sequence)
  }

  #tellShedding(reason: DropReason, batches: readonly Batch[] = [], refused?: SequenceState): void {
    if (this.#isShedding) return
    this.#isShedding = true
    const { directory, limits } = this.#settings
    const sequences = [...batches.map((batch) => batch.sequence), ...(refused === undefined ? [] : [refused])]
    const streams = new Set(sequences.map(({ description }) => description.stream))
    const isSpool = reason === 'spool-full' && directory !== undefined
    const what = isSpool ? `the spool ${directory}` : 'memory for records'
    this.#report(
      'log-records-dropped',
      droppedText(what, isSpool ? limits.spoolBytes : limits.fallbackBytes, streams),
    )
  }

  #forgetIn(run: Run, logger: string): void {
    const batches = run.state.forget(logger)
    if (batches.length === 0) return
    for (const batch of batches) run.note({ kind: 'dropped', batch: batch.id, reason: 'logger-gone' })
    run.commit()
    this.finished(run, batches)
    const records = batches.reduce((sum, batch) => sum + batch.unconfirmed, 0)
    this.#report('log-logger-gone', goneText(logger, run.state.name, records))
  }

  /** What an earlier process sent to loggers that do not exist any more. */
  #forgetGone(run: Run): void {
    const { loggers } = this.#settings
    for (const logger of run.state.loggers()) {
      const isKept = this.#isKnown.get(logger) ?? loggers?.has(logger) !== false
      if (!isKept) this.#forgetIn(run, logger)
    }
  }

  async #openEarlier(): Promise<void> {
    const { disk, directory } = this.#settings
    if (directory === undefined) return
    try {
      const sums = await readSums(disk, directory)
      if (sums === undefined) {
        const aside = await setSumsAside(disk, directory)
        this.#report(
          'log-ledger-damaged',
          `the sums of earlier processes cannot be read and begin anew: see ${aside}`,
        )
      }
      this.#sums = sums ?? EMPTY_SUMS
      const found: ReadRun[] = []
      for (const name of (await disk.list(directory)).filter(isRunFolder)) {
        if (name === this.live.state.name) continue
        const read = await this.#readEarlier(directory, name)
        if (read !== undefined) found.push(read)
      }
      found.sort((a, b) => a.state.startedMs - b.state.startedMs)
      for (const read of found) if (!this.#isClosed) await this.#open(directory, read)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #readEarlier(directory: string, name: string): Promise<ReadRun | undefined> {
    const { disk } = this.#settings
    const folder = join(directory, name)
    if (this.#sums.folded.includes(name)) {
      await disk.remove(folder)
      return undefined
    }
    try {
      return await readRun(disk, folder, name)
    } catch (error) {
      this.#report('log-spool-unreadable', `records in ${folder} cannot be read: ${errorMessage(error)}`)
      return undefined
    }
  }

  async #open(directory: string, read: ReadRun): Promise<void> {
    const { disk } = this.#settings
    const { state } = read
    const folder = join(directory, state.name)
    if (read.end === 'damaged') {
      const message = `the journal in ${folder} is damaged: records behind the damage are counted as dropped`
      this.#report('log-spool-damaged', message)
    }
    if (state.life === 'running') state.life = 'crashed'
    const names = new Set([...state.segments.values()].map((segment) => segment.fileName))
    for (const name of read.segments) if (!names.has(name)) await disk.remove(join(folder, name))
    for (const segment of [...state.segments.values()]) {
      const path = join(folder, segment.fileName)
      if (segment.unfinished > 0) {
        segment.sizeBytes = (await disk.info(path))?.sizeBytes ?? 0
      } else {
        state.segments.delete(segment.number)
        await disk.remove(path)
      }
    }
    const lastJournal = read.journals.at(-1) ?? 0
    const run = new Run(state, this.#runSettings(state.name), lastJournal, read.lastSegment)
    state.startGeneration()
    if (state.isFinished) {
      this.#earlier = [...this.#earlier, run]
      return this.#fold(run)
    }
    try {
      run.openJournal()
      for (const number of read.journals.slice(0, -1)) await disk.remove(join(folder, `journal-${number}`))
    } catch (error) {
      this.#fail(error)
    }
    this.#earlier = [...this.#earlier, run]
    this.#forgetGone(run)
    if (!state.isFinished) this.#events.onRun(run)
  }

  /** Adds a run to the sums and removes its folder. Whatever stops this between two steps, it is counted once. */
  #fold(run: Run): void {
    const { disk, directory } = this.#settings
    if (directory === undefined || this.#foldsBegun.has(run)) return
    this.#foldsBegun.add(run)
    const fold = async (): Promise<void> => {
      const name = run.state.name
      await run.close()
      const sums = foldRun(this.#sums, ledgerOf(run.state))
      await writeSums(disk, directory, sums)
      this.#sums = sums
      this.#earlier = this.#earlier.filter((other) => other !== run)
      await disk.remove(join(directory, name))
      // The next file of sums need not name it any more.
      this.#sums = { ...this.#sums, folded: this.#sums.folded.filter((other) => other !== name) }
    }
    this.#folding = this.#folding.then(fold).catch((error: unknown) => this.#fail(error))
  }
}

function lossBoundOf({ disk, directory, run, limits }: DeliverySettings): LossBound | undefined {
  if (directory === undefined) return undefined
  return new LossBound({ disk, path: join(directory, run, BOUND_FILE), memoryRecords: limits.memoryRecords })
}
