/** The way from the bytes of a layout file to the layout and everything that is wrong with it. */
import type { Dialect } from '../options/dialect.js'
import type { Diagnostic, SourceSpan } from './diagnostics.js'
import { evaluateLayout } from './evaluate.js'
import type { Layout } from './layout.js'
import { parseSyntax } from './parser.js'
import { Report, Source } from './source.js'
import { decodeUtf8 } from './strings.js'
import { validateLayout } from './validate.js'

/** A layout of 1000 nodes has about 100 KiB. */
export const LAYOUT_BYTES_MAX = 4 * 1024 * 1024

export interface ParsedLayout {
  /** As much as could be understood. Not to be used when there are errors. */
  readonly layout: Layout
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Reads a layout in Zeek's syntax (`Cluster::nodes`, spec/cluster-framework.md 1.2) and checks it. It never throws:
 * what is wrong comes back as diagnostics, all of it at once.
 */
export function parseLayout(
  text: string | Uint8Array,
  options: { readonly file: string; readonly dialect: Dialect },
): ParsedLayout {
  const start: SourceSpan = { file: options.file, line: 1, column: 1, length: 1 }
  const size = typeof text === 'string' ? Buffer.byteLength(text) : text.length
  if (size > LAYOUT_BYTES_MAX) {
    const report = new Report(new Source(options.file, ''))
    const message = `the file has ${size} bytes, and a layout has ${LAYOUT_BYTES_MAX} at most: is this the right file?`
    report.error('file-too-large', message, start)
    return { layout: { nodes: new Map(), redefs: [] }, diagnostics: report.finish() }
  }
  const source = decodeSource(options.file, text)
  const report = new Report(source)
  const outline = evaluateLayout(parseSyntax(source, report), options.dialect, report)
  validateLayout(outline, options.dialect, report, start)
  return { layout: outline.layout, diagnostics: report.finish() }
}

/** Whether any of them is an error: then the layout is not to be used. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error')
}

function decodeSource(file: string, text: string | Uint8Array): Source {
  if (typeof text === 'string') return new Source(file, text)
  const decoded = decodeUtf8(text)
  // Comments may be in any encoding; strings are refused when a byte of theirs was lost here.
  return decoded === undefined
    ? new Source(file, new TextDecoder().decode(text), true)
    : new Source(file, decoded)
}
