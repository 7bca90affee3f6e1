/** Rotation as Zeek does it: when, under which names, and what happens then (spec/cluster-framework.md 6.8). */
import { basename, dirname, join } from 'node:path'
import type { Disk } from '../../base/disk.js'
import { errorMessage } from '../../base/errors.js'
import type { Clock } from '../../base/time.js'
import type { ClosedFile, RotationPolicy } from '../files/rotation-policy.js'
import { formatWallTime } from '../wall-time.js'
import type { Archive } from './archive.js'
import { nextRotationMs } from './rotation-times.js'

export interface RotationSettings {
  readonly disk: Disk
  readonly clock: Clock
  /** Milliseconds between rotations (`Log::default_rotation_interval`); 0 is never. */
  readonly intervalMs: number
  /** Milliseconds after midnight from which intervals are counted (`log_rotate_base_time`). */
  readonly baseMs: number
  /** A file of this size is rotated; 0 is no limit. */
  readonly sizeBytes: number
  /** Folder for rotated files (`Log::default_rotation_dir`); empty: where they were written. */
  readonly directory: string
  /** `archive-log`, `delete-log`, a command for the shell, or nothing (`Log::default_rotation_postprocessor_cmd`). */
  readonly postprocessor: string
  readonly archive: Archive
  /** Runs a command line of the shell with arguments; resolves with its exit code. */
  readonly runCommand: (command: string, args: readonly string[]) => Promise<number>
  readonly onProblem: (code: string, message: string) => void
}

/** `conn.2026-11-23-10-00-00.log`. */
const ROTATED = /^(.+?)\.(\d{4})-(\d{2})-(\d{2})-(\d{2})-(\d{2})-(\d{2})(\.[A-Za-z]+(?:\.gz)?)?$/

export class Rotation implements RotationPolicy {
  readonly #settings: RotationSettings
  /** Own intervals of some logs, by writer and path. */
  readonly #intervals = new Map<string, number>()
  /** By the file's path. */
  readonly #running = new Map<string, Promise<void>>()
  readonly sizeLimit: number

  constructor(settings: RotationSettings) {
    this.#settings = settings
    this.sizeLimit = settings.sizeBytes > 0 ? settings.sizeBytes : Number.POSITIVE_INFINITY
  }

  /** A log is rotated at an interval of its own (`Log::Filter$interv`), milliseconds; 0 is never. */
  rotateEvery(name: string, writer: string, intervalMs: number): void {
    this.#intervals.set(`${writer}\0${name}`, intervalMs)
  }

  nextMs(name: string, writer: string, nowMs: number): number | undefined {
    const intervalMs = this.#intervals.get(`${writer}\0${name}`) ?? this.#settings.intervalMs
    return intervalMs > 0 ? nextRotationMs(nowMs, intervalMs, this.#settings.baseMs) : undefined
  }

  async finish(file: ClosedFile): Promise<void> {
    const { disk, directory, clock } = this.#settings
    // As in Zeek, the end of a process rotates only what is rotated anyway.
    if (!this.#rotates(file.name, file.writer, clock.wallMs())) return
    const folder = directory === '' ? dirname(file.filePath) : directory
    if (directory !== '') await disk.makeDirectory(folder)
    const rotated = await freeName(disk, folder, file)
    if (!(await disk.rename(file.filePath, rotated))) return
    this.#run({ ...file, filePath: rotated })
  }

  /** Takes up what an earlier process rotated and did not get done with, in the folder of the files. */
  async resume(folder: string): Promise<void> {
    const { disk, directory, postprocessor, archive } = this.#settings
    if (postprocessor !== 'archive-log' && postprocessor !== 'delete-log') return
    // What stands there without rotation was left by a crash, and stays.
    if (!this.#rotates('', '', this.#settings.clock.wallMs())) return
    const from = directory === '' ? folder : directory
    if (postprocessor === 'archive-log') await archive.resume(from)
    for (const name of await disk.list(from)) {
      const match = ROTATED.exec(name)
      const filePath = join(from, name)
      if (match === null || this.#running.has(filePath)) continue
      const [year, month, day, hours, minutes, seconds] = match.slice(2, 8).map(Number)
      const openedMs = new Date(year!, month! - 1, day, hours, minutes, seconds).getTime()
      const closedMs = (await disk.info(filePath))?.modifiedMs ?? openedMs
      this.#run({ filePath, name: match[1]!, writer: '', openedMs, closedMs, terminating: true })
    }
  }

  #rotates(name: string, writer: string, nowMs: number): boolean {
    return Number.isFinite(this.sizeLimit) || this.nextMs(name, writer, nowMs) !== undefined
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  #run(file: ClosedFile): void {
    const run = this.#postprocess(file).catch((error: unknown) => {
      const message = `${file.filePath} stays where it is: ${errorMessage(error)}`
      this.#settings.onProblem('log-postprocessing-failed', message)
    })
    this.#running.set(file.filePath, run)
    void run.finally(() => this.#running.delete(file.filePath))
  }

  async #postprocess(file: ClosedFile): Promise<void> {
    const { disk, postprocessor, archive, runCommand, onProblem } = this.#settings
    switch (postprocessor) {
      case '':
        return
      case 'delete-log':
        return disk.remove(file.filePath)
      case 'archive-log':
        await archive.add(file)
        await archive.expire()
        return
      default: {
        const code = await runCommand(postprocessor, commandArguments(file))
        if (code !== 0) {
          onProblem('log-postprocessing-failed', `'${postprocessor}' ended with ${code} for ${file.filePath}`)
        }
      }
    }
  }
}

/** What a post-processor is called with: as Zeek calls it. */
function commandArguments({ filePath, name, writer, openedMs, closedMs, terminating }: ClosedFile): string[] {
  const kind = writer.replace(/^Log::WRITER_/, '').toLowerCase()
  return [filePath, name, shortTime(openedMs), shortTime(closedMs), terminating ? '1' : '0', kind]
}

/** `26-01-31_23.59.59`. */
function shortTime(wallMs: number): string {
  const text = formatWallTime(wallMs)
  return `${text.slice(2, 10)}_${text.slice(11).replaceAll('-', '.')}`
}

/** `conn.<time>.log`; when that name is taken, another one. */
async function freeName(disk: Disk, folder: string, file: ClosedFile): Promise<string> {
  const suffix = basename(file.filePath).slice(file.name.length)
  const names = new Set(await disk.list(folder))
  for (let stampMs = file.openedMs; ; stampMs += 1000) {
    const name = `${file.name}.${formatWallTime(stampMs)}${suffix}`
    if (!names.has(name)) return join(folder, name)
  }
}
