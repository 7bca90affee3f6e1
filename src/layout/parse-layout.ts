/** The way from the bytes of a layout file to the layout and everything that is wrong with it. */
import type { Dialect } from '../options/dialect.js'
import {
  type Diagnostic,
  NO_HOST,
  Report,
  SCRIPT_BYTES_MAX,
  type ScriptHost,
  Source,
} from '../zeek-script/index.js'
import { evaluateLayout } from './evaluate.js'
import type { Layout } from './layout.js'
import { validateLayout } from './validate.js'

/** Bytes of a layout with the files that it loads. */
export const LAYOUT_BYTES_MAX = SCRIPT_BYTES_MAX

export interface ParsedLayout {
  /** As much as could be understood. Not to be used when there are errors or pending hosts. */
  readonly layout: Layout
  /** File by file, each in its order. */
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Host names whose addresses the layout needs and the host does not know yet. When there are any, look them up and
   * parse again: only the last time says what the layout is.
   */
  readonly pendingHosts: readonly string[]
}

export interface LayoutOptions {
  /** Name of the file, for messages and as the place from which `@load` looks. */
  readonly file: string
  readonly dialect: Dialect
  /** Name of the node that the layout is read for. Default: the environment variable `CLUSTER_NODE` of the host. */
  readonly node?: string
  /** What the layout may ask of the machine. Default: no environment, no other files, no host names. */
  readonly host?: ScriptHost
}

/**
 * Reads a layout in Zeek's language (`Cluster::nodes`, spec/cluster-framework.md 1.2) and checks it. It never throws:
 * what is wrong comes back as diagnostics, all of it at once.
 */
export function parseLayout(text: string | Uint8Array, options: LayoutOptions): ParsedLayout {
  const { file, dialect, node, host = NO_HOST } = options
  const size = typeof text === 'string' ? Buffer.byteLength(text) : text.length
  if (size > LAYOUT_BYTES_MAX) {
    const empty = new Source(file, '')
    const report = new Report(empty)
    const message = `the file has ${size} bytes, and a layout has ${LAYOUT_BYTES_MAX} at most: is this the right file?`
    report.error('file-too-large', message, empty.start)
    return { layout: { nodes: new Map(), redefs: [] }, diagnostics: report.finish(), pendingHosts: [] }
  }
  const source = Source.decode(file, text)
  const report = new Report(source)
  const outline = evaluateLayout(source, { dialect, node, host }, report)
  validateLayout(outline, dialect, report, source.start)
  const { layout, pendingHosts } = outline
  return { layout, diagnostics: report.finish(), pendingHosts }
}

/** Whether any of them is an error: then the layout is not to be used. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error')
}
