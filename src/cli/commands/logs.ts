/** `zeek-cluster logs ls|cat|tail|ledger`: the logs of all loggers as one. */
import { resolve } from 'node:path'
import { errorCode } from '../../base/errors.js'
import { systemDisk } from '../../base/disk.js'
import { requestControl } from '../../supervisor/control-socket.js'
import { findAllLogFiles } from '../log-files.js'
import { catLog, LineOutput } from '../logs/cat.js'
import { Follower, type FollowStart } from '../logs/follow.js'
import { balanceOf, type ClusterLedger, readClusterLedger, sameTrouble } from '../logs/ledger.js'
import { ledgerLines } from '../logs/ledger-text.js'
import { fileTable, listFiles, logTable } from '../logs/list.js'
import { complainOnStderr } from '../logs/log-source.js'
import {
  checkColumns,
  closeFiles,
  findFilesOf,
  type KnownFile,
  logNameOf,
  openFiles,
} from '../logs/opened-files.js'
import { parseSelection, type Selection, type SelectionFlags } from '../logs/selection.js'
import { endOfLines, lastLines } from '../logs/tail.js'
import { CommandError, print, printRaw } from '../output.js'

interface LogsFlags {
  readonly stateDir: string
  readonly json?: boolean
}

interface ListFlags extends LogsFlags {
  readonly fast?: boolean
  readonly files?: boolean
}

interface CatFlags extends LogsFlags, SelectionFlags {
  readonly header?: boolean
}

interface TailFlags extends LogsFlags, SelectionFlags {
  readonly lines: string
  readonly follow?: boolean
}

interface LedgerFlags extends LogsFlags {
  readonly runs?: boolean
}

const POLL_MS = 200
/** What is being written down while it is read has settled by then. */
const SECOND_LOOK_MS = 300

export async function runLogsList(flags: ListFlags): Promise<void> {
  const files = await findAllLogFiles(resolve(flags.stateDir))
  const listed = await listFiles(files, flags.fast === true, complainOnStderr)
  if (flags.json === true) return print(JSON.stringify(listed))
  for (const line of flags.files === true ? fileTable(listed) : logTable(listed)) print(line)
}

/** The whole log in Zeek's format or JSON, merged by time. */
export async function runLogsCat(
  text: string,
  filters: readonly string[],
  flags: CatFlags,
): Promise<void> {
  const name = logNameOf(text)
  const selection = parseSelection(filters, flags, Date.now())
  const files = await filesOf(name, flags, selection)
  try {
    await checkColumns(name, files, selection)
    const options = { selection, isJson: flags.json === true, hasHeader: flags.header === true }
    await catLog(name, files, options, new LineOutput(), complainOnStderr)
  } finally {
    await closeFiles(files)
  }
}

export async function runLogsTail(
  text: string,
  filters: readonly string[],
  flags: TailFlags,
): Promise<void> {
  if (!/^\d{1,9}$/.test(flags.lines)) throw new CommandError(2, `'${flags.lines}' is not a number of lines`)
  const count = Number(flags.lines)
  const name = logNameOf(text)
  const selection = parseSelection(filters, flags, Date.now())
  const isJson = flags.json === true
  if (flags.follow === true) return follow(name, count, selection, isJson, flags)
  const files = await filesOf(name, flags, selection)
  try {
    await checkColumns(name, files, selection)
    const settings = { count, selection, isJson, complain: complainOnStderr }
    await printTexts((await lastLines(files, settings)).map((line) => line.text))
  } finally {
    await closeFiles(files)
  }
}
