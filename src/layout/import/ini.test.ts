import { describe, expect, test } from 'vitest'
import { type IniFile, type IniRules, readIni, splitAtCommas } from './ini.js'

const PLAIN: IniRules = {
  kind: 'a test',
  delimiters: '=',
  commentSigns: '#',
  indents: false,
  sectionHint: undefined,
}
const PYTHON: IniRules = {
  kind: 'a test',
  delimiters: '=:',
  commentSigns: '#;',
  indents: true,
  sectionHint: 'begin one',
}

function read(text: string | Uint8Array, rules: IniRules): IniFile {
  return readIni('a.ini', text, rules)
}

function values(text: string, rules: IniRules): string[] {
  return read(text, rules).sections.flatMap(({ name, entries }) =>
    [...entries.values()].map((entry) =>
      [name, entry.key, entry.value.text, ...entry.continuations.map((line) => line.text)].join('|'),
    ),
  )
}

function problems(text: string | Uint8Array, rules: IniRules): string[] {
  return read(text, rules)
    .report.finish()
    .map(({ code, span }) => `${span.line}:${span.column}+${span.length} ${code}`)
}

describe('sections, keys and values', () => {
  test('of zeek.conf', () => {
    const text = 'a = 1\n[s t]  \nb=\n  2\n# c\n\n\t3 # d\n # e\nc = = 4;5\n'
    expect(values(text, PLAIN)).toEqual(['|a|1', 's t|b||2|3 # d|# e', 's t|c|= 4;5'])
    expect(problems(text, PLAIN)).toEqual([])
  })

  test('of node.cfg', () => {
    const text = '  ; c\n [s] # t\n A : 1=2\n   3\n   # d\n\n    4\n b=5:6\n#e\nc=\n[t]u]\n'
    expect(values(text, PYTHON)).toEqual(['s|a|1=2|3|4', 's|b|5:6', 's|c|'])
    expect(read(text, PYTHON).sections.map(({ name }) => name)).toEqual(['s', 't]u'])
    expect(problems(text, PYTHON)).toEqual([])
  })

  test('have their places, counted in characters', () => {
    const [section] = read('[😀] \nkey = 😀, b ,c\r\n', PYTHON).sections
    const value = section?.entries.get('key')?.value
    expect(section?.span).toEqual({ file: 'a.ini', line: 1, column: 1, length: 3 })
    expect(value).toEqual({ text: '😀, b ,c', span: { file: 'a.ini', line: 2, column: 7, length: 7 } })
    const parts = splitAtCommas(value!, 10).map(({ text, span }) => `${text} ${span.column}+${span.length}`)
    expect(parts).toEqual(['😀 7+1', 'b 10+1', 'c 13+1'])
    expect(splitAtCommas(value!, 2).map(({ text }) => text)).toEqual(['😀', 'b'])
  })
})

describe('what is wrong', () => {
  test.each([
    ['a', '1:1+1 syntax'],
    ['a\n  b\n  c', '1:1+1 syntax'],
    [' a=1', '1:2+3 syntax'],
    ['=1', '1:1+1 syntax'],
    ['A=1', '1:1+1 syntax'],
    ['[]', '1:1+2 syntax'],
    ['[a', '1:1+2 syntax'],
    ['[a]b', '1:1+4 syntax'],
    ['; a', '1:1+3 syntax'],
    ['a=1\nb=2\na=3\n  4', '3:1+1 duplicate-key'],
    ['[a]\nb=1\n[a]\nb=1', '3:1+3 duplicate-section'],
  ])('in zeek.conf: %j', (text, problem) => {
    expect(problems(text, PLAIN)).toEqual([problem])
    expect(read(text, PLAIN).isComplete).toBe(false)
  })

  test.each([
    ['[a]\nb', '2:1+1 syntax'],
    ['[a]\n:b', '2:1+1 syntax'],
    ['[]\n[a]', '1:1+2 syntax'],
    ['b=1', '1:1+1 no-section'],
    ['[a]\nb=1\nB:2', '3:1+1 duplicate-key'],
  ])('in node.cfg: %j', (text, problem) => {
    expect(problems(text, PYTHON)).toEqual([problem])
    expect(read(text, PYTHON).isComplete).toBe(false)
  })

  test('bytes that are not UTF-8, but in comments', () => {
    const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
    expect(problems(latin1('# wörker\n'), PLAIN)).toEqual([])
    expect(problems(latin1('a = 1\n[wörker]\n'), PLAIN)).toEqual(['2:3+1 bad-encoding'])
    expect(problems('a = \ufffd\n', PLAIN)).toEqual([])
  })

  test('a missing sign is shown where it belongs', () => {
    const [problem] = read('workers 2', PLAIN).report.finish()
    expect(problem?.message).toContain('`=` is missing, as in `workers = 2`')
    const [other] = read('a line of prose', PLAIN).report.finish()
    expect(other?.message).toMatch(/`=` is missing$/)
  })
})
