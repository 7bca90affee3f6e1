import type { Disk, DiskFile } from '../base/disk.js'
import { ClusterError } from '../base/errors.js'

/** Files in memory, for nodes that run in a test. */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Uint8Array[]>()

  async makeDirectory(): Promise<void> {}

  async create(path: string): Promise<DiskFile> {
    const parts: Uint8Array[] = []
    this.#files.set(path, parts)
    return {
      append: async (bytes) => {
        parts.push(Uint8Array.from(bytes))
      },
      close: async () => {},
    }
  }

  async read(path: string): Promise<Uint8Array> {
    const parts = this.#files.get(path)
    if (parts === undefined) throw new ClusterError('ENOENT', `no such file: ${path}`, { path })
    return Uint8Array.from(Buffer.concat(parts))
  }

  async list(path: string): Promise<string[]> {
    const prefix = `${path}/`
    const names = [...this.#files.keys()].filter((name) => name.startsWith(prefix))
    return [...new Set(names.map((name) => name.slice(prefix.length).split('/')[0]!))].sort()
  }

  async rename(from: string, to: string): Promise<boolean> {
    const parts = this.#files.get(from)
    if (parts === undefined) return false
    this.#files.delete(from)
    this.#files.set(to, parts)
    return true
  }

  /** The text of a file, empty when it does not exist. */
  text(path: string): string {
    return Buffer.concat(this.#files.get(path) ?? []).toString('utf8')
  }

  /** All paths, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort()
  }
}
