/** What is added to a log: to all of its files, also when they are renamed, and to those that are new. */
import { type FileHandle, open } from 'node:fs/promises'
import { errorCode } from '../../base/errors.js'
import { findLogFiles, type LogFile } from '../log-files.js'
import { Inflater, LineSplitter } from './file-chunks.js'
import { type LineView, lineView, type OutputForm } from './line-views.js'
import type { LogSchema } from './log-schema.js'
import { type Complain, RecordLines } from './log-source.js'
import type { Selection } from './selection.js'

export interface FollowSettings {
  readonly stateDir: string
  readonly name: string
  readonly selection: Selection
  readonly form: OutputForm
  readonly complain: Complain
}

/** Where following a file that is known begins. */
export interface FollowStart {
  readonly file: LogFile
  readonly schema: LogSchema
  readonly position: number
}

export interface FollowedLine {
  readonly time: number
  readonly text: string
}

const READ_BYTES = 256 * 1024
/** Lines of a file are not all in order. */
const MARGIN_LINES = 2000

export class Follower {
  readonly #settings: FollowSettings
  /** By identity, not by path: a logger renames what it rotates. */
  readonly #files = new Map<string, FollowedFile>()

  constructor(settings: FollowSettings) {
    this.#settings = settings
  }

  /** Goes on with files that are known from where they were read to. */
  async goOn(starts: readonly FollowStart[]): Promise<void> {
    for (const { file, schema, position } of starts) await this.#add(file, { schema, position })
  }

  /** Begins with files at their starts; the last lines of each, and more than `count`, are those up to now. */
  async begin(files: readonly LogFile[], count: number): Promise<readonly FollowedLine[]> {
    const lines: FollowedLine[] = []
    for (const file of files) {
      const followed = this.#files.get(await this.#add(file))
      if (followed !== undefined) lines.push(...(await followed.read(count)))
    }
    return lines
  }

  /** Lines that came since the last call, by time. */
  async poll(): Promise<string[]> {
    const { stateDir, name } = this.#settings
    const present = new Set<string>()
    for (const file of await findLogFiles(stateDir)) {
      if (file.name === name && file.kind === 'text') present.add(await this.#add(file))
    }
    const lines: FollowedLine[] = []
    for (const [key, file] of this.#files) {
      lines.push(...(await file.read()))
      if (present.has(key)) continue
      // It was archived or removed after its last line, which has just been read.
      this.#files.delete(key)
      await file.close()
    }
    return lines.sort((a, b) => a.time - b.time).map(({ text }) => text)
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close()
    this.#files.clear()
  }

  async #add(
    file: LogFile,
    known?: { readonly schema: LogSchema; readonly position: number },
  ): Promise<string> {
    let handle: FileHandle
    try {
      handle = await open(file.path, 'r')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return ''
      throw error
    }
    const { dev, ino } = await handle.stat()
    const key = `${dev}:${ino}`
    if (this.#files.has(key)) await handle.close()
    else this.#files.set(key, new FollowedFile(file, handle, this.#settings, known))
    return key
  }
}

class FollowedFile {
  readonly #handle: FileHandle
  readonly #inflater: Inflater | undefined
  readonly #splitter = new LineSplitter()
  readonly #records: RecordLines
  readonly #selection: Selection
  readonly #form: OutputForm
  #view: LineView | undefined
  #position: number
  #latest = Number.NEGATIVE_INFINITY

  constructor(
    file: LogFile,
    handle: FileHandle,
    { selection, form, complain }: FollowSettings,
    known: { readonly schema: LogSchema; readonly position: number } | undefined,
  ) {
    this.#handle = handle
    this.#inflater = file.isCompressed ? new Inflater() : undefined
    this.#records = new RecordLines(file.path, complain, known?.schema)
    this.#position = known?.position ?? 0
    this.#selection = selection
    this.#form = form
  }

  /** What came since the last call; the last `count` lines, and some more, of what is a lot. */
  async read(count = Number.POSITIVE_INFINITY): Promise<FollowedLine[]> {
    let found: FollowedLine[] = []
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (;;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#position)
      if (bytesRead === 0) return found
      this.#position += bytesRead
      const bytes = buffer.subarray(0, bytesRead)
      const text = this.#inflater === undefined ? bytes : await this.#inflater.write(bytes)
      for (const line of this.#records.records(this.#splitter.push(text))) this.#take(line, found)
      if (found.length > 2 * (count + MARGIN_LINES)) found = found.slice(-(count + MARGIN_LINES))
    }
  }

  async close(): Promise<void> {
    this.#inflater?.close()
    await this.#handle.close()
  }

  #take(line: string, found: FollowedLine[]): void {
    const { schema } = this.#records
    if (schema === undefined) return
    this.#view ??= lineView(schema, this.#selection, this.#form)
    const time = this.#view.timeOf(line)
    if (time > this.#latest) this.#latest = time
    if (!this.#view.isWanted(line, time)) return
    const text = this.#view.print(line)
    if (text !== undefined) found.push({ time: Number.isNaN(time) ? this.#latest : time, text })
  }
}
