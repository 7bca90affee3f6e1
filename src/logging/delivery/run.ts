/** One process's part of a spool on disk: its journal and its segments. Writing is synchronous, reading is not. */
import { join } from 'node:path'
import type { Disk, DiskFile } from '../../base/disk.js'
import { errorCode } from '../../base/errors.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { type Batch, type Place, Segment } from './batch.js'
import { crc32 } from './crc32.js'
import type { LogPriority } from './delivery-settings.js'
import { type JournalEntry, writeJournalEntry } from './journal.js'
import { BOUND_BYTES, type LossBound } from './loss-bound.js'
import type { RunState } from './run-state.js'
import { writeSnapshot } from './snapshot.js'

export interface RunSettings {
  readonly disk: Disk
  /** Folder of the run; undefined: nothing of it is on disk. */
  readonly directory: string | undefined
  readonly segmentBytes: number
  /** Size from which a journal is written anew with what still counts. */
  readonly journalBytes: number
  /** Of the run of this process: what a kill takes with it. */
  readonly bound?: LossBound | undefined
  /** A file was not written; what could not be noted is noted by the next `openJournal`. */
  readonly onFailure: (error: unknown) => void
}

interface OpenSegment {
  readonly segment: Segment
  readonly file: DiskFile
}

/** A read of its own for a piece costs as much as reading so many bytes more. */
const READ_COST_BYTES = 64 * 1024

export class Run {
  readonly state: RunState
  readonly #settings: RunSettings
  readonly #open = new Map<LogPriority, OpenSegment>()
  readonly #background = new Set<Promise<void>>()
  readonly #entries = new ByteWriter()
  #journal: DiskFile | undefined
  #journalNumber: number
  #journalBytes = 0
  #rewriteAtBytes: number
  #lastSegment: number
  #segmentBytes = 0
  /** What happened since the last entry is not in a journal: what is in the spool waits until it is. */
  #needsJournal: boolean
  /** Records of entries that `commit` writes. */
  #uncommitted = 0

  /** `journalNumber` and `lastSegment`: the highest that are there. */
  constructor(state: RunState, settings: RunSettings, journalNumber = 0, lastSegment = 0) {
    this.state = state
    this.#settings = settings
    this.#journalNumber = journalNumber
    this.#lastSegment = lastSegment
    this.#rewriteAtBytes = settings.journalBytes
    this.#needsJournal = settings.directory !== undefined
    for (const segment of state.segments.values()) this.#segmentBytes += segment.sizeBytes
  }

  /** Whether what happens is noted at once. */
  get isJournaled(): boolean {
    return this.#journal !== undefined
  }

  get needsJournal(): boolean {
    return this.#needsJournal
  }

  /** Bytes on disk; a journal counts twice, for it is written anew beside itself. */
  get usedBytes(): number {
    const boundBytes = this.#settings.directory === undefined ? 0 : BOUND_BYTES
    return this.#segmentBytes + 2 * this.#journalBytes + boundBytes
  }

  hasWaiting(priority: LogPriority): boolean {
    const { waiting, waitingInMemory } = this.state
    return (this.isJournaled && waiting[priority].length > 0) || waitingInMemory[priority].length > 0
  }

  /** Takes the oldest batch that may be given to a logger now. */
  claim(priority: LogPriority): Batch | undefined {
    const { state } = this
    const spooled = this.isJournaled ? state.claim(priority, state.waiting) : undefined
    return spooled ?? state.claim(priority, state.waitingInMemory)
  }

  /** Begins a journal that says everything from the start; the ones before are removed. Throws what the disk says. */
  openJournal(): void {
    const { disk, directory } = this.#settings
    if (directory === undefined) return
    this.#settings.bound?.open(this.state.unnoted)
    const number = this.#journalNumber + 1
    const path = join(directory, `journal-${number}`)
    const writer = new ByteWriter(64 * 1024)
    writeSnapshot(writer, this.state)
    const file = disk.createNow(path)
    try {
      file.appendNow(writer.written())
    } catch (error) {
      this.#inBackground(file.close())
      this.#inBackground(disk.remove(path))
      throw error
    }
    const before = this.#journalNumber
    if (this.#journal !== undefined) this.#inBackground(this.#journal.close())
    this.#journal = file
    this.#journalNumber = number
    this.#journalBytes = writer.length
    this.#rewriteAtBytes = Math.max(this.#settings.journalBytes, 2 * writer.length)
    this.#needsJournal = false
    this.#entries.length = 0
    this.#uncommitted = 0
    this.state.unnoted = 0
    this.cover()
    if (before > 0) this.#inBackground(disk.remove(join(directory, `journal-${before}`)))
  }

  /** Adds an entry to those that `commit` writes. */
  note(entry: JournalEntry): void {
    const records =
      entry.kind === 'spooled' || entry.kind === 'extended' || entry.kind === 'refused' ? entry.records : 0
    if (this.#journal === undefined) return this.#miss(records)
    writeJournalEntry(this.#entries, entry)
    this.#uncommitted += records
  }

  /** Records were kept in memory, or could not be noted: what a kill takes is on disk before there are more. */
  cover(): void {
    this.#settings.bound?.cover(this.state.unnoted)
  }

  /** Writes what was noted; false when it is not on disk. */
  commit(): boolean {
    const journal = this.#journal
    if (journal === undefined) return false
    if (this.#entries.length === 0) return true
    try {
      journal.appendNow(this.#entries.written())
    } catch (error) {
      this.leaveJournal()
      this.#settings.onFailure(error)
      return false
    }
    this.#journalBytes += this.#entries.length
    this.#entries.length = 0
    this.#uncommitted = 0
    if (this.#journalBytes > this.#rewriteAtBytes) this.#rewrite()
    return true
  }

  /** Nothing is noted until the next `openJournal`: what happens is not what the journal could say. */
  leaveJournal(): void {
    if (this.#settings.directory === undefined) return
    // A part of the last entries may be there. Numbers that it may name are given to nothing else.
    this.state.renewChannels()
    this.#miss(this.#uncommitted)
    this.#uncommitted = 0
    this.#entries.length = 0
    this.#needsJournal = true
    if (this.#journal !== undefined) this.#inBackground(this.#journal.close())
    this.#journal = undefined
  }

  /** Appends a payload to the segment of its priority. Throws what the disk says. */
  place(priority: LogPriority, payload: Uint8Array): Place {
    let open = this.#open.get(priority)
    if (open !== undefined && open.segment.sizeBytes + payload.length > this.#settings.segmentBytes) {
      this.#closeSegment(open)
      open = undefined
    }
    open ??= this.#openSegment(priority)
    const { segment, file } = open
    const offset = segment.sizeBytes
    // What a failed write leaves behind takes room, too.
    segment.sizeBytes += payload.length
    this.#segmentBytes += payload.length
    try {
      file.appendNow(payload)
    } catch (error) {
      this.#closeSegment(open)
      throw error
    }
    return { segment, pieces: [offset, payload.length] }
  }

  /** Reads a payload back. Undefined when it is not what was written; rejects when the disk does not answer. */
  async load(batch: Batch): Promise<Uint8Array | undefined> {
    const { directory } = this.#settings
    if (batch.place === undefined || directory === undefined) return batch.payload
    const { segment, pieces } = batch.place
    const path = join(directory, segment.fileName)
    try {
      const payload = await this.#readPieces(path, pieces, batch.bytes)
      return payload.length === batch.bytes && crc32(payload) === batch.checksum ? payload : undefined
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Removes the files of segments in which nothing is left to send. */
  release(batches: readonly Batch[]): void {
    for (const { place } of batches) {
      if (place === undefined || place.segment.unfinished > 0) continue
      if (this.#open.get(place.segment.priority)?.segment !== place.segment)
        this.#removeSegment(place.segment)
    }
  }

  /** A segment of which nothing is left to send, or all of it for any logger; the oldest. Frees disk space at once. */
  sheddable(priority: LogPriority, kind: 'empty' | 'waiting'): Segment | undefined {
    for (const segment of this.state.segments.values()) {
      if (segment.priority !== priority || segment.sizeBytes === 0) continue
      if (kind === 'empty' ? segment.unfinished === 0 : segment.unfinished === segment.waiting) return segment
    }
    return undefined
  }

  /** Removes a segment and drops what waits in it. Returns the batches that were dropped. */
  shed(segment: Segment): readonly Batch[] {
    const batches = segment.unfinished === 0 ? [] : this.state.shed(segment, 'spool-full')
    for (const batch of batches) this.note({ kind: 'dropped', batch: batch.id, reason: 'spool-full' })
    this.commit()
    const { disk, directory } = this.#settings
    if (this.state.segments.delete(segment.number)) this.#segmentBytes -= segment.sizeBytes
    const open = this.#open.get(segment.priority)
    if (open?.segment === segment) this.#closeSegment(open)
    try {
      if (directory !== undefined) disk.removeNow(join(directory, segment.fileName))
    } catch (error) {
      this.#settings.onFailure(error)
    }
    return batches
  }

  /** Resolves when the files are closed and what is to be removed is. */
  async close(): Promise<void> {
    for (const open of [...this.#open.values()]) this.#closeSegment(open)
    if (this.#journal !== undefined) this.#inBackground(this.#journal.close())
    this.#journal = undefined
    if (this.#settings.bound !== undefined) this.#inBackground(this.#settings.bound.close())
    while (this.#background.size > 0) await Promise.all(this.#background)
  }

  #miss(records: number): void {
    if (records === 0) return
    this.state.unnoted += records
    this.cover()
  }

  #rewrite(): void {
    try {
      this.openJournal()
    } catch {
      // The one that is open still takes entries; when it does not, that is told.
      this.#rewriteAtBytes *= 2
    }
  }

  #openSegment(priority: LogPriority): OpenSegment {
    const segment = new Segment(this.#lastSegment + 1, priority)
    const file = this.#settings.disk.createNow(join(this.#settings.directory!, segment.fileName))
    this.#lastSegment += 1
    this.state.segments.set(segment.number, segment)
    const open = { segment, file }
    this.#open.set(priority, open)
    return open
  }

  #closeSegment({ segment, file }: OpenSegment): void {
    this.#open.delete(segment.priority)
    this.#inBackground(file.close())
    if (segment.unfinished === 0) this.#removeSegment(segment)
  }

  #removeSegment(segment: Segment): void {
    const { disk, directory } = this.#settings
    if (directory === undefined || !this.state.segments.delete(segment.number)) return
    const removed = disk.remove(join(directory, segment.fileName)).then(() => {
      this.#segmentBytes -= segment.sizeBytes
    })
    this.#inBackground(removed)
  }

  async #readPieces(path: string, pieces: readonly number[], bytes: number): Promise<Uint8Array> {
    const { disk } = this.#settings
    const start = pieces[0]!
    const end = pieces.at(-2)! + pieces.at(-1)!
    if (pieces.length === 2) return disk.readPart(path, start, bytes)
    const together = end - start <= bytes + (pieces.length / 2) * READ_COST_BYTES
    const span = together ? await disk.readPart(path, start, end - start) : undefined
    const payload = new ByteWriter(bytes)
    for (let index = 0; index < pieces.length; index += 2) {
      const offset = pieces[index]!
      const length = pieces[index + 1]!
      if (span !== undefined) payload.raw(span.subarray(offset - start, offset - start + length))
      else payload.raw(await disk.readPart(path, offset, length))
    }
    return payload.written()
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#settings.onFailure(error))
      .finally(() => this.#background.delete(tracked))
    this.#background.add(tracked)
  }
}
