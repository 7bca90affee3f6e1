/** The log files of a state directory: `logs/NODE/NAME.log`, and what a crash left as `NAME.<time>.log`. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../base/errors.js'
import { type AsciiLog, mergeLogs, parseAsciiLog } from '../logging/log-reader.js'

export interface LogFile {
  readonly node: string
  /** Name of the log: `conn`. */
  readonly name: string
  readonly path: string
}

export async function findLogFiles(stateDir: string): Promise<LogFile[]> {
  const root = join(stateDir, 'logs')
  const files: LogFile[] = []
  for (const node of await names(root)) {
    for (const file of await names(join(root, node))) {
      const match = /^(.+?)(?:\.\d{4}(?:-\d{2}){5})?\.log$/.exec(file)
      if (match !== null) files.push({ node, name: match[1]!, path: join(root, node, file) })
    }
  }
  return files
}

/** All lines of one log over all loggers, by time; several when files of the same name have different columns. */
export async function readMergedLog(stateDir: string, name: string): Promise<readonly AsciiLog[]> {
  const files = (await findLogFiles(stateDir)).filter((file) => file.name === name)
  return mergeLogs(
    await Promise.all(files.map(async ({ path }) => parseAsciiLog(await readFile(path, 'utf8')))),
  )
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
