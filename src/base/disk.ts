import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { errorCode } from './errors.js'

/** The files that a node needs, as an argument: a simulated node keeps them in memory. */
export interface Disk {
  /** Creates the directory and its parents; an existing one is fine. */
  makeDirectory(path: string): Promise<void>
  /** Creates or truncates a file for writing. */
  create(path: string): Promise<DiskFile>
  read(path: string): Promise<Uint8Array>
  /** Names in a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>
  /** Moves a file; false when it does not exist. */
  rename(from: string, to: string): Promise<boolean>
}

export interface DiskFile {
  /** Appends; resolves when the operating system has the bytes. The caller keeps `bytes` unchanged until then. */
  append(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export const systemDisk: Disk = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true })
  },
  async create(path) {
    const handle = await open(path, 'w', 0o640)
    return {
      async append(bytes) {
        for (let offset = 0; offset < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset)
          offset += bytesWritten
        }
      },
      close: () => handle.close(),
    }
  },
  read: (path) => readFile(path),
  async list(path) {
    try {
      return (await readdir(path)).sort()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  },
  async rename(from, to) {
    try {
      await rename(from, to)
      return true
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    }
  },
}
