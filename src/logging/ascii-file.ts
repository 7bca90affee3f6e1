/**
 * One log file in Zeek's ASCII format: header, lines, trailer. Lines gather in memory and are written when enough
 * have come together or a moment has passed; while the disk is busy they wait, up to a limit.
 */
import { basename, dirname } from 'node:path'
import type { Disk, DiskFile } from '../base/disk.js'
import { errorMessage } from '../base/errors.js'
import type { Clock, Timer, Timers } from '../base/time.js'
import { ByteWriter } from '../data/byte-writer.js'
import { fieldTypeName, type LogField } from '../data/log-messages.js'

export interface AsciiFileSettings {
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
  /** Told once when the file cannot be written; records are counted as dropped from then on. */
  readonly onError: (message: string) => void
}

/** Longest time that a line stays in memory. */
const FLUSH_INTERVAL_MS = 100
const FLUSH_BYTES = 256 * 1024
/** Lines that wait for a slow disk; more are dropped and counted. */
const PENDING_LIMIT_BYTES = 64 * 1024 * 1024

export class AsciiFile {
  readonly filePath: string
  readonly fields: readonly LogField[]
  readonly #settings: AsciiFileSettings
  readonly #file: Promise<DiskFile | undefined>
  #writer = new ByteWriter(FLUSH_BYTES)
  #writing: Promise<void> = Promise.resolve()
  #busy = false
  #timer: Timer | undefined
  #state: 'open' | 'closed' | 'failed' = 'open'
  records = 0
  droppedRecords = 0

  /** Creates the file; one that a crash left behind keeps its content under another name. `path`: the log's name, for example `conn`. */
  constructor(filePath: string, path: string, fields: readonly LogField[], settings: AsciiFileSettings) {
    this.filePath = filePath
    this.fields = fields
    this.#settings = settings
    this.#file = this.#create().catch((error: unknown) => {
      this.#fail(error)
      return undefined
    })
    this.#writer.raw(Buffer.from(header(path, fields, settings.clock.wallMs())))
    this.#schedule()
  }

  /** The writer to append one line to, or undefined when the line must be dropped. Ends with `appended`. */
  open(): ByteWriter | undefined {
    if (this.#state !== 'open' || this.#writer.length > PENDING_LIMIT_BYTES) {
      this.droppedRecords += 1
      return undefined
    }
    return this.#writer
  }

  appended(): void {
    this.records += 1
    if (this.#writer.length >= FLUSH_BYTES) this.#flush()
    else this.#schedule()
  }

  /** Writes what is in memory; resolves when the operating system has it. */
  async flush(): Promise<void> {
    this.#flush()
    await this.#writing
    if (this.#writer.length > 0 && this.#state !== 'failed') {
      this.#flush()
      await this.#writing
    }
  }

  /** Writes the trailer and closes. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#state = 'closed'
    this.#writer.raw(Buffer.from(`#close\t${formatWallTime(this.#settings.clock.wallMs())}\n`))
    await this.flush()
    this.#timer?.cancel()
    await (await this.#file)?.close()
  }

  async #create(): Promise<DiskFile> {
    const { disk, clock } = this.#settings
    await keepLeftover(disk, this.filePath, clock.wallMs())
    return disk.create(this.filePath)
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#busy) return
    this.#timer = this.#settings.timers.after(FLUSH_INTERVAL_MS, () => {
      this.#timer = undefined
      this.#flush()
    })
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#busy || this.#writer.length === 0 || this.#state === 'failed') return
    const full = this.#writer
    this.#writer = new ByteWriter(FLUSH_BYTES)
    this.#busy = true
    this.#writing = this.#write(full.written())
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await (await this.#file)?.append(bytes)
    } catch (error) {
      this.#fail(error)
    }
    this.#busy = false
    if (this.#writer.length >= FLUSH_BYTES) this.#flush()
    else if (this.#writer.length > 0) this.#schedule()
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#settings.onError(`cannot write ${this.filePath}: ${errorMessage(error)}`)
  }
}

/** Moves a file that a crash left behind to `NAME.<time>.log`; the next second is taken when that name is. */
async function keepLeftover(disk: Disk, filePath: string, wallMs: number): Promise<void> {
  const names = new Set(await disk.list(dirname(filePath)))
  for (let stampMs = wallMs; ; stampMs += 1000) {
    const kept = filePath.replace(/\.log$/, `.${formatWallTime(stampMs)}.log`)
    if (names.has(basename(kept))) continue
    await disk.rename(filePath, kept)
    return
  }
}

/** The header of Zeek's ASCII logs (spec/cluster-framework.md 6.6). */
function header(path: string, fields: readonly LogField[], wallMs: number): string {
  return [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    `#path\t${path}`,
    `#open\t${formatWallTime(wallMs)}`,
    `#fields\t${fields.map((field) => field.name).join('\t')}`,
    `#types\t${fields.map(fieldTypeName).join('\t')}`,
    '',
  ].join('\n')
}

/** Local time as `2026-01-31-23-59-59`. */
function formatWallTime(wallMs: number): string {
  const date = new Date(wallMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  return [
    date.getFullYear(),
    two(date.getMonth() + 1),
    two(date.getDate()),
    two(date.getHours()),
    two(date.getMinutes()),
    two(date.getSeconds()),
  ].join('-')
}
