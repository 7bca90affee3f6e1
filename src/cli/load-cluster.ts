/** What most commands start with: read the layout, say what is wrong with it, and compute the options. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import {
  type Diagnostic,
  formatDiagnostic,
  hasErrors,
  type Layout,
  type ParsedLayout,
} from '../layout/index.js'
import { loadLayout, searchPath } from '../node/load-layout.js'
import { DIALECT_NAMES, DIALECTS, type Dialect, isDialectName } from '../options/dialect.js'
import { parseInterval } from '../options/interval.js'
import { findOption, type Options, type Redef, type RedefValue, resolveOptions } from '../options/registry.js'
import { CommandError, printRaw } from './output.js'

/** Name of the layout on the search path. */
const LAYOUT_NAME = 'cluster-layout.zeek'

export interface LoadedCluster {
  readonly file: string
  readonly layout: Layout
  readonly dialect: Dialect
  readonly options: Options
}

export function parseDialect(text: string): Dialect {
  if (!isDialectName(text)) {
    throw new CommandError(2, `unknown dialect '${text}': ${DIALECT_NAMES.join(' or ')}`)
  }
  return DIALECTS[text]
}

/**
 * Reads and checks a layout; diagnostics go to stderr. Throws a `CommandError` with exit code 2 when there are
 * errors.
 */
export async function loadCluster(settings: {
  readonly file: string | undefined
  readonly dialect: string
  readonly redefs: readonly Redef[]
  /** Name of the node that the layout is read for; default: `CLUSTER_NODE`. */
  readonly node?: string | undefined
  /** Leave out warnings and notes. */
  readonly quiet?: boolean
}): Promise<LoadedCluster> {
  const { file, dialect, layout, diagnostics } = await readCluster(
    settings.file,
    settings.dialect,
    settings.node,
  )
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === 'error' || settings.quiet !== true) printRaw(formatDiagnostic(diagnostic))
  }
  if (hasErrors(diagnostics)) throw new CommandError(2, `${file}: ${countErrors(diagnostics)}`)
  const { options, problems } = resolveOptions({
    dialect,
    redefs: [...layout.redefs, ...settings.redefs],
    environment: process.env,
  })
  if (problems.length > 0) throw new CommandError(2, problems.map(({ message }) => message).join('\n'))
  return { file, layout, dialect, options }
}

/** Reads a layout with everything there is to say about it. Throws a `CommandError` when there is no such file. */
export async function readCluster(
  path: string | undefined,
  dialectName: string,
  node?: string,
): Promise<ParsedLayout & { readonly file: string; readonly dialect: Dialect }> {
  const dialect = parseDialect(dialectName)
  const file = path ?? (await findLayout())
  return { file, dialect, ...(await readLayout(file, dialect, node)) }
}

export function countErrors(diagnostics: readonly Diagnostic[]): string {
  const count = diagnostics.filter(({ severity }) => severity === 'error').length
  return count === 1 ? '1 error' : `${count} errors`
}

async function readLayout(file: string, dialect: Dialect, node: string | undefined): Promise<ParsedLayout> {
  try {
    return await loadLayout({ file, dialect, environment: process.env, ...(node !== undefined && { node }) })
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    throw new CommandError(2, error.message, error)
  }
}

/** `cluster-layout.zeek` on `ZEEKPATH`, `BROPATH`, then the working directory. */
async function findLayout(): Promise<string> {
  for (const folder of searchPath(process.env)) {
    const file = join(folder, LAYOUT_NAME)
    try {
      await readFile(file)
      return file
    } catch (error) {
      if (errorCode(error) !== 'ENOENT')
        throw new CommandError(2, `cannot read ${file}: ${errorMessage(error)}`, error)
    }
  }
  throw new CommandError(2, `no ${LAYOUT_NAME} on ZEEKPATH, BROPATH or in the working directory; name one`)
}

/** Splits arguments into redefs (`Module::option=value`) and the rest. */
export function splitRedefs(args: readonly string[]): { readonly redefs: Redef[]; readonly rest: string[] } {
  const redefs: Redef[] = []
  const rest: string[] = []
  for (const arg of args) {
    const match = /^([A-Za-z_]\w*(?:::\w+)+(?:\$\w+)?)=(.*)$/s.exec(arg)
    if (match === null) rest.push(arg)
    else redefs.push({ name: match[1]!, value: parseRedefValue(match[1]!, match[2]!) })
  }
  return { redefs, rest }
}

/** The arguments of commands on a layout: its file, or none, and redefs. Throws a `CommandError` for anything else. */
export function layoutArguments(
  file: string | undefined,
  args: readonly string[],
  hint = '',
): {
  readonly file: string | undefined
  readonly redefs: readonly Redef[]
  readonly redefArgs: readonly string[]
} {
  const all = file === undefined ? args : [file, ...args]
  const { redefs, rest } = splitRedefs(all)
  if (rest[1] !== undefined) throw new CommandError(2, `unexpected argument '${rest[1]}'${hint}`)
  return { file: rest[0], redefs, redefArgs: all.filter((arg) => arg !== rest[0]) }
}

/** A value as on Zeek's command line: strings need no quotes. */
function parseRedefValue(name: string, text: string): RedefValue {
  const definition = findOption(name)
  if (definition === undefined) throw new CommandError(2, `unknown option ${name}`)
  switch (definition.type) {
    case 'bool':
      if (text === 'T' || text === 'F') return { type: 'bool', value: text === 'T' }
      break
    case 'count':
      if (/^\d+$/.test(text)) return { type: 'count', value: BigInt(text) }
      break
    case 'interval': {
      const value = parseInterval(text)
      if (value !== undefined) return { type: 'interval', value }
      break
    }
    case 'string':
      return { type: 'string', value: text.replace(/^"(.*)"$/s, '$1') }
  }
  throw new CommandError(2, `'${text}' is not a value for ${name}, which is of type ${definition.type}`)
}
