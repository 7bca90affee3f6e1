/**
 * Files of sections and keys: `zeek.conf` of Zeek's systemd generator and `node.cfg` of zeekctl. They look alike and
 * differ in every detail; the details are rules, so that one reader does for both.
 */
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import { Report, Source } from '../../zeek-script/source.js'
import { decodeUtf8 } from '../../zeek-script/strings.js'
import { LAYOUT_BYTES_MAX } from '../parse-layout.js'

/** Lines of a file at most; what follows is not read. */
export const INI_LINES_MAX = 100_000

export interface IniRules {
  /** What a file of this kind is called in messages. */
  readonly kind: string
  /** Characters between a key and its value; the first one in a line counts. */
  readonly delimiters: string
  /** What begins a comment that has its line to itself. */
  readonly commentSigns: string
  /** Whether blanks may stand before keys, sections and comments. */
  readonly indents: boolean
  /** What to do about keys before the first section. Undefined: nothing, they are in a section without a name. */
  readonly sectionHint: string | undefined
}

/** A text without the blanks around it, and its place. */
export interface IniText {
  readonly text: string
  readonly span: SourceSpan
}

export interface IniEntry {
  /** In lower case. */
  readonly key: string
  readonly keySpan: SourceSpan
  /** What stands behind the delimiter, which may be nothing. */
  readonly value: IniText
  /** Lines that continue the value. */
  readonly continuations: readonly IniText[]
}

export interface IniSection {
  /** Empty for the section of the keys before the first name. */
  readonly name: string
  readonly span: SourceSpan
  readonly entries: ReadonlyMap<string, IniEntry>
}

export interface IniFile {
  readonly sections: readonly IniSection[]
  /** Takes what else is found to be wrong. */
  readonly report: Report
  /** Where a place is lacking. */
  readonly start: SourceSpan
  /** Every line was understood: what is missing in the sections is missing in the file. */
  readonly isComplete: boolean
}

/** Reads the lines of a file. What is wrong with them is in the report; it never throws. */
export function readIni(file: string, text: string | Uint8Array, rules: IniRules): IniFile {
  const start: SourceSpan = { file, line: 1, column: 1, length: 1 }
  const size = typeof text === 'string' ? Buffer.byteLength(text) : text.length
  if (size > LAYOUT_BYTES_MAX) {
    const report = new Report(new Source(file, ''))
    const message = `the file has ${size} bytes, and ${rules.kind} has ${LAYOUT_BYTES_MAX} at most: is this the right file?`
    report.error('file-too-large', message, start)
    return { sections: [], report, start, isComplete: false }
  }
  return new IniReader(decode(file, text), start, rules).read()
}

/** The texts of an entry, one for each line that has one. */
export function entryLines(entry: IniEntry): IniText[] {
  return [entry.value, ...entry.continuations].filter(({ text }) => text !== '')
}

/** The parts of a text between commas, each with its place; what comes after `limit` parts is left out. */
export function splitAtCommas(whole: IniText, limit: number): IniText[] {
  const parts: IniText[] = []
  let { column } = whole.span
  for (const piece of whole.text.split(',', limit)) {
    const text = piece.trim()
    const before = piece.length - piece.trimStart().length
    const length = Math.max(1, countCharacters(text))
    parts.push({ text, span: { ...whole.span, column: column + before, length } })
    column += countCharacters(piece) + 1
  }
  return parts
}

interface OpenSection {
  readonly name: string
  readonly span: SourceSpan
  readonly entries: Map<string, OpenEntry>
}

interface OpenEntry extends IniEntry {
  readonly continuations: IniText[]
}

class IniReader {
  readonly #source: Source
  readonly #start: SourceSpan
  readonly #rules: IniRules
  readonly #report: Report
  readonly #sections = new Map<string, OpenSection>()
  #section: OpenSection | undefined
  /** `broken` after a line that was not understood: what continues it is not looked at. */
  #entry: OpenEntry | 'broken' | undefined
  /** Indentation of the last line that was no continuation. */
  #indentation = 0
  #isComplete = true

  constructor(source: Source, start: SourceSpan, rules: IniRules) {
    this.#source = source
    this.#start = start
    this.#rules = rules
    this.#report = new Report(source)
  }

  read(): IniFile {
    const { text } = this.#source
    for (let line = 1, from = 0; from < text.length && !this.#report.isFull; line += 1) {
      if (line > INI_LINES_MAX) {
        const message = `the file has more than ${INI_LINES_MAX} lines: is this the right file?`
        this.#error('too-many-lines', message, { ...this.#start, line })
        break
      }
      const end = text.indexOf('\n', from)
      this.#readLine(text.slice(from, end < 0 ? text.length : end), line)
      if (end < 0) break
      from = end + 1
    }
    return {
      sections: [...this.#sections.values()],
      report: this.#report,
      start: this.#start,
      isComplete: this.#isComplete,
    }
  }

  #readLine(text: string, line: number): void {
    const content = this.#slice(text, 0, text.length, line)
    const first = content.text[0]
    if (first === undefined) return
    const indentation = text.length - trimStart(text).length
    if (this.#rules.commentSigns.includes(first) && (indentation === 0 || this.#rules.indents)) return
    if (this.#source.lossy && content.text.includes('\ufffd')) {
      const column =
        content.span.column + countCharacters(content.text.slice(0, content.text.indexOf('\ufffd')))
      const message = 'this is not UTF-8: save the file in that encoding'
      this.#error('bad-encoding', message, { ...content.span, column, length: 1 })
      return
    }
    if (this.#isContinuation(indentation)) {
      this.#continueEntry(content)
      return
    }
    this.#indentation = indentation
    const close = content.text.lastIndexOf(']')
    const isSection = first === '[' && close > 1 && (this.#rules.indents || close === content.text.length - 1)
    if (isSection) this.#openSection(content, close)
    else this.#readEntry(text, indentation, content)
  }

  #isContinuation(indentation: number): boolean {
    if (!this.#rules.indents) return indentation > 0
    return this.#entry !== undefined && indentation > this.#indentation
  }

  #continueEntry(content: IniText): void {
    if (this.#entry === 'broken') return
    if (this.#entry !== undefined) {
      this.#entry.continuations.push(content)
      return
    }
    const message =
      'this line is indented, and there is no key before it that it could continue: remove the blanks in front'
    this.#error('syntax', message, content.span)
  }

  #openSection(content: IniText, close: number): void {
    const name = content.text.slice(1, close)
    const span = { ...content.span, length: countCharacters(name) + 2 }
    this.#entry = undefined
    const first = this.#sections.get(name)
    if (first !== undefined) {
      const message = `section \`[${name}]\` is given before, on line ${first.span.line}: join the two, or rename one`
      this.#error('duplicate-section', message, span)
    }
    this.#section = { name, span, entries: new Map() }
    if (first === undefined) this.#sections.set(name, this.#section)
  }

  #readEntry(text: string, indentation: number, content: IniText): void {
    const delimiter = this.#findDelimiter(text)
    const key = this.#slice(text, indentation, delimiter < 0 ? text.length : delimiter, content.span.line)
    this.#entry = 'broken'
    if (delimiter < 0) {
      this.#error('syntax', this.#noDelimiter(key.text), content.span)
      return
    }
    if (key.text === '' || (!this.#rules.indents && !/^[_0-9a-z]/.test(key.text))) {
      const message =
        key.text === ''
          ? `there is no key before the \`${text[delimiter]}\``
          : `a key begins with a small letter, a digit or \`_\`, not with \`${[...key.text][0]}\``
      this.#error('syntax', message, key.text === '' ? { ...content.span, length: 1 } : key.span)
      return
    }
    const section = this.#sectionFor(key)
    if (section === undefined) return
    const value = this.#slice(text, delimiter + 1, text.length, content.span.line)
    const lower = key.text.toLowerCase()
    this.#entry = { key: lower, keySpan: key.span, value, continuations: [] }
    const first = section.entries.get(lower)
    if (first !== undefined) {
      const message = `\`${lower}\` is given before, on line ${first.keySpan.line}: remove one of the two`
      this.#error('duplicate-key', message, key.span)
      return
    }
    section.entries.set(lower, this.#entry)
  }

  #noDelimiter(text: string): string {
    if (text.startsWith('[')) return 'a section is `[name]`, with a name and nothing behind the `]`'
    const sign = this.#rules.delimiters[0]
    const [word, ...rest] = text.split(/[ \t]+/, 3)
    const isPair = rest.length === 1 && /^[a-z_]\w*$/i.test(word!)
    const example = isPair ? `, as in \`${word} ${sign} ${rest[0]}\`` : ''
    return `a line is a comment, a \`[section]\` or a key with its value: \`${sign}\` is missing${example}`
  }

  #sectionFor(key: IniText): OpenSection | undefined {
    if (this.#section !== undefined) return this.#section
    if (this.#rules.sectionHint !== undefined) {
      this.#error('no-section', `\`${key.text}\` is in no section: ${this.#rules.sectionHint}`, key.span)
      return undefined
    }
    this.#section = { name: '', span: key.span, entries: new Map() }
    this.#sections.set('', this.#section)
    return this.#section
  }

  #findDelimiter(text: string): number {
    const places = [...this.#rules.delimiters].map((sign) => text.indexOf(sign)).filter((index) => index >= 0)
    return places.length === 0 ? -1 : Math.min(...places)
  }

  /** What stands between two places of a line, without blanks around it. */
  #slice(text: string, from: number, to: number, line: number): IniText {
    let start = from
    let end = to
    while (start < end && isBlank(text.charCodeAt(start))) start += 1
    while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
    const content = text.slice(start, end)
    const column = countCharacters(text.slice(0, start)) + 1
    const length = Math.max(1, countCharacters(content))
    return { text: content, span: { file: this.#source.file, line, column, length } }
  }

  #error(code: string, message: string, span: SourceSpan): void {
    this.#isComplete = false
    this.#report.error(code, message, span)
  }
}

function decode(file: string, text: string | Uint8Array): Source {
  const decoded = typeof text === 'string' ? text : decodeUtf8(text)
  const isLossy = decoded === undefined
  const whole = decoded ?? new TextDecoder().decode(text as Uint8Array)
  // Editors of Windows begin a file with a mark, which neither program expects.
  return new Source(file, whole.startsWith('\ufeff') ? whole.slice(1) : whole, isLossy)
}

function trimStart(text: string): string {
  let start = 0
  while (start < text.length && isBlank(text.charCodeAt(start))) start += 1
  return text.slice(start)
}

/** Tab, line feed, vertical tab, form feed, carriage return and blank: what C and Python agree on. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

function countCharacters(text: string): number {
  let count = 0
  for (let index = 0; index < text.length; index += 1) {
    // A character beyond 16 bits is two units, and one column.
    if ((text.codePointAt(index) ?? 0) > 0xffff) index += 1
    count += 1
  }
  return count
}
