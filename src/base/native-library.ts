/**
 * Native libraries: how they are found, and memory that they and we share. Addresses are numbers: every
 * address of a process on 64-bit machines is a safe integer.
 */
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

/** A function of a native library, as it is declared. */
export type NativeCall = (...args: readonly unknown[]) => number

export interface NativeLibrary {
  /** A function by its C declaration. */
  call(declaration: string): NativeCall
  /** The same, run in another thread; the arguments have to stay as they are until it ends. */
  callAside(declaration: string): (...args: readonly unknown[]) => Promise<number>
  /** The text at an address, which ends with a zero byte. */
  textAt(address: number): string
  /** Copies bytes that the library owns. */
  copy(from: number, to: SharedMemory, offset: number, bytes: number): void
  /** Memory of at least so many bytes. */
  memory(bytes: number): SharedMemory
}

/** The first library of these names that is there, or undefined. */
export function findLibrary(names: readonly string[]): NativeLibrary | undefined {
  let koffi: typeof Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  } catch {
    return undefined
  }
  for (const name of names) {
    try {
      return nativeLibrary(koffi, koffi.load(name))
    } catch {
      // The next one may be there.
    }
  }
  return undefined
}

type NativeFunction = NativeCall & {
  async(...args: readonly unknown[]): void
}

function nativeLibrary(koffi: typeof Koffi, library: Koffi.LibraryHandle): NativeLibrary {
  const find = (declaration: string): NativeFunction => library.func(declaration) as unknown as NativeFunction
  const copy = find('uintptr_t memcpy(uintptr_t to, uintptr_t from, size_t bytes)')
  return {
    call: find,
    callAside(declaration) {
      const found = find(declaration)
      return (...args) =>
        new Promise((resolve, reject) => {
          found.async(...args, (error: unknown, result: number) => {
            if (error === null || error === undefined) resolve(result)
            else reject(error instanceof Error ? error : new Error(String(error)))
          })
        })
    },
    textAt: (address) => koffi.decode(BigInt(address), 'char', -1) as string,
    copy(from, to, offset, bytes) {
      to.reserve(offset + bytes)
      copy(to.address + offset, from, bytes)
    },
    memory: (bytes) => new SharedMemory((shared) => Number(koffi.address(shared)), bytes),
  }
}

/** Memory with a known address, for arguments and results of native functions. It grows; then its address changes. */
export class SharedMemory {
  bytes: Uint8Array
  address: number
  #view: DataView
  readonly #addressOf: (bytes: Uint8Array) => number

  constructor(addressOf: (bytes: Uint8Array) => number, bytes: number) {
    this.#addressOf = addressOf
    this.bytes = new Uint8Array(bytes)
    this.#view = new DataView(this.bytes.buffer)
    this.address = addressOf(this.bytes)
  }

  /** Makes room for so many bytes in all; what is there stays. */
  reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return
    const previous = this.bytes
    this.bytes = new Uint8Array(Math.max(bytes, 2 * previous.length))
    this.bytes.set(previous)
    this.#view = new DataView(this.bytes.buffer)
    this.address = this.#addressOf(this.bytes)
  }

  /** The number that native code has put at an offset: an address or a length. */
  numberAt(offset: number): number {
    return Number(this.#view.getBigUint64(offset, true))
  }

  setNumber(offset: number, value: number): void {
    this.#view.setBigUint64(offset, BigInt(value), true)
  }
}
