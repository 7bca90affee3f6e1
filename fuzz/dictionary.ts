/** The constants of the code under test: the magic numbers and keywords that no random change comes upon. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const STRING = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g
const REGULAR_EXPRESSION = /(?<=[=(,:!&|?[{};]\s*)\/((?:[^/\\\n]|\\.)+)\/[a-z]*/g
const NUMBER = /(?<![\w.$])(0[xX][\da-fA-F_]+|\d[\d_]*)n?(?![\w.])/g
const TEXT_LENGTH_MAX = 64

export interface Dictionary {
  readonly texts: readonly Uint8Array[]
  /** Texts of one character: what stands between the others. */
  readonly separators: readonly Uint8Array[]
  readonly numbers: readonly Uint8Array[]
  /** The numbers that fit one byte. */
  readonly bytes: readonly number[]
}

export const EMPTY_DICTIONARY: Dictionary = { texts: [], separators: [], numbers: [], bytes: [] }

/** Strings and numbers of source files, in the forms in which formats have them. */
export function dictionaryOf(root: string, sources: readonly string[]): Dictionary {
  const texts = new Map<string, Uint8Array>()
  const numbers = new Map<string, Uint8Array>()
  const add = (entries: Map<string, Uint8Array>, bytes: Uint8Array): void => {
    const key = Buffer.from(bytes).toString('hex')
    if (bytes.length > 0 && bytes.length <= TEXT_LENGTH_MAX) entries.set(key, bytes)
  }
  for (const source of sources) {
    const code = withoutComments(readFileSync(join(root, source), 'utf8'))
    for (const [, single, double, template] of code.matchAll(STRING)) {
      for (const piece of (single ?? double ?? template ?? '').split(/\$\{[^}]*\}/))
        add(texts, Buffer.from(withoutEscapes(piece)))
    }
    for (const [, body] of code.matchAll(REGULAR_EXPRESSION)) {
      for (const [word] of body!.matchAll(/[A-Za-z]{2,}/g)) add(texts, Buffer.from(word))
    }
    for (const [, digits] of code.matchAll(NUMBER)) {
      for (const bytes of numberForms(BigInt(digits!.replaceAll('_', '')))) add(numbers, bytes)
    }
  }
  const all = [...texts.values()]
  return {
    texts: all,
    separators: all.filter(({ length }) => length === 1),
    numbers: [...numbers.values()],
    bytes: [...numbers.values()].filter(({ length }) => length === 1).map((bytes) => bytes[0]!),
  }
}

function withoutComments(code: string): string {
  return code
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|[^:'"`])\/\/.*$/gm, '$1')
    .replaceAll(/^(?:import|export) [^;]*? from '[^']*'$/gm, '')
}

const LETTERS: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  v: '\v',
  b: '\b',
  f: '\f',
  0: '\0',
}

function withoutEscapes(text: string): string {
  return text.replaceAll(
    /\\(?:u\{?([\da-fA-F]{4,6})\}?|x([\da-fA-F]{2})|([\s\S]))/g,
    (_all, unit, byte, letter) => {
      const hex = (unit ?? byte) as string | undefined
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      return LETTERS[letter as string] ?? (letter as string)
    },
  )
}

/** As text, and as integers of all sizes that hold it, in both byte orders. */
function* numberForms(value: bigint): Iterable<Uint8Array> {
  yield Buffer.from(String(value))
  for (const size of [1, 2, 4, 8]) {
    if (value >= 1n << BigInt(8 * size)) continue
    const digits = value.toString(16).padStart(2 * size, '0')
    const bytes = Buffer.from(digits, 'hex')
    yield bytes
    yield Uint8Array.from(bytes).reverse()
  }
}
