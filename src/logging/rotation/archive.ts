/**
 * What becomes of rotated files: `archive-log` moves them to a folder of their day and compresses them, `delete-log`
 * deletes them. Both are scripts of zeekctl that Zeek calls; here they are built in (spec/cluster-framework.md 2.4).
 * The archive is kept to an age and a size.
 */
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Disk } from '../../base/disk.js'
import type { Clock } from '../../base/time.js'
import type { ClosedFile } from '../files/rotation-policy.js'
import { formatWallTime } from '../wall-time.js'

export interface ArchiveSettings {
  readonly disk: Disk
  readonly clock: Clock
  /** Folder that has a folder for each day. */
  readonly directory: string
  /** Stands in names so that several loggers never write the same file; empty where there is only one. */
  readonly logger: string
  /** Older files are deleted; 0 keeps them. */
  readonly keepMs: number
  /** The oldest files are deleted while the archive is larger; 0 is no limit. */
  readonly keepBytes: number
}

const PART_BYTES = 4 * 1024 * 1024
const DAY = /^\d{4}-\d{2}-\d{2}$/
/** `conn.10:00:00-11:00:00.logger-1.log.gz`: only files of these names are ever deleted. */
const ARCHIVED = /\.\d{2}:\d{2}:\d{2}-\d{2}:\d{2}:\d{2}(\.[^/]+)?$/
/** Between the name that a file gets, the name of its source, and the logger. */
const UNFINISHED = '~unfinished~'
const ARCHIVED_SOURCE = '.archived'

const compress = promisify(gzip)

export class Archive {
  readonly #settings: ArchiveSettings

  constructor(settings: ArchiveSettings) {
    this.#settings = settings
  }

  /** Moves a rotated file into the archive. Rejects with what the disk says; the file is where it was then. */
  async add(file: ClosedFile): Promise<void> {
    const { disk, directory, logger } = this.#settings
    const [day, opened] = dayAndTime(file.openedMs)
    const [, closed] = dayAndTime(file.closedMs)
    const { suffix, isCompressed } = suffixOf(file.filePath)
    const folder = join(directory, day)
    await disk.makeDirectory(folder)
    const names = new Set(await disk.list(folder))
    for (let number = 1; ; number += 1) {
      const parts = [file.name, `${opened}-${closed}`, logger, number === 1 ? '' : String(number)]
      const name = parts.filter((part) => part !== '').join('.') + suffix
      const target = join(folder, isCompressed ? name : `${name}.gz`)
      if (names.has(basename(target))) continue
      if (isCompressed) await disk.rename(file.filePath, target)
      else await this.#compress(file.filePath, target)
      return
    }
  }

  /**
   * Mends what a crash left half way in the folder that files come from: one that is compressed as a whole gets its
   * name, one that is not is begun again from its source.
   */
  async resume(folder: string): Promise<void> {
    const { disk, directory, logger } = this.#settings
    const done = new Set((await disk.list(folder)).filter((name) => name.endsWith(ARCHIVED_SOURCE)))
    for (const day of (await disk.list(directory)).filter((name) => DAY.test(name))) {
      for (const name of await disk.list(join(directory, day))) {
        const [target, source, of] = name.split(UNFINISHED)
        if (source === undefined || of !== logger) continue
        const path = join(directory, day, name)
        if (done.has(`${source}${ARCHIVED_SOURCE}`)) await disk.rename(path, join(directory, day, target!))
        else await disk.remove(path)
      }
    }
    for (const name of done) await disk.remove(join(folder, name))
  }

  /** Deletes what is too old or too much, oldest first. Returns the paths. */
  async expire(): Promise<readonly string[]> {
    const { disk, directory, keepMs, keepBytes, clock } = this.#settings
    if (keepMs <= 0 && keepBytes <= 0) return []
    const files: { readonly path: string; readonly sizeBytes: number; readonly modifiedMs: number }[] = []
    for (const day of (await disk.list(directory)).filter((name) => DAY.test(name))) {
      for (const name of await disk.list(join(directory, day))) {
        const path = join(directory, day, name)
        const info = ARCHIVED.test(name) ? await disk.info(path) : undefined
        if (info !== undefined) files.push({ path, ...info })
      }
    }
    files.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1))
    let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const removed: string[] = []
    for (const { path, sizeBytes, modifiedMs } of files) {
      const isOld = keepMs > 0 && clock.wallMs() - modifiedMs > keepMs
      if (!isOld && (keepBytes <= 0 || bytes <= keepBytes)) continue
      await disk.remove(path)
      bytes -= sizeBytes
      removed.push(path)
    }
    for (const folder of new Set(removed.map((path) => dirname(path)))) {
      if ((await disk.list(folder)).length === 0) await disk.remove(folder)
    }
    return removed
  }

  async #compress(from: string, to: string): Promise<void> {
    const { disk, logger } = this.#settings
    const unfinished = [to, basename(from), logger].join(UNFINISHED)
    const output = await disk.create(unfinished)
    try {
      for (let offset = 0; ; offset += PART_BYTES) {
        const part = await disk.readPart(from, offset, PART_BYTES)
        // Each part is a member of its own: together they are one file for everybody who reads it.
        if (part.length > 0 || offset === 0) await output.append(await compress(part))
        if (part.length < PART_BYTES) break
      }
    } catch (error) {
      await output.close()
      await disk.remove(unfinished)
      throw error
    }
    await output.close()
    // From here on a crash leaves one of the two: this says that the compressed one is whole.
    const source = `${from}${ARCHIVED_SOURCE}`
    await disk.rename(from, source)
    await disk.rename(unfinished, to)
    await disk.remove(source)
  }
}

/** `2026-01-31` and `23:59:59`, local time. */
function dayAndTime(wallMs: number): readonly [day: string, time: string] {
  const text = formatWallTime(wallMs)
  return [text.slice(0, 10), text.slice(11).replaceAll('-', ':')]
}

function suffixOf(filePath: string): { readonly suffix: string; readonly isCompressed: boolean } {
  const match = /(\.[A-Za-z]+?)?(\.gz)?$/.exec(basename(filePath))
  return { suffix: match?.[0] ?? '', isCompressed: match?.[2] !== undefined }
}
