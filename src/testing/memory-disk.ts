import type { Disk, DiskFile, FileInfo, FixedFile } from '../base/disk.js'
import { ClusterError } from '../base/errors.js'

/** The content of one file; it stays with whoever has it open when the file is renamed or removed. */
interface Content {
  parts: Uint8Array[]
  sizeBytes: number
}

/** Files in memory, for nodes that run in a test. */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>()
  #sizeBytes = 0
  /** Bytes that fit on it; beyond, writes fail with `ENOSPC`, what still fits being written. */
  limitBytes = Number.POSITIVE_INFINITY

  /** Bytes in all files. */
  get usedBytes(): number {
    return this.#sizeBytes
  }

  async makeDirectory(): Promise<void> {}

  async create(path: string): Promise<DiskFile> {
    return this.createNow(path)
  }

  createNow(path: string): DiskFile {
    this.#drop(path)
    const content: Content = { parts: [], sizeBytes: 0 }
    this.#files.set(path, content)
    return this.#open(content)
  }

  createFixedNow(path: string, bytes: Uint8Array): FixedFile {
    this.createNow(path).appendNow(bytes)
    const content = this.#files.get(path)!
    return {
      overwriteNow: (offset, written) => {
        if (offset + written.length > content.sizeBytes) {
          throw new ClusterError('EINVAL', 'a file of fixed size does not grow', { path })
        }
        const whole = Buffer.concat(content.parts)
        whole.set(written, offset)
        content.parts = [whole]
      },
      close: async () => {},
    }
  }

  async append(path: string): Promise<DiskFile> {
    const content = this.#files.get(path)
    return content === undefined ? this.createNow(path) : this.#open(content)
  }

  async read(path: string): Promise<Uint8Array> {
    return this.#bytes(path)
  }

  async readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#bytes(path).subarray(offset, offset + length)
  }

  async list(path: string): Promise<string[]> {
    const prefix = `${path}/`
    const names = [...this.#files.keys()].filter((name) => name.startsWith(prefix))
    return [...new Set(names.map((name) => name.slice(prefix.length).split('/')[0]!))].sort()
  }

  async info(path: string): Promise<FileInfo | undefined> {
    const content = this.#files.get(path)
    return content === undefined ? undefined : { sizeBytes: content.sizeBytes, modifiedMs: 0 }
  }

  async rename(from: string, to: string): Promise<boolean> {
    const content = this.#files.get(from)
    if (content === undefined) return false
    this.#files.delete(from)
    this.#drop(to)
    this.#files.set(to, content)
    return true
  }

  async remove(path: string): Promise<void> {
    for (const name of [...this.#files.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#drop(name)
    }
  }

  removeNow(path: string): void {
    this.#drop(path)
  }

  /** The text of a file, empty when it does not exist. */
  text(path: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
    return Buffer.concat(this.#files.get(path)?.parts ?? []).toString(encoding)
  }

  /** Bytes of a file, 0 when it does not exist. */
  sizeOf(path: string): number {
    return this.#files.get(path)?.sizeBytes ?? 0
  }

  /** All paths, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  #bytes(path: string): Buffer {
    const content = this.#files.get(path)
    if (content === undefined) throw new ClusterError('ENOENT', `no such file: ${path}`, { path })
    const bytes = Buffer.concat(content.parts)
    content.parts = [bytes]
    return Buffer.from(bytes)
  }

  #drop(path: string): void {
    this.#sizeBytes -= this.#files.get(path)?.sizeBytes ?? 0
    this.#files.delete(path)
  }

  #open(content: Content): DiskFile {
    const appendNow = (bytes: Uint8Array): void => {
      const written = Math.min(bytes.length, Math.max(0, this.limitBytes - this.#sizeBytes))
      content.parts.push(Uint8Array.from(bytes.subarray(0, written)))
      content.sizeBytes += written
      this.#sizeBytes += written
      if (written < bytes.length) throw new ClusterError('ENOSPC', 'no space left on the disk', {})
    }
    return {
      appendNow,
      append: async (bytes) => appendNow(bytes),
      cut: async (sizeBytes) => {
        const bytes = Buffer.concat(content.parts).subarray(0, sizeBytes)
        this.#sizeBytes -= content.sizeBytes - bytes.length
        content.parts = [bytes]
        content.sizeBytes = bytes.length
      },
      sync: async () => {},
      close: async () => {},
    }
  }
}
