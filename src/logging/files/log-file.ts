/**
 * One log of a logger: the file that is being written and those that follow it. Records gather in a chunk; chunks,
 * rotations and the end are done strictly one after the other, so that what is confirmed is on disk.
 */
import { errorMessage } from '../../base/errors.js'
import type { Clock, Timer, Timers } from '../../base/time.js'
import { ByteWriter } from '../../data/byte-writer.js'
import type { LogField, LogWriterDescription } from '../../data/log-messages.js'
import { ZEEK_TAG } from '../../data/types.js'
import type { LogFormatter, LogOutput, LogWriter } from '../writers/log-writer.js'
import type { ReceivedSequence } from './received-sequence.js'
import type { RotationPolicy } from './rotation-policy.js'
import type { JournaledFile, StoreJournal } from './store-journal.js'

export interface LogFileSettings {
  readonly clock: Clock
  readonly timers: Timers
  readonly writer: LogWriter
  readonly journal: StoreJournal
  readonly rotation: RotationPolicy | undefined
  /** Whether records count as stored only when a loss of power would not lose them. */
  readonly survivesPowerLoss: boolean
  /** Makes the folder of a file, and moves a file that is there already out of the way. */
  readonly makeRoom: (filePath: string) => Promise<void>
  /** Resolves when what an earlier process left is settled: nothing is written before. */
  readonly ready: Promise<void>
  /** The positions of these sequences moved. */
  readonly onStored: (sequences: Iterable<ReceivedSequence>) => void
  /** Bytes came to memory, or left it. */
  readonly onMemory: (bytes: number) => void
  /** Undefined: the file is written again. */
  readonly onTrouble: (log: LogFile, trouble: string | undefined) => void
}

interface Chunk {
  readonly kind: 'chunk'
  readonly writer: ByteWriter
  records: number
  readonly positions: Map<ReceivedSequence, number>
  /** Time of the record that waited longest to be written, seconds since the epoch; 0 when there is none. */
  recordTime: number
}

type Step = Chunk | { readonly kind: 'rotate'; readonly closedMs: number; readonly terminating: boolean }

interface OpenFile {
  readonly output: LogOutput
  readonly journaled: JournaledFile
  /** Whether a failed store left something that has to be cut off first. */
  isTorn: boolean
  isClosed: boolean
}

/** Longest time that a record stays in memory while the disk keeps up. */
const FLUSH_INTERVAL_MS = 100
const FLUSH_BYTES = 256 * 1024
const SPARE_WRITERS = 4
/** Room beyond the bytes at which a chunk is written: it ends with a batch. */
const CHUNK_BYTES = 2 * FLUSH_BYTES
const RETRY_MS = 1000

export class LogFile {
  readonly name: string
  readonly path: string
  readonly stream: string
  readonly fields: readonly LogField[]
  /** Records format themselves into this. */
  readonly format: LogFormatter
  readonly filePath: string
  readonly #settings: LogFileSettings
  readonly #config: LogWriterDescription['config']
  /** Whether the first column is the time of a record. */
  readonly #hasTime: boolean
  #chunk: Chunk
  readonly #spare: ByteWriter[] = []
  readonly #steps: Step[] = []
  #file: OpenFile | undefined
  /** Beginning of the time that the next file is for. */
  #openedMs: number
  #working: Promise<void> | undefined
  #flushTimer: Timer | undefined
  #rotationTimer: Timer | undefined
  #wake: (() => void) | undefined
  #isTroubled = false
  #flushed: (() => void)[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** Records stored. */
  records = 0
  /** Records lost because the file could not be written before the end. */
  lostRecords = 0
  /** Now minus the time of the record, at the moment of writing, milliseconds; undefined before the first. */
  lagMs: number | undefined

  constructor(
    filePath: string,
    name: string,
    description: LogWriterDescription,
    format: LogFormatter,
    settings: LogFileSettings,
  ) {
    this.filePath = filePath
    this.name = name
    this.path = description.path
    this.stream = description.stream
    this.fields = description.fields
    this.format = format
    this.#config = description.config
    this.#settings = settings
    this.#hasTime = description.fields[0]?.tag === ZEEK_TAG.time
    this.#chunk = this.#newChunk()
    this.#openedMs = settings.clock.wallMs()
    this.#scheduleRotation()
  }

  /** Where the next record goes. */
  get writer(): ByteWriter {
    return this.#chunk.writer
  }

  /**
   * Records were appended: `bytes` in all, up to `number` of a sequence. The last one, `record[start…]`, tells how late
   * they are.
   */
  appended(
    records: number,
    bytes: number,
    sequence: ReceivedSequence,
    number: number,
    record: Uint8Array,
    start: number,
  ): void {
    const chunk = this.#chunk
    chunk.records += records
    chunk.positions.set(sequence, number)
    if (this.#hasTime && records > 0) {
      const time = recordTime(record, start)
      if (chunk.recordTime === 0 || time < chunk.recordTime) chunk.recordTime = time
    }
    this.#settings.onMemory(bytes)
    if (chunk.writer.length >= FLUSH_BYTES) this.#endChunk()
    else this.#flushTimer ??= this.#settings.timers.after(FLUSH_INTERVAL_MS, () => this.#endChunk())
  }

  /** Resolves when everything up to now is stored, or cannot be for the time being. */
  flush(): Promise<void> {
    this.#endChunk()
    if (this.#steps.length === 0 || this.#isTroubled) return Promise.resolve()
    return new Promise((resolve) => this.#flushed.push(resolve))
  }

  /** Ends the file; what cannot be written now is given up. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return this.#working
    this.#state = 'closing'
    this.#rotationTimer?.cancel()
    this.#endChunk()
    this.#steps.push({ kind: 'rotate', closedMs: this.#settings.clock.wallMs(), terminating: true })
    this.#wake?.()
    await this.#work()
    this.#state = 'closed'
  }

  /** Hands the chunk over to be stored. */
  #endChunk(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    if (this.#chunk.positions.size === 0) return
    this.#steps.push(this.#chunk)
    this.#chunk = this.#newChunk()
    void this.#work()
  }

  #newChunk(): Chunk {
    const writer = this.#spare.pop() ?? new ByteWriter(CHUNK_BYTES)
    writer.length = 0
    return { kind: 'chunk', writer, records: 0, positions: new Map(), recordTime: 0 }
  }

  /** Does all steps, in order. */
  #work(): Promise<void> {
    this.#working ??= this.#doSteps()
    return this.#working
  }

  async #doSteps(): Promise<void> {
    await this.#settings.ready
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      try {
        if (step.kind === 'chunk') await this.#store(step)
        else await this.#rotate(step.closedMs, step.terminating)
        if (this.#isTroubled) this.#settings.onTrouble(this, undefined)
        this.#isTroubled = false
      } catch (error) {
        if (!this.#isTroubled) this.#settings.onTrouble(this, errorMessage(error))
        this.#isTroubled = true
        this.#tellFlushed()
        if (this.#state === 'open') {
          await this.#pause()
          continue
        }
        if (step.kind === 'chunk') this.#giveUp(step)
      }
      this.#steps.shift()
    }
    // Here and not when the promise settles: a step that comes in between would never be done.
    this.#working = undefined
    this.#tellFlushed()
  }

  #tellFlushed(): void {
    for (const resolve of this.#flushed.splice(0)) resolve()
  }

  /** Until the next try, or until the end. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#settings.timers.after(RETRY_MS, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  async #store(chunk: Chunk): Promise<void> {
    const { journal, clock, survivesPowerLoss, onStored, onMemory } = this.#settings
    const file = await this.#open()
    const { output } = file
    if (file.isTorn) {
      await output.cut()
      file.isTorn = false
    }
    const bytes = chunk.writer.written()
    const prepared = await output.prepare(bytes, chunk.records)
    const { sizeAfter } = prepared
    journal.chunk(file.journaled, { sizeBefore: output.size, sizeAfter, positions: chunk.positions })
    if (survivesPowerLoss) await journal.sync()
    file.isTorn = true
    await output.store(prepared)
    file.isTorn = false
    if (survivesPowerLoss) await output.sync()
    this.records += chunk.records
    if (chunk.recordTime > 0) this.lagMs = clock.wallMs() - chunk.recordTime * 1000
    for (const [sequence, number] of chunk.positions) {
      sequence.stored = Math.max(sequence.stored, number)
      sequence.changedMs = clock.wallMs()
    }
    onMemory(-bytes.length)
    if (this.#spare.length < SPARE_WRITERS) this.#spare.push(chunk.writer)
    onStored(chunk.positions.keys())
    if (output.rotates && output.size >= (this.#settings.rotation?.sizeLimit ?? Number.POSITIVE_INFINITY)) {
      // Behind the chunk, which is still the first step.
      this.#steps.splice(1, 0, { kind: 'rotate', closedMs: clock.wallMs(), terminating: false })
    }
  }

  async #open(): Promise<OpenFile> {
    if (this.#file !== undefined) return this.#file
    const { writer, journal, clock, makeRoom } = this.#settings
    const { filePath, name, fields } = this
    await makeRoom(filePath)
    const journaled = journal.open(filePath, name, writer.name, this.#openedMs)
    const openedMs = clock.wallMs()
    const output = await writer.open({ filePath, path: name, fields, config: this.#config, openedMs })
    this.#file = { output, journaled, isTorn: false, isClosed: false }
    return this.#file
  }

  async #rotate(closedMs: number, terminating: boolean): Promise<void> {
    const file = this.#file
    const { rotation, journal, writer } = this.#settings
    if (file === undefined) {
      this.#openedMs = closedMs
      return
    }
    const { output, journaled } = file
    if (!output.rotates && !terminating) return
    if (!file.isClosed) await this.#end(file)
    if (output.rotates) {
      const { filePath, name } = this
      const openedMs = this.#openedMs
      await rotation?.finish({ filePath, name, writer: writer.name, openedMs, closedMs, terminating })
    }
    journal.closed(journaled, output.size)
    this.#file = undefined
    this.#openedMs = closedMs
  }

  async #end(file: OpenFile): Promise<void> {
    if (file.isTorn) await file.output.cut()
    file.isTorn = false
    file.isClosed = true
    await file.output.close(this.#settings.clock.wallMs())
  }

  #giveUp(chunk: Chunk): void {
    this.lostRecords += chunk.records
    this.#settings.onMemory(-chunk.writer.length)
  }

  #scheduleRotation(): void {
    const { rotation, clock, timers, writer } = this.#settings
    const nextMs = rotation?.nextMs(this.name, writer.name, clock.wallMs())
    if (nextMs === undefined) return
    this.#rotationTimer = timers.after(Math.max(0, nextMs - clock.wallMs()), () => {
      this.#endChunk()
      this.#steps.push({ kind: 'rotate', closedMs: nextMs, terminating: false })
      void this.#work()
      this.#scheduleRotation()
    })
  }
}

/** Tag, unused subtype and present flag stand before a value; the number of values before the first. */
const FIRST_VALUE = 4 + 9

/** The first column of a record, a time, in seconds since the epoch; 0 when it is not set. */
function recordTime(bytes: Uint8Array, start: number): number {
  if (bytes[start + FIRST_VALUE - 1] !== 1 || start + FIRST_VALUE + 8 > bytes.length) return 0
  return new DataView(bytes.buffer, bytes.byteOffset + start + FIRST_VALUE, 8).getFloat64(0)
}
