/**
 * A diagnostic as text: `file:line:column: error: message`, the line of the source, and carets under the place. The
 * source is the user's, but it goes to a terminal: control characters are not passed on, and a line without end is
 * cut around the place.
 */
import type { Diagnostic } from './diagnostics.js'

/** Longer lines are cut, to so many characters around the place. */
const LINE_MAX = 200
const BEFORE_MAX = 60

/** The diagnostic as two or three lines, without a line break at the end. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { span, severity } = diagnostic
  const head = `${span.file}:${span.line}:${span.column}: ${severity}: ${printable(diagnostic.message)}`
  if (diagnostic.lineText.trim() === '') return head
  const from = diagnostic.lineText.length > LINE_MAX ? Math.max(0, span.column - 1 - BEFORE_MAX) : 0
  const start = unitIndex(diagnostic.lineText, from)
  const line = [...printable(diagnostic.lineText.slice(start, start + 2 * LINE_MAX))].slice(0, LINE_MAX)
  const offset = span.column - 1 - from
  const indent = line.slice(0, offset).map((character) => (character === '\t' ? '\t' : ' '))
  const carets = Math.max(1, Math.min(span.length, line.length - offset))
  return `${head}\n${line.join('')}\n${indent.join('')}${'^'.repeat(carets)}`
}

/** Where in a string a character begins. */
function unitIndex(text: string, characters: number): number {
  let index = 0
  for (let count = 0; count < characters && index < text.length; count += 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
  }
  return index
}

/** Tabs stay: they keep what is below them in line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\t' ? '\t' : '\ufffd',
  )
}
