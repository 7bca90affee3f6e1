import {
  close,
  closeSync,
  constants,
  fdatasync,
  ftruncate,
  mkdirSync,
  open,
  openSync,
  read as readAt,
  rmSync,
  write,
  writeSync,
} from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { errorCode } from './errors.js'

/** The files that a node needs, as an argument: a simulated node keeps them in memory. */
export interface Disk {
  /** Creates the directory and its parents; an existing one is fine. */
  makeDirectory(path: string): Promise<void>
  /** Creates or truncates a file for writing. */
  create(path: string): Promise<DiskFile>
  /** As `create`, before it returns; missing directories are made. For files that must exist before anything else happens. */
  createNow(path: string): DiskFile
  /**
   * Creates or replaces a file with this content, whose bytes can then be overwritten, before it returns; missing
   * directories are made. When it throws, a part of the content may be there.
   */
  createFixedNow(path: string, content: Uint8Array): FixedFile
  /** Opens a file to add to it; a missing one is created. */
  append(path: string): Promise<DiskFile>
  read(path: string): Promise<Uint8Array>
  /** Up to `length` bytes from `offset`: fewer where the file ends. */
  readPart(path: string, offset: number, length: number): Promise<Uint8Array>
  /** Names in a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>
  /** Undefined when there is no such file. */
  info(path: string): Promise<FileInfo | undefined>
  /** Moves a file; false when it does not exist. */
  rename(from: string, to: string): Promise<boolean>
  /** Removes a file, or a directory with all in it; a missing one is fine. */
  remove(path: string): Promise<void>
  /** Removes a file before it returns: for space that is needed at once. A missing one is fine. */
  removeNow(path: string): void
}

export interface FileInfo {
  readonly sizeBytes: number
  /** Time of the last change, milliseconds since the epoch. */
  readonly modifiedMs: number
}

/** A file that is written. Its methods reject or throw with what the operating system says, for example `ENOSPC`. */
export interface DiskFile {
  /** Appends; resolves when the operating system has the bytes. The caller keeps `bytes` unchanged until then. */
  append(bytes: Uint8Array): Promise<void>
  /**
   * Appends before it returns: for what must not be in the memory of a process only, which may be killed. Not while an
   * `append` is under way. When it throws, a part of the bytes may be in the file.
   */
  appendNow(bytes: Uint8Array): void
  /** Drops what stands behind the first `sizeBytes`; the next bytes go there. */
  cut(sizeBytes: number): Promise<void>
  /** Resolves when a loss of power would not lose the bytes. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * A file whose size stays: overwriting takes no room, so that something can be noted on a full disk. (What is open for
 * appending cannot be overwritten: Linux then writes to the end, whatever the offset.)
 */
export interface FixedFile {
  /** Overwrites bytes within the file before it returns. Throws what the operating system says; a part may be there. */
  overwriteNow(offset: number, bytes: Uint8Array): void
  close(): Promise<void>
}

/** Readable by the owner and the group, as log files are. */
const FILE_MODE = 0o640

const openFile = promisify(open)
const readFrom = promisify(readAt)
const writeTo = promisify(write)
const truncateFile = promisify(ftruncate)
const syncFile = promisify(fdatasync)
const closeFile = promisify(close)

/** The standard outputs: they may be sockets, which cannot be opened by a path. */
function standardStream(path: string): NodeJS.WritableStream | undefined {
  if (path === '/dev/stdout') return process.stdout
  return path === '/dev/stderr' ? process.stderr : undefined
}

function standardOutput(stream: NodeJS.WritableStream): DiskFile {
  return {
    append: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    appendNow: (bytes) => void stream.write(bytes),
    async cut() {},
    async sync() {},
    async close() {},
  }
}

class SystemFile implements DiskFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesWritten } = await writeTo(this.#descriptor, bytes, offset, bytes.length - offset, null)
      offset += bytesWritten
    }
  }

  appendNow(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      offset += writeSync(this.#descriptor, bytes, offset, bytes.length - offset, null)
    }
  }

  // Files are open for appending: the next bytes go to the new end.
  cut(sizeBytes: number): Promise<void> {
    return truncateFile(this.#descriptor, sizeBytes)
  }

  sync(): Promise<void> {
    return syncFile(this.#descriptor)
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor)
  }
}

class SystemFixedFile implements FixedFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  overwriteNow(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, offset + done)
    }
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor)
  }
}

/** An empty file whose bytes always go to its end, also after it was cut. */
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND
const CREATE_FIXED_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC

export const systemDisk: Disk = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true })
  },
  async create(path) {
    return new SystemFile(await openFile(path, CREATE_FLAGS, FILE_MODE))
  },
  createNow(path) {
    mkdirSync(dirname(path), { recursive: true })
    return new SystemFile(openSync(path, CREATE_FLAGS, FILE_MODE))
  },
  createFixedNow(path, content) {
    mkdirSync(dirname(path), { recursive: true })
    const descriptor = openSync(path, CREATE_FIXED_FLAGS, FILE_MODE)
    const file = new SystemFixedFile(descriptor)
    try {
      file.overwriteNow(0, content)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    return file
  },
  async append(path) {
    const stream = standardStream(path)
    if (stream !== undefined) return standardOutput(stream)
    return new SystemFile(await openFile(path, 'a', FILE_MODE))
  },
  read: (path) => readFile(path),
  async readPart(path, offset, length) {
    const descriptor = await openFile(path, 'r')
    try {
      const bytes = Buffer.allocUnsafeSlow(length)
      let filled = 0
      while (filled < length) {
        const { bytesRead } = await readFrom(descriptor, bytes, filled, length - filled, offset + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return bytes.subarray(0, filled)
    } finally {
      await closeFile(descriptor)
    }
  },
  async list(path) {
    try {
      return (await readdir(path)).sort()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  },
  async info(path) {
    try {
      const { size, mtimeMs } = await stat(path)
      return { sizeBytes: size, modifiedMs: mtimeMs }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
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
  async remove(path) {
    await rm(path, { recursive: true, force: true })
  },
  removeNow(path) {
    rmSync(path, { force: true })
  },
}
