/** All records of a log, merged by time over loggers, rotated and compressed files. */
import { errorCode } from '../../base/errors.js'
import { printLines } from '../output.js'
import { type LineView, lineView, type OutputForm } from './line-views.js'
import { DEFAULT_FORMAT, formatKey, headerLinesOf, type LogSchema, type TableSchema } from './log-schema.js'
import { type Complain, LogSource } from './log-source.js'
import { MergeWindow, WINDOW_LIMITS, type WindowLimits } from './merge-window.js'
import { columnsOf, type KnownFile } from './opened-files.js'
import type { Selection } from './selection.js'

export interface CatOptions {
  readonly selection: Selection
  readonly isJson: boolean
  /** Header lines also in front of chosen columns. */
  readonly hasHeader: boolean
  readonly window?: WindowLimits
}

/** Files that are printed below one header. */
interface Pass {
  readonly files: readonly KnownFile[]
  readonly header: readonly string[]
  readonly form: OutputForm
}

/** Gathers lines until it is worth printing them. Texts have one character a byte. */
export class LineOutput {
  readonly #write: (lines: readonly Uint8Array[]) => Promise<void>
  #lines: string[] = []
  #bytes = 0

  constructor(write: (lines: readonly Uint8Array[]) => Promise<void> = printLines) {
    this.#write = write
  }

  add(line: string): void {
    this.#lines.push(line)
    this.#bytes += line.length
  }

  get isFull(): boolean {
    return this.#bytes >= OUTPUT_BYTES
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0) return
    const bytes = Buffer.from(this.#lines.join('\n'), 'latin1')
    this.#lines = []
    this.#bytes = 0
    await this.#write([bytes])
  }
}

const OUTPUT_BYTES = 64 * 1024

/** Prints the log that these files have. */
export async function catLog(
  name: string,
  files: readonly KnownFile[],
  options: CatOptions,
  output: LineOutput,
  complain: Complain,
): Promise<void> {
  for (const { files: own, header, form } of await passesOf(name, files, options, complain)) {
    for (const line of header) output.add(line)
    const views = new Map<LogSchema, LineView>()
    const viewOf = (schema: LogSchema): LineView => {
      const view = views.get(schema) ?? lineView(schema, options.selection, form)
      views.set(schema, view)
      return view
    }
    await mergeFiles(own, viewOf, options.window ?? WINDOW_LIMITS, output, complain)
  }
  await output.flush()
}

async function passesOf(
  name: string,
  files: readonly KnownFile[],
  options: CatOptions,
  complain: Complain,
): Promise<Pass[]> {
  const { selection, isJson, hasHeader } = options
  const { columns } = selection
  if (isJson) return [{ files, header: [], form: { kind: 'json' } }]
  const groups = new Map<string, KnownFile[]>()
  for (const file of files) {
    const key = groupKey(file.schema, columns !== undefined)
    groups.set(key, [...(groups.get(key) ?? []), file])
  }
  const passes: Pass[] = []
  for (const own of groups.values()) {
    const { schema } = own[0]!
    const format = schema.kind === 'table' ? schema.format : DEFAULT_FORMAT
    const fields =
      columns ?? (schema.kind === 'table' ? schema.fields : [...(await columnsOf(own, () => {}))])
    if (fields.length === 0) continue
    const path = (schema.kind === 'table' && schema.path) || name
    const hasOwnHeader = columns === undefined || hasHeader
    passes.push({
      files: own,
      header: hasOwnHeader ? headerLinesOf(format, path, fields, typesOf(own, fields)) : [],
      form: { kind: 'table', columns: fields },
    })
  }
  if (passes.length > 1 && columns === undefined) {
    complain(`${name} has files with different columns: they are printed one after the other`)
  }
  return passes
}

/** With chosen columns all files have the same ones. */
function groupKey(schema: LogSchema, areChosen: boolean): string {
  if (schema.kind === 'json') return areChosen ? formatKey(DEFAULT_FORMAT) : 'json'
  const format = formatKey(schema.format)
  return areChosen ? format : JSON.stringify([format, schema.fields, schema.types ?? []])
}

/** Undefined when the type of one is not known. */
function typesOf(files: readonly KnownFile[], fields: readonly string[]): readonly string[] | undefined {
  const tables = files.flatMap(({ schema }): TableSchema[] => (schema.kind === 'table' ? [schema] : []))
  const types = fields.map((name) => {
    for (const table of tables) {
      const type = table.types?.[table.fields.indexOf(name)]
      if (type !== undefined) return type
    }
    return undefined
  })
  return types.every((type) => type !== undefined) ? types : undefined
}

/** Where reading a file has come to. */
class Cursor {
  readonly #file: KnownFile
  readonly #view: LineView
  #source: LogSource | undefined
  #records: readonly string[] = []
  #index = 0
  #invalid = 0
  /** The latest time that was read: what comes is seldom much before it. */
  time: number

  constructor(file: KnownFile, view: LineView) {
    this.#file = file
    this.#view = view
    this.time = file.firstTime
  }

  /** Whether the records that were read are done with. */
  get isEmpty(): boolean {
    return this.#index >= this.#records.length
  }

  /** Reads on; false at the end of the file. */
  async read(complain: Complain): Promise<boolean> {
    this.#index = 0
    this.#records = (await this.#readMore(complain)) ?? []
    if (this.#records.length > 0) return true
    if (this.#invalid > 0) {
      const what = `${this.#invalid} lines that are no records of its columns`
      complain(`${this.#file.path} has ${what}: they are left out`)
    }
    return false
  }

  /** Puts records into the window up to a time; what leaves a full window is output, until that is full too. */
  fill(window: MergeWindow, until: number, output: LineOutput): void {
    const view = this.#view
    const records = this.#records
    while (this.#index < records.length && this.time <= until && !output.isFull) {
      const line = records[this.#index]!
      this.#index += 1
      const time = view.timeOf(line)
      if (time > this.time) this.time = time
      if (!view.isWanted(line, time)) continue
      const text = view.print(line)
      if (text === undefined) {
        this.#invalid += 1
        continue
      }
      window.push(Number.isNaN(time) ? this.time : time, text === line ? copyOf(line) : text)
      if (window.isFull) output.add(window.pop()!.text)
    }
  }

  async #readMore(complain: Complain): Promise<readonly string[] | undefined> {
    if (this.#source === undefined) {
      try {
        this.#source = await LogSource.open(this.#file, complain)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error
        complain(`${this.#file.path} is gone: it expired meanwhile`)
        return undefined
      }
    }
    return this.#source.read()
  }

  async close(): Promise<void> {
    await this.#source?.close()
    this.#source = undefined
  }
}

/** A line that does not keep the chunk it was read with in memory. */
function copyOf(line: string): string {
  return Buffer.from(line, 'latin1').toString('latin1')
}

/** Files are opened when the time of their first record has come: seldom more than one a logger at once. */
async function mergeFiles(
  files: readonly KnownFile[],
  viewOf: (schema: LogSchema) => LineView,
  limits: WindowLimits,
  output: LineOutput,
  complain: Complain,
): Promise<void> {
  const window = new MergeWindow(limits)
  // Few at a time have their turn: sorting is no matter.
  const cursors = files.map((file) => new Cursor(file, viewOf(file.schema)))
  cursors.sort((a, b) => a.time - b.time)
  try {
    while (cursors.length > 0) {
      const first = cursors[0]!
      if (first.isEmpty && !(await first.read(complain))) {
        await first.close()
        cursors.shift()
        continue
      }
      first.fill(window, cursors[1]?.time ?? Number.POSITIVE_INFINITY, output)
      sink(cursors)
      if (output.isFull) await output.flush()
    }
    for (let line = window.pop(); line !== undefined; line = window.pop()) {
      output.add(line.text)
      if (output.isFull) await output.flush()
    }
  } finally {
    for (const cursor of cursors) await cursor.close()
  }
}

/** Moves the first cursor behind those that are earlier now. */
function sink(cursors: Cursor[]): void {
  const first = cursors[0]!
  let index = 0
  for (; index + 1 < cursors.length && cursors[index + 1]!.time < first.time; index += 1) {
    cursors[index] = cursors[index + 1]!
  }
  cursors[index] = first
}
