/** Log files in chunks of text, compressed or not; a file is never read as a whole. */
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { errorMessage } from '../../base/errors.js'

const PLAIN_CHUNK_BYTES = 256 * 1024
/** What it becomes may be a thousand times as much. */
const COMPRESSED_CHUNK_BYTES = 32 * 1024

/**
 * Inflates a row of gzip members that comes in pieces. What was cut off or damaged gives everything before it, then
 * `trouble`.
 */
export class Inflater {
  readonly #gunzip: Gunzip = createGunzip()
  #output: Buffer[] = []
  #wake: (() => void) | undefined
  #isEnded = false
  /** Why there is no more; undefined while all is well. */
  trouble: string | undefined

  constructor() {
    this.#gunzip.on('data', (bytes: Buffer) => this.#output.push(bytes))
    this.#gunzip.once('end', () => this.#end())
    this.#gunzip.once('error', (error: unknown) => {
      this.trouble = errorMessage(error)
      this.#end()
    })
  }

  /** What this piece gives. `bytes` may be used again afterwards. */
  async write(bytes: Uint8Array): Promise<Buffer> {
    if (!this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#gunzip.write(bytes, () => resolve())
      })
    }
    return this.#taken()
  }

  /** No more will come; `trouble` says whether something is missing. */
  async end(): Promise<Buffer> {
    if (!this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#gunzip.end()
      })
    }
    return this.#taken()
  }

  close(): void {
    this.#gunzip.destroy()
  }

  #end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  #taken(): Buffer {
    const output = this.#output
    this.#output = []
    return output.length === 1 ? output[0]! : Buffer.concat(output)
  }
}

/** A file that is read from its start, chunk by chunk. */
export class ChunkReader {
  readonly #handle: FileHandle
  readonly #ownsHandle: boolean
  readonly #inflater: Inflater | undefined
  readonly #buffer: Buffer
  #position = 0
  #isAtEnd = false

  private constructor(handle: FileHandle, ownsHandle: boolean, isCompressed: boolean) {
    this.#handle = handle
    this.#ownsHandle = ownsHandle
    this.#inflater = isCompressed ? new Inflater() : undefined
    this.#buffer = Buffer.allocUnsafeSlow(isCompressed ? COMPRESSED_CHUNK_BYTES : PLAIN_CHUNK_BYTES)
  }

  /** Opens a file; with `handle` one that is open already, which stays open. */
  static async open(path: string, isCompressed: boolean, handle?: FileHandle): Promise<ChunkReader> {
    return new ChunkReader(handle ?? (await open(path, 'r')), handle === undefined, isCompressed)
  }

  /** Why a compressed file ended before its time. */
  get trouble(): string | undefined {
    return this.#inflater?.trouble
  }

  /** The next bytes, valid until the next call; undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    while (!this.#isAtEnd) {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, this.#buffer.length, this.#position)
      this.#position += bytesRead
      this.#isAtEnd = bytesRead === 0 || this.trouble !== undefined
      if (this.#inflater === undefined)
        return bytesRead === 0 ? undefined : this.#buffer.subarray(0, bytesRead)
      const bytes = await this.#inflate(this.#inflater, bytesRead)
      if (bytes.length > 0) return bytes
    }
    return undefined
  }

  async #inflate(inflater: Inflater, length: number): Promise<Buffer> {
    // A file without a single byte is one that was just begun.
    if (this.#isAtEnd) return this.#position === 0 ? Buffer.alloc(0) : inflater.end()
    const bytes = await inflater.write(this.#buffer.subarray(0, length))
    return inflater.trouble === undefined ? bytes : this.#salvage(length)
  }

  /** What the last piece gives before its damage: the library keeps that to itself, so it is asked byte by byte. */
  async #salvage(length: number): Promise<Buffer> {
    const inflater = new Inflater()
    const piece = Buffer.from(this.#buffer.subarray(0, length))
    const start = this.#position - length
    try {
      for (let position = 0; position < start; ) {
        const room = Math.min(this.#buffer.length, start - position)
        const { bytesRead } = await this.#handle.read(this.#buffer, 0, room, position)
        if (bytesRead === 0) break
        await inflater.write(this.#buffer.subarray(0, bytesRead))
        position += bytesRead
      }
      const found: Buffer[] = []
      for (let index = 0; index < length && inflater.trouble === undefined; index += 1) {
        found.push(await inflater.write(piece.subarray(index, index + 1)))
      }
      return Buffer.concat(found)
    } finally {
      inflater.close()
    }
  }

  async close(): Promise<void> {
    this.#inflater?.close()
    if (this.#ownsHandle) await this.#handle.close()
  }
}

/** Bytes to lines. Lines are strings of one character a byte, so that text that is no UTF-8 stays what it is. */
export class LineSplitter {
  #pending: string[] = []

  /** The lines that these bytes complete. */
  push(bytes: Buffer): string[] {
    const end = bytes.lastIndexOf(NEWLINE)
    if (end < 0) {
      this.#pending.push(bytes.toString('latin1'))
      return []
    }
    this.#pending.push(bytes.toString('latin1', 0, end))
    const text = this.#pending.length === 1 ? this.#pending[0]! : this.#pending.join('')
    this.#pending = end + 1 < bytes.length ? [bytes.toString('latin1', end + 1)] : []
    return text.split('\n')
  }
}

export const NEWLINE = 0x0a

/** Text of a command line or of a header as lines have it: one character a byte. */
export function toByteText(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** The other way. */
export function fromByteText(text: string): string {
  return Buffer.from(text, 'latin1').toString()
}
