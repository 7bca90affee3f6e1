/** What `up` tells of the logs when a capture is through. */
import { findLogFiles } from '../log-files.js'
import { catLog, LineOutput } from './cat.js'
import { fromByteText } from './file-chunks.js'
import { closeFiles, EVERYTHING, openFiles, readRecords } from './opened-files.js'

const QUIET = (): void => {}

/** How many records each log has, by name. */
export async function countRecords(stateDir: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const file of await findLogFiles(stateDir)) {
    if (file.kind === 'text') counts.set(file.name, counts.get(file.name) ?? 0)
    else continue
    await readRecords(file, QUIET, (records) => {
      counts.set(file.name, counts.get(file.name)! + records.length)
    })
  }
  return counts
}

/** Columns of all records of a log whose files are small, by time. */
export async function readColumns(
  stateDir: string,
  name: string,
  columns: readonly string[],
): Promise<readonly (readonly string[])[]> {
  const find = async (): ReturnType<typeof findLogFiles> =>
    (await findLogFiles(stateDir)).filter((file) => file.name === name && file.kind === 'text')
  const files = await openFiles(find, QUIET)
  const chunks: Uint8Array[] = []
  const output = new LineOutput(async (lines) => {
    chunks.push(...lines, Buffer.from('\n'))
  })
  try {
    const options = { selection: { ...EVERYTHING, columns }, isJson: false, hasHeader: false }
    await catLog(name, files, options, output, QUIET)
  } finally {
    await closeFiles(files)
  }
  const text = fromByteText(Buffer.concat(chunks).toString('latin1'))
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
}
