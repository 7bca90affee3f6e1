/** The text of generated TypeScript: expressions over several lines where they must be, and documenting comments. */

/** Longer lines are broken where they can be. */
export const LINE_MAX = 100

/** An expression: a name or a literal, or something with parts between brackets. */
export type Code = string | BracketedCode

interface BracketedCode {
  readonly open: string
  readonly parts: readonly CodePart[]
  readonly close: string
  /** Each part has a line of its own, however short it is. */
  readonly isTall: boolean
}

export interface CodePart {
  /** What stands in front of it, for example `name: `. */
  readonly label: string
  readonly code: Code
  readonly docs: readonly string[]
}

export function call(callee: string, ...args: readonly Code[]): Code {
  const parts = args.map((code) => ({ label: '', code, docs: [] }))
  return { open: `${callee}(`, parts, close: ')', isTall: false }
}

export function list(parts: readonly CodePart[]): Code {
  return { open: '[', parts, close: ']', isTall: false }
}

/** An object literal; `isTall` when each property is to have a line. */
export function object(parts: readonly CodePart[], isTall: boolean): Code {
  return { open: '{', parts, close: '}', isTall: isTall && parts.length > 0 }
}

/** The code as text; `start` is what stands before it in its line, `indent` what lines begin with. */
export function printCode(code: Code, start: string, indent = ''): string {
  const line = mustBreak(code) ? undefined : flat(code)
  if (line !== undefined && start.length + line.length <= LINE_MAX) return start + line
  if (typeof code === 'string') return start + code
  const { open, parts, close } = code
  const last = parts.at(-1)
  const before = parts.slice(0, -1).map(({ code: argument }) => argument)
  // A call breaks inside of its last argument when before it there is at most a name: of an event or enum.
  if (open.endsWith('(') && last !== undefined && typeof last.code !== 'string' && before.every(isQuoted)) {
    const names = before.map((name) => `${name}, `).join('')
    return printCode(last.code, start + open + names, indent) + close
  }
  const inner = `${indent}  `
  const lines = parts.map(
    (part) => `${docComment(part.docs, inner)}${printCode(part.code, inner + part.label, inner)},\n`,
  )
  return `${start}${open}\n${lines.join('')}${indent}${close}`
}

function isQuoted(code: Code): code is string {
  return typeof code === 'string' && code.startsWith("'")
}

function mustBreak(code: Code): boolean {
  if (typeof code === 'string') return false
  return code.isTall || code.parts.some((part) => part.docs.length > 0 || mustBreak(part.code))
}

function flat(code: Code): string {
  if (typeof code === 'string') return code
  const parts = code.parts.map((part) => part.label + flat(part.code)).join(', ')
  return code.open === '{' && parts !== '' ? `{ ${parts} }` : code.open + parts + code.close
}

/** Lines as a documenting comment with a line break behind it; nothing when they say nothing. */
export function docComment(docs: readonly string[], indent = ''): string {
  const lines = trimBlank(docs.map(commentText))
  if (lines.length === 0) return ''
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  const body = lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`)
  return `${indent}/**\n${body.join('')}${indent} */\n`
}

/** Text of a user that can stand in a comment: it neither ends the comment nor its line. */
export function commentText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
      character === '\t' ? '  ' : '\ufffd',
    )
    .replaceAll('*/', String.raw`*\/`)
    .trimEnd()
}

function trimBlank(lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => line !== '')
  return from < 0 ? [] : lines.slice(from, lines.findLastIndex((line) => line !== '') + 1)
}
