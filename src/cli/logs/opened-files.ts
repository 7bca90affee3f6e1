/** The files of one log, open so that a logger may rotate them meanwhile, with what their starts say. */
import { open } from 'node:fs/promises'
import { errorCode } from '../../base/errors.js'
import { findAllLogFiles, type LogFile } from '../log-files.js'
import { CommandError } from '../output.js'
import { jsonMembers } from './json-line.js'
import { lineView } from './line-views.js'
import type { LogSchema } from './log-schema.js'
import { type Complain, LogSource, type OpenedFile } from './log-source.js'
import { type Selection, wantedColumns } from './selection.js'

/** A file whose start was read. */
export interface KnownFile extends OpenedFile {
  readonly schema: LogSchema
  /** Seconds since the epoch; -Infinity for a file whose records have no times. */
  readonly firstTime: number
  readonly sizeBytes: number
  /** Of the last change, seconds since the epoch. */
  readonly changedTime: number
}

export const EVERYTHING: Selection = { filters: [], since: undefined, until: undefined, columns: undefined }

/** Files that are kept open at most; further ones are opened when they are read. */
const OPEN_FILES_MAX = 200
const ATTEMPTS = 5
/** Clocks of nodes may differ by so much. */
const CLOCK_SLACK_SECONDS = 60

/** `conn`, for whoever writes `conn.log`. */
export function logNameOf(text: string): string {
  return text.replace(/\.log(?:\.gz)?$/, '')
}

/** The files of a log that can be read. Throws a `CommandError` when there are none. */
export async function findFilesOf(stateDir: string, name: string, shownDir: string): Promise<LogFile[]> {
  const all = await findAllLogFiles(stateDir)
  const own = all.filter((file) => file.name === name)
  const files = own.filter(({ kind }) => kind === 'text')
  if (files.length > 0) return files
  if (own.length > 0) {
    const paths = own.map(({ path }) => path).join(', ')
    throw new CommandError(1, `${name} is kept in SQLite, which sqlite3 reads: ${paths}`)
  }
  const names = [...new Set(all.map((file) => file.name))]
  const known = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`
  throw new CommandError(1, `no log ${name} in ${shownDir}; ${known}`)
}

/** Opens what `find` finds, which is called again when a file is gone meanwhile. */
export async function openFiles(
  find: () => Promise<readonly LogFile[]>,
  complain: Complain,
  since?: number,
): Promise<KnownFile[]> {
  for (let attempt = 1; ; attempt += 1) {
    const known: KnownFile[] = []
    let hasMoved = false
    for (const file of await find()) {
      const found = await openFile(file, known.length, complain, since)
      if (found === 'moved') hasMoved = true
      else if (found !== undefined) known.push(found)
    }
    if (!hasMoved || attempt === ATTEMPTS) return known
    await closeFiles(known)
  }
}

async function openFile(
  file: LogFile,
  openFilesCount: number,
  complain: Complain,
  since: number | undefined,
): Promise<KnownFile | 'moved' | undefined> {
  try {
    const handle = await open(file.path, 'r')
    let isKept = false
    try {
      const { size, mtimeMs } = await handle.stat()
      const changedTime = mtimeMs / 1000
      if (since !== undefined && changedTime + CLOCK_SLACK_SECONDS < since) return undefined
      const start = await startOf({ ...file, handle }, complain)
      if (start === undefined) return undefined
      isKept = file.place !== 'archived' && openFilesCount < OPEN_FILES_MAX
      return { ...file, ...start, handle: isKept ? handle : undefined, sizeBytes: size, changedTime }
    } finally {
      if (!isKept) await handle.close()
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'moved'
    throw error
  }
}

export async function closeFiles(files: readonly KnownFile[]): Promise<void> {
  for (const { handle } of files) await handle?.close()
}

/** Undefined for a file that says nothing yet, or nothing that can be read. */
async function startOf(
  file: OpenedFile,
  complain: Complain,
): Promise<Pick<KnownFile, 'schema' | 'firstTime'> | undefined> {
  const source = await LogSource.open(file, complain)
  try {
    const records = await source.read()
    const { schema } = source
    if (schema === undefined) return undefined
    const time = lineView(schema, EVERYTHING, { kind: 'lines' }).timeOf(records?.[0] ?? '')
    return { schema, firstTime: Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time }
  } finally {
    await source.close()
  }
}

/** Reads a file from its start; one that is gone meanwhile has nothing. `each` gets some records at a time. */
export async function readRecords(
  file: LogFile | OpenedFile,
  complain: Complain,
  each: (records: readonly string[]) => boolean | void | Promise<void>,
): Promise<void> {
  let source: LogSource
  try {
    source = await LogSource.open(file, complain)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return complain(`${file.path} is gone: it was rotated or expired meanwhile`)
  }
  try {
    for (let records = await source.read(); records !== undefined; records = await source.read()) {
      if ((await each(records)) === false) return
    }
  } finally {
    await source.close()
  }
}

/**
 * All columns of some files, in order of first appearance. For JSON files that takes reading them: with `wanted`, only
 * until all of these have appeared.
 */
export async function columnsOf(
  files: readonly KnownFile[],
  complain: Complain,
  wanted?: readonly string[],
): Promise<Set<string>> {
  const columns = new Set<string>()
  for (const { schema } of files) {
    if (schema.kind === 'table') for (const name of schema.fields) columns.add(name)
  }
  const isDone = (): boolean => wanted?.every((name) => columns.has(name)) === true
  for (const file of files.filter(({ schema }) => schema.kind === 'json')) {
    if (isDone()) break
    await readRecords(file, complain, (records) => {
      for (const record of records) for (const { name } of jsonMembers(record) ?? []) columns.add(name)
      return !isDone()
    })
  }
  return columns
}

/** Throws a `CommandError` with exit code 2 when a column that is asked for is nowhere. */
export async function checkColumns(
  name: string,
  files: readonly KnownFile[],
  selection: Selection,
): Promise<void> {
  const wanted = wantedColumns(selection)
  if (wanted.length === 0) return
  const columns = await columnsOf(files, () => {}, wanted)
  const missing = wanted.find((column) => !columns.has(column))
  if (missing === undefined) return
  const message = `${name} has no column ${missing}; it has: ${[...columns].join(', ')}`
  throw new CommandError(2, Buffer.from(message, 'latin1').toString())
}
