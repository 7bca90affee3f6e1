/**
 * Where records become files: the local side of logging on a logger, or on any node that logs locally. One file
 * for each stream and path; a peer whose columns differ from those of the file gets its own, `conn-2.log`.
 */
import { join } from 'node:path'
import type { Disk } from '../base/disk.js'
import type { Clock, Timers } from '../base/time.js'
import { DecodeError } from '../data/decode-error.js'
import type { LogWriterDescription } from '../data/log-messages.js'
import { AsciiFile } from './ascii-file.js'
import { AsciiFormatter } from './ascii-format.js'

export interface LogStoreSettings {
  /** Folder of the files. */
  readonly directory: string
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
  readonly onProblem: (code: string, message: string) => void
}

export interface LogStoreCounters {
  /** Records written. */
  records: number
  /** Records that could not be written: malformed, without a known writer, or the disk failed. */
  dropped: number
}

/** Files opened at most: more is an attack or a mistake. */
const FILE_LIMIT = 4096

interface OpenWriter {
  readonly description: LogWriterDescription
  readonly file: () => AsciiFile
}

export class LogStore {
  readonly #settings: LogStoreSettings
  readonly #formatter = new AsciiFormatter()
  /** By path of the file without folder and suffix. */
  readonly #files = new Map<string, AsciiFile>()
  #dropped = 0
  #droppedWithoutWriter = 0

  constructor(settings: LogStoreSettings) {
    this.#settings = settings
  }

  /**
   * Prepares a writer; the file is created with the first record. Columns that differ from an earlier writer of
   * the same path lead to another file.
   */
  openWriter(description: LogWriterDescription): OpenWriter {
    let file: AsciiFile | undefined
    return {
      description,
      file: () => {
        file ??= this.#fileFor(description)
        return file
      },
    }
  }

  /** Writes the record `bytes[start, end)`. */
  write(writer: OpenWriter, bytes: Uint8Array, start: number, end: number): void {
    const file = writer.file()
    const output = file.open()
    if (output === undefined) return
    try {
      this.#formatter.formatLine(output, file.fields, bytes, start, end)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#dropped += 1
      this.#settings.onProblem('invalid-log-record', `${writer.description.path}.log: ${error.message}`)
      return
    }
    file.appended()
  }

  /** A record arrived that no LogCreate announced. */
  countWithoutWriter(stream: string, path: string): void {
    this.#dropped += 1
    this.#droppedWithoutWriter += 1
    if (this.#droppedWithoutWriter > 1) return
    this.#settings.onProblem(
      'unannounced-log-record',
      `a record of ${stream} for ${path}.log came before its description and is dropped`,
    )
  }

  /** Whether no further file should be opened. */
  get isFull(): boolean {
    return this.#files.size >= FILE_LIMIT
  }

  counters(): LogStoreCounters {
    const counters: LogStoreCounters = { records: 0, dropped: this.#dropped }
    for (const file of this.#files.values()) {
      counters.records += file.records
      counters.dropped += file.droppedRecords
    }
    return counters
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.flush()))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()))
  }

  #fileFor(description: LogWriterDescription): AsciiFile {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? description.path : `${description.path}-${number}`
      const existing = this.#files.get(name)
      if (existing !== undefined) {
        if (sameColumns(existing, description)) return existing
        continue
      }
      const { disk, clock, timers, directory, onProblem } = this.#settings
      const file = new AsciiFile(join(directory, `${name}.log`), name, description.fields, {
        disk,
        clock,
        timers,
        onError: (message) => onProblem('log-write-failed', message),
      })
      this.#files.set(name, file)
      return file
    }
  }
}

export type { OpenWriter }

/** Whether a path from a peer is safe as a file name: no separators, no way out of the folder. */
export function isSafeLogPath(path: string): boolean {
  return path.length > 0 && path.length <= 200 && !/[/\\\0]/.test(path) && !path.startsWith('.')
}

function sameColumns(file: AsciiFile, description: LogWriterDescription): boolean {
  return (
    file.fields.length === description.fields.length &&
    file.fields.every((field, index) => {
      const other = description.fields[index]!
      return field.name === other.name && field.tag === other.tag && field.elementTag === other.elementTag
    })
  )
}
