/**
 * The log files of a state directory: `logs/NODE/NAME.log` is being written, `logs/NODE/NAME.<time>.log` was rotated or
 * left by a crash, `archive/DAY/NAME.<from>-<to>[.LOGGER].log` is done with; each of them may be compressed.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../base/errors.js'

export interface LogFile {
  /** Folder of the node that wrote it, or `archive`. */
  readonly node: string
  /** Name of the log: `conn`. */
  readonly name: string
  readonly path: string
  /** `written` has its plain name: its node may be adding to it. */
  readonly place: 'written' | 'rotated' | 'archived'
  readonly kind: 'text' | 'sqlite'
  readonly isCompressed: boolean
}

export const ARCHIVE = 'archive'

const IN_LOGS = /^(.+?)(\.\d{4}(?:-\d{2}){5})?\.(?:(log)(\.gz)?|sqlite)$/
const IN_ARCHIVE = /^(.+?)\.\d{2}:\d{2}:\d{2}-\d{2}:\d{2}:\d{2}(?:\.[^/]+?)?\.(?:(log)(\.gz)?|sqlite)$/
const DAY = /^\d{4}-\d{2}-\d{2}$/
/** A logger that rotates moves files while they are listed: then they are listed again. */
const ATTEMPTS = 5

/** The files that nodes have: those of `logs/`. */
export async function findLogFiles(stateDir: string): Promise<LogFile[]> {
  const root = join(stateDir, 'logs')
  const files: LogFile[] = []
  for (const node of await names(root)) {
    for (const file of await names(join(root, node))) {
      const [, name, time, log, compressed] = IN_LOGS.exec(file) ?? []
      if (name === undefined) continue
      files.push({
        node,
        name,
        path: join(root, node, file),
        place: time === undefined ? 'written' : 'rotated',
        kind: log === undefined ? 'sqlite' : 'text',
        isCompressed: compressed !== undefined,
      })
    }
  }
  return files
}

/** All files, the archive's first. None is listed twice, and none left out, while a logger moves files. */
export async function findAllLogFiles(stateDir: string): Promise<LogFile[]> {
  let before: string | undefined
  for (let attempt = 1; ; attempt += 1) {
    const files = [...(await findArchived(stateDir)), ...(await findLogFiles(stateDir))]
    const key = files.map(({ path }) => path).join('\n')
    if (key === before || attempt === ATTEMPTS) return files
    before = key
  }
}

async function findArchived(stateDir: string): Promise<LogFile[]> {
  const root = join(stateDir, ARCHIVE)
  const files: LogFile[] = []
  for (const day of (await names(root)).filter((name) => DAY.test(name))) {
    for (const file of await names(join(root, day))) {
      const [, name, log, compressed] = IN_ARCHIVE.exec(file) ?? []
      if (name === undefined) continue
      files.push({
        node: ARCHIVE,
        name,
        path: join(root, day, file),
        place: 'archived',
        kind: log === undefined ? 'sqlite' : 'text',
        isCompressed: compressed !== undefined,
      })
    }
  }
  return files
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
