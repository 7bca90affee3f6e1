import { describe, expect, test } from 'vitest'
import type { Diagnostic } from './diagnostics.js'
import { formatDiagnostic } from './index.js'

function diagnostic(lineText: string, column: number, length: number): Diagnostic {
  const span = { file: 'dir/a.zeek', line: 7, column, length }
  return { severity: 'warning', code: 'some-code', message: 'something is wrong', span, lineText }
}

const HEAD = 'dir/a.zeek:7'

describe('formatDiagnostic', () => {
  test('tabs before the place are tabs below it', () => {
    expect(formatDiagnostic(diagnostic('\ta\tb = 5;', 4, 1))).toBe(
      `${HEAD}:4: warning: something is wrong\n\ta\tb = 5;\n\t \t^`,
    )
  })

  test('characters beyond 16 bits are one column', () => {
    expect(formatDiagnostic(diagnostic('😀 x', 3, 1))).toBe(
      `${HEAD}:3: warning: something is wrong\n😀 x\n  ^`,
    )
  })

  test('carets end with the line, and one may stand behind it', () => {
    expect(formatDiagnostic(diagnostic('abc', 2, 50))).toContain('\nabc\n ^^')
    expect(formatDiagnostic(diagnostic('abc', 4, 1))).toContain('\nabc\n   ^')
  })

  test('an empty line is left out', () => {
    expect(formatDiagnostic(diagnostic('', 1, 1))).toBe(`${HEAD}:1: warning: something is wrong`)
  })

  test('a long line is cut around the place', () => {
    const text = formatDiagnostic(diagnostic(`${'😀'.repeat(1000)}here${'b'.repeat(1000)}`, 1001, 4))
    expect(text).toBe(
      `${HEAD}:1001: warning: something is wrong\n${'😀'.repeat(60)}here${'b'.repeat(136)}\n${' '.repeat(60)}^^^^`,
    )
  })

  test('nothing of the file reaches the terminal as a control sequence', () => {
    const text = formatDiagnostic({ ...diagnostic('\u001b[31mred', 1, 1), message: 'a\u001b[0m\u202eb' })
    expect(text).toBe(`${HEAD}:1: warning: a\ufffd[0m\ufffdb\n\ufffd[31mred\n^`)
  })
})
