/**
 * Files of lines: Zeek's ASCII logs with header and trailer (spec/cluster-framework.md 6.6), JSON, both compressed or
 * not. A compressed file is a row of gzip members, one for each chunk, so that it can be read up to wherever it is cut.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Disk, DiskFile } from '../../base/disk.js'
import { fieldTypeName, type LogField } from '../../data/log-messages.js'
import { formatWallTime } from '../wall-time.js'
import type { AsciiOptions } from './ascii-options.js'
import type { LogFileDescription, LogOutput, PreparedChunk } from './log-writer.js'
import { escapedForHeader } from './text-escapes.js'

const compress = promisify(gzip)

const STDOUT = '/dev/stdout'
const SPECIAL_FILES: ReadonlySet<string> = new Set([STDOUT, '/dev/stderr', '/dev/null'])

/** The file of the system that a log goes to instead of one of its own; undefined when it has one. */
export function specialFile(path: string, options: AsciiOptions): string | undefined {
  if (options.outputToStdout) return STDOUT
  return SPECIAL_FILES.has(path) ? path : undefined
}

/** What the name of a file ends with. */
export function fileSuffix({ gzipLevel, gzipFileExtension }: AsciiOptions): string {
  return gzipLevel > 0 ? `.log.${gzipFileExtension || 'gz'}` : '.log'
}

/** Creates a file and writes its header. Rejects with what the disk says. */
export async function openTextFile(
  disk: Disk,
  description: LogFileDescription,
  options: AsciiOptions,
): Promise<LogOutput> {
  const special = specialFile(description.path, options)
  const file = await (special === undefined ? disk.create(description.filePath) : disk.append(special))
  const output = new TextOutput(file, options, special !== undefined)
  try {
    await output.begin(headerOf(description, options, special ?? description.path))
    return output
  } catch (error) {
    await file.close()
    throw error
  }
}

class TextOutput implements LogOutput {
  readonly rotates: boolean
  readonly #file: DiskFile
  readonly #options: AsciiOptions
  #size = 0

  constructor(file: DiskFile, options: AsciiOptions, isSpecial: boolean) {
    this.#file = file
    this.#options = options
    this.rotates = !isSpecial
  }

  get size(): number {
    return this.#size
  }

  async begin(header: string): Promise<void> {
    // A compressed file needs at least one member to be one.
    if (header !== '' || this.#options.gzipLevel > 0) await this.#append(header)
  }

  async prepare(chunk: Uint8Array, records: number): Promise<PreparedChunk> {
    const bytes = await this.#encoded(chunk)
    return { bytes, records, sizeAfter: this.#size + bytes.length }
  }

  async store({ bytes, sizeAfter }: PreparedChunk): Promise<void> {
    await this.#file.append(bytes)
    this.#size = sizeAfter
  }

  async cut(): Promise<void> {
    if (this.rotates) await this.#file.cut(this.#size)
  }

  async sync(): Promise<void> {
    // Pipes and terminals have nothing that a loss of power would spare.
    if (this.rotates) await this.#file.sync()
  }

  async close(closedMs: number): Promise<void> {
    try {
      const trailer = trailerOf(this.#options, closedMs)
      if (trailer !== '') await this.#append(trailer)
    } finally {
      await this.#file.close()
    }
  }

  async #append(text: string): Promise<void> {
    await this.store(await this.prepare(Buffer.from(text), 0))
  }

  async #encoded(bytes: Uint8Array): Promise<Uint8Array> {
    const { gzipLevel } = this.#options
    return gzipLevel > 0 ? compress(bytes, { level: gzipLevel }) : bytes
  }
}

/** Whether a file says what is in it. */
function hasMeta({ includeMeta, useJson }: AsciiOptions): boolean {
  return includeMeta && !useJson
}

function headerOf({ fields, openedMs }: LogFileDescription, options: AsciiOptions, path: string): string {
  if (!hasMeta(options)) return ''
  const { metaPrefix, separator, setSeparator, emptyField, unsetField } = options
  const joined = (text: (field: LogField) => string): string => fields.map(text).join(separator)
  if (options.tsv) return `${joined(({ name }) => name)}\n`
  const lines = [
    // Always with a space: a reader does not know the separator yet.
    `separator ${escapedForHeader(separator)}`,
    `set_separator${separator}${escapedForHeader(setSeparator)}`,
    `empty_field${separator}${escapedForHeader(emptyField)}`,
    `unset_field${separator}${escapedForHeader(unsetField)}`,
    `path${separator}${escapedForHeader(path)}`,
    `open${separator}${formatWallTime(openedMs)}`,
    `fields${separator}${joined(({ name }) => name)}`,
    `types${separator}${joined(fieldTypeName)}`,
  ]
  return lines.map((line) => `${metaPrefix}${line}\n`).join('')
}

function trailerOf(options: AsciiOptions, closedMs: number): string {
  if (!hasMeta(options) || options.tsv) return ''
  return `${options.metaPrefix}close${options.separator}${formatWallTime(closedMs)}\n`
}
