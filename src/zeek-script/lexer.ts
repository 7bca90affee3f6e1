/**
 * Splits a script into tokens, with the rules of Zeek's scanner: of all rules that match at a place the longest
 * wins, so that `5 min` is one interval, `27761/tcp` one port and `[::1]` one address. It hands out one token at a
 * time: a directive (`@load …`) takes what follows it as raw text, and the parser asks for that.
 *
 * A token that is wrong in itself carries its problem. Whether it is worth reporting is the parser's decision: in
 * text that is skipped it is not.
 */
import { Address, Port, type Protocol, Subnet } from '../data/address.js'
import { parseInterval } from '../options/interval.js'
import type { SourceSpan } from './diagnostics.js'
import type { Source } from './source.js'
import { unescapeString } from './strings.js'
import type { ScalarValue } from './syntax.js'

export type TokenKind =
  | 'end'
  | 'name'
  | 'constant'
  | 'host'
  | 'pattern'
  | 'directive'
  | 'attribute'
  | 'symbol'
  | 'invalid'

export interface Token {
  readonly kind: TokenKind
  /** As written; a number's or string's meaning is in `value`. */
  readonly text: string
  readonly span: SourceSpan
  readonly value?: ScalarValue
  /** Why an `invalid` token is invalid. */
  readonly problem?: { readonly code: string; readonly message: string }
}

type Lexeme = Omit<Token, 'text' | 'span'> & { readonly text?: string }

/** A comment that documents: `## …` before what it is about, or `##< …` behind it. */
export interface DocComment {
  readonly text: string
  readonly isBehind: boolean
}

const FLOAT = String.raw`(?:[0-9]*\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?`
const IPV4 = String.raw`(?:[0-9]+\.){3}[0-9]+`
// The counts bound the work on a long row of colons; no address is longer.
const IPV6 = `(?:(?:[0-9A-Fa-f]{1,9}:){7}[0-9A-Fa-f]{1,9}|[0-9A-Fa-f:]{0,60}::[0-9A-Fa-f:]{0,60}(?:${IPV4})?)`
const COMPONENT = '[A-Za-z_][A-Za-z_0-9]*'
const HOST_PART = '[A-Za-z0-9][A-Za-z0-9-]*'
const WORD_END = '(?![A-Za-z0-9_])'

const DIGITS = '0123456789'
const HEX_LETTERS = 'abcdefABCDEF'
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const ATTRIBUTES = [
  'add_func',
  'backend',
  'broker_allow_complex_type',
  'broker_store',
  'create_expire',
  'default',
  'default_insert',
  'delete_func',
  'deprecated',
  'error_handler',
  'expire_func',
  'group',
  'is_assigned',
  'is_used',
  'log',
  'no_CPP_opt',
  'no_ZAM_opt',
  'on_change',
  'optional',
  'ordered',
  'priority',
  'publish_on_change',
  'raw_output',
  'read_expire',
  'redef',
  'type_column',
  'write_expire',
]

interface Rule {
  /** The characters that a match can begin with. */
  readonly starts: string
  readonly pattern: RegExp
  readonly read: (text: string) => Lexeme
}

/** In the order of precedence among matches of equal length. */
const RULES: readonly Rule[] = [
  rule('[', String.raw`\[${IPV6}\]`, (text) => readAddress(text)),
  rule(`[${DIGITS}`, String.raw`(?:\[${IPV6}\]|${IPV4})[ \t]*/[ \t]*[0-9]+`, (text) => readSubnet(text)),
  rule(DIGITS, IPV4, (text) => readAddress(text)),
  rule(`:_${LETTERS}`, `(?:::)?${COMPONENT}(?:::${COMPONENT})*`, () => ({ kind: 'name' })),
  rule(DIGITS, '[0-9]+', (text) => readCount(text)),
  rule(`.${DIGITS}`, FLOAT, (text) => readDouble(text)),
  rule(DIGITS, `[0-9]+/(?:tcp|udp|icmp|unknown)${WORD_END}`, (text) => readPort(text)),
  rule(`.${DIGITS}`, String.raw`${FLOAT}[ \t]*(?:usec|msec|sec|min|hr|day)s?${WORD_END}`, (text) =>
    readInterval(text),
  ),
  rule('0', '0x[0-9A-Fa-f]+', (text) => readCount(text)),
  rule(`:${DIGITS}${HEX_LETTERS}`, IPV6, (text) => readBareAddress(text)),
  rule(DIGITS + LETTERS, String.raw`(?:${HOST_PART}\.)+[A-Za-z][A-Za-z0-9-]*`, () => ({ kind: 'host' })),
  rule('@', '@[A-Za-z-]+', () => ({ kind: 'directive' })),
  // One token as in Zeek, so that the `redef` of `&redef` does not begin a statement.
  rule('&', `&(?:${ATTRIBUTES.join('|')})${WORD_END}`, () => ({ kind: 'attribute' })),
  rule('!', `![ \\t]*in${WORD_END}`, () => ({ kind: 'symbol', text: '!in' })),
  rule(
    '+-=!><&|?*/%,:;()[]{}~$^',
    String.raw`\+=|-=|==|!=|>=|<=|<<|>>|&&|\|\||\+\+|--|\?\$|[-!%*/+,:;<=>?()\[\]{}~$|&^]`,
    () => ({ kind: 'symbol' }),
  ),
]

/** The rules by the character that a token begins with. */
const RULES_AT = new Map(
  [...new Set(RULES.flatMap(({ starts }) => [...starts]))].map((char): [string, readonly Rule[]] => [
    char,
    RULES.filter(({ starts }) => starts.includes(char)),
  ]),
)

/** Behind one of these a `/` is an operator; elsewhere it opens a pattern. */
const ENDS_OPERAND = new Set([')', ']', '}'])

/** Words behind which a value comes. */
const BEFORE_OPERAND = new Set(['return', 'in', 'case', 'print', 'when', 'if', 'else'])

export class Lexer {
  readonly #source: Source
  #offset = 0
  #line = 1
  #column = 1
  #previous: Token | undefined
  #docs: DocComment[] = []

  constructor(source: Source) {
    this.#source = source
  }

  next(): Token {
    this.#skipBlanks()
    const token = this.#scan()
    this.#previous = token
    return token
  }

  /** The word behind a directive, up to blank or line end; empty when there is none. */
  word(): string {
    const match = /[ \t]+[^ \t\r\n]+/y
    match.lastIndex = this.#offset
    const text = match.exec(this.#source.text)?.[0] ?? ''
    this.#consume(text.length)
    return text.trim()
  }

  /** Skips the rest of the line. */
  skipLine(): void {
    const end = this.#source.text.indexOf('\n', this.#offset)
    this.#consume((end < 0 ? this.#source.text.length : end) - this.#offset)
  }

  /**
   * Skips to the end of a conditional's branch, nested ones included, and over the directive that ends it: `@endif`,
   * or with `toElse` also an `@else`. Undefined when the file ends first. As in Zeek directives are looked for
   * everywhere, in comments and strings too.
   */
  skipBranch(toElse: boolean): '@else' | '@endif' | undefined {
    const { text } = this.#source
    const directives = /@(?:ifn?def|if|else|endif)/g
    directives.lastIndex = this.#offset
    let depth = 0
    for (let match = directives.exec(text); match !== null; match = directives.exec(text)) {
      const [word] = match
      if (word === '@endif' && depth > 0) depth -= 1
      else if (word === '@endif' || (word === '@else' && toElse && depth === 0)) {
        this.#consume(directives.lastIndex - this.#offset)
        return word
      } else if (word !== '@else') depth += 1
    }
    this.#consume(text.length - this.#offset)
    return undefined
  }

  /** The documenting comments since the last call. */
  takeDocs(): readonly DocComment[] {
    const docs = this.#docs
    this.#docs = []
    return docs
  }

  #skipBlanks(): void {
    const { text } = this.#source
    for (;;) {
      const char = text[this.#offset]
      if (char === '#') this.#comment()
      else if (char === ' ' || char === '\t' || char === '\r' || char === '\n') this.#consume(1)
      else return
    }
  }

  #comment(): void {
    const start = this.#offset
    this.skipLine()
    const line = this.#source.text.slice(start, this.#offset).trimEnd()
    if (!line.startsWith('##') || line[2] === '!' || line[2] === '#') return
    const isBehind = line[2] === '<'
    this.#docs.push({ text: line.slice(isBehind ? 3 : 2).replace(/^ /, ''), isBehind })
  }

  #scan(): Token {
    const { text } = this.#source
    const char = text[this.#offset]
    if (char === undefined) return this.#token({ kind: 'end' }, 0)
    if (char === '"') return this.#string()
    if (char === '/' && this.#expectsOperand()) {
      const length = this.#patternLength()
      if (length > 0) return this.#token({ kind: 'pattern' }, length)
    }
    let best = ''
    let read: ((text: string) => Lexeme) | undefined
    for (const candidate of RULES_AT.get(char) ?? []) {
      candidate.pattern.lastIndex = this.#offset
      const match = candidate.pattern.exec(text)?.[0] ?? ''
      if (match.length <= best.length) continue
      best = match
      read = candidate.read
    }
    if (read !== undefined) return this.#token(read(best), best.length)
    const unknown = String.fromCodePoint(text.codePointAt(this.#offset) ?? 0)
    const message = `unexpected character ${JSON.stringify(unknown)}: remove it`
    return this.#token(
      { kind: 'invalid', problem: { code: 'unexpected-character', message } },
      unknown.length,
    )
  }

  #string(): Token {
    const { text, lossy } = this.#source
    let end = this.#offset + 1
    for (;;) {
      const char = text[end]
      if (char === '"') break
      if (char === undefined || char === '\n' || char === '\r') {
        const message = 'the string that starts here is not closed on its line: add `"`'
        const problem = { code: 'unterminated-string', message }
        return this.#token({ kind: 'invalid', problem }, end - this.#offset)
      }
      const escapes =
        char === '\\' && text[end + 1] !== undefined && text[end + 1] !== '\n' && text[end + 1] !== '\r'
      end += escapes ? 2 : 1
    }
    const value = unescapeString(text.slice(this.#offset + 1, end), lossy)
    const length = end + 1 - this.#offset
    if (value !== undefined)
      return this.#token({ kind: 'constant', value: { type: 'string', value } }, length)
    const message = 'this string is not UTF-8: save the file as UTF-8 and check the \\x escapes'
    return this.#token({ kind: 'invalid', problem: { code: 'bad-encoding', message } }, length)
  }

  #expectsOperand(): boolean {
    const previous = this.#previous
    if (previous === undefined) return true
    if (previous.kind === 'name') return BEFORE_OPERAND.has(previous.text)
    return previous.kind === 'symbol' && !ENDS_OPERAND.has(previous.text)
  }

  #patternLength(): number {
    const { text } = this.#source
    for (let end = this.#offset + 1; end < text.length; end += 1) {
      const char = text[end]
      if (char === '\n') return 0
      if (char === '\\') end += 1
      else if (char === '/') return end + 1 - this.#offset + patternFlags(text, end + 1)
    }
    return 0
  }

  #token(lexeme: Lexeme, length: number): Token {
    const line = this.#line
    const column = this.#column
    const text = this.#source.text.slice(this.#offset, this.#offset + length)
    this.#consume(length)
    const span = { file: this.#source.file, line, column, length: Math.max(1, this.#column - column) }
    return { text, span, ...lexeme }
  }

  #consume(length: number): void {
    const { text } = this.#source
    const end = Math.min(this.#offset + length, text.length)
    for (; this.#offset < end; this.#offset += 1) {
      const unit = text.charCodeAt(this.#offset)
      if (unit === 10) {
        this.#line += 1
        this.#column = 1
      } else if (unit < 0xdc00 || unit > 0xdfff) {
        // A low surrogate is the second half of a character that was counted.
        this.#column += 1
      }
    }
  }
}

function rule(starts: string, pattern: string, read: (text: string) => Lexeme): Rule {
  return { starts, pattern: new RegExp(pattern, 'y'), read }
}

/** How many letters behind a pattern belong to it: `i` and `s`. */
function patternFlags(text: string, start: number): number {
  let end = start
  while (text[end] === 'i' || text[end] === 's') end += 1
  return end - start
}

function invalid(code: string, message: string): Lexeme {
  return { kind: 'invalid', problem: { code, message } }
}

function readAddress(text: string): Lexeme {
  const value = Address.tryParse(text)
  if (value !== undefined) return { kind: 'constant', value: { type: 'addr', value } }
  return invalid('bad-address', `\`${text}\` is not an IP address: check its parts`)
}

function readSubnet(text: string): Lexeme {
  const [address = '', length = ''] = text.split('/')
  const parsed = Address.tryParse(address.trim())
  if (parsed === undefined) return invalid('bad-address', `\`${text}\` is no subnet: check its address`)
  // In brackets an IPv4 address is written as an IPv6 one, and the length counts its 128 bits.
  const isIPv6 = address.startsWith('[')
  const bits = isIPv6 ? 128 : 32
  if (Number(length) > bits) {
    return invalid('bad-subnet', `\`${text}\` is no subnet: its length is from 0 to ${bits}`)
  }
  const total = Number(length) + 128 - bits
  return {
    kind: 'constant',
    value: { type: 'subnet', value: new Subnet(parsed.masked(total), total) },
  }
}

function readBareAddress(text: string): Lexeme {
  const fits = Address.tryParse(text) !== undefined
  const rest = fits ? `: write \`[${text}]\`` : ', and this is none'
  return invalid('bad-address', `an IPv6 address stands in brackets${rest}`)
}

function readCount(text: string): Lexeme {
  const digits = text.replace(/^0+(?=[0-9])/, '')
  // The length is looked at first: turning millions of digits into a number takes very long.
  const value = digits.length > 20 ? undefined : BigInt(digits)
  if (value !== undefined && value < 1n << 64n) return { kind: 'constant', value: { type: 'count', value } }
  return invalid('bad-number', 'this number is too large: a count has 64 bits')
}

function readDouble(text: string): Lexeme {
  const value = Number(text)
  if (Number.isFinite(value)) return { kind: 'constant', value: { type: 'double', value } }
  return invalid('bad-number', 'this number is too large for a double')
}

function readInterval(text: string): Lexeme {
  const value = parseInterval(text)
  if (value !== undefined) return { kind: 'constant', value: { type: 'interval', value } }
  return invalid('bad-number', 'this interval is too long for a double')
}

function readPort(text: string): Lexeme {
  const [digits = '', protocol = ''] = text.split('/')
  const number = Number(digits)
  // Zeek's scanner takes ICMP types and ports of unknown protocol up to 255 only.
  const limit = protocol === 'tcp' || protocol === 'udp' ? 65535 : 255
  if (number <= limit) {
    return { kind: 'constant', value: { type: 'port', value: new Port(number, protocol as Protocol) } }
  }
  return invalid('bad-port', `there is no port ${number}/${protocol}: write a number from 0 to ${limit}`)
}
