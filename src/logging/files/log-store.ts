/**
 * Where records become files: the local side of logging on a logger, or on any node that logs locally. One file
 * for each writer, stream and path; a peer whose columns differ from those of the file gets its own, `conn-2.log`.
 */
import { basename, dirname, join } from 'node:path'
import type { Disk } from '../../base/disk.js'
import { ClusterError, errorMessage } from '../../base/errors.js'
import type { Clock, Timers } from '../../base/time.js'
import { DecodeError } from '../../data/decode-error.js'
import type { LogField, LogWriterDescription } from '../../data/log-messages.js'
import { formatWallTime } from '../wall-time.js'
import type { LogWriter } from '../writers/log-writer.js'
import { LogFile } from './log-file.js'
import type { ReceivedSequence, StoredRow } from './received-sequence.js'
import type { RotationPolicy } from './rotation-policy.js'
import { SequenceTable } from './sequence-table.js'
import { type JournaledFile, readStoreJournal, StoreJournal, settleChunk } from './store-journal.js'

export interface LogStoreSettings {
  /** Folder of the files. */
  readonly directory: string
  /** Folder of what this logger has to know after a crash. */
  readonly journalDirectory: string
  /** Name of this node. */
  readonly node: string
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
  readonly writers: readonly LogWriter[]
  /** Undefined: files keep their plain names. */
  readonly rotation?: RotationPolicy | undefined
  readonly survivesPowerLoss?: boolean
  /** Done once what an earlier process left is settled, before any file is written. */
  readonly beforeFirst?: () => Promise<void>
  /** Text that waits for a slow disk, at most: default 128 MiB. */
  readonly memoryBytes?: number
  readonly onProblem: (code: string, message: string) => void
}

export interface LogStoreCounters {
  /** Records written. */
  records: number
  /** Records that could not be written: malformed, without a known writer, or the disk failed for too long. */
  dropped: number
  /** Bytes that wait to be written. */
  waitingBytes: number
  /** Now minus the time of a record at the moment of writing, milliseconds, the largest over all logs. */
  lagMs: number
}

export interface LogStatus {
  readonly stream: string
  readonly name: string
  readonly records: number
  readonly lagMs: number | undefined
}

/** Files opened at most: more is an attack or a mistake. */
const FILE_LIMIT = 4096
const DEFAULT_MEMORY_BYTES = 128 * 1024 * 1024

/** A writer that somebody described; its file is created with the first record. */
export interface OpenWriter {
  readonly description: LogWriterDescription
  readonly file: () => LogFile
}

export class LogStore {
  readonly #settings: LogStoreSettings
  readonly #memoryBytes: number
  readonly #writers: Map<string, LogWriter>
  /** By writer and name. */
  readonly #files = new Map<string, LogFile>()
  readonly sequences: SequenceTable
  readonly #journal: StoreJournal
  readonly #troubles = new Map<LogFile, string>()
  #waitingBytes = 0
  #invalid = 0
  #withoutWriter = 0
  #shed = 0
  /** Records that came after the end. */
  #late = 0
  #isClosed = false
  /** Resolves when what an earlier process left is settled. */
  readonly ready: Promise<void>
  /** Told when sequences moved on disk, or there is room again. */
  onStored: (sequences: Iterable<ReceivedSequence>) => void = () => {}
  onRoom: () => void = () => {}

  constructor(settings: LogStoreSettings) {
    this.#settings = settings
    this.#memoryBytes = settings.memoryBytes ?? DEFAULT_MEMORY_BYTES
    this.#writers = new Map(settings.writers.map((writer) => [writer.name, writer]))
    const sequences = new SequenceTable(settings.clock)
    this.sequences = sequences
    this.#journal = new StoreJournal(settings.disk, settings.journalDirectory, () => sequences.all())
    this.ready = this.#recover().catch((error: unknown) => {
      const { journalDirectory, onProblem } = settings
      onProblem('log-recovery-failed', `cannot read ${journalDirectory}: ${errorMessage(error)}`)
    })
  }

  /** A writer beside those of Zeek. Throws `ClusterError` code `writer-exists` for a name that is taken. */
  addWriter(writer: LogWriter): void {
    const { name } = writer
    if (this.#writers.has(name)) {
      throw new ClusterError('writer-exists', `log writer ${name} exists already`, { name })
    }
    this.#writers.set(name, writer)
  }

  /** Whether there is such a writer (`Log::WRITER_ASCII`). */
  hasWriter(name: string): boolean {
    return this.#writers.has(name)
  }

  /**
   * Prepares a writer; the file is created with the first record. Columns that differ from an earlier writer of
   * the same path lead to another file. Throws `LogConfigError` for settings that the writer does not have.
   */
  openWriter(description: LogWriterDescription): OpenWriter {
    let file: LogFile | undefined
    // Faults of the configuration show now.
    this.#writers.get(description.writer)?.formatter(description.fields, description.config)
    return {
      description,
      file: () => {
        file ??= this.#fileFor(description)
        return file
      },
    }
  }

  /** Appends the record `bytes[start, end)`; ends with `written`. False when it does not have the columns. */
  append(file: LogFile, bytes: Uint8Array, start: number, end: number): boolean {
    try {
      file.format(file.writer, bytes, start, end)
      return true
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#invalid += 1
      this.#settings.onProblem('invalid-log-record', `${basename(file.filePath)}: ${error.message}`)
      return false
    }
  }

  /** Writes one record of this node. */
  write(writer: OpenWriter, sequence: ReceivedSequence, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosed) {
      this.#late += 1
      return
    }
    if (this.isFull) return this.countShed(1)
    const file = writer.file()
    const before = file.writer.length
    sequence.received += 1
    const isWritten = this.append(file, bytes, start, end)
    if (!isWritten) sequence.invalid += 1
    const size = file.writer.length - before
    file.appended(isWritten ? 1 : 0, size, sequence, sequence.received, bytes, start)
  }

  /** A record arrived that no LogCreate announced. */
  countWithoutWriter(stream: string, path: string): void {
    this.#withoutWriter += 1
    if (this.#withoutWriter > 1) return
    this.#settings.onProblem(
      'unannounced-log-record',
      `a record of ${stream} for ${path}.log came before its description and is dropped`,
    )
  }

  /** Records arrived while memory was full, from somebody who does not send them again. */
  countShed(records: number): void {
    if (this.#shed === 0) {
      this.#settings.onProblem(
        'log-records-dropped',
        `the disk is too slow or full and ${this.#memoryBytes >> 20} MiB wait: records are dropped`,
      )
    }
    this.#shed += records
  }

  /** Whether memory has no room for more records. */
  get isFull(): boolean {
    return this.#waitingBytes >= this.#memoryBytes
  }

  /** Whether no further file should be opened. */
  get hasAllFiles(): boolean {
    return this.#files.size >= FILE_LIMIT
  }

  /** Why logs cannot be written now; undefined when all is well. */
  get trouble(): string | undefined {
    for (const [file, trouble] of this.#troubles) return `cannot write ${file.filePath}: ${trouble}`
    return undefined
  }

  counters(): LogStoreCounters {
    const counters: LogStoreCounters = {
      records: 0,
      dropped: this.#invalid + this.#withoutWriter + this.#shed + this.#late,
      waitingBytes: this.#waitingBytes,
      lagMs: 0,
    }
    for (const file of this.#files.values()) {
      counters.records += file.records
      counters.dropped += file.lostRecords
      counters.lagMs = Math.max(counters.lagMs, file.lagMs ?? 0)
    }
    return counters
  }

  /** Of each log that is written. */
  logs(): readonly LogStatus[] {
    return [...this.#files.values()].map(({ stream, name, records, lagMs }) => ({
      stream,
      name,
      records,
      lagMs,
    }))
  }

  /** What is on disk, by node and stream. */
  ledger(): readonly StoredRow[] {
    return this.sequences.rows()
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.flush()))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.ready
    await Promise.all([...this.#files.values()].map((file) => file.close()))
    await this.#settings.rotation?.settled()
    await this.#journal.close()
  }

  #fileFor(description: LogWriterDescription): LogFile {
    const { directory, disk, clock, timers, rotation, survivesPowerLoss } = this.#settings
    const writer = this.#writers.get(description.writer)!
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? description.path : `${description.path}-${number}`
      const key = `${writer.name}\0${name}`
      const existing = this.#files.get(key)
      if (existing !== undefined) {
        if (sameColumns(existing.fields, description.fields)) return existing
        continue
      }
      const fileName = writer.fileName(name, description.config)
      const isDevice = fileName.startsWith('/')
      const filePath = isDevice ? fileName : join(directory, fileName)
      const format = writer.formatter(description.fields, description.config)
      const file = new LogFile(filePath, name, description, format, {
        clock,
        timers,
        writer,
        journal: this.#journal,
        rotation,
        survivesPowerLoss: survivesPowerLoss === true,
        makeRoom: async (path) => {
          if (isDevice) return
          await disk.makeDirectory(directory)
          if (!writer.continuesFiles) await keepLeftover(disk, path, clock.wallMs())
        },
        ready: this.ready,
        onStored: (sequences) => this.onStored(sequences),
        onMemory: (bytes) => this.#memory(bytes),
        onTrouble: (of, trouble) => this.#trouble(of, trouble),
      })
      this.#files.set(key, file)
      return file
    }
  }

  #memory(bytes: number): void {
    const wasFull = this.isFull
    this.#waitingBytes += bytes
    if (wasFull && !this.isFull) this.onRoom()
  }

  #trouble(file: LogFile, trouble: string | undefined): void {
    const { onProblem } = this.#settings
    if (trouble === undefined) {
      this.#troubles.delete(file)
      return onProblem('log-write-resumed', `${file.filePath} is written again`)
    }
    this.#troubles.set(file, trouble)
    onProblem(
      'log-write-failed',
      `cannot write ${file.filePath}: ${trouble}; records wait in memory and with their senders until it works again`,
    )
  }

  async #recover(): Promise<void> {
    const { disk, journalDirectory } = this.#settings
    const { content, number } = await readStoreJournal(disk, journalDirectory)
    for (const file of content.files) await this.#settle(file)
    this.sequences.restore(content.sequences)
    this.#journal.continueFrom(number)
    // What was settled must not be settled again.
    if (content.files.length > 0) this.#journal.begin()
    await this.#settings.beforeFirst?.()
  }

  /** A file that was open when its process died: a chunk that is there in part goes, then the file gets its name. */
  async #settle(file: JournaledFile): Promise<void> {
    const { disk, clock, rotation, onProblem } = this.#settings
    const writer = this.#writers.get(file.writer)
    const { filePath, name, openedMs, chunk } = file
    try {
      const size = await writer?.measure(filePath)
      const isStored = settleChunk(file, size ?? Number.POSITIVE_INFINITY)
      if (size === undefined || writer === undefined) return
      if (!isStored && chunk !== undefined && size > chunk.sizeBefore) {
        await writer.cut(filePath, chunk.sizeBefore)
      }
      const closedMs = (await disk.info(filePath))?.modifiedMs ?? clock.wallMs()
      if (writer.continuesFiles) return
      if (rotation === undefined) await keepLeftover(disk, filePath, clock.wallMs())
      else {
        const description = { filePath, name, writer: file.writer, openedMs, closedMs }
        await rotation.finish({ ...description, terminating: true })
      }
    } catch (error) {
      onProblem('log-recovery-failed', `cannot settle ${filePath}: ${errorMessage(error)}`)
    }
  }
}

/** Moves a file that a crash left behind to `NAME.<time>.log`; the next second is taken when that name is. */
async function keepLeftover(disk: Disk, filePath: string, wallMs: number): Promise<void> {
  const names = new Set(await disk.list(dirname(filePath)))
  for (let stampMs = wallMs; ; stampMs += 1000) {
    const kept = filePath.replace(/(\.[a-z]+)?(\.gz)?$/, (suffix) => `.${formatWallTime(stampMs)}${suffix}`)
    if (names.has(basename(kept))) continue
    await disk.rename(filePath, kept)
    return
  }
}

/** Whether a path from a peer is safe as a file name: no separators, no way out of the folder. */
export function isSafeLogPath(path: string): boolean {
  return path.length > 0 && path.length <= 200 && !/[/\\\0]/.test(path) && !path.startsWith('.')
}

/** Whether a file for one of them takes records of the other. */
export function sameColumns(own: readonly LogField[], others: readonly LogField[]): boolean {
  return (
    own.length === others.length &&
    own.every((field, index) => {
      const other = others[index]!
      return field.name === other.name && field.tag === other.tag && field.elementTag === other.elementTag
    })
  )
}
