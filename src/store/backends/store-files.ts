/** Files of stores before a backend opens them: whether they can be, and that nobody in this process has them open. */
import { constants } from 'node:fs'
import { access, mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorCode, errorMessage } from '../../base/errors.js'
import { StoreError } from '../store-error.js'

/** Where a store is, for errors. */
export interface StorePlace {
  readonly store: string
  /** Absolute. */
  readonly path: string
}

export type PlaceKind = 'file' | 'folder'

/**
 * Files that this process has open. A second opening has to be found before the file is touched: whoever closes any
 * descriptor of a file gives up all locks that this process has on it (fcntl(2)).
 */
const openPaths = new Set<string>()

/** A place that nobody else of this process opens until it is released. */
export interface Claim {
  /** Nothing is there, or nothing is in it. */
  readonly isEmpty: boolean
  release(): void
}

/**
 * Makes missing parent folders and takes the place. Throws a `StoreError`, `path-unusable` or `file-in-use`.
 */
export async function claim(place: StorePlace, kind: PlaceKind): Promise<Claim> {
  const { path } = place
  let isEmpty: boolean
  let id: string
  try {
    await mkdir(dirname(path), { recursive: true })
    isEmpty = await inspect(place, kind)
    id = await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)))
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw unusable(place, errorMessage(error), error)
  }
  if (openPaths.has(id)) throw inUse(place, 'this process has it open already')
  openPaths.add(id)
  return { isEmpty, release: () => openPaths.delete(id) }
}

/** Whether nothing is there. */
async function inspect(place: StorePlace, kind: PlaceKind): Promise<boolean> {
  const { path } = place
  const found = await stat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  })
  // Files beside it (a journal, a log) are made too.
  await access(kind === 'folder' && found !== undefined ? path : dirname(path), constants.W_OK)
  if (found === undefined) return true
  if (kind === 'file' ? !found.isFile() : !found.isDirectory()) {
    throw unusable(place, `there is something else than a ${kind}`)
  }
  await access(path, constants.R_OK | constants.W_OK)
  return kind === 'file' ? found.size === 0 : (await readdir(path)).length === 0
}

/** The first bytes of a file. */
export async function startOfFile(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(bytes), 0, bytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The size of a file in bytes; 0 when it is not there. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

export function namesIn(folder: string): Promise<string[]> {
  return readdir(folder)
}

export function removeFile(path: string): Promise<void> {
  return rm(path)
}

export function unusable({ store, path }: StorePlace, why: string, cause?: unknown): StoreError {
  const message = `the store ${store} cannot be at ${path}: ${why}; give it a path that this process may read and write`
  return new StoreError('path-unusable', message, { store }, cause)
}

export function inUse({ store, path }: StorePlace, who: string, cause?: unknown): StoreError {
  const message = `the store ${store} at ${path} is in use: ${who}; end that first, or give this store another path`
  return new StoreError('file-in-use', message, { store }, cause)
}

export function foreign({ store, path }: StorePlace, what: string, cause?: unknown): StoreError {
  const message = `${path} is not the store ${store}: ${what}; it is left as it is, give the store another path`
  return new StoreError('foreign-file', message, { store }, cause)
}

export function corrupt({ store, path }: StorePlace, what: string, cause?: unknown): StoreError {
  const message = `the store ${store} at ${path} is damaged: ${what}; it is left as it is, put a backup in its place or move it away`
  return new StoreError('corrupt-file', message, { store }, cause)
}

export function diskFull({ store, path }: StorePlace, cause?: unknown): StoreError {
  const message = `there is no room for the store ${store} at ${path}: free space on that disk`
  return new StoreError('disk-full', message, { store }, cause)
}

export function failed({ store, path }: StorePlace, action: string, cause: unknown): StoreError {
  const message = `the store ${store} at ${path} could not be ${action}: ${errorMessage(cause)}`
  return new StoreError('backend-failure', message, { store }, cause)
}

export function unavailable(store: string, what: string, remedy: string): StoreError {
  return new StoreError(
    'backend-unavailable',
    `the store ${store} needs ${what}, which is not here: ${remedy}`,
    {
      store,
    },
  )
}
