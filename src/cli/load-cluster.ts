/** What most commands start with: read the layout, say what is wrong with it, and compute the options. */
import { resolve } from 'node:path'
import { ClusterError } from '../base/errors.js'
import {
  type Diagnostic,
  formatDiagnostic,
  hasErrors,
  type Layout,
  type ParsedLayout,
  parseRedef,
} from '../layout/index.js'
import { findLayout, loadLayout } from '../node/load-layout.js'
import { DIALECT_NAMES, DIALECTS, type Dialect, isDialectName } from '../options/dialect.js'
import { type Options, type Redef, resolveOptions } from '../options/registry.js'
import { CommandError, printRaw } from './output.js'

export interface LoadedCluster {
  readonly file: string
  readonly layout: Layout
  readonly dialect: Dialect
  readonly options: Options
  /** Of the layout and the command line. */
  readonly redefs: readonly Redef[]
}

/** What the arguments `Module::option=value` say. */
export interface GivenRedefs {
  readonly redefs: readonly Redef[]
  /** Redefs of `Cluster::nodes` and scripts in Zeek's language, as statements. */
  readonly statements: readonly string[]
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
  readonly given?: GivenRedefs
  /** `Cluster::node`, when the command names it; default: `CLUSTER_NODE`. */
  readonly node?: string | undefined
  /** Leave out warnings and notes. */
  readonly quiet?: boolean
}): Promise<LoadedCluster> {
  const { given = { redefs: [], statements: [] }, node } = settings
  const { file, dialect, layout, diagnostics } = await readCluster(
    settings.file,
    settings.dialect,
    given.statements,
    node ?? givenNode(given),
  )
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === 'error' || settings.quiet !== true) printRaw(formatDiagnostic(diagnostic))
  }
  if (hasErrors(diagnostics)) throw new CommandError(2, `${file}: ${countErrors(diagnostics)}`)
  const redefs = [...layout.redefs, ...given.redefs]
  const { options, problems } = resolveOptions({
    dialect,
    redefs,
    given: node === undefined ? {} : { node },
    environment: process.env,
  })
  if (problems.length > 0) throw new CommandError(2, problems.map(({ message }) => message).join('\n'))
  return { file, layout, dialect, options, redefs }
}

/** Splits user scripts: those in Zeek's language are read behind the layout, the others are modules. */
export function splitScripts(
  given: GivenRedefs,
  files: readonly string[],
): { readonly given: GivenRedefs; readonly modules: readonly string[] } {
  const isZeek = (file: string): boolean => /\.(zeek|bro)$/.test(file)
  const loads = files.filter(isZeek).map((file) => `@load ${resolve(file)}`)
  return {
    given: { ...given, statements: [...loads, ...given.statements] },
    modules: files.filter((file) => !isZeek(file)),
  }
}

/** `Cluster::node=NAME`. */
function givenNode({ redefs }: GivenRedefs): string | undefined {
  const value = redefs.findLast(({ name }) => name === 'Cluster::node')?.value
  return value?.type === 'string' ? value.value : undefined
}

/** Reads a layout with everything there is to say about it. Throws a `CommandError` when there is no such file. */
export async function readCluster(
  path: string | undefined,
  dialectName: string,
  statements: readonly string[] = [],
  node?: string,
): Promise<ParsedLayout & { readonly file: string; readonly dialect: Dialect }> {
  const dialect = parseDialect(dialectName)
  try {
    const file = path ?? (await findLayout(process.env))
    const named = node === undefined ? {} : { node }
    const parsed = await loadLayout({ file, dialect, environment: process.env, statements, ...named })
    return { file, dialect, ...parsed }
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    throw new CommandError(2, error.message, error)
  }
}

export function countErrors(diagnostics: readonly Diagnostic[]): string {
  const count = diagnostics.filter(({ severity }) => severity === 'error').length
  return count === 1 ? '1 error' : `${count} errors`
}

/** Splits arguments into redefs (`Module::option=value`, or with `+=`) and the rest. */
export function splitRedefs(args: readonly string[]): {
  readonly given: GivenRedefs
  readonly rest: string[]
} {
  const redefs: Redef[] = []
  const statements: string[] = []
  const rest: string[] = []
  for (const arg of args) {
    const match = /^([A-Za-z_]\w*(?:::\w+)+)(\+?=)(.*)$/s.exec(arg)
    if (match === null) {
      rest.push(arg)
      continue
    }
    const parsed = parseRedef(match[1]!, match[2] as '=' | '+=', match[3]!)
    if (parsed.kind === 'invalid') throw new CommandError(2, parsed.message)
    if (parsed.kind === 'nodes') statements.push(parsed.statement)
    else redefs.push(parsed.redef)
  }
  return { given: { redefs, statements }, rest }
}

/** The arguments of commands on a layout: its file, or none, and redefs. Throws a `CommandError` for anything else. */
export function layoutArguments(
  file: string | undefined,
  args: readonly string[],
  hint = '',
): {
  readonly file: string | undefined
  readonly given: GivenRedefs
  readonly redefArgs: readonly string[]
} {
  const all = file === undefined ? args : [file, ...args]
  const { given, rest } = splitRedefs(all)
  if (rest[1] !== undefined) throw new CommandError(2, `unexpected argument '${rest[1]}'${hint}`)
  return { file: rest[0], given, redefArgs: all.filter((arg) => arg !== rest[0]) }
}
