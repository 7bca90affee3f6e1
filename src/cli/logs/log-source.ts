/** One log file: what its start says, and its records in order. */
import type { FileHandle } from 'node:fs/promises'
import type { LogFile } from '../log-files.js'
import { printRaw } from '../output.js'
import { ChunkReader, LineSplitter } from './file-chunks.js'
import { type LogSchema, schemaOf } from './log-schema.js'

/** Where a file is open already, it stays readable when it is renamed, compressed or removed. */
export interface OpenedFile extends LogFile {
  readonly handle: FileHandle | undefined
}

/** Tells the user about a file that is not as it should be. */
export type Complain = (message: string) => void

export const complainOnStderr: Complain = (message) => printRaw(`zeek-cluster: warning: ${message}`)

/** Takes header lines and trailers out of the lines of a file. */
export class RecordLines {
  readonly #complain: Complain
  readonly #path: string
  /** Lines before it is known what they are. */
  #start: string[] = []
  #schema: LogSchema | undefined
  #isUnreadable = false

  /** `schema`: what is known when reading begins in the middle of a file. */
  constructor(path: string, complain: Complain, schema?: LogSchema) {
    this.#path = path
    this.#complain = complain
    this.#schema = schema
  }

  get schema(): LogSchema | undefined {
    return this.#schema
  }

  /** Whether the rest of the file cannot be used. */
  get isUnreadable(): boolean {
    return this.#isUnreadable
  }

  /** The records among further lines. */
  records(lines: readonly string[]): readonly string[] {
    if (this.#isUnreadable) return []
    const schema = this.#schema
    if (schema?.kind === 'json') return lines
    if (schema !== undefined) {
      const { metaPrefix, separator } = schema.format
      if (metaPrefix === '') return lines.filter((line) => !line.startsWith(`close${separator}`))
      return lines.some((line) => line.startsWith(metaPrefix)) ? this.#withoutMeta(lines) : lines
    }
    this.#start.push(...lines)
    const found = schemaOf(this.#start)
    if (found === 'more') return []
    const start = this.#start
    this.#start = []
    if (found === 'none') {
      this.#isUnreadable = true
      this.#complain(`${this.#path} has no header: its columns are not known, and it is left out`)
      return []
    }
    this.#schema = found
    return this.records(found.kind === 'table' ? start.slice(found.plainHeaderLines) : start)
  }

  #withoutMeta(lines: readonly string[]): readonly string[] {
    const schema = this.#schema
    if (schema?.kind !== 'table') return lines
    const { metaPrefix, separator } = schema.format
    const fields = `${metaPrefix}fields${separator}`
    const records: string[] = []
    for (const line of lines) {
      if (!line.startsWith(metaPrefix)) records.push(line)
      else if (line.startsWith(fields) && line.slice(fields.length) !== schema.fields.join(separator)) {
        this.#isUnreadable = true
        this.#complain(`${this.#path} has other columns further on: what follows there is left out`)
        break
      }
    }
    return records
  }
}

/** The records of a file from its start, some at a time. */
export class LogSource {
  readonly #file: LogFile
  readonly #reader: ChunkReader
  readonly #splitter = new LineSplitter()
  readonly #lines: RecordLines
  readonly #complain: Complain
  #hasEnded = false

  private constructor(file: LogFile, reader: ChunkReader, complain: Complain) {
    this.#file = file
    this.#reader = reader
    this.#complain = complain
    this.#lines = new RecordLines(file.path, complain)
  }

  /** Rejects with what the disk says. */
  static async open(file: LogFile | OpenedFile, complain: Complain): Promise<LogSource> {
    const handle = 'handle' in file ? file.handle : undefined
    return new LogSource(file, await ChunkReader.open(file.path, file.isCompressed, handle), complain)
  }

  get schema(): LogSchema | undefined {
    return this.#lines.schema
  }

  /** The next records, at least one; undefined at the end. A last line without an end is still being written. */
  async read(): Promise<readonly string[] | undefined> {
    while (!this.#lines.isUnreadable) {
      const bytes = await this.#reader.read()
      if (bytes === undefined) {
        if (!this.#hasEnded) this.#tellTrouble()
        this.#hasEnded = true
        return undefined
      }
      const records = this.#lines.records(this.#splitter.push(bytes))
      if (records.length > 0) return records
    }
    return undefined
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  #tellTrouble(): void {
    const { trouble } = this.#reader
    if (trouble === undefined) return
    const what = trouble === 'unexpected end of file' ? 'is cut off' : `is damaged (${trouble})`
    this.#complain(`${this.#file.path} ${what}: what comes before is read`)
  }
}
