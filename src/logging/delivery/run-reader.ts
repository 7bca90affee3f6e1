/** Reads what a process left in its part of the spool, whatever stopped it. */
import { join } from 'node:path'
import type { Disk } from '../../base/disk.js'
import { errorCode } from '../../base/errors.js'
import type { LossLimit } from './delivery-settings.js'
import { type JournalContent, readJournal } from './journal.js'
import { BOUND_FILE, readLossBound } from './loss-bound.js'
import { RunState } from './run-state.js'

const JOURNAL_NAME = /^journal-(\d+)$/
const SEGMENT_NAME = /^(?:high|normal|low)-(\d+)\.segment$/

/** A journal that a running process replaces while it is read is looked for again. */
const ATTEMPTS = 5

export interface ReadRun {
  readonly state: RunState
  readonly end: JournalContent['end']
  /** Numbers of the journals, the youngest last. */
  readonly journals: readonly number[]
  /** Names of segments that are there. */
  readonly segments: readonly string[]
  readonly lastSegment: number
}

/** Reads a run. Undefined for a folder that holds something else. Rejects with what the disk says. */
export async function readRun(disk: Disk, directory: string, name: string): Promise<ReadRun | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const names = await listFolder(disk, directory)
    if (names === undefined) return undefined
    const journals = numbersOf(names, JOURNAL_NAME)
    const segments = names.filter((file) => SEGMENT_NAME.test(file))
    const known = journals.length + segments.length + (names.includes(BOUND_FILE) ? 1 : 0)
    if (known < names.length) return undefined
    try {
      // Before the journal: when that says more by then, less is lost than the bound says, never more.
      const lostAtMost = await readBound(disk, directory)
      const content = await readBestJournal(disk, directory, journals)
      const state = new RunState(name)
      state.lostAtMost = lostAtMost
      for (const entry of content?.entries ?? []) state.apply(entry)
      for (const entry of content?.behind ?? []) state.applyBehindDamage(entry)
      const lastSegment = numbersOf(names, SEGMENT_NAME).at(-1) ?? 0
      return { state, end: content?.end ?? 'torn', journals, segments, lastSegment }
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error
    }
  }
}

/** Of several journals the youngest that says everything: the process may have died while it wrote that one. */
async function readBestJournal(
  disk: Disk,
  directory: string,
  numbers: readonly number[],
): Promise<JournalContent | undefined> {
  let best: JournalContent | undefined
  for (const number of numbers.toReversed()) {
    const content = readJournal(await disk.read(join(directory, `journal-${number}`)))
    if (content.entries.some((entry) => entry.kind === 'complete')) return content
    best ??= content
  }
  return best
}

async function readBound(disk: Disk, directory: string): Promise<LossLimit> {
  try {
    return readLossBound(await disk.read(join(directory, BOUND_FILE)))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'unknown'
    throw error
  }
}

async function listFolder(disk: Disk, directory: string): Promise<readonly string[] | undefined> {
  try {
    return await disk.list(directory)
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names
    .flatMap((name) => {
      const match = pattern.exec(name)
      return match === null ? [] : [Number(match[1])]
    })
    .sort((a, b) => a - b)
}
