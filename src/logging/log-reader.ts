/** Reads Zeek's ASCII logs back, and merges the files of several loggers by time. */

export interface AsciiLog {
  /** `#path`. */
  readonly path: string
  readonly fields: readonly string[]
  readonly types: readonly string[]
  /** Data lines as they stand in the file. */
  readonly lines: readonly string[]
}

/** Parses the text of one file. Lines before the header and a cut-off last line are left out. */
export function parseAsciiLog(text: string): AsciiLog {
  let path = ''
  let fields: readonly string[] = []
  let types: readonly string[] = []
  const lines: string[] = []
  const all = text.split('\n')
  // Behind the last newline stands nothing, or a line that is still being written.
  all.pop()
  for (const line of all) {
    if (!line.startsWith('#')) {
      lines.push(line)
      continue
    }
    const [keyword, ...rest] = line.split('\t')
    if (keyword === '#path') path = rest[0] ?? ''
    else if (keyword === '#fields') fields = rest
    else if (keyword === '#types') types = rest
  }
  return { path, fields, types, lines }
}

/** The value of a line's column, or undefined when the log has no such column. */
export function columnOf(log: AsciiLog, line: string, name: string): string | undefined {
  const index = log.fields.indexOf(name)
  return index < 0 ? undefined : line.split('\t')[index]
}

/**
 * All lines of several files of one log, ordered by their first column when that is a time; files with other
 * columns than the first are returned apart.
 */
export function mergeLogs(logs: readonly AsciiLog[]): readonly AsciiLog[] {
  const groups = new Map<string, AsciiLog[]>()
  for (const log of logs) {
    if (log.fields.length === 0) continue
    const key = log.fields.join('\t')
    groups.set(key, [...(groups.get(key) ?? []), log])
  }
  return [...groups.values()].map((group) => {
    const first = group[0]!
    const lines = group.flatMap((log) => log.lines)
    if (first.types[0] === 'time') {
      const keyed = lines.map((line) => ({ line, ts: Number.parseFloat(line) }))
      keyed.sort((a, b) => a.ts - b.ts)
      return { ...first, lines: keyed.map(({ line }) => line) }
    }
    return { ...first, lines }
  })
}

/** The header lines that a reader of the merged log expects. */
export function headerLines(log: AsciiLog): string[] {
  return [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    `#path\t${log.path}`,
    `#fields\t${log.fields.join('\t')}`,
    `#types\t${log.types.join('\t')}`,
  ]
}
