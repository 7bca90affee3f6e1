/** A small disk in memory, which only the superuser can make. */
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { endAll, temporaryDirectory } from './support.js'

const mounted: string[] = []

/** Puts a disk of its own in place of a folder; false when this user may not. */
export function mountDisk(folder: string, sizeMiB = 8): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'none', folder])
  if (status === 0) mounted.push(folder)
  return status === 0
}

export function unmountAll(): void {
  for (const folder of mounted.splice(0)) spawnSync('umount', ['--lazy', folder])
}

async function canMount(): Promise<boolean> {
  const isMounted = mountDisk(temporaryDirectory())
  unmountAll()
  await endAll()
  return isMounted
}

export const hasMount = await canMount()
export const mountReason = hasMount ? '' : ' (skipped: this user may not mount a disk)'

/** Takes all room but some. */
export function fillDisk(path: string): void {
  const block = new Uint8Array(4096)
  for (;;) {
    try {
      appendFileSync(path, block)
    } catch {
      return
    }
  }
}
